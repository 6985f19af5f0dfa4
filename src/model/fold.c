#include "fold.h"
#include "iotopx/array.h"
#include "iotopx/hash.h"
#include "iotopx/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t fold_hash(const struct task_info *info, enum fold_level level)
{
	uint64_t hash = HASH_START + (uint64_t)level;

	hash = hash_bytes(hash, &info->uid, sizeof(info->uid));
	hash = hash_text(hash, info->unit);
	hash = hash_text(hash, info->container);
	if (level != FOLD_OTHER)
		hash = hash_text(hash, task_info_command(info));
	if (level == FOLD_EXITED)
		hash = hash_bytes(hash, &info->ppid, sizeof(info->ppid));
	if (level == FOLD_PROCESS) {
		hash = hash_bytes(hash, &info->process.tid, sizeof(info->process.tid));
		hash = hash_bytes(hash, &info->process.start_ns, sizeof(info->process.start_ns));
	}
	return hash ^ (hash >> 29);
}

bool fold_same(const struct task_info *one, const struct task_info *other, enum fold_level level)
{
	if (one->uid != other->uid || !text_same(one->unit, other->unit) ||
	    !text_same(one->container, other->container))
		return false;
	if (level == FOLD_OTHER)
		return true;
	if (strcmp(task_info_command(one), task_info_command(other)) != 0)
		return false;
	if (level == FOLD_EXITED)
		return one->ppid == other->ppid;
	return one->process.tid == other->process.tid && one->process.start_ns == other->process.start_ns;
}

enum fold_level fold_level_of(const struct task_delta *task)
{
	if (task->flags & DELTA_OTHER)
		return FOLD_OTHER;
	return task->info->process.tid ? FOLD_PROCESS : FOLD_EXITED;
}

void fold_index_reset(struct fold_index *index)
{
	if (index->count)
		memset(index->slots, 0xff, index->capacity * sizeof(*index->slots));
	index->count = 0;
}

void fold_index_free(struct fold_index *index)
{
	free(index->slots);
	*index = (struct fold_index){ 0 };
}

uint32_t fold_find(const struct fold_index *index, const struct task_delta *tasks, const struct task_info *info,
		   enum fold_level level)
{
	if (!index->capacity)
		return IDMAP_NONE;
	for (size_t at = fold_hash(info, level) & (index->capacity - 1);; at = (at + 1) & (index->capacity - 1)) {
		uint32_t slot = index->slots[at];

		if (slot == IDMAP_NONE)
			return IDMAP_NONE;
		if (fold_level_of(&tasks[slot]) == level && fold_same(tasks[slot].info, info, level))
			return slot;
	}
}

static void place(struct fold_index *index, const struct task_delta *tasks, uint32_t slot)
{
	size_t at = fold_hash(tasks[slot].info, fold_level_of(&tasks[slot])) & (index->capacity - 1);

	while (index->slots[at] != IDMAP_NONE)
		at = (at + 1) & (index->capacity - 1);
	index->slots[at] = slot;
	index->count++;
}

int fold_insert(struct fold_index *index, const struct task_delta *tasks, uint32_t slot)
{
	if ((index->count + 1) * 2 > index->capacity) {
		struct fold_index larger = { .capacity = index->capacity ? index->capacity * 2 : 64 };

		larger.slots = malloc(larger.capacity * sizeof(*larger.slots));
		if (!larger.slots)
			return -ENOMEM;
		memset(larger.slots, 0xff, larger.capacity * sizeof(*larger.slots));
		for (size_t at = 0; at < index->capacity; at++)
			if (index->slots[at] != IDMAP_NONE)
				place(&larger, tasks, index->slots[at]);
		free(index->slots);
		*index = larger;
	}
	place(index, tasks, slot);
	return 0;
}

struct task_info *fold_info(const struct task_info *info, enum fold_level level)
{
	struct task_info *folded = task_info_new();

	if (!folded)
		return NULL;
	folded->uid = info->uid;
	folded->cgroup = level == FOLD_OTHER ? NULL : info->cgroup;
	folded->unit = info->unit;
	folded->container = info->container;
	folded->unit_approximate = info->unit_approximate;
	if (level == FOLD_OTHER) {
		memcpy(folded->comm, "other", sizeof("other"));
		return folded;
	}
	memcpy(folded->comm, task_info_command(info), sizeof(folded->comm));
	folded->ppid = info->ppid;
	folded->own = info->own;
	if (level == FOLD_PROCESS) {
		folded->process = info->process;
		folded->approximate_process = info->approximate_process;
	}
	return folded;
}

static uint64_t larger_of(uint64_t one, uint64_t other)
{
	return one > other ? one : other;
}

void fold_merge(struct task_delta *into, const struct task_delta *part)
{
	counters_add(&into->delta, &part->delta);
	into->exits += part->exits;
	into->processes += part->processes;
	into->busiest_blkio_ns = larger_of(into->busiest_blkio_ns, part->busiest_blkio_ns);
	into->busiest_swapin_ns = larger_of(into->busiest_swapin_ns, part->busiest_swapin_ns);
	into->lived_ns = larger_of(into->lived_ns, part->lived_ns);
	into->age_ns = larger_of(into->age_ns, part->age_ns);
	into->flags |= part->flags & (DELTA_GROUP_DEAD | DELTA_NO_DELAYS);
}

uint64_t fold_weight(const struct task_delta *task)
{
	uint64_t weight = 0;

	for (int counter = COUNTER_READ; counter <= COUNTER_WRITE_CHAR; counter++)
		weight += task->delta.value[counter];
	return weight + task->delta.value[COUNTER_BLKIO_COUNT];
}
