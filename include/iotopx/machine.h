/* The machine beside its tasks: what the disks really did, memory that waits for them, and pressure. */
#ifndef IOTOPX_MACHINE_H
#define IOTOPX_MACHINE_H

#include "iotopx/nfs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_NAME_SIZE 32

/* One line of /proc/diskstats, cumulative; times in ms as the kernel gives them. */
struct device_counters {
	unsigned major, minor;
	char name[DEVICE_NAME_SIZE];
	uint64_t reads, reads_merged, read_sectors, read_ms;
	uint64_t writes, writes_merged, write_sectors, write_ms;
	uint64_t in_flight, io_ms, weighted_ms;
	uint64_t discards, discards_merged, discard_sectors, discard_ms;
	uint64_t flushes, flush_ms;
	bool has_discards, has_flushes;
	bool whole_disk; /* not a partition, loop, ram or zram: counts for "busiest device" */
};

enum machine_known {
	MACHINE_VMSTAT = 1 << 0,
	MACHINE_MEMINFO = 1 << 1,
	MACHINE_PRESSURE = 1 << 2,
	MACHINE_CPU = 1 << 3,
	MACHINE_DISKS = 1 << 4,
	MACHINE_NFS = 1 << 5, /* set also where there are no such mounts */
	MACHINE_MINUTES = 1 << 6, /* of a delta: pressure's means over 60 and 300 s; recordings do not keep them */
};

/* Cumulative values and levels of one moment. */
struct machine_counters {
	uint32_t known;              /* enum machine_known */
	uint64_t time_ns;            /* CLOCK_MONOTONIC of the reading */
	uint64_t pgpgin_kib, pgpgout_kib;
	uint64_t dirty_bytes, writeback_bytes;
	double io_some_avg10, io_some_avg60, io_some_avg300; /* percent */
	double io_full_avg10, io_full_avg60, io_full_avg300;
	uint64_t io_some_us, io_full_us;
	uint64_t cpu_user, cpu_system, cpu_idle, cpu_iowait, cpu_steal; /* ticks; user includes nice, system irq */
	struct device_counters *devices; /* owned by the sample */
	size_t device_count, device_capacity;
	struct nfs_mounts nfs;           /* owned by the sample */
};

struct device_delta {
	char name[DEVICE_NAME_SIZE];
	unsigned major, minor;
	bool whole_disk, has_discards, has_flushes;
	uint64_t reads, reads_merged, read_bytes, read_ms;
	uint64_t writes, writes_merged, write_bytes, write_ms;
	uint64_t discards, discards_merged, discard_bytes, discard_ms;
	uint64_t flushes, flush_ms;
	uint64_t io_ms, weighted_ms;
	uint64_t in_flight; /* a level */
};

/* What happened between two readings; ratios are 0..1. Nothing is valid without its bit in `known`. */
struct machine_delta {
	uint32_t known;
	uint64_t elapsed_ns; /* between the two readings themselves */
	uint64_t actual_read_bytes, actual_write_bytes;
	uint64_t dirty_bytes, writeback_bytes;
	double io_some_avg10, io_some_avg60, io_some_avg300; /* percent */
	double io_full_avg10, io_full_avg60, io_full_avg300;
	double io_some_ratio, io_full_ratio; /* of the interval, from total= */
	double cpu_user, cpu_system, cpu_iowait, cpu_steal;
	struct device_delta *devices; /* owned by the interval */
	size_t device_count;
	struct nfs_mounts nfs;        /* deltas, owned by the interval */
};

/* Fills *delta from two readings (pure). Allocates delta->devices. A counter that went down or a device that
 * came or went gives no delta for it; 32-bit fields of old kernels wrap. 0 or -ENOMEM. */
int machine_delta_compute(struct machine_delta *delta, const struct machine_counters *older,
			  const struct machine_counters *newer);
void machine_delta_free(struct machine_delta *delta);
size_t machine_delta_bytes(const struct machine_delta *delta); /* memory that it owns */
void machine_counters_free(struct machine_counters *counters);
/* The whole disk with the highest io_ms, or NULL if none did anything; *util is io_ms / elapsed, at most 1. */
const struct device_delta *machine_busiest(const struct machine_delta *delta, double *util);

#endif
