/* Text in iotop's batch layout: what the machine did, the names of the columns, a line a row. */
#include "text_writer.h"

#include "iotopx/array.h"
#include "iotopx/text.h"
#include "iotopx/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Facts that change what the figures mean: told at first, and again when they change. */
enum note { NOTE_OWN_ONLY = 1 << 0, NOTE_NO_EXITS = 1 << 1, NOTE_NO_DELAYS = 1 << 2, NOTE_CROWDED = 1 << 3 };

static const char *const notes[] = {
	"own processes only",
	"no exit records: what lived and ended between two samples is missing",
	"delay accounting is off, so IO, SWAPIN, BLKIO are unknown (see --delayacct)",
	"memory ran out: Total is right, rows are incomplete: what one lacks is in another, mostly `other'",
};

/* Padded to `width` cells, never cut: in a file a crooked line is better than a lost end. */
int text_append_padded(struct buffer *line, const char *text, size_t width, bool right)
{
	size_t cells = text_width(text);
	size_t blanks = width > cells ? width - cells : 0;
	int error = right ? buffer_blanks(line, blanks) : 0;

	if (error == 0)
		error = buffer_text(line, text);
	if (error == 0 && !right)
		error = buffer_blanks(line, blanks);
	return error;
}

int text_begin_line(struct text_writer *writer, const struct interval *interval)
{
	time_t seconds = (time_t)(interval->end_wall_ms / 1000);
	struct tm moment;
	char stamp[16];

	writer->line.count = 0;
	if (!writer->options.timestamps)
		return 0;
	if (!localtime_r(&seconds, &moment))
		return -EOVERFLOW;
	strftime(stamp, sizeof(stamp), "%H:%M:%S ", &moment);
	return buffer_text(&writer->line, stamp);
}

/* Writes the line under way, without the blanks at its end. */
int text_end_line(struct text_writer *writer)
{
	struct buffer *line = &writer->line;
	int error;

	while (line->count > 0 && line->items[line->count - 1] == ' ')
		line->count--;
	error = buffer_put(line, "\n", 1);
	return error ? error : buffer_write(line, writer->options.stream);
}

/* A figure of the machine; the cells of the table speak the same way. */
struct figure {
	double value;
	bool known;
	bool approximate;
};

static struct figure rate_of(double sum, bool known, bool approximate, double seconds,
			     const struct row_context *context)
{
	struct figure figure = { .value = sum, .known = known, .approximate = approximate };

	if (context->mode == MODE_ACCUMULATED)
		return figure;
	figure.known = known && seconds > 0 && !context->baseline;
	figure.value = figure.known ? sum / seconds : 0;
	return figure;
}

static struct figure counter_figure(const struct counters *counters, enum counter counter,
				    const struct row_context *context)
{
	return rate_of((double)counters->value[counter], counters_known(counters, counter),
		       (counters->approximate & COUNTER_BIT(counter)) != 0, context->seconds, context);
}

/* By the time between the two readings of vmstat, which is not quite that between the two sweeps. */
static struct figure actual_figure(const struct machine_delta *machine, uint64_t bytes,
				   const struct row_context *context)
{
	double seconds = machine->elapsed_ns > 0 ? (double)machine->elapsed_ns / 1e9 : context->seconds;

	return rate_of((double)bytes, (machine->known & MACHINE_VMSTAT) != 0, false, seconds, context);
}

static struct figure level_figure(uint64_t bytes, bool known)
{
	return (struct figure){ .value = (double)bytes, .known = known };
}

static struct figure gap_of(struct figure actual, struct figure total)
{
	return (struct figure){ .value = actual.value - total.value,
				.known = actual.known && total.known,
				.approximate = actual.approximate || total.approximate };
}

static int append_figure(struct buffer *line, const char *label, size_t label_width, size_t width, struct figure figure,
			 bool per_second, enum unit_style units)
{
	char text[48] = "-";
	int error = text_append_padded(line, label, label_width, false);

	if (figure.known) {
		size_t mark = figure.approximate ? 1 : 0;

		text[0] = '~';
		units_bytes(text + mark, sizeof(text) - mark, figure.value, per_second, units);
	}
	return error ? error : text_append_padded(line, text, width, true);
}

/* "NAME DISK READ: x | NAME DISK WRITE: y" */
static int append_pair(struct text_writer *writer, const char *name, struct figure read, struct figure write,
		       const struct row_context *context)
{
	bool per_second = context->mode != MODE_ACCUMULATED;
	char label[48];
	int error;

	snprintf(label, sizeof(label), "%s DISK READ:", name);
	error = append_figure(&writer->line, label, 20, 13, read, per_second, context->units);
	if (error == 0)
		error = buffer_text(&writer->line, " | ");
	snprintf(label, sizeof(label), "%s DISK WRITE:", name);
	if (error == 0)
		error = append_figure(&writer->line, label, 21, 13, write, per_second, context->units);
	return error;
}

