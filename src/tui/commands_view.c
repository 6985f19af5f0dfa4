/* Keys that change how the interval is looked at: which rows, which order, which moment. */
#include "commands.h"
#include "state.h"

#include "iotopx/array.h"

#include <stdio.h>
#include <string.h>

static struct view *view_of(struct screen *screen)
{
	return &screen->settings->view;
}

/* Other rows than before: the page begins at the top again, with the cursor there or on its task. */
static void restart_page(struct screen *screen)
{
	screen->cursor.top = screen->page.cursor.top = 0;
	if (!screen->cursor.anchored)
		screen->cursor.row = 0;
	screen_view_changed(screen);
}

void command_only_active(struct screen *screen, const struct input *input)
{
	(void)input;
	view_of(screen)->only_active = !view_of(screen)->only_active;
	restart_page(screen);
}

void command_threads(struct screen *screen, const struct input *input)
{
	(void)input;
	view_of(screen)->threads = !view_of(screen)->threads;
	restart_page(screen);
}

void command_mode(struct screen *screen, const struct input *input)
{
	(void)input;
	if (screen_in_past(screen)) {
		screen_error(screen, "the past has rates only; L goes back to live");
		return;
	}
	view_of(screen)->mode = (enum view_mode)((view_of(screen)->mode + 1) % MODE_COUNT);
	restart_page(screen);
}

void command_group(struct screen *screen, const struct input *input)
{
	static const char *const names[GROUP_COUNT] = { "not grouped", "grouped by command", "grouped by user",
							"grouped by unit", "grouped by container" };
	struct view *view = view_of(screen);

	(void)input;
	view->tree = false;
	view->group = (enum view_group)((view->group + 1) % GROUP_COUNT);
	screen->expansion.count = 0;
	screen->cursor.anchored = false;
	restart_page(screen);
	screen_message(screen, "%s%s", names[view->group], view->group ? "; + opens a group, - closes it" : "");
}

void command_tree(struct screen *screen, const struct input *input)
{
	struct view *view = view_of(screen);

	(void)input;
	view->tree = !view->tree || view->group != GROUP_NONE;
	view->group = GROUP_NONE;
	screen->expansion.count = 0;
	restart_page(screen);
}

static void set_exception(struct expansion_set *set, const struct row_key *key, bool exception)
{
	for (size_t i = 0; i < set->count; i++) {
		if (memcmp(&set->items[i], key, sizeof(*key)) != 0)
			continue;
		if (!exception)
			set->items[i] = set->items[--set->count];
		return;
	}
	struct row_key *added = exception ? array_append(set) : NULL;

	if (added)
		memcpy(added, key, sizeof(*added));
}

static void set_open(struct screen *screen, const struct row *row, bool open)
{
	bool usual = view_of(screen)->group == GROUP_NONE;

	screen->cursor.key = row->key;
	screen->cursor.anchored = true;
	set_exception(&screen->expansion, &row->key, open != usual);
	screen_view_changed(screen);
}

void command_expand(struct screen *screen, const struct input *input)
{
	const struct row *row = screen_cursor_row(screen);

	(void)input;
	if (screen_on_page(screen)) {
		pages_open(screen, true);
		return;
	}
	if (row && row->has_children)
		set_open(screen, row, true);
	else
		screen_message(screen, "nothing to open here; g groups, t makes a tree");
}

/* Of a row that has nothing to close, its parent is closed. */
void command_collapse(struct screen *screen, const struct input *input)
{
	const struct row *row = screen_cursor_row(screen);

	(void)input;
	if (screen_on_page(screen))
		pages_open(screen, false);
	if (!row)
		return;
	if (!row->expanded && row->depth) {
		unsigned char depth = row->depth;

		while (row > screen->table.rows && row->depth >= depth)
			row--;
	}
	if (row->expanded)
		set_open(screen, row, false);
}

void command_full_command(struct screen *screen, const struct input *input)
{
	(void)input;
	view_of(screen)->full_command = !view_of(screen)->full_command;
	screen_view_changed(screen);
}

void command_exited(struct screen *screen, const struct input *input)
{
	(void)input;
	view_of(screen)->hide_exited = !view_of(screen)->hide_exited;
	screen_view_changed(screen);
	screen_message(screen, view_of(screen)->hide_exited ? "exited tasks are hidden (the totals have them)"
							    : "exited tasks are shown");
}

void command_units(struct screen *screen, const struct input *input)
{
	static const char *const names[UNIT_STYLE_COUNT] = { "units of 1024", "units of 1000", "all in KiB" };

	(void)input;
	view_of(screen)->units = (enum unit_style)((view_of(screen)->units + 1) % UNIT_STYLE_COUNT);
	screen_view_changed(screen);
	screen_message(screen, "%s", names[view_of(screen)->units]);
}

void command_reverse(struct screen *screen, const struct input *input)
{
	(void)input;
	if (screen_on_page(screen))
		pages_look(screen)->reversed = !pages_look(screen)->reversed;
	else
		view_of(screen)->ascending = !view_of(screen)->ascending;
	restart_page(screen);
}

