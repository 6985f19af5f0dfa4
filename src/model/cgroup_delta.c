#include "cgroup_delta.h"
#include "iotopx/array.h"
#include "iotopx/hash.h"
#include "iotopx/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void add_bytes(struct cgroup_delta *into, const struct cgroup_delta *part)
{
	if (!into->io_known)
		into->read_bytes = into->write_bytes = 0;
	into->approximate |= part->approximate || into->io_known != part->io_known;
	into->io_known |= part->io_known;
	into->read_bytes += part->io_known ? part->read_bytes : 0;
	into->write_bytes += part->io_known ? part->write_bytes : 0;
}

void cgroup_delta_add(struct cgroup_delta *into, const struct cgroup_delta *part)
{
	add_bytes(into, part);
	if (!part->pressure_known)
		return;
	into->pressure_known = true;
	into->some_us += part->some_us;
	into->full_us += part->full_us;
}

void cgroup_delta_join(struct cgroup_delta *into, const struct cgroup_delta *part)
{
	add_bytes(into, part);
	if (!part->pressure_known)
		return;
	into->pressure_known = true;
	if (part->some_us > into->some_us)
		into->some_us = part->some_us;
	if (part->full_us > into->full_us)
		into->full_us = part->full_us;
}

static size_t key_hash(const struct cgroup_delta *key)
{
	uint64_t hash = hash_text(HASH_START, key->cgroup);

	if (!key->cgroup)
		hash = hash_text(hash_text(hash, key->unit), key->container);
	return (size_t)(hash ^ (hash >> 29));
}

static bool same_key(const struct cgroup_delta *one, const struct cgroup_delta *other)
{
	if (one->cgroup || other->cgroup)
		return text_same(one->cgroup, other->cgroup);
	return text_same(one->unit, other->unit) && text_same(one->container, other->container);
}

void cgroup_index_reset(struct cgroup_index *index)
{
	if (index->count)
		memset(index->slots, 0xff, index->capacity * sizeof(*index->slots));
	index->count = 0;
}

void cgroup_index_free(struct cgroup_index *index)
{
	free(index->slots);
	*index = (struct cgroup_index){ 0 };
}

/* Where it is, or the free place where it belongs. */
static uint32_t *place_of(const struct cgroup_index *index, const struct cgroup_delta *items,
			  const struct cgroup_delta *key)
{
	size_t at = key_hash(key) & (index->capacity - 1);

	while (index->slots[at] != IDMAP_NONE && !same_key(&items[index->slots[at]], key))
		at = (at + 1) & (index->capacity - 1);
	return &index->slots[at];
}

uint32_t cgroup_index_find(const struct cgroup_index *index, const struct cgroup_delta *items,
			   const struct cgroup_delta *key)
{
	return index->capacity ? *place_of(index, items, key) : IDMAP_NONE;
}

int cgroup_index_reserve(struct cgroup_index *index, const struct cgroup_delta *items, size_t more)
{
	struct cgroup_index larger = { .capacity = index->capacity ? index->capacity : 64, .count = index->count };

	while (larger.capacity < (index->count + more) * 2)
		larger.capacity *= 2;
	if (larger.capacity == index->capacity)
		return 0;
	larger.slots = malloc(larger.capacity * sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	memset(larger.slots, 0xff, larger.capacity * sizeof(*larger.slots));
	for (size_t at = 0; at < index->capacity; at++)
		if (index->slots[at] != IDMAP_NONE)
			*place_of(&larger, items, &items[index->slots[at]]) = index->slots[at];
	free(index->slots);
	*index = larger;
	return 0;
}

int cgroup_index_insert(struct cgroup_index *index, const struct cgroup_delta *items, uint32_t slot)
{
	if (cgroup_index_reserve(index, items, 1))
		return -ENOMEM;
	*place_of(index, items, &items[slot]) = slot;
	index->count++;
	return 0;
}

int cgroup_deltas_add(struct interval *sum, struct cgroup_index *index, const struct interval *part)
{
	int error = 0;

	for (size_t i = 0; i < part->cgroup_count; i++) {
		const struct cgroup_delta *cgroup = &part->cgroups[i];
		uint32_t slot = cgroup_index_find(index, sum->cgroups, cgroup);
		struct cgroup_delta *entry;

		if (slot != IDMAP_NONE) {
			cgroup_delta_add(&sum->cgroups[slot], cgroup);
			continue;
		}
		entry = interval_add_cgroup(sum);
		if (!entry) {
			error = -ENOMEM;
			continue;
		}
		*entry = *cgroup;
		(void)cgroup_index_insert(index, sum->cgroups, (uint32_t)(sum->cgroup_count - 1));
	}
	return error;
}

int cgroup_deltas_fold(struct interval *interval)
{
	struct cgroup_index index = { 0 };
	size_t kept = 0, i = 0;
	int error = 0;

	for (; i < interval->cgroup_count && !error; i++) {
		struct cgroup_delta folded = interval->cgroups[i];
		uint32_t slot;

		folded.cgroup = NULL;
		slot = cgroup_index_find(&index, interval->cgroups, &folded);
		if (slot != IDMAP_NONE) {
			cgroup_delta_join(&interval->cgroups[slot], &folded);
			continue;
		}
		interval->cgroups[kept] = folded;
		error = cgroup_index_insert(&index, interval->cgroups, (uint32_t)kept);
		kept++;
	}
	memmove(&interval->cgroups[kept], &interval->cgroups[i],
		(interval->cgroup_count - i) * sizeof(*interval->cgroups));
	interval->cgroup_count = kept + interval->cgroup_count - i;
	cgroup_index_free(&index);
	return error;
}
