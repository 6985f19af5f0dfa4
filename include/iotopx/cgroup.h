/* The cgroup of a task, as strings that live until the cache is closed: two tasks of one cgroup get the same
 * pointers. A known cgroup costs open, read, close and one look-up, no allocation.
 *
 * A container's name comes from a local file (docker, podman and CRI-O storage, kubelet's log links), read once when
 * its cgroup is first seen. Bounded: beyond the limit a new cgroup counts as its nearest known ancestor.
 */
#ifndef IOTOPX_CGROUP_H
#define IOTOPX_CGROUP_H

#include "iotopx/cgroup_name.h"

#include <sys/types.h>

/* The same address for the same cgroup. */
struct cgroup_ident {
	const char *cgroup;
	const char *unit;      /* never NULL */
	const char *container; /* NULL: in none */
	bool v2;               /* the path is one of v2's hierarchy */
};

struct cgroup_cache;

#define CGROUP_BYTES_DEFAULT (16u << 20)

/* `root` is "" or a directory that holds var/lib/... of the container runtimes. 0 or -ENOMEM. */
int cgroup_cache_open(const char *root, size_t max_bytes, struct cgroup_cache **cache);
void cgroup_cache_close(struct cgroup_cache *cache);

/* From PID/cgroup below `proc_fd`, or PID/task/TID/cgroup if `tid` is not 0 and not `pid` (threads of a threaded
 * cgroup may differ). A zombie's is still readable. 0 or -errno (-ENOENT, -ESRCH: it is gone). */
int cgroup_cache_read(struct cgroup_cache *cache, int proc_fd, pid_t pid, pid_t tid, const struct cgroup_ident **ident);

/* From PID/cgroup of one that may be exiting. -ENODATA too: only v1's hierarchies would tell, and they no longer do. */
int cgroup_cache_read_exiting(struct cgroup_cache *cache, int proc_fd, pid_t pid, const struct cgroup_ident **ident);

/* From a path of v2, or one that was handed out. 0, -EINVAL or -ENOMEM. */
int cgroup_cache_find_path(struct cgroup_cache *cache, const char *cgroup, const struct cgroup_ident **ident);

/* From the file's text itself. 0, -EINVAL or -ENOMEM. */
int cgroup_cache_find(struct cgroup_cache *cache, const char *text, size_t length, const struct cgroup_ident **ident);

/* Any string, interned beside the others: for units that come from elsewhere. NULL on ENOMEM. */
const char *cgroup_cache_intern(struct cgroup_cache *cache, const char *text);

size_t cgroup_cache_count(const struct cgroup_cache *cache); /* known cgroups */
size_t cgroup_cache_bytes(const struct cgroup_cache *cache); /* memory they hold */

#endif
