/* Counters for Prometheus: what commands and users, or units, did since the start, as a document an interval.
 *
 * A process that exits leaves what it did in its group's counters, so they never fall. The number of groups is bounded:
 * who comes when no place is free is booked to `other`, and stays there until it finds one; who has a place keeps it.
 *
 * HELP and TYPE name a counter as its samples do, with `_total`: the textfile collector of node_exporter and promtool
 * read the older text format, and would lose both under OpenMetrics' own name of the family. UNIT, which they take
 * for a comment, has that name, because its rule is that the unit ends it.
 */
#include "fields.h"

#include "iotopx/array.h"
#include "iotopx/hash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OTHER "other"
#define NS_PER_S UINT64_C(1000000000)
#define SUFFIX_NS "_ns"

/* The counters of one group. */
struct series {
	char *labels; /* owned: in braces, as they are written */
	uint64_t hash;
	struct counters sum; /* known: it was, once */
	double traffic;      /* of a newcomer: who did more comes first */
};

struct series_list {
	struct series *items;
	size_t count, capacity;
};

/* What the machine did, without labels. */
enum machine_family { ACTUAL_READ, ACTUAL_WRITE, IO_SOME, IO_FULL, LOST_EXITS, MACHINE_FAMILIES };

static const struct {
	const char *name, *help;
	bool is_ns;
} machine_families[MACHINE_FAMILIES] = {
	[ACTUAL_READ] = { "actual_read_bytes", "Bytes that the block devices read." },
	[ACTUAL_WRITE] = { "actual_write_bytes", "Bytes that the block devices wrote." },
	[IO_SOME] = { "io_some_seconds", "Time in which some tasks were held up by I/O.", true },
	[IO_FULL] = { "io_full_seconds", "Time in which all tasks were held up by I/O.", true },
	[LOST_EXITS] = { "lost_exits", "Exit records that were lost: what those tasks did last is missing." },
};

struct openmetrics_writer {
	struct writer base;
	struct writer_options options;
	struct series_list series;
	struct series_list newcomers; /* of the interval under way */
	struct series other;
	uint64_t machine[MACHINE_FAMILIES];
	bool machine_known[MACHINE_FAMILIES];
	struct table table;
	struct buffer labels; /* of the row under way */
	struct buffer document;
};

/* Which label values a group has; of kernel threads that are a crowd, the name of the crowd. */
static const char *label_command(const struct row *row, const struct lookup *lookup)
{
	const char *command = task_info_command(row->info);

	(void)lookup;
	if (row->key.kind == ROW_OTHER)
		return NULL;
	return strncmp(command, "kworker/", strlen("kworker/")) == 0 ? "kworker" : command;
}

static const char *label_user(const struct row *row, const struct lookup *lookup)
{
	return row->info->uid == UINT32_MAX ? "?" : lookup->user(lookup->data, row->info->uid);
}

static const char *label_unit(const struct row *row, const struct lookup *lookup)
{
	(void)lookup;
	return row->info->unit ? row->info->unit : "?";
}

static const char *label_container(const struct row *row, const struct lookup *lookup)
{
	(void)lookup;
	return row->info->container ? row->info->container : "";
}

struct label {
	const char *name;
	const char *(*get)(const struct row *row, const struct lookup *lookup); /* NULL: it is booked to `other` */
};

#define LABELS_MAX 2
static const struct label group_labels[GROUP_COUNT][LABELS_MAX] = {
	[GROUP_NONE] = { { "groupname", label_command }, { "user", label_user } },
	[GROUP_COMMAND] = { { "groupname", label_command }, { "user", label_user } },
	[GROUP_USER] = { { "user", label_user } },
	[GROUP_UNIT] = { { "unit", label_unit } },
	[GROUP_CONTAINER] = { { "container", label_container } },
};

/* A label's value: valid UTF-8 without controls, and what ends a value escaped. */
static int put_label_value(struct buffer *to, const char *text)
{
	size_t begin = to->count, added = 0;
	int error = buffer_sanitized(to, text);

	if (error)
		return error;
	for (size_t i = begin; i < to->count; i++)
		added += to->items[i] == '"' || to->items[i] == '\\';
	error = array_reserve(to, to->count + added + 1);
	if (error)
		return error;
	to->count += added;
	for (size_t from = to->count - added, at = to->count; at > from;) {
		char c = to->items[--from];

		to->items[--at] = c;
		if (c == '"' || c == '\\')
			to->items[--at] = '\\';
	}
	return 0;
}

