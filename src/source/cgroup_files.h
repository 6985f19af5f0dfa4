/* io.stat and io.pressure of cgroups, kept open from one sample to the next: opening costs seven times the reading.
 * Private to this room. */
#ifndef IOTOPX_CGROUP_FILES_H
#define IOTOPX_CGROUP_FILES_H

#include "cgroup_tree.h"
#include "iotopx/cgroup_io.h"

/* What is the same for all of them. */
struct cgroup_reader {
	struct cgroup_tree tree;
	bool has_stat, has_pressure; /* worth looking for */
	size_t kept, kept_max;       /* descriptors that stay open; 0: none may */
	cgroup_io_stacked *stacked;
	void *data;   /* of `stacked` */
	char *buffer; /* owned */
	size_t capacity;
};

/* The files of one cgroup. */
struct cgroup_files {
	bool open;
	int stat_fd, pressure_fd; /* -1: not there; valid if open */
	unsigned char age;        /* samples since they were looked for */
	uint64_t inode;           /* of the directory they are in: another one is another cgroup of the same name */
};

/* What the kernel says now. */
struct cgroup_reading {
	uint64_t inode;
	bool has_io, has_pressure;
	struct cgroup_io_counters io;
	uint64_t some_us, full_us;
};

/* 0, -ENOENT if it is gone, else -errno: now it can't be told. Zeroed files are closed ones. */
int cgroup_files_read(struct cgroup_reader *reader, const char *cgroup, struct cgroup_files *files,
		      struct cgroup_reading *reading);
void cgroup_files_close(struct cgroup_reader *reader, struct cgroup_files *files);

#endif
