/* The past as numbers, for graphs. */
#include "state.h"
#include "iotopx/text.h"

#include <math.h>
#include <string.h>

#define BUCKETS 256u
#define NO_ROW UINT16_MAX

/* The newest interval that a graph shows: that of the picture, not of the clock. */
static size_t newest_step(const struct screen *screen)
{
	if (screen->back)
		return screen->back - 1;
	return screen->paused ? screen->behind : 0;
}

/* A mean over a gap in time is no figure of an interval like the others: its column stays empty. */
static bool has_figure(const struct interval *interval)
{
	return interval_seconds(interval) > 0 && !interval->gap;
}

static double machine_value(const struct interval *interval, enum series series)
{
	bool actual = series == SERIES_ACTUAL_READ || series == SERIES_ACTUAL_WRITE;
	double seconds = actual ? (double)interval->machine.elapsed_ns / 1e9 : interval_seconds(interval);
	uint64_t bytes = 0;

	if (!has_figure(interval) || !(seconds > 0) || (actual && !(interval->machine.known & MACHINE_VMSTAT)))
		return NAN;
	switch (series) {
	case SERIES_TOTAL_READ:
		bytes = interval->total.value[COUNTER_READ];
		break;
	case SERIES_TOTAL_WRITE:
		bytes = interval->total.value[COUNTER_WRITE];
		break;
	case SERIES_ACTUAL_READ:
		bytes = interval->machine.actual_read_bytes;
		break;
	case SERIES_ACTUAL_WRITE:
		bytes = interval->machine.actual_write_bytes;
		break;
	case SERIES_COUNT:
		break;
	}
	return (double)bytes / seconds;
}

size_t series_machine(const struct screen *screen, enum series series, double *values, size_t max)
{
	size_t step = newest_step(screen), count = 0;
	const struct interval *interval;

	while (count < max && (interval = history_get(screen->history, step + count)))
		values[count++] = machine_value(interval, series);
	return count;
}

int series_counter(const struct screen *screen)
{
	const struct column *sort = screen->settings->view.sort;
	bool delays = screen->live && screen->live->delayacct == 1;

	if (!sort || sort->counter < 0)
		return -1;
	/* Without delays the order goes by traffic, and so does the graph. */
	if (!delays && (COUNTER_BIT(sort->counter) & COUNTERS_DELAY))
		return -1;
	return sort->counter;
}

/* Rows by the ID that a task's part would have. */
struct row_index {
	uint16_t first[BUCKETS];
	uint16_t next[BUCKETS];
	double lived[BUCKETS]; /* seconds in the interval, of the part that lived longest */
	const struct row *rows;
	size_t count;
	enum view_group group;
	bool groups; /* some rows are found by comparing only */
};

static bool has_id(const struct row *row)
{
	return row->key.kind == ROW_TASK || row->key.kind == ROW_PROCESS;
}

static void index_rows(struct row_index *index, const struct row *rows, size_t count, enum view_group group)
{
	memset(index->first, 0xff, sizeof(index->first));
	index->rows = rows;
	index->count = count < BUCKETS ? count : BUCKETS;
	index->group = group;
	index->groups = false;
	for (size_t i = 0; i < index->count; i++) {
		size_t bucket = (size_t)(unsigned)rows[i].key.tid % BUCKETS;

		index->groups |= !has_id(&rows[i]);
		if (!has_id(&rows[i]))
			continue;
		index->next[i] = index->first[bucket];
		index->first[bucket] = (uint16_t)i;
	}
}

static bool in_group(const struct row *row, enum view_group group, const struct task_info *info)
{
	switch (group) {
	case GROUP_COMMAND:
		return text_same(task_info_command(row->info), task_info_command(info));
	case GROUP_USER:
		return row->info->uid == info->uid;
	case GROUP_UNIT:
		return text_same(row->info->unit, info->unit);
	case GROUP_CONTAINER:
		return text_same(row->info->container, info->container);
	case GROUP_NONE:
	case GROUP_COUNT:
		break;
	}
	return false;
}

