#include "detail.h"
#include "graph.h"

#include <stdio.h>
#include <string.h>

#define PEAK_WIDTH 12
#define GRAPH_AT (DETAIL_LABEL + PEAK_WIDTH + 2)

int pane_line(struct pane *pane)
{
	long row = (long)pane->first + (long)pane->line - (long)pane->screen->detail_top;

	pane->line++;
	return row < pane->first || row >= pane->limit ? -1 : (int)row;
}

void pane_heading(struct pane *pane, const char *text)
{
	pane_line(pane);
	frame_text(pane->frame, pane_line(pane), 0, pane->frame->columns, STYLE_HEADING, text);
}

void pane_field(struct pane *pane, const char *label, const char *value)
{
	int row = pane_line(pane);

	frame_fit(pane->frame, row, 1, DETAIL_LABEL - 1, STYLE_LABEL, label, TEXT_CUT_END, false);
	frame_brief(pane->frame, row, DETAIL_LABEL + 1, pane->frame->columns - DETAIL_LABEL - 1, STYLE_VALUE, value);
}

void pane_wrap(struct pane *pane, int row, int column, enum style style, const char *text)
{
	int room = pane->frame->columns - column;

	while (*text && room > 0) {
		int length = (int)strlen(text);

		if (length > room) {
			for (length = room; length > 0 && text[length] != ' ';)
				length--;
			length = length ? length : room;
		}
		frame_print(pane->frame, row, column, pane->frame->columns, style, "%.*s", length, text);
		text += length;
		while (*text == ' ')
			text++;
		if (*text)
			row = pane_line(pane);
	}
}

size_t pane_graph_samples(const struct pane *pane)
{
	int cells = pane->frame->columns - GRAPH_AT - 1;

	return cells < 4 ? 0 : cells < GRAPH_SAMPLES ? (size_t)cells : GRAPH_SAMPLES;
}

void pane_graph(struct pane *pane, const char *label, const char *peak, enum style style, const double *values,
		size_t count, double top)
{
	int row = pane_line(pane);

	frame_fit(pane->frame, row, 1, DETAIL_LABEL - 1, STYLE_LABEL, label, TEXT_CUT_END, false);
	frame_fit(pane->frame, row, DETAIL_LABEL, PEAK_WIDTH, STYLE_VALUE, peak, TEXT_CUT_END, true);
	if (row >= 0)
		graph_draw(pane->frame, row, GRAPH_AT, (int)count, style, values, count, top);
}

void pane_begin(struct pane *pane)
{
	struct screen *screen = pane->screen;
	size_t rows = pane->limit > pane->first ? (size_t)(pane->limit - pane->first) : 0;

	if (screen->detail_lines && screen->detail_top + rows > screen->detail_lines)
		screen->detail_top = screen->detail_lines > rows ? screen->detail_lines - rows : 0;
	pane->line = 0;
}

void pane_end(struct pane *pane)
{
	pane->screen->detail_lines = pane->line;
}
