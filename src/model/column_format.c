/* What is the same for every column: finding it by its key, and the text of a cell. */
#include "iotopx/column.h"
#include "iotopx/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct column *find(const char *key, size_t length)
{
	/* What the column is called in the view of threads. */
	if (length == 3 && strncasecmp(key, "tid", length) == 0)
		key = "pid";
	for (size_t i = 0; i < column_count; i++)
		if (strlen(columns[i].key) == length && strncasecmp(columns[i].key, key, length) == 0)
			return &columns[i];
	return NULL;
}

const struct column *column_find(const char *key)
{
	return find(key, strlen(key));
}

static bool is_listed(const struct column *const *list, size_t count, const struct column *column)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == column)
			return true;
	return false;
}

int columns_parse(const char *text, const struct column **list, size_t max, size_t *count, char *bad_key,
		  size_t bad_size)
{
	const struct column *parsed[VIEW_COLUMNS_MAX];
	size_t used = 0;

	if (max > VIEW_COLUMNS_MAX)
		max = VIEW_COLUMNS_MAX;
	for (;;) {
		size_t length = strcspn(text, ",");
		const struct column *column = find(text, length);

		if (!column || (used == max && !is_listed(parsed, used, column))) {
			snprintf(bad_key, bad_size, "%.*s", (int)(length < bad_size ? length : bad_size), text);
			return -EINVAL;
		}
		if (!is_listed(parsed, used, column))
			parsed[used++] = column;
		if (text[length] == '\0')
			break;
		text += length + 1;
	}
	memcpy(list, parsed, used * sizeof(*parsed));
	*count = used;
	return 0;
}

const char *column_title(const struct column *column, const struct row_context *context, bool short_form)
{
	if (context->threads && strcmp(column->key, "pid") == 0)
		return "TID";
	return short_form ? column->short_title : column->title;
}

static size_t format_prio(char *to, size_t size, double number)
{
	static const char *const classes[] = { "none", "rt", "be", "idle" };
	unsigned whole = (unsigned)number;
	unsigned io_class = whole / 8 < 4 ? whole / 8 : 0;
	const char *mixed = number > whole ? "!" : "";
	int wanted;

	if (io_class == 0 || io_class == 3)
		wanted = snprintf(to, size, "%s%s", mixed, classes[io_class]);
	else
		wanted = snprintf(to, size, "%s%s/%u", mixed, classes[io_class], whole % 8);
	if (wanted < 0 || size == 0)
		return 0;
	return (size_t)wanted < size ? (size_t)wanted : size - 1;
}

static size_t format_number(const struct column *column, double number, const struct row_context *context, char *to,
			    size_t size)
{
	switch (column->kind) {
	case COLUMN_BYTES:
		return units_bytes(to, size, number, context->mode != MODE_ACCUMULATED, context->units);
	case COLUMN_LIFETIME:
		return units_bytes(to, size, number, false, context->units);
	case COLUMN_COUNT:
		return units_count(to, size, number);
	case COLUMN_RATIO:
		return units_percent(to, size, number);
	case COLUMN_DURATION:
		return units_duration(to, size, number < 0x1p64 ? (uint64_t)number : UINT64_MAX);
	case COLUMN_PRIO:
		return format_prio(to, size, number);
	case COLUMN_ID:
	case COLUMN_TEXT:
	case COLUMN_GRAPH:
	case COLUMN_KIND_COUNT:
		break;
	}
	return (size_t)snprintf(to, size, "%lld", (long long)number);
}

static size_t format_text(struct value value, enum text_charset charset, char *to, size_t size)
{
	char many[32];
	size_t used = text_sanitize(to, size, value.text, strlen(value.text), charset);
	size_t length;

	if (!(value.number > 1))
		return used;
	length = (size_t)snprintf(many, sizeof(many), " %s%llu", charset == TEXT_UTF8 ? "\xc3\x97" : "x",
				  (unsigned long long)value.number);
	if (used + length >= size)
		return used;
	memcpy(to + used, many, length + 1);
	return used + length;
}

size_t column_format(const struct column *column, struct value value, const struct row_context *context, char *to,
		     size_t size)
{
	const char *none = column->kind == COLUMN_PRIO ? "?" : column->kind == COLUMN_GRAPH ? "" : "-";
	size_t mark = 0;

	if (size == 0)
		return 0;
	if (value.type == VALUE_UNKNOWN)
		return text_sanitize(to, size, none, strlen(none), context->charset);
	if (value.approximate && size > 1)
		to[mark++] = '~';
	if (value.type == VALUE_TEXT)
		return mark + format_text(value, context->charset, to + mark, size - mark);
	return mark + format_number(column, value.number, context, to + mark, size - mark);
}
