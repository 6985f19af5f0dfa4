/* The reader as a source: a window, a place in it, and intervals as they were or merged. */
#include "iotopx/replay.h"
#include "iotopx/merger.h"
#include "iotopx/when.h"
#include "reader.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct replay {
	struct source source;
	struct reader *reader;
	struct merger *merger; /* NULL: intervals as recorded */
	int64_t first, last;   /* samples of the window */
	int64_t begin_ms, end_ms;
	int64_t current; /* the sample delivered last, 0 none */
	int64_t next;    /* the one to deliver, 0: at the end */
	int64_t now_ms;
	uint64_t parts, merge_ns;
	uint64_t part;          /* of the window, the one being merged */
	bool merging;           /* something of that part is in the merger */
	struct interval *ahead; /* loaded, and not merged yet */
	char notice[512];
};

static struct replay *replay_of(struct source *source)
{
	return (struct replay *)source;
}

static int number(struct replay *replay, const char *sql, int64_t first, int64_t second, int64_t *value)
{
	return reader_number(replay->reader, sql, first, second, value);
}

/* A sample belongs to the window in which it ended. Where the wall clock was set back, later samples ended earlier: by
 * their order they may lie within a window and by their time outside, so both are asked. The + keeps SQLite from going
 * by time where it should go by order; that of find_between keeps it from going by order. A sample of no time is
 * damage, told when it is read. */
#define IN_WINDOW                                                                                                      \
	"id BETWEEN %" PRId64 " AND %" PRId64 " AND (+end_ms > %" PRId64 " AND +end_ms <= %" PRId64 " OR +end_ms < 0)"

/* Of the samples from first to last that are in the window the first one, in that order. */
static int find_sample(struct replay *replay, int64_t first, int64_t last, const char *order, int64_t *sample)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT id FROM samples WHERE " IN_WINDOW " ORDER BY id %s LIMIT 1", first, last,
		 replay->begin_ms, replay->end_ms, order);
	return number(replay, sql, 0, 0, sample);
}

/* The samples on both sides of one; -ENODATA beyond the window. In a damaged file its ends may be the ends of int64_t.
 */
static int next_sample(struct replay *replay, int64_t sample, int64_t *next)
{
	if (sample >= replay->last)
		return -ENODATA;
	return find_sample(replay, sample + 1, replay->last, "ASC", next);
}

static int previous_sample(struct replay *replay, int64_t sample, int64_t *previous)
{
	if (sample <= replay->first)
		return -ENODATA;
	return find_sample(replay, replay->first, sample - 1, "DESC", previous);
}

/* The next interval as it was recorded. */
static int deliver(struct replay *replay, struct interval **interval)
{
	int64_t sample = replay->next, next;
	struct interval *loaded;
	int result;

	if (sample == 0)
		return -ENODATA;
	result = reader_load(replay->reader, sample, &loaded);
	if (result == -ENODATA) { /* it was let go of since */
		result = next_sample(replay, sample, &next);
		if (result == 0)
			result = reader_load(replay->reader, next, &loaded);
		sample = next;
	}
	if (result)
		return result;
	/* That nothing follows must be known: an end for want of memory is none. */
	result = next_sample(replay, sample, &next);
	if (result && result != -ENODATA) {
		interval_unref(loaded);
		return result;
	}
	replay->current = sample;
	replay->now_ms = loaded->end_wall_ms;
	replay->next = result == 0 ? next : 0;
	*interval = loaded;
	return 0;
}

/* In which part of the window an interval ended: that before it or a later one, whatever a clock was set to. */
static uint64_t part_of(const struct replay *replay, const struct interval *interval)
{
	uint64_t window = (uint64_t)(replay->end_ms - replay->begin_ms), part;
	uint64_t at = interval->end_wall_ms > replay->begin_ms
			  ? (uint64_t)(interval->end_wall_ms - replay->begin_ms - 1) /* its last moment */
			  : 0;

	if (replay->parts == 0)
		part = at * 1000000 / replay->merge_ns;
	else
		part = (uint64_t)((double)at * (double)replay->parts / (double)window);
	if (replay->parts && part >= replay->parts)
		part = replay->parts - 1;
	return part > replay->part ? part : replay->part;
}

/* All that ended in one part. Parts in which nothing was recorded are no intervals. On failure what is merged so far
 * and what is loaded wait for the next call. */
