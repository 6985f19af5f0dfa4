#include "fuzz_read.h"
#include "fuzz.h"
#include "fuzz_interval.h"

#include "iotopx/replay.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define INTERVALS_MAX 4 /* a damaged file may tell of very many */
#define LOADS 7

static struct source *open_replay(const char *path, uint64_t parts, uint64_t merge_ns)
{
	const struct replay_options options = { .path = path, .parts = parts, .merge_ns = merge_ns };
	struct source *source = NULL;
	char error[256] = "";
	const int result = replay_open(&options, &source, error, sizeof(error));

	REQUIRE((result == 0) == (source != NULL) && result <= 0);
	REQUIRE(result == 0 || result == -ENOMEM || error[0]);
	return source;
}

static void play(struct source *source, unsigned choice)
{
	for (int i = 0; i < INTERVALS_MAX; i++) {
		struct interval *interval = NULL;
		const int result = source->ops->next(source, false, &interval);

		REQUIRE((result == 0) == (interval != NULL) && result <= 0);
		if (result)
			break;
		fuzz_check_interval(interval, &source->lookup, choice + (unsigned)i);
		interval_unref(interval);
	}
	(void)source->ops->notice(source);
}

static int count_one(void *to, const struct interval *interval)
{
	int *count = to;

	REQUIRE(interval);
	return ++*count < INTERVALS_MAX ? 0 : 1;
}

static void jump(struct source *source, unsigned choice)
{
	const struct replay_span span = replay_span(source);
	struct interval *before[3];
	double loads[LOADS];
	int counter = (int)(choice % 12) - 1;
	size_t count = 0;
	int64_t at = 0;
	double done = 0;
	int each = 0;

	REQUIRE(span.begin_ms < span.end_ms);
	for (int worst = -1; worst < 11; worst += 4)
		(void)replay_seek_worst(source, worst, span.begin_ms, span.end_ms - worst);
	(void)replay_seek(source, span.begin_ms + (span.end_ms - span.begin_ms) / 2);
	play(source, choice);
	(void)replay_step(source, -1);
	if (replay_before(source, before, 3, &count))
		REQUIRE(count == 0);
	while (count > 0)
		interval_unref(before[--count]);
	while (replay_walk(source, &at, 3, count_one, &each, &done) > 0)
		REQUIRE(done >= 0 && done <= 1);
	if (replay_load(source, &counter, loads, LOADS) == 0)
		for (int i = 0; i < LOADS; i++)
			REQUIRE(isnan(loads[i]) || isfinite(loads[i]));
	(void)replay_seek_end(source);
	(void)replay_step(source, 5);
	REQUIRE(replay_host(source));
}

void fuzz_read_recording(const char *path, unsigned choice)
{
	struct source *source = open_replay(path, 0, 0);

	if (!source)
		return;
	if (choice % 2)
		play(source, choice);
	else
		jump(source, choice);
	source->ops->close(source);
	source = open_replay(path, choice % 4 ? 2 : 0, choice % 4 ? 0 : 1000000000);
	REQUIRE(source);
	play(source, choice + 1);
	source->ops->close(source);
}
