/* Keys and the mouse that move: the cursor, the page, panels and menus. None of them builds the rows anew. */
#include "commands.h"
#include "state.h"

#include <stdio.h>
#include <string.h>

#define WHEEL_ROWS 3

/* What moves now: the table of tasks or a page. */
static struct cursor *cursor_of(struct screen *screen)
{
	return screen_on_page(screen) ? &screen->page.cursor : &screen->cursor;
}

static size_t count_of(const struct screen *screen)
{
	return screen_on_page(screen) ? screen->page.table.count : screen->table.count;
}

static void anchor(struct screen *screen)
{
	struct cursor *cursor = cursor_of(screen);

	if (cursor->row >= count_of(screen))
		return;
	if (screen_on_page(screen))
		snprintf(screen->page.selected, sizeof(screen->page.selected), "%s",
			 screen->page.table.rows[cursor->row].name);
	else
		cursor->key = screen->table.rows[cursor->row].key;
	cursor->anchored = true;
}

/* The page goes as far as it must to show the cursor. */
static void show_cursor(struct screen *screen)
{
	struct cursor *cursor = cursor_of(screen);
	size_t rows = screen_page_rows(screen);

	if (cursor->row < cursor->top)
		cursor->top = cursor->row;
	else if (rows && cursor->row >= cursor->top + rows)
		cursor->top = cursor->row - rows + 1;
	screen->frame_stale = true;
}

static void move_cursor(struct screen *screen, long steps)
{
	struct cursor *cursor = cursor_of(screen);
	long at, last;

	screen_update_table(screen);
	last = (long)count_of(screen) - 1;
	at = (long)cursor->row + steps;
	if (at > last)
		at = last;
	cursor->row = at > 0 ? (size_t)at : 0;
	anchor(screen);
	show_cursor(screen);
}

void command_up(struct screen *screen, const struct input *input)
{
	(void)input;
	move_cursor(screen, -1);
}

void command_down(struct screen *screen, const struct input *input)
{
	(void)input;
	move_cursor(screen, 1);
}

static long page_of(const struct screen *screen)
{
	long rows = (long)screen_page_rows(screen);

	return rows > 1 ? rows - 1 : 1;
}

void command_page_up(struct screen *screen, const struct input *input)
{
	(void)input;
	move_cursor(screen, -page_of(screen));
}

void command_page_down(struct screen *screen, const struct input *input)
{
	(void)input;
	move_cursor(screen, page_of(screen));
}

void command_home(struct screen *screen, const struct input *input)
{
	(void)input;
	*cursor_of(screen) = (struct cursor){ .row = 0 };
	screen->frame_stale = true;
}

void command_end(struct screen *screen, const struct input *input)
{
	(void)input;
	screen_update_table(screen);
	move_cursor(screen, (long)count_of(screen));
}

/* The page moves; the cursor stays on its task, and may go out of sight. */
static void scroll_page(struct screen *screen, long steps)
{
	struct cursor *cursor = cursor_of(screen);
	long top = (long)cursor->top + steps;
	long last = (long)count_of(screen) - (long)screen_page_rows(screen);

	if (top > last)
		top = last;
	cursor->top = top > 0 ? (size_t)top : 0;
	cursor->follow = false;
	screen->frame_stale = true;
}

void command_wheel_up(struct screen *screen, const struct input *input)
{
	(void)input;
	scroll_page(screen, -WHEEL_ROWS);
}

void command_wheel_down(struct screen *screen, const struct input *input)
{
	(void)input;
	scroll_page(screen, WHEEL_ROWS);
}

static const struct hot_spot *spot_at(const struct screen *screen, int row, int column)
{
	for (size_t i = 0; i < screen->layout.spot_count; i++) {
		const struct hot_spot *spot = &screen->layout.spots[i];

		if (spot->row == row && column >= spot->from && column < spot->limit)
			return spot;
	}
	return NULL;
}

/* Presses the key that stands there; false if none does. */
static bool click_key(struct screen *screen, const struct input *input)
{
	const struct hot_spot *spot = spot_at(screen, input->row, input->column);

	if (!spot || !spot->key)
		return false;
	screen_key(screen, &(struct input){ .key = spot->key });
	return true;
}

void command_panel_click(struct screen *screen, const struct input *input)
{
	click_key(screen, input);
}

