/* Threads of one process as neighbours: each process comes where its threads' sum belongs, busiest first. */
#include "iotopx/array.h"
#include "table_work.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of one process that did something, or that did nothing: those would push the next busy process off the page. */
static bool same_bracket(const struct bracket *bracket, const struct row *row)
{
	return bracket->key.tid == row->info->process.tid && bracket->key.active == row->active &&
	       bracket->key.start_ms == row->info->process.start_ns / 1000000;
}

static uint32_t bracket_number(const struct row *row)
{
	return (uint32_t)row->info->process.tid * 2 + row->active;
}

/* Shares and times of threads don't add up: the largest counts. */
static void add_thread(struct sort_key *sum, const struct sort_key *thread, enum column_kind kind)
{
	bool largest = kind == COLUMN_RATIO || kind == COLUMN_DURATION;

	sum->traffic += thread->traffic;
	if (isnan(thread->number))
		return;
	if (isnan(sum->number))
		sum->number = thread->number;
	else
		sum->number = largest ? fmax(sum->number, thread->number) : sum->number + thread->number;
}

/* The bracket of a row; a new one if there is none. NULL on ENOMEM. */
static struct bracket *bracket_of(struct table_work *work, struct idmap *by_process, const struct node *node)
{
	bool is_thread = node->row.key.kind == ROW_TASK && node->row.info->process.tid > 0;
	uint32_t number = is_thread ? bracket_number(&node->row) : 0;
	uint32_t at = is_thread ? idmap_get(by_process, number) : IDMAP_NONE;
	struct bracket *bracket;

	if (at != IDMAP_NONE && same_bracket(&work->brackets.items[at], &node->row))
		return &work->brackets.items[at];
	bracket = array_append(&work->brackets);
	if (!bracket)
		return NULL;
	bracket->id = (uint32_t)(work->brackets.count - 1);
	bracket->key = node->sort;
	bracket->key.number = NAN;
	bracket->key.traffic = 0;
	if (!is_thread)
		return bracket;
	bracket->key.tid = node->row.info->process.tid;
	bracket->key.start_ms = node->row.info->process.start_ns / 1000000;
	return idmap_set(by_process, number, bracket->id) ? NULL : bracket;
}

static int gather(struct table_work *work, const struct view *view, size_t shown)
{
	struct idmap by_process = { 0 };
	int error = 0;

	work->brackets.count = 0;
	for (size_t i = 0; i < shown; i++) {
		struct node *node = &work->items[work->order[i]];
		struct bracket *bracket = bracket_of(work, &by_process, node);

		if (!bracket) {
			error = -ENOMEM;
			break;
		}
		add_thread(&bracket->key, &node->sort, view->sort->kind);
		bracket->count++;
		node->bracket = bracket->id;
	}
	idmap_free(&by_process);
	return error;
}

static int compare(const void *one, const void *other, void *data)
{
	const bool *ascending = data;

	return table_compare_keys(&((const struct bracket *)one)->key, &((const struct bracket *)other)->key,
				  *ascending);
}

/* The bracket that holds the row which comes first by itself is within the page: many small threads may have a larger
 * sum, but not hide it. */
static void show_first(struct table_work *work, uint32_t first, size_t page)
{
	struct bracket *items = work->brackets.items, moved;
	size_t at = 0, rows = 0;

	for (; items[at].id != first; at++)
		rows += items[at].count;
	if (rows < page)
		return;
	moved = items[at];
	memmove(items + 1, items, at * sizeof(*items));
	items[0] = moved;
}

static enum row_bracket place_of(uint32_t at, uint32_t count)
{
	if (count < 2)
		return BRACKET_NONE;
	return at == 0 ? BRACKET_FIRST : at + 1 == count ? BRACKET_LAST : BRACKET_MIDDLE;
}

/* Each row goes to its bracket's next place; within a bracket they keep their order. */
static int arrange(struct table_work *work, size_t shown)
{
	size_t brackets = work->brackets.count;
	uint32_t *next, *order, at = 0;

	if (array_reserve_raw((void **)&work->places, &work->place_capacity, brackets + shown, sizeof(*work->places)))
		return -ENOMEM;
	next = work->places;
	order = work->places + brackets;
	for (size_t i = 0; i < brackets; i++) {
		next[work->brackets.items[i].id] = at;
		at += work->brackets.items[i].count;
	}
	for (size_t i = 0; i < shown; i++)
		order[next[work->items[work->order[i]].bracket]++] = work->order[i];
	memcpy(work->order, order, shown * sizeof(*order));
	for (size_t i = 0, first = 0; i < brackets; first += work->brackets.items[i++].count)
		for (uint32_t row = 0; row < work->brackets.items[i].count; row++)
			work->items[work->order[first + row]].row.bracket =
			    place_of(row, work->brackets.items[i].count);
	return 0;
}

int table_bracket(struct table_work *work, const struct view *view, size_t shown, bool ascending)
{
	if (shown == 0)
		return 0;
	if (gather(work, view, shown))
		return -ENOMEM;
	uint32_t first = work->items[work->order[0]].bracket;

	qsort_r(work->brackets.items, work->brackets.count, sizeof(*work->brackets.items), compare, &ascending);
	show_first(work, first, view->bracket);
	return arrange(work, shown);
}
