/* The lines above the table: who and when, what tasks asked for and what the disks did, and what waits. */
#include "graph.h"
#include "state.h"
#include "travel.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FULL_ROWS 20    /* of the screen, from here on all four lines */
#define SHORT_ROWS 8    /* below: one line */
#define WIDE_COLUMNS 70 /* a compact header needs them to have Total and Actual side by side */
#define ONLY_COLUMNS 26 /* ... and one line, to say of read and write that they are by the second */
#define RATE_WIDTH 11
#define CUT_WIDTH 24
#define FLOW_WIDTH 43 /* of lines 2 and 3, without values to the left and graphs */

int header_rows(const struct screen *screen)
{
	if (screen->frame.rows < 4)
		return 0;
	if (screen->frame.rows < SHORT_ROWS)
		return 1;
	if (screen->frame.rows < FULL_ROWS)
		return screen->frame.columns < WIDE_COLUMNS ? 3 : 2;
	return timeline_is_shown(screen) ? 5 : 4;
}

/* A part of a line; on a narrow screen the highest rank leaves first. */
struct segment {
	char text[320];
	enum style style;
	unsigned char rank; /* 0 never leaves, but may be cut to CUT_WIDTH */
	bool tight;         /* one blank before it, not two */
	bool shown;
};

struct line {
	struct segment items[32];
	size_t count;
};

__attribute__((format(printf, 4, 5))) static void add(struct line *line, unsigned char rank, enum style style,
						      const char *format, ...)
{
	struct segment *segment = &line->items[line->count];
	va_list arguments;

	if (line->count == sizeof(line->items) / sizeof(line->items[0]))
		return;
	va_start(arguments, format);
	vsnprintf(segment->text, sizeof(segment->text), format, arguments);
	va_end(arguments);
	segment->rank = rank;
	segment->style = style;
	segment->tight = false;
	segment->shown = segment->text[0] != '\0';
	line->count += segment->shown;
}

static void add_tight(struct line *line, unsigned char rank, enum style style, const char *text)
{
	add(line, rank, style, "%s", text);
	if (line->count)
		line->items[line->count - 1].tight = true;
}

static size_t line_width(const struct line *line)
{
	size_t width = 0;

	for (size_t i = 0; i < line->count; i++) {
		const struct segment *segment = &line->items[i];
		size_t text = text_width(segment->text);

		if (!segment->shown)
			continue;
		if (segment->rank == 0 && text > CUT_WIDTH)
			text = CUT_WIDTH;
		width += text + (width == 0 ? 0 : segment->tight ? 1 : 2);
	}
	return width;
}

static bool drop_one_rank(struct line *line)
{
	unsigned char worst = 0;

	for (size_t i = 0; i < line->count; i++)
		if (line->items[i].shown && line->items[i].rank > worst)
			worst = line->items[i].rank;
	for (size_t i = 0; i < line->count && worst; i++)
		if (line->items[i].rank == worst)
			line->items[i].shown = false;
	return worst > 0;
}

static void draw_line(struct screen *screen, struct line *line, int row, int from, int limit)
{
	int column = from;

	while (from + (int)line_width(line) > limit && drop_one_rank(line))
		;
	for (size_t i = 0; i < line->count; i++) {
		const struct segment *segment = &line->items[i];
		int room;

		if (!segment->shown)
			continue;
		if (column > from)
			column += segment->tight ? 1 : 2;
		room = limit - column;
		if ((int)text_width(segment->text) < room)
			room = (int)text_width(segment->text);
		column =
		    frame_fit(&screen->frame, row, column, room, segment->style, segment->text, TEXT_CUT_END, false);
	}
}

static void format_duration(char *to, size_t size, double seconds)
{
	int decimals = seconds < 10 ? 2 : seconds < 100 ? 1 : 0;

	snprintf(to, size, "%.*f s", decimals, seconds);
}

