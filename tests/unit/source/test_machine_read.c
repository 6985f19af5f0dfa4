#include "iotopx/machine_read.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void assert_close(double got, double wanted)
{
	if (got < wanted - 1e-9 || got > wanted + 1e-9)
		fail_msg("%.12f is not %.12f", got, wanted);
}

static void test_vmstat(void **state)
{
	struct machine_counters counters = { 0 };

	(void)state;
	assert_int_equal(
	    machine_parse_vmstat("nr_free_pages 1\npgpgin 1940213\npgpgout 2514952\npswpin 9\n", &counters), 0);
	assert_int_equal(counters.pgpgin_kib, 1940213);
	assert_int_equal(counters.pgpgout_kib, 2514952);
	assert_int_equal(counters.known, MACHINE_VMSTAT);
	assert_int_equal(machine_parse_vmstat("xpgpgin 1\npgpgout 2\n", &counters), -EINVAL);
	assert_int_equal(machine_parse_vmstat("pgpgin\npgpgout 2\n", &counters), -EINVAL);
	assert_int_equal(machine_parse_vmstat("", &counters), -EINVAL);
	assert_int_equal(counters.pgpgin_kib, 1940213);
}

static void test_meminfo(void **state)
{
	struct machine_counters counters = { 0 };

	(void)state;
	assert_int_equal(machine_parse_meminfo("MemTotal: 1 kB\nDirty:   9776 kB\nWriteback:   12 kB\n"
					       "WritebackTmp:   5 kB\n",
					       &counters),
			 0);
	assert_int_equal(counters.dirty_bytes, 9776 * 1024);
	assert_int_equal(counters.writeback_bytes, 12 * 1024);
	assert_int_equal(machine_parse_meminfo("Dirty:   9776 kB\nWritebackTmp:   5 kB\n", &counters), -EINVAL);
}

static void test_pressure(void **state)
{
	struct machine_counters counters = { 0 };

	(void)state;
	assert_int_equal(machine_parse_pressure("some avg10=1.50 avg60=0.07 avg300=100.00 total=5312629\n"
						"full avg10=0.25 avg60=0.05 avg300=0.21 total=4518623\n",
						&counters),
			 0);
	assert_close(counters.io_some_avg10, 1.5);
	assert_close(counters.io_some_avg60, 0.07);
	assert_close(counters.io_some_avg300, 100);
	assert_int_equal(counters.io_some_us, 5312629);
	assert_close(counters.io_full_avg10, 0.25);
	assert_close(counters.io_full_avg60, 0.05);
	assert_close(counters.io_full_avg300, 0.21);
	assert_int_equal(counters.io_full_us, 4518623);
	assert_int_equal(machine_parse_pressure("some avg10=1.50 avg60=0.07 avg300=0.29 total=1\n", &counters),
			 -EINVAL);
	assert_int_equal(machine_parse_pressure("some avg10=1.50\nfull avg10=0.25\n", &counters), -EINVAL);
}

static void test_cpu(void **state)
{
	struct machine_counters counters = { 0 };

	(void)state;
	assert_int_equal(machine_parse_cpu("cpu  100 20 30 4000 50 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n", &counters),
			 0);
	assert_int_equal(counters.cpu_user, 120);
	assert_int_equal(counters.cpu_system, 43);
	assert_int_equal(counters.cpu_idle, 4000);
	assert_int_equal(counters.cpu_iowait, 50);
	assert_int_equal(counters.cpu_steal, 8);
	assert_int_equal(machine_parse_cpu("cpu0 1 2 3 4 5 6 7 8 9 10\n", &counters), -EINVAL);
	assert_int_equal(machine_parse_cpu("cpu  1 2 3\n", &counters), -EINVAL);
}

