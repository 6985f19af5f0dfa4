#include "printing.h"
#include "intervals.h"

#include "iotopx/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static void set_view(struct view *view, const struct printing *printing, struct filter **filter)
{
	char text[128];

	view_init(view);
	view->threads = printing->threads;
	view->group = printing->group;
	view->page = printing->page;
	if (printing->columns)
		assert_int_equal(columns_parse(printing->columns, view->columns, VIEW_COLUMNS_MAX, &view->column_count,
					       text, sizeof(text)),
				 0);
	if (printing->filter)
		assert_int_equal(filter_parse(printing->filter, filter, text, sizeof(text)), 0);
	view->filter = *filter;
}

static void write_one(struct writer *writer, const struct interval *interval, const struct view *view)
{
	const struct page *page = page_get(view->page);
	struct table table = { 0 };
	struct page_table page_table = { 0 };

	if (writer->ops->observe)
		assert_int_equal(writer->ops->observe(writer, interval, view), 0);
	if (page) {
		const struct page_view all = { .expand_all = true };

		assert_int_equal(page_table_build(&page_table, page, interval, &all, &test_lookup), 0);
		assert_int_equal(writer->ops->write_page(writer, interval, view, page, &page_table), 0);
	} else {
		assert_int_equal(table_build(&table, interval, view, &test_lookup, TEXT_UTF8, NULL), 0);
		assert_int_equal(writer->ops->write(writer, interval, view, &table), 0);
	}
	table_free(&table);
	page_table_free(&page_table);
}

char *print_intervals(const struct printing *printing, struct interval *const *intervals, size_t count, size_t *length)
{
	struct writer_options options = { .charset = TEXT_UTF8,
					  .chosen_columns = printing->columns != NULL,
					  .max_series = printing->max_series,
					  .host = "testhost",
					  .lookup = &test_lookup };
	struct page_look look = { .column_count = 0 };
	struct filter *filter = NULL;
	struct writer *writer;
	struct view view;
	char *text = NULL;
	size_t size = 0;

	options.stream = open_memstream(&text, &size);
	assert_non_null(options.stream);
	set_view(&view, printing, &filter);
	while (printing->page_columns[look.column_count]) {
		look.columns[look.column_count] =
		    page_column_find(page_get(printing->page), printing->page_columns[look.column_count]);
		look.column_count++;
	}
	options.look = look.column_count ? &look : NULL;
	assert_int_equal(printing->open(&options, &writer), 0);
	for (size_t i = 0; i < count; i++)
		write_one(writer, intervals[i], &view);
	assert_int_equal(writer->ops->finish(writer), 0);
	writer->ops->close(writer);
	fclose(options.stream);
	filter_free(filter);
	if (length)
		*length = size;
	return text;
}

char *print_sequence(const struct printing *printing)
{
	struct interval *intervals[INTERVALS];
	char *text;

	for (unsigned i = 0; i < INTERVALS; i++)
		intervals[i] = make_interval(i);
	text = print_intervals(printing, intervals, INTERVALS, NULL);
	for (unsigned i = 0; i < INTERVALS; i++)
		interval_unref(intervals[i]);
	return text;
}
