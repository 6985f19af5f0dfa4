/* Keys that move in a recording. The host knows its places; what is there comes back through screen_show. */
#include "commands.h"
#include "state.h"
#include "travel.h"

#include "iotopx/when.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

bool screen_travels(const struct screen *screen)
{
	return screen->host.step != NULL;
}

/* What can't be reached is said; the picture stays. The recording may stand elsewhere then: the next interval need not
 * be the one that follows. */
static void tell(struct screen *screen, int result, const char *border)
{
	if (result == -ENODATA) {
		screen_message(screen, "%s", border);
	} else if (result) {
		screen->sums = (struct sums){ .stale = true };
		screen_error(screen, "the recording can't be read: %s", strerror(-result));
	}
}

void travel_step(struct screen *screen, long steps)
{
	int result = screen->host.step(screen->host.data, steps);

	tell(screen, result, steps > 0 ? "the recording ends here" : "the recording begins here");
}

void travel_end(struct screen *screen)
{
	const struct screen_jump jump = { .where = JUMP_END };

	tell(screen, screen->host.jump(screen->host.data, &jump), "nothing is recorded");
}

int travel_counter(const struct screen *screen)
{
	return screen->settings->view.sort ? screen->settings->view.sort->counter : -1;
}

void travel_worst(struct screen *screen, int64_t begin_ms, int64_t end_ms)
{
	const struct screen_jump jump = {
		.where = JUMP_WORST, .begin_ms = begin_ms, .end_ms = end_ms, .counter = travel_counter(screen)
	};

	tell(screen, screen->host.jump(screen->host.data, &jump), "nothing is recorded there");
}

void travel_play(struct screen *screen)
{
	screen->playing = !screen->playing;
	screen->host.play(screen->host.data, screen->playing);
	screen_message(screen, screen->playing ? "it goes on by itself; z holds it" : "held");
}

static bool jump_done(struct screen *screen, bool accepted)
{
	const char *text = screen->prompt.text;
	struct screen_jump jump = { .where = JUMP_TIME };

	if (!accepted || !*text)
		return true;
	if (strcmp(text, "max") == 0) {
		travel_worst(screen, screen->host.begin_ms, screen->host.end_ms);
	} else if (when_resolve(text, screen->host.end_ms, &jump.ms) == 0) {
		tell(screen, screen->host.jump(screen->host.data, &jump), "nothing is recorded there");
	} else {
		snprintf(screen->prompt.error, sizeof(screen->prompt.error), "max, 03:10, 2026-11-22 03:10 or -2h");
		return false;
	}
	return true;
}

void command_jump(struct screen *screen, const struct input *input)
{
	(void)input;
	if (!screen_travels(screen)) {
		screen_message(screen, "this is no recording: , and . step through what is in memory");
		return;
	}
	screen->prompt = (struct prompt){ .done = jump_done };
	snprintf(screen->prompt.label, sizeof(screen->prompt.label), "Time, or max:");
	screen_enter(screen, KEYS_PROMPT);
}

int screen_show(struct screen *screen, struct interval *interval, struct interval *const *before, size_t count,
		const char *notice)
{
	struct history *history = history_open(HISTORY_BYTES_DEFAULT);
	struct accumulator *sums = accumulator_open(ACCUMULATOR_ENTRIES_DEFAULT);
	int error = history && sums ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && !error; i++)
		error = history_add(history, before[i]);
	if (error) {
		history_close(history);
		accumulator_close(sums);
		return error;
	}
	/* Rows and graphs borrow from what goes. */
	screen->table.count = screen->detail_table.count = 0;
	history_close(screen->history);
	accumulator_close(screen->accumulator);
	screen->history = history;
	screen->accumulator = sums;
	screen->sums = (struct sums){ .stale = true };
	return screen_interval(screen, interval, notice);
}