static void test_diskstats(void **state)
{
	struct machine_counters counters = { 0 };
	const struct device_counters *vda;

	(void)state;
	/* the fields of 5.5, of 4.18 and of the kernels before */
	assert_int_equal(machine_parse_diskstats(" 254       0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"
						 "   8       1 sda1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n"
						 " 259       2 nvme0n1p2 18446744073709551615 2 3 4 5 6 7 8 9 10 11\n"
						 "   7       0 loop0 1 2 3 4 5 6 7 8 9 10 11\n"
						 " 259       0 nvme0n1 1 2 3 4 5 6 7 8 9 10 11\n"
						 " 252       0 dm-0 1 2 3 4 5 6 7 8 9 10 11\n"
						 " 253       0 zram0 1 2 3 4 5 6 7 8 9 10 11\n"
						 "   9     127 md127 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19\n",
						 &counters),
			 0);
	assert_int_equal(counters.device_count, 8);
	vda = &counters.devices[0];
	assert_string_equal(vda->name, "vda");
	assert_int_equal(vda->major, 254);
	assert_int_equal(vda->minor, 0);
	assert_int_equal(vda->reads, 1);
	assert_int_equal(vda->reads_merged, 2);
	assert_int_equal(vda->read_sectors, 3);
	assert_int_equal(vda->read_ms, 4);
	assert_int_equal(vda->writes, 5);
	assert_int_equal(vda->writes_merged, 6);
	assert_int_equal(vda->write_sectors, 7);
	assert_int_equal(vda->write_ms, 8);
	assert_int_equal(vda->in_flight, 9);
	assert_int_equal(vda->io_ms, 10);
	assert_int_equal(vda->weighted_ms, 11);
	assert_int_equal(vda->discards, 12);
	assert_int_equal(vda->discards_merged, 13);
	assert_int_equal(vda->discard_sectors, 14);
	assert_int_equal(vda->discard_ms, 15);
	assert_int_equal(vda->flushes, 16);
	assert_int_equal(vda->flush_ms, 17);
	assert_true(vda->has_discards && vda->has_flushes && vda->whole_disk);
	assert_true(counters.devices[1].has_discards && !counters.devices[1].has_flushes);
	assert_false(counters.devices[1].whole_disk);
	assert_false(counters.devices[2].has_discards);
	assert_false(counters.devices[2].whole_disk);
	assert_true(counters.devices[2].reads == UINT64_MAX);
	assert_false(counters.devices[3].whole_disk);
	assert_true(counters.devices[4].whole_disk);
	assert_true(counters.devices[5].whole_disk);
	assert_false(counters.devices[6].whole_disk);
	assert_true(counters.devices[7].whole_disk);
	assert_int_equal(counters.devices[7].flush_ms, 17);

	assert_int_equal(machine_parse_diskstats("   8       0 sda 1 2 3\n", &counters), -EINVAL);
	assert_int_equal(counters.device_count, 8);
	assert_int_equal(machine_parse_diskstats("", &counters), 0);
	assert_int_equal(counters.device_count, 0);
	machine_counters_free(&counters);
}

/* A real machine's files, read twice into the same counters. */
static void test_capture(void **state)
{
	struct machine_reader *reader;
	struct machine_counters counters = { 0 };

	(void)state;
	assert_int_equal(machine_reader_open(TEST_DATA "/captures/machine", &reader), 0);
	for (int i = 0; i < 2; i++) {
		uint64_t before = counters.time_ns;

		assert_int_equal(machine_read(reader, &counters), 0);
		assert_true(counters.time_ns > before);
		assert_int_equal(counters.known, MACHINE_VMSTAT | MACHINE_MEMINFO | MACHINE_PRESSURE | MACHINE_CPU |
						     MACHINE_DISKS | MACHINE_NFS);
		assert_int_equal(counters.pgpgin_kib, 1940213);
		assert_int_equal(counters.dirty_bytes, 9776 * 1024);
		assert_int_equal(counters.io_full_us, 4518623);
		assert_int_equal(counters.cpu_idle, 152122);
		assert_int_equal(counters.device_count, 10);
		assert_string_equal(counters.devices[8].name, "vda");
		assert_true(counters.devices[8].whole_disk);
		assert_false(counters.devices[0].whole_disk);
		assert_int_equal(counters.nfs.count, 1);
		assert_string_equal(counters.nfs.items[0].mount, "/mnt");
		assert_int_equal(counters.nfs.time_ns, counters.time_ns);
	}
	machine_counters_free(&counters);
	machine_reader_close(reader);
}

static void test_missing_files(void **state)
{
	const struct tree *tree = *state;
	struct machine_reader *reader;
	struct machine_counters counters = { .known = UINT32_MAX };

	assert_int_equal(machine_reader_open("/nonexistent", &reader), -ENOENT);
	tree_write(tree, "proc/vmstat", "pgpgin 1\npgpgout 2\n");
	tree_write(tree, "proc/meminfo", "nonsense\n");
	assert_int_equal(machine_reader_open(tree->root, &reader), 0);
	assert_int_equal(machine_read(reader, &counters), 0);
	assert_int_equal(counters.known, MACHINE_VMSTAT);
	machine_counters_free(&counters);
	machine_reader_close(reader);
}

/* A file whose reading fails, as that of pressure does where it is off at boot. */
static void test_unreadable_file(void **state)
{
	const struct tree *tree = *state;
	struct machine_reader *reader;
	struct machine_counters counters = { 0 };
	char path[128];

	tree_write(tree, "proc/vmstat", "pgpgin 1\npgpgout 2\n");
	snprintf(path, sizeof(path), "%s/proc/pressure", tree->root);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/proc/pressure/io", tree->root);
	assert_int_equal(mkdir(path, 0755), 0); /* reading a directory: EISDIR */
	assert_int_equal(machine_reader_open(tree->root, &reader), 0);
	assert_int_equal(machine_read(reader, &counters), 0);
	assert_int_equal(counters.known, MACHINE_VMSTAT);
	machine_counters_free(&counters);
	machine_reader_close(reader);
	assert_int_equal(rmdir(path), 0);
}

