/* The law of conservation: whatever the tasks do, the books say the same, in every view and mode. Random histories
 * against an oracle; a failing one prints its seed, and IOTOPX_SEED=N runs it alone. */
#include "story.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* With the sanitizers, which make them twenty times as slow, fewer have to do. */
#if defined(__SANITIZE_ADDRESS__)
#define HISTORIES 1500u
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HISTORIES 1500u
#endif
#endif
#ifndef HISTORIES
#define HISTORIES 10000u
#endif

static struct story_task *any_task(struct story *story, bool alive)
{
	struct story_task *found = NULL;
	uint64_t seen = 0;

	for (int i = 0; i < STORY_TASKS; i++) {
		struct story_task *task = &story->tasks[i];

		if (alive ? task->alive : task->zombie && !task->alive)
			if (story_random(story, ++seen) == 0)
				found = task;
	}
	return found;
}

static void work(struct story *story)
{
	struct story_task *task = any_task(story, true);
	enum counter counter = (enum counter)story_random(story, COUNTER_COUNT);

	if (task)
		story_work(story, task, counter, story_random(story, 5000));
}

static bool may_lose, sweeping;

static void act(struct story *story)
{
	struct story_task *task;

	story_pass(story, story_random(story, 3) ? story_random(story, 300000) : story_random(story, 40000000));
	switch (story_random(story, 16)) {
	case 0:
	case 1:
		story_fork(story, 0);
		break;
	case 2:
	case 3:
		task = any_task(story, true);
		if (task)
			story_thread(story, task, 0);
		break;
	case 4:
	case 5:
	case 6:
		task = any_task(story, true);
		if (task)
			story_exit(story, task, may_lose && story_random(story, 10) == 0);
		break;
	case 7:
		task = any_task(story, true);
		/* A sweep asks for all threads of a process at once: no exec falls in between. */
		if (task && task->tid != task->tgid && !sweeping)
			story_exec(story, task);
		break;
	case 8:
		task = any_task(story, false);
		if (task)
			story_reap(story, task);
		break;
	case 9:
		task = any_task(story, true);
		if (task && story_random(story, 4) == 0) /* it moves to another unit; its past stays behind */
			task->unit = "c.service";
		break;
	case 10:
		story_drain(story);
		break;
	default:
		work(story);
	}
}

static void act_at_times(struct story *story)
{
	sweeping = true;
	if (story_random(story, 3) == 0)
		act(story);
	sweeping = false;
}

static void sum_rows(const struct table *table, uint64_t *sum)
{
	memset(sum, 0, COUNTER_COUNT * sizeof(*sum));
	for (size_t i = 0; i < table->count; i++) {
		if (table->rows[i].depth)
			continue;
		for (int counter = 0; counter < COUNTER_COUNT; counter++)
			sum[counter] += table->rows[i].sum.value[counter];
	}
}

/* Every way to look at an interval adds up to its total. */
static void check_views(const struct interval *interval, const uint64_t *total, uint64_t seed)
{
	struct table table = { 0 };
	uint64_t sum[COUNTER_COUNT];

	for (unsigned shape = 0; shape < 2u * GROUP_COUNT * 4; shape++) {
		struct view view;

		view_init(&view);
		view.threads = shape & 1;
		view.fold_exited = shape & 2;
		view.bracket = shape & 2 ? 5 : 0;
		view.only_active = shape & 4;
		view.group = (enum view_group)(shape >> 3);
		if (view.group >= GROUP_COUNT)
			break;
		assert_int_equal(table_build(&table, interval, &view, &lookup_nothing, TEXT_ASCII, NULL), 0);
		sum_rows(&table, sum);
		for (int counter = 0; counter < COUNTER_COUNT; counter++)
			if (sum[counter] != total[counter])
				fail_msg("seed %" PRIu64 ": view %u, counter %d: rows %" PRIu64 ", total %" PRIu64,
					 seed, shape, counter, sum[counter], total[counter]);
	}
	table_free(&table);
}