static int deliver_merged(struct replay *replay, struct interval **interval)
{
	for (;;) {
		int result = replay->ahead ? 0 : deliver(replay, &replay->ahead);

		if (result == -ENODATA ||
		    (!result && replay->merging && part_of(replay, replay->ahead) != replay->part))
			break;
		if (!result)
			result = merger_add(replay->merger, replay->ahead);
		if (result)
			return result;
		replay->merging = true;
		replay->part = part_of(replay, replay->ahead);
		interval_unref(replay->ahead);
		replay->ahead = NULL;
	}
	replay->merging = false;
	*interval = merger_take(replay->merger);
	return *interval ? 0 : -ENODATA;
}

static int replay_next(struct source *source, bool list_idle, struct interval **interval)
{
	struct replay *replay = replay_of(source);
	int result;

	(void)list_idle; /* who did nothing was not recorded */
	result = replay->merger ? deliver_merged(replay, interval) : deliver(replay, interval);
	if (result && result != -ENODATA)
		snprintf(replay->notice, sizeof(replay->notice), "%s",
			 result == -ENOMEM ? "out of memory" : reader_error(replay->reader));
	return result;
}

static size_t replay_fds(struct source *source, struct pollfd *fds, size_t max)
{
	(void)source, (void)fds, (void)max;
	return 0;
}

static int replay_drain(struct source *source)
{
	(void)source;
	return 0;
}

static const char *replay_notice(struct source *source)
{
	const struct replay *replay = replay_of(source);

	return *replay->notice ? replay->notice : NULL;
}

static int replay_set_delayacct(struct source *source, bool on)
{
	(void)source, (void)on;
	return -EROFS;
}

static void replay_close(struct source *source)
{
	struct replay *replay = replay_of(source);

	if (!replay)
		return;
	interval_unref(replay->ahead);
	merger_close(replay->merger);
	reader_close(replay->reader);
	free(replay);
}

static const struct source_ops replay_ops = {
	.next = replay_next,
	.fds = replay_fds,
	.drain = replay_drain,
	.notice = replay_notice,
	.set_delayacct = replay_set_delayacct,
	.close = replay_close,
};

/* The first and the last of those that ended after begin_ms and not after end_ms; -ENODATA: there is none. */
static int find_between(struct replay *replay, int64_t begin_ms, int64_t end_ms, int64_t *first, int64_t *last)
{
	int result =
	    number(replay, "SELECT min(+id) FROM samples WHERE end_ms > ? AND end_ms <= ?", begin_ms, end_ms, first);

	if (result)
		return result;
	return number(replay, "SELECT max(+id) FROM samples WHERE end_ms > ? AND end_ms <= ?", begin_ms, end_ms, last);
}

static int find_window(struct replay *replay, const struct replay_options *options, char *error, size_t error_size)
{
	int64_t first_ms = 0, last_ms = 0;
	int result =
	    number(replay, "SELECT end_ms - length_ns / 1000000 FROM samples ORDER BY end_ms LIMIT 1", 0, 0, &first_ms);

	if (result == 0)
		result = number(replay, "SELECT max(end_ms) FROM samples", 0, 0, &last_ms);
	if (result == -ENODATA) {
		snprintf(error, error_size, "nothing is recorded in it yet");
		return result;
	}
	if (result == 0 && (!reader_is_time(last_ms) || first_ms > last_ms)) {
		snprintf(error, error_size, "damaged: its samples are of no time");
		return -EBADMSG;
	}
	first_ms = first_ms < 0 ? 0 : first_ms; /* a clock that was set when the machine was up already */
	if (result == 0)
		result =
		    when_window(options->begin, options->end, first_ms, last_ms, &replay->begin_ms, &replay->end_ms);
	if (result == -ERANGE)
		snprintf(error, error_size, "the end of the time asked for is not after its begin");
	if (result)
		return result;
	result = find_between(replay, replay->begin_ms, replay->end_ms, &replay->first, &replay->last);
	if (result == -ENODATA)
		snprintf(error, error_size, "nothing is recorded between the times asked for");
	if (result == 0 && replay->first < 1) { /* they count from 1, and 0 is no sample here */
		snprintf(error, error_size, "damaged: its samples are numbered out of range");
		return -EBADMSG;
	}
	return result;
}

