/* Rows and sums over time, from intervals made by hand. */
#include "iotopx/accumulator.h"
#include "iotopx/filter.h"
#include "iotopx/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000u

static struct task_info *info_new(pid_t tid, pid_t tgid, const char *comm)
{
	struct task_info *info = task_info_new();

	assert_non_null(info);
	info->id = (struct task_id){ .tid = tid, .start_ns = (uint64_t)tid * 1000000 };
	info->process = (struct task_id){ .tid = tgid, .start_ns = (uint64_t)tgid * 1000000 };
	info->ppid = 1;
	info->uid = 0;
	snprintf(info->comm, sizeof(info->comm), "%s", comm);
	return info;
}

static struct interval *interval_make(uint64_t begin_s, uint64_t seconds)
{
	struct interval *interval = interval_new();

	assert_non_null(interval);
	interval->begin_ns = begin_s * SECOND;
	interval->end_ns = (begin_s + seconds) * SECOND;
	return interval;
}

/* Takes the reference to `info`. */
static struct task_delta *add(struct interval *interval, struct task_info *info, uint64_t written)
{
	struct task_delta *task = interval_add(interval);

	assert_non_null(task);
	task->info = info;
	task->delta.known = COUNTERS_ALL;
	task->delta.value[COUNTER_WRITE] = written;
	task->lived_ns = interval->end_ns - interval->begin_ns;
	interval->total.value[COUNTER_WRITE] += written;
	return task;
}

static void build(struct table *table, const struct interval *interval, const struct view *view,
		  const struct expansion *expansion)
{
	assert_int_equal(table_build(table, interval, view, &lookup_nothing, TEXT_ASCII, expansion), 0);
}

static struct view view_of(const char *sort)
{
	struct view view;

	view_init(&view);
	view.threads = false;
	view.fold_exited = false;
	view.sort = column_find(sort);
	assert_non_null(view.sort);
	return view;
}

static void test_process_is_the_sum_of_its_threads(void **state)
{
	struct interval *interval = interval_make(1, 1);
	struct table table = { 0 };
	struct view view = view_of("write");
	struct task_delta *task;

	(void)state;
	task = add(interval, info_new(10, 10, "main"), 100);
	task->busiest_blkio_ns = SECOND / 10;
	task = add(interval, info_new(11, 10, "worker"), 300);
	task->busiest_blkio_ns = SECOND / 2;
	add(interval, info_new(20, 20, "other"), 350);
	build(&table, interval, &view, NULL);
	assert_int_equal(table.count, 2);
	assert_int_equal(table.rows[0].key.tid, 10);
	assert_int_equal(table.rows[0].sum.value[COUNTER_WRITE], 400);
	assert_int_equal(table.rows[0].busiest_blkio_ns, SECOND / 2); /* neither the mean nor the sum */
	assert_int_equal(table.rows[0].members, 2);
	assert_string_equal(table.rows[0].info->comm, "main");
	table_free(&table);
	interval_unref(interval);
}

static void test_process_goes_by_its_leader(void **state)
{
	struct interval *interval = interval_make(1, 1);
	struct table table = { 0 };
	struct view view = view_of("write");
	struct task_info *thread = info_new(11, 10, "worker"), *leader = info_new(10, 10, "main");

	(void)state;
	thread->leader = leader; /* it did nothing in this interval */
	add(interval, thread, 5);
	build(&table, interval, &view, NULL);
	assert_string_equal(table.rows[0].info->comm, "main");
	view.group = GROUP_COMMAND;
	build(&table, interval, &view, NULL);
	assert_string_equal(table.rows[0].info->comm, "main");
	table_free(&table);
	interval_unref(interval);
}

/* The busiest thread comes first, whatever its process's leader does. */
static void test_busiest_thread_first(void **state)
{
	struct interval *interval = interval_make(1, 1);
	struct table table = { 0 };
	struct view view = view_of("io");

	(void)state;
	view.threads = true;
	for (pid_t tid = 100; tid < 200; tid++)
		add(interval, info_new(tid, 100, "calm"), 1)->busiest_blkio_ns = 1000;
	add(interval, info_new(150000, 50, "busy"), 1)->busiest_blkio_ns = SECOND;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.count, 101);
	assert_int_equal(table.rows[0].key.tid, 150000);
	table_free(&table);
	interval_unref(interval);
}