static int write_pair(struct text_writer *writer, const struct interval *interval, const char *name, struct figure read,
		      struct figure write, const struct row_context *context)
{
	int error = text_begin_line(writer, interval);

	if (error == 0)
		error = append_pair(writer, name, read, write, context);
	return error ? error : text_end_line(writer);
}

/* Why the two do not agree: what is still in memory, and what never goes to disk. */
static int write_gap(struct text_writer *writer, const struct interval *interval, struct figure read,
		     struct figure write, const struct row_context *context)
{
	const struct machine_delta *machine = &interval->machine;
	bool levels = (machine->known & MACHINE_MEMINFO) != 0;
	struct figure cancelled = counter_figure(&interval->total, COUNTER_CANCELLED, context);
	const struct {
		const char *label;
		struct figure figure;
		bool per_second;
	} parts[] = {
		{ " | Cancelled: ", cancelled, context->mode != MODE_ACCUMULATED },
		{ " | Dirty: ", level_figure(machine->dirty_bytes, levels), false },
		{ " | Writeback: ", level_figure(machine->writeback_bytes, levels), false },
	};
	int error = text_begin_line(writer, interval);

	if (error == 0)
		error = append_pair(writer, "Gap", read, write, context);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && error == 0; i++)
		error = append_figure(&writer->line, parts[i].label, 0, 0, parts[i].figure, parts[i].per_second,
				      context->units);
	return error ? error : text_end_line(writer);
}

static int write_line(struct text_writer *writer, const struct interval *interval, const char *text)
{
	int error = text_begin_line(writer, interval);

	if (error == 0)
		error = buffer_text(&writer->line, text);
	return error ? error : text_end_line(writer);
}

static int write_lost(struct text_writer *writer, const struct interval *interval)
{
	char text[96];

	if (!interval->exits_known || interval->lost_exits == 0)
		return 0;
	snprintf(text, sizeof(text), "Lost exit records: %" PRIu64 " (what those tasks did last is missing)",
		 interval->lost_exits);
	return write_line(writer, interval, text);
}

/* Told each time: unlike those of write_notes it is of this interval alone. */
static int write_after_gap(struct text_writer *writer, const struct interval *interval)
{
	if (!interval->gap)
		return 0;
	return write_line(writer, interval, "Note: a gap in time: suspended, stopped or kept from running");
}

static int write_unrecorded(struct text_writer *writer, const struct interval *interval)
{
	char text[96];

	if (!interval->unrecorded)
		return 0;
	snprintf(text, sizeof(text), "Note: intervals before or within it that were not recorded: %" PRIu64,
		 interval->unrecorded);
	return write_line(writer, interval, text);
}

static int write_notes(struct text_writer *writer, const struct interval *interval)
{
	unsigned now = (interval->all_tasks ? 0u : NOTE_OWN_ONLY) | (interval->exits_known ? 0u : NOTE_NO_EXITS) |
		       (interval->delayacct == 0 ? NOTE_NO_DELAYS : 0u) | (interval->crowded ? NOTE_CROWDED : 0u);
	const char *separator = "Note: ";
	int error = 0;

	if (now == writer->told)
		return 0;
	writer->told = now;
	if (now == 0)
		return 0;
	error = text_begin_line(writer, interval);
	for (size_t i = 0; i < sizeof(notes) / sizeof(*notes) && error == 0; i++) {
		if (!(now & (1u << i)))
			continue;
		error = buffer_text(&writer->line, separator);
		if (error == 0)
			error = buffer_text(&writer->line, notes[i]);
		separator = "; ";
	}
	return error ? error : text_end_line(writer);
}

int text_write_summary(struct text_writer *writer, const struct interval *interval, const struct row_context *context,
		       const struct counters *filtered)
{
	const struct machine_delta *machine = &interval->machine;
	struct figure read = counter_figure(&interval->total, COUNTER_READ, context);
	struct figure write = counter_figure(&interval->total, COUNTER_WRITE, context);
	struct figure actual_read = actual_figure(machine, machine->actual_read_bytes, context);
	struct figure actual_write = actual_figure(machine, machine->actual_write_bytes, context);
	int error = write_pair(writer, interval, "Total", read, write, context);

	if (error == 0)
		error = write_pair(writer, interval, "Actual", actual_read, actual_write, context);
	if (error == 0)
		error = write_gap(writer, interval, gap_of(actual_read, read), gap_of(actual_write, write), context);
	if (error == 0 && filtered)
		error = write_pair(writer, interval, "Filtered", counter_figure(filtered, COUNTER_READ, context),
				   counter_figure(filtered, COUNTER_WRITE, context), context);
	if (error == 0)
		error = write_lost(writer, interval);
	if (error == 0)
		error = write_after_gap(writer, interval);
	if (error == 0)
		error = write_unrecorded(writer, interval);
	return error ? error : write_notes(writer, interval);
}

