/* The lists of fields, and the fields of tasks. */
#include "fields.h"

#include "iotopx/array.h"
#include "iotopx/table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PER_SECOND "_per_second"
#define WALL_STEP_MS 1000 /* less is drift, and the time between the readings of the two clocks */

struct field_value field_null(void)
{
	return (struct field_value){ .type = FIELD_NULL };
}

struct field_value field_integer(uint64_t integer)
{
	return (struct field_value){ .type = FIELD_INTEGER, .integer = integer };
}

struct field_value field_real(double real)
{
	return isfinite(real) ? (struct field_value){ .type = FIELD_REAL, .real = real } : field_null();
}

struct field_value field_bool(bool flag)
{
	return (struct field_value){ .type = FIELD_BOOL, .flag = flag };
}

struct field_value field_text(struct fields *fields, const char *text)
{
	if (!text)
		return field_null();
	fields->text.count = 0;
	if (buffer_sanitized(&fields->text, text) != 0) {
		fields->error = -ENOMEM;
		return field_null();
	}
	return (struct field_value){ .type = FIELD_TEXT, .text = fields->text.items };
}

const struct column *field_counter_column(enum counter counter)
{
	for (size_t i = 0; i < column_count; i++)
		if (columns[i].counter == (int)counter && columns[i].field &&
		    (columns[i].kind == COLUMN_BYTES || columns[i].kind == COLUMN_COUNT))
			return &columns[i];
	return NULL;
}

const char *field_counter_name(enum counter counter)
{
	const struct column *column = field_counter_column(counter);

	if (column)
		return column->field;
	return counter == COUNTER_BLKIO_DELAY ? "blkio_delay_ns" : "swapin_delay_ns";
}

/* Rows that stand for one task or one process. */
static bool is_single(const struct row *row)
{
	return row && (row->key.kind == ROW_TASK || row->key.kind == ROW_PROCESS);
}

static struct field_value get_pid(struct fields *fields, const struct field *field)
{
	const struct row *row = fields->row;
	struct field_value value;

	(void)field;
	if (!is_single(row) || row->info->process.tid <= 0)
		return field_null();
	value = field_integer((uint64_t)row->info->process.tid);
	value.approximate = row->info->approximate_process;
	return value;
}

static struct field_value get_tid(struct fields *fields, const struct field *field)
{
	const struct row *row = fields->row;

	(void)field;
	if (!row || row->key.kind != ROW_TASK || row->key.tid <= 0)
		return field_null();
	return field_integer((uint64_t)row->key.tid);
}

static int64_t wall_offset_at(const struct wall_offsets *offsets, uint64_t start_ns)
{
	size_t at = offsets->count;

	while (at > 1 && offsets->items[at - 1].since_ns > start_ns)
		at--;
	return offsets->items[at - 1].ms;
}

static struct field_value get_start_time(struct fields *fields, const struct field *field)
{
	const struct row *row = fields->row;
	uint64_t start_ns;

	(void)field;
	if (!is_single(row))
		return field_null();
	start_ns = row->key.kind == ROW_TASK ? row->info->id.start_ns : row->info->process.start_ns;
	if (start_ns == 0 || fields->wall_offsets.count == 0)
		return field_null();
	return field_timestamp(fields, wall_offset_at(&fields->wall_offsets, start_ns) + (int64_t)(start_ns / 1000000));
}

/* What a column shows, unformatted. */
static struct field_value get_column(struct fields *fields, const struct field *field)
{
	struct value value;
	struct field_value result;

	if (!fields->row)
		return field_null();
	value = field->column->get(fields->row, fields->context);
	if (value.type == VALUE_UNKNOWN)
		return field_null();
	if (value.type == VALUE_TEXT)
		result = field_text(fields, value.text);
	else if (field->column->kind == COLUMN_ID)
		result = field_integer((uint64_t)value.number);
	else
		result = field_real(value.number);
	result.approximate = value.approximate;
	return result;
}

static struct field_value get_uid(struct fields *fields, const struct field *field)
{
	if (!fields->row || field->column->get(fields->row, fields->context).type == VALUE_UNKNOWN)
		return field_null();
	return field_integer(fields->row->info->uid);
}