/* In a recording the time is what one looks for. */
static void add_clock(struct screen *screen, struct line *line, const struct interval *interval)
{
	char text[32] = "";
	time_t when = (time_t)(interval->end_wall_ms / 1000);
	struct tm local;

	if (interval->end_wall_ms && localtime_r(&when, &local))
		strftime(text, sizeof(text), "%H:%M:%S", &local);
	add(line, screen_travels(screen) ? 1 : 9, STYLE_NORMAL, "%s", text);
}

static const char *mode_name(const struct screen *screen, const struct view *view)
{
	static const char *const names[MODE_COUNT] = {
		[MODE_RATE] = "rates",
		[MODE_ACCUMULATED] = "sums",
		[MODE_AVERAGE] = "average",
	};

	return screen_on_page(screen) ? screen->page.page->title : names[view->mode];
}

/* Of sums: they miss something, or it is not where it belongs. */
static void add_shortage(const struct screen *screen, struct line *line, const struct interval *interval)
{
	if (screen->sums.partial)
		add(line, 0, STYLE_NOTICE, "sums incomplete");
	if (interval && interval->crowded)
		add(line, 0, STYLE_NOTICE, "rows incomplete: no memory");
}

static void add_notices(struct screen *screen, struct line *line, const struct interval *interval,
			const struct view *view)
{
	/* Of the present the source says itself what it lacks. */
	bool told = screen->notice && screen->notice[0] && !screen->back && !screen_travels(screen);

	if (view->mode != MODE_RATE)
		add_shortage(screen, line, interval);
	if (screen->back)
		add(line, 1, STYLE_NOTICE, "PAST -%zu", screen->back - 1);
	else if (screen->paused)
		add(line, 1, STYLE_NOTICE, "PAUSED");
	if (screen->cursor.follow && !screen_on_page(screen))
		add(line, 6, STYLE_NOTICE, "FOLLOW");
	if (interval && interval->delayacct == 0 && screen_travels(screen))
		add(line, 9, STYLE_NOTICE, "no delay accounting");
	else if (interval && interval->delayacct == 0)
		add(line, 2, STYLE_NOTICE, "no delay accounting: Ctrl-T");
	else if (interval && screen->undelayed_tasks * 2 > screen->active_tasks)
		add(line, 7, STYLE_NOTICE, "IO -: started without delay accounting");
	if (interval && screen->stuck_tasks && !screen_on_page(screen))
		add(line, 4, STYLE_NOTICE, "%zu stuck in D", screen->stuck_tasks);
	if (screen_has_work(screen))
		add(line, 1, STYLE_NOTICE, "adding up: %d %%", screen->sums.percent);
	if (interval && interval->gap)
		add(line, 6, STYLE_NOTICE, "%s a gap in time",
		    screen->settings->view.mode == MODE_RATE ? "after" : "with");
	if (interval && interval->unrecorded)
		add(line, 2, STYLE_NOTICE, "%llu intervals not recorded", (unsigned long long)interval->unrecorded);
	if (interval && interval->exits_known && interval->lost_exits)
		add(line, 2, STYLE_NOTICE, "%llu exits lost", (unsigned long long)interval->lost_exits);
	if (interval && !interval->all_tasks && !told)
		add(line, 3, STYLE_NOTICE, "own processes only");
	else if (interval && !interval->exits_known && !told)
		add(line, 3, STYLE_NOTICE, "exits not known");
	if (screen->notice && screen->notice[0])
		add(line, 0, STYLE_NOTICE, "%s", screen->notice);
}

/* What the user wrote, or which options keep rows back. */
static const char *filter_text(const struct settings *settings)
{
	if (settings->filter && settings->filter[0])
		return settings->filter;
	return !settings->pids.count ? "-u" : !settings->uids.count ? "-p" : "-p, -u";
}

