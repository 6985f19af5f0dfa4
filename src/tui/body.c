/* The table: which columns fit, their titles, and a page of rows. */
#include "graph.h"
#include "layout.h"
#include "state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define COMMAND_MIN 16   /* cells it keeps, whatever leaves for it */
#define COMMAND_ROOMY 28 /* cells it must have before other columns get their long titles */
#define MARKS_CELLS 4    /* before a group's name */
#define CELL_SIZE 512
#define GRAPH_CELLS_MAX 32
#define PAGE_MAX 256

static bool is_command(const struct column *column)
{
	return strcmp(column->key, "command") == 0;
}

/* What the rows are sorted by stays, if it tells anything: an order that can't be seen makes no sense. */
static const struct column *kept_column(const struct screen *screen, const struct view *view)
{
	const struct table *table = &screen->table;
	size_t first = screen->cursor.top, limit = first + (size_t)screen->layout.body_rows;

	for (size_t i = first; view->sort && i < limit && i < table->count; i++)
		if (view->sort->get(&table->rows[i], &table->context).type != VALUE_UNKNOWN)
			return view->sort;
	return NULL;
}

/* What a row's command needs beyond COMMAND_MIN: the lines of a deep tree, the name of a group (of a unit it says all).
 */
static int cells_beyond(const struct row *row, const struct row_context *context)
{
	const struct column *command = column_find("command");
	char text[CELL_SIZE];

	if (row->key.kind != ROW_GROUP)
		return 2 * row->depth;
	column_format(command, command->get(row, context), context, text, sizeof(text));
	return (int)text_width(text) + MARKS_CELLS - COMMAND_MIN;
}

/* ... up to a third of the screen; groups leave half of it to figures. */
static int extra_cells(const struct screen *screen)
{
	size_t first = screen->cursor.top, limit = first + (size_t)screen->layout.body_rows;
	int cells = 0, most = screen->frame.columns / 3, half = screen->frame.columns / 2 - COMMAND_MIN;

	if (screen->table.context.group != GROUP_NONE && half < most)
		most = half > 0 ? half : 0;
	for (size_t i = first; i < limit && i < screen->table.count; i++) {
		int need = cells_beyond(&screen->table.rows[i], &screen->table.context);

		cells = need > cells ? need : cells;
	}
	return cells < most ? cells : most;
}

static bool has_command(const struct view *view)
{
	for (size_t i = 0; i < view->column_count; i++)
		if (is_command(view->columns[i]))
			return true;
	return false;
}

static void fit_columns(struct screen *screen, const struct view *view)
{
	const struct row_context *context = &screen->table.context;
	const struct column *kept = kept_column(screen, view);
	struct layout *layout = &screen->layout;
	struct fit fits[VIEW_COLUMNS_MAX];
	int at = 0, extra = extra_cells(screen);
	bool command = has_command(view);
	enum tier tier;

	for (size_t i = 0; i < view->column_count; i++) {
		const struct column *column = view->columns[i];

		fits[i] =
		    (struct fit){ .priority = column == kept ? 0 : column->priority, .flexible = is_command(column) };
		layout_widths(&fits[i], column->kind, column->width, layout->grown[i],
			      column_title(column, context, false), column_title(column, context, true));
	}
	tier = layout_fit(fits, view->column_count, screen->frame.columns, command ? COMMAND_MIN + extra : 0,
			  command ? COMMAND_ROOMY + extra : 0);
	layout->count = 0;
	for (size_t i = 0; i < view->column_count; i++) {
		const struct column *column = view->columns[i];

		if (!fits[i].width)
			continue;
		layout->columns[layout->count++] = (struct shown_column){
			.column = column,
			.title = column_title(column, context, tier != TIER_FULL),
			.at = at,
			.width = fits[i].width,
			.right = !layout_is_left(column->kind),
		};
		at += fits[i].width + 1;
	}
}

