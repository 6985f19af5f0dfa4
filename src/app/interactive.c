/* The screen on the loop: keys and intervals in, pictures out. */
#include "front.h"
#include "privilege.h"

#include "iotopx/clock.h"
#include "iotopx/replay.h"
#include "iotopx/screen.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* The first useful numbers come within half a second, and cover a fifth of one where the baseline leaves so much. */
#define FIRST_MIN_NS 200000000ull
#define FIRST_MAX_NS 250000000ull
#define FIRST_REST_NS 80000000ull
#define REPLAY_GRAPH_INTERVALS 120
#define WALK_INTERVALS 8
#define WALK_NS 15000000u /* what a key may wait for */

struct interactive {
	struct settings *settings;
	struct source *source;
	struct screen *screen;
	struct loop *loop;
	const char *failed_at; /* by the loop */
	uint64_t shown;        /* intervals */
	int ready; /* can always be read: polled for when there is work between keys; -1 in the present, that has none
		    */
	bool replays, playing;
	char notice[64]; /* of a replay: which day it is, and where in it */
};

static void host_set_interval(void *data, uint64_t interval_ns)
{
	struct interactive *interactive = data;

	loop_set_interval(interactive->loop, interval_ns);
}

static int host_set_delayacct(void *data, bool on)
{
	struct interactive *interactive = data;

	return interactive->source->ops->set_delayacct(interactive->source, on);
}

/* Who got capabilities with iotopx's file writes the settings as who they are. */
static int host_save(void *data, const struct settings *settings, const char *path)
{
	int result = privilege_set_aside(), other;

	(void)data;
	if (result == 0)
		result = settings_save(settings, path);
	other = privilege_take_up();
	return result ? result : other;
}

static bool interactive_wants_idle(void *data)
{
	const struct interactive *interactive = data;

	return screen_wants_idle(interactive->screen);
}

/* The clock stands in the first line; what it lacks is the date. */
static const char *replay_place(struct interactive *interactive)
{
	struct replay_span span = replay_span(interactive->source);
	double part = span.end_ms > span.begin_ms
			  ? (double)(span.now_ms - span.begin_ms) / (double)(span.end_ms - span.begin_ms)
			  : 1;
	time_t seconds = (time_t)(span.now_ms / 1000);
	struct tm day;
	char date[32] = "";

	if (localtime_r(&seconds, &day))
		strftime(date, sizeof(date), "%Y-%m-%d", &day);
	snprintf(interactive->notice, sizeof(interactive->notice), "replay %s %.0f %%", date, 100 * part);
	return interactive->notice;
}

/* What the replay now stands before, with the intervals before it for the graphs. */
static int show_place(struct interactive *interactive)
{
	struct interval *before[REPLAY_GRAPH_INTERVALS], *interval;
	struct source *source = interactive->source;
	size_t count;
	int result = replay_before(source, before, REPLAY_GRAPH_INTERVALS, &count);

	if (result)
		return result;
	result = source->ops->next(source, false, &interval);
	if (result == 0) {
		result = screen_show(interactive->screen, interval, before, count, replay_place(interactive));
		interval_unref(interval);
	}
	while (count)
		interval_unref(before[--count]);
	return result;
}

static int host_step(void *data, long steps)
{
	struct interactive *interactive = data;
	struct source *source = interactive->source;
	struct interval *interval;
	int result = replay_step(source, steps);

	if (result || steps != 1)
		return result ? result : show_place(interactive);
	result = source->ops->next(source, false, &interval);
	if (result == 0) {
		result = screen_interval(interactive->screen, interval, replay_place(interactive));
		interval_unref(interval);
	}
	return result;
}

static int host_jump(void *data, const struct screen_jump *jump)
{
	struct interactive *interactive = data;
	struct source *source = interactive->source;
	int result = jump->where == JUMP_END ? replay_seek_end(source)
		     : jump->where == JUMP_TIME
			 ? replay_seek(source, jump->ms)
			 : replay_seek_worst(source, jump->counter, jump->begin_ms, jump->end_ms);

	return result ? result : show_place(interactive);
}

static int host_load(void *data, int *counter, double *values, size_t count)
{
	struct interactive *interactive = data;

	return replay_load(interactive->source, counter, values, count);
}

static void host_play(void *data, bool on)
{
	struct interactive *interactive = data;

	interactive->playing = on;
	loop_hold(interactive->loop, !on);
}

static int host_each_before(void *data, int64_t *at, int (*each)(void *to, const struct interval *interval), void *to,
			    double *done)
{
	struct interactive *interactive = data;
	const uint64_t begin = clock_read_ns(CLOCK_MONOTONIC);
	int result;

	do
		result = replay_walk(interactive->source, at, WALK_INTERVALS, each, to, done);
	while (result == 1 && clock_read_ns(CLOCK_MONOTONIC) - begin < WALK_NS);
	return result;
}

/* The recording is over, the screen is not. */
static int interactive_end(void *data, struct loop *loop)
{
	struct interactive *interactive = data;

	interactive->playing = false;
	loop_hold(loop, true);
	screen_held(interactive->screen);
	screen_draw(interactive->screen);
	return 0;
}

