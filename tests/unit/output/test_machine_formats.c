/* NDJSON and CSV of the fixed sequence of intervals, against tests/golden/{json,csv}, and what holds for every
 * interval: each line parses whatever tasks are called, both formats tell the same, sums of rows are the totals. */
#include "golden.h"
#include "intervals.h"
#include "printing.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define COLUMNS_MAX 128

static const struct printing printings[] = {
	{ .name = "json/processes.json", .open = writer_json_open },
	{ .name = "json/threads.json", .open = writer_json_open, .threads = true },
	{ .name = "json/group_command.json", .open = writer_json_open, .group = GROUP_COMMAND },
	{ .name = "json/group_user.json", .open = writer_json_open, .group = GROUP_USER },
	{ .name = "json/group_unit.json", .open = writer_json_open, .group = GROUP_UNIT },
	{ .name = "json/group_container.json", .open = writer_json_open, .group = GROUP_CONTAINER },
	{ .name = "json/filter.json", .open = writer_json_open, .filter = "user:www-data dd" },
	{ .name = "json/columns.json", .open = writer_json_open, .columns = "write,blkavg,command" },
	{ .name = "json/devices.json", .open = writer_json_open, .page = VIEW_DEVICES },
	{ .name = "json/nfs.json", .open = writer_json_open, .page = VIEW_NFS },
	{ .name = "csv/processes.csv", .open = writer_csv_open },
	{ .name = "csv/threads.csv", .open = writer_csv_open, .threads = true },
	{ .name = "csv/group_unit.csv", .open = writer_csv_open, .group = GROUP_UNIT },
	{ .name = "csv/columns.csv", .open = writer_csv_open, .columns = "user,read,write" },
	{ .name = "csv/devices.csv", .open = writer_csv_open, .page = VIEW_DEVICES },
	{ .name = "csv/nfs.csv", .open = writer_csv_open, .page = VIEW_NFS },
	{ .name = "text/devices.txt", .open = writer_text_open, .page = VIEW_DEVICES },
	{ .name = "text/nfs.txt", .open = writer_text_open, .page = VIEW_NFS },
	{ .name = "text/devices-chosen.txt",
	  .open = writer_text_open,
	  .page = VIEW_DEVICES,
	  .page_columns = { "util", "device", "rmerge" } },
};

static void golden(void **state)
{
	const struct printing *printing = *state;
	char *printed = print_sequence(printing);

	golden_check(printing->name, printed);
	free(printed);
}

/* The objects of NDJSON, one a line. */
static size_t parse_lines(char *text, json_t **objects, size_t max)
{
	size_t count = 0;

	for (char *line = text, *end; *line; line = end + 1) {
		json_error_t error;

		end = strchr(line, '\n');
		assert_non_null(end);
		assert_true(count < max);
		objects[count] = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, &error);
		if (!objects[count])
			fail_msg("%s at %d of a line: %.60s", error.text, error.position,
				 line + (error.position > 30 ? error.position - 30 : 0));
		count++;
	}
	return count;
}

/* One record of RFC 4180, in place: fields end with NUL; quoted[] says which were in quotes. Returns what follows. */
static char *parse_record(char *at, char **fields, bool *quoted, size_t *count)
{
	for (*count = 0;; at++) {
		char *to = at;

		assert_true(*count < COLUMNS_MAX);
		fields[*count] = to;
		quoted[*count] = *at == '"';
		if (*at == '"') {
			for (at++; *at != '"' || at[1] == '"'; at++) {
				assert_true(*at);
				at += *at == '"';
				*to++ = *at;
			}
			at++;
		} else {
			at += strcspn(at, ",\r\n\"");
			to = at;
		}
		++*count;
		bool end = *at == '\r';

		if (end)
			assert_int_equal(at[1], '\n');
		else
			assert_int_equal(*at, ',');
		*to = '\0';
		if (end)
			return at + 2;
	}
}