/* The arrow stands before the title if there is room, else behind it or in the gap. */
void body_draw_title(struct screen *screen, int row, const struct shown_column *shown, size_t number, bool sorts,
		     bool ascending)
{
	struct frame *frame = &screen->frame;
	const char *arrow = ascending ? frame_symbol(frame, "▲", "^") : frame_symbol(frame, "▼", "v");
	int title = (int)text_width(shown->title), at = shown->at + shown->width;
	int end = frame_fit(frame, row, shown->at, shown->width, sorts ? STYLE_SORT : STYLE_TITLE, shown->title,
			    TEXT_CUT_END, shown->right);

	screen_hot_spot(screen, row, shown->at, end + 1, 0, (int)number);
	if (!sorts)
		return;
	if (title < shown->width)
		at = shown->right ? shown->at + shown->width - title - 1 : shown->at + title;
	frame_text(frame, row, at, frame->columns, STYLE_SORT, arrow);
}

static bool sorts_ascending(const struct view *view)
{
	enum column_kind kind = view->sort ? view->sort->kind : COLUMN_ID;

	return (kind == COLUMN_ID || kind == COLUMN_TEXT || kind == COLUMN_PRIO) != view->ascending;
}

static void draw_titles(struct screen *screen, const struct view *view, int row)
{
	frame_fill(&screen->frame, row, 0, screen->frame.columns, STYLE_TITLE, ' ');
	for (size_t i = 0; i < screen->layout.count; i++)
		body_draw_title(screen, row, &screen->layout.columns[i], i,
				screen->layout.columns[i].column == view->sort, sorts_ascending(view));
}

static enum style cell_style(const struct row *row, const struct row_context *context, const struct column *column,
			     struct value value)
{
	bool sums = context->mode == MODE_ACCUMULATED;

	if ((row->flags & DELTA_EXITED) || row->key.kind == ROW_OTHER)
		return STYLE_EXITED;
	if (value.type == VALUE_UNKNOWN)
		return STYLE_ZERO;
	if ((row->flags & DELTA_STUCK) && (column->kind == COLUMN_ID || is_command(column)))
		return STYLE_STUCK;
	if (value.approximate)
		return STYLE_APPROXIMATE;
	return layout_style(column->kind, value.number, sums);
}

static int draw_bracket(struct frame *frame, int row_at, int column, int limit, const struct row *row)
{
	static const struct {
		const char *unicode, *ascii;
	} lines[] = {
		[BRACKET_FIRST] = { "┌ ", ". " }, [BRACKET_MIDDLE] = { "│ ", "| " }, [BRACKET_LAST] = { "└ ", "` " }
	};

	if (row->bracket == BRACKET_NONE)
		return column;
	return frame_text(frame, row_at, column, limit, STYLE_TREE,
			  frame_symbol(frame, lines[row->bracket].unicode, lines[row->bracket].ascii));
}

/* Lines of the levels above go on where a sibling of theirs is still to come (its bit is set in `lines`). */
static int draw_tree(struct frame *frame, int row_at, int column, int limit, const struct row *row, uint64_t lines)
{
	for (unsigned level = 1; level < row->depth && column + 2 <= limit - 8; level++)
		column = frame_text(frame, row_at, column, limit, STYLE_TREE,
				    lines >> (level % 64) & 1 ? frame_symbol(frame, "│ ", "| ") : "  ");
	if (row->depth)
		column =
		    frame_text(frame, row_at, column, limit, STYLE_TREE,
			       row->last_child ? frame_symbol(frame, "└ ", "` ") : frame_symbol(frame, "├ ", "| "));
	return column;
}

/* iotopx's own I/O is counted like any other's, and nobody should take it for that of the machine's work. */
static bool is_own(const struct row *row)
{
	return (row->key.kind == ROW_TASK || row->key.kind == ROW_PROCESS) && row->info && row->info->own;
}

/* What stands before a command: "├ " and "▸ " in a tree or under a group, brackets of threads, a mark of who has
 * exited, is stuck, or is iotopx. */