static void add_idle(struct interval *interval, struct task_info *info)
{
	interval->idle = realloc(interval->idle, (interval->idle_count + 1) * sizeof(*interval->idle));
	assert_non_null(interval->idle);
	interval->idle[interval->idle_count++] =
	    (struct task_idle){ .info = task_info_ref(info), .known = COUNTERS_ALL, .state = 'S' };
}

static void assert_order(const struct table *table, const pid_t *tids, const enum row_bracket *brackets, size_t count)
{
	assert_int_equal(table->count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(table->rows[i].key.tid, tids[i]);
		assert_int_equal(table->rows[i].bracket, brackets[i]);
	}
}

static const enum row_bracket no_brackets[6];

static void test_threads_stand_together(void **state)
{
	static const pid_t together[] = { 11, 10, 20, 21, 12, 13 }, alone[] = { 20, 11, 10, 21, 12, 13 };
	static const pid_t by_name[] = { 10, 11, 12, 13, 20, 21 };
	static const enum row_bracket brackets[] = { BRACKET_FIRST, BRACKET_LAST,  BRACKET_FIRST,
						     BRACKET_LAST,  BRACKET_FIRST, BRACKET_LAST };
	struct interval *interval = interval_make(1, 1);
	struct task_info *idle[] = { info_new(12, 10, "sleeper"), info_new(13, 10, "sleeper") };
	struct table table = { 0 };
	struct view view = view_of("write");

	(void)state;
	view.threads = true;
	add(interval, info_new(20, 20, "other"), 350);
	add(interval, info_new(10, 10, "main"), 100);
	add(interval, info_new(21, 20, "other"), 40);
	add(interval, info_new(11, 10, "worker"), 300);
	add_idle(interval, idle[0]);
	add_idle(interval, idle[1]);
	build(&table, interval, &view, NULL);
	assert_order(&table, alone, no_brackets, 6);
	view.bracket = 40;
	build(&table, interval, &view, NULL);
	/* 400 before 390; who did nothing is below all who did something. */
	assert_order(&table, together, brackets, 6);
	view.sort = column_find("pid");
	build(&table, interval, &view, NULL);
	assert_order(&table, by_name, no_brackets, 6);
	view.sort = column_find("write");
	view.group = GROUP_USER; /* of processes */
	build(&table, interval, &view, NULL);
	assert_int_equal(table.count, 1);
	assert_int_equal(table.rows[0].members, 2);
	table_free(&table);
	interval_unref(interval);
	task_info_unref(idle[0]);
	task_info_unref(idle[1]);
}

/* Shares of time don't add up: the busiest thread decides. */
static void test_brackets_by_the_busiest(void **state)
{
	static const pid_t order[] = { 20, 12, 11, 10 };
	static const enum row_bracket brackets[] = { BRACKET_NONE, BRACKET_FIRST, BRACKET_MIDDLE, BRACKET_LAST };
	struct interval *interval = interval_make(1, 1);
	struct table table = { 0 };
	struct view view = view_of("io");

	(void)state;
	view.threads = true;
	view.bracket = 40;
	add(interval, info_new(10, 10, "main"), 1)->busiest_blkio_ns = SECOND / 10 * 2;
	add(interval, info_new(11, 10, "worker"), 1)->busiest_blkio_ns = SECOND / 10 * 3;
	add(interval, info_new(12, 10, "worker"), 1)->busiest_blkio_ns = SECOND / 10 * 4;
	add(interval, info_new(20, 20, "other"), 1)->busiest_blkio_ns = SECOND / 10 * 5;
	build(&table, interval, &view, NULL);
	assert_order(&table, order, brackets, 4);
	table_free(&table);
	interval_unref(interval);
}

/* A crowd of small threads may have the larger sum; the busiest row is on the first page all the same. */
static void test_busiest_row_is_on_the_page(void **state)
{
	struct interval *interval = interval_make(1, 1);
	struct table table = { 0 };
	struct view view = view_of("write");

	(void)state;
	view.threads = true;
	for (pid_t tid = 100; tid < 200; tid++)
		add(interval, info_new(tid, 100, "crowd"), 10);
	add(interval, info_new(300, 300, "busy"), 500);
	view.bracket = 101;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.rows[100].key.tid, 300);
	view.bracket = 100;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.rows[0].key.tid, 300);
	assert_int_equal(table.rows[1].bracket, BRACKET_FIRST);
	assert_int_equal(table.rows[100].bracket, BRACKET_LAST);
	table_free(&table);
	interval_unref(interval);
}

