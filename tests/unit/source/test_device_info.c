#include "iotopx/device_info.h"
#include "tree.h"
#include "iotopx/machine_read.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cmocka.h>

/* A machine with an NVMe disk, volumes and an array on it, a loop device, and a card. */
static void make_machine(const struct tree *tree)
{
	tree_write(tree, "sys/block/nvme0n1/device/model", "FAST DISK 1TB                           \n");
	tree_write(tree, "sys/block/nvme0n1/dev", "259:0\n");
	tree_write(tree, "sys/block/nvme0n1/nvme0n1p2/partition", "2\n");
	tree_write(tree, "sys/block/dm-0/dm/name", "vg-root\n");
	tree_write(tree, "sys/block/dm-0/slaves/nvme0n1p2", "");
	tree_write(tree, "sys/block/md127/md/level", "raid1\n");
	tree_write(tree, "sys/block/md127/dev", "9:127\n");
	tree_write(tree, "sys/block/md127/md127p1/partition", "1\n");
	tree_write(tree, "sys/block/bcache0/slaves/sda", "");
	tree_write(tree, "sys/block/mmcblk0/device/name", "SD16G\n");
	tree_write(tree, "sys/block/mmcblk0/slaves/.keep", "");
	tree_write(tree, "sys/block/loop3/size", "0\n");
	tree_link(tree, "sys/dev/block/259:0", "../../block/nvme0n1");
	tree_link(tree, "sys/dev/block/259:2", "../../block/nvme0n1/nvme0n1p2");
	tree_link(tree, "sys/dev/block/252:0", "../../block/dm-0");
	tree_link(tree, "sys/dev/block/9:127", "../../block/md127");
	tree_link(tree, "sys/dev/block/259:5", "../../block/md127/md127p1");
	tree_link(tree, "sys/dev/block/251:0", "../../block/bcache0");
	tree_link(tree, "sys/dev/block/179:0", "../../block/mmcblk0");
	tree_link(tree, "sys/dev/block/7:3", "../../block/loop3");
	tree_link(tree, "dev/md/other", "../md12");
	tree_link(tree, "dev/md/home", "../md127");
	tree_write(tree, "proc/self/mountinfo",
		   "22 1 252:0 / /var/lib rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw\n"
		   "23 1 252:0 / / rw,relatime shared:1 master:2 propagate_from:3 - ext4 /dev/mapper/vg-root rw\n"
		   "24 1 0:21 / /proc rw - proc proc rw\n"
		   "25 23 252:0 /data /a\\040b rw - ext4 /dev/mapper/vg-root rw\n"
		   "26 23 252:0 /data /a\\040b rw - ext4 /dev/mapper/vg-root rw\n"
		   "broken line\n"
		   "27 23 9:127 / /home rw - xfs /dev/md127 rw\n"
		   "28 23 0:44 / /tmp rw - tmpfs /dev/not-there rw\n");
}

static struct device_infos *open_infos(const char *root)
{
	struct device_infos *infos = NULL;

	assert_int_equal(device_infos_open(root, &infos), 0);
	return infos;
}

static void test_facts(void **state)
{
	const struct tree *tree = *state;
	struct device_infos *infos;
	const struct device_info *info, *again;

	make_machine(tree);
	infos = open_infos(tree->root);
	info = device_infos_get(infos, 259, 0);
	assert_non_null(info);
	assert_string_equal(info->model, "FAST DISK 1TB");
	assert_null(info->label);
	assert_null(info->mounts);
	assert_false(info->partition || info->stacked);

	info = device_infos_get(infos, 259, 2);
	assert_true(info->partition);
	assert_int_equal(info->parent_major, 259);
	assert_int_equal(info->parent_minor, 0);
	assert_null(info->model);
	assert_false(info->stacked);

	info = device_infos_get(infos, 252, 0);
	assert_string_equal(info->label, "vg-root");
	assert_string_equal(info->mounts, "/, /a b, /var/lib");
	assert_true(info->stacked);
	assert_false(info->partition);

	info = device_infos_get(infos, 9, 127);
	assert_string_equal(info->label, "md/home");
	assert_string_equal(info->mounts, "/home");
	assert_true(info->stacked);
	info = device_infos_get(infos, 259, 5);
	assert_true(info->stacked && info->partition);

	assert_true(device_infos_get(infos, 251, 0)->stacked);
	assert_true(device_infos_get(infos, 7, 3)->stacked);
	info = device_infos_get(infos, 179, 0);
	assert_string_equal(info->model, "SD16G");
	assert_false(info->stacked);
	assert_null(device_infos_get(infos, 8, 0));

	/* the same address until a refresh, however many were asked for in between */
	again = device_infos_get(infos, 179, 0);
	assert_ptr_equal(info, again);
	device_infos_close(infos);
	device_infos_close(NULL);
}

