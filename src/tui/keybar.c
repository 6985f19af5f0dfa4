/* The last line: what a question or an action had to say, else the keys that are most useful now. */
#include "state.h"
#include "travel.h"

#include <stdio.h>
#include <string.h>

#define RANKS 32

/* On a page the way back comes early, and in a recording what moves in it. */
static unsigned rank_of(const struct screen *screen, const struct binding *binding)
{
	if (screen->mode == KEYS_PAGE && binding->keys[0] == INPUT_TAB)
		return 2;
	if (!screen_travels(screen) || !(screen->mode & (KEYS_TABLE | KEYS_PAGE)))
		return binding->rank < RANK_TRAVEL ? binding->rank : 0;
	if (binding->keys[0] == 'z')
		return 3;
	if (binding->rank >= RANK_TRAVEL)
		return 4u + binding->rank - RANK_TRAVEL;
	return binding->rank > 2 ? binding->rank + RANKS / 4 : binding->rank;
}

/* The bindings of the mode by rank, those with a label. */
static size_t collect(const struct screen *screen, const struct binding **list)
{
	size_t count = 0;

	for (unsigned rank = 1; rank < RANKS; rank++)
		for (size_t i = 0; i < binding_count && count < RANKS; i++)
			if (rank_of(screen, &bindings[i]) == rank && bindings[i].label &&
			    (bindings[i].modes & (unsigned)screen->mode))
				list[count++] = &bindings[i];
	return count;
}

/* What the key would do next, where that is not always the same. */
static const char *label_of(const struct screen *screen, const struct binding *binding)
{
	const struct view *view = &screen->settings->view;
	static const char *const modes[MODE_COUNT] = {
		[MODE_RATE] = "Sums",
		[MODE_ACCUMULATED] = "Average",
		[MODE_AVERAGE] = "Rates",
	};

	static const char *const next_pages[VIEW_PAGE_COUNT] = {
		[VIEW_TASKS] = "Devices",
		[VIEW_DEVICES] = "NFS",
		[VIEW_NFS] = "Tasks",
	};

	if (binding->keys[0] == INPUT_TAB)
		return next_pages[screen->page.page ? screen->page.page->id : VIEW_TASKS];
	if (screen->mode != KEYS_TABLE && screen->mode != KEYS_PAGE)
		return binding->label;
	if (binding->keys[0] == 'p')
		return view->threads ? "Processes" : "Threads";
	if (binding->keys[0] == 'o')
		return view->only_active ? "All" : "Active";
	if (binding->keys[0] == 'a')
		return modes[view->mode];
	if (binding->keys[0] == 'z' && screen_travels(screen))
		return screen->playing ? "Hold" : "Play";
	if (binding->keys[0] == 'z')
		return screen->paused || screen->back ? "Live" : "Pause";
	return binding->label;
}

static int draw_position(struct screen *screen, int row)
{
	char text[64];
	bool page = screen->mode == KEYS_PAGE;
	size_t rows = screen_page_rows(screen);
	size_t count = page ? screen->page.table.count : screen->table.count;
	int width;

	if ((!page && screen->mode != KEYS_TABLE) || count <= rows || !rows)
		return screen->frame.columns;
	width =
	    snprintf(text, sizeof(text), "%zu/%zu", (page ? &screen->page.cursor : &screen->cursor)->row + 1, count);
	if (width > screen->frame.columns / 4)
		return screen->frame.columns;
	frame_text(&screen->frame, row, screen->frame.columns - width, screen->frame.columns, STYLE_ZERO, text);
	return screen->frame.columns - width - 1;
}

static void draw_keys(struct screen *screen, int row)
{
	const struct binding *list[RANKS];
	size_t count = collect(screen, list);
	int limit = draw_position(screen, row), column = 0;

	for (size_t i = 0; i < count; i++) {
		char key[32];
		const char *label = label_of(screen, list[i]);
		int from = column;

		key_name(list[i]->keys[0], screen->frame.charset, key, sizeof(key));
		if (column + (int)(text_width(key) + 1 + text_width(label)) > limit)
			break;
		column = frame_text(&screen->frame, row, column, limit, STYLE_KEY, key);
		column = frame_text(&screen->frame, row, column + 1, limit, STYLE_KEY_LABEL, label) + 2;
		screen_hot_spot(screen, row, from, column - 1, list[i]->keys[0], -1);
	}
}

/* Where it is too long it keeps its end: who is meant, and what answers it. */
static void draw_question(struct screen *screen, int row)
{
	struct frame *frame = &screen->frame;
	const int width = (int)text_width(screen->message), room = frame->columns - 1; /* for the cursor */

	frame_fit(frame, row, 0, width < room ? width : room, STYLE_NOTICE, screen->message, TEXT_CUT_MIDDLE, false);
	frame->cursor_row = row;
	frame->cursor_column = width < room ? width + 1 : room;
}

void keybar_draw(struct screen *screen, int row)
{
	if (screen->mode == KEYS_PROMPT) {
		prompt_draw(&screen->prompt, &screen->frame, row);
		return;
	}
	if (!screen->message[0])
		draw_keys(screen, row);
	else if (screen->mode == KEYS_CONFIRM)
		draw_question(screen, row);
	else
		frame_brief(&screen->frame, row, 0, screen->frame.columns,
			    screen->message_is_error ? STYLE_ERROR : STYLE_NOTICE, screen->message);
}
