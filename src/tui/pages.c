/* The pages beside the tasks: devices and NFS mounts. What they show is in page.h; here it becomes cells. */
#include "layout.h"
#include "iotopx/hash.h"
#include "state.h"

#include "iotopx/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAST_ROOMY 20
#define NAME_MAX_CELLS 24
#define CELL_SIZE 512
#define PAGE_COLUMNS_MAX VIEW_COLUMNS_MAX

bool screen_on_page(const struct screen *screen)
{
	return screen->page.page != NULL;
}

static size_t find_open(const struct page_state *state, uint64_t hash)
{
	size_t at = 0;

	while (at < state->open.count && state->open.items[at] != hash)
		at++;
	return at;
}

static bool is_open(void *data, const char *name)
{
	const struct page_state *state = data;

	return find_open(state, hash_text(HASH_START, name)) < state->open.count;
}

void pages_select(struct screen *screen, enum view_page page)
{
	struct page_state *state = &screen->page;

	page_table_free(&state->table);
	state->page = page_get(page);
	screen->settings->view.page = page;
	state->cursor = (struct cursor){ .row = 0 };
	state->filter[0] = '\0';
	state->view = (struct page_view){ .data = state, .open = is_open };
	screen->mode = state->page ? KEYS_PAGE : KEYS_TABLE;
	screen_view_changed(screen);
}

void pages_free(struct screen *screen)
{
	page_table_free(&screen->page.table);
	free(screen->page.open.items);
}

bool pages_update(struct screen *screen)
{
	struct page_state *state = &screen->page;
	const struct interval *interval = screen_shown_interval(screen);

	state->view.filter = state->filter;
	state->view.sort = pages_look(screen)->sort;
	state->view.reversed = pages_look(screen)->reversed;
	state->view.only_active = screen->settings->view.only_active;
	if (!interval) {
		state->table.count = 0;
		return true;
	}
	if (page_table_build(&state->table, state->page, interval, &state->view, screen->lookup)) {
		state->table.count = 0;
		return false;
	}
	for (size_t i = 0; state->cursor.anchored && i < state->table.count; i++)
		if (strcmp(state->table.rows[i].name, state->selected) == 0)
			state->cursor.row = i;
	if (state->cursor.row >= state->table.count)
		state->cursor.row = state->table.count ? state->table.count - 1 : 0;
	return true;
}

void pages_sort_by(struct screen *screen, const struct page_column *column)
{
	struct page_look *look = pages_look(screen);

	look->reversed = look->sort == column && !look->reversed;
	look->sort = column;
	screen_view_changed(screen);
}

void pages_sort(struct screen *screen, size_t title)
{
	if (screen->layout.columns[title].page)
		pages_sort_by(screen, screen->layout.columns[title].page);
}

void pages_open(struct screen *screen, bool open)
{
	struct page_state *state = &screen->page;
	size_t at;
	uint64_t hash, *added;

	screen_update_table(screen);
	if (state->cursor.row >= state->table.count)
		return;
	hash = hash_text(HASH_START, state->table.rows[state->cursor.row].name);
	at = find_open(state, hash);
	if (!open && at < state->open.count) {
		state->open.items[at] = state->open.items[--state->open.count];
	} else if (open && at == state->open.count && state->table.rows[state->cursor.row].has_children) {
		added = array_append(&state->open);
		if (added)
			*added = hash;
	}
	screen_view_changed(screen);
}

struct page_look *pages_look(const struct screen *screen)
{
	return &screen->settings->looks[screen->page.page->id];
}

static size_t format(struct screen *screen, const struct page_column *column, const struct page_row *row, char *to,
		     size_t size)
{
	return page_column_format(column, column->get(row), screen->settings->view.units, screen->frame.charset, to,
				  size);
}

static void grow(struct screen *screen, const struct page_column *const *list, size_t count, size_t first, size_t rows)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t at = first; at < first + rows; at++) {
			char text[CELL_SIZE];
			int width;

			format(screen, list[i], &screen->page.table.rows[at], text, sizeof(text));
			width = (int)text_width(text);
			if (width > screen->layout.grown[i])
				screen->layout.grown[i] = width;
		}
	}
}

/* What a row goes by: the first of the table, wherever it stands. */
static bool is_name(const struct screen *screen, const struct page_column *column)
{
	return column == screen->page.page->columns;
}

/* It is shown whole, within reason; two cells are for its place in the tree. */
static int name_width(const struct page_column *column, int grown)
{
	int width = grown + 2;

	if (width > NAME_MAX_CELLS)
		width = NAME_MAX_CELLS;
	return width > (int)text_width(column->title) ? width : (int)text_width(column->title);
}

/* The last text has what the others leave. */
static size_t flexible_column(const struct screen *screen, const struct page_column *const *list, size_t count)
{
	size_t found = count;

	for (size_t i = 0; i < count; i++)
		if (list[i]->kind == COLUMN_TEXT && !is_name(screen, list[i]))
			found = i;
	return found;
}

