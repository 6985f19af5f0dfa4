/* Keys that ask: a line to edit, a list of users, yes or no. */
#include "commands.h"
#include "state.h"

#include "iotopx/array.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MIN_NS 100000000ull
#define INTERVAL_MAX_NS 3600000000000ull

static void open_prompt(struct screen *screen, const char *label, const char *text)
{
	screen->prompt = (struct prompt){ .cursor = 0 };
	snprintf(screen->prompt.label, sizeof(screen->prompt.label), "%s", label);
	prompt_set(&screen->prompt, text);
	screen_enter(screen, KEYS_PROMPT);
}

/* "1", "0.5", "2.25": as parse_seconds_ns takes it. */
static void format_seconds(char *to, size_t size, uint64_t ns)
{
	size_t length;

	snprintf(to, size, "%llu.%09llu", (unsigned long long)(ns / 1000000000u),
		 (unsigned long long)(ns % 1000000000u));
	length = strlen(to);
	while (length && to[length - 1] == '0')
		to[--length] = '\0';
	if (length && to[length - 1] == '.')
		to[--length] = '\0';
}

static bool interval_done(struct screen *screen, bool accepted)
{
	uint64_t ns;

	if (!accepted)
		return true;
	if (parse_seconds_ns(screen->prompt.text, INTERVAL_MIN_NS, INTERVAL_MAX_NS, &ns)) {
		snprintf(screen->prompt.error, sizeof(screen->prompt.error), "0.1 to 3600 seconds");
		return false;
	}
	screen->settings->interval_ns = ns;
	if (screen->host.set_interval)
		screen->host.set_interval(screen->host.data, ns);
	screen_message(screen, "a sample every %s s", screen->prompt.text);
	return true;
}

void command_interval(struct screen *screen, const struct input *input)
{
	char text[32];

	(void)input;
	if (!screen->host.set_interval) {
		screen_error(screen, "the interval of a recording is fixed");
		return;
	}
	format_seconds(text, sizeof(text), screen->settings->interval_ns);
	open_prompt(screen, "Seconds between samples:", text);
	screen->prompt.done = interval_done;
}

/* The settings' text is what was last typed that could be used: a bad one changes nothing but the error. */
static void filter_changed(struct screen *screen)
{
	char *before = screen->settings->filter;
	char *text = screen->prompt.text[0] ? strdup(screen->prompt.text) : NULL;

	screen->prompt.error[0] = '\0';
	screen->settings->filter = text;
	if (screen_update_filter(screen) == 0) {
		free(before);
		return;
	}
	screen->settings->filter = before;
	free(text);
	snprintf(screen->prompt.error, sizeof(screen->prompt.error), "%.*s", (int)sizeof(screen->prompt.error) - 1,
		 screen->filter_error);
}

static bool filter_done(struct screen *screen, bool accepted)
{
	if (accepted && screen->prompt.error[0])
		return false;
	if (accepted)
		prompt_remember(&screen->filter_history, screen->prompt.text);
	return true;
}

static void page_filter_changed(struct screen *screen)
{
	snprintf(screen->page.filter, sizeof(screen->page.filter), "%s", screen->prompt.text);
	screen_view_changed(screen);
}

void command_filter(struct screen *screen, const struct input *input)
{
	(void)input;
	if (screen_on_page(screen)) {
		open_prompt(screen, "Filter:", screen->page.filter);
		screen->prompt.changed = page_filter_changed;
		screen->prompt.done = filter_done;
		return;
	}
	open_prompt(screen, "Filter:", screen->settings->filter ? screen->settings->filter : "");
	screen->prompt.changed = filter_changed;
	screen->prompt.done = filter_done;
	screen->prompt.history = &screen->filter_history;
}

/* -p and -u of the command line are part of the view that was asked for: they stay. */
static int set_filter(struct screen *screen, const char *text)
{
	char *before = screen->settings->filter;
	char *copy = NULL;
	int error;

	if (text && *text && !(copy = strdup(text)))
		return -ENOMEM;
	screen->settings->filter = copy;
	error = screen_update_filter(screen);
	if (error) {
		screen->settings->filter = before;
		free(copy);
		return error;
	}
	free(before);
	return 0;
}

void command_clear_filter(struct screen *screen, const struct input *input)
{
	(void)input;
	if (screen_on_page(screen)) {
		screen->page.filter[0] = '\0';
		screen_view_changed(screen);
		return;
	}
	if (screen->settings->filter && set_filter(screen, NULL) == 0)
		screen_message(screen, "no filter");
}

/* The filter's text without its user: term. */
static void without_user(char *to, size_t size, const char *text)
{
	size_t used = 0;

	to[0] = '\0';
	while (text && *text) {
		size_t length = filter_word_length(text);

		if (length && strncmp(text, "user:", 5) != 0 && used + length + 2 < size) {
			if (used)
				to[used++] = ' ';
			memcpy(to + used, text, length);
			used += length;
			to[used] = '\0';
		}
		text += length;
		text += strspn(text, " \t");
	}
}

