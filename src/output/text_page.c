/* The pages of devices and NFS mounts as text: the same summary, the page's own columns. */
#include "text_writer.h"

#include "iotopx/array.h"
#include "iotopx/text.h"

#include <string.h>

#define NUMBER_MAX 64

/* The cell's text into writer->cell. A partition stands under its disk, as on the screen. */
static int format_cell(struct text_writer *writer, const struct view *view, const struct page_column *column,
		       const struct page_row *row)
{
	struct value value = column->get(row);
	size_t need = NUMBER_MAX + (value.type == VALUE_TEXT ? 4 * strlen(value.text) : 0);
	struct buffer *cell = &writer->cell;
	int error;

	cell->count = 0;
	error = value.type == VALUE_TEXT && value.text == row->name ? buffer_blanks(cell, 2 * (size_t)row->depth) : 0;
	if (error == 0)
		error = array_reserve(cell, cell->count + need);
	if (error == 0)
		cell->count += page_column_format(column, value, view->units, writer->options.charset,
						  cell->items + cell->count, need);
	return error;
}

static bool is_right(const struct page_column *column)
{
	return column->kind != COLUMN_TEXT;
}

static int grow_widths(struct text_writer *writer, const struct view *view, const struct page_look *look,
		       const struct page_table *table)
{
	for (size_t i = 0; i < look->column_count; i++) {
		const struct page_column *column = look->columns[i];

		text_widen(&writer->widths[i], column->width);
		text_widen(&writer->widths[i], text_width(column->title));
		for (size_t row = 0; column->kind == COLUMN_TEXT && row < table->count; row++) {
			int error = format_cell(writer, view, column, &table->rows[row]);
			size_t cells;

			if (error < 0)
				return error;
			cells = text_width(writer->cell.items);
			text_widen(&writer->widths[i], cells < TEXT_COLUMN_MAX ? cells : TEXT_COLUMN_MAX);
		}
	}
	return 0;
}

/* `row` NULL: the titles. */
static int write_line(struct text_writer *writer, const struct interval *interval, const struct view *view,
		      const struct page_look *look, const struct page_row *row)
{
	struct buffer *line = &writer->line;
	int error;

	line->count = 0;
	if (row)
		error = text_begin_line(writer, interval);
	else
		error = writer->options.timestamps ? buffer_text(line, "    TIME ") : 0;
	for (size_t i = 0; i < look->column_count && error == 0; i++) {
		const struct page_column *column = look->columns[i];

		if (i)
			error = buffer_blanks(line, 1);
		if (error == 0 && row)
			error = format_cell(writer, view, column, row);
		if (error == 0)
			error = text_append_padded(line, row ? writer->cell.items : column->title, writer->widths[i],
						   is_right(column));
	}
	return error ? error : text_end_line(writer);
}

int text_write_page(struct writer *base, const struct interval *interval, const struct view *view,
		    const struct page *page, const struct page_table *table)
{
	struct text_writer *writer = (struct text_writer *)base;
	const struct row_context context = { .seconds = interval_seconds(interval), .units = view->units };
	const struct page_look *look = writer->options.look;
	unsigned quiet = writer->options.quiet;
	struct page_look usual;
	int error;

	if (!look) {
		page_look_init(&usual, page);
		look = &usual;
	}
	error = grow_widths(writer, view, look, table);

	if (error == 0 && quiet < 3)
		error = text_write_summary(writer, interval, &context, NULL);
	if (error == 0 && quiet < 2 && !(quiet == 1 && writer->titled)) {
		error = write_line(writer, interval, view, look, NULL);
		writer->titled = true;
	}
	for (size_t i = 0; i < table->count && error == 0; i++)
		error = write_line(writer, interval, view, look, &table->rows[i]);
	return error ? error : stream_flush(writer->options.stream);
}
