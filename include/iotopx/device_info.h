/* Facts about block devices from <root>/sys and the mount table: names, models, mount points. Each is read when it
 * is first asked for, and again when the device was replaced or the mounts changed. Nothing here waits for a disk.
 */
#ifndef IOTOPX_DEVICE_INFO_H
#define IOTOPX_DEVICE_INFO_H

#include "iotopx/device_stat.h"

struct device_infos;

int device_infos_open(const char *root, struct device_infos **infos); /* root "" is the machine's own. 0 or -errno */
void device_infos_close(struct device_infos *infos);                  /* NULL allowed */

/* Call it once per interval: what was handed out before is no longer valid. */
void device_infos_refresh(struct device_infos *infos);

/* NULL: no such device in sysfs, or no memory. Fits struct lookup's `device`, with the infos as data. */
const struct device_info *device_infos_get(void *infos, unsigned major, unsigned minor);

#endif
