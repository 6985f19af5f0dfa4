/* Which row comes first, and which stand under which. */
#include "iotopx/array.h"
#include "table_work.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

static double traffic_of(const struct row *row)
{
	const uint64_t *value = row->sum.value;
	uint64_t asked = value[COUNTER_READ] + value[COUNTER_WRITE];
	uint64_t done = row->cgroups.read_bytes + row->cgroups.write_bytes;

	/* Disk traffic decides; calls through the cache only where there is none. */
	return (double)(asked > done ? asked : done) * 1024.0 +
	       (double)(value[COUNTER_READ_CHAR] + value[COUNTER_WRITE_CHAR]) +
	       (double)(value[COUNTER_READ_CALLS] + value[COUNTER_WRITE_CALLS] + value[COUNTER_BLKIO_COUNT]);
}

/* A task found in D of which no wait was measured began one in this interval: how long can't be told yet, and it may be
 * for ever. It belongs where who looks for what waits finds it. Where nothing is measured, only what did nothing else
 * counts: who does I/O often is often found in D. */
static bool begins_to_wait(const struct row *row)
{
	if (!(row->flags & DELTA_STUCK) || row->busiest_blkio_ns)
		return false;
	if (counters_known(&row->sum, COUNTER_BLKIO_DELAY))
		return true;
	for (int counter = 0; counter < COUNTER_COUNT; counter++)
		if (row->sum.value[counter])
			return false;
	return true;
}

static struct sort_key sort_key(const struct row *row, const struct view *view, const struct row_context *context)
{
	struct value value = { .type = VALUE_UNKNOWN };

	if (view->sort)
		value = view->sort->get(row, context);
	if (view->sort && view->sort->counter == COUNTER_BLKIO_DELAY && begins_to_wait(row))
		value = (struct value){ .type = VALUE_NUMBER, .number = 1 };
	return (struct sort_key){
		.text = value.type == VALUE_TEXT ? value.text : NULL,
		.number = value.type == VALUE_NUMBER ? value.number : NAN,
		.traffic = traffic_of(row),
		.active = row->active,
		.tid = row->key.tid,
		.start_ms = row->key.start_ms,
		.hash = row->key.hash,
	};
}

static void fill_sort_keys(struct table_work *work, const struct view *view, const struct row_context *context)
{
	for (size_t i = 0; i < work->count; i++) {
		struct node *node = &work->items[i];

		if (node->hidden)
			continue;
		node->sort = sort_key(&node->row, view, context);
		node->first_child = node->next = NODE_NONE;
		node->children = 0;
	}
}

static bool natural_ascending(const struct view *view)
{
	return view->sort &&
	       (view->sort->kind == COLUMN_ID || view->sort->kind == COLUMN_TEXT || view->sort->kind == COLUMN_PRIO);
}

struct order {
	const struct node *nodes;
	bool ascending;
};

static int compare_who(const struct sort_key *a, const struct sort_key *b)
{
	if (a->traffic != b->traffic)
		return a->traffic > b->traffic ? -1 : 1;
	if (a->active != b->active)
		return a->active ? -1 : 1;
	if (a->tid != b->tid)
		return a->tid < b->tid ? -1 : 1;
	if (a->start_ms != b->start_ms)
		return a->start_ms < b->start_ms ? -1 : 1;
	return (a->hash > b->hash) - (a->hash < b->hash);
}

int table_compare_keys(const struct sort_key *a, const struct sort_key *b, bool ascending)
{
	bool a_known = a->text || !isnan(a->number), b_known = b->text || !isnan(b->number);
	bool is_text = a->text || b->text;
	int result = 0;

	/* What can't be told comes last; but a figure of 0 is no reason to stand above a task that moves gigabytes. */
	if (a_known != b_known && (ascending || is_text || (a_known ? a : b)->number != 0))
		return a_known ? -1 : 1;
	if (a->text && b->text)
		result = strcasecmp(a->text, b->text);
	else if (a_known && b_known)
		result = (a->number > b->number) - (a->number < b->number);
	if (result)
		return ascending ? result : -result;
	return compare_who(a, b);
}

static int compare(const void *one, const void *other, void *data)
{
	const struct order *order = data;

	return table_compare_keys(&order->nodes[*(const uint32_t *)one].sort,
				  &order->nodes[*(const uint32_t *)other].sort, order->ascending);
}

/* Brackets make no sense in an order of names, and each group or tree has its own. */
static bool has_brackets(const struct table *table, const struct view *view)
{
	enum column_kind kind = view->sort ? view->sort->kind : COLUMN_TEXT;

	return view->bracket && table->context.threads &&
	       (kind == COLUMN_BYTES || kind == COLUMN_LIFETIME || kind == COLUMN_COUNT || kind == COLUMN_RATIO ||
		kind == COLUMN_DURATION);
}

/* Chains the sorted nodes: each to its parent's list, in order. Walked backwards, so that a list is built by putting
 * before its head. Returns the first root. */
static uint32_t chain(struct table_work *work, size_t count)
{
	uint32_t root = NODE_NONE;

	for (size_t i = count; i-- > 0;) {
		struct node *node = &work->items[work->order[i]];
		uint32_t *head = &root;

		if (node->parent != NODE_NONE && !work->items[node->parent].hidden) {
			head = &work->items[node->parent].first_child;
			work->items[node->parent].children++;
		}
		node->next = *head;
		*head = work->order[i];
	}
	return root;
}

static bool is_open(const struct expansion *expansion, const struct view *view, const struct node *node)
{
	if (!expansion || !expansion->open)
		return view->tree && view->group == GROUP_NONE;
	return expansion->open(expansion->data, &node->row.key);
}

/* Depth first, without recursion: what is under a closed row is left out. */
static void walk(struct table *table, struct table_work *work, const struct view *view, uint32_t root,
		 const struct expansion *expansion)
{
	uint32_t at = root;
	unsigned char depth = 0;

	while (at != NODE_NONE) {
		struct node *node = &work->items[at];
		bool open = node->first_child != NODE_NONE && is_open(expansion, view, node);

		node->row.has_children = node->first_child != NODE_NONE;
		node->row.expanded = open;
		node->row.last_child = node->next == NODE_NONE;
		node->row.depth = depth;
		table->rows[table->count++] = node->row;
		if (open) {
			at = node->first_child;
			depth++;
			continue;
		}
		while (work->items[at].next == NODE_NONE && depth > 0) {
			at = work->items[at].parent;
			depth--;
		}
		at = work->items[at].next;
	}
}

int table_order(struct table *table, struct table_work *work, const struct view *view,
		const struct expansion *expansion)
{
	struct order order = { .nodes = work->items, .ascending = natural_ascending(view) != view->ascending };
	size_t shown = 0;

	if (array_reserve_raw((void **)&work->order, &work->order_capacity, work->count, sizeof(*work->order)) ||
	    array_reserve_raw((void **)&table->rows, &table->capacity, work->count, sizeof(*table->rows)))
		return -ENOMEM;
	fill_sort_keys(work, view, &table->context);
	for (size_t i = 0; i < work->count; i++)
		if (!work->items[i].hidden)
			work->order[shown++] = (uint32_t)i;
	if (shown)
		qsort_r(work->order, shown, sizeof(*work->order), compare, &order);
	if (has_brackets(table, view) && table_bracket(work, view, shown, order.ascending))
		return -ENOMEM;
	table->count = 0;
	walk(table, work, view, chain(work, shown), expansion);
	return 0;
}
