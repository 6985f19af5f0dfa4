#include "exited.h"

#include <errno.h>
#include <stdlib.h>

static void identities_reset(struct identities *set)
{
	for (size_t i = 0; i < set->count; i++)
		idmap_remove(&set->by_tid, (uint32_t)set->items[i].tid);
	set->count = 0;
}

static void identities_free(struct identities *set)
{
	idmap_free(&set->by_tid);
	free(set->items);
}

static bool same_id(struct task_id one, struct task_id other)
{
	return one.tid == other.tid && one.start_ns == other.start_ns;
}

/* One TID may be there more than once, reused within the interval: items are chained by searching from the newest. */
static int identities_add(struct identities *set, struct task_id id)
{
	struct task_id *item = array_append(set);

	if (!item)
		return -ENOMEM;
	*item = id;
	return idmap_set(&set->by_tid, (uint32_t)id.tid, (uint32_t)(set->count - 1));
}

static bool identities_have(const struct identities *set, struct task_id id)
{
	uint32_t slot = set->count && id.tid > 0 ? idmap_get(&set->by_tid, (uint32_t)id.tid) : IDMAP_NONE;

	if (slot == IDMAP_NONE)
		return false;
	/* Nearly always the newest; an older user of the TID stands before it. */
	for (size_t i = slot + 1; i-- > 0;)
		if (same_id(set->items[i], id))
			return true;
	return false;
}

void exited_free(struct exited *exited)
{
	identities_free(&exited->processes);
	identities_free(&exited->tasks);
	*exited = (struct exited){ 0 };
}

/* One that exited and stands by itself; with it all of its process if `group`. */
static bool is_exit(const struct task_delta *task, bool group)
{
	return task->flags & DELTA_EXITED && !(task->flags & DELTA_FOLDED) &&
	       (!group || task->flags & DELTA_GROUP_DEAD);
}

void exited_note(struct exited *exited, const struct interval *interval)
{
	int error = 0;

	identities_reset(&exited->processes);
	identities_reset(&exited->tasks);
	for (size_t i = 0; i < interval->count && !error; i++) {
		const struct task_delta *task = &interval->tasks[i];

		if (is_exit(task, false))
			error = identities_add(&exited->tasks, task->info->id);
		if (!error && is_exit(task, true))
			error = identities_add(&exited->processes, task->info->process);
	}
	exited->interval = interval;
	exited->complete = !error;
}

bool exited_nobody(const struct exited *exited)
{
	return exited->complete && exited->tasks.count == 0;
}

bool exited_process(const struct exited *exited, struct task_id process)
{
	const struct interval *interval = exited->interval;

	if (exited->complete || process.tid <= 0)
		return identities_have(&exited->processes, process);
	for (size_t i = 0; i < interval->count; i++)
		if (is_exit(&interval->tasks[i], true) && same_id(interval->tasks[i].info->process, process))
			return true;
	return false;
}

bool exited_task(const struct exited *exited, struct task_id task)
{
	const struct interval *interval = exited->interval;

	if (exited->complete)
		return identities_have(&exited->tasks, task);
	for (size_t i = 0; i < interval->count; i++)
		if (is_exit(&interval->tasks[i], false) && same_id(interval->tasks[i].info->id, task))
			return true;
	return false;
}