/* Always the name: the command line is a field of its own. */
static struct field_value get_command(struct fields *fields, const struct field *field)
{
	const struct row *row = fields->row;

	(void)field;
	if (!row || row->key.kind == ROW_OTHER || (row->key.kind == ROW_GROUP && !row->same_info[SAME_COMMAND]))
		return field_null();
	if (row->key.kind == ROW_TASK || (fields->context->threads && row->key.kind == ROW_EXITED_FOLD))
		return field_text(fields, row->info->comm);
	return field_text(fields, task_info_command(row->info));
}

/* A kernel thread has none, which is an empty one to some lookups. */
static struct field_value get_cmdline(struct fields *fields, const struct field *field)
{
	const struct lookup *lookup = fields->options->lookup;
	const char *line = NULL;

	(void)field;
	if (is_single(fields->row) && lookup->cmdline)
		line = lookup->cmdline(lookup->data, fields->row->info);
	return field_text(fields, line && *line ? line : NULL);
}

/* As ionice has it; null where the threads differ, as for whatever differs. */
static struct field_value get_prio(struct fields *fields, const struct field *field)
{
	struct value value;
	char text[32];

	if (!fields->row)
		return field_null();
	value = field->column->get(fields->row, fields->context);
	if (value.type == VALUE_UNKNOWN || value.number > floor(value.number))
		return field_null();
	column_format(field->column, value, fields->context, text, sizeof(text));
	return field_text(fields, text);
}

/* A group has none, but that all of it exited. */
static struct field_value get_state(struct fields *fields, const struct field *field)
{
	const struct row *row = fields->row;

	if (!row || (row->key.kind == ROW_GROUP && !(row->flags & DELTA_EXITED)))
		return field_null();
	return get_column(fields, field);
}

static struct field_value get_exited(struct fields *fields, const struct field *field)
{
	(void)field;
	return fields->row ? field_bool((fields->row->flags & DELTA_EXITED) != 0) : field_null();
}

static struct field_value get_members(struct fields *fields, const struct field *field)
{
	(void)field;
	return fields->row ? field_integer(fields->row->members) : field_null();
}

/* Raw: what was written is gross, what was cancelled stands beside it. */
static struct field_value get_counter(struct fields *fields, const struct field *field)
{
	const struct counters *counters = fields->row ? &fields->row->sum : &fields->interval->total;
	struct field_value value;

	if (!counters_known(counters, field->counter))
		return field_null();
	if (field->per_second)
		return field_real((double)counters->value[field->counter] / interval_seconds(fields->interval));
	value = field_integer(counters->value[field->counter]);
	value.approximate = (counters->approximate & COUNTER_BIT(field->counter)) != 0;
	return value;
}

static struct field_value get_approximate(struct fields *fields, const struct field *field)
{
	(void)field;
	if (!fields->row && fields->page)
		return field_null();
	return (struct field_value){ .type = FIELD_LIST,
				     .text = fields->approximate.count ? fields->approximate.items : "" };
}

/* A row of a task, in the order of the formats. */
struct definition {
	const char *column; /* key of the column that it is: gives the name */
	const char *name;   /* of one that is no column */
	const char *with;   /* keys of the columns that it comes with when columns are chosen; NULL: it always comes */
	field_getter *get;
};

static const struct definition task_fields[] = {
	{ .column = "pid", .get = get_pid },
	{ .name = "tid", .get = get_tid },
	{ .column = "ppid", .with = "ppid", .get = get_column },
	{ .name = "start_time", .get = get_start_time },
	{ .column = "user", .with = "user", .get = get_column },
	{ .column = "user", .name = "uid", .with = "user", .get = get_uid },
	{ .column = "command", .with = "command", .get = get_command },
	{ .name = "cmdline", .with = "command", .get = get_cmdline },
	{ .column = "unit", .with = "unit", .get = get_column },
	{ .column = "container", .with = "container", .get = get_column },
	{ .column = "cgroup", .with = "cgroup", .get = get_column },
	{ .column = "prio", .with = "prio", .get = get_prio },
	{ .column = "state", .with = "state", .get = get_state },
	{ .name = "exited", .get = get_exited },
	{ .name = "members", .get = get_members },
};

