/* What reached the devices for cgroups, in sums, in history and in the rows of units and containers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "iotopx/accumulator.h"
#include "iotopx/filter.h"
#include "iotopx/history.h"
#include "iotopx/table.h"

#define SECOND 1000000000u

static struct interval *new_interval(unsigned second)
{
	struct interval *interval = interval_new();

	assert_non_null(interval);
	interval->begin_ns = (uint64_t)second * SECOND;
	interval->end_ns = interval->begin_ns + SECOND;
	interval->cgroup_io = interval->cgroup_pressure = true;
	return interval;
}

static struct cgroup_delta *add_cgroup(struct interval *interval, const char *cgroup, const char *unit,
				       const char *container, uint64_t read, uint64_t written)
{
	struct cgroup_delta *delta = interval_add_cgroup(interval);

	assert_non_null(delta);
	*delta = (struct cgroup_delta){
		.cgroup = cgroup,
		.unit = unit,
		.container = container,
		.io_known = true,
		.read_bytes = read,
		.write_bytes = written,
		.pressure_known = true,
		.some_us = read,
		.full_us = written,
	};
	return delta;
}

static const struct cgroup_delta *find(const struct interval *interval, const char *cgroup, const char *unit)
{
	for (size_t i = 0; i < interval->cgroup_count; i++) {
		const struct cgroup_delta *delta = &interval->cgroups[i];

		if (strcmp(delta->unit, unit) == 0 &&
		    (cgroup ? delta->cgroup && strcmp(delta->cgroup, cgroup) == 0 : !delta->cgroup))
			return delta;
	}
	return NULL;
}

static void test_sums_over_time(void **state)
{
	struct accumulator *accumulator = accumulator_open(ACCUMULATOR_ENTRIES_DEFAULT);
	const struct interval *sum;

	(void)state;
	for (unsigned second = 1; second <= 3; second++) {
		struct interval *interval = new_interval(second);

		add_cgroup(interval, "/a.service", "a.service", NULL, 10, 20);
		if (second == 2) /* the others did nothing */
			add_cgroup(interval, "/b.service", "b.service", NULL, 1, 2);
		add_cgroup(interval, "/c.service", "c.service", NULL, 5, 5)->io_known = second != 1;
		assert_int_equal(accumulator_add(accumulator, interval), 0);
		interval_unref(interval);
	}
	sum = accumulator_interval(accumulator);
	assert_true(sum->cgroup_io && sum->cgroup_pressure);
	assert_int_equal(sum->cgroup_count, 3);
	const struct cgroup_delta *a = find(sum, "/a.service", "a.service");
	const struct cgroup_delta *b = find(sum, "/b.service", "b.service");
	const struct cgroup_delta *c = find(sum, "/c.service", "c.service");

	assert_int_equal(a->read_bytes, 30);
	assert_int_equal(a->write_bytes, 60);
	assert_int_equal(a->some_us, 30);
	assert_int_equal(a->full_us, 60);
	assert_false(a->approximate);
	assert_int_equal(b->write_bytes, 2);
	assert_false(b->approximate);
	assert_true(c->io_known); /* of two intervals of three */
	assert_int_equal(c->read_bytes, 10);
	assert_true(c->approximate);
	accumulator_close(accumulator);
}

/* Above the cap cgroups of one unit and container become one; what comes later is not lost. */
static void test_sums_are_bounded(void **state)
{
	enum { CAP = 40, UNITS = 3, SECONDS = 100 };
	static const char *const units[UNITS] = { "a.service", "b.service", "c.service" };
	struct accumulator *accumulator = accumulator_open(CAP);
	char paths[SECONDS][32];
	uint64_t written = 0;

	(void)state;
	for (unsigned second = 0; second < SECONDS; second++) {
		struct interval *interval = new_interval(second + 1);

		snprintf(paths[second], sizeof(paths[second]), "/x/%u", second);
		add_cgroup(interval, paths[second], units[second % UNITS], NULL, 1, second);
		assert_int_equal(accumulator_add(accumulator, interval), 0);
		interval_unref(interval);
	}
	const struct interval *sum = accumulator_interval(accumulator);

	assert_true(sum->cgroup_count <= CAP);
	for (size_t i = 0; i < sum->cgroup_count; i++)
		written += sum->cgroups[i].write_bytes;
	assert_int_equal(written, SECONDS * (SECONDS - 1) / 2);
	accumulator_close(accumulator);
}

static void test_fold(void **state)
{
	struct interval *interval = new_interval(1);

	(void)state;
	add_cgroup(interval, "/d.service", "d.service", NULL, 1, 10);
	add_cgroup(interval, "/d.service/x", "d.service", "web", 2, 20);
	add_cgroup(interval, "/d.service/y", "d.service", "web", 4, 40);
	add_cgroup(interval, "/d.service/z", "d.service", "web", 9, 90)->io_known = false;
	assert_int_equal(interval_fold(interval, 100), 0);
	assert_int_equal(interval->cgroup_count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct cgroup_delta *delta = &interval->cgroups[i];

		assert_null(delta->cgroup);
		assert_int_equal(delta->write_bytes, delta->container ? 60 : 10);
		assert_int_equal(delta->some_us, delta->container ? 9 : 1); /* waits at the same time are one */
		assert_int_equal(delta->approximate, delta->container != NULL);
	}
	assert_int_equal(interval_fold(interval, 100), 0);
	assert_int_equal(interval->cgroup_count, 2);
	interval_unref(interval);
}