static bool is_right(const struct column *column)
{
	return column->kind != COLUMN_TEXT;
}

/* The cell's text into writer->cell. */
static int format_cell(struct text_writer *writer, const struct column *column, const struct row *row,
		       const struct row_context *context)
{
	struct value value = column->get(row, context);
	/* An escape takes at most four bytes for each that it stands for. */
	size_t need = 64 + (value.type == VALUE_TEXT ? 4 * strlen(value.text) : 0);
	int error;

	writer->cell.count = 0;
	if (strcmp(column->key, "command") == 0)
		error = buffer_blanks(&writer->cell, 2 * (size_t)row->depth);
	else
		error = 0;
	if (error == 0)
		error = array_reserve(&writer->cell, writer->cell.count + need);
	if (error == 0)
		writer->cell.count +=
		    column_format(column, value, context, writer->cell.items + writer->cell.count, need);
	return error;
}

void text_widen(size_t *width, size_t cells)
{
	if (*width < cells)
		*width = cells;
}

/* Room for the title, the values of the column's kind, and the names that are there; the last column needs none. */
static int grow_widths(struct text_writer *writer, const struct view *view, const struct table *table)
{
	for (size_t i = 0; i < view->column_count; i++) {
		const struct column *column = view->columns[i];

		text_widen(&writer->widths[i], column->width);
		text_widen(&writer->widths[i], text_width(column_title(column, &table->context, false)));
		if (column->kind != COLUMN_TEXT || i + 1 == view->column_count)
			continue;
		for (size_t row = 0; row < table->count; row++) {
			int error = format_cell(writer, column, &table->rows[row], &table->context);
			size_t cells;

			if (error < 0)
				return error;
			cells = text_width(writer->cell.items);
			text_widen(&writer->widths[i], cells < TEXT_COLUMN_MAX ? cells : TEXT_COLUMN_MAX);
		}
	}
	return 0;
}

static int write_titles(struct text_writer *writer, const struct view *view, const struct row_context *context)
{
	struct buffer *line = &writer->line;
	bool first = true;
	int error = 0;

	line->count = 0;
	if (writer->options.timestamps)
		error = buffer_text(line, "    TIME ");
	for (size_t i = 0; i < view->column_count && error == 0; i++) {
		const struct column *column = view->columns[i];

		if (column->kind == COLUMN_GRAPH)
			continue;
		if (!first)
			error = buffer_put(line, " ", 1);
		first = false;
		if (error == 0)
			error = text_append_padded(line, column_title(column, context, false), writer->widths[i],
						   is_right(column));
	}
	writer->titled = true;
	return error ? error : text_end_line(writer);
}

static int write_row(struct text_writer *writer, const struct interval *interval, const struct view *view,
		     const struct row *row, const struct row_context *context)
{
	bool first = true;
	int error = text_begin_line(writer, interval);

	for (size_t i = 0; i < view->column_count && error == 0; i++) {
		const struct column *column = view->columns[i];

		if (column->kind == COLUMN_GRAPH)
			continue;
		if (!first)
			error = buffer_put(&writer->line, " ", 1);
		first = false;
		if (error == 0)
			error = format_cell(writer, column, row, context);
		if (error == 0)
			error =
			    text_append_padded(&writer->line, writer->cell.items, writer->widths[i], is_right(column));
	}
	return error ? error : text_end_line(writer);
}

static int text_write(struct writer *base, const struct interval *interval, const struct view *view,
		      const struct table *table)
{
	struct text_writer *writer = (struct text_writer *)base;
	unsigned quiet = writer->options.quiet;
	int error = grow_widths(writer, view, table);

	if (error == 0 && quiet < 3)
		error =
		    text_write_summary(writer, interval, &table->context, table->is_filtered ? &table->filtered : NULL);
	if (error == 0 && quiet < 2 && !(quiet == 1 && writer->titled))
		error = write_titles(writer, view, &table->context);
	for (size_t i = 0; i < table->count && error == 0; i++)
		error = write_row(writer, interval, view, &table->rows[i], &table->context);
	return error ? error : stream_flush(writer->options.stream);
}

static int text_finish(struct writer *base)
{
	return stream_flush(((struct text_writer *)base)->options.stream);
}

static void text_close(struct writer *base)
{
	struct text_writer *writer = (struct text_writer *)base;

	free(writer->line.items);
	free(writer->cell.items);
	free(writer);
}

int writer_text_open(const struct writer_options *options, struct writer **writer)
{
	static const struct writer_ops ops = {
		.write = text_write, .write_page = text_write_page, .finish = text_finish, .close = text_close
	};
	struct text_writer *opened = calloc(1, sizeof(*opened));

	if (!opened)
		return -ENOMEM;
	opened->base.ops = &ops;
	opened->options = *options;
	*writer = &opened->base;
	return 0;
}
