/* Sums of intervals with holes between them: a rate is over the time that was measured. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "iotopx/accumulator.h"
#include "iotopx/merger.h"

#define SECOND 1000000000u

/* In [begin, end] seconds, `rate` bytes a second were written, and reached the disk. */
static struct interval *make_interval(uint64_t begin, uint64_t end, uint64_t rate)
{
	struct interval *interval = interval_new();

	assert_non_null(interval);
	interval->begin_ns = begin * SECOND;
	interval->end_ns = end * SECOND;
	interval->total.known = COUNTERS_ALL;
	interval->total.value[COUNTER_WRITE] = (end - begin) * rate;
	interval->machine.actual_write_bytes = (end - begin) * rate;
	interval->machine.elapsed_ns = (end - begin) * SECOND;
	return interval;
}

/* A recorder was off from 2 to 10 and from 11 to 20. */
static const uint64_t parts[][2] = { { 1, 2 }, { 10, 11 }, { 20, 22 } };
#define PARTS (sizeof(parts) / sizeof(*parts))

static void check(const struct interval *sum)
{
	assert_int_equal(sum->begin_ns, 1 * (uint64_t)SECOND);
	assert_int_equal(sum->end_ns, 22 * (uint64_t)SECOND);
	assert_float_equal(interval_seconds(sum), 4, 1e-9);
	/* Total and Actual of one story are divided by the same. */
	assert_int_equal(interval_measured_ns(sum), sum->machine.elapsed_ns);
	assert_int_equal(sum->total.value[COUNTER_WRITE], sum->machine.actual_write_bytes);
}

static void test_merged(void **state)
{
	struct merger *merger = merger_open();

	(void)state;
	assert_non_null(merger);
	for (size_t i = 0; i < PARTS; i++) {
		struct interval *part = make_interval(parts[i][0], parts[i][1], 100);

		assert_int_equal(merger_add(merger, part), 0);
		interval_unref(part);
	}
	struct interval *sum = merger_take(merger);

	check(sum);
	interval_unref(sum);
	merger_close(merger);
}

static void test_accumulated(void **state)
{
	struct accumulator *accumulator = accumulator_open(1000);

	(void)state;
	assert_non_null(accumulator);
	for (size_t i = 0; i < PARTS; i++) {
		struct interval *part = make_interval(parts[i][0], parts[i][1], 100);

		assert_int_equal(accumulator_add(accumulator, part), 0);
		interval_unref(part);
	}
	check(accumulator_interval(accumulator));
	accumulator_close(accumulator);
}

/* A recorder went on after a reboot with the clock set back. */
static void test_back_in_time(void **state)
{
	static const uint64_t back[][2] = { { 10, 11 }, { 20, 22 }, { 10, 13 } };
	struct merger *merger = merger_open();
	struct accumulator *accumulator = accumulator_open(1000);
	struct interval *sum;

	(void)state;
	assert_non_null(merger);
	assert_non_null(accumulator);
	for (size_t i = 0; i < 3; i++) {
		struct interval *part = make_interval(back[i][0], back[i][1], 100);

		assert_int_equal(merger_add(merger, part), 0);
		assert_int_equal(accumulator_add(accumulator, part), 0);
		interval_unref(part);
	}
	sum = merger_take(merger);
	assert_float_equal(interval_seconds(sum), 6, 1e-9);
	assert_float_equal(interval_seconds(accumulator_interval(accumulator)), 6, 1e-9);
	interval_unref(sum);
	merger_close(merger);
	accumulator_close(accumulator);
}

/* Sums of sums: the holes within the parts count too. */
static void test_sums_of_merged(void **state)
{
	struct merger *merger = merger_open();
	struct accumulator *accumulator = accumulator_open(1000);

	(void)state;
	assert_non_null(merger);
	assert_non_null(accumulator);
	for (size_t i = 0; i < PARTS; i++) {
		struct interval *part = make_interval(parts[i][0], parts[i][1], 100);

		assert_int_equal(merger_add(merger, part), 0);
		interval_unref(part);
		if (i == 0)
			continue;
		part = merger_take(merger);
		assert_int_equal(accumulator_add(accumulator, part), 0);
		interval_unref(part);
	}
	check(accumulator_interval(accumulator));
	merger_close(merger);
	accumulator_close(accumulator);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merged),
		cmocka_unit_test(test_accumulated),
		cmocka_unit_test(test_back_in_time),
		cmocka_unit_test(test_sums_of_merged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