/* A task that began to wait has nothing to show yet, and may never have: it is at the top, with what waits most. */
static void test_who_begins_to_wait_is_at_the_top(void **state)
{
	struct interval *interval = interval_make(1, 1);
	struct table table = { 0 };
	struct view view = view_of("io");
	struct task_delta *stuck;

	(void)state;
	add(interval, info_new(10, 10, "half"), 1000)->busiest_blkio_ns = SECOND / 2;
	stuck = add(interval, info_new(20, 20, "stuck"), 0);
	stuck->flags = DELTA_STUCK;
	add(interval, info_new(30, 30, "some"), 1000)->busiest_blkio_ns = SECOND / 10;
	stuck = add(interval, info_new(40, 40, "moving"), 1000);
	stuck->flags = DELTA_STUCK; /* in D at the moment of the sample, as who does I/O often is */
	stuck->busiest_blkio_ns = SECOND / 100;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.rows[0].key.tid, 20);
	assert_int_equal(table.rows[1].key.tid, 10);
	assert_int_equal(table.rows[3].key.tid, 40);
	stuck->busiest_blkio_ns = 0; /* it read something before, and no wait of it has ended */
	build(&table, interval, &view, NULL);
	assert_int_equal(table.rows[0].key.tid, 40);
	assert_int_equal(table.rows[1].key.tid, 20);
	assert_int_equal(table.rows[2].key.tid, 10);
	for (size_t i = 0; i < interval->count; i++) /* nor does it need delay accounting */
		interval->tasks[i].delta.known &= ~COUNTERS_DELAY;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.rows[0].key.tid, 20);
	view.sort = column_find("write"); /* where nothing is said about waiting */
	build(&table, interval, &view, NULL);
	assert_int_equal(table.rows[3].key.tid, 20);
	table_free(&table);
	interval_unref(interval);
}

static void add_exited(struct interval *interval, pid_t pid, const char *comm)
{
	struct task_delta *task = add(interval, info_new(pid, pid, comm), 4096);

	task->flags = DELTA_EXITED | DELTA_GROUP_DEAD;
	task->exits = task->processes = 1;
}

static void test_exited_fold(void **state)
{
	struct interval *interval = interval_make(1, 1);
	struct table table = { 0 };
	struct view view = view_of("write");
	char cell[64];

	(void)state;
	for (pid_t pid = 1000; pid < 1200; pid++)
		add_exited(interval, pid, "dd");
	add_exited(interval, 2000, "cp");
	view.fold_exited = true;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.count, 2);
	assert_int_equal(table.rows[0].members, 200);
	assert_int_equal(table.rows[0].sum.value[COUNTER_WRITE], 200 * 4096);
	assert_true(table.rows[0].flags & DELTA_EXITED);
	const struct column *command = column_find("command");

	column_format(command, command->get(&table.rows[0], &table.context), &table.context, cell, sizeof(cell));
	assert_non_null(strstr(cell, "x200"));
	view.fold_exited = false;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.count, 201);
	view.hide_exited = true;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.count, 0);
	table_free(&table);
	interval_unref(interval);
}

static void test_process_outlives_its_threads(void **state)
{
	struct interval *interval = interval_make(1, 1);
	struct table table = { 0 };
	struct view view = view_of("write");
	struct task_delta *task = add(interval, info_new(11, 10, "worker"), 4096);

	(void)state;
	task->flags = DELTA_EXITED;
	task->exits = 1;
	build(&table, interval, &view, NULL);
	assert_false(table.rows[0].flags & DELTA_EXITED);
	assert_int_equal(table.rows[0].exits, 1);
	table_free(&table);
	interval_unref(interval);
}

