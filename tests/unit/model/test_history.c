#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "iotopx/history.h"

#include <malloc.h>
#include <stdlib.h>

/* An interval of `count` tasks; task i read i KiB and wrote 3 bytes; every tenth exited. */
static struct interval *make_interval(uint64_t second, size_t count)
{
	struct interval *interval = interval_new();

	assert_non_null(interval);
	interval->begin_ns = second * 1000000000u;
	interval->end_ns = interval->begin_ns + 1000000000u;
	for (size_t i = 0; i < count; i++) {
		struct task_delta *task = interval_add(interval);

		assert_non_null(task);
		task->info = task_info_new();
		assert_non_null(task->info);
		task->info->id.tid = (pid_t)(100 + i);
		task->info->process = task->info->id;
		task->info->uid = (uint32_t)(i % 3);
		snprintf(task->info->comm, sizeof(task->info->comm), "task%zu", i);
		task->delta.known = COUNTERS_ALL;
		task->delta.value[COUNTER_READ] = i * 1024;
		task->delta.value[COUNTER_WRITE] = 3;
		if (i % 10 == 0) {
			task->flags = DELTA_EXITED;
			task->exits = 1;
		}
		counters_add(&interval->total, &task->delta);
	}
	return interval;
}

static struct counters sum_of(const struct interval *interval)
{
	struct counters sum = { .known = COUNTERS_ALL };

	for (size_t i = 0; i < interval->count; i++)
		counters_add(&sum, &interval->tasks[i].delta);
	return sum;
}

static void add(struct history *history, uint64_t second, size_t count)
{
	struct interval *interval = make_interval(second, count);

	assert_int_equal(history_add(history, interval), 0);
	interval_unref(interval);
}

static void test_newest_first(void **state)
{
	(void)state;
	struct history *history = history_open(HISTORY_BYTES_DEFAULT);

	assert_int_equal(history_count(history), 0);
	assert_null(history_get(history, 0));
	for (uint64_t second = 1; second <= 200; second++)
		add(history, second, 2);
	assert_int_equal(history_count(history), 200);
	for (uint64_t back = 0; back < 200; back++)
		assert_int_equal(history_get(history, back)->begin_ns, (200 - back) * 1000000000u);
	assert_null(history_get(history, 200));
	history_close(history);
	history_close(NULL);
}

static void test_copy_is_its_own(void **state)
{
	(void)state;
	struct history *history = history_open(HISTORY_BYTES_DEFAULT);
	struct interval *interval = make_interval(1, 3);
	struct task_idle idle = { .info = task_info_ref(interval->tasks[0].info) };

	interval->idle = malloc(sizeof(idle));
	interval->idle[0] = idle;
	interval->idle_count = interval->idle_capacity = 1;
	interval->machine.devices = calloc(1, sizeof(*interval->machine.devices));
	interval->machine.device_count = 1;
	strcpy(interval->machine.devices[0].name, "sda");
	interval->machine.nfs.items = calloc(1, sizeof(struct nfs_mount));
	interval->machine.nfs.count = interval->machine.nfs.capacity = 1;
	interval->machine.nfs.items[0].mount = strdup("/mnt");
	interval->machine.nfs.items[0].device = strdup("server:/export");
	interval->machine.nfs.items[0].version = strdup("4.2");
	interval->machine.nfs.items[0].ops = calloc(2, sizeof(struct nfs_op));
	interval->machine.nfs.items[0].op_count = interval->machine.nfs.items[0].op_capacity = 2;
	strcpy(interval->machine.nfs.items[0].ops[1].name, "WRITE");
	assert_int_equal(history_add(history, interval), 0);
	interval_unref(interval);

	const struct interval *kept = history_get(history, 0);

	assert_int_equal(kept->idle_count, 0);
	assert_int_equal(kept->count, 3);
	assert_string_equal(kept->tasks[2].info->comm, "task2");
	assert_string_equal(kept->machine.devices[0].name, "sda");
	assert_string_equal(kept->machine.nfs.items[0].device, "server:/export");
	assert_string_equal(kept->machine.nfs.items[0].ops[1].name, "WRITE");
	history_close(history);
}

static void test_byte_cap(void **state)
{
	(void)state;
	const size_t cap = 1u << 20;
	struct history *history = history_open(cap);
	size_t before = mallinfo2().uordblks;

	for (uint64_t second = 1; second <= 2000; second++) {
		add(history, second, 200);
		assert_true(history_bytes(history) <= cap);
	}
	/* What it really holds, infos included: these tasks share none, which is twice as hard as the live case. */
	assert_true(mallinfo2().uordblks - before < 2 * cap);
	assert_true(history_count(history) > 50);
	assert_int_equal(history_get(history, 0)->begin_ns, 2000000000000u);
	history_close(history);
}

static void test_one_interval_beyond_the_cap(void **state)
{
	(void)state;
	struct history *history = history_open(16384);

	add(history, 1, 5000);
	add(history, 2, 5000);
	assert_int_equal(history_count(history), 1);
	assert_int_equal(history_get(history, 0)->begin_ns, 2000000000u);
	assert_true(history_bytes(history) <= 16384);
	history_close(history);
}

static void test_folding_changes_no_total(void **state)
{
	(void)state;
	struct history *history = history_open(400000);
	struct interval *model = make_interval(1, 300);
	struct counters expected = sum_of(model);
	bool folded = false, single = false;

	interval_unref(model);
	for (uint64_t second = 1; second <= 100; second++)
		add(history, second, 300);
	for (size_t back = 0; back < history_count(history); back++) {
		const struct interval *interval = history_get(history, back);
		struct counters sum = sum_of(interval);

		assert_memory_equal(sum.value, expected.value, sizeof(sum.value));
		assert_memory_equal(interval->total.value, expected.value, sizeof(expected.value));
		folded |= interval->count < 300;
		single |= interval->count == 300;
		/* The largest is never the one that is folded. */
		bool found = false;

		for (size_t i = 0; i < interval->count; i++)
			found |= strcmp(interval->tasks[i].info->comm, "task299") == 0;
		assert_true(found);
	}
	assert_true(folded);
	assert_true(single);
	history_close(history);
}

/* The promise of the manual: 5 minutes at 1 s with 200 active tasks, whose infos are the tracker's. */
static void test_five_minutes(void **state)
{
	(void)state;
	struct history *history = history_open(HISTORY_BYTES_DEFAULT);
	struct interval *interval = make_interval(1, 200);

	for (size_t i = 0; i < interval->count; i++)
		interval->tasks[i].flags = 0;
	for (int second = 0; second < 300; second++)
		assert_int_equal(history_add(history, interval), 0);
	assert_int_equal(history_count(history), 300);
	assert_int_equal(history_get(history, 299)->count, 200);
	interval_unref(interval);
	history_close(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_newest_first),
		cmocka_unit_test(test_copy_is_its_own),
		cmocka_unit_test(test_byte_cap),
		cmocka_unit_test(test_one_interval_beyond_the_cap),
		cmocka_unit_test(test_folding_changes_no_total),
		cmocka_unit_test(test_five_minutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