bool series_is_part(const struct row *row, enum view_group group, const struct task_delta *task)
{
	const struct task_info *info = task->info;

	switch (row->key.kind) {
	case ROW_TASK:
		return row->key.tid == info->id.tid && row->key.start_ms == info->id.start_ns / 1000000;
	case ROW_PROCESS:
		return row->key.tid == info->process.tid && row->key.start_ms == info->process.start_ns / 1000000;
	case ROW_GROUP:
		return in_group(row, group, info);
	case ROW_EXITED_FOLD:
		return (task->flags & DELTA_EXITED) && info->uid == row->info->uid &&
		       (row->mixed_parents || info->ppid == row->info->ppid) &&
		       text_same(task_info_command(row->info), task_info_command(info));
	case ROW_OTHER:
		return (task->flags & DELTA_OTHER) && info->uid == row->info->uid &&
		       text_same(info->unit, row->info->unit) && text_same(info->container, row->info->container);
	}
	return false;
}

static bool is_delay(int counter)
{
	return counter == COUNTER_BLKIO_DELAY || counter == COUNTER_SWAPIN_DELAY;
}

/* Delays of threads can't be added: the busiest one counts. */
static void add_value(struct row_index *index, size_t row, double *value, const struct task_delta *task, int counter)
{
	const uint64_t *delta = task->delta.value;

	index->lived[row] = fmax(index->lived[row], (double)task->lived_ns / 1e9);

	if (counter < 0)
		*value += (double)(delta[COUNTER_READ] + delta[COUNTER_WRITE]);
	else if (counter == COUNTER_BLKIO_DELAY)
		*value = fmax(*value, (double)task->busiest_blkio_ns / 1e9);
	else if (counter == COUNTER_SWAPIN_DELAY)
		*value = fmax(*value, (double)task->busiest_swapin_ns / 1e9);
	else
		*value += (double)delta[counter];
}

static void add_by_id(struct row_index *index, pid_t tid, const struct task_delta *task, enum row_kind kind,
		      int counter, double *values, size_t samples)
{
	uint16_t at = index->first[(size_t)(unsigned)tid % BUCKETS];

	for (; at != NO_ROW; at = index->next[at])
		if (index->rows[at].key.kind == kind && series_is_part(&index->rows[at], index->group, task))
			add_value(index, at, &values[at * samples], task, counter);
}

static void add_interval(struct row_index *index, const struct interval *interval, int counter, double *values,
			 size_t samples)
{
	double seconds = interval_seconds(interval);

	for (size_t i = 0; i < index->count; i++) {
		values[i * samples] = has_figure(interval) ? 0 : NAN;
		index->lived[i] = 0;
	}
	for (size_t i = 0; i < interval->count && has_figure(interval); i++) {
		const struct task_delta *task = &interval->tasks[i];

		add_by_id(index, task->info->id.tid, task, ROW_TASK, counter, values, samples);
		add_by_id(index, task->info->process.tid, task, ROW_PROCESS, counter, values, samples);
		for (size_t at = 0; index->groups && at < index->count; at++)
			if (!has_id(&index->rows[at]) && series_is_part(&index->rows[at], index->group, task))
				add_value(index, at, &values[at * samples], task, counter);
	}
	for (size_t i = 0; i < index->count; i++) {
		if (!is_delay(counter)) {
			values[i * samples] /= seconds;
			continue;
		}
		/* As the column shows it: of its life, if that was shorter than the interval. */
		values[i * samples] /= index->lived[i] > 0 ? fmin(index->lived[i], seconds) : seconds;
		values[i * samples] = fmin(values[i * samples], 1);
	}
}

void series_rows(const struct screen *screen, const struct row *rows, size_t count, int counter, double *values,
		 size_t samples)
{
	struct row_index index;
	size_t step = newest_step(screen);

	for (size_t i = 0; i < count * samples; i++)
		values[i] = NAN;
	index_rows(&index, rows, count, screen->settings->view.group);
	for (size_t sample = 0; sample < samples; sample++) {
		const struct interval *interval = history_get(screen->history, step + sample);

		if (!interval)
			break;
		add_interval(&index, interval, counter, values + sample, samples);
	}
}
