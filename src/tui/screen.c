/* The screen: takes intervals and input, keeps what is shown, composes the frame. */
#include "state.h"
#include "travel.h"

#include "iotopx/array.h"

#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void release_idle(struct screen *screen)
{
	for (size_t i = 0; i < screen->live_idle.count; i++)
		task_info_unref(screen->live_idle.items[i]);
	screen->live_idle.count = 0;
}

static int hold_idle(struct screen *screen, const struct interval *interval)
{
	struct info_list *list = &screen->live_idle;

	if (array_reserve(list, interval->idle_count))
		return -ENOMEM;
	for (size_t i = 0; i < interval->idle_count; i++)
		list->items[i] = task_info_ref(interval->idle[i].info);
	list->count = interval->idle_count;
	return 0;
}

int screen_create(struct settings *settings, const struct lookup *lookup, const struct screen_host *host,
		  enum text_charset charset, struct screen **screen)
{
	struct screen *created = calloc(1, sizeof(*created));

	if (!created)
		return -ENOMEM;
	created->settings = settings;
	created->lookup = lookup;
	created->host = *host;
	created->mode = KEYS_TABLE;
	created->table_stale = created->frame_stale = true;
	created->accumulator = accumulator_open(ACCUMULATOR_ENTRIES_DEFAULT);
	created->history = history_open(HISTORY_BYTES_DEFAULT);
	created->frame.charset = charset;
	if (!created->accumulator || !created->history || frame_resize(&created->frame, 1, 1)) {
		screen_destroy(created);
		return -ENOMEM;
	}
	pages_select(created, settings->view.page);
	if (host->host_name)
		snprintf(created->host_name, sizeof(created->host_name), "%s", host->host_name);
	else if (gethostname(created->host_name, sizeof(created->host_name) - 1))
		created->host_name[0] = '\0';
	if (screen_update_filter(created))
		screen_error(created, "%s", created->filter_error);
	else if (settings->complaint)
		screen_error(created, "%s", settings->complaint);
	*screen = created;
	return 0;
}

void screen_destroy(struct screen *screen)
{
	if (!screen)
		return;
	table_free(&screen->table);
	detail_free(screen);
	pages_free(screen);
	release_idle(screen);
	free(screen->live_idle.items);
	free(screen->expansion.items);
	interval_unref(screen->live);
	interval_unref(screen->frozen);
	interval_unref(screen->frozen_sums);
	if (screen->accumulator)
		accumulator_close(screen->accumulator);
	history_close(screen->history);
	filter_free(screen->filter);
	menu_free(&screen->menu);
	frame_free(&screen->frame);
	free(screen->notice);
	free(screen);
}

static enum text_charset charset_of(const struct settings *settings)
{
	if (settings->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		return TEXT_ASCII;
	return TEXT_UTF8;
}

int screen_open(struct settings *settings, const struct lookup *lookup, const struct screen_host *host,
		struct screen **screen, char *error, size_t error_size)
{
	struct screen *opened = NULL;
	int rows, columns_wide, result;