static void test_unknown_sorts_last(void **state)
{
	struct interval *interval = interval_make(1, 1);
	struct table table = { 0 };
	struct view view = view_of("io");

	(void)state;
	add(interval, info_new(10, 10, "unknown"), 1 << 30)->delta.known = COUNTERS_IO;
	add(interval, info_new(20, 20, "small"), 1)->busiest_blkio_ns = 1;
	for (int ascending = 0; ascending < 2; ascending++) {
		view.ascending = ascending;
		build(&table, interval, &view, NULL);
		assert_int_equal(table.rows[0].key.tid, 20);
		assert_int_equal(table.rows[1].key.tid, 10);
	}
	table_free(&table);
	interval_unref(interval);
}

static void test_filter_leaves_the_total(void **state)
{
	struct interval *interval = interval_make(1, 1);
	struct table table = { 0 };
	struct view view = view_of("write");
	struct filter *filter = NULL;
	char error[128];

	(void)state;
	add(interval, info_new(10, 10, "dd"), 100);
	add(interval, info_new(20, 20, "cp"), 300);
	add(interval, info_new(21, 20, "dd-thread"), 50);
	assert_int_equal(filter_parse("dd", &filter, error, sizeof(error)), 0);
	view.filter = filter;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.count, 2); /* a process matches by any of its threads, and stays whole */
	assert_true(table.is_filtered);
	assert_int_equal(table.filtered.value[COUNTER_WRITE], 450);
	assert_int_equal(interval->total.value[COUNTER_WRITE], 450);
	filter_free(filter);
	assert_int_equal(filter_parse("^dd$", &filter, error, sizeof(error)), 0);
	view.filter = filter;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.count, 1);
	assert_int_equal(table.filtered.value[COUNTER_WRITE], 100);
	filter_free(filter);
	table_free(&table);
	interval_unref(interval);
}

static bool open_all(void *data, const struct row_key *key)
{
	(void)data;
	(void)key;
	return true;
}

static void test_groups(void **state)
{
	const struct expansion expansion = { .open = open_all };
	struct interval *interval = interval_make(1, 1);
	struct table table = { 0 };
	struct view view = view_of("write");
	struct task_info *info;

	(void)state;
	info = info_new(10, 10, "dd");
	info->unit = "a.service";
	add(interval, info, 100);
	info = info_new(20, 20, "cp");
	info->unit = "a.service";
	add(interval, info, 200);
	info = info_new(30, 30, "dd");
	info->uid = 5;
	add(interval, info, 250);
	view.group = GROUP_UNIT;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.count, 2);
	assert_int_equal(table.rows[0].sum.value[COUNTER_WRITE], 300);
	assert_int_equal(table.rows[0].members, 2);
	assert_true(table.rows[0].same_info[SAME_UNIT]);
	assert_false(table.rows[0].same_info[SAME_COMMAND]);
	build(&table, interval, &view, &expansion);
	assert_int_equal(table.count, 5);
	assert_int_equal(table.rows[1].key.tid, 20);
	assert_int_equal(table.rows[1].depth, 1);
	view.group = GROUP_COMMAND;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.rows[0].sum.value[COUNTER_WRITE], 350);
	assert_false(table.rows[0].same_info[SAME_USER]);
	table_free(&table);
	interval_unref(interval);
}

/* Each in a shell of its own: in sums they are one row all the same. */
static void test_exited_fold_in_sums(void **state)
{
	struct interval *interval = interval_make(1, 1);
	struct table table = { 0 };
	struct view view = view_of("write");

	(void)state;
	for (pid_t pid = 1000; pid < 1010; pid++) {
		add_exited(interval, pid, "as");
		interval->tasks[interval->count - 1].info->ppid = pid - 500;
	}
	view.fold_exited = true;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.count, 10);
	view.mode = MODE_ACCUMULATED;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.count, 1);
	assert_int_equal(table.rows[0].members, 10);
	assert_int_equal(table.rows[0].sum.value[COUNTER_WRITE], 10 * 4096);
	assert_true(table.rows[0].mixed_parents);
	assert_int_equal(column_find("ppid")->get(&table.rows[0], &table.context).type, VALUE_UNKNOWN);
	table_free(&table);
	interval_unref(interval);
}

