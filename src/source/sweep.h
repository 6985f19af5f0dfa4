/* A sweep: who exists, who ran since the last one, and what those counted. Needs taskstats; see own.h without.
 *
 * A process whose CPU clock stands still has no thread that ran: nothing in it is asked. In one that ran, the threads
 * that ran last time are asked first; if their CPU times explain the process's clock to the nanosecond, no other thread
 * ran, and none was born. Else all its threads are listed and asked.
 */
#ifndef IOTOPX_SOURCE_SWEEP_H
#define IOTOPX_SOURCE_SWEEP_H

#include "iotopx/cgroup.h"
#include "iotopx/live.h"
#include "iotopx/proc.h"
#include "iotopx/sample.h"
#include "iotopx/taskstats.h"

struct forks;
struct sweep;

/* All borrowed: `cost` is counted into. 0 or -ENOMEM. */
int sweep_open(struct proc *proc, struct taskstats *taskstats, struct cgroup_cache *cgroups, struct live_cost *cost,
	       struct sweep **sweep);
void sweep_close(struct sweep *sweep);
/* From now on births tell who exists, and /proc is listed in the next sweep, and then now and then only. Borrowed,
 * until they fail: from then on /proc is listed in every sweep, which costs more and misses nothing. */
void sweep_follow(struct sweep *sweep, struct forks *forks);
/* 0, or the -errno that they failed with. */
int sweep_forks_failure(const struct sweep *sweep);
/* What the last sweep told was not taken, or not all that was told before: the next one reads all tasks. */
void sweep_distrust(struct sweep *sweep);

/* Fills readings and gone; begin_ns and end_ns. The first sweep calls `flush` (0 or -errno) when it has some readings,
 * which then must be taken out of the sample. 0 or -errno. */
typedef int sweep_flush(void *data);
int sweep_take(struct sweep *sweep, struct sample *sample, sweep_flush *flush, void *data);
/* The readings of the last sweep, whether it failed or what was to be made of them, did not get to where they are
 * booked: the next one reads those tasks again, run or not. Not after the first sweep. */
void sweep_forget(struct sweep *sweep);

/* An exit record: makes a reading of it, its cgroup included. Calls may come at any time between sweeps. */
void sweep_exit(struct sweep *sweep, const struct taskstats_fields *fields, uint64_t time_ns, uint64_t window_ns,
		struct reading *record);

#endif
