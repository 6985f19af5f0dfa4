/* The law of conservation when memory runs out: each allocation of a history fails in turn. A sweep that can't be
 * booked is an interval that does not come; what its tasks did is in the next one, once. An exit record that can't be
 * booked is a lost one. Nothing is counted twice, and nothing that is not counted goes unsaid. */
#include "scarce.h"
#include "../model/story.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SWEEPS 8
#define ACTS 14

static struct story_task *any_alive(struct story *story)
{
	struct story_task *found = NULL;
	uint64_t seen = 0;

	for (int i = 0; i < STORY_TASKS; i++)
		if (story->tasks[i].alive && story_random(story, ++seen) == 0)
			found = &story->tasks[i];
	return found;
}

static void act(struct story *story)
{
	struct story_task *task = any_alive(story);

	story_pass(story, 1 + story_random(story, 300000));
	switch (task ? story_random(story, 6) : 0) {
	case 0:
		story_fork(story, 0);
		break;
	case 1:
		story_thread(story, task, 0);
		break;
	case 2:
		story_exit(story, task, false);
		break;
	default:
		story_work(story, task, (enum counter)story_random(story, COUNTER_BLKIO_COUNT),
			   story_random(story, 50));
	}
}

/* True if the nth allocation came. */
static bool live_through(uint64_t seed, size_t nth)
{
	static struct story story; /* too large for the stack */

	story_open(&story, seed);
	story.scarce = true;
	for (int i = 0; i < 6; i++)
		act(&story);
	interval_unref(story_sweep(&story));
	for (int sweep = 0; sweep < SWEEPS; sweep++) {
		for (int i = 0; i < ACTS; i++)
			act(&story);
		if (sweep == 1)
			scarce_begin(nth);
		interval_unref(story_sweep(&story));
	}
	const bool hit = scarce_end();
	/* Who is alive is read once more, with memory for it. */
	for (int i = 0; i < STORY_TASKS; i++)
		story.tasks[i].moved = true;
	interval_unref(story_sweep(&story));
	for (int counter = COUNTER_READ; counter <= COUNTER_CANCELLED; counter++) {
		const bool equal = story.booked[counter] == story.done[counter];

		if (story.booked[counter] > story.done[counter] || (!equal && story.lost_total == 0))
			fail_msg("seed %" PRIu64 ", allocation %zu, counter %d: %" PRIu64 " booked, %" PRIu64
				 " done, %" PRIu64 " lost",
				 seed, nth, counter, story.booked[counter], story.done[counter], story.lost_total);
	}
	if (story.booked_exits + story.lost_total != story.exits || story.lost_told != story.lost_total)
		fail_msg("seed %" PRIu64 ", allocation %zu: %" PRIu64 " exits booked, %" PRIu64 " lost, %" PRIu64
			 " happened",
			 seed, nth, story.booked_exits, story.lost_total, story.exits);
	story_close(&story);
	return hit;
}

static void books_stay_right(void **state)
{
	size_t tried = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++)
		for (size_t nth = 1; live_through(seed, nth); nth++)
			tried++;
	print_message("%zu allocations failed\n", tried);
	assert_true(tried > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(books_stay_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
