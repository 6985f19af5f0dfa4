#include "iotopx/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

/* Two disks, one with partitions, a volume, and an idle loop device. */
struct machine {
	struct device_delta devices[7];
	struct interval interval;
};

static void machine_init(struct machine *machine)
{
	*machine = (struct machine){
		.devices = {
			{ .name = "loop0", .major = 7 },
			{ .name = "sda", .major = 8, .minor = 0, .whole_disk = true, .reads = 30, .io_ms = 100,
			  .read_bytes = 3 << 20 },
			{ .name = "sda1", .major = 8, .minor = 1, .reads = 10, .io_ms = 40 },
			{ .name = "sda2", .major = 8, .minor = 2, .reads = 20, .io_ms = 60 },
			{ .name = "sda10", .major = 8, .minor = 10 },
			{ .name = "sdb", .major = 8, .minor = 16, .whole_disk = true, .writes = 5, .io_ms = 500,
			  .write_ms = 10 },
			{ .name = "dm-0", .major = 252, .whole_disk = true, .reads = 1, .io_ms = 1 },
		},
		.interval = { .machine = { .known = MACHINE_DISKS, .elapsed_ns = SECOND, .device_count = 7 } },
	};
	machine->interval.machine.devices = machine->devices;
}

static const struct device_info *find_info(void *data, unsigned major, unsigned minor)
{
	static const struct {
		unsigned major, minor;
		struct device_info info;
	} infos[] = {
		{ 8, 0, { .model = "Old Disk" } },
		{ 8, 1, { .mounts = "/boot", .partition = true, .parent_major = 8 } },
		{ 8, 2, { .mounts = "/, /home", .partition = true, .parent_major = 8 } },
		{ 8, 10, { .partition = true, .parent_major = 8 } },
		{ 8, 16, { .model = "New Disk", .mounts = "/srv" } },
		{ 252, 0, { .label = "vg-data", .stacked = true } },
	};

	(void)data;
	for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++)
		if (infos[i].major == major && infos[i].minor == minor)
			return &infos[i].info;
	return NULL;
}

static const struct lookup lookup = { .device = find_info };

/* The rows as one text: "sdb sda> .sda2" with a dot per depth and > behind what is expanded. */
static const char *rows_text(const struct page_table *table)
{
	static char text[512];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < table->count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s%s", i ? "|" : "",
					 table->rows[i].depth ? "." : "", table->rows[i].name,
					 table->rows[i].expanded ? ">" : "");
	return text;
}

static const char *build(struct page_table *table, const struct machine *machine, const struct page_view *view)
{
	assert_int_equal(page_table_build(table, &page_devices, &machine->interval, view, &lookup), 0);
	return rows_text(table);
}

static const char *cell(const struct page *page, const struct page_row *row, const char *key)
{
	static char text[128];
	const struct page_column *column = page_column_find(page, key);

	assert_non_null(column);
	page_column_format(column, column->get(row), UNIT_BINARY, TEXT_UTF8, text, sizeof(text));
	return text;
}

static void test_default_order(void **state)
{
	struct page_table table = { 0 };
	struct page_view view = { 0 };
	struct machine machine;

	(void)state;
	machine_init(&machine);
	assert_string_equal(build(&table, &machine, &view), "sdb|sda|dm-0 vg-data|loop0");
	assert_int_equal(table.hidden, 0);
	assert_true(table.rows[1].has_children);
	assert_false(table.rows[1].expanded);
	assert_false(table.rows[0].has_children);
	view.reversed = true;
	assert_string_equal(build(&table, &machine, &view), "loop0|dm-0 vg-data|sda|sdb");
	page_table_free(&table);
	assert_null(table.rows);
}