/* {NAME="value",...}; `row` NULL: of `other`, whose further labels are empty. Ends with a NUL. */
static int put_labels(struct openmetrics_writer *writer, enum view_group group, const struct row *row)
{
	struct buffer *to = &writer->labels;
	int error = 0;

	to->count = 0;
	for (size_t i = 0; i < LABELS_MAX && group_labels[group][i].name && !error; i++) {
		const struct label *label = &group_labels[group][i];
		const char *value = row ? label->get(row, writer->options.lookup) : i == 0 ? OTHER : "";

		error = buffer_text(to, i == 0 ? "{" : "\",");
		if (!error)
			error = buffer_text(to, label->name);
		if (!error)
			error = buffer_text(to, "=\"");
		if (!error)
			error = put_label_value(to, value);
	}
	return error ? error : buffer_put(to, "\"}", sizeof("\"}"));
}

static bool is_for_other(const struct row *row, enum view_group group)
{
	return group_labels[group][0].get == label_command && !label_command(row, NULL);
}

static struct series *find_series(const struct series_list *list, const char *labels, uint64_t hash)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].hash == hash && strcmp(list->items[i].labels, labels) == 0)
			return &list->items[i];
	return NULL;
}

static int series_init(struct series *series, const char *labels)
{
	series->labels = strdup(labels);
	if (!series->labels)
		return -ENOMEM;
	series->hash = hash_text(HASH_START, labels);
	return 0;
}

/* What is unknown adds nothing. A series knows a counter from the first part on that did. */
static void series_add(struct series *series, const struct counters *part)
{
	for (int counter = 0; counter < COUNTER_COUNT; counter++)
		if (counters_known(part, (enum counter)counter))
			series->sum.value[counter] += part->value[counter];
	series->sum.known |= part->known;
}

static double traffic_of(const struct counters *counters)
{
	return (double)counters->value[COUNTER_READ] + (double)counters->value[COUNTER_WRITE];
}

/* The series that a row is booked to. NULL on ENOMEM. */
static struct series *series_of(struct openmetrics_writer *writer, enum view_group group, const struct row *row)
{
	struct series *series;
	uint64_t hash;

	if (is_for_other(row, group))
		return &writer->other;
	if (put_labels(writer, group, row) != 0)
		return NULL;
	hash = hash_text(HASH_START, writer->labels.items);
	if (hash == writer->other.hash && strcmp(writer->labels.items, writer->other.labels) == 0)
		return &writer->other; /* somebody has that very name */
	series = find_series(&writer->series, writer->labels.items, hash);
	if (!series)
		series = find_series(&writer->newcomers, writer->labels.items, hash);
	if (series)
		return series;
	series = array_append(&writer->newcomers);
	if (series && series_init(series, writer->labels.items) != 0) {
		writer->newcomers.count--;
		series = NULL;
	}
	return series;
}

static int by_traffic(const void *one, const void *other)
{
	const struct series *a = one, *b = other;

	if (a->traffic != b->traffic)
		return a->traffic > b->traffic ? -1 : 1;
	return strcmp(a->labels, b->labels);
}

/* The last quarter of the places is for who did I/O on a disk, however many others come before. */
static bool has_place(const struct openmetrics_writer *writer, const struct series *newcomer)
{
	size_t max = writer->options.max_series ? writer->options.max_series : OPENMETRICS_SERIES_DEFAULT;

	return writer->series.count < (newcomer->traffic > 0 ? max : max - max / 4);
}

