/* Living tasks have an entry each, found by their info: a task that is renamed or moved goes on in a new entry, and
 * its past stays with the keys it had. Folded entries are found by what they fold. */
#include "iotopx/accumulator.h"
#include "cgroup_delta.h"
#include "exited.h"
#include "fold.h"
#include "iotopx/array.h"

#include <errno.h>
#include <stdlib.h>

#define ENTRY_GONE (1u << 31) /* beside enum delta_flag: folded away, leaves when the entries are compacted */

struct accumulator {
	size_t max_entries;
	struct interval sum;      /* its tasks have a place more than there are, until the row of nobody has it */
	struct task_info *nobody; /* who did what there is no memory for */
	uint32_t diverted;        /* the counters of which some went to where it does not belong: bits */
	uint32_t *by_info;        /* slots of sum.tasks by info pointer: open addressing, IDMAP_NONE free */
	size_t by_info_capacity;
	size_t living;
	struct fold_index folds;
	struct cgroup_index cgroups; /* of sum.cgroups */
	struct exited exited;        /* in the interval being added */
	bool cgroups_missed;         /* there was no memory for one */
	bool started;
};

struct accumulator *accumulator_open(size_t max_entries)
{
	struct accumulator *accumulator = calloc(1, sizeof(*accumulator));

	if (!accumulator)
		return NULL;
	accumulator->max_entries = max_entries;
	accumulator->sum.refs = 1;
	accumulator->sum.delayacct = -1;
	accumulator->sum.total.known = COUNTERS_ALL;
	accumulator->sum.baseline = true;
	accumulator->nobody = fold_info(&(struct task_info){ .uid = UINT32_MAX }, FOLD_OTHER);
	if (!accumulator->nobody || array_reserve_raw((void **)&accumulator->sum.tasks, &accumulator->sum.capacity, 1,
						      sizeof(*accumulator->sum.tasks))) {
		accumulator_close(accumulator);
		return NULL;
	}
	return accumulator;
}

static void forget_idle(struct interval *sum)
{
	for (size_t i = 0; i < sum->idle_count; i++)
		task_info_unref(sum->idle[i].info);
	sum->idle_count = 0;
}

void accumulator_close(struct accumulator *accumulator)
{
	if (!accumulator)
		return;
	for (size_t i = 0; i < accumulator->sum.count; i++)
		task_info_unref(accumulator->sum.tasks[i].info);
	free(accumulator->sum.tasks);
	task_info_unref(accumulator->nobody);
	forget_idle(&accumulator->sum);
	free(accumulator->sum.idle);
	free(accumulator->sum.cgroups);
	free(accumulator->by_info);
	fold_index_free(&accumulator->folds);
	cgroup_index_free(&accumulator->cgroups);
	exited_free(&accumulator->exited);
	free(accumulator);
}

static size_t info_slot(const struct accumulator *accumulator, const struct task_info *info)
{
	uint64_t hash = (uint64_t)(uintptr_t)info * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(hash >> 20) & (accumulator->by_info_capacity - 1);

	while (accumulator->by_info[at] != IDMAP_NONE && accumulator->sum.tasks[accumulator->by_info[at]].info != info)
		at = (at + 1) & (accumulator->by_info_capacity - 1);
	return at;
}

static struct task_delta *find_living(const struct accumulator *accumulator, const struct task_info *info)
{
	if (!accumulator->by_info_capacity)
		return NULL;
	uint32_t slot = accumulator->by_info[info_slot(accumulator, info)];

	return slot == IDMAP_NONE ? NULL : &accumulator->sum.tasks[slot];
}

/* Both indexes anew, after entries have gone or moved; folded entries of one key become one. One that does not fit into
 * its index is not found again: it stays a row of its own. */
static void reindex(struct accumulator *accumulator)
{
	size_t kept = 0;

	for (size_t i = 0; i < accumulator->by_info_capacity; i++)
		accumulator->by_info[i] = IDMAP_NONE;
	fold_index_reset(&accumulator->folds);
	accumulator->living = 0;
	for (size_t i = 0; i < accumulator->sum.count; i++) {
		struct task_delta *tasks = accumulator->sum.tasks;
		enum fold_level level = fold_level_of(&tasks[i]);
		uint32_t same;

		if (!(tasks[i].flags & DELTA_FOLDED)) {
			tasks[kept] = tasks[i];
			accumulator->by_info[info_slot(accumulator, tasks[kept].info)] = (uint32_t)kept;
			accumulator->living++;
			kept++;
			continue;
		}
		same = fold_find(&accumulator->folds, tasks, tasks[i].info, level);
		if (same != IDMAP_NONE) {
			fold_merge(&tasks[same], &tasks[i]);
			task_info_unref(tasks[i].info);
			continue;
		}
		tasks[kept] = tasks[i];
		(void)fold_insert(&accumulator->folds, tasks, (uint32_t)kept);
		kept++;
	}
	accumulator->sum.count = kept;
}

