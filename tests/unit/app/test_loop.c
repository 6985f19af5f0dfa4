#include "loop.h"
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S 1000000000ull

static void due_stays_on_the_grid(void **state)
{
	(void)state;
	/* A quick sweep: the next one is an interval later, however late the timer was. */
	assert_int_equal(loop_next_due(10 * S, 10 * S + 1, S), 11 * S);
	assert_int_equal(loop_next_due(10 * S, 10 * S + S / 2, S), 11 * S);
	/* No drift over many. */
	uint64_t due = 10 * S;
	for (int i = 0; i < 1000; i++)
		due = loop_next_due(due, due + 123456789, S);
	assert_int_equal(due, 1010 * S);
}

static void due_leaves_a_rest(void **state)
{
	(void)state;
	/* Sweeps that take longer than the interval skip places and never follow each other at once. */
	for (uint64_t took = 0; took < 5 * S; took += S / 100) {
		uint64_t now = 10 * S + took, due = loop_next_due(10 * S, now, S);

		assert_true(due >= now + S / 10);
		assert_true(due < now + S / 10 + S);
		assert_int_equal(due % S, 0);
	}
}

/* A source that counts, and a front that ends it. */
struct fake {
	struct source source;
	const struct source_ops *ops;
	unsigned sweeps, drains;
	int pipe[2];
	int fail_at, error; /* the sweep that fails, and how */
	unsigned intervals, end_after;
	const char *failed_at; /* as the loop told it */
};

static int fake_next(struct source *source, bool list_idle, struct interval **interval)
{
	struct fake *fake = (struct fake *)source;

	(void)list_idle;
	if ((int)fake->sweeps++ == fake->fail_at)
		return fake->error;
	*interval = interval_new();
	return *interval ? 0 : -ENOMEM;
}

static size_t fake_fds(struct source *source, struct pollfd *fds, size_t max)
{
	struct fake *fake = (struct fake *)source;

	assert_true(max >= 1);
	fds[0] = (struct pollfd){ .fd = fake->pipe[0], .events = POLLIN };
	return 1;
}

static int fake_drain(struct source *source)
{
	struct fake *fake = (struct fake *)source;
	char byte;

	assert_int_equal(read(fake->pipe[0], &byte, 1), 1);
	fake->drains++;
	return 0;
}

static const char *fake_notice(struct source *source)
{
	(void)source;
	return NULL;
}

static const struct source_ops fake_ops = {
	.next = fake_next, .fds = fake_fds, .drain = fake_drain, .notice = fake_notice
};

static bool front_wants_idle(void *data)
{
	(void)data;
	return false;
}

static int front_interval(void *data, struct loop *loop, struct interval *interval, const char *notice)
{
	struct fake *fake = data;

	(void)loop, (void)interval, (void)notice;
	return ++fake->intervals == fake->end_after ? LOOP_END : 0;
}

static size_t front_fds(void *data, struct pollfd *fds, size_t max)
{
	(void)data, (void)fds, (void)max;
	return 0;
}

static int front_ready(void *data, struct pollfd *fds, size_t count)
{
	(void)data, (void)fds, (void)count;
	return 0;
}

static int front_signal(void *data, int number)
{
	(void)data;
	return number == SIGWINCH ? -ENOTSUP : 0;
}

static int run_fake(struct fake *fake)
{
	struct loop_options options = { .first_ns = S / 1000,
					.interval_ns = S / 100,
					.source = &fake->source,
					.front = { fake, front_wants_idle, front_interval, front_fds, front_ready,
						   front_signal } };
	struct loop *loop;
	int result;

	fake->source.ops = &fake_ops;
	assert_int_equal(pipe2(fake->pipe, O_CLOEXEC), 0);
	assert_int_equal(write(fake->pipe[1], "ab", 2), 2);
	assert_int_equal(loop_open(&options, &loop), 0);
	result = loop_run(loop);
	fake->failed_at = loop_failed_at(loop);
	loop_close(loop);
	close(fake->pipe[0]);
	close(fake->pipe[1]);
	return result;
}

static void sweeps_until_the_front_ends(void **state)
{
	struct fake fake = { .fail_at = -1, .end_after = 4 };

	(void)state;
	assert_int_equal(run_fake(&fake), 0);
	assert_int_equal(fake.sweeps, 4);
	assert_int_equal(fake.drains, 2); /* what waited was taken */
}

