/* How the user wants to look at an interval. Plain data: the screen, batch and machine formats all have one. */
#ifndef IOTOPX_VIEW_H
#define IOTOPX_VIEW_H

#include "iotopx/column.h"
#include "iotopx/units.h"

enum view_page { VIEW_TASKS, VIEW_DEVICES, VIEW_NFS, VIEW_PAGE_COUNT };
enum view_mode { MODE_RATE, MODE_ACCUMULATED, MODE_AVERAGE, MODE_COUNT };
enum view_group { GROUP_NONE, GROUP_COMMAND, GROUP_USER, GROUP_UNIT, GROUP_CONTAINER, GROUP_COUNT };

#define VIEW_COLUMNS_MAX 40

struct view {
	enum view_page page;
	enum view_mode mode;
	enum view_group group;
	bool threads; /* rows are threads; else processes */
	bool tree;    /* parents before children, with subtree sums */
	bool only_active;
	bool hide_exited;
	bool fold_exited; /* exited of one command, user and parent are one row: for the screen */
	bool ascending;   /* reversed sort */
	/* Threads of one process stand together where the order is one of figures, processes by their threads' sum (of
	 * times and shares: the largest), threads that did nothing below all that did something. The row that would
	 * come first by itself is within this many rows. 0: each thread for itself. */
	unsigned bracket;
	bool full_command; /* command line instead of the name */
	enum unit_style units;
	const struct column *sort;
	const struct column *columns[VIEW_COLUMNS_MAX]; /* in order; visible if they fit */
	size_t column_count;
	const struct filter *filter; /* borrowed; NULL matches all */
};

/* The built-in look: default columns in order, sorted by IO (then by traffic), threads, rates, binary units. */
void view_init(struct view *view);

struct interval;

/* The columns that come by themselves: what the disks did for each unit or container, where the view is of those and
 * the interval tells. Only beside the default columns: who chose columns has chosen. */
void view_add_columns(struct view *view, const struct interval *interval);

#endif