static void test_cells(void **state)
{
	struct page_table table = { 0 };
	struct page_view view = { .expand_all = true };
	struct machine machine;

	(void)state;
	machine_init(&machine);
	build(&table, &machine, &view);
	assert_string_equal(cell(&page_devices, &table.rows[0], "device"), "sdb");
	assert_string_equal(cell(&page_devices, &table.rows[0], "util"), "50.00 %");
	assert_string_equal(cell(&page_devices, &table.rows[0], "writes"), "5");
	assert_string_equal(cell(&page_devices, &table.rows[0], "wawait"), "2.00ms");
	assert_string_equal(cell(&page_devices, &table.rows[0], "rawait"), "-");
	assert_string_equal(cell(&page_devices, &table.rows[0], "discards"), "-");
	assert_string_equal(cell(&page_devices, &table.rows[0], "model"), "New Disk");
	assert_string_equal(cell(&page_devices, &table.rows[0], "mounts"), "/srv");
	assert_string_equal(cell(&page_devices, &table.rows[1], "read"), "3.00 M/s");
	assert_string_equal(cell(&page_devices, &table.rows[1], "size"), "102.40 K");
	assert_string_equal(cell(&page_devices, &table.rows[5], "name"), "dm-0");
	assert_string_equal(cell(&page_devices, &table.rows[5], "label"), "vg-data");
	assert_string_equal(cell(&page_devices, &table.rows[6], "model"), "-");
	page_table_free(&table);
}

static void test_partitions(void **state)
{
	struct page_table table = { 0 };
	struct page_view view = { .expand_all = true };
	struct machine machine;

	(void)state;
	machine_init(&machine);
	/* sorted among themselves, under their disk */
	assert_string_equal(build(&table, &machine, &view), "sdb|sda>|.sda2|.sda1|.sda10|dm-0 vg-data|loop0");
	assert_string_equal(cell(&page_devices, &table.rows[1], "mounts"), "-");
	view.sort = page_column_find(&page_devices, "device");
	assert_string_equal(build(&table, &machine, &view), "dm-0 vg-data|loop0|sda>|.sda1|.sda2|.sda10|sdb");

	/* a folded disk tells for its partitions */
	view = (struct page_view){ 0 };
	build(&table, &machine, &view);
	assert_string_equal(cell(&page_devices, &table.rows[1], "mounts"), "/boot, /, /home");
	assert_string_equal(cell(&page_devices, &table.rows[1], "model"), "Old Disk");
	page_table_free(&table);
}

static bool is_sda(void *data, const char *name)
{
	++*(int *)data;
	return strcmp(name, "sda") == 0;
}

static void test_open(void **state)
{
	struct page_table table = { 0 };
	int asked = 0;
	struct page_view view = { .open = is_sda, .data = &asked };
	struct machine machine;

	(void)state;
	machine_init(&machine);
	assert_string_equal(build(&table, &machine, &view), "sdb|sda>|.sda2|.sda1|.sda10|dm-0 vg-data|loop0");
	assert_int_equal(asked, 1); /* only disks with partitions */
	page_table_free(&table);
}

static void test_only_active(void **state)
{
	struct page_table table = { 0 };
	struct page_view view = { .only_active = true };
	struct machine machine;

	(void)state;
	machine_init(&machine);
	assert_string_equal(build(&table, &machine, &view), "sdb|sda|dm-0 vg-data");
	assert_int_equal(table.hidden, 1);
	view.expand_all = true;
	assert_string_equal(build(&table, &machine, &view), "sdb|sda>|.sda2|.sda1|dm-0 vg-data");
	assert_int_equal(table.hidden, 2);
	page_table_free(&table);
}

static void test_filter(void **state)
{
	static const struct {
		const char *filter;
		bool expand;
		const char *rows;
	} cases[] = {
		{ "", false, "sdb|sda|dm-0 vg-data|loop0" },
		{ "new d", false, "sdb" }, /* the model, whatever the case */
		{ "VG-DATA", false, "dm-0 vg-data" },
		{ "/home", false, "sda" }, /* a partition of it */
		{ "/home", true, "sda>|.sda2" },
		{ "sda1", true, "sda>|.sda1|.sda10" },
		{ "old disk", true, "sda>|.sda2|.sda1|.sda10" }, /* all of a disk that matches */
		{ "nothing", true, "" },
	};
	struct page_table table = { 0 };
	struct machine machine;

	(void)state;
	machine_init(&machine);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct page_view view = { .filter = cases[i].filter, .expand_all = cases[i].expand };

		assert_string_equal(build(&table, &machine, &view), cases[i].rows);
	}
	page_table_free(&table);
}

