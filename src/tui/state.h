/* What the screen knows, shared by its parts: screen.c feeds it, commands*.c change it, the others draw it.
 *
 * `table_stale`: the rows must be built anew. `frame_stale`: something seen has changed. A move of the cursor sets the
 * latter alone, so that a key is answered at once however many rows there are. */
#ifndef IOTOPX_TUI_STATE_H
#define IOTOPX_TUI_STATE_H

#include "frame.h"
#include "keys.h"
#include "menu.h"
#include "prompt.h"
#include "terminal.h"
#include "timeline.h"

#include "iotopx/accumulator.h"
#include "iotopx/filter.h"
#include "iotopx/history.h"
#include "iotopx/page.h"
#include "iotopx/screen.h"
#include "iotopx/table.h"

#define GRAPH_SAMPLES 256

/* A column as it is drawn. */
struct shown_column {
	const struct column *column;    /* of the table, or ... */
	const struct page_column *page; /* ... of a page beside it */
	const char *title;
	int at, width;
	bool right;
};

/* A place that answers to a click. */
struct hot_spot {
	int row, from, limit;
	int key;   /* to press, or 0 */
	int title; /* of which column, or -1 */
};

#define HOT_SPOTS_MAX 64

struct layout {
	struct shown_column columns[VIEW_COLUMNS_MAX];
	size_t count;
	int grown[VIEW_COLUMNS_MAX]; /* widths that contents asked for, by index in the view; never shrink by themselves
				      */
	int body_row, body_rows;     /* where the rows are */
	struct hot_spot spots[HOT_SPOTS_MAX];
	size_t spot_count;
};

/* The cursor. It belongs to a task once the user has moved it; before, to the first row whoever that is. */
struct cursor {
	size_t row, top; /* index of the row, and of the first one on screen */
	bool anchored;
	struct row_key key;
	bool follow; /* the page goes along with the task */
};

/* Rows opened or closed against what is usual (groups closed, tree open). */
struct expansion_set {
	struct row_key *items;
	size_t count, capacity;
};

/* A page beside the table, while it is shown. */
struct page_state {
	const struct page *page; /* NULL: the table of tasks */
	struct page_table table;
	struct page_view view;
	char filter[PROMPT_TEXT_SIZE];
	struct cursor cursor;
	char selected[256]; /* name of the row that has the cursor, "" the first */
	struct open_names { /* disks that show their partitions, by the hash of their names */
		uint64_t *items;
		size_t count, capacity;
	} open;
};

/* Infos of idle tasks are borrowed from the books, which go on between two intervals: these references keep those of
 * the latest interval alive while its rows are shown. */
struct info_list {
	struct task_info **items;
	size_t count, capacity;
};

struct signal_target {
	struct task_id id;
	char name[96]; /* sanitised, with its PID */
};

/* How the accumulator, in a recording, comes to hold what was before the interval shown. */
struct sums {
	bool stale;     /* it does not: to be made anew when looked at; new intervals are not added to it */
	bool under_way; /* it holds those before `at` */
	bool partial;   /* not all that was before could be read: it holds less */
	int64_t at;
	double done; /* the part that is behind */
	int percent; /* of it, as drawn */
};

struct screen {
	struct settings *settings; /* borrowed */
	const struct lookup *lookup;
	struct screen_host host;
	struct terminal *terminal; /* NULL in tests of what is drawn */
	struct frame frame;
	char host_name[65];

	struct interval *live; /* the latest */
	struct info_list live_idle;
	struct interval *frozen;      /* paused: what is shown of `live` ... */
	struct interval *frozen_sums; /* ... and of the accumulator */
	struct accumulator *accumulator;
	struct history *history;
	struct timeline timeline; /* of a recording */
	bool playing;             /* ... which goes on by itself */
	struct sums sums;
	bool paused;
	size_t behind;          /* intervals since the pause */
	size_t back;            /* steps back in the history plus one; 0: not stepped */
	char *notice;           /* of the source, NULL none */
	size_t active_tasks;    /* of what is shown ... */
	size_t undelayed_tasks; /* ... and those among them that were forked without delay accounting */
	size_t stuck_tasks;     /* ... or waited all through the interval */

	struct filter *filter;
	char filter_error[160];
	struct prompt_history filter_history;

	struct table table;
	bool table_stale, frame_stale;
	struct layout layout;
	struct cursor cursor;
	struct expansion_set expansion;
	struct page_state page;