static void add_filter(struct screen *screen, struct line *line)
{
	char text[200], read[24], write[24];
	const struct row_context *context = &screen->table.context;
	const struct counters *sum = &screen->table.filtered;
	double seconds = context->mode == MODE_ACCUMULATED ? 1 : context->seconds;

	if (screen_on_page(screen)) {
		if (screen->page.filter[0])
			add(line, 3, STYLE_NOTICE, "filter: %.100s", screen->page.filter);
		return;
	}
	if (!screen->filter)
		return;
	text_sanitize(text, sizeof(text), filter_text(screen->settings), strlen(filter_text(screen->settings)),
		      screen->frame.charset);
	add(line, 3, STYLE_NOTICE, "filter: %s", text);
	if (!screen->table.is_filtered || !(seconds > 0) || context->baseline)
		return;
	units_bytes(read, sizeof(read), (double)sum->value[COUNTER_READ] / seconds, context->mode != MODE_ACCUMULATED,
		    context->units);
	units_bytes(write, sizeof(write), (double)sum->value[COUNTER_WRITE] / seconds,
		    context->mode != MODE_ACCUMULATED, context->units);
	add(line, 10, STYLE_NOTICE, "R %s W %s", read, write);
}

static void draw_first(struct screen *screen, const struct interval *interval, const struct view *view)
{
	struct line line = { .count = 0 };
	char duration[32];

	add(&line, 11, STYLE_HOST, "%s", screen->host_name);
	if (!interval) {
		add(&line, 0, STYLE_LABEL, "starting%s", frame_symbol(&screen->frame, "…", "..."));
	} else {
		add_clock(screen, &line, interval);
		format_duration(duration, sizeof(duration), interval_seconds(interval));
		add(&line, 8, STYLE_NORMAL, "%s", interval->baseline ? "" : duration);
		add(&line, 5, STYLE_NORMAL, "%llu tasks", (unsigned long long)interval->task_count);
		if (!interval->baseline && screen->frame.columns >= 60) {
			add(&line, 7, STYLE_VALUE, "%zu active", screen->active_tasks);
			add(&line, 10, STYLE_NORMAL, "%llu exited", (unsigned long long)interval->exited);
		}
		if (interval->baseline)
			add(&line, 3, STYLE_LABEL, "collecting%s", frame_symbol(&screen->frame, "…", "..."));
		add(&line, 2, STYLE_HOST, "%s", mode_name(screen, view));
	}
	add_notices(screen, &line, interval, view);
	add_filter(screen, &line);
	draw_line(screen, &line, 0, 0, screen->frame.columns);
}

/* What the figures of lines 2 and 3 are made of: bytes, or bytes a second. */
struct flow {
	bool known;
	double read, write;
};

static struct flow total_flow(const struct interval *interval, const struct view *view)
{
	double seconds = interval && view->mode != MODE_ACCUMULATED ? interval_seconds(interval) : 1;

	if (!interval || interval->baseline || !(seconds > 0))
		return (struct flow){ .known = false };
	return (struct flow){ true, (double)interval->total.value[COUNTER_READ] / seconds,
			      (double)interval->total.value[COUNTER_WRITE] / seconds };
}

static struct flow actual_flow(const struct interval *interval, const struct view *view)
{
	double seconds = interval && view->mode != MODE_ACCUMULATED ? (double)interval->machine.elapsed_ns / 1e9 : 1;

	if (!interval || interval->baseline || !(interval->machine.known & MACHINE_VMSTAT) || !(seconds > 0))
		return (struct flow){ .known = false };
	return (struct flow){ true, (double)interval->machine.actual_read_bytes / seconds,
			      (double)interval->machine.actual_write_bytes / seconds };
}

static void format_bytes(char *to, size_t size, bool known, double bytes, const struct view *view)
{
	if (known)
		units_bytes(to, size, bytes, view->mode != MODE_ACCUMULATED, view->units);
	else
		snprintf(to, size, "-");
}

