/* What /sys/dev/block says about a block device. Private to this room. */
#ifndef IOTOPX_SYSFS_H
#define IOTOPX_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* False: no such device. */
bool sysfs_device_inode(int root_fd, unsigned major, unsigned minor,
			uint64_t *inode); /* another one is another device */
bool sysfs_device_has(int root_fd, unsigned major, unsigned minor, const char *file);

/* A file of one line below the device's directory, blanks at both ends trimmed. Its length, 0: not there or empty. */
size_t sysfs_device_read(int root_fd, unsigned major, unsigned minor, const char *file, char *to, size_t size);

/* The kernel's name of the device ("sda1"), or "". */
void sysfs_device_name(int root_fd, unsigned major, unsigned minor, char *to, size_t size);

/* Its I/O appears a second time on what lies below: dm, md, loop with a file, and whatever has slaves; partitions of
 * those too. */
bool sysfs_device_stacked(int root_fd, unsigned major, unsigned minor);

#endif