static void check_interval(const struct interval *interval, uint64_t seed)
{
	uint64_t sum[COUNTER_COUNT] = { 0 };

	for (size_t i = 0; i < interval->count; i++)
		for (int counter = 0; counter < COUNTER_COUNT; counter++)
			sum[counter] += interval->tasks[i].delta.value[counter];
	assert_memory_equal(sum, interval->total.value, sizeof(sum));
	check_views(interval, sum, seed);
}

/* Bytes and counts of waits are exact. What taskstats rounds is never more than the truth, and less by at most 1023
 * for each reading or record that could not be exact. */
static void check_books(const struct story *story, uint64_t seed, uint64_t roundings)
{
	for (int counter = 0; counter < COUNTER_COUNT; counter++) {
		uint64_t done = story->done[counter], booked = story->booked[counter];
		bool rounded = COUNTERS_ROUNDED & COUNTER_BIT(counter);
		bool clamped = counter == COUNTER_BLKIO_DELAY || counter == COUNTER_SWAPIN_DELAY;
		uint64_t slack = rounded ? roundings * 1023 : 0;

		if (booked > done + (rounded ? story->rounded_bases * 1023 : 0))
			fail_msg("seed %" PRIu64 ": counter %d: a phantom: booked %" PRIu64 ", done %" PRIu64, seed,
				 counter, booked, done);
		if (!clamped && !story->lost_total && booked + slack < done)
			fail_msg("seed %" PRIu64 ": counter %d: lost: booked %" PRIu64 ", done %" PRIu64, seed, counter,
				 booked, done);
	}
	if (!story->lost_total)
		assert_int_equal(story->booked_exits, story->exits);
}

static void old_tasks(struct story *story)
{
	uint64_t count = story_random(story, 8);

	for (uint64_t i = 0; i < count; i++) {
		struct story_task *task = story_fork(story, 0);

		if (!task)
			continue;
		task->told = false;
		task->start_ns = task->process_start_ns = story->now_ns - 5000000000u;
		for (int counter = 0; counter < COUNTER_COUNT; counter++)
			story_work(story, task, (enum counter)counter, story_random(story, 100000));
	}
}

static void tell(uint64_t seed, bool lose)
{
	struct story story;
	uint64_t roundings = 0;

	may_lose = lose;
	story_open(&story, seed);
	old_tasks(&story);
	interval_unref(story_sweep(&story)); /* the baseline */
	story.during = act_at_times;
	story.overlooks = true;
	uint64_t steps = 20 + story_random(&story, 150);

	for (uint64_t step = 0; step < steps; step++) {
		act(&story);
		if (story_random(&story, 12))
			continue;
		struct interval *interval = story_sweep(&story);

		roundings += STORY_TASKS;
		check_interval(interval, seed);
		interval_unref(interval);
	}
	story.during = NULL;
	story.overlooks = false;
	for (int sweep = 0; sweep < 2; sweep++) { /* a reading that comes with the record of the TID's last owner may wait */
		for (int i = 0; i < STORY_TASKS; i++)
			story.tasks[i].moved = true;
		interval_unref(story_sweep(&story));
		story_pass(&story, 100000000);
	}
	check_books(&story, seed, roundings + story.exits + STORY_TASKS);
	check_views(accumulator_interval(story.accumulator), story.booked, seed);
	story_close(&story);
}

static void tell_many(bool lose)
{
	const char *alone = getenv("IOTOPX_SEED");

	if (alone) {
		tell(strtoull(alone, NULL, 10), lose);
		return;
	}
	for (uint64_t seed = 1; seed <= HISTORIES; seed++)
		tell(seed, lose);
}

static void test_all_records(void **state)
{
	(void)state;
	tell_many(false);
}

static void test_lost_records(void **state)
{
	(void)state;
	tell_many(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_records),
		cmocka_unit_test(test_lost_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
