/* What `iostat -x` says about a block device, from one interval's delta of /proc/diskstats. Pure.
 *
 * A figure that divides by zero operations is unknown (its bit in `known` is clear), where iostat prints 0.00:
 * nothing waited, so there is no waiting time.
 */
#ifndef IOTOPX_DEVICE_STAT_H
#define IOTOPX_DEVICE_STAT_H

#include "iotopx/machine.h"

/* Facts about a device that diskstats does not carry. Strings are owned by whoever hands it out and live as long
 * as their lookup. NULL and 0: not known, or the device has none. */
struct device_info {
	const char *label;  /* device mapper or md name ("vg-root", "md/home") */
	const char *model;  /* of the disk, blanks trimmed */
	const char *mounts; /* mount points that it carries directly, joined by ", ", shortest path first */
	unsigned parent_major, parent_minor; /* a partition's disk; valid if partition */
	bool partition;
	bool stacked; /* dm, md, loop and the like: its I/O appears a second time on what lies below */
};

enum device_figure {
	DEVICE_READS,         /* per second; iostat: r/s */
	DEVICE_WRITES,        /* w/s */
	DEVICE_DISCARDS,      /* d/s */
	DEVICE_FLUSHES,       /* f/s */
	DEVICE_READ_BYTES,    /* bytes per second; rkB/s */
	DEVICE_WRITE_BYTES,   /* wkB/s */
	DEVICE_DISCARD_BYTES, /* dkB/s */
	DEVICE_READ_MERGES,   /* per second; rrqm/s */
	DEVICE_WRITE_MERGES,  /* wrqm/s */
	DEVICE_READ_WAIT,     /* mean ns from issue to completion; r_await */
	DEVICE_WRITE_WAIT,    /* w_await */
	DEVICE_DISCARD_WAIT,  /* d_await */
	DEVICE_FLUSH_WAIT,    /* f_await */
	DEVICE_READ_SIZE,     /* mean bytes of a request; rareq-sz */
	DEVICE_WRITE_SIZE,    /* wareq-sz */
	DEVICE_REQUEST_SIZE,  /* of reads and writes together; iostat's former avgrq-sz */
	DEVICE_QUEUE,         /* mean number of requests in flight; aqu-sz */
	DEVICE_UTIL,          /* share of the time with a request in flight, 0..1; %util */
	DEVICE_IN_FLIGHT,     /* at the end of the interval; a level */
	DEVICE_FIGURE_COUNT,
};

struct device_stat {
	const struct device_delta *delta; /* borrowed */
	const struct device_info *info;   /* borrowed, NULL unknown */
	double figure[DEVICE_FIGURE_COUNT];
	uint32_t known; /* bit per enum device_figure */
	bool active;    /* any operation completed, was in flight, or kept it busy */
};

/* elapsed_ns 0: nothing but the level is known. `info` may be NULL. */
void device_stat_compute(struct device_stat *stat, const struct device_delta *delta, uint64_t elapsed_ns,
			 const struct device_info *info);

/* The delta of that device, NULL if the interval has none: for history graphs. */
const struct device_delta *device_find(const struct machine_delta *machine, unsigned major, unsigned minor);

/* The disk that a partition belongs to: by `info` where it is known, else by name (sda1: sda, nvme0n1p2: nvme0n1).
 * NULL for what is no partition, or if the disk is not in the interval. */
const struct device_delta *device_parent(const struct machine_delta *machine, const struct device_delta *delta,
					 const struct device_info *info);

#endif
