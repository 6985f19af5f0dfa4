/* What the panels of a row share: lines one after the other, of which the scrolling shows some. */
#ifndef IOTOPX_TUI_DETAIL_H
#define IOTOPX_TUI_DETAIL_H

#include "state.h"

#define DETAIL_LABEL 16  /* cells of a label and what follows it */
#define DETAIL_FIGURE 13 /* ... of a figure */

struct pane {
	struct screen *screen;
	struct frame *frame;
	int first, limit;
	size_t line;
};

/* The row of the frame for the next line; -1, which nothing draws on, if that is out of sight. */
int pane_line(struct pane *pane);
void pane_heading(struct pane *pane, const char *text); /* after an empty line */
void pane_field(struct pane *pane, const char *label, const char *value);
/* From that column of `row` on; goes on in lines of its own, at the same column, where there is no room. ASCII. */
void pane_wrap(struct pane *pane, int row, int column, enum style style, const char *text);
/* A label, the largest value, and the graph. `format` makes a text of a value. */
void pane_graph(struct pane *pane, const char *label, const char *peak, enum style style, const double *values,
		size_t count, double top);
size_t pane_graph_samples(const struct pane *pane); /* how many a graph has room for, at most GRAPH_SAMPLES */
/* Scrolls back where the end is seen; to be called before the first line, and at the end with the lines drawn. */
void pane_begin(struct pane *pane);
void pane_end(struct pane *pane);

/* detail_files.c: what the task has open. */
void detail_draw_files(struct pane *pane, const struct task_info *info);

#endif
