#include "iotopx/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_FIRST_CAPACITY 8u
#define IDMAP_FIRST_CAPACITY 16u

int array_reserve_raw(void **items, size_t *capacity, size_t need, size_t item_size)
{
	size_t grown = *capacity + *capacity / 2;
	size_t bytes;
	void *moved;

	if (need <= *capacity)
		return 0;
	if (grown < need)
		grown = need;
	if (grown < ARRAY_FIRST_CAPACITY)
		grown = ARRAY_FIRST_CAPACITY;
	if (__builtin_mul_overflow(grown, item_size, &bytes))
		return -ENOMEM;
	moved = realloc(*items, bytes);
	if (!moved)
		return -ENOMEM;
	*items = moved;
	*capacity = grown;
	return 0;
}

void *array_append_raw(void **items, size_t *count, size_t *capacity, size_t item_size)
{
	char *item;

	if (*count == SIZE_MAX || array_reserve_raw(items, capacity, *count + 1, item_size) < 0)
		return NULL;
	item = (char *)*items + *count * item_size;
	memset(item, 0, item_size);
	(*count)++;
	return item;
}

/* Ids are PIDs and the like, mostly consecutive: a multiplication spreads them over the high bits. */
static size_t idmap_home(const struct idmap *map, uint32_t key)
{
	return (size_t)(((uint64_t)key * 0x9E3779B97F4A7C15u) >> 32) & (map->capacity - 1);
}

/* The place of `key`, or the free one where it would go. The map is never full. */
static size_t idmap_find(const struct idmap *map, uint32_t key)
{
	size_t at = idmap_home(map, key);

	while (map->keys[at] != 0 && map->keys[at] != key)
		at = (at + 1) & (map->capacity - 1);
	return at;
}

static int idmap_grow(struct idmap *map)
{
	struct idmap grown = { .capacity = map->capacity ? map->capacity * 2 : IDMAP_FIRST_CAPACITY,
			       .count = map->count };

	grown.keys = calloc(grown.capacity, sizeof(*grown.keys));
	grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
	if (!grown.keys || !grown.slots) {
		idmap_free(&grown);
		return -ENOMEM;
	}
	for (size_t i = 0; i < map->capacity; i++) {
		size_t at;

		if (map->keys[i] == 0)
			continue;
		at = idmap_find(&grown, map->keys[i]);
		grown.keys[at] = map->keys[i];
		grown.slots[at] = map->slots[i];
	}
	idmap_free(map);
	*map = grown;
	return 0;
}

int idmap_set(struct idmap *map, uint32_t key, uint32_t slot)
{
	size_t at;

	if (map->capacity > 0) {
		at = idmap_find(map, key);
		if (map->keys[at] == key) {
			map->slots[at] = slot;
			return 0;
		}
	}
	/* At most half full: probes stay short. */
	if (map->count + 1 > map->capacity / 2) {
		int error = idmap_grow(map);

		if (error < 0)
			return error;
	}
	at = idmap_find(map, key);
	map->keys[at] = key;
	map->slots[at] = slot; /* NOLINT(clang-analyzer-unix.Malloc): those of the grown map, not those it freed */
	map->count++;
	return 0;
}

uint32_t idmap_get(const struct idmap *map, uint32_t key)
{
	size_t at;

	if (map->count == 0 || key == 0)
		return IDMAP_NONE;
	at = idmap_find(map, key);
	return map->keys[at] == key ? map->slots[at] : IDMAP_NONE;
}

void idmap_remove(struct idmap *map, uint32_t key)
{
	size_t mask = map->capacity - 1;
	size_t hole, next;

	if (map->count == 0 || key == 0)
		return;
	hole = idmap_find(map, key);
	if (map->keys[hole] != key)
		return;
	map->keys[hole] = 0;
	map->count--;
	/* Moves back what had been pushed past the hole, so that no tombstones pile up under churn. */
	for (next = (hole + 1) & mask; map->keys[next] != 0; next = (next + 1) & mask) {
		size_t home = idmap_home(map, map->keys[next]);

		if (((next - home) & mask) < ((next - hole) & mask))
			continue;
		map->keys[hole] = map->keys[next];
		map->slots[hole] = map->slots[next];
		map->keys[next] = 0;
		hole = next;
	}
}

void idmap_free(struct idmap *map)
{
	free(map->keys);
	free(map->slots);
	*map = (struct idmap){ 0 };
}
