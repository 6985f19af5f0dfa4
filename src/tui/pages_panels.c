/* Panels of the pages beside the tasks: what to sort by, which columns, and all about one device or mount. */
#include "detail.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void sort_chosen(struct screen *screen, int value)
{
	const struct page_column *column = &screen->page.page->columns[value];

	if (pages_look(screen)->sort != column)
		pages_sort_by(screen, column);
}

static int add_column(struct screen *screen, const struct page_column *column, bool marked)
{
	char text[192];

	snprintf(text, sizeof(text), "%-14s %s", column->title, column->help);
	return menu_add(&screen->menu, text, (int)(column - screen->page.page->columns), marked, screen->frame.charset);
}

void pages_sort_menu(struct screen *screen)
{
	const struct page *page = screen->page.page;
	struct menu *menu = &screen->menu;

	menu_start(menu, "Sort by");
	menu->chosen = sort_chosen;
	for (size_t i = 0; i < page->column_count; i++) {
		bool is_now = pages_look(screen)->sort == &page->columns[i];

		if (add_column(screen, &page->columns[i], is_now))
			break;
		if (is_now)
			menu->cursor = menu->count - 1;
	}
	screen_enter(screen, KEYS_MENU);
}

/* As in the table of tasks: the marked ones, in the order of the menu. */
static void columns_changed(struct screen *screen)
{
	struct page_look *look = pages_look(screen);

	look->column_count = 0;
	for (size_t i = 0; i < screen->menu.count && look->column_count < VIEW_COLUMNS_MAX; i++)
		if (screen->menu.items[i].marked)
			look->columns[look->column_count++] = &screen->page.page->columns[screen->menu.items[i].value];
	if (look->column_count == 0)
		look->columns[look->column_count++] = &screen->page.page->columns[0];
	screen_view_changed(screen);
}

void pages_columns_menu(struct screen *screen)
{
	const struct page *page = screen->page.page;
	const struct page_look *look = pages_look(screen);

	menu_start(&screen->menu, "Columns");
	screen->menu.chooser = true;
	screen->menu.changed = columns_changed;
	for (size_t i = 0; i < look->column_count; i++)
		if (add_column(screen, look->columns[i], true))
			return;
	for (size_t i = 0; i < page->column_count; i++)
		if (!page_look_shows(look, &page->columns[i]) && add_column(screen, &page->columns[i], false))
			return;
	screen_enter(screen, KEYS_CHOOSER);
}

/* The detail */

static const struct page_row *find_row(const struct screen *screen)
{
	const struct page_table *table = &screen->page.table;

	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->rows[i].name, screen->page.selected) == 0)
			return &table->rows[i];
	return NULL;
}

static void draw_columns(struct pane *pane, const struct page_row *row)
{
	const struct screen *screen = pane->screen;
	const struct page *page = screen->page.page;
	char text[1024];

	for (size_t i = 0; i < page->column_count; i++) {
		struct value value = page->columns[i].get(row);

		if (page->columns[i].kind != COLUMN_TEXT || value.type == VALUE_UNKNOWN)
			continue;
		page_column_format(&page->columns[i], value, screen->settings->view.units, pane->frame->charset, text,
				   sizeof(text));
		pane_field(pane, page->columns[i].title, text);
	}
	pane_heading(pane, "Figures of the interval");
	for (size_t i = 0; i < page->column_count; i++) {
		const struct page_column *column = &page->columns[i];
		struct value value = column->get(row);
		int line;

		if (column->kind == COLUMN_TEXT)
			continue;
		page_column_format(column, value, screen->settings->view.units, pane->frame->charset, text,
				   sizeof(text));
		line = pane_line(pane);
		frame_fit(pane->frame, line, 1, DETAIL_LABEL - 1, STYLE_LABEL, column->title, TEXT_CUT_END, false);
		frame_fit(pane->frame, line, DETAIL_LABEL, DETAIL_FIGURE,
			  value.type == VALUE_UNKNOWN ? STYLE_ZERO : STYLE_VALUE, text, TEXT_CUT_END, true);
		pane_wrap(pane, line, DETAIL_LABEL + DETAIL_FIGURE + 2, STYLE_ZERO, column->help);
	}
}

/* What the row was in an interval of the past, as far as graphs go. False: it was not there. */
static bool past_row(const struct page_row *now, const struct interval *interval, struct device_stat *device,
		     struct nfs_stat *mount, struct page_row *past)
{
	const struct machine_delta *machine = &interval->machine;

	*past = (struct page_row){ .name = now->name };
	if (now->device) {
		const struct device_delta *delta =
		    device_find(machine, now->device->delta->major, now->device->delta->minor);

		if (!delta || !machine->elapsed_ns)
			return false;
		device_stat_compute(device, delta, machine->elapsed_ns, now->device->info);
		past->device = device;
		return true;
	}
	for (size_t i = 0; i < machine->nfs.count; i++) {
		if (strcmp(machine->nfs.items[i].mount, now->mount->delta->mount) != 0)
			continue;
		nfs_stat_compute(mount, &machine->nfs.items[i], machine->elapsed_ns);
		past->mount = mount;
		return true;
	}
	return false;
}