/* sysfs knows partitions better than names do. The file grows beyond any buffer meanwhile. */
static void test_partitions_and_long_files(void **state)
{
	enum { DEVICES = 600 };
	const struct tree *tree = *state;
	struct machine_reader *reader;
	struct machine_counters counters = { 0 };
	char *text = malloc(DEVICES * 64 + 1), *at = text;

	assert_non_null(text);
	tree_write(tree, "sys/dev/block/8:1/partition", "1\n");
	tree_write(tree, "sys/dev/block/9:0/size", "1\n");
	tree_write(tree, "sys/dev/block/7:0/size", "1\n");
	tree_write(tree, "proc/diskstats",
		   "   8   1 odd 1 2 3 4 5 6 7 8 9 10 11\n   9   0 sdz9 1 2 3 4 5 6 7 8 9 10 11\n"
		   "   7   0 loop0 1 2 3 4 5 6 7 8 9 10 11\n");
	assert_int_equal(machine_reader_open(tree->root, &reader), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(machine_read(reader, &counters), 0);
		assert_int_equal(counters.device_count, 3);
		assert_false(counters.devices[0].whole_disk);
		assert_true(counters.devices[1].whole_disk);
		assert_false(counters.devices[2].whole_disk);
	}
	for (int i = 0; i < DEVICES; i++)
		at += sprintf(at, "   8 %5d sd%d 1 2 3 4 5 6 7 8 9 10 %d\n", i + 100, i, i);
	tree_write(tree, "proc/diskstats", text);
	assert_int_equal(machine_read(reader, &counters), 0);
	assert_int_equal(counters.device_count, DEVICES);
	assert_int_equal(counters.devices[DEVICES - 1].weighted_ms, DEVICES - 1);
	tree_write(tree, "proc/diskstats", "   9   0 sdz9 1 2 3 4 5 6 7 8 9 10 11\n");
	assert_int_equal(machine_read(reader, &counters), 0);
	assert_int_equal(counters.device_count, 1);
	assert_true(counters.devices[0].whole_disk);
	machine_counters_free(&counters);
	machine_reader_close(reader);
	free(text);
}

/* Mounts that come later are found, also where nothing tells of a change. */
static void test_nfs_comes_and_goes(void **state)
{
	const struct tree *tree = *state;
	struct machine_reader *reader;
	struct machine_counters counters = { 0 };

	tree_write(tree, "proc/self/mountstats", "device proc mounted on /proc with fstype proc\n");
	tree_write(tree, "proc/self/mounts", "");
	assert_int_equal(machine_reader_open(tree->root, &reader), 0);
	assert_int_equal(machine_read(reader, &counters), 0);
	assert_true(counters.known & MACHINE_NFS);
	assert_int_equal(counters.nfs.count, 0);
	tree_write(tree, "proc/self/mountstats", "device a:/ mounted on /a with fstype nfs statvers=1.1\n\tage:\t9\n");
	assert_int_equal(machine_read(reader, &counters), 0);
	assert_int_equal(counters.nfs.count, 1);
	assert_int_equal(counters.nfs.items[0].age_s, 9);
	tree_write(tree, "proc/self/mountstats", "");
	assert_int_equal(machine_read(reader, &counters), 0);
	assert_true(counters.known & MACHINE_NFS);
	assert_int_equal(counters.nfs.count, 0);
	machine_counters_free(&counters);
	machine_reader_close(reader);
}

/* This machine: what every Linux has. */
static void test_live(void **state)
{
	const uint32_t always = MACHINE_VMSTAT | MACHINE_MEMINFO | MACHINE_CPU | MACHINE_DISKS;
	struct machine_reader *reader;
	struct machine_counters older = { 0 }, newer = { 0 };
	struct machine_delta delta = { 0 };

	(void)state;
	assert_int_equal(machine_reader_open("", &reader), 0);
	assert_int_equal(machine_read(reader, &older), 0);
	assert_int_equal(older.known & always, always);
	assert_int_equal(machine_read(reader, &newer), 0);
	assert_int_equal(machine_delta_compute(&delta, &older, &newer), 0);
	assert_true(delta.known & MACHINE_VMSTAT);
	machine_delta_free(&delta);
	machine_counters_free(&older);
	machine_counters_free(&newer);
	machine_reader_close(reader);
	machine_reader_close(NULL);
}

#define with_tree(test) cmocka_unit_test_setup_teardown(test, tree_make, tree_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vmstat),
		cmocka_unit_test(test_meminfo),
		cmocka_unit_test(test_pressure),
		cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_diskstats),
		cmocka_unit_test(test_capture),
		with_tree(test_missing_files),
		with_tree(test_unreadable_file),
		with_tree(test_partitions_and_long_files),
		with_tree(test_nfs_comes_and_goes),
		cmocka_unit_test(test_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
