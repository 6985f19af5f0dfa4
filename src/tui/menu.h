/* A list in a box over the table: one entry is chosen, or (chooser) entries are marked and moved. */
#ifndef IOTOPX_TUI_MENU_H
#define IOTOPX_TUI_MENU_H

#include "frame.h"

#include <stdbool.h>
#include <stddef.h>

struct screen;

struct menu_item {
	char text[192]; /* sanitised */
	int value;
	bool marked;
};

struct menu {
	char title[64];
	struct menu_item *items; /* owned */
	size_t count, capacity;
	size_t cursor, top;
	bool chooser;                                     /* items have a mark */
	void (*chosen)(struct screen *screen, int value); /* Enter; the menu is closed by then */
	void (*changed)(struct screen *screen);           /* a mark or the order: chooser only */
	int row, column, rows; /* where it was drawn: of the first item, and how many are seen */
	int columns;
};

void menu_start(struct menu *menu, const char *title); /* empty */
void menu_free(struct menu *menu);
/* Appends; the text is any bytes. 0 or -ENOMEM. */
int menu_add(struct menu *menu, const char *text, int value, bool marked, enum text_charset charset);
void menu_move(struct menu *menu, long steps); /* of the cursor */
bool menu_shift(struct menu *menu, int steps); /* of the item under it */
/* Draws over rows from `first` on, at most to before `limit`. */
void menu_draw(struct menu *menu, struct frame *frame, int first, int limit);
/* The item at that place, or -1. */
long menu_item_at(const struct menu *menu, int row, int column);

#endif
