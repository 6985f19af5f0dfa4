#include "loop.h"
#include "iotopx/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull
#define SOURCE_FDS_MAX 8
#define FRONT_FDS_MAX 4
#define REST_SHARE 10 /* of an interval at least 1/10 is left to others */

enum { FD_TIMER, FD_SIGNALS, FD_OWN_COUNT };

struct loop {
	struct loop_options options;
	int timer, signals;
	uint64_t start_ns; /* of the baseline */
	uint64_t last_ns;  /* when the last sweep was due */
	uint64_t due_ns;   /* the sweep that the timer waits for */
	bool baseline_done, sweeping, held;
	const char *failed_at; /* of loop_run */
};

static const int loop_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT };

static void signal_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < sizeof(loop_signals) / sizeof(*loop_signals); i++)
		sigaddset(set, loop_signals[i]);
}

int loop_block_signals(void)
{
	sigset_t set;

	signal_set(&set);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	/* A reader that is gone is an errno (EPIPE) where it is written, not a death. */
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -errno : 0;
}

uint64_t loop_next_due(uint64_t due, uint64_t now, uint64_t interval)
{
	uint64_t earliest = now + interval / REST_SHARE;

	due += interval;
	if (due < earliest)
		due += (earliest - due + interval - 1) / interval * interval;
	return due;
}

static void arm(struct loop *loop)
{
	struct itimerspec when = { .it_value = { .tv_sec = (time_t)(loop->due_ns / NS_PER_S),
						 .tv_nsec = (long)(loop->due_ns % NS_PER_S) } };

	timerfd_settime(loop->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

int loop_open(const struct loop_options *options, struct loop **loop)
{
	struct loop *new = calloc(1, sizeof(*new));
	sigset_t set;
	int error;

	if (!new)
		return -ENOMEM;
	new->options = *options;
	new->sweeping = true;
	signal_set(&set);
	new->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	new->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (new->timer < 0 || new->signals < 0) {
		error = errno;
		loop_close(new);
		return -error;
	}
	*loop = new;
	return 0;
}

void loop_close(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->timer >= 0)
		close(loop->timer);
	if (loop->signals >= 0)
		close(loop->signals);
	free(loop);
}

void loop_set_interval(struct loop *loop, uint64_t interval_ns)
{
	const struct source_ops *ops = loop->options.source->ops;

	if (ops->set_interval)
		ops->set_interval(loop->options.source, interval_ns);
	loop->options.interval_ns = interval_ns;
	if (!loop->baseline_done || !loop->sweeping)
		return;
	/* From the last sweep on; at once if that is long ago. */
	loop->due_ns = loop_next_due(loop->last_ns, clock_read_ns(CLOCK_MONOTONIC), interval_ns);
	arm(loop);
}

void loop_stop_sweeping(struct loop *loop)
{
	struct itimerspec never = { 0 };

	loop->sweeping = false;
	timerfd_settime(loop->timer, 0, &never, NULL);
}

void loop_hold(struct loop *loop, bool hold)
{
	struct itimerspec never = { 0 };

	if (loop->held == hold || !loop->sweeping)
		return;
	loop->held = hold;
	if (hold)
		timerfd_settime(loop->timer, 0, &never, NULL);
	else
		arm(loop);
}

static uint64_t first_due(const struct loop *loop, uint64_t now)
{
	const struct loop_options *options = &loop->options;
	uint64_t due = loop->start_ns + options->first_ns, least = now + options->first_rest_ns;

	if (!options->first_rest_ns)
		return now + options->first_ns;
	return due > least ? due : least;
}

static void schedule(struct loop *loop)
{
	uint64_t now = clock_read_ns(CLOCK_MONOTONIC);

	loop->last_ns = loop->baseline_done ? loop->due_ns : now;
	loop->due_ns =
	    loop->baseline_done ? loop_next_due(loop->due_ns, now, loop->options.interval_ns) : first_due(loop, now);
	loop->baseline_done = true;
	arm(loop);
}

/* For who tells of it: a front's errors are its own. */
static int fail(struct loop *loop, const char *at, int error)
{
	loop->failed_at = at;
	return error;
}

/* Between a sweep and what is made of it: whoever pressed a key meanwhile need not wait for both. */
static int answer_front(struct loop *loop)
{
	struct loop_front *front = &loop->options.front;
	struct pollfd fds[FRONT_FDS_MAX];
	size_t count = front->fds(front->data, fds, FRONT_FDS_MAX);

	return count && poll(fds, count, 0) > 0 ? front->ready(front->data, fds, count) : 0;
}

/* What a source lacks is most likely why it can't go on. */
static const char *notice_of(struct source *source)
{
	const char *notice = source->ops->notice(source);

	return notice ? notice : "the next interval";
}

static int sweep(struct loop *loop)
{
	struct source *source = loop->options.source;
	struct loop_front *front = &loop->options.front;
	struct interval *interval;
	int answered = 0;
	int result = source->ops->next(source, front->wants_idle(front->data), &interval);

	/* Without memory nothing is delivered, but what was booked stays for the next interval. */
	if (result == -ENODATA)
		return front->end ? front->end(front->data, loop) : LOOP_END;
	if (result != 0 && !(result == -ENOMEM && loop->baseline_done))
		return fail(loop, notice_of(source), result);
	schedule(loop);
	if (result != 0)
		return 0;
	if (source->live)
		answered = answer_front(loop);
	/* Delivered in any case: a recording wants the last one too. */
	result = front->interval(front->data, loop, interval, source->ops->notice(source));
	interval_unref(interval);
	return result ? result : answered;
}

/* A descriptor that stays readable and can't be read would be polled for ever. */
static int read_error(struct loop *loop, const char *of, ssize_t length)
{
	if (length >= 0)
		return fail(loop, of, -EIO);
	return errno == EAGAIN || errno == EINTR ? 0 : fail(loop, of, -errno);
}

static int take_timer(struct loop *loop)
{
	uint64_t expirations;
	ssize_t length = read(loop->timer, &expirations, sizeof(expirations));

	if (length != (ssize_t)sizeof(expirations))
		return read_error(loop, "the timer", length);
	return loop->sweeping ? sweep(loop) : 0;
}

static int take_signals(struct loop *loop)
{
	struct loop_front *front = &loop->options.front;
	struct signalfd_siginfo info;
	ssize_t length;
	int result = 0;

	while (result == 0 && (length = read(loop->signals, &info, sizeof(info))) != 0) {
		if (length != (ssize_t)sizeof(info))
			return read_error(loop, "signals", length);
		switch (info.ssi_signo) {
		case SIGINT:
		case SIGTERM:
		case SIGHUP:
		case SIGQUIT:
			return LOOP_END;
		default:
			result = front->signal(front->data, (int)info.ssi_signo);
		}
	}
	return result;
}

static bool any_ready(const struct pollfd *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i].revents)
			return true;
	return false;
}