static int place_newcomers(struct openmetrics_writer *writer)
{
	struct series_list *newcomers = &writer->newcomers;
	int error = array_reserve(&writer->series, writer->series.count + newcomers->count);

	if (error)
		return error;
	for (size_t i = 0; i < newcomers->count; i++)
		newcomers->items[i].traffic = traffic_of(&newcomers->items[i].sum);
	if (newcomers->count)
		qsort(newcomers->items, newcomers->count, sizeof(*newcomers->items), by_traffic);
	for (size_t i = 0; i < newcomers->count; i++) {
		struct series *newcomer = &newcomers->items[i];

		if (has_place(writer, newcomer)) {
			writer->series.items[writer->series.count++] = *newcomer;
			continue;
		}
		series_add(&writer->other, &newcomer->sum);
		free(newcomer->labels);
	}
	newcomers->count = 0;
	return 0;
}

static void count_machine(struct openmetrics_writer *writer, enum machine_family family, bool known, uint64_t value)
{
	if (!known)
		return;
	writer->machine[family] += value;
	writer->machine_known[family] = true;
}

static uint64_t time_of(const struct machine_delta *machine, double ratio)
{
	return (uint64_t)(ratio * (double)machine->elapsed_ns + 0.5);
}

static void count_machines(struct openmetrics_writer *writer, const struct interval *interval)
{
	const struct machine_delta *machine = &interval->machine;
	bool disks = machine->known & MACHINE_VMSTAT, pressure = machine->known & MACHINE_PRESSURE;

	count_machine(writer, ACTUAL_READ, disks, machine->actual_read_bytes);
	count_machine(writer, ACTUAL_WRITE, disks, machine->actual_write_bytes);
	count_machine(writer, IO_SOME, pressure, time_of(machine, machine->io_some_ratio));
	count_machine(writer, IO_FULL, pressure, time_of(machine, machine->io_full_ratio));
	count_machine(writer, LOST_EXITS, interval->exits_known, interval->lost_exits);
}

static bool open_all(void *data, const struct row_key *key)
{
	(void)data, (void)key;
	return true;
}

/* Processes, each under the group that its parts were in: what did nothing has nothing to add. */
static int build_rows(struct openmetrics_writer *writer, const struct interval *interval, const struct view *view)
{
	const struct expansion expansion = { .open = open_all };
	struct view own = *view;

	own.group = view->group == GROUP_NONE ? GROUP_COMMAND : view->group;
	own.mode = MODE_RATE;
	own.only_active = true;
	own.threads = own.tree = own.hide_exited = own.fold_exited = false;
	return table_build(&writer->table, interval, &own, writer->options.lookup, TEXT_UTF8, &expansion);
}

static int openmetrics_observe(struct writer *base, const struct interval *interval, const struct view *view)
{
	struct openmetrics_writer *writer = (struct openmetrics_writer *)base;
	int error = 0;

	if (!writer->other.labels) {
		error = put_labels(writer, view->group, NULL);
		if (!error)
			error = series_init(&writer->other, writer->labels.items);
	}
	if (!error)
		error = build_rows(writer, interval, view);
	for (size_t i = 0; i < writer->table.count && !error; i++) {
		const struct row *row = &writer->table.rows[i];
		struct series *series = NULL;

		if (row->key.kind == ROW_GROUP)
			continue;
		series = series_of(writer, view->group, row);
		if (series)
			series_add(series, &row->sum);
		else
			error = -ENOMEM;
	}
	if (!error)
		error = place_newcomers(writer);
	if (error)
		return error;
	count_machines(writer, interval);
	return 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), ending = strlen(end);

	return length >= ending && strcmp(text + length - ending, end) == 0;
}

static int put_head(struct buffer *to, const char *name, const char *help)
{
	const char *unit = ends_with(name, "_bytes") ? "bytes" : ends_with(name, "_seconds") ? "seconds" : NULL;
	int error = buffer_format(to, "# HELP iotopx_%s_total ", name);

	if (!error)
		error = buffer_text(to, help);
	if (!error)
		error = buffer_format(to, "\n# TYPE iotopx_%s_total counter\n", name);
	if (!error && unit)
		error = buffer_format(to, "# UNIT iotopx_%s %s\n", name, unit);
	return error;
}

/* In base units: times in seconds, exact to the nanosecond. */
static int put_sample(struct buffer *to, const char *name, const char *labels, uint64_t value, bool is_ns)
{
	int error = buffer_format(to, "iotopx_%s_total", name);

	if (!error)
		error = buffer_text(to, labels);
	if (!error && is_ns)
		error = buffer_format(to, " %" PRIu64 ".%09" PRIu64 "\n", value / NS_PER_S, value % NS_PER_S);
	else if (!error)
		error = buffer_format(to, " %" PRIu64 "\n", value);
	return error;
}

