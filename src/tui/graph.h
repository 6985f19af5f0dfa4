/* History as a row of bars, newest at the right. */
#ifndef IOTOPX_TUI_GRAPH_H
#define IOTOPX_TUI_GRAPH_H

#include "frame.h"

#include <stddef.h>

/* values[0] is the newest; NaN is unknown and stays blank. Bars reach the top at `top`; 0: at the largest value. */
void graph_draw(struct frame *frame, int row, int column, int cells, enum style style, const double *values,
		size_t count, double top);

#endif
