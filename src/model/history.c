#include "iotopx/history.h"
#include "iotopx/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How many tasks of an interval stay single, the first time and the second time that room is needed. */
static const size_t fold_keeps[] = { 64, 16 };
#define FOLD_LEVELS (sizeof(fold_keeps) / sizeof(fold_keeps[0]))

struct entry {
	struct interval *interval;
	size_t bytes;
	unsigned level; /* index into fold_keeps[] of the next fold; FOLD_LEVELS: as small as it gets */
};

/* A ring: entries[first] is the oldest. */
struct history {
	struct entry *entries;
	size_t capacity, first, count;
	size_t bytes, max_bytes;
};

static struct entry *entry_at(const struct history *history, size_t age_order)
{
	return &history->entries[(history->first + age_order) % history->capacity];
}

struct history *history_open(size_t max_bytes)
{
	struct history *history = calloc(1, sizeof(*history));

	if (history)
		history->max_bytes = max_bytes;
	return history;
}

void history_close(struct history *history)
{
	if (!history)
		return;
	for (size_t i = 0; i < history->count; i++)
		interval_unref(entry_at(history, i)->interval);
	free(history->entries);
	free(history);
}

static int copy_mount(struct nfs_mount *to, const struct nfs_mount *from)
{
	*to = *from;
	to->mount = strdup(from->mount ? from->mount : "");
	to->device = strdup(from->device ? from->device : "");
	to->version = strdup(from->version ? from->version : "");
	to->ops = NULL;
	to->op_count = to->op_capacity = 0;
	if (!to->mount || !to->device || !to->version)
		return -ENOMEM;
	if (!from->op_count)
		return 0;
	to->ops = malloc(from->op_count * sizeof(*to->ops));
	if (!to->ops)
		return -ENOMEM;
	memcpy(to->ops, from->ops, from->op_count * sizeof(*to->ops));
	to->op_count = to->op_capacity = from->op_count;
	return 0;
}

/* On failure *to holds what machine_delta_free can free. */
static int copy_machine(struct machine_delta *to, const struct machine_delta *from)
{
	*to = *from;
	to->devices = NULL;
	to->device_count = 0;
	to->nfs = (struct nfs_mounts){ .time_ns = from->nfs.time_ns };
	if (from->device_count) {
		to->devices = malloc(from->device_count * sizeof(*to->devices));
		if (!to->devices)
			return -ENOMEM;
		memcpy(to->devices, from->devices, from->device_count * sizeof(*to->devices));
		to->device_count = from->device_count;
	}
	for (size_t i = 0; i < from->nfs.count; i++) {
		struct nfs_mount *mount = array_append(&to->nfs);

		if (!mount || copy_mount(mount, &from->nfs.items[i]))
			return -ENOMEM;
	}
	return 0;
}

static int copy_cgroups(struct interval *to, const struct interval *from)
{
	if (!from->cgroup_count)
		return 0;
	to->cgroups = malloc(from->cgroup_count * sizeof(*to->cgroups));
	if (!to->cgroups)
		return -ENOMEM;
	memcpy(to->cgroups, from->cgroups, from->cgroup_count * sizeof(*to->cgroups));
	to->cgroup_count = to->cgroup_capacity = from->cgroup_count;
	return 0;
}

struct interval *history_copy_interval(const struct interval *interval)
{
	struct interval *copy = interval_new();

	if (!copy)
		return NULL;
	*copy = *interval;
	copy->refs = 1;
	copy->tasks = NULL;
	copy->count = copy->capacity = 0;
	copy->idle = NULL;
	copy->idle_count = copy->idle_capacity = 0;
	copy->cgroups = NULL;
	copy->cgroup_count = copy->cgroup_capacity = 0;
	if (copy_machine(&copy->machine, &interval->machine))
		goto fail;
	if (copy_cgroups(copy, interval))
		goto fail;
	if (interval->count) {
		copy->tasks = malloc(interval->count * sizeof(*copy->tasks));
		if (!copy->tasks)
			goto fail;
		memcpy(copy->tasks, interval->tasks, interval->count * sizeof(*copy->tasks));
		copy->count = copy->capacity = interval->count;
		for (size_t i = 0; i < copy->count; i++)
			task_info_ref(copy->tasks[i].info);
	}
	return copy;
fail:
	interval_unref(copy);
	return NULL;
}

