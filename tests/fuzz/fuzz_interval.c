#include "fuzz_interval.h"
#include "fuzz.h"

#include "iotopx/accumulator.h"
#include "iotopx/page.h"
#include "iotopx/table.h"

#include <string.h>

#define CELL_SIZE 1024

static void check_rows(const struct table *table)
{
	char cell[CELL_SIZE];

	for (size_t i = 0; i < table->count; i++)
		for (size_t at = 0; at < column_count; at++) {
			const struct value value = columns[at].get(&table->rows[i], &table->context);
			const size_t used = column_format(&columns[at], value, &table->context, cell, sizeof(cell));

			REQUIRE(used == strlen(cell) && fuzz_is_clean(cell, used));
		}
}

/* The rows of any grouping add up to the same. */
static void check_sums(const struct table *table, const struct interval *interval)
{
	uint64_t rows = 0, tasks = 0;

	for (size_t i = 0; i < table->count; i++)
		rows += table->rows[i].sum.value[COUNTER_READ];
	for (size_t i = 0; i < interval->count; i++)
		tasks += interval->tasks[i].delta.value[COUNTER_READ];
	REQUIRE(rows == tasks);
}

/* A view of the many, by a number. */
static void check_table(const struct interval *interval, const struct lookup *lookup, unsigned choice)
{
	struct table table = { 0 };
	struct view view;

	view_init(&view);
	view.threads = choice % 2;
	view.fold_exited = choice % 3 == 0;
	view.group = (enum view_group)(choice % GROUP_COUNT);
	view.mode = (enum view_mode)(choice % MODE_COUNT);
	view.units = (enum unit_style)(choice % UNIT_STYLE_COUNT);
	view.tree = choice % 7 == 0;
	REQUIRE(table_build(&table, interval, &view, lookup, choice % 4 ? TEXT_UTF8 : TEXT_ASCII, NULL) == 0);
	check_rows(&table);
	if (!view.tree || view.group != GROUP_NONE)
		check_sums(&table, interval);
	table_free(&table);
}

static void check_page(const struct page *page, const struct interval *interval, const struct lookup *lookup)
{
	const struct page_view all = { .expand_all = true };
	struct page_table table = { 0 };
	char cell[CELL_SIZE];

	REQUIRE(page_table_build(&table, page, interval, &all, lookup) == 0);
	for (size_t i = 0; i < table.count; i++)
		for (size_t at = 0; at < page->column_count; at++) {
			const struct page_column *column = &page->columns[at];
			const size_t used = page_column_format(column, column->get(&table.rows[i]), UNIT_BINARY,
							       TEXT_UTF8, cell, sizeof(cell));

			REQUIRE(used == strlen(cell) && fuzz_is_clean(cell, used));
		}
	page_table_free(&table);
}

void fuzz_check_interval(const struct interval *interval, const struct lookup *lookup, unsigned choice)
{
	struct accumulator *accumulator = accumulator_open(4);

	REQUIRE(accumulator);
	for (size_t i = 0; i < interval->count; i++) {
		const struct task_info *info = interval->tasks[i].info;

		REQUIRE(info && memchr(info->comm, '\0', sizeof(info->comm)));
		REQUIRE(!info->leader || memchr(info->leader->comm, '\0', sizeof(info->leader->comm)));
	}
	check_table(interval, lookup, choice);
	check_page(&page_devices, interval, lookup);
	check_page(&page_nfs, interval, lookup);
	REQUIRE(accumulator_add(accumulator, interval) == 0 && accumulator_add(accumulator, interval) == 0);
	check_table(accumulator_interval(accumulator), lookup, choice + 1);
	accumulator_close(accumulator);
}
