/* All about one row: who it is, every figure with its meaning, its past, its threads, its files. */
#include "detail.h"

#include "iotopx/open_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define THREADS_MAX 64
#define PAIR_AT 38      /* where the second of two short fields begins */
#define PAIR_COLUMNS 64 /* and the width from which on there are two */
#define EXIT_UNKNOWN UINT32_MAX

void detail_free(struct screen *screen)
{
	table_free(&screen->detail_table);
	task_info_unref(screen->detail_row.info);
	screen->detail_row = (struct row){ .info = NULL };
	screen->detail_exit_code = EXIT_UNKNOWN;
	screen->detail_lines = 0;
}

/* How it ended: of a process, its last thread. */
static void note_exit(struct screen *screen, const struct interval *interval)
{
	const struct row *row = &screen->detail_row;

	screen->detail_exit_code = EXIT_UNKNOWN;
	if (!(row->flags & DELTA_EXITED) || (row->key.kind != ROW_TASK && row->key.kind != ROW_PROCESS))
		return;
	for (size_t i = 0; i < interval->count; i++) {
		const struct task_delta *task = &interval->tasks[i];

		if ((task->flags & DELTA_EXITED) && series_is_part(row, GROUP_NONE, task) &&
		    (row->key.kind == ROW_TASK || task->flags & DELTA_GROUP_DEAD))
			screen->detail_exit_code = task->exit_code;
	}
}

/* The row among all rows of what is shown; as last seen if it is not there. */
static bool find_row(struct screen *screen)
{
	const struct interval *interval = screen_shown_interval(screen);
	struct view view = screen_shown_view(screen);
	struct table *table = &screen->detail_table;

	view.filter = NULL;
	view.only_active = view.hide_exited = false;
	view.fold_exited = screen->detail_key.kind == ROW_EXITED_FOLD;
	if (!interval || table_build(table, interval, &view, screen->lookup, screen->frame.charset, NULL))
		return false;
	for (size_t i = 0; i < table->count; i++) {
		if (memcmp(&table->rows[i].key, &screen->detail_key, sizeof(screen->detail_key)) != 0)
			continue;
		task_info_ref(table->rows[i].info);
		task_info_unref(screen->detail_row.info);
		screen->detail_row = table->rows[i];
		screen->detail_seen_wall_ms = interval->end_wall_ms;
		note_exit(screen, interval);
		return true;
	}
	return false;
}

