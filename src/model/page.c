/* What is the same for both pages: finding them and their columns, the text of a cell. */
#include "iotopx/page.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

const struct page *page_get(enum view_page id)
{
	static const struct page *const pages[] = { &page_devices, &page_nfs };

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		if (pages[i]->id == id)
			return pages[i];
	return NULL;
}

const struct page_column *page_column_find(const struct page *page, const char *key)
{
	for (size_t i = 0; i < page->column_count; i++)
		if (strcasecmp(page->columns[i].key, key) == 0)
			return &page->columns[i];
	return NULL;
}

void page_look_init(struct page_look *look, const struct page *page)
{
	memset(look, 0, sizeof(*look));
	look->sort = page_column_find(page, page->sort);
	for (size_t i = 0; i < page->column_count && look->column_count < VIEW_COLUMNS_MAX; i++)
		if (page->columns[i].shown)
			look->columns[look->column_count++] = &page->columns[i];
}

bool page_look_shows(const struct page_look *look, const struct page_column *column)
{
	for (size_t i = 0; i < look->column_count; i++)
		if (look->columns[i] == column)
			return true;
	return false;
}

bool page_column_ascending(const struct page_column *column)
{
	return column->kind == COLUMN_TEXT || column->kind == COLUMN_ID;
}

static size_t format_number(enum column_kind kind, double number, enum unit_style units, char *to, size_t size)
{
	switch (kind) {
	case COLUMN_BYTES:
		return units_bytes(to, size, number, true, units);
	case COLUMN_LIFETIME:
		return units_bytes(to, size, number, false, units);
	case COLUMN_RATIO:
		return units_percent(to, size, number);
	case COLUMN_DURATION:
		return units_duration(to, size, number < 0x1p64 ? (uint64_t)number : UINT64_MAX);
	default:
		return units_count(to, size, number);
	}
}

size_t page_column_format(const struct page_column *column, struct value value, enum unit_style units,
			  enum text_charset charset, char *to, size_t size)
{
	size_t mark = 0;

	if (size == 0)
		return 0;
	if (value.type == VALUE_UNKNOWN)
		return text_sanitize(to, size, "-", 1, charset);
	if (value.approximate && size > 1)
		to[mark++] = '~';
	if (value.type == VALUE_TEXT)
		return mark + text_sanitize(to + mark, size - mark, value.text, strlen(value.text), charset);
	return mark + format_number(column->kind, value.number, units, to + mark, size - mark);
}
