#include "iotopx/interval.h"
#include "cgroup_delta.h"
#include "fold.h"
#include "iotopx/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct interval *interval_new(void)
{
	struct interval *interval = calloc(1, sizeof(*interval));

	if (!interval)
		return NULL;
	interval->refs = 1;
	interval->delayacct = -1;
	interval->total.known = COUNTERS_ALL;
	return interval;
}

struct interval *interval_ref(struct interval *interval)
{
	interval->refs++;
	return interval;
}

void interval_unref(struct interval *interval)
{
	if (!interval || --interval->refs > 0)
		return;
	for (size_t i = 0; i < interval->count; i++)
		task_info_unref(interval->tasks[i].info);
	free(interval->tasks);
	for (size_t i = 0; i < interval->idle_count; i++)
		task_info_unref(interval->idle[i].info);
	free(interval->idle);
	free(interval->cgroups);
	machine_delta_free(&interval->machine);
	free(interval);
}

struct task_delta *interval_add(struct interval *interval)
{
	struct task_delta *task = array_append_raw((void **)&interval->tasks, &interval->count, &interval->capacity,
						   sizeof(*interval->tasks));

	if (task)
		task->prio_class = task->prio_level = TASK_PRIO_UNKNOWN;
	return task;
}

struct cgroup_delta *interval_add_cgroup(struct interval *interval)
{
	return array_append_raw((void **)&interval->cgroups, &interval->cgroup_count, &interval->cgroup_capacity,
				sizeof(*interval->cgroups));
}

size_t interval_bytes(const struct interval *interval)
{
	/* An info shared with other intervals counts in each: the cap errs on the safe side. */
	return sizeof(*interval) + interval->capacity * sizeof(*interval->tasks) +
	       interval->count * sizeof(struct task_info) + machine_delta_bytes(&interval->machine) +
	       interval->cgroup_capacity * sizeof(*interval->cgroups) +
	       interval->idle_capacity * sizeof(*interval->idle);
}

static int heaviest_first(const void *one, const void *other)
{
	uint64_t a = fold_weight(one), b = fold_weight(other);

	return a < b ? 1 : a > b ? -1 : 0;
}

static int make_other(struct task_delta *task)
{
	struct task_info *info = fold_info(task->info, FOLD_OTHER);

	if (!info)
		return -ENOMEM;
	task_info_unref(task->info);
	task->info = info;
	task->flags = (task->flags & DELTA_NO_DELAYS) | DELTA_FOLDED | DELTA_OTHER;
	task->state = 0;
	task->lifetime_read = task->lifetime_write = 0;
	return 0;
}

/* Folds tasks[keep...]. On failure what is not folded yet stays single: nothing is lost. */
static int fold_tail(struct interval *interval, size_t keep, struct fold_index *index)
{
	size_t to = keep, from = keep;
	int error = 0;

	for (; from < interval->count && !error; from++) {
		uint32_t slot = fold_find(index, interval->tasks, interval->tasks[from].info, FOLD_OTHER);

		if (slot != IDMAP_NONE) {
			fold_merge(&interval->tasks[slot], &interval->tasks[from]);
			task_info_unref(interval->tasks[from].info);
			continue;
		}
		error = make_other(&interval->tasks[from]);
		interval->tasks[to] = interval->tasks[from];
		if (!error)
			error = fold_insert(index, interval->tasks, (uint32_t)to);
		to++;
	}
	memmove(&interval->tasks[to], &interval->tasks[from], (interval->count - from) * sizeof(*interval->tasks));
	interval->count = to + (interval->count - from);
	return error;
}

int interval_fold(struct interval *interval, size_t keep)
{
	struct fold_index index = { 0 };

	int error = interval->cgroup_count ? cgroup_deltas_fold(interval) : 0;

	if (error || interval->count <= keep)
		return error;
	qsort(interval->tasks, interval->count, sizeof(*interval->tasks), heaviest_first);
	error = fold_tail(interval, keep, &index);

	fold_index_free(&index);
	return error;
}