/* Exited ones of one command fold under their parent, but not who has others below. */
static void test_tree_folds_the_exited(void **state)
{
	struct interval *interval = interval_make(1, 1);
	struct table table = { 0 };
	struct view view = view_of("write");
	struct task_info *info;

	(void)state;
	add(interval, info_new(10, 10, "make"), 7);
	for (pid_t pid = 100; pid < 105; pid++) {
		info = info_new(pid, pid, "cc");
		info->ppid = 10;
		add(interval, info, 10)->flags = DELTA_EXITED | DELTA_GROUP_DEAD;
	}
	info = info_new(200, 200, "as"); /* below one of them */
	info->ppid = 104;
	add(interval, info, 1000);
	view.tree = true;
	view.fold_exited = true;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.count, 4);
	assert_int_equal(table.rows[0].key.tid, 10);
	assert_int_equal(table.rows[0].sum.value[COUNTER_WRITE], 1057);
	assert_int_equal(table.rows[1].key.tid, 104);
	assert_int_equal(table.rows[1].sum.value[COUNTER_WRITE], 1010);
	assert_int_equal(table.rows[2].key.tid, 200);
	assert_int_equal(table.rows[3].key.kind, ROW_EXITED_FOLD);
	assert_int_equal(table.rows[3].members, 4);
	assert_int_equal(table.rows[3].depth, 1);
	assert_int_equal(table.rows[3].sum.value[COUNTER_WRITE], 40);
	table_free(&table);
	interval_unref(interval);
}

static void test_tree(void **state)
{
	struct interval *interval = interval_make(1, 1);
	struct table table = { 0 };
	struct view view = view_of("write");
	struct task_info *info;

	(void)state;
	add(interval, info_new(1, 1, "init"), 1)->info->ppid = 0;
	add(interval, info_new(10, 10, "make"), 0);
	info = info_new(20, 20, "cc");
	info->ppid = 10;
	add(interval, info, 100);
	info = info_new(30, 30, "as"); /* a ring of stale parents must not hang */
	info->ppid = 40;
	add(interval, info, 5);
	info = info_new(40, 40, "ld");
	info->ppid = 30;
	add(interval, info, 6);
	view.tree = true;
	build(&table, interval, &view, NULL);
	assert_int_equal(table.count, 5);
	assert_int_equal(table.rows[0].key.tid, 1);
	assert_int_equal(table.rows[0].sum.value[COUNTER_WRITE], 101);
	assert_int_equal(table.rows[1].key.tid, 10);
	assert_int_equal(table.rows[1].sum.value[COUNTER_WRITE], 100);
	assert_int_equal(table.rows[2].key.tid, 20);
	assert_int_equal(table.rows[2].depth, 2);
	table_free(&table);
	interval_unref(interval);
}

static void test_accumulated_is_kept_by_who_lives(void **state)
{
	struct accumulator *sums = accumulator_open(100);
	struct table table = { 0 };
	struct view view = view_of("write");
	struct task_info *leader = info_new(10, 10, "main"), *thread = info_new(11, 10, "worker");

	(void)state;
	thread->leader = task_info_ref(leader);
	view.mode = MODE_ACCUMULATED;
	for (int i = 0; i < 3; i++) {
		struct interval *interval = interval_make((uint64_t)i, 1);

		add(interval, task_info_ref(leader), 10);
		add(interval, task_info_ref(thread), 100);
		if (i == 1) { /* the thread exits: its process keeps what it did */
			interval->tasks[1].flags = DELTA_EXITED;
			interval->tasks[1].exits = 1;
		}
		if (i == 2) { /* the process exits: a folded row keeps it all */
			interval->total.value[COUNTER_WRITE] -= interval->tasks[1].delta.value[COUNTER_WRITE];
			task_info_unref(interval->tasks[1].info);
			interval->count = 1;
			interval->tasks[0].flags = DELTA_EXITED | DELTA_GROUP_DEAD;
			interval->tasks[0].exits = interval->tasks[0].processes = 1;
		}
		assert_int_equal(accumulator_add(sums, interval), 0);
		interval_unref(interval);
		build(&table, accumulator_interval(sums), &view, NULL);
		assert_int_equal(table.count, 1);
		assert_int_equal(table.rows[0].sum.value[COUNTER_WRITE],
				 accumulator_interval(sums)->total.value[COUNTER_WRITE]);
		assert_int_equal(table.rows[0].key.kind, i < 2 ? ROW_PROCESS : ROW_EXITED_FOLD);
	}
	assert_int_equal(accumulator_interval(sums)->total.value[COUNTER_WRITE], 230);
	task_info_unref(leader);
	task_info_unref(thread);
	table_free(&table);
	accumulator_close(sums);
}