static int draw_branch(struct frame *frame, int row_at, int column, int limit, const struct row *row,
		       const struct view *view, uint64_t lines)
{
	column = draw_tree(frame, row_at, column, limit, row, lines);
	if (row->has_children)
		column = frame_text(frame, row_at, column, limit, STYLE_TREE,
				    row->expanded ? frame_symbol(frame, "▾ ", "- ") : frame_symbol(frame, "▸ ", "+ "));
	else if (!row->depth && (view->tree || view->group != GROUP_NONE))
		column = frame_text(frame, row_at, column, limit, STYLE_TREE, "  ");
	column = draw_bracket(frame, row_at, column, limit, row);
	if (row->flags & DELTA_EXITED)
		column = frame_text(frame, row_at, column, limit, STYLE_EXITED, frame_symbol(frame, "† ", "x "));
	else if (row->flags & DELTA_STUCK)
		column = frame_text(frame, row_at, column, limit, STYLE_STUCK, "D ");
	else if (is_own(row))
		column = frame_text(frame, row_at, column, limit, STYLE_TREE, "* ");
	return column;
}

/* Who began to wait in this interval has no share of time to show yet: the wait is told all the same. */
static bool is_wait_begun(const struct column *column, const struct row *row, struct value value)
{
	return column->counter == COUNTER_BLKIO_DELAY && (row->flags & DELTA_STUCK) && row->busiest_blkio_ns == 0 &&
	       (value.type == VALUE_UNKNOWN || value.number == 0);
}

static void draw_cell(struct screen *screen, int row_at, const struct shown_column *shown, const struct row *row,
		      const struct view *view, uint64_t lines)
{
	struct frame *frame = &screen->frame;
	const struct row_context *context = &screen->table.context;
	struct value value = shown->column->get(row, context);
	enum style style = cell_style(row, context, shown->column, value);
	int at = shown->at, limit = shown->at + shown->width;
	char text[CELL_SIZE];

	if (is_command(shown->column))
		at = draw_branch(frame, row_at, at, limit, row, view, lines);
	column_format(shown->column, value, context, text, sizeof(text));
	if (is_wait_begun(shown->column, row, value)) {
		snprintf(text, sizeof(text), "D");
		style = STYLE_STUCK;
	}
	frame_fit(frame, row_at, at, limit - at, style, text,
		  is_command(shown->column) ? TEXT_CUT_MIDDLE : TEXT_CUT_END, shown->right);
}

/* Columns grow with what they hold: a number is never cut. */
static void grow_columns(struct screen *screen, const struct view *view, size_t first, size_t count)
{
	for (size_t i = 0; i < view->column_count; i++) {
		const struct column *column = view->columns[i];

		if (is_command(column) || column->kind == COLUMN_GRAPH)
			continue;
		for (size_t at = first; at < first + count; at++) {
			const struct row *row = &screen->table.rows[at];
			char text[CELL_SIZE];
			int width;

			column_format(column, column->get(row, &screen->table.context), &screen->table.context, text,
				      sizeof(text));
			width = (int)text_width(text);
			if (width > screen->layout.grown[i])
				screen->layout.grown[i] = width;
		}
	}
}

static void draw_graphs(struct screen *screen, const struct shown_column *shown, int row_at, size_t first, size_t count)
{
	static const size_t most = PAGE_MAX;
	double values[PAGE_MAX * GRAPH_CELLS_MAX];
	size_t samples = (size_t)(shown->width < GRAPH_CELLS_MAX ? shown->width : GRAPH_CELLS_MAX);
	int counter = series_counter(screen);
	bool ratio = counter == COUNTER_BLKIO_DELAY || counter == COUNTER_SWAPIN_DELAY;
	double top = ratio ? 1 : 0;

	count = count < most ? count : most;
	series_rows(screen, screen->table.rows + first, count, counter, values, samples);
	for (size_t i = 0; i < count * samples && !ratio; i++)
		if (values[i] > top)
			top = values[i];
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &screen->table.rows[first + i];

		graph_draw(&screen->frame, row_at + (int)i, shown->at, (int)samples,
			   row->flags & DELTA_EXITED ? STYLE_EXITED : STYLE_MIDDLE, values + i * samples, samples, top);
	}
}

