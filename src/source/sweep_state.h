/* What the parts of the sweep share: sweep_members.c finds who exists, sweep.c who ran, sweep_detail.c reads what
 * netlink does not tell of them, sweep_exit.c makes readings of exit records. */
#ifndef IOTOPX_SOURCE_SWEEP_STATE_H
#define IOTOPX_SOURCE_SWEEP_STATE_H

#include "iotopx/array.h"
#include "iotopx/clock.h"
#include "forks.h"
#include "reading.h"
#include "sweep.h"
#include "watch.h"

/* Who a query or a reading is about. Slots stay where they are during a sweep; threads may move, so `thread` is a hint.
 */
struct origin {
	uint32_t slot, thread;
};

struct member {
	pid_t pid, tid;
};

struct sweep {
	struct proc *proc; /* all borrowed */
	struct taskstats *taskstats;
	struct cgroup_cache *cgroups;
	struct live_cost *cost;
	struct forks *forks; /* NULL: /proc is listed in every sweep */
	int forks_failure;   /* why they are not followed any more */
	pid_t self;
	struct watch watch;
	uint32_t number;
	uint32_t listed;    /* the sweep that listed /proc last */
	bool births_lost;   /* some were told, and not all of them taken: only a listing knows them */
	uint64_t listed_ns; /* when that listing was done */
	struct proc_list processes, threads;
	struct {
		pid_t *items;
		size_t count, capacity;
	} tids;
	struct {
		struct origin *items;
		size_t count, capacity;
	} queries, readings; /* of tids; of sample->readings */
	struct {
		struct member *items;
		size_t count, capacity;
	} stuck, awake, ran; /* in D; ran in the last sweep; in this one */
	struct {
		uint32_t *items;
		size_t count, capacity;
	} moved; /* slots of processes that ran */
	size_t audit_slot;
	unsigned cgroup_reads;
	struct sample *sample; /* the one under way */
	int error;             /* of the reply under way */
	bool clock_tells;      /* cpu_run_virtual moves here: 0 for everybody on some kernels */
};

/* Asks for a thread of the process in the next sweep_query, once a sweep. 0 or -ENOMEM. */
int sweep_queue(struct sweep *sweep, struct watched *process, uint32_t index);
int sweep_query(struct sweep *sweep);
/* The thread that a query or reading is about; NULL if it has left the list meanwhile. */
struct watched_thread *sweep_thread_of(struct sweep *sweep, const struct origin *origin, pid_t tid,
				       struct watched **process);

/* Brings the watch up to date: who came, who went, who ran (`moved`). 0 or -errno. */
int sweep_find_members(struct sweep *sweep);
int sweep_queue_waiting(struct sweep *sweep);
int sweep_find_stuck(struct sweep *sweep);
int sweep_read_details(struct sweep *sweep);

#endif
