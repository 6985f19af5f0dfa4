/* NDJSON: one object an interval. jansson makes every value and every object; only the long array of rows is put
 * together here, row by row, so that a machine with many tasks needs no tree of them all. */
#include "fields.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(FIELD_REAL_DIGITS))

struct json_writer {
	struct writer base;
	struct writer_options options;
	struct fields fields;
	bool ready; /* the fields are listed */
	struct buffer line;
};

static json_t *make_list(const char *words)
{
	json_t *list = json_array();

	while (list && *words) {
		size_t length = strcspn(words, " ");

		if (json_array_append_new(list, json_stringn(words, length)) != 0) {
			json_decref(list);
			return NULL;
		}
		words += length + (words[length] == ' ');
	}
	return list;
}

static json_t *make_value(const struct field_value *value)
{
	switch (value->type) {
	case FIELD_NULL:
		break;
	case FIELD_BOOL:
		return json_boolean(value->flag);
	case FIELD_INTEGER:
		return json_integer(value->integer < LLONG_MAX ? (json_int_t)value->integer : LLONG_MAX);
	case FIELD_REAL:
		return json_real(value->real);
	case FIELD_TEXT:
		return json_string(value->text);
	case FIELD_LIST:
		return make_list(value->text);
	}
	return json_null();
}

/* Sets the fields of the list in `object`. 0 or -ENOMEM. */
static int set_fields(struct fields *fields, const struct field_list *list, json_t *object)
{
	for (size_t i = 0; i < list->count; i++) {
		struct field_value value = fields_get(fields, &list->items[i]);

		/* Sanitised text is valid: what fails here is memory. */
		if (json_object_set_new_nocheck(object, list->items[i].name, make_value(&value)) != 0)
			return -ENOMEM;
	}
	return fields->error;
}

/* jansson goes on when a key could not be taken: the first failure is kept here. */
struct dumping {
	struct buffer *line;
	int error;
};

static int append_dump(const char *bytes, size_t length, void *data)
{
	struct dumping *dumping = data;

	if (!dumping->error)
		dumping->error = buffer_put(dumping->line, bytes, length);
	return dumping->error;
}

static int dump(struct json_writer *writer, const json_t *object)
{
	struct dumping dumping = { .line = &writer->line };
	int result = json_dump_callback(object, append_dump, &dumping, DUMP_FLAGS);

	return result == 0 && !dumping.error ? 0 : -ENOMEM;
}

/* The whole object with an empty array of rows at its end. */
static int put_head(struct json_writer *writer)
{
	struct fields *fields = &writer->fields;
	json_t *object = json_object(), *totals = json_object();
	int error = object && totals ? set_fields(fields, &fields->sample_fields, object) : -ENOMEM;

	if (!error)
		error = set_fields(fields, &fields->total_fields, totals);
	if (!error && (json_object_set(object, "totals", totals) != 0 ||
		       json_object_set_new(object, fields->page ? fields->page->array : "tasks", json_array()) != 0))
		error = -ENOMEM;
	if (!error)
		error = dump(writer, object);
	json_decref(totals);
	json_decref(object);
	return error;
}

static int put_row(struct json_writer *writer, const struct row *row, const struct page_row *page_row, bool first)
{
	struct fields *fields = &writer->fields;
	json_t *object = json_object();
	int error = object ? 0 : -ENOMEM;

	fields_set_row(fields, row, page_row);
	if (!error)
		error = set_fields(fields, &fields->row_fields, object);
	if (!error && !first)
		error = buffer_put(&writer->line, ",", 1);
	if (!error)
		error = dump(writer, object);
	json_decref(object);
	return error;
}

static int write_interval(struct json_writer *writer, const struct interval *interval, const struct view *view,
			  const struct page *page, const struct table *table, const struct page_table *page_table)
{
	struct buffer *line = &writer->line;
	size_t count = table ? table->count : page_table ? page_table->count : 0;
	int error = 0;

	if (!writer->ready)
		error = fields_init(&writer->fields, &writer->options, view, page);
	writer->ready = error == 0;
	if (error) {
		fields_free(&writer->fields);
		return error;
	}
	fields_set_interval(&writer->fields, interval, table ? &table->context : NULL);
	line->count = 0;
	error = put_head(writer);
	if (!error)
		line->count -= strlen("]}");
	for (size_t i = 0; i < count && !error; i++)
		error = put_row(writer, table ? &table->rows[i] : NULL, page_table ? &page_table->rows[i] : NULL, i == 0);
	if (!error)
		error = buffer_text(line, "]}\n");
	if (!error)
		error = buffer_write(line, writer->options.stream);
	return error ? error : stream_flush(writer->options.stream);
}

static int json_write(struct writer *base, const struct interval *interval, const struct view *view,
		      const struct table *table)
{
	return write_interval((struct json_writer *)base, interval, view, NULL, table, NULL);
}

static int json_write_page(struct writer *base, const struct interval *interval, const struct view *view,
			   const struct page *page, const struct page_table *table)
{
	return write_interval((struct json_writer *)base, interval, view, page, NULL, table);
}

static int json_finish(struct writer *base)
{
	return stream_flush(((struct json_writer *)base)->options.stream);
}

static void json_close(struct writer *base)
{
	struct json_writer *writer = (struct json_writer *)base;

	fields_free(&writer->fields);
	free(writer->line.items);
	free(writer);
}

int writer_json_open(const struct writer_options *options, struct writer **writer)
{
	static const struct writer_ops ops = {
		.write = json_write, .write_page = json_write_page, .finish = json_finish, .close = json_close
	};
	struct json_writer *opened = calloc(1, sizeof(*opened));

	if (!opened)
		return -ENOMEM;
	opened->base.ops = &ops;
	opened->options = *options;
	*writer = &opened->base;
	return 0;
}
