/* What a task is and what it counts: the terms that every other module uses.
 *
 * Units: bytes, calls, nanoseconds. Times are CLOCK_MONOTONIC nanoseconds unless a name says wall.
 */
#ifndef IOTOPX_TASK_H
#define IOTOPX_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The cumulative counters of one task, in the order in which machine formats name them. */
enum counter {
	COUNTER_READ,         /* bytes this task caused to be fetched from storage */
	COUNTER_WRITE,        /* bytes it dirtied or wrote: charged when dirtied, not when written back */
	COUNTER_CANCELLED,    /* dirty bytes that it truncated away: charged to the truncator */
	COUNTER_READ_CHAR,    /* bytes through read-like system calls */
	COUNTER_WRITE_CHAR,
	COUNTER_READ_CALLS,
	COUNTER_WRITE_CALLS,
	COUNTER_BLKIO_COUNT,  /* times it waited for block I/O */
	COUNTER_BLKIO_DELAY,  /* ns waited; corrupted by kernels about 6.12 on, so the tracker clamps it */
	COUNTER_SWAPIN_COUNT,
	COUNTER_SWAPIN_DELAY, /* ns */
	COUNTER_COUNT,
};

#define COUNTER_BIT(counter) (1u << (counter))
#define COUNTERS_ALL (COUNTER_BIT(COUNTER_COUNT) - 1u)
/* Those that /proc/PID/task/TID/io gives exactly and taskstats rounds down to a multiple of 1024. */
#define COUNTERS_IO (COUNTER_BIT(COUNTER_BLKIO_COUNT) - 1u)
#define COUNTERS_BYTES (COUNTER_BIT(COUNTER_READ) | COUNTER_BIT(COUNTER_WRITE) | COUNTER_BIT(COUNTER_CANCELLED))
#define COUNTERS_ROUNDED (COUNTERS_IO & ~COUNTERS_BYTES)
#define COUNTERS_DELAY (COUNTERS_ALL & ~COUNTERS_IO)

/* Values whose bit in `known` is clear are meaningless (kept 0). In a sum, `approximate` says that the
 * value is near the truth or a lower bound: rounded, clamped, or with a member unknown. */
struct counters {
	uint64_t value[COUNTER_COUNT];
	uint32_t known;
	uint32_t approximate;
};

static inline bool counters_known(const struct counters *counters, enum counter counter)
{
	return (counters->known & COUNTER_BIT(counter)) != 0;
}

/* sum += part. Where only one side knows a counter the sum is that side's value, approximate.
 * So the first part of a sum is assigned, not added; or the sum starts as 0 of all known (COUNTERS_ALL). */
void counters_add(struct counters *sum, const struct counters *part);
/* True if any of them counted anything. */
bool counters_any(const struct counters *counters);

/* A task's name is a number only as long as it lives; with its start it is one for good. An exec keeps both. */
struct task_id {
	pid_t tid;
	uint64_t start_ns; /* CLOCK_MONOTONIC; two readings of one task may differ by some ms */
};

#define TASK_COMM_SIZE 32 /* the kernel's 16, with room for kworker suffixes */
#define TASK_PRIO_UNKNOWN (-1)

/* Who a task was in an interval. Shared and immutable once published, so an interval keeps the keys that were
 * valid in it: when a name, owner or unit changes, the tracker publishes a new one. Reference counted, one thread.
 * Exception: cmdline is filled in late (NULL until known), by the thread that owns the references. */
struct task_info {
	unsigned refs;
	struct task_id id;
	struct task_id process;    /* the thread group: its tgid and the start of its leader */
	struct task_info *leader;  /* owned reference: who its leader was; NULL: itself, or not known */
	pid_t ppid;                /* 0 unknown */
	uint32_t uid;              /* real uid (taskstats), UINT32_MAX unknown */
	bool approximate_process;  /* the tgid is a guess: a kernel without ac_tgid */
	bool own;                  /* iotopx itself */
	bool unit_approximate;     /* taken from the parent */
	char comm[TASK_COMM_SIZE]; /* raw bytes as the kernel gave them: sanitise before showing */
	const char *cgroup;        /* interned by the tracker's owner, NULL unknown */
	const char *unit;
	const char *container;
	char *cmdline;             /* owned; arguments joined by blanks, raw bytes; NULL until known */
};

/* A new one with refs 1, or NULL. */
struct task_info *task_info_new(void);
struct task_info *task_info_copy(const struct task_info *info); /* refs 1 */
struct task_info *task_info_ref(struct task_info *info);
void task_info_unref(struct task_info *info); /* NULL allowed */

/* The name of its process: what rows of processes and groups of commands go by. */
static inline const char *task_info_command(const struct task_info *info)
{
	return info->leader ? info->leader->comm : info->comm;
}

#endif