/* A task that moves to another unit leaves its past behind. */
static void test_past_stays_with_its_unit(void **state)
{
	struct accumulator *sums = accumulator_open(100);
	struct table table = { 0 };
	struct view view = view_of("write");
	struct interval *interval;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct task_info *info = info_new(10, 10, "dd");

		info->unit = i ? "b.service" : "a.service";
		interval = interval_make((uint64_t)i, 1);
		add(interval, info, i ? 70 : 500);
		assert_int_equal(accumulator_add(sums, interval), 0);
		interval_unref(interval);
	}
	view.group = GROUP_UNIT;
	build(&table, accumulator_interval(sums), &view, NULL);
	assert_int_equal(table.count, 2);
	assert_string_equal(table.rows[0].info->unit, "a.service");
	assert_int_equal(table.rows[0].sum.value[COUNTER_WRITE], 500);
	assert_int_equal(table.rows[1].sum.value[COUNTER_WRITE], 70);
	view.group = GROUP_NONE; /* still one process */
	build(&table, accumulator_interval(sums), &view, NULL);
	assert_int_equal(table.count, 1);
	assert_int_equal(table.rows[0].sum.value[COUNTER_WRITE], 570);
	table_free(&table);
	accumulator_close(sums);
}

/* Endless churn of ever new commands: bounded, and nothing leaves the totals. */
static void test_cap(void **state)
{
	struct accumulator *sums = accumulator_open(64);
	uint64_t sum = 0;

	(void)state;
	for (pid_t pid = 100; pid < 2100; pid++) {
		struct interval *interval = interval_make((uint64_t)pid, 1);
		char comm[16];

		snprintf(comm, sizeof(comm), "job%d", pid);
		add_exited(interval, pid, comm);
		assert_int_equal(accumulator_add(sums, interval), 0);
		interval_unref(interval);
		assert_in_range(accumulator_interval(sums)->count, 1, 64);
	}
	for (size_t i = 0; i < accumulator_interval(sums)->count; i++)
		sum += accumulator_interval(sums)->tasks[i].delta.value[COUNTER_WRITE];
	assert_int_equal(sum, 2000 * 4096);
	accumulator_close(sums);
}

/* The same PID, another life: its sums start anew. */
static void test_reused_pid_inherits_nothing(void **state)
{
	struct accumulator *sums = accumulator_open(100);
	struct table table = { 0 };
	struct view view = view_of("write");
	struct interval *interval = interval_make(1, 1);
	struct task_info *info;

	(void)state;
	add_exited(interval, 10, "first");
	info = info_new(10, 10, "second");
	info->id.start_ns = info->process.start_ns = 999 * (uint64_t)SECOND;
	add(interval, info, 1);
	assert_int_equal(accumulator_add(sums, interval), 0);
	interval_unref(interval);
	build(&table, accumulator_interval(sums), &view, NULL);
	assert_int_equal(table.count, 2);
	assert_int_equal(table.rows[1].sum.value[COUNTER_WRITE], 1);
	assert_int_equal(table.rows[1].key.kind, ROW_PROCESS);
	table_free(&table);
	accumulator_close(sums);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process_is_the_sum_of_its_threads),
		cmocka_unit_test(test_process_goes_by_its_leader),
		cmocka_unit_test(test_busiest_thread_first),
		cmocka_unit_test(test_threads_stand_together),
		cmocka_unit_test(test_brackets_by_the_busiest),
		cmocka_unit_test(test_busiest_row_is_on_the_page),
		cmocka_unit_test(test_who_begins_to_wait_is_at_the_top),
		cmocka_unit_test(test_exited_fold),
		cmocka_unit_test(test_process_outlives_its_threads),
		cmocka_unit_test(test_unknown_sorts_last),
		cmocka_unit_test(test_filter_leaves_the_total),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_tree_folds_the_exited),
		cmocka_unit_test(test_exited_fold_in_sums),
		cmocka_unit_test(test_accumulated_is_kept_by_who_lives),
		cmocka_unit_test(test_past_stays_with_its_unit),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_reused_pid_inherits_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