static void baseline_that_fails_ends_it(void **state)
{
	struct fake fake = { .fail_at = 0, .error = -EIO };

	(void)state;
	assert_int_equal(run_fake(&fake), -EIO);
	assert_int_equal(fake.intervals, 0);
	assert_string_equal(fake.failed_at, "the next interval");
}

static void end_of_a_source_is_peace(void **state)
{
	struct fake fake = { .fail_at = 2, .error = -ENODATA };

	(void)state;
	assert_int_equal(run_fake(&fake), 0);
	assert_int_equal(fake.intervals, 2);
}

static void short_memory_skips_an_interval(void **state)
{
	struct fake fake = { .fail_at = 2, .error = -ENOMEM, .end_after = 4 };

	(void)state;
	assert_int_equal(run_fake(&fake), 0);
	assert_int_equal(fake.sweeps, 5);
}

static void signals_end_it(void **state)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct fake fake = { .fail_at = -1 };

		kill(getpid(), numbers[i]);
		assert_int_equal(run_fake(&fake), 0);
	}
}

static void other_signals_go_to_the_front(void **state)
{
	struct fake fake = { .fail_at = -1 };

	(void)state;
	kill(getpid(), SIGWINCH);
	assert_int_equal(run_fake(&fake), -ENOTSUP);
	assert_null(fake.failed_at); /* it was not the loop */
}

static void await(struct queue *queue)
{
	struct pollfd event = { .fd = queue_fd(queue), .events = POLLIN };

	while (queue_waiting(queue)) {
		assert_int_equal(poll(&event, 1, 60000), 1);
		queue_collect(queue);
	}
}

static void queue_writes_in_order(void **state)
{
	struct queue *queue;
	char got[16] = "";
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(queue_open(fds[1], &queue), 0);
	assert_int_equal(queue_put(queue, strdup("one,"), 4), 0);
	assert_int_equal(queue_put(queue, strdup("two"), 3), 0);
	await(queue);
	assert_int_equal(queue_error(queue), 0);
	assert_int_equal(read(fds[0], got, sizeof(got)), 7);
	assert_string_equal(got, "one,two");
	queue_close(queue);
	close(fds[0]);
	close(fds[1]);
}

static void full_pipe_never_stops_the_maker(void **state)
{
	const size_t length = 1 << 20; /* more than a pipe holds */
	struct queue *queue;
	unsigned taken = 0;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(queue_open(fds[1], &queue), 0);
	while (queue_has_room(queue)) {
		char *bytes = calloc(1, length);

		assert_non_null(bytes);
		assert_int_equal(queue_put(queue, bytes, length), 0);
		assert_true(++taken <= 64);
	}
	assert_true(taken >= 16);
	assert_true(queue_waiting(queue) > 0);
	queue_close(queue); /* although its thread is stuck in write */
	close(fds[0]);
	close(fds[1]);
}

static void write_errors_are_told(void **state)
{
	struct queue *queue;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), fds[2];

	(void)state;
	assert_true(full >= 0);
	assert_int_equal(queue_open(full, &queue), 0);
	assert_int_equal(queue_put(queue, strdup("x"), 1), 0);
	await(queue);
	assert_int_equal(queue_error(queue), -ENOSPC);
	assert_int_equal(queue_put(queue, strdup("y"), 1), 0);
	assert_int_equal(queue_waiting(queue), 0);
	queue_close(queue);
	close(full);

	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	assert_int_equal(queue_open(fds[1], &queue), 0);
	assert_int_equal(queue_put(queue, strdup("x"), 1), 0);
	await(queue);
	assert_int_equal(queue_error(queue), -EPIPE);
	queue_close(queue);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(due_stays_on_the_grid),
		cmocka_unit_test(due_leaves_a_rest),
		cmocka_unit_test(sweeps_until_the_front_ends),
		cmocka_unit_test(baseline_that_fails_ends_it),
		cmocka_unit_test(end_of_a_source_is_peace),
		cmocka_unit_test(short_memory_skips_an_interval),
		cmocka_unit_test(signals_end_it),
		cmocka_unit_test(other_signals_go_to_the_front),
		cmocka_unit_test(queue_writes_in_order),
		cmocka_unit_test(full_pipe_never_stops_the_maker),
		cmocka_unit_test(write_errors_are_told),
	};

	if (loop_block_signals() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