static int put_series(struct buffer *to, const struct series *series, enum counter counter, const char *name,
		      bool is_ns)
{
	if (!counters_known(&series->sum, counter))
		return 0;
	return put_sample(to, name, series->labels, series->sum.value[counter], is_ns);
}

/* What the counter's column says, or has not to say: it shows writes net of what was cancelled, and no delays. */
static const char *help_of(enum counter counter)
{
	const struct column *column = field_counter_column(counter);

	if (counter == COUNTER_WRITE)
		return "Bytes that it dirtied or wrote for storage, cancelled ones included; writeback comes later.";
	if (column)
		return column->help;
	return counter == COUNTER_BLKIO_DELAY ? "Time that it waited for block I/O." : "Time that it waited for swap.";
}

static int put_counter(struct openmetrics_writer *writer, enum counter counter)
{
	const char *field = field_counter_name(counter);
	uint32_t known = writer->other.sum.known;
	char name[FIELD_NAME_SIZE];
	bool is_ns = ends_with(field, SUFFIX_NS);
	int error;

	for (size_t i = 0; i < writer->series.count; i++)
		known |= writer->series.items[i].sum.known;
	if (!(known & COUNTER_BIT(counter)))
		return 0;
	snprintf(name, sizeof(name), "%.*s%s", (int)(strlen(field) - (is_ns ? strlen(SUFFIX_NS) : 0)), field,
		 is_ns ? "_seconds" : "");
	error = put_head(&writer->document, name, help_of(counter));
	for (size_t i = 0; i < writer->series.count && !error; i++)
		error = put_series(&writer->document, &writer->series.items[i], counter, name, is_ns);
	return error ? error : put_series(&writer->document, &writer->other, counter, name, is_ns);
}

static int put_machine(struct openmetrics_writer *writer, enum machine_family family)
{
	const char *name = machine_families[family].name;
	int error;

	if (!writer->machine_known[family])
		return 0;
	error = put_head(&writer->document, name, machine_families[family].help);
	return error ? error
		     : put_sample(&writer->document, name, "", writer->machine[family], machine_families[family].is_ns);
}

static int openmetrics_write(struct writer *base, const struct interval *interval, const struct view *view,
			     const struct table *table)
{
	struct openmetrics_writer *writer = (struct openmetrics_writer *)base;
	int error = 0;

	(void)interval, (void)view, (void)table;
	writer->document.count = 0;
	for (int counter = 0; counter < COUNTER_COUNT && !error; counter++)
		error = put_counter(writer, (enum counter)counter);
	for (int family = 0; family < MACHINE_FAMILIES && !error; family++)
		error = put_machine(writer, (enum machine_family)family);
	if (!error)
		error = buffer_text(&writer->document, "# EOF\n");
	if (!error)
		error = buffer_write(&writer->document, writer->options.stream);
	return error ? error : stream_flush(writer->options.stream);
}

static int openmetrics_finish(struct writer *base)
{
	return stream_flush(((struct openmetrics_writer *)base)->options.stream);
}

static void free_series(struct series_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].labels);
	free(list->items);
}

static void openmetrics_close(struct writer *base)
{
	struct openmetrics_writer *writer = (struct openmetrics_writer *)base;

	free_series(&writer->series);
	free_series(&writer->newcomers);
	free(writer->other.labels);
	table_free(&writer->table);
	free(writer->labels.items);
	free(writer->document.items);
	free(writer);
}

int writer_openmetrics_open(const struct writer_options *options, struct writer **writer)
{
	static const struct writer_ops ops = { .observe = openmetrics_observe,
					       .write = openmetrics_write,
					       .finish = openmetrics_finish,
					       .close = openmetrics_close };
	struct openmetrics_writer *opened = calloc(1, sizeof(*opened));

	if (!opened)
		return -ENOMEM;
	opened->base.ops = &ops;
	opened->options = *options;
	*writer = &opened->base;
	return 0;
}