static void format_exit(char *to, size_t size, uint32_t code)
{
	int status = (int)code;

	if (code == EXIT_UNKNOWN)
		to[0] = '\0';
	else if (WIFSIGNALED(status))
		snprintf(to, size, ", by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(to, size, ", with status %d", WEXITSTATUS(status));
}

static void draw_gone(struct pane *pane, const struct row *row, bool found)
{
	bool exited = (row->flags & DELTA_EXITED) != 0;
	time_t seconds = (time_t)(pane->screen->detail_seen_wall_ms / 1000);
	char when[32] = "", how[64] = "";
	struct tm local;

	if (found && !exited)
		return;
	if (localtime_r(&seconds, &local))
		strftime(when, sizeof(when), "%H:%M:%S", &local);
	if (exited)
		format_exit(how, sizeof(how), pane->screen->detail_exit_code);
	frame_print(pane->frame, pane_line(pane), 0, pane->frame->columns, STYLE_NOTICE, "%s, last seen at %s%s",
		    exited ? "It has exited" : "It is not in this interval", when, how);
}

struct pair {
	struct pane *pane;
	int row;
	bool second;
};

static void short_field(struct pair *pair, const char *label, enum style style, const char *value)
{
	struct pane *pane = pair->pane;

	if (!pair->second || pane->frame->columns < PAIR_COLUMNS) {
		pair->row = pane_line(pane);
		pair->second = false;
	}
	int at = pair->second ? PAIR_AT : 1, limit = pair->second ? pane->frame->columns : PAIR_AT;

	frame_text(pane->frame, pair->row, at, limit, STYLE_LABEL, label);
	at += DETAIL_LABEL;
	frame_brief(pane->frame, pair->row, at, limit - at - 1, style, value);
	pair->second = !pair->second;
}

static bool format_column(const char *key, const struct row *row, const struct row_context *context, char *to,
			  size_t size, const char **title)
{
	const struct column *column = column_find(key);
	struct value value = column ? column->get(row, context) : (struct value){ .type = VALUE_UNKNOWN };

	if (value.type == VALUE_UNKNOWN)
		return false;
	column_format(column, value, context, to, size);
	*title = column_title(column, context, false);
	return true;
}

/* What a state is called, beside its letter. */
static void name_state(char *text, size_t size)
{
	static const char *const names[] = { "R runs",    "S sleeps", "D waits for I/O", "Z zombie",
					     "T stopped", "t traced", "I idle",          "X exited" };
	size_t at = 0;

	while (at < sizeof(names) / sizeof(names[0]) && (names[at][0] != text[0] || text[1]))
		at++;
	if (at < sizeof(names) / sizeof(names[0]))
		snprintf(text, size, "%s", names[at]);
}

static void draw_identity(struct pane *pane, const struct row *row, const struct row_context *context)
{
	static const char *const short_keys[] = { "pid", "ppid", "user", "prio", "state", "age" };
	static const char *const long_keys[] = { "unit", "container", "cgroup" };
	const struct task_info *info = row->info;
	struct pair pair = { .pane = pane };
	const char *title;
	char text[1024];

	for (size_t i = 0; i < sizeof(short_keys) / sizeof(short_keys[0]); i++) {
		bool state = strcmp(short_keys[i], "state") == 0;

		if (!format_column(short_keys[i], row, context, text, sizeof(text), &title))
			continue;
		if (state)
			name_state(text, sizeof(text));
		short_field(&pair, title, state && row->flags & DELTA_STUCK ? STYLE_STUCK : STYLE_VALUE, text);
	}
	if (row->key.kind == ROW_TASK && info->process.tid > 0) {
		char comm[TASK_COMM_SIZE * 6];

		text_sanitize(comm, sizeof(comm), task_info_command(info), strlen(task_info_command(info)),
			      context->charset);
		snprintf(text, sizeof(text), "%d %s", (int)info->process.tid, comm);
		short_field(&pair, "Process", STYLE_VALUE, text);
	} else if (row->key.kind != ROW_TASK) {
		snprintf(text, sizeof(text), "%u", row->members);
		short_field(&pair, row->key.kind == ROW_PROCESS ? "Threads seen" : "Members", STYLE_VALUE, text);
	}
	for (size_t i = 0; i < sizeof(long_keys) / sizeof(long_keys[0]); i++)
		if (format_column(long_keys[i], row, context, text, sizeof(text), &title))
			pane_field(pane, title, text);
}

static void draw_command(struct pane *pane, const struct row *row, const struct row_context *context)
{
	struct row_context full = *context;
	const struct column *command = column_find("command");
	int width = pane->frame->columns - 1, lines = 0;
	char text[2048], piece[2048];
	const char *at = text;

	full.full_command = true;
	column_format(command, command->get(row, &full), &full, text, sizeof(text));
	do { /* wrapped by cells, at most 4 lines */
		size_t used = 0, cells = 0, length = strlen(at);

		while (used < length) {
			unsigned code;
			size_t bytes = text_decode(at + used, length - used, &code);
			int wide = bytes ? text_code_width(code) : 1;

			if (cells + (size_t)(wide > 0 ? wide : 0) > (size_t)(width > 2 ? width : 2))
				break;
			cells += (size_t)(wide > 0 ? wide : 0);
			used += bytes ? bytes : 1;
		}
		snprintf(piece, sizeof(piece), "%.*s", (int)used, at);
		frame_text(pane->frame, pane_line(pane), 0, pane->frame->columns, lines ? STYLE_NORMAL : STYLE_HOST,
			   piece);
		at += used;
	} while (*at && ++lines < 4);
}

static struct counters accumulated(struct screen *screen, const struct row *row)
{
	const struct interval *sums =
	    screen->live && !screen->live->baseline ? accumulator_interval(screen->accumulator) : NULL;
	struct counters sum = { .known = 0 };
	bool any = false;

	for (size_t i = 0; sums && i < sums->count; i++) {
		if (!series_is_part(row, screen->settings->view.group, &sums->tasks[i]))
			continue;
		if (any)
			counters_add(&sum, &sums->tasks[i].delta);
		else
			sum = sums->tasks[i].delta;
		any = true;
	}
	return sum;
}

static void draw_figure(struct pane *pane, int line, int at, bool known, const char *text)
{
	frame_fit(pane->frame, line, at, DETAIL_FIGURE, known ? STYLE_VALUE : STYLE_ZERO, text, TEXT_CUT_END, true);
}

/* Sums of what has one; of the share of time that was waited, the time. */
static void draw_sum(struct pane *pane, int line, int at, const struct column *column, const struct row *total,
		     const struct row_context *context)
{
	char text[64] = "";
	struct value value = { .type = VALUE_UNKNOWN };

	if (column->kind == COLUMN_BYTES || column->kind == COLUMN_COUNT) {
		value = column->get(total, context);
		column_format(column, value, context, text, sizeof(text));
	} else if (column->kind == COLUMN_RATIO && column->counter >= 0 &&
		   counters_known(&total->sum, (enum counter)column->counter)) {
		value.type = VALUE_NUMBER;
		units_duration(text, sizeof(text), total->sum.value[column->counter]);
	}
	draw_figure(pane, line, at, value.type != VALUE_UNKNOWN, text);
}

/* Those of units and containers are of no other row. */
static bool is_figure(const struct column *column, const struct row *row, const struct row_context *context)
{
	if (column->kind != COLUMN_BYTES && column->kind != COLUMN_COUNT && column->kind != COLUMN_RATIO &&
	    column->kind != COLUMN_LIFETIME && strcmp(column->key, "blkavg") != 0)
		return false;
	return column->counter >= 0 || column->get(row, context).type != VALUE_UNKNOWN;
}

/* What it did in the interval, since iotopx started, and what that means. */
static void draw_figures(struct pane *pane, const struct row *row, const struct row_context *context)
{
	struct row_context rates = *context, sums = *context;
	struct row total = *row;
	int second = DETAIL_LABEL + DETAIL_FIGURE, help = second + DETAIL_FIGURE + 2, line;

	rates.mode = MODE_RATE;
	sums.mode = MODE_ACCUMULATED;
	total.sum = accumulated(pane->screen, row);
	pane_line(pane);
	line = pane_line(pane);
	frame_text(pane->frame, line, 0, pane->frame->columns, STYLE_HEADING, "Figures");
	frame_fit(pane->frame, line, DETAIL_LABEL, DETAIL_FIGURE, STYLE_LABEL, "now", TEXT_CUT_END, true);
	frame_fit(pane->frame, line, second, DETAIL_FIGURE, STYLE_LABEL, "since start", TEXT_CUT_END, true);
	for (size_t i = 0; i < column_count; i++) {
		const struct column *column = &columns[i];
		struct value value;
		char text[64];

		if (!is_figure(column, row, &rates))
			continue;
		value = column->get(row, &rates);
		column_format(column, value, &rates, text, sizeof(text));
		line = pane_line(pane);
		frame_fit(pane->frame, line, 1, DETAIL_LABEL - 1, STYLE_LABEL, column_title(column, context, false),
			  TEXT_CUT_END, false);
		draw_figure(pane, line, DETAIL_LABEL, value.type != VALUE_UNKNOWN, text);
		draw_sum(pane, line, second, column, &total, &sums);
		pane_wrap(pane, line, help, STYLE_ZERO, column->help);
	}
}

/* A column of dashes explains itself, and so do signs. */
static void draw_why(struct pane *pane, const struct row *row)
{
	const struct interval *interval = screen_shown_interval(pane->screen);
	bool single = row->key.kind == ROW_TASK || row->key.kind == ROW_PROCESS;
	const struct {
		bool applies;
		const char *text;
	} notes[] = {
		{ interval && interval->delayacct == 0,
		  "IO, SWAPIN and BLKIO are not measured: delay accounting is off (Ctrl-T turns it on)." },
		{ interval && interval->delayacct != 0 && row->flags & DELTA_NO_DELAYS,
		  "IO, SWAPIN and BLKIO are not known: it was started while delay accounting was off." },
		{ row->flags & DELTA_STUCK, "It is in state D: it waits for I/O that has not ended. How long is "
					    "measured when it ends; IO is what is seen "
					    "of it until then." },
		{ !single, "It stands for several tasks: what differs among them, as their PIDs, is not shown." },
		{ single && row->flags & DELTA_EXITED, "It has exited: its I/O priority can't be asked for any more." },
		{ (row->sum.approximate & COUNTERS_ROUNDED) != 0,
		  "~: the kernel rounds buffer bytes and system calls of who exited, and of who was read from outside, "
		  "down "
		  "to multiples of 1024." },
		{ (row->sum.approximate & COUNTERS_DELAY) != 0 && !(row->flags & DELTA_STUCK),
		  "~ before IO, SWAPIN or BLKIO: a lower bound, or limited to the time that it lived." },
	};

	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
		if (notes[i].applies)
			pane_wrap(pane, pane_line(pane), 1, STYLE_NOTICE, notes[i].text);
}

static void draw_past(struct pane *pane, const struct row *row, const struct row_context *context)
{
	static const struct {
		const char *label, *key;
		int counter;
		enum style style;
	} graphs[] = {
		{ "disk read", "read", COUNTER_READ, STYLE_READ },
		{ "disk write", "write", COUNTER_WRITE, STYLE_WRITE },
		{ "buffer read", "rchar", COUNTER_READ_CHAR, STYLE_READ },
		{ "buffer write", "wchar", COUNTER_WRITE_CHAR, STYLE_WRITE },
		{ "read syscalls", "syscr", COUNTER_READ_CALLS, STYLE_READ },
		{ "write syscalls", "syscw", COUNTER_WRITE_CALLS, STYLE_WRITE },
		{ "IO", "io", COUNTER_BLKIO_DELAY, STYLE_MIDDLE },
	};
	double values[GRAPH_SAMPLES];
	size_t samples = pane_graph_samples(pane);

	if (!samples)
		return;
	pane_heading(pane, "History: highest, and the course of it (newest at the right)");
	for (size_t i = 0; i < sizeof(graphs) / sizeof(graphs[0]); i++) {
		struct row_context rates = *context;
		struct value peak = { .type = VALUE_UNKNOWN };
		char text[64];

		rates.mode = MODE_RATE;
		series_rows(pane->screen, row, 1, graphs[i].counter, values, samples);
		for (size_t at = 0; at < samples; at++) {
			if (isnan(values[at]) || (peak.type == VALUE_NUMBER && values[at] <= peak.number))
				continue;
			peak = (struct value){ .type = VALUE_NUMBER, .number = values[at] };
		}
		column_format(column_find(graphs[i].key), peak, &rates, text, sizeof(text));
		pane_graph(pane, graphs[i].label, text, graphs[i].style, values, samples,
			   graphs[i].counter == COUNTER_BLKIO_DELAY ? 1 : 0);
	}
}

/* Threads of a process, or members of a group, that did something in the interval. */
static void draw_members(struct pane *pane, const struct row *row, const struct row_context *context)
{
	const struct interval *interval = screen_shown_interval(pane->screen);
	size_t shown = 0;

	if (row->key.kind == ROW_TASK || !interval)
		return;
	pane_heading(pane, row->key.kind == ROW_PROCESS ? "Threads that did I/O in the interval"
							: "Tasks that did I/O in the interval");
	for (size_t i = 0; i < interval->count && shown < THREADS_MAX; i++) {
		const struct task_delta *task = &interval->tasks[i];
		double seconds = interval_seconds(interval);
		char comm[TASK_COMM_SIZE * 6], read[32], write[32];

		if (!series_is_part(row, context->group, task) || (task->flags & (DELTA_FOLDED | DELTA_OTHER)) ||
		    !(seconds > 0))
			continue;
		text_sanitize(comm, sizeof(comm), task->info->comm, strlen(task->info->comm), context->charset);
		units_bytes(read, sizeof(read), (double)task->delta.value[COUNTER_READ] / seconds, true,
			    context->units);
		units_bytes(write, sizeof(write), (double)task->delta.value[COUNTER_WRITE] / seconds, true,
			    context->units);
		frame_print(pane->frame, pane_line(pane), 1, pane->frame->columns,
			    task->flags & DELTA_EXITED ? STYLE_EXITED : STYLE_NORMAL, "%7d  R %11s  W %11s  %s",
			    (int)task->info->id.tid, read, write, comm);
		shown++;
	}
	if (!shown)
		frame_text(pane->frame, pane_line(pane), 1, pane->frame->columns, STYLE_ZERO, "none");
}

/* The files of now say nothing about the past, and nobody's are those of who has gone. */
static bool has_files(const struct screen *screen, const struct row *row, bool found)
{
	return found && !screen_in_past(screen) && !(row->flags & DELTA_EXITED) &&
	       (row->key.kind == ROW_TASK || row->key.kind == ROW_PROCESS);
}

void detail_draw(struct screen *screen, int first, int limit)
{
	struct pane pane = { screen, &screen->frame, first, limit, 0 };
	bool found = find_row(screen);
	const struct row *row = &screen->detail_row;
	struct row_context context = screen->detail_table.context;

	if (!found && !row->info) {
		frame_text(&screen->frame, first, 0, screen->frame.columns, STYLE_NOTICE, "it is gone");
		return;
	}
	context.process_prios = true;
	screen->detail_files_ns = 0;
	pane_begin(&pane);
	draw_gone(&pane, row, found);
	draw_command(&pane, row, &context);
	draw_identity(&pane, row, &context);
	draw_figures(&pane, row, &context);
	draw_why(&pane, row);
	draw_past(&pane, row, &context);
	draw_members(&pane, row, &context);
	if (has_files(screen, row, found))
		detail_draw_files(&pane, row->info);
	pane_end(&pane);
}

bool detail_has_news(const struct screen *screen)
{
	const struct row *row = &screen->detail_row;

	if (screen->mode != KEYS_DETAIL || !screen->detail_files_ns || !row->info || !screen->lookup->files)
		return false;
	const struct open_files *files = screen->lookup->files(screen->lookup->data, row->info);

	return files && files->read_ns != screen->detail_files_ns;
}
