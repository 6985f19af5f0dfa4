/* The line of a recording: when it begins and ends, how much there was of the sort column in between, and where the
 * screen stands. A click goes to the worst moment of what stands there. */
#ifndef IOTOPX_TUI_TIMELINE_H
#define IOTOPX_TUI_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>

struct screen;

#define TIMELINE_PARTS_MAX 512

struct timeline {
	double values[TIMELINE_PARTS_MAX]; /* newest first, NAN where nothing is recorded */
	size_t count;                      /* 0: to be asked for */
	int asked, counter;                /* whose were asked for, and whose they are */
	int row, column;                   /* of the first part, as drawn last; row 0: not drawn */
};

bool timeline_is_shown(const struct screen *screen);
void timeline_draw(struct screen *screen, int row);
bool timeline_click(struct screen *screen, int row, int column); /* false: nothing of it stands there */

#endif
