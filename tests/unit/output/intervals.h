/* A fixed sequence of intervals that the tests of all writers print. */
#ifndef IOTOPX_TESTS_INTERVALS_H
#define IOTOPX_TESTS_INTERVALS_H

#include "iotopx/interval.h"
#include "iotopx/lookup.h"

#define INTERVALS 3

/* Each of 2 s. 0: everything at once. 1: a quiet one with lost records. 2: nothing is known of the machine. */
struct interval *make_interval(unsigned number);

/* A task that appears in intervals. */
struct actor {
	pid_t tid, pid, ppid;
	uint32_t uid;
	const char *comm, *cmdline, *unit;
	const struct actor *leader;
	const char *container, *cgroup;
};

/* To build others: 2 s without tasks; a task with everything known and 0, lived all the time; the totals. */
struct interval *make_empty(unsigned number);
struct task_delta *add_actor(struct interval *interval, const struct actor *actor);
void sum_up(struct interval *interval);

extern const struct lookup test_lookup;

#endif
