/* The text of /proc/self/mountstats, parsed. Pure. */
#ifndef IOTOPX_NFS_READ_H
#define IOTOPX_NFS_READ_H

#include "iotopx/nfs.h"

/* *mounts (empty before) gets the NFS mounts among all mounts of the text; time_ns is left to the caller. Lines and
 * fields that are not known are passed over, a number that is missing is 0. 0 or -ENOMEM, *mounts stays empty then. */
int nfs_parse_mountstats(const char *text, struct nfs_mounts *mounts);

#endif