/* Which columns a counter comes with. */
static const char *const counter_with[COUNTER_COUNT] = {
	[COUNTER_READ] = "read",
	[COUNTER_WRITE] = "write",
	[COUNTER_CANCELLED] = "cancel,write",
	[COUNTER_READ_CHAR] = "rchar",
	[COUNTER_WRITE_CHAR] = "wchar",
	[COUNTER_READ_CALLS] = "syscr",
	[COUNTER_WRITE_CALLS] = "syscw",
	[COUNTER_BLKIO_COUNT] = "blkio,blkavg",
	[COUNTER_BLKIO_DELAY] = "blkavg,io",
	[COUNTER_SWAPIN_COUNT] = "swapcnt",
	[COUNTER_SWAPIN_DELAY] = "swapin",
};

struct field *field_append(struct field_list *list, const char *name, const char *suffix, field_getter *get)
{
	struct field *field = array_append(list);

	if (!field)
		return NULL;
	snprintf(field->name, sizeof(field->name), "%s%s", name, suffix);
	field->get = get;
	return field;
}

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

static bool is_wanted(const struct fields *fields, const char *with)
{
	if (!with || !fields->options->chosen_columns)
		return true;
	for (size_t i = 0; i < fields->view->column_count; i++)
		if (has_word(with, fields->view->columns[i]->key))
			return true;
	return false;
}

static int add_task_fields(struct fields *fields)
{
	for (size_t i = 0; i < sizeof(task_fields) / sizeof(*task_fields); i++) {
		const struct definition *definition = &task_fields[i];
		const struct column *column = definition->column ? column_find(definition->column) : NULL;
		struct field *field;

		if (!is_wanted(fields, definition->with))
			continue;
		if (!definition->name && !column)
			return -EINVAL; /* a slip in the table */
		field = field_append(&fields->row_fields, definition->name ? definition->name : column->field, "",
				     definition->get);
		if (!field)
			return -ENOMEM;
		field->column = column;
	}
	return 0;
}

static int add_counters(struct fields *fields, bool per_second)
{
	for (int counter = 0; counter < COUNTER_COUNT; counter++) {
		struct field *field;

		if (!is_wanted(fields, counter_with[counter]))
			continue;
		field = field_append(&fields->row_fields, field_counter_name((enum counter)counter),
				     per_second ? PER_SECOND : "", get_counter);
		if (!field)
			return -ENOMEM;
		field->counter = (enum counter)counter;
		field->per_second = per_second;
	}
	return 0;
}

static bool has_field(const struct field_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return true;
	return false;
}

/* Bytes that are no counter: as they were counted, or by the second, whatever the view shows. */
static struct field_value get_bytes(struct fields *fields, const struct field *field)
{
	struct row_context context;
	struct field_value result;
	struct value value;

	if (!fields->row)
		return field_null();
	context = *fields->context;
	context.mode = field->per_second ? MODE_RATE : MODE_ACCUMULATED;
	value = field->column->get(fields->row, &context);
	if (value.type != VALUE_NUMBER)
		return field_null();
	result = field->per_second ? field_real(value.number) : field_integer((uint64_t)value.number);
	result.approximate = value.approximate && !field->per_second;
	return result;
}

static int add_bytes(struct fields *fields, const struct column *column)
{
	static const char *const suffixes[] = { "", PER_SECOND };

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		struct field *field = field_append(&fields->row_fields, column->field, suffixes[i], get_bytes);

		if (!field)
			return -ENOMEM;
		field->column = column;
		field->per_second = i > 0;
	}
	return 0;
}

/* What is null in every row of this view is left out, unless it was asked for. */
static bool is_of_view(const struct fields *fields, const struct column *column)
{
	return !column->of_cgroups || fields->options->chosen_columns || fields->view->group == GROUP_UNIT ||
	       fields->view->group == GROUP_CONTAINER;
}