static void sort_by(struct screen *screen, const struct column *column)
{
	struct view *view = view_of(screen);

	view->ascending = view->sort == column && !view->ascending;
	view->sort = column;
	restart_page(screen);
}

void screen_sort_by_title(struct screen *screen, size_t title)
{
	const struct column *column;

	if (title >= screen->layout.count)
		return;
	column = screen->layout.columns[title].column;
	if (screen_on_page(screen))
		pages_sort(screen, title);
	else if (column && column->kind != COLUMN_GRAPH)
		sort_by(screen, column);
}

static bool is_sortable(const struct screen *screen, size_t title)
{
	const struct column *column = screen->layout.columns[title].column;

	return screen_on_page(screen) || (column && column->kind != COLUMN_GRAPH);
}

static bool sorts(const struct screen *screen, size_t title)
{
	const struct shown_column *shown = &screen->layout.columns[title];

	return screen_on_page(screen) ? shown->page == pages_look(screen)->sort
				      : shown->column == screen->settings->view.sort;
}

/* Among the columns that are seen; from one that is not, to the nearest end. */
static void sort_beside(struct screen *screen, int step)
{
	long count = (long)screen->layout.count, at = step > 0 ? -1 : count;

	for (long i = 0; i < count; i++)
		if (sorts(screen, (size_t)i))
			at = i;
	for (at += step; at >= 0 && at < count; at += step) {
		if (!is_sortable(screen, (size_t)at))
			continue;
		screen_sort_by_title(screen, (size_t)at);
		return;
	}
}

void command_sort_left(struct screen *screen, const struct input *input)
{
	(void)input;
	sort_beside(screen, -1);
}

void command_sort_right(struct screen *screen, const struct input *input)
{
	(void)input;
	sort_beside(screen, 1);
}

/* Graphs have no order and no number. */
void command_sort_number(struct screen *screen, const struct input *input)
{
	int number = input->key == '0' ? 10 : input->key - '0';

	for (size_t i = 0; i < screen->layout.count; i++) {
		if (!is_sortable(screen, i) || --number > 0)
			continue;
		screen_sort_by_title(screen, i);
		return;
	}
}

static void sort_chosen(struct screen *screen, int value)
{
	if (view_of(screen)->sort != &columns[value])
		sort_by(screen, &columns[value]);
}

void command_sort_menu(struct screen *screen, const struct input *input)
{
	struct menu *menu = &screen->menu;

	(void)input;
	if (screen_on_page(screen)) {
		pages_sort_menu(screen);
		return;
	}
	menu_start(menu, "Sort by");
	menu->chosen = sort_chosen;
	for (size_t i = 0; i < column_count; i++) {
		bool is_now = view_of(screen)->sort == &columns[i];
		char text[192];

		if (columns[i].kind == COLUMN_GRAPH)
			continue;
		snprintf(text, sizeof(text), "%-14s %s", column_title(&columns[i], &screen->table.context, false),
			 columns[i].help);
		if (menu_add(menu, text, (int)i, is_now, screen->frame.charset))
			break;
		if (is_now)
			menu->cursor = menu->count - 1;
	}
	screen_enter(screen, KEYS_MENU);
}

/* The marked entries, in the order of the menu, are the columns. One stays, always. */
static void columns_changed(struct screen *screen)
{
	struct view *view = view_of(screen);
	size_t count = 0;

	for (size_t i = 0; i < screen->menu.count; i++)
		if (screen->menu.items[i].marked && count < VIEW_COLUMNS_MAX)
			view->columns[count++] = &columns[screen->menu.items[i].value];
	if (count == 0) {
		view->columns[0] = column_find("command");
		count = 1;
	}
	view->column_count = count;
	screen_view_changed(screen);
}

static bool is_shown(const struct view *view, const struct column *column)
{
	for (size_t i = 0; i < view->column_count; i++)
		if (view->columns[i] == column)
			return true;
	return false;
}

static int add_column(struct screen *screen, const struct column *column, bool marked)
{
	char text[192];

	snprintf(text, sizeof(text), "%-14s %s", column_title(column, &screen->table.context, false), column->help);
	return menu_add(&screen->menu, text, (int)(column - columns), marked, screen->frame.charset);
}

void command_columns(struct screen *screen, const struct input *input)
{
	const struct view *view = view_of(screen);

	(void)input;
	if (screen_on_page(screen)) {
		pages_columns_menu(screen);
		return;
	}
	menu_start(&screen->menu, "Columns");
	screen->menu.chooser = true;
	screen->menu.changed = columns_changed;
	for (size_t i = 0; i < view->column_count; i++)
		if (add_column(screen, view->columns[i], true))
			return;
	for (size_t i = 0; i < column_count; i++)
		if (!is_shown(view, &columns[i]) && add_column(screen, &columns[i], false))
			return;
	screen_enter(screen, KEYS_CHOOSER);
}

void command_next_page(struct screen *screen, const struct input *input)
{
	enum view_page page = screen->page.page ? screen->page.page->id : VIEW_TASKS;

	(void)input;
	pages_select(screen, (enum view_page)((page + 1) % VIEW_PAGE_COUNT));
}
