/* The picture: a grid of cells. Everything is drawn here; it knows no terminal. What a style looks like is the
 * terminal's business (curses.c), what a test compares is this grid.
 *
 * Text that goes in is sanitised by the caller (text.h); the grid still refuses what must not reach a terminal.
 * Drawing outside the grid is cut, never an error. */
#ifndef IOTOPX_TUI_FRAME_H
#define IOTOPX_TUI_FRAME_H

#include "iotopx/text.h"

#include <stdint.h>

enum style {
	STYLE_NORMAL,
	STYLE_LABEL,  /* what stands beside a value */
	STYLE_VALUE,  /* a value that matters in the header */
	STYLE_HOST,   /* the first word of the screen */
	STYLE_NOTICE, /* something the user should know */
	STYLE_ERROR,
	STYLE_TITLE, /* of a column */
	STYLE_SORT,  /* of the column that sorts */
	STYLE_ZERO,  /* nothing happened, or unknown */
	STYLE_LOW,   /* rates by magnitude */
	STYLE_MIDDLE,
	STYLE_HIGH,
	STYLE_APPROXIMATE,
	STYLE_EXITED,
	STYLE_STUCK,
	STYLE_TREE, /* lines that are not text */
	STYLE_KEY,
	STYLE_KEY_LABEL,
	STYLE_READ, /* graphs */
	STYLE_WRITE,
	STYLE_HEADING, /* in panels */
	STYLE_COUNT,
};

struct cell {
	uint32_t code[3]; /* a character and what combines with it; 0 ends. code[0] 0: right half of a wide one */
	uint8_t style;    /* enum style */
	bool selected;
};

struct frame {
	struct cell *cells; /* owned: rows * columns */
	int rows, columns;
	int cursor_row, cursor_column; /* row -1: hidden */
	enum text_charset charset;
};

int frame_resize(struct frame *frame, int rows, int columns); /* cleared; 0 or -ENOMEM */
void frame_free(struct frame *frame);
void frame_clear(struct frame *frame);

static inline struct cell *frame_cell(const struct frame *frame, int row, int column)
{
	return &frame->cells[(size_t)row * (size_t)frame->columns + (size_t)column];
}

/* All return the column after what was drawn, cut or not drawn; `limit` is the first column not to touch. */
int frame_text(struct frame *frame, int row, int column, int limit, enum style style, const char *text);
/* Exactly `cells` cells, cut or padded. */
int frame_fit(struct frame *frame, int row, int column, int cells, enum style style, const char *text,
	      enum text_fit how, bool right);
/* At most `cells`; what is longer ends in an ellipsis. */
int frame_brief(struct frame *frame, int row, int column, int cells, enum style style, const char *text);
int frame_fill(struct frame *frame, int row, int column, int limit, enum style style, uint32_t code);
__attribute__((format(printf, 6, 7))) int frame_print(struct frame *frame, int row, int column, int limit,
						      enum style style, const char *format, ...);

/* One of two symbols, as the charset allows. */
const char *frame_symbol(const struct frame *frame, const char *unicode, const char *ascii);
void frame_select(struct frame *frame, int row, int from, int limit);
/* A cleared box with a border and a title. */
void frame_box(struct frame *frame, int row, int column, int rows, int columns, const char *title);

#endif