/* Room for so many living entries, at most half full. 0 or -ENOMEM. */
static int reserve_living(struct accumulator *accumulator, size_t living)
{
	size_t capacity = accumulator->by_info_capacity ? accumulator->by_info_capacity : 64;
	uint32_t *slots;

	while (capacity < living * 2)
		capacity *= 2;
	if (capacity == accumulator->by_info_capacity)
		return 0;
	slots = realloc(accumulator->by_info, capacity * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	accumulator->by_info = slots;
	accumulator->by_info_capacity = capacity;
	reindex(accumulator);
	return 0;
}

/* A new entry. One place more is kept free, for the row of what finds no other. NULL on ENOMEM. */
static struct task_delta *add_entry(struct accumulator *accumulator)
{
	struct interval *sum = &accumulator->sum;

	if (array_reserve_raw((void **)&sum->tasks, &sum->capacity, sum->count + 2, sizeof(*sum->tasks)))
		return NULL;
	return interval_add(sum);
}

static struct task_delta *fold_entry(struct accumulator *accumulator, const struct task_info *info,
				     enum fold_level level)
{
	uint32_t slot = fold_find(&accumulator->folds, accumulator->sum.tasks, info, level);

	if (slot != IDMAP_NONE)
		return &accumulator->sum.tasks[slot];
	struct task_info *folded = fold_info(info, level);
	struct task_delta *task = folded ? add_entry(accumulator) : NULL;

	if (!task) {
		task_info_unref(folded);
		return NULL;
	}
	task->info = folded;
	task->flags = DELTA_FOLDED | DELTA_EXITED | (level == FOLD_OTHER ? DELTA_OTHER : 0u);
	task->delta.known = COUNTERS_ALL;
	(void)fold_insert(&accumulator->folds, accumulator->sum.tasks, (uint32_t)(accumulator->sum.count - 1));
	return task;
}

static int add_folded(struct accumulator *accumulator, const struct task_delta *part, enum fold_level level)
{
	struct task_delta *task = fold_entry(accumulator, part->info, level);

	if (!task)
		return -ENOMEM;
	fold_merge(task, part);
	return 0;
}

/* The row of nobody: for it there is always a place. */
static struct task_delta *nobodys_entry(struct accumulator *accumulator)
{
	struct interval *sum = &accumulator->sum;
	struct task_delta *task;

	for (size_t i = 0; i < sum->count; i++)
		if (sum->tasks[i].flags & DELTA_OTHER && fold_same(sum->tasks[i].info, accumulator->nobody, FOLD_OTHER))
			return &sum->tasks[i];
	task = interval_add(sum);
	task->info = task_info_ref(accumulator->nobody);
	task->flags = DELTA_FOLDED | DELTA_OTHER;
	task->delta.known = COUNTERS_ALL;
	(void)fold_insert(&accumulator->folds, sum->tasks, (uint32_t)(sum->count - 1));
	return task;
}

/* The part is not where it belongs: from then on any row may lack what is in another. */
static void note_crowded(struct accumulator *accumulator, const struct task_delta *part)
{
	for (int counter = 0; counter < COUNTER_COUNT; counter++)
		if (part->delta.value[counter])
			accumulator->diverted |= COUNTER_BIT(counter);
	accumulator->sum.crowded = true;
}

/* What there is no memory for goes where it needs none: with its user, unit and container if they are there, else to
 * nobody. */
static void divert(struct accumulator *accumulator, const struct task_delta *part)
{
	struct interval *sum = &accumulator->sum;
	uint32_t slot = fold_find(&accumulator->folds, sum->tasks, part->info, FOLD_OTHER);
	struct task_delta *task = slot != IDMAP_NONE ? &sum->tasks[slot] : nobodys_entry(accumulator);

	if (!(part->flags & DELTA_EXITED)) /* it is not all of exited tasks any more */
		task->flags &= ~(uint32_t)DELTA_EXITED;
	fold_merge(task, part);
	note_crowded(accumulator, part);
}

static struct task_delta *living_entry(struct accumulator *accumulator, struct task_info *info)
{
	struct task_delta *task = find_living(accumulator, info);

	if (task)
		return task;
	if (reserve_living(accumulator, accumulator->living + 1))
		return NULL;
	task = add_entry(accumulator);
	if (!task)
		return NULL;
	task->info = task_info_ref(info);
	accumulator->by_info[info_slot(accumulator, info)] = (uint32_t)(accumulator->sum.count - 1);
	accumulator->living++;
	return task;
}

static int add_living(struct accumulator *accumulator, const struct task_delta *part)
{
	struct task_delta *task = living_entry(accumulator, part->info);

	if (!task)
		return -ENOMEM;
	if (task->delta.known || task->delta.approximate)
		counters_add(&task->delta, &part->delta);
	else
		task->delta = part->delta;
	/* One task's own delay: intervals add up, where members of a fold compete. */
	task->busiest_blkio_ns += part->busiest_blkio_ns;
	task->busiest_swapin_ns += part->busiest_swapin_ns;
	task->state = part->state;
	task->flags = part->flags & (DELTA_STUCK | DELTA_NO_DELAYS);
	task->lifetime_read = part->lifetime_read;
	task->lifetime_write = part->lifetime_write;
	return 0;
}

/* Where a delta goes: to its task while that lives, else to the level at which it folds. */
static int add_delta(struct accumulator *accumulator, const struct task_delta *task)
{
	if (task->flags & DELTA_OTHER)
		return add_folded(accumulator, task, FOLD_OTHER);
	if (exited_process(&accumulator->exited, task->info->process))
		return add_folded(accumulator, task, FOLD_EXITED);
	if (task->flags & DELTA_FOLDED)
		return add_folded(accumulator, task, task->info->process.tid ? FOLD_PROCESS : FOLD_EXITED);
	if (task->flags & DELTA_EXITED)
		return add_folded(accumulator, task, FOLD_PROCESS);
	return add_living(accumulator, task);
}

/* The level at which an entry folds now, -1: it stays. */
static int level_after(const struct accumulator *accumulator, const struct task_delta *entry)
{
	if (exited_process(&accumulator->exited, entry->info->process))
		return FOLD_EXITED;
	if (!(entry->flags & DELTA_FOLDED) && exited_task(&accumulator->exited, entry->info->id))
		return FOLD_PROCESS;
	return -1;
}

/* Entries of tasks and processes that are no more fold; what they summed up stays. Without memory they stay beside what
 * they would fold into, as exited. */
static void fold_dead(struct accumulator *accumulator)
{
	size_t count = accumulator->sum.count, kept = 0, gone = 0;

	if (exited_nobody(&accumulator->exited))
		return;
	for (size_t i = 0; i < count; i++) {
		struct task_delta entry = accumulator->sum.tasks[i];
		int level = level_after(accumulator, &entry);

		if (level < 0)
			continue;
		if (add_folded(accumulator, &entry, (enum fold_level)level)) {
			accumulator->sum.tasks[i].flags |= DELTA_EXITED;
			note_crowded(accumulator, &entry);
			continue;
		}
		accumulator->sum.tasks[i].flags |= ENTRY_GONE;
		gone++;
	}
	if (!gone)
		return;
	for (size_t i = 0; i < accumulator->sum.count; i++) {
		if (accumulator->sum.tasks[i].flags & ENTRY_GONE)
			task_info_unref(accumulator->sum.tasks[i].info);
		else
			accumulator->sum.tasks[kept++] = accumulator->sum.tasks[i];
	}
	accumulator->sum.count = kept;
	reindex(accumulator);
}

/* One that does not fit into the index gets a second entry. */
static void reindex_cgroups(struct accumulator *accumulator)
{
	cgroup_index_reset(&accumulator->cgroups);
	for (size_t i = 0; i < accumulator->sum.cgroup_count; i++)
		(void)cgroup_index_insert(&accumulator->cgroups, accumulator->sum.cgroups, (uint32_t)i);
}

/* Those that there was no memory for are not known; the others of their unit are less than it did, and so are they
 * themselves if they come again. */
static void add_cgroups(struct accumulator *accumulator, const struct interval *interval)
{
	struct interval *sum = &accumulator->sum;

	if (cgroup_deltas_add(sum, &accumulator->cgroups, interval))
		accumulator->cgroups_missed = sum->crowded = true;
	for (size_t i = 0; i < sum->cgroup_count && accumulator->cgroups_missed; i++)
		sum->cgroups[i].approximate = true;
}

/* Without memory there are more than that for a while. */
static void keep_cap(struct accumulator *accumulator)
{
	if (accumulator->sum.count <= accumulator->max_entries &&
	    accumulator->sum.cgroup_count <= accumulator->max_entries)
		return;
	(void)interval_fold(&accumulator->sum, accumulator->max_entries / 4 * 3);
	reindex(accumulator);
	reindex_cgroups(accumulator);
}

static void add_machine(struct machine_delta *sum, const struct machine_delta *delta)
{
	uint64_t actual_read = sum->actual_read_bytes + delta->actual_read_bytes;
	uint64_t actual_write = sum->actual_write_bytes + delta->actual_write_bytes;
	uint64_t elapsed = sum->elapsed_ns + delta->elapsed_ns;
	uint32_t known = sum->known | delta->known;

	*sum = *delta; /* levels: those of the last interval */
	sum->devices = NULL;
	sum->device_count = 0;
	sum->nfs = (struct nfs_mounts){ 0 };
	sum->actual_read_bytes = actual_read;
	sum->actual_write_bytes = actual_write;
	sum->elapsed_ns = elapsed;
	sum->known = known & ~(uint32_t)(MACHINE_DISKS | MACHINE_NFS);
}

static void add_head(struct accumulator *accumulator, const struct interval *interval)
{
	struct interval *sum = &accumulator->sum;

	/* What was missed once is missing from the sum. */
	sum->exits_known = interval->exits_known && (sum->exits_known || !accumulator->started);
	if (!accumulator->started && !interval->baseline) {
		accumulator->started = true;
		sum->begin_ns = interval->begin_ns;
		sum->measured_ns = interval_measured_ns(interval);
		sum->baseline = false;
	} else if (interval->baseline) {
		sum->begin_ns = interval->end_ns;
	} else {
		sum->measured_ns += interval_measured_ns(interval);
	}
	sum->end_ns = interval->end_ns;
	sum->end_wall_ms = interval->end_wall_ms;
	sum->all_tasks = interval->all_tasks;
	sum->delayacct = interval->delayacct;
	sum->cgroup_io = interval->cgroup_io;
	sum->cgroup_pressure = interval->cgroup_pressure;
	sum->lost_exits += interval->lost_exits;
	sum->task_count = interval->task_count;
	sum->process_count = interval->process_count;
	sum->exited += interval->exited;
	sum->unrecorded += interval->unrecorded;
	sum->gap |= interval->gap;
	counters_add(&sum->total, &interval->total);
	add_machine(&sum->machine, &interval->machine);
}

/* What the entries of living tasks tell of now; and what any entry may lack. */
static void refresh_entries(struct accumulator *accumulator)
{
	struct interval *sum = &accumulator->sum;
	uint64_t length = interval_measured_ns(sum);

	for (size_t i = 0; i < sum->count; i++) {
		struct task_delta *task = &sum->tasks[i];
		uint64_t start = task->info->id.start_ns;

		task->delta.approximate |= accumulator->diverted & task->delta.known;
		if (task->flags & (DELTA_FOLDED | DELTA_EXITED))
			continue;
		task->age_ns = sum->end_ns > start ? sum->end_ns - start : 0;
		task->lived_ns = task->age_ns < length ? task->age_ns : length;
	}
}

static int list_idle(struct accumulator *accumulator, const struct interval *interval)
{
	struct interval *sum = &accumulator->sum;

	forget_idle(sum);
	if (array_reserve_raw((void **)&sum->idle, &sum->idle_capacity, interval->idle_count, sizeof(*sum->idle)))
		return -ENOMEM;
	for (size_t i = 0; i < interval->idle_count; i++) {
		struct task_delta *task = find_living(accumulator, interval->idle[i].info);

		if (task) {
			task->state = interval->idle[i].state;
			continue;
		}
		sum->idle[sum->idle_count] = interval->idle[i];
		sum->idle[sum->idle_count].known &= ~accumulator->diverted; /* it may have done what is elsewhere */
		task_info_ref(sum->idle[sum->idle_count++].info);
	}
	return 0;
}

int accumulator_add(struct accumulator *accumulator, const struct interval *interval)
{
	exited_note(&accumulator->exited, interval);
	for (size_t i = 0; i < accumulator->sum.count; i++)
		accumulator->sum.tasks[i].flags &= ~(uint32_t)DELTA_STUCK;
	for (size_t i = 0; i < interval->count; i++)
		if (add_delta(accumulator, &interval->tasks[i]))
			divert(accumulator, &interval->tasks[i]);
	fold_dead(accumulator);
	add_cgroups(accumulator, interval);
	keep_cap(accumulator);
	add_head(accumulator, interval);
	refresh_entries(accumulator);
	return list_idle(accumulator, interval);
}

const struct interval *accumulator_interval(struct accumulator *accumulator)
{
	return &accumulator->sum;
}