static void test_changes(void **state)
{
	const struct tree *tree = *state;
	struct device_infos *infos;
	char path[128], moved[128];

	make_machine(tree);
	infos = open_infos(tree->root);
	assert_string_equal(device_infos_get(infos, 9, 127)->mounts, "/home");
	assert_string_equal(device_infos_get(infos, 179, 0)->model, "SD16G");

	tree_write(tree, "proc/self/mountinfo", "27 23 9:127 / /srv rw - xfs /dev/md127 rw\n");
	/* another card in the same slot, with the same numbers */
	snprintf(path, sizeof(path), "%s/sys/block/mmcblk0", tree->root);
	snprintf(moved, sizeof(moved), "%s/sys/block/old", tree->root);
	assert_int_equal(rename(path, moved), 0);
	tree_write(tree, "sys/block/mmcblk0/device/name", "SD64G\n");
	device_infos_refresh(infos);
	assert_string_equal(device_infos_get(infos, 9, 127)->mounts, "/srv");
	assert_string_equal(device_infos_get(infos, 9, 127)->label, "md/home");
	assert_null(device_infos_get(infos, 252, 0)->mounts);
	assert_string_equal(device_infos_get(infos, 179, 0)->model, "SD64G");

	snprintf(path, sizeof(path), "%s/sys/dev/block/179:0", tree->root);
	assert_int_equal(unlink(path), 0);
	device_infos_refresh(infos);
	assert_null(device_infos_get(infos, 179, 0));
	device_infos_close(infos);
}

/* Hundreds of mounts of one device: the shortest paths stay whole. */
static void test_many_mounts(void **state)
{
	const struct tree *tree = *state;
	struct device_infos *infos;
	const char *mounts;
	char *text = malloc(400 * 128), *at = text;

	assert_non_null(text);
	make_machine(tree);
	for (int i = 0; i < 400; i++)
		at += sprintf(at, "%d 1 252:0 / /var/lib/containers/%03d/merged rw - ext4 /dev/x rw\n", i + 30, i);
	sprintf(at, "500 1 252:0 / / rw - ext4 /dev/x rw\n");
	tree_write(tree, "proc/self/mountinfo", text);
	infos = open_infos(tree->root);
	mounts = device_infos_get(infos, 252, 0)->mounts;
	assert_memory_equal(mounts, "/, /var/lib/containers/000/merged, /var/lib/containers/001/merged, ", 65);
	assert_in_range(strlen(mounts), 900, 1024);
	assert_string_equal(mounts + strlen(mounts) - strlen("/merged"), "/merged");
	device_infos_close(infos);
	free(text);
}

static void test_nothing_there(void **state)
{
	const struct tree *tree = *state;
	struct device_infos *infos = NULL;

	assert_int_equal(device_infos_open("/nonexistent", &infos), -ENOENT);
	assert_null(infos);
	infos = open_infos(tree->root);
	device_infos_refresh(infos);
	assert_null(device_infos_get(infos, 8, 0));
	device_infos_close(infos);
}

/* This machine: every device of diskstats is in sysfs, and a plain root file system's device says so. */
static void test_live(void **state)
{
	struct machine_reader *reader;
	struct machine_counters counters = { 0 };
	struct device_infos *infos = open_infos("");
	struct stat root;

	(void)state;
	assert_int_equal(machine_reader_open("", &reader), 0);
	assert_int_equal(machine_read(reader, &counters), 0);
	for (size_t i = 0; i < counters.device_count; i++) {
		const struct device_counters *device = &counters.devices[i];
		const struct device_info *info = device_infos_get(infos, device->major, device->minor);

		assert_non_null(info);
		if (device->whole_disk)
			assert_false(info->partition);
	}
	/* where the root file system's device is listed at all (not in a chroot), it carries "/", the shortest of all
	 */
	assert_int_equal(stat("/", &root), 0);
	for (size_t i = 0; i < counters.device_count; i++) {
		const struct device_info *info;

		if (major(root.st_dev) != counters.devices[i].major || minor(root.st_dev) != counters.devices[i].minor)
			continue;
		info = device_infos_get(infos, major(root.st_dev), minor(root.st_dev));
		if (info->mounts)
			assert_memory_equal(info->mounts, "/", 1);
	}
	machine_counters_free(&counters);
	machine_reader_close(reader);
	device_infos_close(infos);
}

#define with_tree(test) cmocka_unit_test_setup_teardown(test, tree_make, tree_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_tree(test_facts),         with_tree(test_changes),     with_tree(test_many_mounts),
		with_tree(test_nothing_there), cmocka_unit_test(test_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