static void test_history(void **state)
{
	struct history *history = history_open(HISTORY_BYTES_DEFAULT);
	struct interval *interval = new_interval(1);
	size_t empty = interval_bytes(interval), kept;

	(void)state;
	add_cgroup(interval, "/d.service", "d.service", NULL, 1, 10);
	assert_true(interval_bytes(interval) >= empty + sizeof(struct cgroup_delta));
	assert_int_equal(history_add(history, interval), 0);
	kept = history_bytes(history);
	interval_unref(interval);
	assert_int_equal(find(history_get(history, 0), "/d.service", "d.service")->write_bytes, 10);
	assert_true(history_get(history, 0)->cgroup_io);
	assert_true(kept >= sizeof(struct interval) + sizeof(struct cgroup_delta));
	history_close(history);
}

/* Devices and mounts are memory too. */
static void test_bytes_of_the_machine(void **state)
{
	struct interval *interval = new_interval(1);
	size_t empty = interval_bytes(interval), with_devices;
	struct nfs_mount *mount;

	(void)state;
	interval->machine.devices = calloc(10, sizeof(*interval->machine.devices));
	interval->machine.device_count = 10;
	with_devices = interval_bytes(interval);
	assert_int_equal(with_devices, empty + 10 * sizeof(struct device_delta));
	interval->machine.nfs.items = calloc(1, sizeof(*mount));
	interval->machine.nfs.count = interval->machine.nfs.capacity = 1;
	mount = &interval->machine.nfs.items[0];
	mount->mount = strdup("/srv");
	mount->ops = calloc(70, sizeof(*mount->ops));
	mount->op_count = mount->op_capacity = 70;
	assert_int_equal(interval_bytes(interval),
			 with_devices + sizeof(*mount) + sizeof("/srv") + 70 * sizeof(struct nfs_op));
	interval_unref(interval);
}

static void add_task(struct interval *interval, pid_t tid, const char *unit, const char *container, uint64_t written)
{
	struct task_delta *task = interval_add(interval);

	assert_non_null(task);
	task->info = task_info_new();
	assert_non_null(task->info);
	task->info->id = task->info->process = (struct task_id){ tid, 1 };
	task->info->uid = 7;
	task->info->unit = unit;
	task->info->container = container;
	snprintf(task->info->comm, sizeof(task->info->comm), "task%d", (int)tid);
	task->delta.known = COUNTERS_ALL;
	task->delta.value[COUNTER_WRITE] = written;
	counters_add(&interval->total, &task->delta);
}

/* Groups of the interval, with the filter in force. */
static void group(struct table *table, const struct interval *interval, enum view_group by, const char *expression)
{
	struct filter *filter = NULL;
	struct view view;
	char error[128];

	view_init(&view);
	view.group = by;
	if (expression)
		assert_int_equal(filter_parse(expression, &filter, error, sizeof(error)), 0);
	view.filter = filter;
	assert_int_equal(table_build(table, interval, &view, &lookup_nothing, TEXT_UTF8, NULL), 0);
	filter_free(filter);
}

static const struct row *row_of(const struct table *table, const char *name)
{
	const struct column *command = column_find("command");

	for (size_t i = 0; i < table->count; i++)
		if (strcmp(command->get(&table->rows[i], &table->context).text, name) == 0)
			return &table->rows[i];
	return NULL;
}

static void assert_cell(const struct table *table, const char *name, const char *key, const char *expected)
{
	const struct column *column = column_find(key);
	const struct row *row = row_of(table, name);
	char text[64];

	assert_non_null(row);
	column_format(column, column->get(row, &table->context), &table->context, text, sizeof(text));
	assert_string_equal(text, expected);
}

static struct interval *make_units(void)
{
	struct interval *interval = new_interval(1);

	add_task(interval, 10, "shop.service", NULL, 4096);
	add_task(interval, 11, "shop.service", "web", 8192);
	add_task(interval, 12, "cron.service", NULL, 1024);
	add_task(interval, 13, NULL, NULL, 512);
	add_task(interval, 14, "idle.service", NULL, 0);
	add_cgroup(interval, "/shop.service", "shop.service", NULL, 0, 2048);
	add_cgroup(interval, "/shop.service/a", "shop.service", "web", 1024, 1024);
	add_cgroup(interval, "/cron.service", "cron.service", NULL, 0, 0)->io_known = false;
	add_cgroup(interval, "/gone.service", "gone.service", NULL, 0, 3072);
	add_cgroup(interval, "/box/x", "/box/x", "box", 0, 1024);
	add_cgroup(interval, "/waits.service", "waits.service", NULL, 0, 0);
	return interval;
}