/* Of bytes, over one and the same time: the two readings are some microseconds apart, and equal is equal. */
static void format_gap(char *to, size_t size, const struct interval *interval, struct flow total, struct flow actual,
		       bool write, const struct view *view)
{
	char bytes[32];

	if (!total.known || !actual.known) {
		snprintf(to, size, "-");
		return;
	}
	double gap = write ? (double)interval->machine.actual_write_bytes - (double)interval->total.value[COUNTER_WRITE]
			   : (double)interval->machine.actual_read_bytes - (double)interval->total.value[COUNTER_READ];

	if (view->mode != MODE_ACCUMULATED)
		gap /= interval_seconds(interval);
	units_bytes(bytes, sizeof(bytes), fabs(gap), view->mode != MODE_ACCUMULATED, view->units);
	snprintf(to, size, "%s%s", gap < 0 ? "-" : gap > 0 ? "+" : "", bytes);
}

/* As wide as the wider of Total and Actual, so that they stand in line. */
static int rate_width(struct flow total, struct flow disks, bool write, const struct view *view)
{
	char text[40];
	int width = RATE_WIDTH;

	format_bytes(text, sizeof(text), total.known, write ? total.write : total.read, view);
	width = (int)text_width(text) > width ? (int)text_width(text) : width;
	format_bytes(text, sizeof(text), disks.known, write ? disks.write : disks.read, view);
	return (int)text_width(text) > width ? (int)text_width(text) : width;
}

static int draw_rate(struct screen *screen, int row, int column, int width, const char *label, struct flow flow,
		     bool write, const struct view *view)
{
	struct frame *frame = &screen->frame;
	double bytes = write ? flow.write : flow.read;
	char text[40];

	format_bytes(text, sizeof(text), flow.known, bytes, view);
	column = frame_text(frame, row, column, frame->columns, STYLE_LABEL, label);
	return frame_fit(frame, row, column, width, !flow.known || !(bytes > 0) ? STYLE_ZERO : STYLE_VALUE, text,
			 TEXT_CUT_END, true);
}

static void draw_history(struct screen *screen, int row, int column, int cells, enum series read_or_write, bool write)
{
	double values[GRAPH_SAMPLES];
	size_t count = series_machine(screen, read_or_write, values, GRAPH_SAMPLES);

	graph_draw(&screen->frame, row, column, cells, write ? STYLE_WRITE : STYLE_READ, values, count, 0);
}

/* "Total  READ  12.34 M/s ▁▂▃  WRITE ..." and what is left to the right: the gap. */
static void draw_flow(struct screen *screen, int row, const struct interval *interval, const struct view *view,
		      bool actual)
{
	struct flow total = total_flow(interval, view), disks = actual_flow(interval, view);
	struct frame *frame = &screen->frame;
	int read_width = rate_width(total, disks, false, view), write_width = rate_width(total, disks, true, view);
	int graph, column, gap_width;
	char gap[48];

	graph = (frame->columns - FLOW_WIDTH - read_width - write_width) / 2;
	graph = graph < 0 ? 0 : graph > 40 ? 40 : graph;
	column = frame_text(frame, row, 0, frame->columns, STYLE_LABEL, actual ? "Actual " : "Total  ");
	column = draw_rate(screen, row, column, read_width, "READ ", actual ? disks : total, false, view) + 1;
	draw_history(screen, row, column, graph, actual ? SERIES_ACTUAL_READ : SERIES_TOTAL_READ, false);
	column = draw_rate(screen, row, column + graph + 1, write_width, "WRITE ", actual ? disks : total, true, view);
	draw_history(screen, row, column + 1, graph, actual ? SERIES_ACTUAL_WRITE : SERIES_TOTAL_WRITE, true);
	column += graph + 2;
	format_gap(gap, sizeof(gap), interval, total, disks, actual, view);
	gap_width = (int)text_width(gap) > RATE_WIDTH + 1 ? (int)text_width(gap) : RATE_WIDTH + 1;
	if (column + 6 + gap_width > frame->columns)
		return;
	column = frame_text(frame, row, column, frame->columns, STYLE_LABEL, actual ? "gap W " : "gap R ");
	frame_fit(frame, row, column, gap_width, STYLE_NORMAL, gap, TEXT_CUT_END, true);
}