/* An info is charged to the interval that is its only holder so far. Those that the books hold too cost nothing
 * extra while their task lives, and outlive it only in the interval it exited in. */
static size_t interval_cost(const struct interval *interval)
{
	size_t bytes = sizeof(*interval) + interval->capacity * sizeof(*interval->tasks) +
		       interval->cgroup_capacity * sizeof(*interval->cgroups) + machine_delta_bytes(&interval->machine);

	for (size_t i = 0; i < interval->count; i++) {
		const struct task_info *info = interval->tasks[i].info;

		if (interval->tasks[i].flags & (DELTA_EXITED | DELTA_BORN | DELTA_FOLDED | DELTA_OTHER))
			bytes += sizeof(*info) + (info->cmdline ? strlen(info->cmdline) + 1 : 0);
	}
	return bytes;
}

static void drop_oldest(struct history *history)
{
	struct entry *oldest = entry_at(history, 0);

	history->bytes -= oldest->bytes;
	interval_unref(oldest->interval);
	*oldest = (struct entry){ 0 };
	history->first = (history->first + 1) % history->capacity;
	history->count--;
}

/* It stays for long, and does not grow again. */
static void fit(struct interval *interval)
{
	struct task_delta *fitted =
	    interval->count ? realloc(interval->tasks, interval->count * sizeof(*fitted)) : NULL;

	if (!fitted)
		return;
	interval->tasks = fitted;
	interval->capacity = interval->count;
}

static int fold_entry(struct history *history, struct entry *entry)
{
	int error = interval_fold(entry->interval, fold_keeps[entry->level]);

	fit(entry->interval);
	history->bytes -= entry->bytes;
	entry->bytes = interval_cost(entry->interval);
	history->bytes += entry->bytes;
	if (!error)
		entry->level++;
	return error;
}

/* The oldest that can still be folded, those least folded first; the newest only when nothing else is left. */
static struct entry *next_to_fold(const struct history *history)
{
	for (unsigned level = 0; level < FOLD_LEVELS; level++)
		for (size_t i = 0; i + 1 < history->count; i++)
			if (entry_at(history, i)->level <= level)
				return entry_at(history, i);
	return NULL;
}

/* Folding fails only for want of memory: then the oldest leaves at once, which gives some back. */
static void make_room(struct history *history)
{
	while (history->bytes > history->max_bytes && history->count > 1) {
		struct entry *entry = next_to_fold(history);

		if (!entry || fold_entry(history, entry))
			drop_oldest(history);
	}
	struct entry *newest = entry_at(history, 0);

	while (history->bytes > history->max_bytes && newest->level < FOLD_LEVELS && !fold_entry(history, newest))
		;
}

static int grow(struct history *history)
{
	size_t capacity = history->capacity ? history->capacity * 2 : 64;
	struct entry *entries = calloc(capacity, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < history->count; i++)
		entries[i] = *entry_at(history, i);
	free(history->entries);
	history->entries = entries;
	history->capacity = capacity;
	history->first = 0;
	return 0;
}

int history_add(struct history *history, const struct interval *interval)
{
	if (history->count == history->capacity && grow(history))
		return -ENOMEM;
	struct interval *copy = history_copy_interval(interval);

	if (!copy)
		return -ENOMEM;
	struct entry entry = { .interval = copy, .bytes = interval_cost(copy) };

	history->count++;
	*entry_at(history, history->count - 1) = entry;
	history->bytes += entry.bytes;
	make_room(history);
	return 0;
}

size_t history_bytes(const struct history *history)
{
	return history->bytes;
}

size_t history_count(const struct history *history)
{
	return history->count;
}

const struct interval *history_get(const struct history *history, size_t steps_back)
{
	if (steps_back >= history->count)
		return NULL;
	return entry_at(history, history->count - 1 - steps_back)->interval;
}
