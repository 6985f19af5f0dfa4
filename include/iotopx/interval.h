/* The interval: what happened between two samples. The unit of everything after the tracker: the screen shows it,
 * history keeps it, a recording stores it, a replay delivers it, a writer prints it. */
#ifndef IOTOPX_INTERVAL_H
#define IOTOPX_INTERVAL_H

#include "iotopx/machine.h"
#include "iotopx/task.h"

#include <stddef.h>

enum delta_flag {
	DELTA_EXITED = 1 << 0,      /* its exit record came in this interval */
	DELTA_GROUP_DEAD = 1 << 1,  /* ... and with it the whole process */
	DELTA_BORN = 1 << 2,        /* born in this interval */
	DELTA_STUCK = 1 << 3,       /* in D at the end of it: counts as active */
	DELTA_NO_DELAYS = 1 << 4,   /* forked while delay accounting was off */
	DELTA_FOLDED = 1 << 5,      /* several exited tasks of one command, user and parent */
	DELTA_OTHER = 1 << 6,       /* folded further: command and parent dropped */
};

/* One task that moved, exited or is stuck; or several folded ones. */
struct task_delta {
	struct task_info *info; /* a reference held by the interval */
	struct counters delta;  /* raw: nothing clamped but the delays */
	uint32_t flags;
	uint32_t exits;         /* tasks that exited: 0, 1, or more when folded */
	uint32_t processes;     /* of those, how many were the last of their process */
	uint32_t exit_code;
	char state;             /* 0 unknown */
	int8_t prio_class, prio_level; /* TASK_PRIO_UNKNOWN when not asked for */
	uint64_t lived_ns;      /* time it existed within the interval */
	uint64_t age_ns;        /* since its start, at the end of the interval or at its exit */
	uint64_t lifetime_read, lifetime_write; /* its counters themselves, at the end; 0 in folded ones */
	uint64_t busiest_blkio_ns, busiest_swapin_ns; /* delay of the busiest member; of a single task its own */
};

/* A living task that did nothing: only in live intervals, for views that show all tasks. */
struct task_idle {
	struct task_info *info; /* a reference held by the interval */
	uint64_t age_ns;
	uint64_t lifetime_read, lifetime_write;
	uint32_t known; /* which counters could be told if they moved */
	uint32_t flags; /* DELTA_NO_DELAYS */
	char state;
};

/* What reached the devices for one cgroup, writeback included, and how long its tasks waited: io.stat and io.pressure of
 * cgroup v2. No task's counters hold it. Bytes are the cgroup's own, without those of cgroups below it that are listed
 * or known; pressure is that of all below it. */
struct cgroup_delta {
	const char *cgroup;    /* interned like those of task_info; NULL: several of one unit and container, folded */
	const char *unit;      /* never NULL */
	const char *container; /* NULL: in none */
	bool io_known, pressure_known;
	bool approximate;      /* folded or summed: of some part the I/O is not known */
	uint64_t read_bytes, write_bytes; /* valid if io_known */
	uint64_t some_us, full_us;        /* valid if pressure_known */
};

struct interval {
	unsigned refs;
	uint64_t begin_ns, end_ns;  /* CLOCK_MONOTONIC; the real length */
	uint64_t measured_ns;       /* of sums: of their parts together, whatever lies between them; 0: all from begin to end */
	int64_t end_wall_ms;        /* CLOCK_REALTIME */
	bool baseline;              /* the very first: lists who lives, measures nothing */
	bool all_tasks;             /* scope: false = own processes only */
	bool exits_known;
	int delayacct;              /* 1 on, 0 off, -1 unknown */
	uint64_t lost_exits;        /* valid if exits_known */
	uint64_t task_count;        /* tasks (threads) that exist at the end */
	uint64_t process_count;
	uint64_t exited;            /* tasks whose exit record came */
	struct counters total;      /* sum of all deltas, whatever is folded later: gross, machine-wide */
	struct task_delta *tasks;   /* owned */
	size_t count, capacity;
	struct machine_delta machine;
	struct task_idle *idle;     /* owned; empty unless the tracker was asked to list idle tasks */
	size_t idle_count, idle_capacity;
	bool cgroup_io;             /* the machine tells the I/O of all cgroups: of those not listed it is 0 */
	bool cgroup_pressure;       /* ... and their pressure */
	struct cgroup_delta *cgroups; /* owned: those that did something, and those of which it can't be told */
	size_t cgroup_count, cgroup_capacity;
	bool gap;                   /* much longer than asked for: suspend, SIGSTOP, clock trouble */
	uint64_t unrecorded;        /* of recordings: intervals right before it, or its parts, that the recorder lost */
	bool crowded;               /* sums only: memory ran out, so any row may lack what is in another, mostly `other`
				     * (approximate); of cgroups that are not listed nothing is known */
};

struct interval *interval_new(void); /* refs 1, or NULL */
struct interval *interval_ref(struct interval *interval);
void interval_unref(struct interval *interval); /* NULL allowed */
struct task_delta *interval_add(struct interval *interval); /* zeroed, NULL on ENOMEM */
struct cgroup_delta *interval_add_cgroup(struct interval *interval); /* zeroed, NULL on ENOMEM */
size_t interval_bytes(const struct interval *interval);     /* memory it holds, for byte caps */
/* What rates are divided by. */
static inline uint64_t interval_measured_ns(const struct interval *interval)
{
	return interval->measured_ns ? interval->measured_ns : interval->end_ns - interval->begin_ns;
}
static inline double interval_seconds(const struct interval *interval)
{
	return (double)interval_measured_ns(interval) / 1e9;
}
/* Folds the smallest tasks into `other` rows (user, unit and container kept) until at most `keep` stay single, and cgroups
 * of one unit and container into one. The memory stays. 0 or -ENOMEM: what is not folded yet stays as it is. */
int interval_fold(struct interval *interval, size_t keep);

#endif
