/* Where intervals come from: the live machine, or a recording. */
#ifndef IOTOPX_SOURCE_H
#define IOTOPX_SOURCE_H

#include "iotopx/interval.h"
#include "iotopx/lookup.h"

#include <poll.h>

struct source;

struct source_ops {
	/* The next interval, a new reference. Live: sweeps now. Replay: reads on. -ENODATA: at the end. */
	int (*next)(struct source *source, bool list_idle, struct interval **interval);
	/* Descriptors to poll between intervals; returns how many of `max` were set. */
	size_t (*fds)(struct source *source, struct pollfd *fds, size_t max);
	/* Takes what has arrived on them. 0 or -errno (the source goes on in a degraded mode). */
	int (*drain)(struct source *source);
	/* One line for the screen's first line about what is missing, or NULL; borrowed until the next call. */
	const char *(*notice)(struct source *source);
	/* Switches delay accounting on or off. 0 or -errno. NULL in the live machine itself: who wraps it has the right. */
	int (*set_delayacct)(struct source *source, bool on);
	/* The interval asked for from now on: a much longer one is a gap. NULL where nobody asks (replay). */
	void (*set_interval)(struct source *source, uint64_t interval_ns);
	void (*close)(struct source *source);
};

struct source {
	const struct source_ops *ops;
	struct lookup lookup;
	bool live;
};

#endif
