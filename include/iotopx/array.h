/* Growable arrays, and a map from 32-bit ids to 32-bit slots.
 *
 * An array is any struct with `items`, `count` and `capacity`; a zeroed one is empty.
 * The owner of the struct owns `items` and frees it with free().
 */
#ifndef IOTOPX_ARRAY_H
#define IOTOPX_ARRAY_H

#include <stddef.h>
#include <stdint.h>

/* Makes room for `need` items of `item_size`; grows by half, never shrinks. 0 or -ENOMEM (array untouched). */
int array_reserve_raw(void **items, size_t *capacity, size_t need, size_t item_size);

#define array_reserve(array, need) \
	array_reserve_raw((void **)&(array)->items, &(array)->capacity, (need), sizeof(*(array)->items))

/* Appends one zeroed item and yields its address, NULL on ENOMEM. The address lives until the next append. */
void *array_append_raw(void **items, size_t *count, size_t *capacity, size_t item_size);

#define array_append(array) \
	array_append_raw((void **)&(array)->items, &(array)->count, &(array)->capacity, sizeof(*(array)->items))

/* Open addressing; key 0 is not allowed; no allocation but to grow. A zeroed map is empty. */
struct idmap {
	uint32_t *keys;
	uint32_t *slots;
	size_t capacity; /* power of two, or 0 */
	size_t count;
};

#define IDMAP_NONE UINT32_MAX

int idmap_set(struct idmap *map, uint32_t key, uint32_t slot); /* 0 or -ENOMEM */
uint32_t idmap_get(const struct idmap *map, uint32_t key);     /* IDMAP_NONE when absent */
void idmap_remove(struct idmap *map, uint32_t key);
void idmap_free(struct idmap *map);

#endif