/* One wake-up. The source comes first: whatever else waits, exit records must not. */
static int turn(struct loop *loop)
{
	struct source *source = loop->options.source;
	struct loop_front *front = &loop->options.front;
	struct pollfd fds[FD_OWN_COUNT + SOURCE_FDS_MAX + FRONT_FDS_MAX] = {
		[FD_TIMER] = { .fd = loop->timer, .events = POLLIN },
		[FD_SIGNALS] = { .fd = loop->signals, .events = POLLIN },
	};
	struct pollfd *source_fds = fds + FD_OWN_COUNT, *front_fds;
	size_t source_count = source->ops->fds(source, source_fds, SOURCE_FDS_MAX), front_count;
	int result = 0;

	front_fds = source_fds + source_count;
	front_count = front->fds(front->data, front_fds, FRONT_FDS_MAX);
	if (poll(fds, FD_OWN_COUNT + source_count + front_count, -1) < 0)
		return errno == EINTR ? 0 : fail(loop, "waiting for events", -errno);
	/* A source that can't drain goes on in a degraded mode and says so in its notice. */
	if (any_ready(source_fds, source_count))
		source->ops->drain(source);
	if (fds[FD_SIGNALS].revents)
		result = take_signals(loop);
	if (result == 0 && fds[FD_TIMER].revents)
		result = take_timer(loop);
	if (result == 0)
		result = front->ready(front->data, front_fds, front_count);
	return result;
}

int loop_run(struct loop *loop)
{
	int result;

	loop->start_ns = clock_read_ns(CLOCK_MONOTONIC);
	result = sweep(loop);

	while (result == 0)
		result = turn(loop);
	return result == LOOP_END ? 0 : result;
}

const char *loop_failed_at(const struct loop *loop)
{
	return loop->failed_at;
}
