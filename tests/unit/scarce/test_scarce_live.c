/* Memory that runs out in a sweep: each allocation fails in turn, alone and with those that follow it. What tasks did
 * that never run again is in the next interval that comes; who is gone is gone, who hangs is seen to hang. */
#include "kernel.h"
#include "scarce.h"

#include "iotopx/live.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND 1000000000u
#define PAGE 4096u
#define ACTS 2
#define CROWD 60 /* births in an act, of processes and of threads: more than there was room for so far */
#define STUCK 5  /* hang from the beginning */
#define PAIRS 10 /* of threads, one of which ends */

/* Who acts; each does so once. */
struct cast {
	struct kernel_task *writer, *reader, *leader, *thread, *hanging, *idle;
	struct kernel_task *dying, *ending, *lingering, *dead;
	struct kernel_task *leaving[PAIRS], *mute[PAIRS]; /* in turn in the list of threads */
};

struct trial {
	struct source *source;
	struct cast casts[ACTS];
	uint64_t booked[COUNTER_COUNT], exits, lost, tasks;
	size_t stuck, taken, failed; /* tasks of the last interval that hang; intervals; sweeps that gave none */
};

static void hire(struct cast *cast)
{
	*cast = (struct cast){
		.writer = kernel_fork_old(),
		.reader = kernel_fork_old(),
		.leader = kernel_fork_old(),
		.dying = kernel_fork_old(),
		.hanging = kernel_fork_old(),
		.idle = kernel_fork_old(),
		.lingering = kernel_fork_old(),
	};
	for (int i = 0; i < PAIRS; i++) {
		cast->leaving[i] = kernel_thread(cast->leader);
		cast->mute[i] = kernel_thread(cast->leader);
	}
	for (int i = 0; i < STUCK; i++)
		kernel_thread(cast->leader)->state = 'D';
	cast->thread = kernel_thread(cast->leader);
	cast->ending = kernel_thread(cast->leader);
}

static struct kernel_task *work_and_end(bool reaped)
{
	struct kernel_task *task = kernel_fork();

	kernel_work(task, COUNTER_WRITE, 3 * PAGE);
	kernel_exit(task);
	if (reaped)
		kernel_reap(task);
	return task;
}

/* What ends with work undone by any sweep is known by its exit record only. */
static void act_of_endings(struct cast *cast, const struct cast *before)
{
	/* Files closed by the exit: its record does not know. */
	kernel_cancel(work_and_end(false), PAGE);
	kernel_work(cast->lingering, COUNTER_WRITE, 2 * PAGE);
	kernel_exit(cast->lingering);
	kernel_cancel(cast->lingering, PAGE);
	cast->dead = work_and_end(true);
	kernel_work(cast->dying, COUNTER_READ, 5 * PAGE);
	kernel_exit(cast->dying);
	kernel_reap(cast->dying);
	kernel_work(cast->ending, COUNTER_WRITE, 7 * PAGE);
	kernel_exit(cast->ending);
	if (before)
		kernel_work(kernel_fork_again(before->dead), COUNTER_WRITE, 11 * PAGE);
}

static void act(struct cast *cast, const struct cast *before)
{
	kernel_pass(SECOND / 2);
	kernel_work(cast->writer, COUNTER_WRITE, 13 * PAGE);
	kernel_work(cast->reader, COUNTER_READ_CHAR, 17 * PAGE);
	kernel_work(cast->thread, COUNTER_READ, 19 * PAGE);
	kernel_work(kernel_thread(cast->leader), COUNTER_WRITE_CHAR, 23 * PAGE);
	kernel_work(cast->hanging, COUNTER_READ, PAGE);
	cast->hanging->state = 'D';
	struct kernel_task *crowded = kernel_fork(), *worker = NULL;

	for (int i = 0; i < CROWD; i++) {
		kernel_work(kernel_fork(), COUNTER_WRITE, PAGE);
		worker = kernel_thread(crowded);
	}
	kernel_work(worker, COUNTER_READ, 29 * PAGE);
	for (int i = 0; i < PAIRS; i++)
		kernel_exit(cast->leaving[i]);
	kernel_exit(cast->idle);
	kernel_reap(cast->idle);
	if (kernel.traits.exits)
		act_of_endings(cast, before);
}

/* The zombie of one whose record is read without memory tells no unit any more. */
static void check_unit(const struct task_delta *task)
{
	char unit[32];

	if (task->flags & DELTA_EXITED)
		return;
	snprintf(unit, sizeof(unit), "%d.service", kernel_unit(task->info->process.tid));
	assert_non_null(task->info->unit);
	assert_string_equal(task->info->unit, unit);
}

static void take(struct trial *trial, const struct interval *interval)
{
	trial->taken++;
	assert_int_equal(kernel.cgroup_samples, trial->taken);
	trial->exits += interval->exited;
	trial->lost += interval->lost_exits;
	trial->tasks = interval->task_count;
	trial->stuck = 0;
	for (size_t i = 0; i < interval->count; i++) {
		trial->stuck += (interval->tasks[i].flags & DELTA_STUCK) != 0;
		check_unit(&interval->tasks[i]);
	}
	for (int counter = 0; counter < COUNTER_COUNT; counter++) {
		uint64_t rows = 0;

		for (size_t i = 0; i < interval->count; i++)
			rows += interval->tasks[i].delta.value[counter];
		assert_int_equal(rows, interval->total.value[counter]);
		trial->booked[counter] += rows;
	}
}

