#include "graph.h"

#include <math.h>

static const uint32_t blocks[] = { 0x2581, 0x2582, 0x2583, 0x2584, 0x2585, 0x2586, 0x2587, 0x2588 };
static const uint32_t marks[] = { '_', '.', '-', '=', '+', '*', '%', '#' };
#define LEVELS 8

static double largest_of(const double *values, size_t count)
{
	double largest = 0;

	for (size_t i = 0; i < count; i++)
		if (values[i] > largest)
			largest = values[i];
	return largest;
}

void graph_draw(struct frame *frame, int row, int column, int cells, enum style style, const double *values,
		size_t count, double top)
{
	const uint32_t *levels = frame->charset == TEXT_UTF8 ? blocks : marks;

	if (cells <= 0)
		return;
	if (count > (size_t)cells)
		count = (size_t)cells;
	if (top <= 0)
		top = largest_of(values, count);
	for (size_t i = 0; i < count; i++) {
		int at = column + cells - 1 - (int)i;
		int level;

		if (isnan(values[i]))
			continue;
		level = top > 0 ? (int)ceil(values[i] / top * LEVELS) : 0;
		if (level < 1) /* a base line: measured, and nothing happened */
			frame_fill(frame, row, at, at + 1, STYLE_ZERO, levels[0]);
		else
			frame_fill(frame, row, at, at + 1, style, levels[(level > LEVELS ? LEVELS : level) - 1]);
	}
}
