/* Who is watched: processes come and go, and their threads follow what the kernel lists. */
#include "watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct gone {
	pid_t tids[64];
	size_t count;
};

static int note(void *data, pid_t tid)
{
	struct gone *gone = data;

	gone->tids[gone->count++] = tid;
	return 0;
}

static void sync_to(struct watched *process, const pid_t *tids, size_t count, struct gone *gone)
{
	struct proc_entry entries[64] = { { .pid = 0 } };
	struct proc_list list = { .items = entries, .count = count };

	for (size_t i = 0; i < count; i++)
		entries[i].pid = tids[i];
	gone->count = 0;
	assert_int_equal(watched_threads_sync(process, &list, note, gone), 0);
	assert_int_equal(process->thread_count, count);
	for (size_t i = 0; i < count; i++)
		assert_non_null(watched_thread_find(process, tids[i]));
}

static void test_threads_follow_the_list(void **state)
{
	struct watch watch = { 0 };
	struct watched *process = watch_add(&watch, 10, 1);
	struct gone gone;

	(void)state;
	assert_non_null(process);
	sync_to(process, (const pid_t[]){ 10 }, 1, &gone);
	sync_to(process, (const pid_t[]){ 10, 11, 12, 13 }, 4, &gone);
	assert_int_equal(gone.count, 0);
	watched_thread_find(process, 12)->run_ns = 99;
	sync_to(process, (const pid_t[]){ 10, 12, 13, 9 }, 4, &gone); /* TIDs have wrapped */
	assert_int_equal(gone.count, 1);
	assert_int_equal(gone.tids[0], 11);
	assert_int_equal(watched_thread_find(process, 12)->run_ns, 99);
	assert_int_equal(watched_threads(process)[3].tid, 9);
	sync_to(process, (const pid_t[]){ 9, 12, 10, 13 }, 4, &gone); /* any order is right, if not as quick */
	assert_int_equal(gone.count, 0);
	sync_to(process, (const pid_t[]){ 13 }, 1, &gone);
	assert_int_equal(gone.count, 3);
	sync_to(process, NULL, 0, &gone);
	assert_int_equal(gone.count, 1);
	watch_free(&watch);
}

static void test_random_lists(void **state)
{
	struct watch watch = { 0 };
	struct watched *process = watch_add(&watch, 10, 1);
	struct gone gone;
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 5000; round++) {
		pid_t tids[40];
		size_t count = 0;

		for (pid_t tid = 1; tid <= 40; tid++)
			if (rand_r(&seed) % 3)
				tids[count++] = tid;
		sync_to(process, tids, count, &gone);
		for (size_t i = 0; i < gone.count; i++)
			assert_null(watched_thread_find(process, gone.tids[i]));
	}
	watch_free(&watch);
}

static void test_slots_are_used_again(void **state)
{
	struct watch watch = { 0 };

	(void)state;
	for (pid_t pid = 1; pid <= 1000; pid++) {
		struct watched *process = watch_add(&watch, pid, (uint64_t)pid);

		assert_non_null(process);
		assert_ptr_equal(watch_find(&watch, pid), process);
		watch_drop(&watch, process);
		assert_null(watch_find(&watch, pid));
	}
	assert_int_equal(watch.count, 1);
	watch_free(&watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_follow_the_list),
		cmocka_unit_test(test_random_lists),
		cmocka_unit_test(test_slots_are_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
