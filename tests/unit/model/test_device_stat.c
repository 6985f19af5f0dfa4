#include "iotopx/device_stat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static void assert_close(double got, double wanted)
{
	if (got < wanted - 1e-9 || got > wanted + 1e-9)
		fail_msg("%.12f is not %.12f", got, wanted);
}

static bool known(const struct device_stat *stat, enum device_figure figure)
{
	return stat->known & 1u << figure;
}

/* Each figure as iostat -x defines it, in our units. */
static void test_figures(void **state)
{
	static const struct device_info info = { .model = "DISK" };
	const struct device_delta delta = {
		.name = "sda",
		.has_discards = true,
		.has_flushes = true,
		.reads = 100,
		.reads_merged = 20,
		.read_bytes = 409600,
		.read_ms = 250,
		.writes = 50,
		.writes_merged = 10,
		.write_bytes = 819200,
		.write_ms = 1000,
		.discards = 4,
		.discard_bytes = 8192,
		.discard_ms = 2,
		.flushes = 5,
		.flush_ms = 30,
		.io_ms = 600,
		.weighted_ms = 3000,
		.in_flight = 3,
	};
	static const struct {
		enum device_figure figure;
		double value;
	} wanted[] = {
		{ DEVICE_READS, 50 },           { DEVICE_WRITES, 25 },         { DEVICE_DISCARDS, 2 },
		{ DEVICE_FLUSHES, 2.5 },        { DEVICE_READ_BYTES, 204800 }, { DEVICE_WRITE_BYTES, 409600 },
		{ DEVICE_DISCARD_BYTES, 4096 }, { DEVICE_READ_MERGES, 10 },    { DEVICE_WRITE_MERGES, 5 },
		{ DEVICE_READ_WAIT, 2.5e6 },    { DEVICE_WRITE_WAIT, 20e6 },   { DEVICE_DISCARD_WAIT, 0.5e6 },
		{ DEVICE_FLUSH_WAIT, 6e6 },     { DEVICE_READ_SIZE, 4096 },    { DEVICE_WRITE_SIZE, 16384 },
		{ DEVICE_REQUEST_SIZE, 8192 },  { DEVICE_QUEUE, 1.5 },         { DEVICE_UTIL, 0.3 },
		{ DEVICE_IN_FLIGHT, 3 },
	};
	struct device_stat stat;

	(void)state;
	assert_int_equal(sizeof(wanted) / sizeof(wanted[0]), DEVICE_FIGURE_COUNT);
	device_stat_compute(&stat, &delta, 2 * SECOND, &info);
	assert_ptr_equal(stat.delta, &delta);
	assert_ptr_equal(stat.info, &info);
	assert_true(stat.active);
	for (size_t i = 0; i < DEVICE_FIGURE_COUNT; i++) {
		assert_true(known(&stat, wanted[i].figure));
		assert_close(stat.figure[wanted[i].figure], wanted[i].value);
	}
}

/* No operations: rates are 0, means are unknown. */
static void test_idle(void **state)
{
	const struct device_delta delta = { .name = "sda", .has_discards = true, .has_flushes = true };
	struct device_stat stat;

	(void)state;
	device_stat_compute(&stat, &delta, SECOND, NULL);
	assert_false(stat.active);
	assert_true(known(&stat, DEVICE_READS) && known(&stat, DEVICE_FLUSHES) && known(&stat, DEVICE_UTIL));
	assert_close(stat.figure[DEVICE_READS], 0);
	assert_false(known(&stat, DEVICE_READ_WAIT));
	assert_false(known(&stat, DEVICE_WRITE_WAIT));
	assert_false(known(&stat, DEVICE_DISCARD_WAIT));
	assert_false(known(&stat, DEVICE_FLUSH_WAIT));
	assert_false(known(&stat, DEVICE_READ_SIZE));
	assert_false(known(&stat, DEVICE_WRITE_SIZE));
	assert_false(known(&stat, DEVICE_REQUEST_SIZE));
}

/* Kernels that do not count discards or flushes leave them unknown, not 0. */
static void test_old_kernel(void **state)
{
	const struct device_delta delta = { .name = "sda", .reads = 1 };
	struct device_stat stat;

	(void)state;
	device_stat_compute(&stat, &delta, SECOND, NULL);
	assert_false(known(&stat, DEVICE_DISCARDS));
	assert_false(known(&stat, DEVICE_DISCARD_BYTES));
	assert_false(known(&stat, DEVICE_FLUSHES));
	assert_true(known(&stat, DEVICE_READS));
}

static void test_limits(void **state)
{
	struct device_delta delta = { .name = "sda", .io_ms = 1004, .in_flight = 1 };
	struct device_stat stat;

	(void)state;
	device_stat_compute(&stat, &delta, SECOND, NULL);
	assert_close(stat.figure[DEVICE_UTIL], 1);
	delta.io_ms = 0;
	device_stat_compute(&stat, &delta, 0, NULL);
	assert_int_equal(stat.known, 1u << DEVICE_IN_FLIGHT);
	assert_true(stat.active); /* one request that is still under way */
}

static void test_parents(void **state)
{
	struct device_delta devices[] = {
		{ .name = "sda", .major = 8, .minor = 0, .whole_disk = true },
		{ .name = "sda1", .major = 8, .minor = 1 },
		{ .name = "nvme0n1", .major = 259, .minor = 0, .whole_disk = true },
		{ .name = "nvme0n1p12", .major = 259, .minor = 1 },
		{ .name = "loop0", .major = 7, .minor = 0 },
		{ .name = "loop0p1", .major = 259, .minor = 2 },
		{ .name = "md127", .major = 9, .minor = 127, .whole_disk = true },
		{ .name = "sdz3", .major = 65, .minor = 3 },
	};
	struct machine_delta machine = { .devices = devices, .device_count = sizeof(devices) / sizeof(devices[0]) };
	const struct device_info partition = { .partition = true, .parent_major = 9, .parent_minor = 127 };
	const struct device_info whole = { .partition = false };

	(void)state;
	assert_ptr_equal(device_find(&machine, 259, 1), &devices[3]);
	assert_null(device_find(&machine, 259, 9));
	assert_null(device_parent(&machine, &devices[0], NULL));
	assert_ptr_equal(device_parent(&machine, &devices[1], NULL), &devices[0]);
	assert_null(device_parent(&machine, &devices[2], NULL));
	assert_ptr_equal(device_parent(&machine, &devices[3], NULL), &devices[2]);
	assert_null(device_parent(&machine, &devices[4], NULL));
	assert_ptr_equal(device_parent(&machine, &devices[5], NULL), &devices[4]);
	assert_null(device_parent(&machine, &devices[6], NULL));
	assert_null(device_parent(&machine, &devices[7], NULL)); /* its disk is not there */
	/* what is known goes before what a name looks like */
	assert_ptr_equal(device_parent(&machine, &devices[1], &partition), &devices[6]);
	assert_null(device_parent(&machine, &devices[1], &whole));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures), cmocka_unit_test(test_idle),    cmocka_unit_test(test_old_kernel),
		cmocka_unit_test(test_limits),  cmocka_unit_test(test_parents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