static void sweep(struct trial *trial)
{
	struct interval *interval = NULL;

	kernel_pass(SECOND / 2);
	int error = trial->source->ops->next(trial->source, true, &interval);

	if (error) {
		assert_int_equal(error, -ENOMEM);
		trial->failed++;
		return;
	}
	take(trial, interval);
	interval_unref(interval);
}

static void open_trial(struct trial *trial, struct kernel_traits traits, int calm)
{
	const struct live_options options = { .interval_ns = SECOND };
	char error[256];

	*trial = (struct trial){ 0 };
	kernel_boot(traits);
	for (int i = 0; i < ACTS; i++)
		hire(&trial->casts[i]);
	assert_int_equal(live_open(&options, &trial->source, error, sizeof(error)), 0);
	kernel_count_from_now();
	sweep(trial);
	for (int i = 0; i < calm; i++) {
		kernel_run(trial->casts[i % ACTS].thread);
		sweep(trial);
	}
	assert_int_equal(trial->failed, 0);
}

static void check(const struct trial *trial, size_t nth, size_t length)
{
	static const enum counter counters[] = { COUNTER_READ, COUNTER_WRITE, COUNTER_CANCELLED, COUNTER_READ_CHAR,
						 COUNTER_WRITE_CHAR };

	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		uint64_t booked = trial->booked[counters[i]], done = kernel.done[counters[i]];

		if (booked > done || (booked < done && !trial->lost))
			fail_msg("allocations %zu to %zu, counter %d: %" PRIu64 " booked, %" PRIu64 " done, %" PRIu64
				 " lost",
				 nth, nth + length - 1, counters[i], booked, done, trial->lost);
	}
	if (kernel.traits.exits && trial->exits + trial->lost != kernel.exits)
		fail_msg("allocations %zu to %zu: %" PRIu64 " exits booked, %" PRIu64 " lost, %" PRIu64 " happened",
			 nth, nth + length - 1, trial->exits, trial->lost, kernel.exits);
	/* A zombie whose record was lost seems to be there. */
	if (trial->tasks < kernel_alive() || trial->tasks > kernel_alive() + trial->lost ||
	    trial->stuck != ACTS * (STUCK + 1))
		fail_msg("allocations %zu to %zu: %" PRIu64 " tasks are there, not %zu; %zu hang", nth,
			 nth + length - 1, trial->tasks, kernel_alive(), trial->stuck);
}

/* After so many sweeps with memory. True if the nth allocation came; *failed: sweeps that failed, in all. */
static bool live_through(struct kernel_traits traits, int calm, size_t nth, size_t length, size_t *failed)
{
	struct trial trial;

	open_trial(&trial, traits, calm);
	scarce_begin_drought(nth, length);
	for (int i = 0; i < ACTS; i++) {
		act(&trial.casts[i], i ? &trial.casts[i - 1] : NULL);
		sweep(&trial);
	}
	sweep(&trial);
	sweep(&trial);
	const bool hit = scarce_end();

	sweep(&trial);
	sweep(&trial); /* who went to sleep is looked at in the sweep after */
	/* All is told now, and the bases are where they were. */
	check(&trial, nth, length);
	for (int i = 0; i < ACTS; i++)
		for (int j = 0; j < PAIRS; j++)
			kernel_work(trial.casts[i].mute[j], COUNTER_READ, PAGE);
	sweep(&trial);
	check(&trial, nth, length);
	*failed += trial.failed;
	trial.source->ops->close(trial.source);
	return hit;
}

static void each_fails(struct kernel_traits traits)
{
	static const size_t lengths[] = { 1, 3, 40 };
	size_t tried = 0, failed = 0;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		for (int calm = 0; calm <= 3; calm += 3)
			for (size_t nth = 1; live_through(traits, calm, nth, lengths[i], &failed); nth++)
				tried++;
	print_message("%zu droughts, %zu sweeps failed\n", tried, failed);
	assert_true(tried > 100 && failed > 50);
}

static void births_are_told(void **state)
{
	(void)state;
	each_fails((struct kernel_traits){ .taskstats = true, .births = true, .exits = true });
}

static void births_are_listed(void **state)
{
	(void)state;
	each_fails((struct kernel_traits){ .taskstats = true, .exits = true });
}

static void nothing_is_told(void **state)
{
	(void)state;
	each_fails((struct kernel_traits){ .taskstats = true });
}

static void own_processes(void **state)
{
	(void)state;
	each_fails((struct kernel_traits){ .taskstats = false });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(births_are_told),
		cmocka_unit_test(births_are_listed),
		cmocka_unit_test(nothing_is_told),
		cmocka_unit_test(own_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