static int interactive_interval(void *data, struct loop *loop, struct interval *interval, const char *notice)
{
	struct interactive *interactive = data;
	const struct settings *settings = interactive->settings;
	int result;

	if (interactive->replays) {
		notice = replay_place(interactive);
		loop_hold(loop, !interactive->playing);
	}
	result = screen_interval(interactive->screen, interval, notice);
	if (result != 0 && result != -ENOMEM) /* it says so itself */
		return result;
	screen_draw(interactive->screen);
	if (!interval->baseline)
		interactive->shown++;
	return settings->iterations && interactive->shown >= settings->iterations ? LOOP_END : 0;
}

enum { FD_INPUT, FD_OUTPUT, FD_WORK, FD_COUNT };

/* Of the output it is told only when nobody is there any more: keys may come from another terminal. */
static size_t interactive_fds(void *data, struct pollfd *fds, size_t max)
{
	struct interactive *interactive = data;

	(void)max;
	fds[FD_INPUT] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	fds[FD_OUTPUT] = (struct pollfd){ .fd = STDOUT_FILENO };
	fds[FD_WORK] =
	    (struct pollfd){ .fd = interactive->ready, .events = screen_has_work(interactive->screen) ? POLLIN : 0 };
	return FD_COUNT;
}

static int interactive_ready(void *data, struct pollfd *fds, size_t count)
{
	struct interactive *interactive = data;
	int result = 0;

	(void)count;
	if (fds[FD_INPUT].revents)
		result = screen_input(interactive->screen);
	/* A terminal that is gone is the end, and no error of ours. */
	if (result != 0 || (fds[FD_INPUT].revents | fds[FD_OUTPUT].revents) & (POLLERR | POLLHUP | POLLNVAL))
		return LOOP_END;
	if (fds[FD_WORK].revents)
		screen_work(interactive->screen);
	screen_draw(interactive->screen);
	return 0;
}

/* Stops like any program of the terminal: the shell sees SIGTSTP. */
static void stop_process(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(SIGTSTP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int interactive_signal(void *data, int number)
{
	struct interactive *interactive = data;

	switch (number) {
	case SIGWINCH:
		screen_resize(interactive->screen);
		break;
	case SIGTSTP:
		screen_suspend(interactive->screen);
		stop_process();
		screen_resume(interactive->screen);
		break;
	case SIGCONT: /* after a SIGSTOP, of which no one was told */
		screen_resume(interactive->screen);
		break;
	default:
		break;
	}
	return 0;
}

static int run_loop(struct interactive *interactive)
{
	uint64_t interval_ns = interactive->settings->interval_ns;
	struct loop_options options = {
		.first_ns = interval_ns < FIRST_MIN_NS   ? FIRST_MIN_NS
			    : interval_ns > FIRST_MAX_NS ? FIRST_MAX_NS
							 : interval_ns,
		.first_rest_ns = FIRST_REST_NS,
		.interval_ns = interval_ns,
		.source = interactive->source,
		.front = { .data = interactive,
			   .wants_idle = interactive_wants_idle,
			   .interval = interactive_interval,
			   .fds = interactive_fds,
			   .ready = interactive_ready,
			   .end = interactive->replays ? interactive_end : NULL,
			   .signal = interactive_signal },
	};
	int result = loop_open(&options, &interactive->loop);

	if (result != 0)
		return result;
	result = loop_run(interactive->loop);
	interactive->failed_at = loop_failed_at(interactive->loop);
	loop_close(interactive->loop);
	return result;
}

static int run_screen(struct interactive *interactive, const struct screen_host *host)
{
	char error[512] = "";
	int result = screen_open(interactive->settings, &interactive->source->lookup, host, &interactive->screen, error,
				 sizeof(error));

	if (result != 0) {
		complain("%s", *error ? error : strerror(-result));
		return EXIT_FAILURE;
	}
	result = run_loop(interactive);
	screen_close(interactive->screen);
	if (result == 0)
		return EXIT_SUCCESS;
	complain_failed(interactive->failed_at, result);
	return EXIT_FAILURE;
}

int interactive_run(struct settings *settings, struct source *source, struct actions actions)
{
	struct interactive interactive = { .settings = settings, .source = source, .ready = -1 };
	const struct screen_host host = { .data = &interactive,
					  .set_interval = host_set_interval,
					  .set_delayacct = host_set_delayacct,
					  .save = host_save,
					  .actions = actions };

	return run_screen(&interactive, &host);
}

int interactive_replay(struct settings *settings, struct source *replay)
{
	struct interactive interactive = {
		.settings = settings, .source = replay, .replays = true, .ready = eventfd(1, EFD_CLOEXEC)
	};
	int status;
	const struct screen_host host = { .data = &interactive,
					  .save = host_save, /* no actions: whoever has those PIDs now is another */
					  .step = host_step,
					  .jump = host_jump,
					  .play = host_play,
					  .load = host_load,
					  .each_before = host_each_before,
					  .begin_ms = replay_span(replay).begin_ms,
					  .end_ms = replay_span(replay).end_ms,
					  .host_name = replay_host(replay) };

	if (interactive.ready < 0) {
		complain("%s", strerror(errno));
		return EXIT_FAILURE;
	}
	status = run_screen(&interactive, &host);
	close(interactive.ready);
	return status;
}