static size_t read_past(const struct screen *screen, const struct page_row *row, const struct page_column *column,
			double *values, size_t max)
{
	size_t step = screen->back ? screen->back - 1 : screen->paused ? screen->behind : 0, count = 0;
	const struct interval *interval;

	for (; count < max && (interval = history_get(screen->history, step + count)); count++) {
		struct device_stat device;
		struct nfs_stat mount;
		struct page_row past;
		struct value value = { .type = VALUE_UNKNOWN };

		if (past_row(row, interval, &device, &mount, &past))
			value = column->get(&past);
		values[count] = value.type == VALUE_NUMBER ? value.number : NAN;
	}
	return count;
}

static void draw_past(struct pane *pane, const struct page_row *row)
{
	static const struct {
		enum view_page page;
		const char *key;
		enum style style;
	} graphs[] = {
		{ VIEW_DEVICES, "read", STYLE_READ },   { VIEW_DEVICES, "write", STYLE_WRITE },
		{ VIEW_DEVICES, "rawait", STYLE_READ }, { VIEW_DEVICES, "wawait", STYLE_WRITE },
		{ VIEW_DEVICES, "util", STYLE_MIDDLE }, { VIEW_NFS, "read", STYLE_READ },
		{ VIEW_NFS, "write", STYLE_WRITE },     { VIEW_NFS, "ops", STYLE_MIDDLE },
		{ VIEW_NFS, "rrtt", STYLE_READ },       { VIEW_NFS, "wrtt", STYLE_WRITE },
	};
	const struct page *page = pane->screen->page.page;
	double values[GRAPH_SAMPLES];
	size_t samples = pane_graph_samples(pane);

	if (!samples)
		return;
	pane_heading(pane, "History: highest, and the course of it (newest at the right)");
	for (size_t i = 0; i < sizeof(graphs) / sizeof(graphs[0]); i++) {
		const struct page_column *column = page_column_find(page, graphs[i].key);
		struct value peak = { .type = VALUE_UNKNOWN };
		char text[64];

		if (graphs[i].page != page->id || !column)
			continue;
		for (size_t at = read_past(pane->screen, row, column, values, samples); at < samples; at++)
			values[at] = NAN;
		for (size_t at = 0; at < samples; at++)
			if (!isnan(values[at]) && !(peak.type == VALUE_NUMBER && values[at] <= peak.number))
				peak = (struct value){ .type = VALUE_NUMBER, .number = values[at] };
		page_column_format(column, peak, pane->screen->settings->view.units, pane->frame->charset, text,
				   sizeof(text));
		pane_graph(pane, column->title, text, graphs[i].style, values, samples,
			   column->kind == COLUMN_RATIO ? 1 : 0);
	}
}

/* Every operation that was used, as nfsiostat and mountstats list them. */
static void draw_operations(struct pane *pane, const struct nfs_mount *mount, uint64_t elapsed_ns)
{
	size_t shown = 0;

	pane_heading(pane, "Operations");
	frame_text(pane->frame, pane_line(pane), 1, pane->frame->columns, STYLE_LABEL,
		   "OPERATION           OPS/S       BYTES     RTT     EXE   QUEUE RETRANS  ERRORS");
	for (size_t i = 0; i < mount->op_count; i++) {
		char name[NFS_OP_NAME_SIZE * 4], ops[16], bytes[24], times[3][16], retrans[16], errors[16];
		struct nfs_op_stat stat;

		nfs_op_stat_compute(&stat, &mount->ops[i], elapsed_ns);
		if (!stat.ops && !stat.retrans && !stat.errors)
			continue;
		text_sanitize(name, sizeof(name), mount->ops[i].name, strlen(mount->ops[i].name), pane->frame->charset);
		units_count(ops, sizeof(ops), stat.ops_per_second);
		units_bytes(bytes, sizeof(bytes), stat.bytes_per_second, true, pane->screen->settings->view.units);
		units_duration(times[0], sizeof(times[0]), (uint64_t)stat.rtt_ns);
		units_duration(times[1], sizeof(times[1]), (uint64_t)stat.execute_ns);
		units_duration(times[2], sizeof(times[2]), (uint64_t)stat.queue_ns);
		units_count(retrans, sizeof(retrans), (double)stat.retrans);
		units_count(errors, sizeof(errors), (double)stat.errors);
		frame_print(pane->frame, pane_line(pane), 1, pane->frame->columns, STYLE_NORMAL,
			    "%-16s %8s %11s %7s %7s %7s %7s %7s", name, ops, bytes, times[0], times[1], times[2],
			    retrans, mount->has_errors ? errors : "-");
		shown++;
	}
	if (!shown)
		frame_text(pane->frame, pane_line(pane), 1, pane->frame->columns, STYLE_ZERO, "none");
}

void pages_draw_detail(struct screen *screen, int first, int limit)
{
	struct pane pane = { screen, &screen->frame, first, limit, 0 };
	const struct interval *interval = screen_shown_interval(screen);
	const struct page_row *row = find_row(screen);
	char name[256 * 4];

	pane_begin(&pane);
	text_sanitize(name, sizeof(name), screen->page.selected, strlen(screen->page.selected), screen->frame.charset);
	frame_brief(&screen->frame, pane_line(&pane), 0, screen->frame.columns, STYLE_HOST, name);
	if (row) {
		draw_columns(&pane, row);
		draw_past(&pane, row);
		if (row->mount && interval)
			draw_operations(&pane, row->mount->delta, interval->machine.elapsed_ns);
	} else {
		frame_text(&screen->frame, pane_line(&pane), 0, screen->frame.columns, STYLE_NOTICE,
			   "It is not in this interval");
	}
	pane_end(&pane);
}