/* A value of JSON and a cell of CSV say the same. */
static void assert_same(const char *name, const json_t *value, const char *cell, bool quoted)
{
	char number[64];

	switch (json_typeof(value)) {
	case JSON_NULL:
		assert_true(*cell == '\0' && !quoted);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		assert_string_equal(cell, json_is_true(value) ? "true" : "false");
		break;
	case JSON_STRING:
		if (strcmp(cell, json_string_value(value)) != 0)
			fail_msg("%s: '%.80s' in CSV, '%.80s' in JSON", name, cell, json_string_value(value));
		assert_true(*cell || quoted);
		break;
	case JSON_INTEGER:
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		assert_string_equal(cell, number);
		break;
	case JSON_REAL:
		if (strtod(cell, NULL) != json_real_value(value))
			fail_msg("%s: %s in CSV, %.17g in JSON", name, cell, json_real_value(value));
		break;
	case JSON_ARRAY:
		for (size_t i = 0; i < json_array_size(value); i++) {
			const char *word = json_string_value(json_array_get(value, i));

			assert_memory_equal(cell, word, strlen(word));
			cell += strlen(word);
			if (i + 1 < json_array_size(value))
				assert_int_equal(*cell++, ' ');
		}
		assert_int_equal(*cell, '\0');
		break;
	case JSON_OBJECT:
		fail_msg("%s is an object", name);
	}
}

struct csv_reader {
	char *at;
	char *names[COLUMNS_MAX];
	char *cells[COLUMNS_MAX];
	bool quoted[COLUMNS_MAX];
	size_t columns;
};

static void next_record(struct csv_reader *reader)
{
	size_t count;

	assert_true(*reader->at);
	reader->at = parse_record(reader->at, reader->cells, reader->quoted, &count);
	assert_int_equal(count, reader->columns);
}

/* Those of the members of `object` that are cells. Returns how many. */
static size_t compare_members(const struct csv_reader *reader, const json_t *object)
{
	size_t compared = 0;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		size_t column = 0;

		if (json_is_object(value) || (json_is_array(value) && strcmp(name, "approximate") != 0))
			continue;
		while (column < reader->columns && strcmp(reader->names[column], name) != 0)
			column++;
		if (column == reader->columns)
			fail_msg("CSV lacks %s", name);
		assert_same(name, value, reader->cells[column], reader->quoted[column]);
		compared++;
	}
	return compared;
}

static void compare_formats(json_t *const *objects, size_t count, char *csv, const char *array)
{
	struct csv_reader reader = { .at = csv };

	reader.at = parse_record(reader.at, reader.names, reader.quoted, &reader.columns);
	for (size_t i = 0; i < count; i++) {
		const json_t *rows = json_object_get(objects[i], array);

		assert_true(json_is_array(rows));
		next_record(&reader);
		assert_int_equal(compare_members(&reader, objects[i]), 10);
		assert_int_equal(compare_members(&reader, json_object_get(objects[i], "totals")), 18);
		for (size_t row = 0; row < json_array_size(rows); row++) {
			next_record(&reader);
			compare_members(&reader, objects[i]);
			compare_members(&reader, json_array_get(rows, row));
		}
	}
	assert_int_equal(*reader.at, '\0');
}

static void compare_sequence(struct printing printing, const char *array)
{
	json_t *objects[INTERVALS];
	char *json, *csv;

	printing.open = writer_json_open;
	json = print_sequence(&printing);
	printing.open = writer_csv_open;
	csv = print_sequence(&printing);
	assert_int_equal(parse_lines(json, objects, INTERVALS), INTERVALS);
	compare_formats(objects, INTERVALS, csv, array);
	for (size_t i = 0; i < INTERVALS; i++)
		json_decref(objects[i]);
	free(json);
	free(csv);
}

static void both_formats_tell_the_same(void **state)
{
	(void)state;
	compare_sequence((struct printing){ 0 }, "tasks");
	compare_sequence((struct printing){ .threads = true }, "tasks");
	compare_sequence((struct printing){ .group = GROUP_UNIT }, "tasks");
	compare_sequence((struct printing){ .columns = "read,state" }, "tasks");
	compare_sequence((struct printing){ .page = VIEW_DEVICES }, "devices");
	compare_sequence((struct printing){ .page = VIEW_NFS }, "mounts");
}

static double sum_of(const json_t *object, const char *field)
{
	const json_t *tasks = json_object_get(object, "tasks");
	double sum = 0;

	for (size_t i = 0; i < json_array_size(tasks); i++)
		sum += json_number_value(json_object_get(json_array_get(tasks, i), field));
	return sum;
}