/* What is not known comes last, up or down. */
static void test_unknown_last(void **state)
{
	struct page_table table = { 0 };
	struct page_view view = { .sort = page_column_find(&page_devices, "rawait") };
	struct machine machine;

	(void)state;
	machine_init(&machine);
	machine.devices[1].read_ms = 30;
	machine.devices[6].read_ms = 9;
	assert_string_equal(build(&table, &machine, &view), "dm-0 vg-data|sda|loop0|sdb");
	view.reversed = true;
	assert_string_equal(build(&table, &machine, &view), "sda|dm-0 vg-data|loop0|sdb");
	page_table_free(&table);
}

static void test_without_facts(void **state)
{
	struct page_table table = { 0 };
	struct page_view view = { .expand_all = true };
	struct machine machine;

	(void)state;
	machine_init(&machine);
	assert_int_equal(page_table_build(&table, &page_devices, &machine.interval, &view, NULL), 0);
	assert_string_equal(rows_text(&table), "sdb|sda>|.sda2|.sda1|.sda10|dm-0|loop0");

	/* no time passed: rows of unknowns */
	machine.interval.machine.elapsed_ns = 0;
	assert_int_equal(page_table_build(&table, &page_devices, &machine.interval, &view, &lookup_nothing), 0);
	assert_int_equal(table.count, 7);
	assert_string_equal(cell(&page_devices, &table.rows[0], "util"), "-");
	assert_string_equal(cell(&page_devices, &table.rows[0], "flight"), "0");

	machine.interval.machine = (struct machine_delta){ 0 };
	assert_int_equal(page_table_build(&table, &page_devices, &machine.interval, &view, NULL), 0);
	assert_int_equal(table.count, 0);
	page_table_free(&table);
}

/* Facts that contradict each other: every device has its row once. */
static const struct device_info *odd_info(void *data, unsigned major, unsigned minor)
{
	static const struct device_info circle[] = {
		{ .partition = true, .parent_major = 8, .parent_minor = 1 },
		{ .partition = true, .parent_major = 8, .parent_minor = 0 },
		{ .partition = true, .parent_major = 8, .parent_minor = 2 },
		{ .partition = true, .parent_major = 99, .parent_minor = 9 },
	};

	(void)data;
	return major != 8 ? NULL : minor < 3 ? &circle[minor] : &circle[3];
}

static void test_odd_facts(void **state)
{
	static const struct lookup odd = { .device = odd_info };
	struct page_table table = { 0 };
	struct page_view view = { .expand_all = true };
	struct machine machine;

	(void)state;
	machine_init(&machine);
	assert_int_equal(page_table_build(&table, &page_devices, &machine.interval, &view, &odd), 0);
	assert_int_equal(table.count, 7);
	for (size_t i = 0; i < table.count; i++)
		assert_int_equal(table.rows[i].depth, 0);
	page_table_free(&table);
}

static void test_nfs(void **state)
{
	struct nfs_op busy[] = { { .name = "READ",
				   .ops = 10,
				   .transmissions = 12,
				   .received_bytes = 10240,
				   .rtt_ms = 25,
				   .execute_ms = 30 } };
	struct nfs_mount mounts[] = {
		{ .mount = (char[]){ "/quiet" }, .device = (char[]){ "nas:/q" }, .version = (char[]){ "" } },
		{ .mount = (char[]){ "/busy" },
		  .device = (char[]){ "nas:/b" },
		  .version = (char[]){ "4.2" },
		  .sends = 20,
		  .has_errors = true,
		  .ops = busy,
		  .op_count = 1 },
	};
	struct interval interval = {
		.machine = { .known = MACHINE_NFS, .elapsed_ns = 2 * SECOND, .nfs = { .items = mounts, .count = 2 } }
	};
	struct page_table table = { 0 };
	struct page_view view = { 0 };
	const struct page_row *row;

	(void)state;
	assert_int_equal(page_table_build(&table, &page_nfs, &interval, &view, NULL), 0);
	assert_string_equal(rows_text(&table), "/busy|/quiet");
	row = &table.rows[0];
	assert_null(row->device);
	assert_string_equal(cell(&page_nfs, row, "mount"), "/busy");
	assert_string_equal(cell(&page_nfs, row, "export"), "nas:/b");
	assert_string_equal(cell(&page_nfs, row, "vers"), "4.2");
	assert_string_equal(cell(&page_nfs, row, "ops"), "10");
	assert_string_equal(cell(&page_nfs, row, "rops"), "5");
	assert_string_equal(cell(&page_nfs, row, "read"), "5.00 K/s");
	assert_string_equal(cell(&page_nfs, row, "rrtt"), "2.50ms");
	assert_string_equal(cell(&page_nfs, row, "rexe"), "3.00ms");
	assert_string_equal(cell(&page_nfs, row, "rretrans"), "2");
	assert_string_equal(cell(&page_nfs, row, "rerrors"), "0");
	assert_string_equal(cell(&page_nfs, row, "wops"), "0");
	assert_string_equal(cell(&page_nfs, row, "wrtt"), "-");
	assert_string_equal(cell(&page_nfs, &table.rows[1], "vers"), "-");
	assert_string_equal(cell(&page_nfs, &table.rows[1], "rerrors"), "-");
	view.only_active = true;
	assert_int_equal(page_table_build(&table, &page_nfs, &interval, &view, NULL), 0);
	assert_string_equal(rows_text(&table), "/busy");
	assert_int_equal(table.hidden, 1);
	view = (struct page_view){ .filter = "NAS:/Q" };
	assert_int_equal(page_table_build(&table, &page_nfs, &interval, &view, NULL), 0);
	assert_string_equal(rows_text(&table), "/quiet");
	page_table_free(&table);
}