	enum key_mode mode, mode_below; /* where a prompt or a menu returns to */
	struct prompt prompt;
	struct menu menu;
	size_t help_top, help_lines;
	struct row_key detail_key;
	struct table detail_table; /* all rows, whatever the view leaves out; built while a detail is shown */
	struct row detail_row;     /* as last seen; its info is a reference of its own */
	int64_t detail_seen_wall_ms;
	uint32_t detail_exit_code; /* a wait status, UINT32_MAX unknown */
	uint64_t detail_files_ns;  /* the reading of open files that is shown; 1: none yet, 0: none wanted */
	size_t detail_top, detail_lines;
	struct signal_target target;
	int pending_signal;
	bool want_idle; /* until the next interval: all threads of a process are needed */
	char message[256];
	bool message_is_error;
	bool quit;
};

/* screen.c: a screen without a terminal, as tests have it; 0 or -errno. */
int screen_create(struct settings *settings, const struct lookup *lookup, const struct screen_host *host,
		  enum text_charset charset, struct screen **screen);
void screen_destroy(struct screen *screen);
void screen_key(struct screen *screen, const struct input *input);
int screen_set_size(struct screen *screen, int rows, int columns);
void screen_compose(struct screen *screen); /* draws into screen->frame if anything is stale */

/* What is shown: live, paused, or of the past; NULL before the first one. */
const struct interval *screen_shown_interval(struct screen *screen);
/* The view as it is shown: the filter is in, and the past knows rates only. */
struct view screen_shown_view(const struct screen *screen);
bool screen_in_past(const struct screen *screen);
const struct row *screen_cursor_row(struct screen *screen); /* NULL: there is none */
void screen_view_changed(struct screen *screen);
void screen_sort_by_title(struct screen *screen, size_t title); /* by its place in the layout; again: reverse */
void screen_message(struct screen *screen, const char *format, ...) __attribute__((format(printf, 2, 3)));
void screen_error(struct screen *screen, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The filter from the settings' text, -p and -u. 0 or -errno with filter_error set; the last good one stays. */
int screen_update_filter(struct screen *screen);
void screen_update_table(struct screen *screen);
size_t screen_page_rows(const struct screen *screen);
void screen_hot_spot(struct screen *screen, int row, int from, int limit, int key, int title);
/* Opens a prompt, menu or panel over the present mode; screen_leave goes back. */
void screen_enter(struct screen *screen, enum key_mode mode);
void screen_leave(struct screen *screen);

/* Parts that draw; rows are those of the frame. */
int header_rows(const struct screen *screen);
void header_draw(struct screen *screen);
void body_draw(struct screen *screen, int first, int limit);
void body_draw_empty(struct screen *screen, int first, int limit, const char *text); /* in place of rows */
/* One title; `number` is its place in the layout. */
void body_draw_title(struct screen *screen, int row, const struct shown_column *shown, size_t number, bool sorts,
		     bool ascending);
/* pages.c: devices and NFS. */
bool screen_on_page(const struct screen *screen);
bool pages_update(struct screen *screen); /* builds the rows; false without memory */
void pages_draw(struct screen *screen, int first, int limit);
void pages_select(struct screen *screen, enum view_page page);
void pages_sort(struct screen *screen, size_t title);                        /* again: reverse */
void pages_sort_by(struct screen *screen, const struct page_column *column); /* likewise */
struct page_look *pages_look(const struct screen *screen);                   /* of the page that is shown */
/* pages_panels.c */
void pages_sort_menu(struct screen *screen);
void pages_columns_menu(struct screen *screen);
void pages_draw_detail(struct screen *screen, int first, int limit);
void pages_open(struct screen *screen, bool open);
void pages_free(struct screen *screen);
void keybar_draw(struct screen *screen, int row);
void help_draw(struct screen *screen, int first, int limit);
void detail_draw(struct screen *screen, int first, int limit);
void detail_free(struct screen *screen);
bool detail_has_news(const struct screen *screen); /* what was asked for has come */

/* series.c: the past as numbers, newest first, NaN where unknown; returns how many. */
enum series { SERIES_TOTAL_READ, SERIES_TOTAL_WRITE, SERIES_ACTUAL_READ, SERIES_ACTUAL_WRITE, SERIES_COUNT };
size_t series_machine(const struct screen *screen, enum series series, double *values, size_t max);
/* Of rows: values[row * samples + steps back]. What a counter did a second, or read and write together (-1); delays as
 * a ratio of the time. NaN where there is no interval in memory. */
void series_rows(const struct screen *screen, const struct row *rows, size_t count, int counter, double *values,
		 size_t samples);
/* Does that delta belong to the row? */
bool series_is_part(const struct row *row, enum view_group group, const struct task_delta *task);
/* What the GRAPH column shows: follows the sort column. */
int series_counter(const struct screen *screen);

#endif
