/* OpenMetrics: golden documents, and the law of counters: they never fall and never go, whoever exits or comes. */
#include "golden.h"
#include "intervals.h"
#include "printing.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define LINE_END_OF_DOCUMENT "# EOF\n"

static const struct printing printings[] = {
	{ .name = "openmetrics/command.prom", .open = writer_openmetrics_open },
	{ .name = "openmetrics/unit.prom", .open = writer_openmetrics_open, .group = GROUP_UNIT },
	{ .name = "openmetrics/user.prom", .open = writer_openmetrics_open, .group = GROUP_USER },
	{ .name = "openmetrics/filter.prom", .open = writer_openmetrics_open, .filter = "user:www-data dd" },
	{ .name = "openmetrics/bounded.prom", .open = writer_openmetrics_open, .max_series = 2 },
};

static void golden(void **state)
{
	const struct printing *printing = *state;
	char *printed = print_sequence(printing);

	golden_check(printing->name, printed);
	free(printed);
}

/* The value of a sample in one document ("name{labels}"), -1 if it is not there. */
static double sample(const char *document, const char *name)
{
	const char *end = strstr(document, LINE_END_OF_DOCUMENT);
	size_t length = strlen(name);

	assert_non_null(end);
	for (const char *line = document; line < end; line = strchr(line, '\n') + 1)
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return strtod(line + length, NULL);
	return -1;
}

/* The document of each interval. */
static size_t split(char *text, const char **documents, size_t max)
{
	size_t count = 0;

	for (char *end; *text; text = end + strlen(LINE_END_OF_DOCUMENT)) {
		end = strstr(text, LINE_END_OF_DOCUMENT);
		assert_non_null(end);
		assert_true(count < max);
		documents[count++] = text;
	}
	return count;
}

static size_t count_samples(const char *document, const char *name)
{
	const char *end = strstr(document, LINE_END_OF_DOCUMENT);
	size_t count = 0;

	for (const char *line = document; line < end; line = strchr(line, '\n') + 1)
		count += strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == '{';
	return count;
}

static void add_writer(struct interval *interval, const char *comm, uint64_t bytes, bool exits)
{
	static pid_t pid = 1000;
	struct task_delta *task;

	pid++;
	task = add_actor(interval, &(struct actor){ .tid = pid, .pid = pid, .comm = comm });
	task->delta.value[COUNTER_WRITE] = bytes;
	task->delta.value[COUNTER_WRITE_CHAR] = bytes + 1;
	if (!exits)
		return;
	task->flags = DELTA_EXITED | DELTA_GROUP_DEAD;
	task->exits = task->processes = 1;
}

#define WRITTEN(command) "iotopx_write_bytes_total{groupname=\"" command "\",user=\"root\"}"
#define OTHER_WRITTEN "iotopx_write_bytes_total{groupname=\"other\",user=\"\"}"

/* Who exits leaves what it did; the next of that name goes on from there. */
static void counters_outlive_their_tasks(void **state)
{
	const struct printing printing = { .open = writer_openmetrics_open };
	struct interval *intervals[3] = { make_empty(0), make_empty(1), make_empty(2) };
	const char *documents[3];
	char *text;

	(void)state;
	add_writer(intervals[0], "dd", 100, true);
	add_writer(intervals[0], "dd", 50, true);
	add_writer(intervals[2], "dd", 7, false);
	text = print_intervals(&printing, intervals, 3, NULL);
	assert_int_equal(split(text, documents, 3), 3);
	assert_true(sample(documents[0], WRITTEN("dd")) == 150);
	assert_true(sample(documents[1], WRITTEN("dd")) == 150);
	assert_true(sample(documents[2], WRITTEN("dd")) == 157);
	assert_true(sample(documents[2], OTHER_WRITTEN) == -1);
	for (size_t i = 0; i < 3; i++)
		interval_unref(intervals[i]);
	free(text);
}

