#include "frame.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 4096

int frame_resize(struct frame *frame, int rows, int columns)
{
	size_t count = (size_t)(rows > 0 ? rows : 1) * (size_t)(columns > 0 ? columns : 1);
	struct cell *cells = realloc(frame->cells, count * sizeof(*cells));

	if (!cells)
		return -ENOMEM;
	frame->cells = cells;
	frame->rows = rows > 0 ? rows : 1;
	frame->columns = columns > 0 ? columns : 1;
	frame_clear(frame);
	return 0;
}

void frame_free(struct frame *frame)
{
	free(frame->cells);
	*frame = (struct frame){ 0 };
}

void frame_clear(struct frame *frame)
{
	size_t count = (size_t)frame->rows * (size_t)frame->columns;

	memset(frame->cells, 0, count * sizeof(*frame->cells));
	for (size_t i = 0; i < count; i++)
		frame->cells[i].code[0] = ' ';
	frame->cursor_row = -1;
}

static int clip(const struct frame *frame, int limit)
{
	return limit < frame->columns ? limit : frame->columns;
}

static void put(struct frame *frame, int row, int column, enum style style, uint32_t code)
{
	struct cell *cell = frame_cell(frame, row, column);

	memset(cell, 0, sizeof(*cell)); /* whole cells are compared */
	cell->code[0] = code;
	cell->style = (uint8_t)style;
}

/* A combining mark joins the character before it. */
static void combine(struct frame *frame, int row, int column, uint32_t code)
{
	struct cell *cell = frame_cell(frame, row, column - 1);

	if (!cell->code[0] && column > 1)
		cell = frame_cell(frame, row, column - 2);
	for (int i = 1; i < 3; i++) {
		if (!cell->code[i]) {
			cell->code[i] = code;
			return;
		}
	}
}

int frame_text(struct frame *frame, int row, int column, int limit, enum style style, const char *text)
{
	size_t length = strlen(text);

	limit = clip(frame, limit);
	if (row < 0 || row >= frame->rows || column < 0)
		return column;
	while (length) {
		unsigned code = 0;
		size_t bytes = text_decode(text, length, &code);
		int width = bytes ? text_code_width(code) : -1;

		if (width < 0 || (frame->charset == TEXT_ASCII && code > 0x7e)) {
			code = '?';
			width = 1;
			bytes = bytes ? bytes : 1;
		}
		if (column + width > limit)
			break;
		if (width == 0 && column > 0)
			combine(frame, row, column, code);
		if (width > 0)
			put(frame, row, column, style, code);
		if (width == 2)
			put(frame, row, column + 1, style, 0);
		column += width;
		text += bytes;
		length -= bytes;
	}
	return column;
}

int frame_fit(struct frame *frame, int row, int column, int cells, enum style style, const char *text,
	      enum text_fit how, bool right)
{
	char fitted[TEXT_BYTES];

	if (cells <= 0)
		return column;
	if (cells > frame->columns)
		cells = frame->columns;
	text_fit(fitted, sizeof(fitted), text, (size_t)cells, how, right, frame->charset);
	frame_text(frame, row, column, column + cells, style, fitted);
	return column + cells;
}

int frame_brief(struct frame *frame, int row, int column, int cells, enum style style, const char *text)
{
	const char *ellipsis = frame_symbol(frame, "…", "..");
	int width = (int)text_width(ellipsis);

	if (cells <= 0 || (int)text_width(text) <= cells || cells <= width)
		return frame_text(frame, row, column, column + cells, style, text);
	column = frame_text(frame, row, column, column + cells - width, style, text);
	return frame_text(frame, row, column, column + width, style, ellipsis);
}

int frame_fill(struct frame *frame, int row, int column, int limit, enum style style, uint32_t code)
{
	limit = clip(frame, limit);
	if (row < 0 || row >= frame->rows || column < 0)
		return column;
	for (; column < limit; column++)
		put(frame, row, column, style, code);
	return column;
}

int frame_print(struct frame *frame, int row, int column, int limit, enum style style, const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return frame_text(frame, row, column, limit, style, text);
}

const char *frame_symbol(const struct frame *frame, const char *unicode, const char *ascii)
{
	return frame->charset == TEXT_UTF8 ? unicode : ascii;
}

void frame_select(struct frame *frame, int row, int from, int limit)
{
	limit = clip(frame, limit);
	if (row < 0 || row >= frame->rows || from < 0)
		return;
	for (; from < limit; from++)
		frame_cell(frame, row, from)->selected = true;
}

static void box_line(struct frame *frame, int row, int column, int columns, const char *const part[3])
{
	frame_text(frame, row, column, column + 1, STYLE_TREE, part[0]);
	for (int at = column + 1; at < column + columns - 1; at++)
		frame_text(frame, row, at, at + 1, STYLE_TREE, part[1]);
	frame_text(frame, row, column + columns - 1, column + columns, STYLE_TREE, part[2]);
}

void frame_box(struct frame *frame, int row, int column, int rows, int columns, const char *title)
{
	static const char *const lines[2][3][3] = {
		{ { "┌", "─", "┐" }, { "│", " ", "│" }, { "└", "─", "┘" } },
		{ { "+", "-", "+" }, { "|", " ", "|" }, { "+", "-", "+" } },
	};
	const char *const(*line)[3] = lines[frame->charset == TEXT_UTF8 ? 0 : 1];

	if (rows < 2 || columns < 2)
		return;
	box_line(frame, row, column, columns, line[0]);
	for (int at = row + 1; at < row + rows - 1; at++)
		box_line(frame, at, column, columns, line[1]);
	box_line(frame, row + rows - 1, column, columns, line[2]);
	if (columns > 6)
		frame_print(frame, row, column + 2, column + columns - 2, STYLE_HEADING, " %s ", title);
}
