/* The front that shows nothing: a recorder works behind the source. */
#include "front.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct silent {
	uint64_t iterations, seen;
	bool started;
	char *notice; /* the last one told */
};

/* All at the beginning: their users are known then. */
static bool silent_wants_idle(void *data)
{
	const struct silent *silent = data;

	return !silent->started;
}

static int silent_interval(void *data, struct loop *loop, struct interval *interval, const char *notice)
{
	struct silent *silent = data;

	(void)loop;
	silent->started = true;
	complain_of_notice(&silent->notice, notice);
	if (!interval->baseline)
		silent->seen++;
	return silent->iterations && silent->seen >= silent->iterations ? LOOP_END : 0;
}

static size_t silent_fds(void *data, struct pollfd *fds, size_t max)
{
	(void)data, (void)fds, (void)max;
	return 0;
}

static int silent_ready(void *data, struct pollfd *fds, size_t count)
{
	(void)data, (void)fds, (void)count;
	return 0;
}

static int silent_signal(void *data, int number)
{
	(void)data;
	if (number == SIGTSTP)
		raise(SIGSTOP);
	return 0;
}

int silent_run(const struct settings *settings, struct source *source)
{
	struct silent silent = { .iterations = settings->iterations };
	struct loop_options options = {
		.first_ns = settings->interval_ns,
		.interval_ns = settings->interval_ns,
		.source = source,
		.front = { .data = &silent,
			   .wants_idle = silent_wants_idle,
			   .interval = silent_interval,
			   .fds = silent_fds,
			   .ready = silent_ready,
			   .signal = silent_signal },
	};
	struct loop *loop;
	const char *failed_at = NULL;
	int result = loop_open(&options, &loop);

	if (result == 0) {
		result = loop_run(loop);
		failed_at = loop_failed_at(loop);
		loop_close(loop);
	}
	free(silent.notice);
	if (result == 0)
		return EXIT_SUCCESS;
	complain_failed(failed_at, result);
	return EXIT_FAILURE;
}