static void fit_columns(struct screen *screen, const struct page_column *const *list, size_t count)
{
	struct layout *layout = &screen->layout;
	struct fit fits[PAGE_COLUMNS_MAX];
	size_t flexible = flexible_column(screen, list, count);
	enum tier tier;
	int at = 0;

	for (size_t i = 0; i < count; i++) {
		fits[i] = (struct fit){ .priority = list[i]->priority, .flexible = i == flexible };
		layout_widths(&fits[i], list[i]->kind, list[i]->width, layout->grown[i], list[i]->title,
			      list[i]->short_title);
		for (int tier_at = TIER_FULL; is_name(screen, list[i]) && tier_at < TIER_COUNT; tier_at++)
			fits[i].widths[tier_at] = name_width(list[i], layout->grown[i]);
	}
	tier = flexible < count ? layout_fit(fits, count, screen->frame.columns, list[flexible]->width, LAST_ROOMY)
				: layout_fit(fits, count, screen->frame.columns, 0, 0);
	layout->count = 0;
	for (size_t i = 0; i < count; i++) {
		if (!fits[i].width)
			continue;
		layout->columns[layout->count++] = (struct shown_column){
			.page = list[i],
			.title = tier == TIER_FULL ? list[i]->title : list[i]->short_title,
			.at = at,
			.width = fits[i].width,
			.right = !layout_is_left(list[i]->kind),
		};
		at += fits[i].width + 1;
	}
}

static void draw_titles(struct screen *screen, int row)
{
	const struct page_look *look = pages_look(screen);
	bool ascending = page_column_ascending(look->sort) != look->reversed;

	frame_fill(&screen->frame, row, 0, screen->frame.columns, STYLE_TITLE, ' ');
	for (size_t i = 0; i < screen->layout.count; i++)
		body_draw_title(screen, row, &screen->layout.columns[i], i,
				screen->layout.columns[i].page == look->sort, ascending);
}

static void draw_row(struct screen *screen, int line, const struct page_row *row, bool last)
{
	struct frame *frame = &screen->frame;

	for (size_t i = 0; i < screen->layout.count; i++) {
		const struct shown_column *shown = &screen->layout.columns[i];
		struct value value = shown->page->get(row);
		enum style style = value.type == VALUE_NUMBER ? layout_style(shown->page->kind, value.number, false)
				   : value.type == VALUE_TEXT ? STYLE_NORMAL
							      : STYLE_ZERO;
		int at = shown->at, limit = shown->at + shown->width;
		char text[CELL_SIZE];

		format(screen, shown->page, row, text, sizeof(text));
		if (is_name(screen, shown->page) && row->depth)
			at = frame_text(frame, line, at, limit, STYLE_TREE,
					last ? frame_symbol(frame, "└ ", "` ") : frame_symbol(frame, "├ ", "| "));
		else if (is_name(screen, shown->page) && row->has_children)
			at = frame_text(frame, line, at, limit, STYLE_TREE,
					row->expanded ? frame_symbol(frame, "▾ ", "- ")
						      : frame_symbol(frame, "▸ ", "+ "));
		else if (is_name(screen, shown->page) && screen->page.page->id == VIEW_DEVICES)
			at = frame_text(frame, line, at, limit, STYLE_TREE, "  ");
		frame_fit(frame, line, at, limit - at, style, text, shown->right ? TEXT_CUT_END : TEXT_CUT_MIDDLE,
			  shown->right);
	}
}

static const char *why_empty(struct screen *screen)
{
	const struct interval *interval = screen_shown_interval(screen);
	const struct page_state *state = &screen->page;

	if (!interval)
		return screen->frame.charset == TEXT_UTF8 ? "collecting…" : "collecting...";
	if (state->filter[0])
		return "nothing matches the filter";
	if (state->table.hidden)
		return "nothing is active (o: all)";
	return state->page->id == VIEW_NFS ? "no NFS mounts" : "no block devices";
}

void pages_draw(struct screen *screen, int first, int limit)
{
	const struct page_look *look = pages_look(screen);
	const struct page_column *const *list = look->columns;
	struct page_state *state = &screen->page;
	struct layout *layout = &screen->layout;
	size_t columns_shown = look->column_count, rows, count;

	layout->body_row = limit - first < 2 ? first : first + 1;
	layout->body_rows = limit - layout->body_row;
	rows = layout->body_rows > 0 ? (size_t)layout->body_rows : 0;
	if (state->cursor.top + rows > state->table.count)
		state->cursor.top = state->table.count > rows ? state->table.count - rows : 0;
	count = state->table.count - state->cursor.top < rows ? state->table.count - state->cursor.top : rows;
	grow(screen, list, columns_shown, state->cursor.top, count);
	fit_columns(screen, list, columns_shown);
	if (layout->body_row > first)
		draw_titles(screen, first);
	for (size_t i = 0; i < count; i++) {
		size_t next = state->cursor.top + i + 1;

		draw_row(screen, layout->body_row + (int)i, &state->table.rows[next - 1],
			 next == state->table.count || !state->table.rows[next].depth);
	}
	if (count && state->cursor.row >= state->cursor.top && state->cursor.row < state->cursor.top + count)
		frame_select(&screen->frame, layout->body_row + (int)(state->cursor.row - state->cursor.top), 0,
			     screen->frame.columns);
	if (!state->table.count && rows)
		body_draw_empty(screen, layout->body_row, limit, why_empty(screen));
}