static void assert_near(double one, double other)
{
	double difference = one - other;

	assert_true(difference < 1e-6 && difference > -1e-6);
}

/* However the tasks are put together. */
static void sums_of_tasks_are_the_totals(void **state)
{
	const struct printing ways[] = { { .threads = false },
					 { .threads = true },
					 { .group = GROUP_COMMAND },
					 { .group = GROUP_USER },
					 { .group = GROUP_UNIT } };

	(void)state;
	for (size_t way = 0; way < sizeof(ways) / sizeof(*ways); way++) {
		struct printing printing = ways[way];
		json_t *objects[INTERVALS];
		char *json;

		printing.open = writer_json_open;
		json = print_sequence(&printing);
		parse_lines(json, objects, INTERVALS);
		for (size_t i = 0; i < INTERVALS; i++) {
			const json_t *totals = json_object_get(objects[i], "totals");
			double seconds = json_number_value(json_object_get(objects[i], "interval_seconds"));

			assert_near(sum_of(objects[i], "read_bytes_per_second"),
				    json_number_value(json_object_get(totals, "read_bytes_per_second")));
			assert_near(sum_of(objects[i], "write_bytes_per_second"),
				    json_number_value(json_object_get(totals, "write_bytes_per_second")));
			assert_near(sum_of(objects[i], "write_bytes") / seconds,
				    json_number_value(json_object_get(totals, "write_bytes_per_second")));
			json_decref(objects[i]);
		}
		free(json);
	}
}

#define LONG_LINE (128 * 1024)

/* Every byte but NUL, in names and in one long command line; sequences of UTF-8 cut anywhere. */
static struct interval *make_hostile(char *line)
{
	struct interval *interval = make_empty(0);
	static char names[17][TASK_COMM_SIZE]; /* the interval borrows them */
	unsigned random = 1;

	for (size_t i = 0; i < LONG_LINE; i++) {
		random = random * 1103515245 + 12345;
		line[i] = (char)(random >> 16);
		if (!line[i])
			line[i] = '"';
	}
	for (unsigned first = 1; first < 256; first += 15) {
		char *name = names[first / 15];

		for (unsigned i = 0; i < 15; i++)
			name[i] = (char)(first + i < 256 ? first + i : 'x');
		add_actor(interval, &(struct actor){ .tid = (pid_t)first + 10,
						     .pid = (pid_t)first + 10,
						     .comm = name,
						     .cmdline = first == 1 ? line : NULL,
						     .unit = name,
						     .container = name,
						     .cgroup = name });
	}
	for (unsigned i = 0; i < 200; i++) {
		char name[TASK_COMM_SIZE] = { 0 };

		for (size_t at = 0; at < 15; at++)
			name[at] = line[i * 15 + at];
		add_actor(interval, &(struct actor){ .tid = 1000 + (pid_t)i, .pid = 1000 + (pid_t)i, .comm = name });
	}
	sum_up(interval);
	return interval;
}

static void hostile_names_do_no_harm(void **state)
{
	struct printing printing = { .open = writer_json_open };
	char *line = calloc(1, LONG_LINE + 1), *json, *csv;
	struct interval *interval;
	json_t *object;
	size_t length;

	(void)state;
	assert_non_null(line);
	interval = make_hostile(line);
	json = print_intervals(&printing, &interval, 1, &length);
	assert_int_equal(strlen(json), length);
	for (size_t i = 0; i + 1 < length; i++)
		assert_true((unsigned char)json[i] >= ' ' && json[i] != 0x7f);
	assert_int_equal(parse_lines(json, &object, 1), 1);
	assert_int_equal(json_array_size(json_object_get(object, "tasks")), 217);
	printing.open = writer_csv_open;
	csv = print_intervals(&printing, &interval, 1, &length);
	assert_int_equal(strlen(csv), length);
	compare_formats(&object, 1, csv, "tasks");
	json_decref(object);
	interval_unref(interval);
	free(json);
	free(csv);
	free(line);
}

