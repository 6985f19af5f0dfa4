/* From what the screen knows to a frame: rows are built, the cursor finds its task, the parts are drawn. */
#include "state.h"

#include <string.h>

/* Usual is: groups closed, trees open. The set holds the exceptions. */
static bool is_open(void *data, const struct row_key *key)
{
	const struct screen *screen = data;
	bool usual = screen->settings->view.group == GROUP_NONE;

	for (size_t i = 0; i < screen->expansion.count; i++)
		if (memcmp(&screen->expansion.items[i], key, sizeof(*key)) == 0)
			return !usual;
	return usual;
}

static void count_active(struct screen *screen, const struct interval *interval)
{
	screen->active_tasks = screen->undelayed_tasks = screen->stuck_tasks = 0;
	for (size_t i = 0; i < interval->count; i++) {
		const struct task_delta *task = &interval->tasks[i];

		bool did = counters_any(&task->delta), stuck = (task->flags & DELTA_STUCK) != 0;

		if ((task->flags & (DELTA_EXITED | DELTA_FOLDED | DELTA_OTHER)) || !(did || stuck))
			continue;
		screen->active_tasks++;
		screen->stuck_tasks += stuck && !did && task->busiest_blkio_ns;
		screen->undelayed_tasks += (task->flags & DELTA_NO_DELAYS) != 0;
	}
}

/* The page shows the first row until someone scrolls; a followed task takes it along. */
static void find_cursor(struct screen *screen)
{
	struct cursor *cursor = &screen->cursor;
	const struct table *table = &screen->table;
	size_t rows = screen_page_rows(screen);

	for (size_t i = 0; cursor->anchored && i < table->count; i++) {
		if (memcmp(&table->rows[i].key, &cursor->key, sizeof(cursor->key)) != 0)
			continue;
		cursor->row = i;
		if (cursor->follow && rows && (i < cursor->top || i >= cursor->top + rows))
			cursor->top = i > rows / 2 ? i - rows / 2 : 0;
		break;
	}
	if (cursor->row >= table->count)
		cursor->row = table->count ? table->count - 1 : 0;
}

void screen_update_table(struct screen *screen)
{
	const struct interval *interval = screen_shown_interval(screen);
	struct view view = screen_shown_view(screen);
	struct expansion expansion = { .data = screen, .open = is_open };

	if (!screen->table_stale)
		return;
	screen->table_stale = false;
	if (interval)
		count_active(screen, interval);
	if (screen_on_page(screen)) {
		screen->table.count = 0;
		if (!pages_update(screen))
			screen_error(screen, "out of memory");
		return;
	}
	if (!interval) {
		screen->table.count = 0;
		return;
	}
	if (table_build(&screen->table, interval, &view, screen->lookup, screen->frame.charset, &expansion)) {
		screen->table.count = 0;
		screen_error(screen, "out of memory");
	}
	screen->table.context.process_prios = true; /* from here on rows are looked at, not sorted */
	find_cursor(screen);
}

const struct row *screen_cursor_row(struct screen *screen)
{
	screen_update_table(screen);
	return screen->cursor.row < screen->table.count ? &screen->table.rows[screen->cursor.row] : NULL;
}

static bool has_keybar(const struct screen *screen)
{
	if (screen->mode == KEYS_PROMPT || screen->mode == KEYS_CONFIRM || screen->message[0])
		return true;
	return !screen->settings->hide_keys && screen->frame.rows >= 4;
}

size_t screen_page_rows(const struct screen *screen)
{
	int rows = screen->frame.rows - header_rows(screen) - (has_keybar(screen) ? 1 : 0);

	if (rows >= 2)
		rows--; /* titles */
	return rows > 0 ? (size_t)rows : 0;
}

void screen_hot_spot(struct screen *screen, int row, int from, int limit, int key, int title)
{
	struct layout *layout = &screen->layout;

	if (layout->spot_count < HOT_SPOTS_MAX)
		layout->spots[layout->spot_count++] = (struct hot_spot){ row, from, limit, key, title };
}

static void draw_main(struct screen *screen, int first, int limit)
{
	enum key_mode below = screen->mode;

	if (below == KEYS_MENU || below == KEYS_CHOOSER || below == KEYS_PROMPT || below == KEYS_CONFIRM)
		below = screen->mode_below;
	if (below == KEYS_HELP)
		help_draw(screen, first, limit);
	else if (below == KEYS_DETAIL)
		detail_draw(screen, first, limit);
	else if (below == KEYS_PAGE_DETAIL)
		pages_draw_detail(screen, first, limit);
	else if (screen_on_page(screen))
		pages_draw(screen, first, limit);
	else
		body_draw(screen, first, limit);
	if (screen->mode == KEYS_MENU || screen->mode == KEYS_CHOOSER)
		menu_draw(&screen->menu, &screen->frame, first, limit);
}

void screen_compose(struct screen *screen)
{
	int first, limit;

	if (!screen->frame_stale)
		return;
	screen_update_table(screen);
	frame_clear(&screen->frame);
	screen->layout.spot_count = 0;
	first = screen->mode == KEYS_HELP ? 0 : header_rows(screen); /* a text to read gets all the room */
	limit = screen->frame.rows - (has_keybar(screen) ? 1 : 0);
	if (first)
		header_draw(screen);
	if (limit > first)
		draw_main(screen, first, limit);
	if (has_keybar(screen))
		keybar_draw(screen, screen->frame.rows - 1);
	screen->frame_stale = false;
}
