/* A recording as a source: the intervals that were recorded, in their order, with what was known about their tasks.
 *
 * Reads only; the file may be recorded into meanwhile. Times of several boots are made one line, by the wall clock.
 */
#ifndef IOTOPX_REPLAY_H
#define IOTOPX_REPLAY_H

#include "iotopx/source.h"

#include <stddef.h>

struct replay_options {
	const char *path;
	const char *begin, *end; /* when.h; NULL: where the recording begins and ends */
	uint64_t parts;          /* the window as so many intervals; 0: */
	uint64_t merge_ns;       /* intervals of that length; 0: as recorded */
};

/* 0 and *source, or -errno with one line in `error`: no recording (-EMEDIUMTYPE), damaged (-EBADMSG), of a newer
 * iotopx (-EPROTO), nothing in the window (-ENODATA), no moments (-EINVAL), or what the system said. */
int replay_open(const struct replay_options *options, struct source **source, char *error, size_t error_size);

/* The host that was recorded. Borrowed. */
const char *replay_host(const struct source *replay);

/* The window, and the end of the interval delivered last (begin_ms before the first). */
struct replay_span {
	int64_t begin_ms, end_ms, now_ms;
};
struct replay_span replay_span(const struct source *replay);

/* Chooses what `next` delivers, among the intervals as recorded, inside the window. */
int replay_step(struct source *replay, long steps); /* from the last one; 0, or -ENODATA at the border */
int replay_seek(struct source *replay, int64_t ms); /* the one at that moment, or the nearest */
/* Of those that ended after begin_ms and not after end_ms the one in which all tasks together did most of a counter
 * (a second), or waited longest in it; -1, or if there was none of it: read and wrote. Where none ended, the next one. */
int replay_seek_worst(struct source *replay, int counter, int64_t begin_ms, int64_t end_ms);
/* The end of the window. */
int replay_seek_end(struct source *replay);

/* Up to `max` intervals right before the one that `next` will deliver, oldest first, as new references. 0 or -errno. */
int replay_before(struct source *replay, struct interval **list, size_t max, size_t *count);
/* The intervals of the window up to the one delivered last, `max` at a time: *at is where to go on, 0 at first. *done is
 * the part that is behind. 1: there are more, 0: that was all, -errno, or the first that `each` returns that is not 0. */
int replay_walk(struct source *replay, int64_t *at, size_t max,
		int (*each)(void *to, const struct interval *interval), void *to, double *done);

/* values[]: by the same measure the worst of each of `count` parts of the window; NAN where nothing is recorded. If there
 * is none in all of it (waiting, without delay accounting), *counter becomes -1. 0 or -errno. */
int replay_load(struct source *replay, int *counter, double *values, size_t count);

#endif
