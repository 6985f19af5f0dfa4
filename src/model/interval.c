#include "iotopx/interval.h"
#include "fold.h"
#include "iotopx/array.h"

#include <errno.h>
#include <stdlib.h>

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
	free(interval->idle);
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

size_t interval_bytes(const struct interval *interval)
{
	/* An info shared with other intervals counts in each: the cap errs on the safe side. */
	return sizeof(*interval) + interval->capacity * sizeof(*interval->tasks) +
	       interval->count * sizeof(struct task_info) +
	       interval->machine.device_count * sizeof(*interval->machine.devices) +
	       interval->idle_capacity * sizeof(*interval->idle);
}

static int heaviest_first(const void *one, const void *other)
{
	uint64_t a = fold_weight(one), b = fold_weight(other);

	return a < b ? 1 : a > b ? -1 : 0;
}

/* Folds tasks[from...] into `other` rows that follow tasks[from - 1]; the new count is *count. */
static int fold_tail(struct interval *interval, size_t from, struct fold_index *index, size_t *count)
{
	size_t kept = from;

	for (size_t i = from; i < interval->count; i++) {
		struct task_delta part = interval->tasks[i];
		uint32_t slot = fold_find(index, interval->tasks, part.info, FOLD_OTHER);

		if (slot != IDMAP_NONE) {
			fold_merge(&interval->tasks[slot], &part);
			task_info_unref(part.info);
			continue;
		}
		struct task_info *info = fold_info(part.info, FOLD_OTHER);

		if (!info)
			return -ENOMEM;
		task_info_unref(part.info);
		part.info = info;
		part.flags = (part.flags & DELTA_NO_DELAYS) | DELTA_FOLDED | DELTA_OTHER;
		part.state = 0;
		part.lifetime_read = part.lifetime_write = 0;
		interval->tasks[kept] = part;
		int error = fold_insert(index, interval->tasks, (uint32_t)kept);

		kept++;
		*count = kept;
		if (error)
			return error;
	}
	*count = kept;
	return 0;
}

int interval_fold(struct interval *interval, size_t keep)
{
	struct fold_index index = { 0 };
	size_t count = keep;

	if (interval->count <= keep)
		return 0;
	qsort(interval->tasks, interval->count, sizeof(*interval->tasks), heaviest_first);
	int error = fold_tail(interval, keep, &index, &count);

	fold_index_free(&index);
	if (error)
		return error;
	interval->count = count;
	struct task_delta *fitted = realloc(interval->tasks, (count ? count : 1) * sizeof(*fitted));

	if (fitted) {
		interval->tasks = fitted;
		interval->capacity = count ? count : 1;
	}
	return 0;
}