static int open_replay(struct replay *replay, const struct replay_options *options, char *error, size_t error_size)
{
	int result = reader_open(options->path, &replay->reader, error, error_size);

	if (result)
		return result;
	result = find_window(replay, options, error, error_size);
	if (result) {
		if (!*error)
			snprintf(error, error_size, "%s",
				 *reader_error(replay->reader) ? reader_error(replay->reader) : strerror(-result));
		return result;
	}
	if (options->parts || options->merge_ns) {
		replay->merger = merger_open();
		if (!replay->merger)
			return -ENOMEM;
	}
	replay->parts = options->parts;
	replay->merge_ns = options->merge_ns;
	replay->next = replay->first;
	replay->now_ms = replay->begin_ms;
	return 0;
}

int replay_open(const struct replay_options *options, struct source **source, char *error, size_t error_size)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	int result;

	*error = '\0';
	if (!replay)
		return -ENOMEM;
	replay->source.ops = &replay_ops;
	result = open_replay(replay, options, error, error_size);
	if (result) {
		replay_close(&replay->source);
		return result;
	}
	replay->source.lookup = reader_lookup(replay->reader);
	*source = &replay->source;
	return 0;
}

const char *replay_host(const struct source *source)
{
	return reader_host(((const struct replay *)source)->reader);
}

struct replay_span replay_span(const struct source *source)
{
	const struct replay *replay = (const struct replay *)source;

	return (struct replay_span){ replay->begin_ms, replay->end_ms, replay->now_ms };
}

int replay_step(struct source *source, long steps)
{
	struct replay *replay = replay_of(source);
	int64_t sample = replay->current ? replay->current : replay->first;
	long done = 0;
	int result = 0;

	for (; done < labs(steps); done++) {
		int64_t other;

		result = steps > 0 ? next_sample(replay, sample, &other) : previous_sample(replay, sample, &other);
		if (result)
			break;
		sample = other;
	}
	if (result && (result != -ENODATA || done == 0))
		return result;
	replay->next = sample;
	return 0;
}

int replay_seek(struct source *source, int64_t ms)
{
	struct replay *replay = replay_of(source);
	int64_t sample;
	int result = number(replay, "SELECT id FROM samples WHERE end_ms >= ? ORDER BY end_ms LIMIT 1", ms, 0, &sample);

	if (result && result != -ENODATA)
		return result;
	if (result == -ENODATA || sample > replay->last)
		sample = replay->last;
	replay->next = sample < replay->first ? replay->first : sample;
	return 0;
}

/* What a moment is judged by, a second. Waiting is that of the busiest task, as its columns are. */
static const char *worst_of(int counter)
{
	static const char *const sums[COUNTER_COUNT] = {
		[COUNTER_READ] = "read_bytes",
		[COUNTER_WRITE] = "max(write_bytes - cancelled_write_bytes, 0)",
		[COUNTER_CANCELLED] = "cancelled_write_bytes",
		[COUNTER_READ_CHAR] = "read_char_bytes",
		[COUNTER_WRITE_CHAR] = "write_char_bytes",
		[COUNTER_READ_CALLS] = "read_syscalls",
		[COUNTER_WRITE_CALLS] = "write_syscalls",
		[COUNTER_BLKIO_COUNT] = "blkio_count",
		[COUNTER_BLKIO_DELAY] = "busiest_blkio_ns",
		[COUNTER_SWAPIN_COUNT] = "swapin_count",
		[COUNTER_SWAPIN_DELAY] = "busiest_swapin_ns",
	};

	return counter >= 0 && counter < COUNTER_COUNT ? sums[counter] : "read_bytes + write_bytes";
}