/* Seen as they are, where that is possible. */
static void invalid_bytes_are_visible(void **state)
{
	const struct printing printing = { .open = writer_json_open };
	struct interval *interval = make_empty(0);
	json_t *object;
	char *json;

	(void)state;
	add_actor(interval, &(struct actor){ .tid = 7, .pid = 7, .comm = "a\"\\\xff\x1b\xc3\xa4\xe2\x80\xae" });
	json = print_intervals(&printing, &interval, 1, NULL);
	assert_non_null(strstr(json, "\"command\":\"a\\\"\\\\\\\\xff\\\\x1b\xc3\xa4\\\\u202e\""));
	parse_lines(json, &object, 1);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(json_object_get(object, "tasks"), 0), "command")),
	    "a\"\\\\xff\\x1b\xc3\xa4\\u202e");
	json_decref(object);
	interval_unref(interval);
	free(json);
}

/* A task keeps its start, though the clocks drift apart. */
static void starts_stay(void **state)
{
	const struct printing printing = { .open = writer_json_open };
	const struct actor actor = { .tid = 7, .pid = 7, .comm = "x" };
	struct interval *intervals[2] = { make_empty(0), make_empty(1) };
	json_t *objects[2];
	const char *starts[2];
	char *json;

	(void)state;
	add_actor(intervals[0], &actor);
	add_actor(intervals[1], &actor);
	intervals[1]->end_wall_ms += 3600000;
	json = print_intervals(&printing, intervals, 2, NULL);
	parse_lines(json, objects, 2);
	for (size_t i = 0; i < 2; i++)
		starts[i] = json_string_value(
		    json_object_get(json_array_get(json_object_get(objects[i], "tasks"), 0), "start_time"));
	assert_string_equal(starts[0], "2023-11-14T22:11:39.123Z");
	assert_string_equal(starts[1], starts[0]);
	for (size_t i = 0; i < 2; i++) {
		json_decref(objects[i]);
		interval_unref(intervals[i]);
	}
	free(json);
}

/* ... and one that was born after a suspend or a step of the wall clock has the start that this clock told. */
static void starts_after_a_suspend_are_right(void **state)
{
	const struct printing printing = { .open = writer_json_open };
	const struct actor before = { .tid = 7, .pid = 7, .comm = "x" }, after = { .tid = 8, .pid = 8, .comm = "y" };
	struct interval *intervals[2] = { make_empty(0), make_empty(1) };
	const json_t *tasks;
	json_t *objects[2];
	char *json;

	(void)state;
	add_actor(intervals[0], &before);
	add_actor(intervals[1], &before);
	add_actor(intervals[1], &after)->info->process.start_ns = intervals[1]->end_ns - 500000000;
	intervals[1]->end_wall_ms += 3600000;
	json = print_intervals(&printing, intervals, 2, NULL);
	parse_lines(json, objects, 2);
	tasks = json_object_get(objects[1], "tasks");
	assert_int_equal(json_array_size(tasks), 2);
	for (size_t i = 0; i < 2; i++) {
		const json_t *task = json_array_get(tasks, i);
		const bool older = json_integer_value(json_object_get(task, "pid")) == 7;

		assert_string_equal(json_string_value(json_object_get(task, "start_time")),
				    older ? "2023-11-14T22:11:39.123Z" : "2023-11-14T23:13:21.623Z");
	}
	for (size_t i = 0; i < 2; i++) {
		json_decref(objects[i]);
		interval_unref(intervals[i]);
	}
	free(json);
}

/* A counter beyond what JSON readers take for an integer still is a number. */
static void huge_counters_are_numbers(void **state)
{
	const struct printing printing = { .open = writer_json_open };
	struct interval *interval = make_empty(0);
	json_t *object;
	char *json;

	(void)state;
	add_actor(interval, &(struct actor){ .tid = 7, .pid = 7, .comm = "x" })->delta.value[COUNTER_WRITE] =
	    UINT64_MAX;
	sum_up(interval);
	json = print_intervals(&printing, &interval, 1, NULL);
	parse_lines(json, &object, 1);
	assert_true(json_number_value(json_object_get(json_object_get(object, "totals"), "write_bytes_per_second")) >
		    9e18);
	json_decref(object);
	interval_unref(interval);
	free(json);
}

