/* The manual tells every column: the section COLUMNS has a part for each of the three tables, and in it an entry a
 * column with its key, its title, whether it is shown by default, and its help word for word; on the pages its unit
 * too. */
#include "iotopx/column.h"
#include "iotopx/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANUAL TEST_DATA "/../man/iotopx.8"

/* What an entry says beside key and title. */
static const char *const units[COLUMN_KIND_COUNT] = {
	[COLUMN_TEXT] = "text",      [COLUMN_BYTES] = "bytes a second", [COLUMN_LIFETIME] = "bytes",
	[COLUMN_COUNT] = "a number", [COLUMN_RATIO] = "percent",        [COLUMN_DURATION] = "a time",
};

/* The manual's text from one heading to the next given one. The caller frees it. */
static char *read_part(const char *from, const char *to)
{
	static char text[1 << 18];
	FILE *file = fopen(MANUAL, "r");
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	assert_true(length < sizeof(text) - 1);
	text[length] = '\0';
	const char *begin = strstr(text, from);
	const char *end = begin ? strstr(begin + 1, to) : NULL;

	if (!end)
		fail_msg("the manual lacks %s or %s", from + 1, to + 1);
	return strndup(begin, (size_t)(end - begin));
}

/* Lines joined and dashes unescaped, in place: as it is read. */
static void flow(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++)
		if (from[0] != '\\' || from[1] != '-')
			*to++ = (char)(*from == '\n' ? ' ' : *from);
	*to = '\0';
}

/* 1 if the entry is not there. */
static unsigned lacks(const char *part, const char *key, const char *title, const char *unit, bool shown,
		      const char *help)
{
	char entry[512];

	snprintf(entry, sizeof(entry), " .TP .BR %s \" (\\fB%s\\fR%s%s%s)\" %s", key, title, unit ? ", " : "",
		 unit ? unit : "", shown ? "" : ", off by default", help);
	if (strstr(part, entry))
		return 0;
	print_error("the manual lacks:%s\n", entry);
	return 1;
}

static void every_column_of_tasks(void **state)
{
	char *part = read_part("\n.SH COLUMNS", "\n.SS Devices");
	unsigned missing = 0;

	(void)state;
	flow(part);
	for (size_t i = 0; i < column_count; i++)
		missing += lacks(part, columns[i].key, columns[i].title, NULL, columns[i].shown, columns[i].help);
	free(part);
	assert_int_equal(missing, 0);
}

static void check_page(const struct page *page, const char *from, const char *to)
{
	char *part = read_part(from, to);
	unsigned missing = 0;

	flow(part);
	for (size_t i = 0; i < page->column_count; i++) {
		const struct page_column *column = &page->columns[i];

		assert_non_null(units[column->kind]);
		missing += lacks(part, column->key, column->title, units[column->kind], column->shown, column->help);
	}
	free(part);
	assert_int_equal(missing, 0);
}

static void every_column_of_devices(void **state)
{
	(void)state;
	check_page(&page_devices, "\n.SS Devices", "\n.SS NFS mounts");
}

static void every_column_of_mounts(void **state)
{
	(void)state;
	check_page(&page_nfs, "\n.SS NFS mounts", "\n.SH FILTERS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_column_of_tasks),
		cmocka_unit_test(every_column_of_devices),
		cmocka_unit_test(every_column_of_mounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