/* NOLINTNEXTLINE(misc-no-recursion): with -1 it does not call itself again */
int replay_seek_worst(struct source *source, int counter, int64_t begin_ms, int64_t end_ms)
{
	struct replay *replay = replay_of(source);
	char sql[384];
	int64_t first, last, sample;
	int result;

	begin_ms = begin_ms > replay->begin_ms ? begin_ms : replay->begin_ms;
	end_ms = end_ms < replay->end_ms ? end_ms : replay->end_ms;
	result = find_between(replay, begin_ms, end_ms, &first, &last);
	if (result)
		return result == -ENODATA ? replay_seek(source, end_ms) : result;
	snprintf(sql, sizeof(sql),
		 "SELECT id FROM samples WHERE " IN_WINDOW " AND (%s) > 0 "
		 "ORDER BY 1.0 * (%s) / length_ns DESC, id LIMIT 1",
		 first, last, begin_ms, end_ms, worst_of(counter), worst_of(counter));
	result = number(replay, sql, 0, 0, &sample);
	if (result == -ENODATA && counter >= 0)
		return replay_seek_worst(source, -1, begin_ms, end_ms);
	if (result == -ENODATA) /* one is as good as another */
		sample = first;
	else if (result)
		return result;
	replay->next = sample;
	return 0;
}

int replay_seek_end(struct source *source)
{
	struct replay *replay = replay_of(source);

	replay->next = replay->last;
	return 0;
}

int replay_before(struct source *source, struct interval **list, size_t max, size_t *count)
{
	struct replay *replay = replay_of(source);
	int64_t first = replay->next, sample;
	int result = 0;

	*count = 0;
	for (size_t i = 0; i < max && previous_sample(replay, first, &sample) == 0; i++)
		first = sample;
	for (sample = first; result == 0 && sample < replay->next && *count < max;) {
		result = reader_load(replay->reader, sample, &list[*count]);
		if (result == 0)
			++*count;
		if (result == 0)
			result = next_sample(replay, sample, &sample);
	}
	while (result && *count)
		interval_unref(list[--*count]);
	return result;
}

int replay_walk(struct source *source, int64_t *at, size_t max, int (*each)(void *to, const struct interval *interval),
		void *to, double *done)
{
	struct replay *replay = replay_of(source);
	int64_t sample = *at ? *at : replay->first;
	struct interval *interval;
	int result = 0;

	for (size_t i = 0; i < max && replay->current; i++) {
		result = reader_load(replay->reader, sample, &interval);
		if (result)
			return result;
		result = each(to, interval);
		interval_unref(interval);
		if (result || sample >= replay->current)
			return result;
		result = next_sample(replay, sample, &sample);
		if (result)
			return result;
		*at = sample;
	}
	*done = replay->current > replay->first
		    ? ((double)sample - (double)replay->first) / ((double)replay->current - (double)replay->first)
		    : 1;
	return replay->current ? 1 : 0;
}

/* *any: was there any of it? */
static int load(struct replay *replay, int counter, double *values, size_t count, bool *any)
{
	double window = (double)(replay->end_ms - replay->begin_ms);
	sqlite3_stmt *row = NULL;
	char sql[384];
	int code;

	*any = false;
	snprintf(sql, sizeof(sql), "SELECT end_ms, 1e9 * (%s) / length_ns, length_ns FROM samples WHERE " IN_WINDOW,
		 worst_of(counter), replay->first, replay->last, replay->begin_ms, replay->end_ms);
	code = sqlite3_prepare_v2(reader_db(replay->reader), sql, -1, &row, NULL);
	for (size_t i = 0; i < count; i++)
		values[i] = NAN;
	if (code != SQLITE_OK)
		return schema_error(code);
	while (count && (code = sqlite3_step(row)) == SQLITE_ROW) {
		int64_t end_ms = sqlite3_column_int64(row, 0);
		double value = sqlite3_column_double(row, 1);

		/* Damage is told when the sample itself is read. */
		if (!reader_is_time(end_ms) || !isfinite(value))
			continue;
		*any |= value > 0;
		double end = (double)(end_ms - replay->begin_ms) / window * (double)count;
		double begin = end - sqlite3_column_double(row, 2) / 1e6 / window * (double)count;
		size_t last = end < 1 ? 0 : end > (double)count ? count - 1 : (size_t)ceil(end) - 1;

		for (size_t item = last + 1; item-- > 0 && (double)item + 1 > begin;)
			if (!(values[item] >= value))
				values[item] = value;
	}
	sqlite3_finalize(row);
	return code == SQLITE_DONE ? 0 : schema_error(code);
}

int replay_load(struct source *source, int *counter, double *values, size_t count)
{
	struct replay *replay = replay_of(source);
	bool any;
	int result = load(replay, *counter, values, count, &any);

	if (result || any || *counter < 0)
		return result;
	*counter = -1;
	return load(replay, -1, values, count, &any);
}
