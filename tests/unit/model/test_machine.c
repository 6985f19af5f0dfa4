#include "iotopx/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SECOND UINT64_C(1000000000)
#define ALL (MACHINE_VMSTAT | MACHINE_MEMINFO | MACHINE_PRESSURE | MACHINE_CPU | MACHINE_DISKS | MACHINE_NFS)

static void assert_close(double got, double wanted)
{
	if (got < wanted - 1e-9 || got > wanted + 1e-9)
		fail_msg("%.12f is not %.12f", got, wanted);
}

static struct device_counters disk(const char *name, unsigned minor, uint64_t reads, uint64_t io_ms)
{
	struct device_counters device = {
		.major = 8,
		.minor = minor,
		.reads = reads,
		.read_sectors = reads * 8,
		.read_ms = reads / 2,
		.io_ms = io_ms,
		.weighted_ms = io_ms * 2,
		.has_discards = true,
		.has_flushes = true,
		.whole_disk = true,
	};

	snprintf(device.name, sizeof(device.name), "%s", name);
	return device;
}

static struct machine_delta compute(const struct machine_counters *older, const struct machine_counters *newer)
{
	struct machine_delta delta;

	memset(&delta, 0xa5, sizeof(delta)); /* nothing of what was there before may stay */
	assert_int_equal(machine_delta_compute(&delta, older, newer), 0);
	return delta;
}

static void test_actual_is_kib(void **state)
{
	struct machine_counters older = { .known = ALL, .time_ns = SECOND, .pgpgin_kib = 100, .pgpgout_kib = 7 };
	struct machine_counters newer = older;
	struct machine_delta delta;

	(void)state;
	newer.time_ns = 3 * SECOND;
	newer.pgpgin_kib += 20480;
	newer.pgpgout_kib += 3;
	delta = compute(&older, &newer);
	assert_true(delta.known & MACHINE_VMSTAT);
	assert_int_equal(delta.elapsed_ns, 2 * SECOND);
	assert_int_equal(delta.actual_read_bytes, 20 << 20);
	assert_int_equal(delta.actual_write_bytes, 3 * 1024);
	machine_delta_free(&delta);
}

static void test_unknown_stays_unknown(void **state)
{
	struct machine_counters older = { .known = ALL & ~(uint32_t)MACHINE_VMSTAT, .time_ns = SECOND };
	struct machine_counters newer = { .known = ALL & ~(uint32_t)MACHINE_PRESSURE, .time_ns = 2 * SECOND };
	struct machine_delta delta;

	(void)state;
	newer.cpu_idle = 100;
	delta = compute(&older, &newer);
	assert_false(delta.known & MACHINE_VMSTAT);
	assert_false(delta.known & MACHINE_PRESSURE);
	assert_true(delta.known & MACHINE_CPU);
	machine_delta_free(&delta);
}

static void test_vmstat_going_down_is_unknown(void **state)
{
	struct machine_counters older = { .known = ALL, .time_ns = SECOND, .pgpgin_kib = 5000, .pgpgout_kib = 1 };
	struct machine_counters newer = { .known = ALL, .time_ns = 2 * SECOND, .pgpgin_kib = 4999, .pgpgout_kib = 2 };
	struct machine_delta delta = compute(&older, &newer);

	(void)state;
	assert_false(delta.known & MACHINE_VMSTAT);
	assert_int_equal(delta.actual_write_bytes, 0);
	machine_delta_free(&delta);
}

/* Dirty memory is a level: one reading is enough. */
static void test_levels_need_the_newer_reading_only(void **state)
{
	struct machine_counters older = { .known = 0, .time_ns = SECOND };
	struct machine_counters newer = {
		.known = ALL, .time_ns = 2 * SECOND, .dirty_bytes = 4096, .writeback_bytes = 8192
	};
	struct machine_delta delta = compute(&older, &newer);

	(void)state;
	assert_int_equal(delta.known, MACHINE_MEMINFO);
	assert_int_equal(delta.dirty_bytes, 4096);
	assert_int_equal(delta.writeback_bytes, 8192);
	machine_delta_free(&delta);
}