/* A name as the filter's word; by its number where that would mean something else. */
static void user_term(char *to, size_t size, const char *name, uint32_t uid)
{
	const char *quote = strpbrk(name, " \t") ? "\"" : "";

	/* Digits may be another's number. */
	if (!name[strspn(name, "0123456789")] || strchr(name, '"') || name[strlen(name) - 1] == '\\')
		snprintf(to, size, "user:%u", uid);
	else
		snprintf(to, size, "user:%s%s%s", quote, name, quote);
}

static void user_chosen(struct screen *screen, int value)
{
	char rest[PROMPT_TEXT_SIZE], term[PROMPT_TEXT_SIZE], text[2 * PROMPT_TEXT_SIZE + 32];

	without_user(rest, sizeof(rest), screen->settings->filter);
	term[0] = '\0';
	if (value >= 0)
		user_term(term, sizeof(term), screen->lookup->user(screen->lookup->data, (uint32_t)value),
			  (uint32_t)value);
	snprintf(text, sizeof(text), "%s%s%s", term, term[0] && rest[0] ? " " : "", rest);
	if (set_filter(screen, text) == 0)
		return;
	snprintf(text, sizeof(text), "user:%d%s%s", value, rest[0] ? " " : "", rest);
	if (value < 0 || set_filter(screen, text))
		screen_error(screen, "%s", screen->filter_error);
}

static int add_user(struct screen *screen, struct uid_list *seen, uint32_t uid)
{
	char text[96];
	const char *name;
	uint32_t *added;

	for (size_t i = 0; i < seen->count; i++)
		if (seen->items[i] == uid)
			return 0;
	if (uid > INT32_MAX)
		return 0;
	added = array_append(seen);
	if (!added)
		return -ENOMEM;
	*added = uid;
	name = screen->lookup->user(screen->lookup->data, uid);
	snprintf(text, sizeof(text), "%-16s %u", name, uid);
	return menu_add(&screen->menu, text, (int)uid, false, screen->frame.charset);
}

static int by_uid(const void *one, const void *other)
{
	int a = ((const struct menu_item *)one)->value, b = ((const struct menu_item *)other)->value;

	return a < b ? -1 : a > b;
}

void command_user(struct screen *screen, const struct input *input)
{
	const struct interval *interval = screen_shown_interval(screen);
	struct uid_list seen = { 0 };
	int error;

	(void)input;
	menu_start(&screen->menu, "User");
	screen->menu.chosen = user_chosen;
	error = menu_add(&screen->menu, "all users", -1, false, screen->frame.charset);
	for (size_t i = 0; interval && i < interval->count && !error; i++)
		error = add_user(screen, &seen, interval->tasks[i].info->uid);
	for (size_t i = 0; interval && i < interval->idle_count && !error; i++)
		error = add_user(screen, &seen, interval->idle[i].info->uid);
	free(seen.items);
	if (error) {
		screen_error(screen, "out of memory");
		return;
	}
	qsort(screen->menu.items, screen->menu.count, sizeof(*screen->menu.items), by_uid);
	screen_enter(screen, KEYS_MENU);
}

static const struct {
	int key;
	bool (*edit)(struct prompt *prompt);
} edits[] = {
	{ INPUT_BACKSPACE, prompt_backspace },   { INPUT_DELETE, prompt_delete },
	{ INPUT_CTRL('D'), prompt_delete },      { INPUT_CTRL('W'), prompt_delete_word },
	{ INPUT_CTRL('U'), prompt_delete_left }, { INPUT_CTRL('K'), prompt_delete_right },
};

static bool prompt_key(struct prompt *prompt, int key)
{
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++)
		if (edits[i].key == key)
			return edits[i].edit(prompt);
	if (key == INPUT_UP || key == INPUT_DOWN)
		return prompt_recall(prompt, key == INPUT_UP ? 1 : -1);
	if (key == INPUT_LEFT || key == INPUT_CTRL('B'))
		prompt_move(prompt, -1);
	else if (key == INPUT_RIGHT || key == INPUT_CTRL('F'))
		prompt_move(prompt, 1);
	else if (key == INPUT_HOME || key == INPUT_CTRL('A'))
		prompt_home(prompt);
	else if (key == INPUT_END || key == INPUT_CTRL('E'))
		prompt_end(prompt);
	return false;
}

void command_prompt_edit(struct screen *screen, const struct input *input)
{
	screen->frame_stale = true;
	if (prompt_key(&screen->prompt, input->key) && screen->prompt.changed)
		screen->prompt.changed(screen);
}

static void end_prompt(struct screen *screen, bool accepted)
{
	screen->frame_stale = true;
	if (screen->prompt.done(screen, accepted))
		screen_leave(screen);
}

void command_prompt_accept(struct screen *screen, const struct input *input)
{
	(void)input;
	end_prompt(screen, true);
}

void command_prompt_cancel(struct screen *screen, const struct input *input)
{
	(void)input;
	end_prompt(screen, false);
}