/* Four places, the last for who moved bytes on a disk. The busiest newcomers get them, and keep them. */
static void places_are_kept(void **state)
{
	const struct printing printing = { .open = writer_openmetrics_open, .max_series = 4 };
	struct interval *intervals[3] = { make_empty(0), make_empty(1), make_empty(2) };
	const char *documents[3];
	char *text;

	(void)state;
	add_writer(intervals[0], "idle1", 0, false);
	add_writer(intervals[0], "idle2", 0, false);
	add_writer(intervals[0], "idle3", 0, false);
	add_writer(intervals[0], "a", 10, false);
	add_writer(intervals[1], "small", 5, false);
	add_writer(intervals[1], "big", 500, false);
	add_writer(intervals[2], "small", 70, false);
	add_writer(intervals[2], "huge", 7000, false);
	add_writer(intervals[2], "a", 1, false);
	text = print_intervals(&printing, intervals, 3, NULL);
	assert_int_equal(split(text, documents, 3), 3);
	assert_true(sample(documents[0], WRITTEN("a")) == 10);
	assert_true(sample(documents[0], WRITTEN("idle1")) == 0);
	assert_true(sample(documents[0], WRITTEN("idle2")) == 0);
	assert_true(sample(documents[0], WRITTEN("idle3")) == -1);
	assert_true(sample(documents[0], OTHER_WRITTEN) == 0);
	assert_true(sample(documents[1], WRITTEN("big")) == 500);
	assert_true(sample(documents[1], WRITTEN("small")) == -1);
	assert_true(sample(documents[1], OTHER_WRITTEN) == 5);
	assert_true(sample(documents[2], WRITTEN("a")) == 11);
	assert_true(sample(documents[2], WRITTEN("idle1")) == 0);
	assert_true(sample(documents[2], WRITTEN("big")) == 500);
	assert_true(sample(documents[2], WRITTEN("huge")) == -1);
	assert_true(sample(documents[2], OTHER_WRITTEN) == 7075);
	for (size_t i = 0; i < 3; i++)
		interval_unref(intervals[i]);
	free(text);
}

#define STORMS 60

/* Every sample of `older` is in `newer`, and not less. */
static void assert_no_fall(const char *older, const char *newer)
{
	const char *end = strstr(older, LINE_END_OF_DOCUMENT);

	for (const char *line = older; line < end; line = strchr(line, '\n') + 1) {
		char name[256];
		const char *blank;

		if (*line == '#')
			continue;
		blank = strchr(line, '}') ? strchr(line, '}') + 1 : NULL;
		if (!blank || blank > strchr(line, '\n'))
			blank = strchr(line, ' ');
		assert_true((size_t)(blank - line) < sizeof(name));
		snprintf(name, sizeof(name), "%.*s", (int)(blank - line), line);
		if (sample(newer, name) < strtod(blank, NULL))
			fail_msg("%s fell from %g to %g", name, strtod(blank, NULL), sample(newer, name));
	}
}

/* Commands come and go by chance. */
static void storms_break_no_counter(void **state)
{
	const struct printing printing = { .open = writer_openmetrics_open, .max_series = 10 };
	struct interval *intervals[STORMS];
	const char *documents[STORMS];
	uint64_t written = 0;
	double exported = 0;
	unsigned random = 7;
	char *text;

	(void)state;
	for (unsigned i = 0; i < STORMS; i++) {
		intervals[i] = make_empty(i);
		for (unsigned task = 0; task < 30; task++) {
			char comm[TASK_COMM_SIZE];

			random = random * 1103515245 + 12345;
			snprintf(comm, sizeof(comm), "c%u", (random >> 16) % 40);
			add_writer(intervals[i], comm, (random >> 8) % 1000, (random >> 20) % 2);
			written += (random >> 8) % 1000;
		}
	}
	text = print_intervals(&printing, intervals, STORMS, NULL);
	assert_int_equal(split(text, documents, STORMS), STORMS);
	for (size_t i = 1; i < STORMS; i++) {
		assert_no_fall(documents[i - 1], documents[i]);
		assert_in_range(count_samples(documents[i], "iotopx_write_bytes_total"), 1, 11);
	}
	for (unsigned i = 0; i < 40; i++) {
		char name[128];
		double value;

		snprintf(name, sizeof(name), WRITTEN("c%u"), i);
		value = sample(documents[STORMS - 1], name);
		exported += value > 0 ? value : 0;
	}
	exported += sample(documents[STORMS - 1], OTHER_WRITTEN);
	assert_true(exported == (double)written);
	for (size_t i = 0; i < STORMS; i++)
		interval_unref(intervals[i]);
	free(text);
}

