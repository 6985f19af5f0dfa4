/* The options that say how the pages beside the tasks look. */
#include "settings_table.h"

#include <errno.h>
#include <string.h>

#define KEY_SIZE 64

static int refuse(const struct page *page, const char *bad, char *why, size_t why_size)
{
	char quoted[KEY_SIZE * 4 + 8];
	size_t used;

	settings_quote(quoted, sizeof(quoted), bad);
	snprintf(why, why_size, "'%s' is no column of that page, which has ", quoted);
	used = strlen(why);
	for (size_t i = 0; i < page->column_count; i++) {
		used += settings_put(why + used, why_size - used, i ? ", " : "");
		used += settings_put(why + used, why_size - used, page->columns[i].key);
	}
	return -EINVAL;
}

int settings_set_page_sort(void *field, const struct settings_option *option, struct settings *settings,
			   const char *value, char *why, size_t why_size)
{
	const struct page *page = page_get((enum view_page)option->fixed);
	bool reversed = value[0] == '-';
	const struct page_column *column = page_column_find(page, value + reversed);
	struct page_look *look = field;

	(void)settings;
	if (!column)
		return refuse(page, value + reversed, why, why_size);
	look->sort = column;
	look->reversed = reversed;
	return 0;
}

size_t settings_format_page_sort(const void *field, const struct settings_option *option,
				 const struct settings *settings, char *to, size_t size)
{
	const struct page_look *look = field;
	size_t used = settings_put(to, size, look->reversed ? "-" : "");

	(void)option, (void)settings;
	return used + settings_put(to + used, size - used, look->sort->key);
}

int settings_set_page_columns(void *field, const struct settings_option *option, struct settings *settings,
			      const char *value, char *why, size_t why_size)
{
	const struct page *page = page_get((enum view_page)option->fixed);
	struct page_look *look = field, parsed = { .column_count = 0 };

	(void)settings;
	for (bool more = true; more;) {
		size_t length = strcspn(value, ",");
		const struct page_column *column;
		char key[KEY_SIZE];

		snprintf(key, sizeof(key), "%.*s", (int)(length < sizeof(key) ? length : sizeof(key)), value);
		column = page_column_find(page, key);
		if (!column)
			return refuse(page, key, why, why_size);
		if (!page_look_shows(&parsed, column) && parsed.column_count < VIEW_COLUMNS_MAX)
			parsed.columns[parsed.column_count++] = column;
		more = value[length] == ',';
		value += length + more;
	}
	memcpy(look->columns, parsed.columns, sizeof(look->columns));
	look->column_count = parsed.column_count;
	return 0;
}

size_t settings_format_page_columns(const void *field, const struct settings_option *option,
				    const struct settings *settings, char *to, size_t size)
{
	const struct page_look *look = field;
	size_t used = settings_put(to, size, "");

	(void)option, (void)settings;
	for (size_t i = 0; i < look->column_count; i++) {
		used += settings_put(to + used, size - used, i ? "," : "");
		used += settings_put(to + used, size - used, look->columns[i]->key);
	}
	return used;
}