/* Both tables: what every reader of them relies on. */
static void test_tables(void **state)
{
	static const enum view_page ids[] = { VIEW_DEVICES, VIEW_NFS };
	const struct page_row nothing = { .name = "x" };

	(void)state;
	assert_null(page_get(VIEW_TASKS));
	assert_ptr_equal(page_get(VIEW_DEVICES), &page_devices);
	assert_ptr_equal(page_get(VIEW_NFS), &page_nfs);
	for (size_t p = 0; p < sizeof(ids) / sizeof(ids[0]); p++) {
		const struct page *page = page_get(ids[p]);
		size_t shown = 0;

		assert_non_null(page_column_find(page, page->sort));
		assert_null(page_column_find(page, "nope"));
		for (size_t i = 0; i < page->column_count; i++) {
			const struct page_column *column = &page->columns[i];

			assert_ptr_equal(page_column_find(page, column->key), column);
			assert_non_null(column->help);
			assert_true(strlen(column->title) <= column->width || column->kind == COLUMN_TEXT);
			assert_true(strlen(column->short_title) <= strlen(column->title));
			for (size_t j = 0; j < i; j++) {
				assert_string_not_equal(page->columns[j].title, column->title);
				if (column->field && page->columns[j].field)
					assert_string_not_equal(page->columns[j].field, column->field);
			}
			/* a row without figures has none in any column but its name */
			if (column->get(&nothing).type != VALUE_UNKNOWN)
				assert_string_equal(column->get(&nothing).text, "x");
			shown += column->shown;
		}
		assert_true(shown >= 8);
		assert_true(page_column_ascending(&page->columns[0]));
		assert_false(page_column_ascending(page_column_find(page, page->sort)));
	}
}

/* Names come from outside. */
static void test_sanitised(void **state)
{
	const struct page_column *column = page_column_find(&page_devices, "device");
	struct value value = { .type = VALUE_TEXT, .text = "a\033[31mb" };
	char text[64];

	(void)state;
	page_column_format(column, value, UNIT_BINARY, TEXT_UTF8, text, sizeof(text));
	assert_null(strchr(text, '\033'));
	value = (struct value){ .type = VALUE_NUMBER, .number = 2048, .approximate = true };
	column = page_column_find(&page_devices, "read");
	page_column_format(column, value, UNIT_KIB, TEXT_ASCII, text, sizeof(text));
	assert_string_equal(text, "~2.00 K/s");
	assert_int_equal(page_column_format(column, value, UNIT_KIB, TEXT_ASCII, text, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_order), cmocka_unit_test(test_cells),
		cmocka_unit_test(test_partitions),    cmocka_unit_test(test_open),
		cmocka_unit_test(test_only_active),   cmocka_unit_test(test_filter),
		cmocka_unit_test(test_unknown_last),  cmocka_unit_test(test_without_facts),
		cmocka_unit_test(test_odd_facts),     cmocka_unit_test(test_nfs),
		cmocka_unit_test(test_tables),        cmocka_unit_test(test_sanitised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
