/* Which columns fit on a line, and how wide: for the table of tasks and the pages beside it. And what a number looks
 * like by its magnitude. */
#ifndef IOTOPX_TUI_LAYOUT_H
#define IOTOPX_TUI_LAYOUT_H

#include "frame.h"
#include "iotopx/column.h"

/* How much room columns ask for, from the terminal that has it to the one that has not. */
enum tier {
	TIER_FULL,    /* long titles */
	TIER_SHORT,   /* short titles */
	TIER_COMPACT, /* and no wider than their values, which rarely need all that a column has */
	TIER_COUNT,
};

struct fit {
	int widths[TIER_COUNT];
	unsigned priority; /* 0 never leaves; the highest leaves first */
	bool flexible;     /* the one that gets what is left */
	int width;         /* result; 0: it has left */
};

/* Fills the widths of a column; `grown` is the widest text that it holds now. */
void layout_widths(struct fit *fit, enum column_kind kind, int width, int grown, const char *title,
		   const char *short_title);
/* Gives `cells` to the columns, one cell between two. The flexible one keeps `least`, and has `roomy` before the others
 * get long titles. */
enum tier layout_fit(struct fit *items, size_t count, int cells, int least, int roomy);

bool layout_is_left(enum column_kind kind);
/* Sums grow without end: only rates and ratios have a magnitude. */
enum style layout_style(enum column_kind kind, double number, bool sums);

#endif