/* The ratios, and whatever else a column shows that has no place of its own above. */
static int add_other_columns(struct fields *fields)
{
	for (size_t i = 0; i < column_count; i++) {
		const struct column *column = &columns[i];
		bool is_counter = column->counter >= 0 && column == field_counter_column((enum counter)column->counter);
		struct field *field;

		if (!column->field || is_counter || has_field(&fields->row_fields, column->field) ||
		    !is_wanted(fields, column->key) || !is_of_view(fields, column))
			continue;
		if (column->kind == COLUMN_BYTES) {
			if (add_bytes(fields, column))
				return -ENOMEM;
			continue;
		}
		field = field_append(&fields->row_fields, column->field, "", get_column);
		if (!field)
			return -ENOMEM;
		field->column = column;
	}
	return 0;
}

static int add_all_task_fields(struct fields *fields)
{
	int error = add_task_fields(fields);

	if (!error)
		error = add_counters(fields, false);
	if (!error)
		error = add_counters(fields, true);
	if (!error)
		error = add_other_columns(fields);
	if (!error && !field_append(&fields->row_fields, "approximate", "", get_approximate))
		error = -ENOMEM;
	return error;
}

static int copy_table(struct field_list *list, const struct field *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct field *field = array_append(list);

		if (!field)
			return -ENOMEM;
		*field = table[i];
		if (!*field->name) /* the rate of a counter */
			snprintf(field->name, sizeof(field->name), "%s" PER_SECOND, field_counter_name(field->counter));
	}
	return 0;
}

int fields_init(struct fields *fields, const struct writer_options *options, const struct view *view,
		const struct page *page)
{
	int error;

	*fields = (struct fields){ .options = options, .view = view, .page = page };
	error = copy_table(&fields->sample_fields, field_sample_table, field_sample_count);
	if (!error)
		error = copy_table(&fields->total_fields, field_totals_table, field_totals_count);
	if (!error)
		error = page ? fields_add_page(fields) : add_all_task_fields(fields);
	return error;
}

void fields_free(struct fields *fields)
{
	free(fields->sample_fields.items);
	free(fields->total_fields.items);
	free(fields->row_fields.items);
	free(fields->text.items);
	free(fields->approximate.items);
	free(fields->wall_offsets.items);
	*fields = (struct fields){ 0 };
}

static void see_wall_clock(struct fields *fields, const struct interval *interval)
{
	struct wall_offsets *offsets = &fields->wall_offsets;
	const int64_t ms = interval->end_wall_ms - (int64_t)(interval->end_ns / 1000000);
	struct wall_offset *offset;

	if (offsets->count && llabs(ms - offsets->items[offsets->count - 1].ms) < WALL_STEP_MS)
		return;
	offset = array_append(offsets);
	if (!offset)
		fields->error = -ENOMEM;
	else
		*offset = (struct wall_offset){ interval->begin_ns, ms };
}

void fields_set_interval(struct fields *fields, const struct interval *interval, const struct row_context *context)
{
	fields->interval = interval;
	fields->context = context;
	see_wall_clock(fields, interval);
	fields_set_row(fields, NULL, NULL);
}

void fields_set_row(struct fields *fields, const struct row *row, const struct page_row *page_row)
{
	fields->row = row;
	fields->page_row = page_row;
	fields->approximate.count = 0;
}

/* Without memory the list stays what it was, and ended. 0 or -ENOMEM. */
static int add_approximate(struct fields *fields, const char *name)
{
	struct buffer *list = &fields->approximate;
	size_t length = strlen(name);
	int error = array_reserve(list, list->count + sizeof(" ") + length);

	if (error)
		return error;
	if (list->count)
		list->items[list->count++] = ' ';
	memcpy(list->items + list->count, name, length + 1);
	list->count += length;
	return 0;
}

struct field_value fields_get(struct fields *fields, const struct field *field)
{
	struct field_value value = field->get(fields, field);
	int error = 0;

	if (value.approximate && value.type != FIELD_NULL)
		error = add_approximate(fields, field->name);
	if (error)
		fields->error = error;
	return value;
}