void command_click(struct screen *screen, const struct input *input)
{
	const struct hot_spot *spot = spot_at(screen, input->row, input->column);
	const struct layout *layout = &screen->layout;
	size_t row = cursor_of(screen)->top + (size_t)(input->row - layout->body_row);

	if (spot && spot->title >= 0) {
		screen_sort_by_title(screen, (size_t)spot->title);
	} else if (click_key(screen, input) || timeline_click(screen, input->row, input->column)) {
		return;
	} else if (input->row >= layout->body_row && input->row < layout->body_row + layout->body_rows &&
		   row < count_of(screen)) {
		screen->frame_stale = true;
		if (input->key == INPUT_DOUBLE_CLICK) { /* of what the first click took, wherever it is by now */
			command_detail(screen, input);
			return;
		}
		cursor_of(screen)->row = row;
		anchor(screen);
	}
}

void command_follow(struct screen *screen, const struct input *input)
{
	const struct row *row = screen_cursor_row(screen);
	struct row_context context = screen->table.context;
	const struct column *command = column_find("command");
	char name[96], number[24] = "";

	(void)input;
	screen->frame_stale = true;
	if (screen->cursor.follow || !row) {
		screen->cursor.follow = false;
		screen_message(screen, "following no task");
		return;
	}
	anchor(screen);
	show_cursor(screen);
	screen->cursor.follow = true;
	context.full_command = false;
	column_format(command, command->get(row, &context), &context, name, sizeof(name));
	if (row->key.tid)
		snprintf(number, sizeof(number), " (%d)", (int)row->key.tid);
	screen_message(screen, "following %s%s", name, number);
}

void command_detail(struct screen *screen, const struct input *input)
{
	const struct row *row = screen_cursor_row(screen);

	(void)input;
	screen->detail_top = screen->detail_lines = 0;
	if (screen_on_page(screen) && screen->page.cursor.row < screen->page.table.count) {
		anchor(screen);
		screen_enter(screen, KEYS_PAGE_DETAIL);
		return;
	}
	if (!row)
		return;
	anchor(screen);
	screen->detail_key = row->key;
	detail_free(screen);
	screen->detail_top = 0;
	screen_enter(screen, KEYS_DETAIL);
}

void command_help(struct screen *screen, const struct input *input)
{
	(void)input;
	screen->help_top = 0;
	screen_enter(screen, KEYS_HELP);
}

void command_leave(struct screen *screen, const struct input *input)
{
	(void)input;
	screen_leave(screen);
}

/* How far a key of movement goes, among `count` places of which `page` are seen. */
static long distance(int key, size_t count, long page)
{
	switch (key) {
	case INPUT_UP:
		return -1;
	case INPUT_DOWN:
		return 1;
	case INPUT_PAGE_UP:
		return -page;
	case INPUT_PAGE_DOWN:
		return page;
	case INPUT_HOME:
		return -(long)count;
	case INPUT_END:
		return (long)count;
	case INPUT_WHEEL_UP:
		return -WHEEL_ROWS;
	case INPUT_WHEEL_DOWN:
		return WHEEL_ROWS;
	default:
		return 0;
	}
}

void command_scroll(struct screen *screen, const struct input *input)
{
	bool help = screen->mode == KEYS_HELP;
	size_t *top = help ? &screen->help_top : &screen->detail_top;
	size_t lines = help ? screen->help_lines : screen->detail_lines;
	long at = (long)*top + distance(input->key, lines, page_of(screen));

	if (at > (long)lines)
		at = (long)lines; /* drawing brings it back to the last full page */
	*top = at > 0 ? (size_t)at : 0;
	screen->frame_stale = true;
}

void command_menu_move(struct screen *screen, const struct input *input)
{
	menu_move(&screen->menu,
		  distance(input->key, screen->menu.count, screen->menu.rows > 1 ? screen->menu.rows : 1));
	screen->frame_stale = true;
}

void command_menu_choose(struct screen *screen, const struct input *input)
{
	struct menu *menu = &screen->menu;

	(void)input;
	screen_leave(screen);
	if (menu->chosen && menu->cursor < menu->count)
		menu->chosen(screen, menu->items[menu->cursor].value);
}

void command_menu_mark(struct screen *screen, const struct input *input)
{
	struct menu *menu = &screen->menu;

	(void)input;
	if (menu->cursor >= menu->count)
		return;
	menu->items[menu->cursor].marked = !menu->items[menu->cursor].marked;
	screen->frame_stale = true;
	menu->changed(screen);
}

void command_menu_shift(struct screen *screen, const struct input *input)
{
	if (!menu_shift(&screen->menu, input->key == INPUT_LEFT || input->key == '-' ? -1 : 1))
		return;
	screen->frame_stale = true;
	screen->menu.changed(screen);
}

void command_menu_click(struct screen *screen, const struct input *input)
{
	long at = menu_item_at(&screen->menu, input->row, input->column);

	if (at < 0) {
		click_key(screen, input);
		return;
	}
	screen->menu.cursor = (size_t)at;
	if (screen->menu.chooser)
		command_menu_mark(screen, input);
	else
		command_menu_choose(screen, input);
}
