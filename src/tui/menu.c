#include "menu.h"
#include "iotopx/array.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void menu_start(struct menu *menu, const char *title)
{
	struct menu fresh = { .items = menu->items, .capacity = menu->capacity };

	snprintf(fresh.title, sizeof(fresh.title), "%s", title);
	*menu = fresh;
}

void menu_free(struct menu *menu)
{
	free(menu->items);
	*menu = (struct menu){ 0 };
}

int menu_add(struct menu *menu, const char *text, int value, bool marked, enum text_charset charset)
{
	struct menu_item *item = array_append(menu);

	if (!item)
		return -ENOMEM;
	text_sanitize(item->text, sizeof(item->text), text, strlen(text), charset);
	item->value = value;
	item->marked = marked;
	return 0;
}

void menu_move(struct menu *menu, long steps)
{
	long at = (long)menu->cursor + steps;

	if (at >= (long)menu->count)
		at = (long)menu->count - 1;
	menu->cursor = at > 0 ? (size_t)at : 0;
}

bool menu_shift(struct menu *menu, int steps)
{
	size_t from = menu->cursor;
	struct menu_item moved;

	menu_move(menu, steps);
	if (menu->cursor == from || menu->count == 0)
		return false;
	moved = menu->items[from];
	menu->items[from] = menu->items[menu->cursor];
	menu->items[menu->cursor] = moved;
	return true;
}

static int widest(const struct menu *menu)
{
	size_t width = strlen(menu->title) + 6;

	for (size_t i = 0; i < menu->count; i++) {
		size_t item = text_width(menu->items[i].text) + (menu->chooser ? 8 : 4);

		if (item > width)
			width = item;
	}
	return (int)width;
}

static void draw_item(const struct menu *menu, struct frame *frame, int row, size_t at)
{
	const struct menu_item *item = &menu->items[at];
	int limit = menu->column + menu->columns, column = menu->column + 1;

	if (menu->chooser)
		column = frame_text(frame, row, column, limit, STYLE_VALUE, item->marked ? "[x] " : "[ ] ");
	else if (item->marked)
		frame_text(frame, row, menu->column, limit, STYLE_VALUE, frame_symbol(frame, "•", "*"));
	frame_brief(frame, row, column, limit - column - 1, STYLE_NORMAL, item->text);
	if (at == menu->cursor)
		frame_select(frame, row, menu->column, limit);
}

void menu_draw(struct menu *menu, struct frame *frame, int first, int limit)
{
	int rows = (int)menu->count + 2, columns = widest(menu);

	if (rows > limit - first)
		rows = limit - first;
	if (columns > frame->columns)
		columns = frame->columns;
	menu->rows = 0;
	if (rows < 3 || columns < 4)
		return;
	menu->rows = rows - 2;
	menu->row = first + 1;
	menu->column = (frame->columns - columns) / 2 + 1;
	menu->columns = columns - 2;
	if (menu->cursor < menu->top)
		menu->top = menu->cursor;
	if (menu->cursor >= menu->top + (size_t)menu->rows)
		menu->top = menu->cursor - (size_t)menu->rows + 1;
	if (menu->top + (size_t)menu->rows > menu->count)
		menu->top = menu->count - (size_t)menu->rows;
	frame_box(frame, first, menu->column - 1, rows, columns, menu->title);
	for (int i = 0; i < menu->rows; i++)
		draw_item(menu, frame, menu->row + i, menu->top + (size_t)i);
	if (menu->top > 0)
		frame_text(frame, first, menu->column + menu->columns - 2, frame->columns, STYLE_TREE,
			   frame_symbol(frame, "▲", "^"));
	if (menu->top + (size_t)menu->rows < menu->count)
		frame_text(frame, first + rows - 1, menu->column + menu->columns - 2, frame->columns, STYLE_TREE,
			   frame_symbol(frame, "▼", "v"));
}

long menu_item_at(const struct menu *menu, int row, int column)
{
	if (row < menu->row || row >= menu->row + menu->rows || column < menu->column ||
	    column >= menu->column + menu->columns)
		return -1;
	return (long)menu->top + row - menu->row;
}
