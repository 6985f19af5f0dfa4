/* CSV by RFC 4180: a header, then for each interval a row of totals and the rows. */
#include "fields.h"

#include "iotopx/array.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINE_END "\r\n"

struct csv_writer {
	struct writer base;
	struct writer_options options;
	struct fields fields;
	/* Which of the fields are columns: a total that the rows tell as well shares their column. */
	bool shared[FIELD_TOTALS_MAX];
	bool ready; /* the fields are listed and the header is written */
	struct buffer line;
};

/* What can't stand bare: the characters of CSV, blanks at the ends, which some readers drop, and an empty text, which
 * is not the same as an unknown one. */
static bool needs_quotes(const char *text)
{
	size_t length = strlen(text);

	return length == 0 || text[strcspn(text, "\",\r\n")] || text[0] == ' ' || text[length - 1] == ' ';
}

static int put_text(struct buffer *line, const char *text)
{
	int error;

	if (!needs_quotes(text))
		return buffer_text(line, text);
	error = buffer_put(line, "\"", 1);
	for (size_t length; !error && *text; text += length) {
		length = strcspn(text, "\"");
		error = buffer_put(line, text, length);
		if (!error && text[length] == '"') {
			error = buffer_put(line, "\"\"", 2);
			length++;
		}
	}
	return error ? error : buffer_put(line, "\"", 1);
}

static int put_value(struct buffer *line, const struct field_value *value)
{
	switch (value->type) {
	case FIELD_NULL:
		return 0;
	case FIELD_BOOL:
		return buffer_text(line, value->flag ? "true" : "false");
	case FIELD_INTEGER:
		return buffer_format(line, "%" PRIu64, value->integer);
	case FIELD_REAL:
		return buffer_format(line, "%.*g", FIELD_REAL_DIGITS, value->real);
	case FIELD_LIST:
		return *value->text ? put_text(line, value->text) : 0;
	case FIELD_TEXT:
		return put_text(line, value->text);
	}
	return 0;
}

static int put_separator(struct buffer *line)
{
	return line->count ? buffer_put(line, ",", 1) : 0;
}

static bool is_shared(const struct fields *fields, const struct field *total)
{
	for (size_t i = 0; i < fields->row_fields.count; i++)
		if (strcmp(fields->row_fields.items[i].name, total->name) == 0)
			return true;
	return false;
}

static const struct field *total_of(const struct fields *fields, const struct field *field)
{
	for (size_t i = 0; i < fields->total_fields.count; i++)
		if (strcmp(fields->total_fields.items[i].name, field->name) == 0)
			return &fields->total_fields.items[i];
	return field;
}

static int end_line(struct csv_writer *writer)
{
	int error = buffer_text(&writer->line, LINE_END);

	if (!error)
		error = buffer_write(&writer->line, writer->options.stream);
	return error ? error : writer->fields.error;
}

static int put_names(struct csv_writer *writer, const struct field_list *list, bool unshared)
{
	int error = 0;

	for (size_t i = 0; i < list->count && !error; i++) {
		if (unshared && writer->shared[i])
			continue;
		error = put_separator(&writer->line);
		if (!error)
			error = buffer_text(&writer->line, list->items[i].name);
	}
	return error;
}

static int write_header(struct csv_writer *writer)
{
	struct fields *fields = &writer->fields;
	int error;

	for (size_t i = 0; i < fields->total_fields.count && i < FIELD_TOTALS_MAX; i++)
		writer->shared[i] = is_shared(fields, &fields->total_fields.items[i]);
	writer->line.count = 0;
	error = put_names(writer, &fields->sample_fields, false);
	if (!error)
		error = put_names(writer, &fields->total_fields, true);
	if (!error)
		error = put_names(writer, &fields->row_fields, false);
	return error ? error : end_line(writer);
}

static int put_field(struct csv_writer *writer, const struct field *field)
{
	int error = put_separator(&writer->line);
	struct field_value value;

	if (error)
		return error;
	value = fields_get(&writer->fields, field);
	return put_value(&writer->line, &value);
}

/* A row, or with both NULL the totals. */
static int write_row(struct csv_writer *writer, const struct row *row, const struct page_row *page_row)
{
	struct fields *fields = &writer->fields;
	bool totals = !row && !page_row;
	int error = 0;

	fields_set_row(fields, row, page_row);
	writer->line.count = 0;
	for (size_t i = 0; i < fields->sample_fields.count && !error; i++)
		error = put_field(writer, &fields->sample_fields.items[i]);
	for (size_t i = 0; i < fields->total_fields.count && !error; i++) {
		if (writer->shared[i])
			continue;
		error = totals ? put_field(writer, &fields->total_fields.items[i]) : put_separator(&writer->line);
	}
	for (size_t i = 0; i < fields->row_fields.count && !error; i++)
		error = put_field(writer, totals ? total_of(fields, &fields->row_fields.items[i])
						 : &fields->row_fields.items[i]);
	return error ? error : end_line(writer);
}

/* Lists the fields and writes the header, once. */
static int begin(struct csv_writer *writer, const struct view *view, const struct page *page)
{
	int error;

	if (writer->ready)
		return 0;
	error = fields_init(&writer->fields, &writer->options, view, page);
	if (!error)
		error = write_header(writer);
	if (error)
		fields_free(&writer->fields);
	writer->ready = error == 0;
	return error;
}

static int csv_write(struct writer *base, const struct interval *interval, const struct view *view,
		     const struct table *table)
{
	struct csv_writer *writer = (struct csv_writer *)base;
	int error = begin(writer, view, NULL);

	if (error)
		return error;
	fields_set_interval(&writer->fields, interval, &table->context);
	error = write_row(writer, NULL, NULL);
	for (size_t i = 0; i < table->count && !error; i++)
		error = write_row(writer, &table->rows[i], NULL);
	return error ? error : stream_flush(writer->options.stream);
}

static int csv_write_page(struct writer *base, const struct interval *interval, const struct view *view,
			  const struct page *page, const struct page_table *table)
{
	struct csv_writer *writer = (struct csv_writer *)base;
	int error = begin(writer, view, page);

	if (error)
		return error;
	fields_set_interval(&writer->fields, interval, NULL);
	error = write_row(writer, NULL, NULL);
	for (size_t i = 0; i < table->count && !error; i++)
		error = write_row(writer, NULL, &table->rows[i]);
	return error ? error : stream_flush(writer->options.stream);
}

static int csv_finish(struct writer *base)
{
	return stream_flush(((struct csv_writer *)base)->options.stream);
}

static void csv_close(struct writer *base)
{
	struct csv_writer *writer = (struct csv_writer *)base;

	fields_free(&writer->fields);
	free(writer->line.items);
	free(writer);
}

int writer_csv_open(const struct writer_options *options, struct writer **writer)
{
	static const struct writer_ops ops = {
		.write = csv_write, .write_page = csv_write_page, .finish = csv_finish, .close = csv_close
	};
	struct csv_writer *opened = calloc(1, sizeof(*opened));

	if (!opened)
		return -ENOMEM;
	opened->base.ops = &ops;
	opened->options = *options;
	*writer = &opened->base;
	return 0;
}