static void test_pressure(void **state)
{
	struct machine_counters older = { .known = ALL, .time_ns = SECOND, .io_some_us = 1000, .io_full_us = 500 };
	struct machine_counters newer = {
		.known = ALL,
		.time_ns = 3 * SECOND,
		.io_some_us = 1000 + 500000,
		.io_full_us = 500 + 2000400, /* the clocks of both are not read at once: never above 1 */
		.io_some_avg10 = 12.5,
		.io_full_avg300 = 0.25,
	};
	struct machine_delta delta = compute(&older, &newer);

	(void)state;
	assert_true(delta.known & MACHINE_PRESSURE);
	assert_close(delta.io_some_ratio, 0.25);
	assert_close(delta.io_full_ratio, 1);
	assert_close(delta.io_some_avg10, 12.5);
	assert_close(delta.io_full_avg300, 0.25);
	machine_delta_free(&delta);
}

static void test_cpu_shares(void **state)
{
	struct machine_counters older = { .known = ALL, .time_ns = SECOND, .cpu_user = 1000, .cpu_iowait = 50 };
	struct machine_counters newer = older;
	struct machine_delta delta;

	(void)state;
	newer.time_ns += SECOND;
	newer.cpu_user += 20;
	newer.cpu_system += 30;
	newer.cpu_idle += 100;
	newer.cpu_iowait += 40;
	newer.cpu_steal += 10;
	delta = compute(&older, &newer);
	assert_true(delta.known & MACHINE_CPU);
	assert_close(delta.cpu_user, 0.10);
	assert_close(delta.cpu_system, 0.15);
	assert_close(delta.cpu_iowait, 0.20);
	assert_close(delta.cpu_steal, 0.05);
	machine_delta_free(&delta);

	/* iowait goes down now and then: no share, and no harm to the others */
	newer.cpu_iowait = older.cpu_iowait - 1;
	delta = compute(&older, &newer);
	assert_close(delta.cpu_iowait, 0);
	assert_close(delta.cpu_user, 20.0 / 160);
	machine_delta_free(&delta);

	/* an interval shorter than a tick */
	delta = compute(&older, &older);
	assert_false(delta.known & MACHINE_CPU);
	machine_delta_free(&delta);
}

static void test_devices(void **state)
{
	struct device_counters before[] = { disk("sda", 0, 100, 1000), disk("sdb", 16, 50, 10) };
	struct device_counters after[] = { disk("sda", 0, 130, 1600), disk("sdb", 16, 50, 10) };
	struct machine_counters older = { .known = ALL, .time_ns = SECOND, .devices = before, .device_count = 2 };
	struct machine_counters newer = { .known = ALL, .time_ns = 2 * SECOND, .devices = after, .device_count = 2 };
	struct machine_delta delta;
	double util = -1;

	(void)state;
	after[0].discards = 3;
	after[0].discard_sectors = 16;
	after[0].flushes = 2;
	after[0].in_flight = 4;
	before[0].in_flight = 9;
	delta = compute(&older, &newer);
	assert_int_equal(delta.device_count, 2);
	assert_string_equal(delta.devices[0].name, "sda");
	assert_int_equal(delta.devices[0].major, 8);
	assert_int_equal(delta.devices[0].reads, 30);
	assert_int_equal(delta.devices[0].read_bytes, 30 * 8 * 512);
	assert_int_equal(delta.devices[0].read_ms, 15);
	assert_int_equal(delta.devices[0].discards, 3);
	assert_int_equal(delta.devices[0].discard_bytes, 8192);
	assert_int_equal(delta.devices[0].flushes, 2);
	assert_int_equal(delta.devices[0].io_ms, 600);
	assert_int_equal(delta.devices[0].weighted_ms, 1200);
	assert_int_equal(delta.devices[0].in_flight, 4);
	assert_true(delta.devices[0].has_discards && delta.devices[0].has_flushes);
	assert_ptr_equal(machine_busiest(&delta, &util), &delta.devices[0]);
	assert_close(util, 0.6);
	machine_delta_free(&delta);
	assert_null(delta.devices);
}