	result = screen_create(settings, lookup, host, charset_of(settings), &opened);
	if (result) {
		snprintf(error, error_size, "out of memory");
		return result;
	}
	result = terminal_open(!settings->no_color, &opened->terminal, error, error_size);
	if (result) {
		screen_destroy(opened);
		return result;
	}
	terminal_size(opened->terminal, &rows, &columns_wide);
	result = screen_set_size(opened, rows, columns_wide);
	if (result) {
		screen_close(opened);
		snprintf(error, error_size, "out of memory");
		return result;
	}
	*screen = opened;
	return 0;
}

void screen_close(struct screen *screen)
{
	if (!screen)
		return;
	terminal_close(screen->terminal);
	screen_destroy(screen);
}

/* Pinned PIDs are found among all that is listed. */
static void pin_tasks(struct screen *screen, const struct interval *interval)
{
	if (!screen->filter || !filter_pid_count(screen->filter))
		return;
	for (size_t i = 0; i < interval->count; i++) {
		const struct task_delta *task = &interval->tasks[i];

		filter_pin(screen->filter, task->info);
		if (task->flags & DELTA_EXITED)
			filter_exited(screen->filter, task->info, (task->flags & DELTA_GROUP_DEAD) != 0);
	}
	for (size_t i = 0; i < interval->idle_count; i++)
		filter_pin(screen->filter, interval->idle[i].info);
}

static int keep_notice(struct screen *screen, const char *notice)
{
	char safe[256];
	char *copy;

	if (!notice)
		notice = "";
	text_sanitize(safe, sizeof(safe), notice, strlen(notice), screen->frame.charset);
	if (screen->notice && strcmp(screen->notice, safe) == 0)
		return 0;
	copy = strdup(safe);
	if (!copy)
		return -ENOMEM;
	screen->frame_stale = true;
	free(screen->notice);
	screen->notice = copy;
	return 0;
}

/* In history it may be missing, for want of memory; in the sums nothing is. */
static int keep_interval(struct screen *screen, const struct interval *interval)
{
	int error = screen->sums.stale ? 0 : accumulator_add(screen->accumulator, interval);

	if (interval->baseline)
		return error;
	if (history_add(screen->history, interval))
		return -ENOMEM;
	screen->behind += screen->paused;
	if (screen->back && screen->back < history_count(screen->history))
		screen->back++; /* the same interval, which is one further away now */
	return error;
}

int screen_interval(struct screen *screen, struct interval *interval, const char *notice)
{
	int error;

	release_idle(screen);
	if (screen_on_page(screen)) /* its rows borrow from the lookup, which has moved on */
		screen->table_stale = screen->frame_stale = true;
	if (!screen->paused || screen->back) { /* what is held while paused has its own references */
		screen->table.count = screen->detail_table.count = 0; /* their rows borrowed from what goes */
		screen->table_stale = screen->frame_stale = true;
	}
	interval_unref(screen->live);
	screen->live = interval_ref(interval);
	error = keep_interval(screen, interval);
	if (hold_idle(screen, interval))
		error = -ENOMEM;
	pin_tasks(screen, interval);
	if (interval->idle_count)
		screen->want_idle = false;
	if (keep_notice(screen, notice))
		error = -ENOMEM;
	if (error)
		screen_error(screen, "out of memory: idle tasks, the past or a notice may be missing");
	return error;
}

void screen_held(struct screen *screen)
{
	screen->playing = false;
	screen_message(screen, "the recording ends here");
}

bool screen_wants_idle(const struct screen *screen)
{
	const struct view *view = &screen->settings->view;

	return screen->want_idle || screen->mode == KEYS_DETAIL || !view->only_active || view->tree ||
	       (screen->filter && filter_pid_count(screen->filter) > 0);
}

bool screen_in_past(const struct screen *screen)
{
	return screen->back > 0;
}

const struct interval *screen_shown_interval(struct screen *screen)
{
	bool sums = screen->settings->view.mode != MODE_RATE && !screen_on_page(screen);

	if (screen->back)
		return history_get(screen->history, screen->back - 1);
	if (screen->paused)
		return sums ? screen->frozen_sums : screen->frozen;
	if (!screen->live || screen->live->baseline || !sums)
		return screen->live;
	sums_freshen(screen);
	return accumulator_interval(screen->accumulator);
}

struct view screen_shown_view(const struct screen *screen)
{
	struct view view = screen->settings->view;

