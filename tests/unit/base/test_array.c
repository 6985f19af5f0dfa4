/* Growable arrays, and the map of ids. */
#include "iotopx/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct numbers {
	uint64_t *items;
	size_t count, capacity;
};

static void append_gives_zeroed_items_that_stay(void **state)
{
	struct numbers numbers = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t *item = array_append(&numbers);

		assert_non_null(item);
		assert_int_equal(*item, 0);
		*item = i * 3;
	}
	assert_int_equal(numbers.count, 1000);
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(numbers.items[i], i * 3);
	free(numbers.items);
}

static void reserve_never_shrinks(void **state)
{
	struct numbers numbers = { 0 };
	size_t capacity;

	(void)state;
	assert_int_equal(array_reserve(&numbers, 100), 0);
	capacity = numbers.capacity;
	assert_true(capacity >= 100);
	assert_int_equal(array_reserve(&numbers, 10), 0);
	assert_int_equal(numbers.capacity, capacity);
	assert_int_equal(numbers.count, 0);
	free(numbers.items);
}

static void reserve_grows_by_half(void **state)
{
	struct numbers numbers = { 0 };

	(void)state;
	assert_int_equal(array_reserve(&numbers, 1000), 0);
	assert_int_equal(array_reserve(&numbers, 1001), 0);
	assert_true(numbers.capacity >= 1500);
	free(numbers.items);
}

static void reserve_refuses_what_overflows(void **state)
{
	struct numbers numbers = { 0 };

	(void)state;
	assert_non_null(array_append(&numbers));
	numbers.items[0] = 42;
	assert_int_equal(array_reserve(&numbers, SIZE_MAX / 4), -ENOMEM);
	assert_int_equal(numbers.items[0], 42);
	assert_int_equal(numbers.count, 1);
	free(numbers.items);
}

static void map_answers_when_empty(void **state)
{
	struct idmap map = { 0 };

	(void)state;
	assert_int_equal(idmap_get(&map, 7), IDMAP_NONE);
	assert_int_equal(idmap_get(&map, 0), IDMAP_NONE);
	idmap_remove(&map, 7);
	idmap_free(&map);
}

static void map_replaces_and_removes(void **state)
{
	struct idmap map = { 0 };

	(void)state;
	assert_int_equal(idmap_set(&map, 7, 1), 0);
	assert_int_equal(idmap_set(&map, 7, 2), 0);
	assert_int_equal(map.count, 1);
	assert_int_equal(idmap_get(&map, 7), 2);
	idmap_remove(&map, 7);
	idmap_remove(&map, 7);
	assert_int_equal(map.count, 0);
	assert_int_equal(idmap_get(&map, 7), IDMAP_NONE);
	idmap_free(&map);
	assert_int_equal(map.capacity, 0);
}

static void map_does_not_grow_under_churn(void **state)
{
	struct idmap map = { 0 };
	size_t capacity;

	(void)state;
	for (uint32_t i = 1; i <= 100; i++)
		assert_int_equal(idmap_set(&map, i, i), 0);
	capacity = map.capacity;
	for (uint32_t i = 101; i <= 100000; i++) {
		idmap_remove(&map, i - 100);
		assert_int_equal(idmap_set(&map, i, i), 0);
	}
	assert_int_equal(map.capacity, capacity);
	assert_int_equal(map.count, 100);
	idmap_free(&map);
}

#define MODEL_KEYS 512

/* Against a plain array: random sets and removes over few keys, so that chains of probes form and break. */
static void map_agrees_with_a_plain_array(void **state)
{
	unsigned seed = getenv("TEST_SEED") ? (unsigned)strtoul(getenv("TEST_SEED"), NULL, 10) : 20240607u;
	uint32_t expected[MODEL_KEYS + 1];
	struct idmap map = { 0 };

	(void)state;
	print_message("seed %u\n", seed);
	memset(expected, 0xff, sizeof(expected));
	for (unsigned step = 0; step < 200000; step++) {
		/* Far apart, so that they meet by hash and not by neighbourhood. */
		uint32_t index = (uint32_t)(rand_r(&seed) % MODEL_KEYS) + 1;
		uint32_t key = index * 7919u;

		if (rand_r(&seed) % 2) {
			expected[index] = step;
			assert_int_equal(idmap_set(&map, key, step), 0);
		} else {
			expected[index] = IDMAP_NONE;
			idmap_remove(&map, key);
		}
		if (step % 1000 != 0)
			continue;
		for (uint32_t i = 1; i <= MODEL_KEYS; i++)
			assert_int_equal(idmap_get(&map, i * 7919u), expected[i]);
	}
	idmap_free(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(append_gives_zeroed_items_that_stay),
		cmocka_unit_test(reserve_never_shrinks),
		cmocka_unit_test(reserve_grows_by_half),
		cmocka_unit_test(reserve_refuses_what_overflows),
		cmocka_unit_test(map_answers_when_empty),
		cmocka_unit_test(map_replaces_and_removes),
		cmocka_unit_test(map_does_not_grow_under_churn),
		cmocka_unit_test(map_agrees_with_a_plain_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
