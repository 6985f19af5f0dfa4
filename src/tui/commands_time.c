/* Keys that choose the moment: the latest interval, a held one, or one of the past. */
#include "commands.h"
#include "state.h"
#include "travel.h"

#include <errno.h>

/* A copy that lives on its own. Idle tasks become parts that did nothing, since a copy keeps no borrowed infos. */
static struct interval *hold(const struct interval *interval)
{
	struct interval *copy = history_copy_interval(interval);

	for (size_t i = 0; copy && i < interval->idle_count; i++) {
		const struct task_idle *idle = &interval->idle[i];
		struct task_delta *task = interval_add(copy);

		if (!task) {
			interval_unref(copy);
			return NULL;
		}
		task->info = task_info_ref(idle->info);
		task->delta.known = idle->known;
		task->flags = idle->flags;
		task->state = idle->state;
		task->age_ns = idle->age_ns;
		task->lived_ns = interval_measured_ns(interval);
		task->lifetime_read = idle->lifetime_read;
		task->lifetime_write = idle->lifetime_write;
	}
	return copy;
}

static int pause_now(struct screen *screen)
{
	struct interval *frozen = hold(screen->live);
	struct interval *sums = frozen ? hold(accumulator_interval(screen->accumulator)) : NULL;

	if (!sums) {
		interval_unref(frozen);
		return -ENOMEM;
	}
	screen->frozen = frozen;
	screen->frozen_sums = sums;
	screen->paused = true;
	screen->behind = 0;
	return 0;
}

static void go_live(struct screen *screen)
{
	interval_unref(screen->frozen);
	interval_unref(screen->frozen_sums);
	screen->frozen = screen->frozen_sums = NULL;
	screen->paused = false;
	screen->behind = screen->back = 0;
	screen->table.count = 0; /* its rows borrowed from what went */
	screen_view_changed(screen);
}

void command_pause(struct screen *screen, const struct input *input)
{
	(void)input;
	if (screen_travels(screen)) {
		travel_play(screen);
		return;
	}
	if (screen->paused || screen->back) {
		go_live(screen);
		return;
	}
	if (!screen->live)
		return;
	screen->table.count = 0;
	if (pause_now(screen))
		screen_error(screen, "out of memory");
	screen_view_changed(screen);
}

/* `back` is one more than the steps. The moment of a pause is the first place to step from. */
static void step(struct screen *screen, long steps)
{
	size_t count = history_count(screen->history);
	size_t now = (screen->paused ? screen->behind : 0) + 1;
	long target = (long)(screen->back ? screen->back : now) + steps;

	if (screen_travels(screen)) {
		travel_step(screen, -steps);
		return;
	}
	if (count == 0 || (target > (long)count && screen->back == count)) {
		screen_message(screen, "nothing older in memory");
		return;
	}
	if (target <= (long)now) {
		if (!screen->back)
			screen_message(screen, screen->paused ? "this is the paused interval; L goes back to live"
							      : "this is the latest interval");
		screen->back = 0;
		if (!screen->paused)
			go_live(screen);
		screen->table.count = 0;
		screen_view_changed(screen);
		return;
	}
	screen->back = target > (long)count ? count : (size_t)target;
	screen->table.count = 0;
	screen_view_changed(screen);
}

void command_step_back(struct screen *screen, const struct input *input)
{
	step(screen, input->key == '[' ? 10 : 1);
}

void command_step_forward(struct screen *screen, const struct input *input)
{
	step(screen, input->key == ']' ? -10 : -1);
}

void command_live(struct screen *screen, const struct input *input)
{
	(void)input;
	if (screen_travels(screen))
		travel_end(screen);
	else
		go_live(screen);
}
