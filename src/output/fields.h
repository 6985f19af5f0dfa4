/* The fields of the machine formats, once: what JSON names and CSV heads its columns with, and the value of each.
 * Private to this room.
 *
 * What a column of THE table (or of a page) shows goes by the column's `field`; a column added there with a field is
 * in every machine format. fields.c has the fields of tasks, fields_page.c those of the other pages, fields_sample.c
 * those of the interval itself.
 */
#ifndef IOTOPX_OUTPUT_FIELDS_H
#define IOTOPX_OUTPUT_FIELDS_H

#include "buffer.h"

#include "iotopx/writer.h"

enum field_type {
	FIELD_NULL, /* unknown, or not the same for all that the row stands for */
	FIELD_BOOL,
	FIELD_INTEGER,
	FIELD_REAL,
	FIELD_TEXT,
	FIELD_LIST, /* words with a blank between each */
};

#define FIELD_REAL_DIGITS 15 /* significant ones, in every format */
#define FIELD_TOTALS_MAX 24  /* fields of the machine */

struct field_value {
	enum field_type type;
	bool flag;
	bool approximate;
	uint64_t integer;
	double real;      /* finite */
	const char *text; /* valid UTF-8; until the next value is taken */
};

struct fields;
struct field;
typedef struct field_value field_getter(struct fields *fields, const struct field *field);

#define FIELD_NAME_SIZE 48

struct field {
	char name[FIELD_NAME_SIZE];
	field_getter *get;
	const struct column *column; /* NULL: it is of none */
	const struct page_column *page_column;
	enum counter counter; /* of fields that are one */
	bool per_second;
};

struct field_list {
	struct field *items;
	size_t count, capacity;
};

/* From CLOCK_MONOTONIC to CLOCK_REALTIME, for tasks that started at `since_ns` or later. */
struct wall_offset {
	uint64_t since_ns;
	int64_t ms;
};

/* One more with each suspend or step of the clock: the start of a task stays what it was told to be, and is right for
 * those that came later. */
struct wall_offsets {
	struct wall_offset *items;
	size_t count, capacity;
};

/* The lists, and where their values are taken from. A zeroed one is empty. */
struct fields {
	struct field_list sample_fields; /* repeated in every row of CSV */
	struct field_list total_fields;  /* of the machine */
	struct field_list row_fields;
	const struct writer_options *options;
	const struct view *view;
	const struct page *page; /* NULL: tasks */

	const struct interval *interval;
	const struct row_context *context;
	const struct row *row;           /* NULL: the sums of all tasks */
	const struct page_row *page_row; /* NULL: none */

	struct wall_offsets wall_offsets;
	struct buffer text;        /* of the value taken last */
	struct buffer approximate; /* names, of the row under way */
	int error;                 /* -ENOMEM: a value could not be had */
};

/* Makes the lists for a view of tasks (page NULL) or of a page. 0 or -ENOMEM. */
int fields_init(struct fields *fields, const struct writer_options *options, const struct view *view,
		const struct page *page);
void fields_free(struct fields *fields);

/* Values are of this interval, and of no row yet. `context` may be NULL on a page. */
void fields_set_interval(struct fields *fields, const struct interval *interval, const struct row_context *context);
/* ... and of this row; both NULL: the sums of the interval. */
void fields_set_row(struct fields *fields, const struct row *row, const struct page_row *page_row);
struct field_value fields_get(struct fields *fields, const struct field *field);

/* What a counter is called; its column, NULL if none shows it. */
const char *field_counter_name(enum counter counter);
const struct column *field_counter_column(enum counter counter);

/* For the parts of the module. */
extern const struct field field_sample_table[], field_totals_table[];
extern const size_t field_sample_count, field_totals_count;
struct field_value field_null(void);
struct field_value field_bool(bool flag);
struct field_value field_integer(uint64_t integer);
struct field_value field_real(double real);                                 /* null if not finite */
struct field_value field_text(struct fields *fields, const char *text);     /* from outside; NULL: null */
struct field_value field_timestamp(struct fields *fields, int64_t wall_ms); /* RFC 3339, UTC */

/* Appends NAME and SUFFIX; NULL on ENOMEM. */
struct field *field_append(struct field_list *list, const char *name, const char *suffix, field_getter *get);
int fields_add_page(struct fields *fields); /* those of fields->page. 0 or -ENOMEM */

#endif