static void add_memory(struct line *line, const struct machine_delta *machine, const struct view *view, bool wide)
{
	char dirty[32] = "-", writeback[32] = "-";

	if (machine->known & MACHINE_MEMINFO) {
		units_bytes(dirty, sizeof(dirty), (double)machine->dirty_bytes, false, view->units);
		units_bytes(writeback, sizeof(writeback), (double)machine->writeback_bytes, false, view->units);
	}
	add(line, 2, STYLE_LABEL, "Dirty");
	add_tight(line, 2, STYLE_VALUE, dirty);
	add(line, 3, STYLE_LABEL, "%s", wide ? "Writeback" : "Wb");
	add_tight(line, 3, STYLE_VALUE, writeback);
}

static void add_pressure(struct line *line, const struct machine_delta *machine, bool wide)
{
	char text[32];

	add(line, 1, STYLE_LABEL, "%s some", wide ? "Pressure" : "IO");
	if (!(machine->known & MACHINE_PRESSURE)) {
		add_tight(line, 1, STYLE_ZERO, "-");
		return;
	}
	snprintf(text, sizeof(text), "%.1f%%", machine->io_some_avg10);
	add_tight(line, 1, STYLE_VALUE, text);
	add_tight(line, 1, STYLE_LABEL, "full");
	snprintf(text, sizeof(text), "%.1f%%", machine->io_full_avg10);
	add_tight(line, 1, STYLE_VALUE, text);
}

/* Beside the devices all that the processors did, for a disk may be slow because they are not there. */
static void add_cpu(struct line *line, const struct machine_delta *machine, bool all)
{
	const struct {
		const char *label;
		double ratio;
		bool always;
	} shares[] = {
		{ "user", machine->cpu_user, false },
		{ "system", machine->cpu_system, false },
		{ "iowait", machine->cpu_iowait, true },
		{ "steal", machine->cpu_steal, false },
	};

	for (size_t i = 0; i < sizeof(shares) / sizeof(*shares); i++) {
		unsigned char rank = all ? 1 : 4;
		char text[32] = "-";

		if (!all && !shares[i].always)
			continue;
		if (machine->known & MACHINE_CPU)
			snprintf(text, sizeof(text), "%.1f%%", shares[i].ratio * 100);
		add(line, rank, STYLE_LABEL, "%s", shares[i].label);
		add_tight(line, rank, STYLE_VALUE, text);
	}
}

static void add_disk(struct line *line, const struct machine_delta *machine)
{
	double util = 0;
	const struct device_delta *busiest = machine_busiest(machine, &util);
	char text[32], name[DEVICE_NAME_SIZE * 4];

	if (!busiest)
		return;
	text_sanitize(name, sizeof(name), busiest->name, strnlen(busiest->name, sizeof(busiest->name)), TEXT_ASCII);
	snprintf(text, sizeof(text), "%.0f%%", util * 100);
	add(line, 5, STYLE_LABEL, "%s", name);
	add_tight(line, 5, STYLE_VALUE, text);
}

/* The rest of what the kernel says of pressure, where there is room: the share of the interval itself, and the longer
 * means; some and full. */
static void add_pressures(struct line *line, const struct machine_delta *machine)
{
	const struct {
		const char *label;
		enum machine_known known;
		double some, full;
	} means[] = {
		{ "pressure now", MACHINE_PRESSURE, machine->io_some_ratio * 100, machine->io_full_ratio * 100 },
		{ "60s", MACHINE_MINUTES, machine->io_some_avg60, machine->io_full_avg60 },
		{ "300s", MACHINE_MINUTES, machine->io_some_avg300, machine->io_full_avg300 },
	};

	for (size_t i = 0; i < sizeof(means) / sizeof(*means); i++) {
		unsigned char rank = (unsigned char)(7 + i);
		char text[32];

		if (!(machine->known & means[i].known))
			continue;
		snprintf(text, sizeof(text), "%.1f/%.1f%%", means[i].some, means[i].full);
		add(line, rank, STYLE_LABEL, "%s", means[i].label);
		add_tight(line, rank, STYLE_VALUE, text);
	}
}