/* Quotation marks and backslashes are escaped, what is no text is shown; workers of the kernel are one crowd; a command
 * that is called "other" is not the other. */
static void labels_are_clean(void **state)
{
	const struct printing printing = { .open = writer_openmetrics_open };
	struct interval *interval = make_empty(0);
	char *text;

	(void)state;
	add_writer(interval, "a\"b\\c\n\xff", 1, false);
	add_writer(interval, "kworker/0:1", 2, false);
	add_writer(interval, "kworker/u8:3", 3, false);
	add_writer(interval, "other", 4, false);
	text = print_intervals(&printing, &interval, 1, NULL);
	assert_true(sample(text, WRITTEN("a\\\"b\\\\c\\\\n\\\\xff")) == 1);
	assert_true(sample(text, WRITTEN("kworker")) == 5);
	assert_true(sample(text, WRITTEN("other")) == 4);
	assert_true(sample(text, OTHER_WRITTEN) == -1);
	interval_unref(interval);
	free(text);
}

/* In one label alone the two can't be told apart: they are one series, not two of one name. */
static void one_label_other_is_one_series(void **state)
{
	const struct printing printing = { .open = writer_openmetrics_open, .group = GROUP_CONTAINER, .max_series = 1 };
	struct interval *interval = make_empty(0);
	char *text;

	(void)state;
	for (pid_t pid = 1; pid <= 3; pid++) {
		const char *names[] = { "other", "web", "db" };
		struct task_delta *task = add_actor(
		    interval, &(struct actor){ .tid = pid, .pid = pid, .comm = "x", .container = names[pid - 1] });

		task->delta.value[COUNTER_WRITE] = (uint64_t)pid;
	}
	text = print_intervals(&printing, &interval, 1, NULL);
	assert_true(sample(text, "iotopx_write_bytes_total{container=\"db\"}") == 3);
	assert_true(sample(text, "iotopx_write_bytes_total{container=\"other\"}") == 3);
	assert_int_equal(count_samples(text, "iotopx_write_bytes_total"), 2);
	interval_unref(interval);
	free(text);
}

/* What was never known is not there; what once was stays. */
static void unknown_is_not_zero(void **state)
{
	const struct printing printing = { .open = writer_openmetrics_open };
	struct interval *intervals[3] = { make_empty(0), make_empty(1), make_empty(2) };
	const char *documents[3];
	char *text;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		add_writer(intervals[i], "x", 1, false);
		intervals[i]->tasks[0].delta.known = i == 1 ? COUNTERS_ALL : COUNTERS_IO;
		intervals[i]->tasks[0].delta.value[COUNTER_BLKIO_DELAY] = i == 1 ? 1500000001 : 0;
	}
	text = print_intervals(&printing, intervals, 3, NULL);
	assert_int_equal(split(text, documents, 3), 3);
#define DELAY "iotopx_blkio_delay_seconds_total{groupname=\"x\",user=\"root\"}"
	assert_true(sample(documents[0], DELAY) == -1);
	assert_true(sample(documents[1], DELAY) == 1.500000001);
	assert_true(sample(documents[2], DELAY) == 1.500000001);
	assert_non_null(strstr(text, DELAY " 1.500000001\n"));
	assert_true(strstr(text, "# TYPE iotopx_blkio_delay_seconds_total counter\n") > documents[1]);
	for (size_t i = 0; i < 3; i++)
		interval_unref(intervals[i]);
	free(text);
}

int main(void)
{
	enum { GOLDEN = sizeof(printings) / sizeof(*printings) };
	const struct CMUnitTest others[] = {
		cmocka_unit_test(counters_outlive_their_tasks),  cmocka_unit_test(places_are_kept),
		cmocka_unit_test(storms_break_no_counter),       cmocka_unit_test(labels_are_clean),
		cmocka_unit_test(one_label_other_is_one_series), cmocka_unit_test(unknown_is_not_zero),
	};
	struct CMUnitTest tests[GOLDEN + sizeof(others) / sizeof(*others)] = { 0 };

	for (size_t i = 0; i < GOLDEN; i++)
		tests[i] = (struct CMUnitTest){ .name = printings[i].name,
						.test_func = golden,
						.initial_state = (void *)(uintptr_t)&printings[i] };
	memcpy(tests + GOLDEN, others, sizeof(others));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
