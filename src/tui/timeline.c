#include "timeline.h"
#include "graph.h"
#include "state.h"
#include "travel.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CELLS_MIN 10 /* narrower, it does without the label */
#define SECONDS_MS (15 * 60 * 1000)

bool timeline_is_shown(const struct screen *screen)
{
	return screen->host.load && screen->host.end_ms > screen->host.begin_ms;
}

/* As short as tells the two apart. */
static void format_ends(const struct screen_host *host, char *begin, char *end, size_t size)
{
	time_t from = (time_t)(host->begin_ms / 1000), to = (time_t)(host->end_ms / 1000);
	const char *format = "%m-%d %H:%M";
	struct tm first, last;

	*begin = *end = '\0';
	if (!localtime_r(&from, &first) || !localtime_r(&to, &last))
		return;
	if (first.tm_yday == last.tm_yday && first.tm_year == last.tm_year)
		format = host->end_ms - host->begin_ms < SECONDS_MS ? "%H:%M:%S" : "%H:%M";
	strftime(begin, size, format, &first);
	strftime(end, size, format, &last);
}

/* Asks only if the measure or the width is another one: it reads all samples. */
static bool ask(struct screen *screen, size_t cells)
{
	struct timeline *timeline = &screen->timeline;
	int counter = travel_counter(screen);

	if (timeline->count == cells && timeline->asked == counter)
		return true;
	timeline->count = 0;
	timeline->asked = counter;
	if (screen->host.load(screen->host.data, &counter, timeline->values, cells))
		return false;
	for (size_t i = 0; i < cells / 2; i++) {
		double value = timeline->values[i];

		timeline->values[i] = timeline->values[cells - 1 - i];
		timeline->values[cells - 1 - i] = value;
	}
	timeline->count = cells;
	timeline->counter = counter;
	return true;
}

static enum style style_of(int counter)
{
	switch (counter) {
	case COUNTER_READ:
	case COUNTER_READ_CHAR:
	case COUNTER_READ_CALLS:
		return STYLE_READ;
	case COUNTER_WRITE:
	case COUNTER_CANCELLED:
	case COUNTER_WRITE_CHAR:
	case COUNTER_WRITE_CALLS:
		return STYLE_WRITE;
	default:
		return STYLE_MIDDLE;
	}
}

static void draw_place(struct screen *screen, const struct timeline *timeline)
{
	const struct screen_host *host = &screen->host;
	double part = (double)(screen->live->end_wall_ms - host->begin_ms) / (double)(host->end_ms - host->begin_ms);
	double cell = ceil(part * (double)timeline->count) - 1;
	int at = timeline->column + (int)fmin(fmax(cell, 0), (double)timeline->count - 1);

	frame_text(&screen->frame, timeline->row, at, at + 1, STYLE_NOTICE, frame_symbol(&screen->frame, "┃", "|"));
}

void timeline_draw(struct screen *screen, int row)
{
	static const char both[] = "R+W";
	const char *label = travel_counter(screen) >= 0 ? screen->settings->view.sort->short_title : both;
	int width = (int)(strlen(label) > strlen(both) ? strlen(label) : strlen(both)) + 1;
	struct timeline *timeline = &screen->timeline;
	struct frame *frame = &screen->frame;
	char begin[32], end[32];
	int column, room;

	timeline->row = 0;
	format_ends(&screen->host, begin, end, sizeof(begin));
	room = frame->columns - width - (int)(strlen(begin) + strlen(end)) - 2;
	if (room < CELLS_MIN) {
		room += width;
		width = 0;
	}
	room = room < TIMELINE_PARTS_MAX ? room : TIMELINE_PARTS_MAX;
	if (room <= 0)
		return;
	column = frame_text(frame, row, width, frame->columns, STYLE_NORMAL, begin) + 1;
	frame_text(frame, row, column + room + 1, frame->columns, STYLE_NORMAL, end);
	if (!ask(screen, (size_t)room))
		return;
	frame_text(frame, row, 0, width, STYLE_LABEL, timeline->counter >= 0 ? label : both);
	timeline->row = row;
	timeline->column = column;
	graph_draw(frame, row, column, room, style_of(timeline->counter), timeline->values, timeline->count, 0);
	if (screen->live)
		draw_place(screen, timeline);
}

bool timeline_click(struct screen *screen, int row, int column)
{
	const struct timeline *timeline = &screen->timeline;
	const struct screen_host *host = &screen->host;
	double length = (double)(host->end_ms - host->begin_ms);
	int part = column - timeline->column;

	if (!timeline->row || row != timeline->row || part < 0 || part >= (int)timeline->count)
		return false;
	travel_worst(screen, host->begin_ms + (int64_t)(length * part / (double)timeline->count),
		     host->begin_ms + (int64_t)(length * (part + 1) / (double)timeline->count));
	return true;
}