/* Those of the object that the manual does not tell. */
static size_t count_missing(const char *manual, const json_t *object)
{
	size_t missing = 0;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		char bold[2][96];
		const char *rate = strstr(name, "_per_second");

		if (json_is_object(value))
			missing += count_missing(manual, value);
		/* The manual has a rule for those of counters. */
		snprintf(bold[0], sizeof(bold[0]), ".B %.*s\n", (int)(rate ? rate - name : (long)strlen(name)), name);
		snprintf(bold[1], sizeof(bold[1]), ".BR %.*s ", (int)(rate ? rate - name : (long)strlen(name)), name);
		if (strstr(manual, bold[0]) || strstr(manual, bold[1]))
			continue;
		snprintf(bold[0], sizeof(bold[0]), ".B %s\n", name);
		snprintf(bold[1], sizeof(bold[1]), ".BR %s ", name);
		if (strstr(manual, bold[0]) || strstr(manual, bold[1]))
			continue;
		print_error("the manual lacks %s\n", name);
		missing++;
	}
	return missing;
}

static void manual_tells_every_field(void **state)
{
	const enum view_page pages[] = { VIEW_TASKS, VIEW_DEVICES, VIEW_NFS };
	FILE *file = fopen(TEST_DATA "/../man/iotopx.8", "r");
	char *manual = calloc(1, 1 << 20);
	size_t missing = 0;

	(void)state;
	assert_non_null(file);
	assert_non_null(manual);
	assert_in_range(fread(manual, 1, (1 << 20) - 1, file), 1000, (1 << 20) - 2);
	fclose(file);
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		const struct printing printing = { .open = writer_json_open, .page = pages[i] };
		json_t *objects[INTERVALS];
		const char *arrays[] = { "tasks", "devices", "mounts" };
		char *json = print_sequence(&printing);

		parse_lines(json, objects, INTERVALS);
		missing += count_missing(manual, objects[0]);
		missing += count_missing(manual, json_array_get(json_object_get(objects[0], arrays[i]), 0));
		for (size_t object = 0; object < INTERVALS; object++)
			json_decref(objects[object]);
		free(json);
	}
	assert_int_equal(missing, 0);
	free(manual);
}

/* Writes the first interval to the stream and gives what the writer says. */
static int write_to(FILE *stream, writer_opener *open)
{
	struct writer_options options = { .stream = stream, .host = "h", .lookup = &test_lookup };
	struct interval *interval = make_interval(0);
	struct table table = { 0 };
	struct writer *writer;
	struct view view;
	int result;

	view_init(&view);
	assert_int_equal(table_build(&table, interval, &view, &test_lookup, TEXT_UTF8, NULL), 0);
	assert_int_equal(open(&options, &writer), 0);
	if (writer->ops->observe)
		assert_int_equal(writer->ops->observe(writer, interval, &view), 0);
	result = writer->ops->write(writer, interval, &view, &table);
	writer->ops->close(writer);
	table_free(&table);
	interval_unref(interval);
	return result;
}

static void a_full_disk_is_an_error(void **state)
{
	writer_opener *const openers[] = { writer_json_open, writer_csv_open, writer_openmetrics_open };

	(void)state;
	for (size_t i = 0; i < sizeof(openers) / sizeof(*openers); i++)
		for (int buffered = 0; buffered < 2; buffered++) {
			FILE *stream = fopen("/dev/full", "w");

			assert_non_null(stream);
			if (!buffered)
				setvbuf(stream, NULL, _IONBF, 0);
			assert_int_equal(write_to(stream, openers[i]), -ENOSPC);
			fclose(stream);
		}
}

int main(void)
{
	enum { GOLDEN = sizeof(printings) / sizeof(*printings) };
	const struct CMUnitTest others[] = {
		cmocka_unit_test(both_formats_tell_the_same),
		cmocka_unit_test(sums_of_tasks_are_the_totals),
		cmocka_unit_test(hostile_names_do_no_harm),
		cmocka_unit_test(invalid_bytes_are_visible),
		cmocka_unit_test(starts_stay),
		cmocka_unit_test(starts_after_a_suspend_are_right),
		cmocka_unit_test(huge_counters_are_numbers),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(manual_tells_every_field),
	};
	struct CMUnitTest tests[GOLDEN + sizeof(others) / sizeof(*others)] = { 0 };

	for (size_t i = 0; i < GOLDEN; i++)
		tests[i] = (struct CMUnitTest){ .name = printings[i].name,
						.test_func = golden,
						.initial_state = (void *)(uintptr_t)&printings[i] };
	memcpy(tests + GOLDEN, others, sizeof(others));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