/* Removed, added, replaced under the same numbers, and begun anew: each without a delta. The order may change. */
static void test_devices_that_come_and_go(void **state)
{
	struct device_counters before[] = { disk("sda", 0, 100, 10), disk("sdb", 16, 1, 1), disk("sdc", 32, 500, 50),
					    disk("dm-0", 48, 9, 9) };
	struct device_counters after[] = { disk("sdc", 32, 499, 60), disk("sdd", 64, 7, 7), disk("dm-1", 48, 20, 20),
					   disk("sda", 0, 101, 11) };
	struct machine_counters older = { .known = ALL, .time_ns = SECOND, .devices = before, .device_count = 4 };
	struct machine_counters newer = { .known = ALL, .time_ns = 2 * SECOND, .devices = after, .device_count = 4 };
	struct machine_delta delta = compute(&older, &newer);

	(void)state;
	assert_int_equal(delta.device_count, 1);
	assert_string_equal(delta.devices[0].name, "sda");
	assert_int_equal(delta.devices[0].reads, 1);
	machine_delta_free(&delta);
}

/* The times are printed with 32 bits by every kernel, so a busy disk's wrap after some weeks. */
static void test_32_bit_fields_wrap(void **state)
{
	struct device_counters before[] = { disk("sda", 0, 100, UINT32_MAX - 99) };
	struct device_counters after[] = { disk("sda", 0, 100, 400) };
	struct machine_counters older = { .known = ALL, .time_ns = SECOND, .devices = before, .device_count = 1 };
	struct machine_counters newer = { .known = ALL, .time_ns = 2 * SECOND, .devices = after, .device_count = 1 };
	struct machine_delta delta;

	(void)state;
	before[0].weighted_ms = 5;
	after[0].weighted_ms = 6;
	before[0].read_sectors = UINT32_MAX;
	after[0].read_sectors = 1;
	delta = compute(&older, &newer);
	assert_int_equal(delta.device_count, 1);
	assert_int_equal(delta.devices[0].io_ms, 500);
	assert_int_equal(delta.devices[0].weighted_ms, 1);
	assert_int_equal(delta.devices[0].read_bytes, 2 * 512);
	machine_delta_free(&delta);

	/* from the top to the middle is no wrap */
	before[0].read_sectors = 3500000000;
	after[0].read_sectors = 2000000000;
	delta = compute(&older, &newer);
	assert_int_equal(delta.device_count, 0);
	machine_delta_free(&delta);

	/* 64-bit values do not wrap */
	after[0].read_sectors = 1;
	before[0].read_sectors = (uint64_t)UINT32_MAX + 10;
	delta = compute(&older, &newer);
	assert_int_equal(delta.device_count, 0);
	assert_null(delta.devices);
	machine_delta_free(&delta);
}

static void test_busiest(void **state)
{
	struct device_delta devices[] = {
		{ .name = "loop0", .io_ms = 900 },
		{ .name = "sda", .io_ms = 100, .whole_disk = true },
		{ .name = "sda1", .io_ms = 100 },
		{ .name = "sdb", .io_ms = 1001, .whole_disk = true },
	};
	struct machine_delta delta = { .elapsed_ns = SECOND, .devices = devices, .device_count = 4 };
	double util = -1;

	(void)state;
	assert_string_equal(machine_busiest(&delta, &util)->name, "sdb");
	assert_close(util, 1); /* the kernel's ticks and our clock may differ by one */
	devices[3].io_ms = devices[1].io_ms = 0;
	util = -1;
	assert_null(machine_busiest(&delta, &util));
	assert_close(util, -1);
	devices[1].io_ms = 1;
	delta.elapsed_ns = 0;
	assert_null(machine_busiest(&delta, &util));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_actual_is_kib),
		cmocka_unit_test(test_unknown_stays_unknown),
		cmocka_unit_test(test_vmstat_going_down_is_unknown),
		cmocka_unit_test(test_levels_need_the_newer_reading_only),
		cmocka_unit_test(test_pressure),
		cmocka_unit_test(test_cpu_shares),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_devices_that_come_and_go),
		cmocka_unit_test(test_32_bit_fields_wrap),
		cmocka_unit_test(test_busiest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
