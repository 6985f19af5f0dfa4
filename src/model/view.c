#include "iotopx/view.h"

#include "iotopx/interval.h"

#include <string.h>

void view_init(struct view *view)
{
	memset(view, 0, sizeof(*view));
	view->threads = true; /* as iotop; -P and p change it */
	view->sort = column_find("io");
	for (size_t i = 0; i < column_count && view->column_count < VIEW_COLUMNS_MAX; i++)
		if (columns[i].shown)
			view->columns[view->column_count++] = &columns[i];
}

static bool has_default_columns(const struct view *view)
{
	struct view fresh;

	view_init(&fresh);
	return view->column_count == fresh.column_count &&
	       memcmp(view->columns, fresh.columns, fresh.column_count * sizeof(*fresh.columns)) == 0;
}

/* Its place among the columns shown is that of the table of all columns. */
static void insert_column(struct view *view, const struct column *column)
{
	size_t at = 0;

	if (view->column_count == VIEW_COLUMNS_MAX)
		return;
	while (at < view->column_count && view->columns[at] < column)
		at++;
	memmove(&view->columns[at + 1], &view->columns[at], (view->column_count - at) * sizeof(*view->columns));
	view->columns[at] = column;
	view->column_count++;
}

void view_add_columns(struct view *view, const struct interval *interval)
{
	static const char *const keys[] = { "aread", "awrite" };

	if ((view->group != GROUP_UNIT && view->group != GROUP_CONTAINER) || !interval || !interval->cgroup_io ||
	    !has_default_columns(view))
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		insert_column(view, column_find(keys[i]));
}
