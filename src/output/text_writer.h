/* What the halves of the text writer share: text.c has the summary and the tables of tasks, text_page.c those of the
 * other pages. */
#ifndef IOTOPX_OUTPUT_TEXT_WRITER_H
#define IOTOPX_OUTPUT_TEXT_WRITER_H

#include "buffer.h"

#include "iotopx/writer.h"

#define TEXT_COLUMN_MAX 40 /* cells that one long name may take from all lines */

struct text_writer {
	struct writer base;
	struct writer_options options;
	struct buffer line; /* the line under way */
	struct buffer cell;
	size_t widths[VIEW_COLUMNS_MAX]; /* of the view's columns; they grow, so that the lines of a run stay aligned */
	bool titled;
	unsigned told; /* enum note */
};

int text_begin_line(struct text_writer *writer, const struct interval *interval);
/* Writes the line under way, without the blanks at its end. */
int text_end_line(struct text_writer *writer);
/* Padded to `width` cells, never cut: in a file a crooked line is better than a lost end. */
int text_append_padded(struct buffer *line, const char *text, size_t width, bool right);
void text_widen(size_t *width, size_t cells);

/* Total, Actual, Gap and what is to be known about them; `filtered` may be NULL. */
int text_write_summary(struct text_writer *writer, const struct interval *interval, const struct row_context *context,
		       const struct counters *filtered);

int text_write_page(struct writer *base, const struct interval *interval, const struct view *view,
		    const struct page *page, const struct page_table *table);

#endif
