/* Batch output of a fixed sequence of intervals, against the files in tests/golden/text. UPDATE_GOLDEN=1 writes them
 * anew. */
#include "golden.h"
#include "intervals.h"

#include "iotopx/filter.h"
#include "iotopx/table.h"
#include "iotopx/writer.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* One way to print them. */
struct variant {
	const char *name; /* of the golden file */
	const char *columns, *sort, *filter;
	unsigned quiet;
	bool timestamps, threads, full_command, ascending, hide_exited;
	enum view_mode mode;
	enum view_group group;
	enum unit_style units;
	enum text_charset charset;
};

static const struct variant variants[] = {
	{ .name = "default" },
	{ .name = "threads", .threads = true, .full_command = true },
	{ .name = "timestamps", .timestamps = true, .full_command = true },
	{ .name = "quiet", .quiet = 1 },
	{ .name = "quieter", .quiet = 2 },
	{ .name = "quietest", .quiet = 3, .timestamps = true },
	{ .name = "kib", .units = UNIT_KIB },
	{ .name = "si", .units = UNIT_SI },
	{ .name = "ascii", .charset = TEXT_ASCII, .group = GROUP_COMMAND },
	{ .name = "accumulated", .mode = MODE_ACCUMULATED },
	{ .name = "average", .mode = MODE_AVERAGE, .hide_exited = true },
	{ .name = "filter", .filter = "user:www-data dd" },
	{ .name = "group_command", .group = GROUP_COMMAND },
	{ .name = "group_user", .group = GROUP_USER, .columns = "user,read,write,command" },
	{ .name = "group_unit", .group = GROUP_UNIT, .columns = "unit,read,write,aread,awrite,iosome,iofull,command" },
	{ .name = "columns", .columns = "command,pid,ppid,state,cancel,graph,age,unit", .sort = "pid" },
	{ .name = "sort", .sort = "command", .ascending = true, .columns = "pid,io,blkavg,command" },
};

static void set_view(struct view *view, const struct variant *variant, struct filter **filter)
{
	char text[128];

	view_init(view);
	view->mode = variant->mode;
	view->group = variant->group;
	view->threads = variant->threads;
	view->full_command = variant->full_command;
	view->hide_exited = variant->hide_exited;
	view->ascending = variant->ascending;
	view->units = variant->units;
	if (variant->sort)
		view->sort = column_find(variant->sort);
	if (variant->columns)
		assert_int_equal(columns_parse(variant->columns, view->columns, VIEW_COLUMNS_MAX, &view->column_count,
					       text, sizeof(text)),
				 0);
	if (variant->filter)
		assert_int_equal(filter_parse(variant->filter, filter, text, sizeof(text)), 0);
	view->filter = *filter;
}

/* What the variant prints for the intervals, new. */
static char *print(const struct variant *variant)
{
	struct writer_options options = { .charset = variant->charset,
					  .timestamps = variant->timestamps,
					  .quiet = variant->quiet,
					  .host = "testhost",
					  .lookup = &test_lookup };
	struct filter *filter = NULL;
	struct table table = { 0 };
	struct writer *writer;
	struct view view;
	char *text = NULL;
	size_t size = 0;

	options.stream = open_memstream(&text, &size);
	assert_non_null(options.stream);
	set_view(&view, variant, &filter);
	assert_int_equal(writer_text_open(&options, &writer), 0);
	for (unsigned number = 0; number < INTERVALS; number++) {
		struct interval *interval = make_interval(number);

		assert_int_equal(table_build(&table, interval, &view, &test_lookup, variant->charset, NULL), 0);
		assert_int_equal(writer->ops->write(writer, interval, &view, &table), 0);
		interval_unref(interval);
	}
	assert_int_equal(writer->ops->finish(writer), 0);
	writer->ops->close(writer);
	fclose(options.stream);
	table_free(&table);
	filter_free(filter);
	return text;
}

static void golden(void **state)
{
	const struct variant *variant = *state;
	char name[128];
	char *printed = print(variant);

	snprintf(name, sizeof(name), "text/%s.txt", variant->name);
	golden_check(name, printed);
	free(printed);
}

/* Whatever the variant: no control characters, no blank at the end of a line, and only whole lines. */
static void lines_are_clean(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++) {
		char *printed = print(&variants[i]);
		size_t length = strlen(printed);

		assert_true(length > 0 && printed[length - 1] == '\n');
		assert_null(strstr(printed, " \n"));
		for (size_t at = 0; at < length; at++)
			assert_true(printed[at] == '\n' || (unsigned char)printed[at] >= ' ');
		assert_null(strchr(printed, 0x1b));
		free(printed);
	}
}

/* Writes one interval to the stream and gives what the writer says. */
static int write_to(FILE *stream)
{
	struct writer_options options = { .stream = stream, .lookup = &test_lookup };
	struct interval *interval = make_interval(0);
	struct table table = { 0 };
	struct writer *writer;
	struct view view;
	int result;

	view_init(&view);
	assert_int_equal(table_build(&table, interval, &view, &test_lookup, TEXT_UTF8, NULL), 0);
	assert_int_equal(writer_text_open(&options, &writer), 0);
	result = writer->ops->write(writer, interval, &view, &table);
	writer->ops->close(writer);
	table_free(&table);
	interval_unref(interval);
	return result;
}

static void a_full_disk_is_an_error(void **state)
{
	FILE *stream = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(stream);
	assert_int_equal(write_to(stream), -ENOSPC);
	fclose(stream);
	/* Unbuffered: the line itself fails, not the flush. */
	stream = fopen("/dev/full", "w");
	assert_non_null(stream);
	setvbuf(stream, NULL, _IONBF, 0);
	assert_int_equal(write_to(stream), -ENOSPC);
	fclose(stream);
}

static void a_reader_that_left_is_an_error(void **state)
{
	int ends[2];
	FILE *stream;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	stream = fdopen(ends[1], "w");
	assert_non_null(stream);
	assert_int_equal(write_to(stream), -EPIPE);
	fclose(stream);
}

int main(void)
{
	enum { VARIANTS = sizeof(variants) / sizeof(*variants) };
	struct CMUnitTest tests[VARIANTS + 3] = { 0 };

	setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < VARIANTS; i++)
		tests[i] = (struct CMUnitTest){ .name = variants[i].name,
						.test_func = golden,
						.initial_state = (void *)(uintptr_t)&variants[i] };
	tests[VARIANTS] = (struct CMUnitTest)cmocka_unit_test(lines_are_clean);
	tests[VARIANTS + 1] = (struct CMUnitTest)cmocka_unit_test(a_full_disk_is_an_error);
	tests[VARIANTS + 2] = (struct CMUnitTest)cmocka_unit_test(a_reader_that_left_is_an_error);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
