/* What a collector hands to the tracker: readings of tasks, each true for a moment of its own. */
#ifndef IOTOPX_SAMPLE_H
#define IOTOPX_SAMPLE_H

#include "iotopx/machine.h"
#include "iotopx/task.h"

#include <stddef.h>

/* Two readings of one task agree on its start to microseconds; the margin is for a scheduler in trouble. */
#define READING_START_TOLERANCE_NS 20000000u
/* So long may a busy machine keep a record from being sent after its task's age was taken. */
#define READING_LATE_NS 1000000000u

enum reading_flag {
	READING_FORKED = 1 << 0,         /* AFORK: has not called exec since its fork */
	READING_GROUP_DEAD = 1 << 1,     /* AGROUP (v12+): exit record of the last thread of its group */
	READING_ZOMBIE = 1 << 2,         /* a sweep's reading of a task that is dead already */
	READING_EXACT_IO = 1 << 3,       /* COUNTERS_IO come from /proc/PID/task/TID/io, not from taskstats */
	READING_NO_DELAYS = 1 << 4,      /* forked while delay accounting was off: its delays never move (v13+ tells) */
	READING_HAS_GROUP_FLAG = 1 << 5, /* the kernel is v12+, so a missing GROUP_DEAD means something */
	READING_OWN = 1 << 6,            /* iotopx itself, or a child of its */
	READING_WAITED = 1 << 8,         /* it has not run since the last sweep: if in D, it was all the time */
	READING_DELAYS_PROVEN = 1 << 7,  /* wpcopy_count > 0: its delays are being counted, zeros are real */
};

struct reading {
	pid_t tid;
	pid_t tgid; /* 0: the kernel did not say (below v12) */
	pid_t ppid;
	uint32_t uid;
	uint32_t flags;     /* enum reading_flag */
	uint32_t exit_code; /* of exit records */
	char state;         /* R S D Z T …, 0 unknown */
	char comm[TASK_COMM_SIZE];
	uint64_t time_ns;        /* when it was received */
	uint64_t window_ns;      /* it is true for a moment in [time_ns - window_ns, time_ns] */
	uint64_t age_ns;         /* ac_etime: orders readings of one identity; start = moment - age */
	uint64_t process_age_ns; /* ac_tgetime, 0 unknown */
	struct counters counters;
	const char *cgroup, *unit, *container; /* borrowed interned strings, NULL unknown */
	bool unit_approximate;                 /* a guess: what is known of the task already stays */
};

/* One sweep. Tasks that did not run since the last one have no reading: they are where they were. */
struct sample {
	uint64_t begin_ns, end_ns; /* the sweep itself */
	int64_t wall_ms;           /* CLOCK_REALTIME at its end */
	bool baseline;             /* the first: readings are bases, nothing is booked */
	bool all_tasks;            /* false: own processes only */
	bool exits_known;          /* exit records are being received */
	bool exits_missed;         /* ... and some since the last sample may be lost, nobody knows how many */
	int delayacct;             /* 1 on, 0 off, -1 unknown */
	uint64_t anew_ns;    /* not 0: other tasks are seen since then. Who has no reading since begins anew later */
	uint64_t lost_exits; /* exit records lost since the last sample */
	struct reading *readings; /* owned */
	size_t count, capacity;
	pid_t *gone; /* owned: TIDs seen before that no longer exist */
	size_t gone_count, gone_capacity;
	struct machine_counters machine;
};

void sample_reset(struct sample *sample); /* empty, memory kept */
void sample_free(struct sample *sample);
struct reading *sample_add(struct sample *sample);     /* zeroed; NULL on ENOMEM */
int sample_add_gone(struct sample *sample, pid_t tid); /* 0 or -ENOMEM */

#endif