static void draw_machine(struct screen *screen, int row, const struct interval *interval, const struct view *view)
{
	struct line line = { .count = 0 };
	struct machine_delta nothing = { .known = 0 };
	const struct machine_delta *machine = interval && !interval->baseline ? &interval->machine : &nothing;
	bool wide = screen->frame.columns >= 100;

	add_pressure(&line, machine, wide);
	add_memory(&line, machine, view, wide);
	add_cpu(&line, machine, screen_on_page(screen) && view->page == VIEW_DEVICES);
	add_disk(&line, machine);
	if (interval && !interval->baseline && screen->frame.columns >= 110) {
		double seconds = view->mode == MODE_ACCUMULATED ? 1 : interval_seconds(interval);
		char text[32];

		format_bytes(text, sizeof(text), seconds > 0,
			     (double)interval->total.value[COUNTER_CANCELLED] / seconds, view);
		add(&line, 6, STYLE_LABEL, "cancelled");
		add_tight(&line, 6, STYLE_VALUE, text);
	}
	add_pressures(&line, machine);
	draw_line(screen, &line, row, 0, screen->frame.columns);
}

static int draw_compact(struct screen *screen, int row, int column, const char *label, struct flow flow,
			const struct view *view)
{
	column = frame_text(&screen->frame, row, column, screen->frame.columns, STYLE_LABEL, label);
	column = draw_rate(screen, row, column, RATE_WIDTH, " R ", flow, false, view);
	return draw_rate(screen, row, column, RATE_WIDTH, " W ", flow, true, view);
}

/* The one line of a tiny terminal. */
static void draw_only(struct screen *screen, const struct interval *interval, const struct view *view)
{
	struct line line = { .count = 0 };
	struct flow total = total_flow(interval, view);
	struct view brief = *view;
	char read[32], write[32];

	if (screen->frame.columns < ONLY_COLUMNS)
		brief.mode = MODE_ACCUMULATED; /* without "/s" both have room */

	format_bytes(read, sizeof(read), total.known, total.read, &brief);
	format_bytes(write, sizeof(write), total.known, total.write, &brief);
	add_notices(screen, &line, interval, view);
	add(&line, 1, STYLE_VALUE, "R %s", read);
	add(&line, 3, STYLE_VALUE, "W %s", write);
	line.items[line.count - 1].tight = screen->frame.columns < ONLY_COLUMNS;
	if (interval) {
		add(&line, 4, STYLE_HOST, "%s", mode_name(screen, view));
		add_clock(screen, &line, interval);
		add(&line, 9, STYLE_NORMAL, "%llu tasks", (unsigned long long)interval->task_count);
	}
	add_filter(screen, &line);
	draw_line(screen, &line, 0, 0, screen->frame.columns);
}

void header_draw(struct screen *screen)
{
	const struct interval *interval = screen_shown_interval(screen);
	struct view view = screen_shown_view(screen);
	int rows = header_rows(screen);

	if (rows == 0)
		return;
	if (rows == 1) {
		draw_only(screen, interval, &view);
		return;
	}
	draw_first(screen, interval, &view);
	if (rows >= 4) {
		draw_flow(screen, 1, interval, &view, false);
		draw_flow(screen, 2, interval, &view, true);
		draw_machine(screen, 3, interval, &view);
		if (rows > 4)
			timeline_draw(screen, 4);
	} else if (rows > 1) {
		int column = draw_compact(screen, 1, 0, "Total ", total_flow(interval, &view), &view);

		draw_compact(screen, rows == 3 ? 2 : 1, rows == 3 ? 0 : column + 3, "Actual",
			     actual_flow(interval, &view), &view);
	}
}