static void test_rows_of_units(void **state)
{
	struct interval *interval = make_units();
	struct table table = { 0 };

	(void)state;
	group(&table, interval, GROUP_UNIT, NULL);
	assert_cell(&table, "shop.service", "write", "12.00 K/s");
	assert_cell(&table, "shop.service", "aread", "1.00 K/s");
	assert_cell(&table, "shop.service", "awrite", "3.00 K/s");
	assert_cell(&table, "cron.service", "awrite", "-"); /* no io.stat of its own */
	assert_cell(&table, "idle.service", "awrite", "0.00 B/s");
	assert_cell(&table, "?", "awrite", "-");
	/* writeback of a unit that has no task left, or none that did anything */
	assert_cell(&table, "gone.service", "awrite", "3.00 K/s");
	assert_cell(&table, "gone.service", "write", "0.00 B/s");
	assert_int_equal(row_of(&table, "gone.service")->members, 0);
	assert_true(row_of(&table, "gone.service")->active);
	assert_false(row_of(&table, "gone.service")->has_children);
	assert_null(row_of(&table, "waits.service"));
	/* once more with the same table: the first one's rows are let go */
	group(&table, interval, GROUP_CONTAINER, NULL);
	assert_cell(&table, "web", "awrite", "1.00 K/s");
	assert_cell(&table, "box", "awrite", "1.00 K/s");
	assert_cell(&table, "(no container)", "awrite", "~5.00 K/s");
	group(&table, interval, GROUP_USER, NULL);
	assert_int_equal(table.count, 1);
	assert_false(table.rows[0].cgroups.io_known);
	table_free(&table);
	interval_unref(interval);
}

static void test_pressure_of_units(void **state)
{
	struct interval *interval = new_interval(1);
	struct table table = { 0 };

	(void)state;
	add_task(interval, 10, "shop.service", NULL, 4096);
	add_task(interval, 11, "idle.service", NULL, 1);
	add_cgroup(interval, "/shop.service", "shop.service", NULL, 0, 0)->some_us = 250000;
	add_cgroup(interval, "/shop.service/x", "shop.service", NULL, 0, 0)->some_us = 200000;
	group(&table, interval, GROUP_UNIT, NULL);
	assert_cell(&table, "shop.service", "iosome", "25.00 %");
	assert_cell(&table, "idle.service", "iosome", "0.00 %");
	interval->cgroup_pressure = false;
	group(&table, interval, GROUP_UNIT, NULL);
	assert_cell(&table, "idle.service", "iosome", "-");
	table_free(&table);
	interval_unref(interval);
}

/* What a unit did is no answer to who asks for some of its tasks. */
static void test_filters(void **state)
{
	struct interval *interval = make_units();
	struct table table = { 0 };

	(void)state;
	group(&table, interval, GROUP_UNIT, "unit:s");
	assert_cell(&table, "shop.service", "awrite", "3.00 K/s");
	assert_cell(&table, "gone.service", "awrite", "3.00 K/s");
	group(&table, interval, GROUP_UNIT, "unit:shop");
	assert_int_equal(table.count, 1);
	group(&table, interval, GROUP_UNIT, "container:web");
	assert_int_equal(table.count, 1);
	assert_cell(&table, "shop.service", "write", "8.00 K/s");
	assert_cell(&table, "shop.service", "awrite", "1.00 K/s");
	group(&table, interval, GROUP_UNIT, "user:7");
	assert_cell(&table, "shop.service", "awrite", "-");
	assert_null(row_of(&table, "gone.service"));
	group(&table, interval, GROUP_UNIT, "task1");
	assert_cell(&table, "shop.service", "awrite", "-");
	table_free(&table);
	interval_unref(interval);
}

static bool shows(const struct view *view, const char *key)
{
	for (size_t i = 0; i < view->column_count; i++)
		if (strcmp(view->columns[i]->key, key) == 0)
			return true;
	return false;
}

/* They come by themselves, where there is something to tell, and not to who chose columns. */
static void test_columns_that_come(void **state)
{
	struct interval *interval = new_interval(1);
	struct view view;

	(void)state;
	view_init(&view);
	view_add_columns(&view, interval);
	assert_false(shows(&view, "awrite"));
	view.group = GROUP_UNIT;
	view_add_columns(&view, NULL);
	assert_false(shows(&view, "awrite"));
	view_add_columns(&view, interval);
	assert_true(shows(&view, "aread"));
	assert_true(shows(&view, "awrite"));
	assert_string_equal(view.columns[view.column_count - 1]->key, "command");
	view_init(&view);
	view.group = GROUP_UNIT;
	view.column_count--;
	view_add_columns(&view, interval);
	assert_false(shows(&view, "awrite"));
	view_init(&view);
	view.group = GROUP_UNIT;
	interval->cgroup_io = false;
	view_add_columns(&view, interval);
	assert_false(shows(&view, "awrite"));
	interval_unref(interval);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums_over_time),
		cmocka_unit_test(test_sums_are_bounded),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_bytes_of_the_machine),
		cmocka_unit_test(test_rows_of_units),
		cmocka_unit_test(test_pressure_of_units),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_columns_that_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