/* For each row of the page the levels above it that have another row to come. Read from the end of the table. */
static void find_lines(const struct table *table, size_t first, size_t count, uint64_t *lines)
{
	uint64_t open = 0;

	for (size_t at = table->count; at-- > first;) {
		unsigned depth = table->rows[at].depth % 64;

		if (at < first + count)
			lines[at - first] = open;
		open &= (UINT64_C(2) << depth) - 1; /* what is deeper belongs to rows below */
		open |= UINT64_C(1) << depth;
	}
}

static void draw_rows(struct screen *screen, const struct view *view, int first_row, size_t first, size_t count)
{
	uint64_t lines[PAGE_MAX] = { 0 };

	if (view->tree || view->group != GROUP_NONE)
		find_lines(&screen->table, first, count < PAGE_MAX ? count : PAGE_MAX, lines);
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &screen->table.rows[first + i];
		int at = first_row + (int)i;

		for (size_t column = 0; column < screen->layout.count; column++)
			if (screen->layout.columns[column].column->kind != COLUMN_GRAPH)
				draw_cell(screen, at, &screen->layout.columns[column], row, view,
					  i < PAGE_MAX ? lines[i] : 0);
	}
	for (size_t column = 0; column < screen->layout.count; column++)
		if (screen->layout.columns[column].column->kind == COLUMN_GRAPH)
			draw_graphs(screen, &screen->layout.columns[column], first_row, first, count);
	if (screen->cursor.row >= first && screen->cursor.row < first + count)
		frame_select(&screen->frame, first_row + (int)(screen->cursor.row - first), 0, screen->frame.columns);
}

static const char *why_empty(struct screen *screen, const struct view *view)
{
	const struct interval *interval = screen_shown_interval(screen);

	if (!interval || interval->baseline)
		return screen->frame.charset == TEXT_UTF8 ? "collecting…" : "collecting...";
	if (screen->filter)
		return view->only_active ? "no active task matches the filter" : "no task matches the filter";
	if (view->only_active)
		return "no task did I/O in this interval (o: all tasks)";
	return screen_in_past(screen) ? "no task did I/O in this interval" : "no tasks";
}

void body_draw_empty(struct screen *screen, int first, int limit, const char *text)
{
	int width = (int)text_width(text);
	int column = (screen->frame.columns - width) / 2;

	frame_text(&screen->frame, first + (limit - first) / 3, column > 0 ? column : 0, screen->frame.columns,
		   STYLE_ZERO, text);
}

/* The page stays inside the table. */
static void place_page(struct screen *screen, size_t rows)
{
	struct cursor *cursor = &screen->cursor;
	size_t count = screen->table.count;

	if (cursor->top + rows > count)
		cursor->top = count > rows ? count - rows : 0;
}

/* Groups have no IDs and no priority: while none is open, their names have the room. */
static void drop_ids(const struct table *table, struct view *view)
{
	size_t kept = 0;

	if (view->group == GROUP_NONE)
		return;
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].key.kind != ROW_GROUP)
			return;
	for (size_t i = 0; i < view->column_count; i++)
		if (view->columns[i]->kind != COLUMN_ID && view->columns[i]->kind != COLUMN_PRIO)
			view->columns[kept++] = view->columns[i];
	view->column_count = kept;
}

void body_draw(struct screen *screen, int first, int limit)
{
	struct view view = screen_shown_view(screen);
	struct layout *layout = &screen->layout;
	size_t rows, count;

	layout->body_row = first + 1;
	layout->body_rows = limit - first - 1;
	if (limit - first < 2) { /* no place for titles */
		layout->body_row = first;
		layout->body_rows = limit - first;
	}
	rows = layout->body_rows > 0 ? (size_t)layout->body_rows : 0;
	place_page(screen, rows);
	drop_ids(&screen->table, &view);
	count = screen->table.count - screen->cursor.top < rows ? screen->table.count - screen->cursor.top : rows;
	grow_columns(screen, &view, screen->cursor.top, count);
	fit_columns(screen, &view);
	if (layout->body_row > first)
		draw_titles(screen, &view, first);
	if (count)
		draw_rows(screen, &view, layout->body_row, screen->cursor.top, count);
	else if (rows)
		body_draw_empty(screen, layout->body_row, limit, why_empty(screen, &view));
}