	view.filter = screen->filter;
	view.fold_exited = true;
	view_add_columns(&view, screen->live);
	view.bracket = (unsigned)screen_page_rows(screen);
	view.bracket += !view.bracket;
	if (screen->back || screen_on_page(screen)) /* the past and the pages know rates only */
		view.mode = MODE_RATE;
	return view;
}

int screen_update_filter(struct screen *screen)
{
	const struct settings *settings = screen->settings;
	struct filter *filter = NULL;
	int error = 0;

	screen->filter_error[0] = '\0';
	if (settings->filter && settings->filter[0])
		error = filter_parse(settings->filter, &filter, screen->filter_error, sizeof(screen->filter_error));
	for (size_t i = 0; i < settings->pids.count && !error; i++)
		error = filter_add_pid(&filter, settings->pids.items[i]);
	for (size_t i = 0; i < settings->uids.count && !error; i++)
		error = filter_add_uid(&filter, settings->uids.items[i]);
	if (error) {
		filter_free(filter);
		if (!screen->filter_error[0])
			snprintf(screen->filter_error, sizeof(screen->filter_error), "filter: %s", strerror(-error));
		return error;
	}
	filter_free(screen->filter);
	screen->filter = filter;
	if (screen->live)
		pin_tasks(screen, screen->live);
	screen_view_changed(screen);
	return 0;
}

void screen_view_changed(struct screen *screen)
{
	screen->table_stale = screen->frame_stale = true;
	memset(screen->layout.grown, 0, sizeof(screen->layout.grown));
}

static void set_message(struct screen *screen, bool is_error, const char *format, va_list arguments)
{
	vsnprintf(screen->message, sizeof(screen->message), format, arguments);
	screen->message_is_error = is_error;
	screen->frame_stale = true;
}

void screen_message(struct screen *screen, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_message(screen, false, format, arguments);
	va_end(arguments);
}

void screen_error(struct screen *screen, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_message(screen, true, format, arguments);
	va_end(arguments);
}

void screen_enter(struct screen *screen, enum key_mode mode)
{
	if (screen->mode == KEYS_TABLE || screen->mode == KEYS_PAGE || screen->mode == KEYS_DETAIL ||
	    screen->mode == KEYS_PAGE_DETAIL)
		screen->mode_below = screen->mode;
	screen->mode = mode;
	screen->frame_stale = true;
}

void screen_leave(struct screen *screen)
{
	if (screen->mode == KEYS_DETAIL || screen->mode == KEYS_PAGE_DETAIL)
		screen->mode = screen->mode == KEYS_DETAIL ? KEYS_TABLE : KEYS_PAGE;
	else
		screen->mode = screen->mode_below;
	screen->frame_stale = true;
}

void screen_key(struct screen *screen, const struct input *input)
{
	const struct binding *binding;

	if (screen->message[0]) { /* it was there to be read */
		screen->message[0] = '\0';
		screen->frame_stale = true;
	}
	binding = binding_find(screen->mode, input->key);
	if (binding) {
		binding->run(screen, input);
	} else if (screen->mode == KEYS_PROMPT && prompt_insert(&screen->prompt, (unsigned)input->key)) {
		screen->frame_stale = true;
		if (screen->prompt.changed)
			screen->prompt.changed(screen);
	} else if (screen->mode == KEYS_CONFIRM) {
		screen_leave(screen);
	} else if (screen->mode == KEYS_PAGE && binding_find(KEYS_TABLE, input->key)) {
		screen_message(screen, "that key is for tasks; Tab goes there");
	}
}

int screen_input(struct screen *screen)
{
	struct input input;
	int result;

	while ((result = terminal_read(screen->terminal, &input)) > 0) {
		screen_key(screen, &input);
		if (screen->quit)
			return 1;
	}
	return result;
}

int screen_set_size(struct screen *screen, int rows, int columns_wide)
{
	screen->frame_stale = true;
	screen->table_stale = true; /* the order knows the page */
	return frame_resize(&screen->frame, rows, columns_wide);
}

void screen_resize(struct screen *screen)
{
	int rows, columns_wide;

	terminal_resize(screen->terminal);
	terminal_size(screen->terminal, &rows, &columns_wide);
	screen_set_size(screen, rows, columns_wide); /* without memory the old grid is shown, cut */
}

void screen_suspend(struct screen *screen)
{
	terminal_suspend(screen->terminal);
}

void screen_resume(struct screen *screen)
{
	terminal_resume(screen->terminal);
	screen_resize(screen);
}

void screen_draw(struct screen *screen)
{
	if (!screen->frame_stale && detail_has_news(screen))
		screen->frame_stale = true;
	if (!screen->frame_stale)
		return;
	screen_compose(screen);
	terminal_show(screen->terminal, &screen->frame);
}

void screen_emergency_restore(void)
{
	terminal_emergency_restore();
}
