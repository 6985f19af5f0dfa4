/* What really reached the devices for a cgroup, from io.stat of cgroup v2: writeback included, which no task's
 * counters attribute. And io.pressure of each.
 *
 * Only where v2 has the io controller; a cgroup without I/O has an empty io.stat. Bytes of stacked devices (dm, md,
 * loop) are left out: the kernel charges them a second time on what lies below. The figures of a cgroup include its
 * descendants' in the kernel; here they are its own, those of watched descendants taken off.
 */
#ifndef IOTOPX_CGROUP_IO_H
#define IOTOPX_CGROUP_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroup_io_counters {
	uint64_t read_bytes, write_bytes, discard_bytes;
	uint64_t reads, writes, discards;
};

/* The bytes that the file's text tells. `stacked` says which devices to leave out; NULL: none. 0 or -EINVAL. */
typedef bool cgroup_io_stacked(void *data, unsigned major, unsigned minor);
int cgroup_io_parse(const char *text, cgroup_io_stacked *stacked, void *data, struct cgroup_io_counters *counters);

/* total= of both lines of io.pressure in us. 0 or -EINVAL. */
int cgroup_io_parse_pressure(const char *text, uint64_t *some_us, uint64_t *full_us);

struct cgroup_io_delta {
	const char *cgroup; /* as given to cgroup_io_watch: borrowed */
	bool known, has_pressure;
	struct cgroup_io_counters io; /* its own, valid if known */
	uint64_t some_us, full_us;    /* of the cgroup with its descendants; valid if has_pressure */
};

struct cgroup_io_deltas {
	struct cgroup_io_delta *items; /* owned by the caller, reused */
	size_t count, capacity;
};

struct cgroup_io;

/* Finds the v2 mount in <root>/proc/self/mountinfo. -ENOENT: there is none; -EOPNOTSUPP: neither the io controller nor
 * pressure there. */
int cgroup_io_open(const char *root, struct cgroup_io **io);
void cgroup_io_close(struct cgroup_io *io);
bool cgroup_io_has_stat(const struct cgroup_io *io);     /* the io controller is there */
bool cgroup_io_has_pressure(const struct cgroup_io *io); /* pressure is there */

/* From now on cgroup_io_sample reads this one. `cgroup` is an interned path (compared by address) that outlives the
 * watch. One that did not exist when cgroup_io_open looked counts from 0, an older one from its first reading.
 * Cheap when known; *added tells whether it was not (NULL allowed). 0 or -ENOMEM. */
int cgroup_io_watch(struct cgroup_io *io, const char *cgroup, bool *added);
bool cgroup_io_watches(struct cgroup_io *io, const char *cgroup);
size_t cgroup_io_count(const struct cgroup_io *io); /* those watched */

/* Reads every watched cgroup and fills *deltas with those that moved and, where the io controller is, with those whose
 * I/O can't be told (no io.stat of their own, a counter that went down, gone): what is not listed did nothing. A cgroup
 * that is gone leaves the watch, what its parent says about it stays with the nearest watched ancestor.
 * One that there is no memory to read is among those that can't be told, until it has a base again.
 * 0, or -ENOMEM when *deltas can't have room for all of them: nothing was read then, and the next call tells it. */
int cgroup_io_sample(struct cgroup_io *io, struct cgroup_io_deltas *deltas);

#endif
