/* The one event loop: source, timer, signals, and a front that shows or prints intervals.
 *
 * The loop decides when to sweep: the baseline at once, the first interval after `first_ns`, then on a grid of
 * `interval_ns` of CLOCK_MONOTONIC, so that nothing drifts. What waits on the source is taken at once, always.
 */
#ifndef IOTOPX_APP_LOOP_H
#define IOTOPX_APP_LOOP_H

#include "iotopx/source.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#define LOOP_END 1 /* what the functions of a front return to end the loop in peace */

struct loop;

/* What the loop feeds. Every function gets `data`; int ones return 0 to go on, LOOP_END or -errno. */
struct loop_front {
	void *data;
	bool (*wants_idle)(void *data); /* list tasks that did nothing too */
	int (*interval)(void *data, struct loop *loop, struct interval *interval, const char *notice);
	size_t (*fds)(void *data, struct pollfd *fds, size_t max);  /* returns how many were set */
	int (*ready)(void *data, struct pollfd *fds, size_t count); /* after every wake-up */
	int (*signal)(void *data, int number);                      /* INT TERM HUP QUIT are LOOP_END without asking */
	/* The source has no more intervals. NULL: LOOP_END. To go on, it stops the sweeping. */
	int (*end)(void *data, struct loop *loop);
};

/* Blocks the signals that the loop takes by signalfd; before any thread is made. 0 or -errno. */
int loop_block_signals(void);

struct loop_options {
	uint64_t first_ns, interval_ns;
	uint64_t first_rest_ns; /* not 0: first_ns counts from the start of the baseline, which may take long; this much
				 * is left after it all the same */
	struct source *source;  /* borrowed */
	struct loop_front front;
};

int loop_open(const struct loop_options *options, struct loop **loop); /* 0 or -errno */
void loop_close(struct loop *loop);
/* Runs until a front or a signal ends it. 0 or -errno. */
int loop_run(struct loop *loop);
/* What loop_run was at when it failed, to be put before the error; NULL: a front failed, which knows better. */
const char *loop_failed_at(const struct loop *loop);
void loop_set_interval(struct loop *loop, uint64_t interval_ns);
/* No more intervals: only what waits on the source is still taken, until the front ends the loop. */
void loop_stop_sweeping(struct loop *loop);
/* No interval until it is called again with false. */
void loop_hold(struct loop *loop, bool hold);

/* When the sweep after the one due at `due_ns` is due, if that one ended at `now_ns`: the next place on the grid
 * that leaves at least a tenth of the interval to rest. */
uint64_t loop_next_due(uint64_t due_ns, uint64_t now_ns, uint64_t interval_ns);

#endif
