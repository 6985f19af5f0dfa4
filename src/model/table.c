/* Parts (deltas of tasks, idle tasks) become rows; rows become groups or a tree. Sums are taken from parts, so that
 * every way to look at an interval adds up to the same. */
#include "iotopx/table.h"
#include "iotopx/array.h"
#include "iotopx/filter.h"
#include "table_work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TREE_DEPTH_MAX 64u /* deeper than any real one: a ring of stale parents ends here */

uint64_t counters_write_shown(const struct counters *counters)
{
	uint64_t written = counters->value[COUNTER_WRITE], cancelled = counters->value[COUNTER_CANCELLED];

	return written > cancelled ? written - cancelled : 0;
}

/* One piece of a row: a task's delta, a folded one, or a task that did nothing. */
struct part {
	struct task_info *info;
	struct counters sum;
	uint64_t busiest_blkio_ns, busiest_swapin_ns, lived_ns, age_ns, lifetime_read, lifetime_write;
	uint32_t flags, exits, processes;
	char state;
};

static struct row_key key_of(const struct build *build, const struct part *part)
{
	const struct task_info *info = part->info;
	struct row_key key;
	uint64_t group = table_group_hash(info, build->view->group);

	memset(&key, 0, sizeof(key));
	if (part->flags & DELTA_OTHER) {
		key.kind = ROW_OTHER;
		key.hash = hash_text(
		    hash_text(hash_bytes(table_hash_new(ROW_OTHER), &info->uid, sizeof(info->uid)), info->unit),
		    info->container);
	} else if (!build->threads && info->process.tid) {
		key.kind = ROW_PROCESS;
		key.tid = info->process.tid;
		key.start_ms = info->process.start_ns / 1000000;
		key.hash = group;
	} else if (part->flags & DELTA_FOLDED) {
		key.kind = ROW_EXITED_FOLD;
		key.tid = info->process.tid;
		key.start_ms = info->process.start_ns / 1000000;
		key.hash = hash_text(table_hash_new(ROW_EXITED_FOLD), task_info_command(info)) ^ group;
		key.hash = hash_bytes(key.hash, &info->uid, sizeof(info->uid));
		key.hash = hash_bytes(key.hash, &info->ppid, sizeof(info->ppid));
	} else {
		key.kind = ROW_TASK;
		key.tid = info->id.tid;
		key.start_ms = info->id.start_ns / 1000000;
		key.hash = group;
	}
	return key;
}

static size_t slot_of(const struct row_key *key, size_t capacity)
{
	uint64_t hash = hash_bytes(key->hash + (uint64_t)key->kind, &key->tid, sizeof(key->tid));

	hash = (hash ^ key->start_ms) * 0x9e3779b97f4a7c15u;
	return (size_t)(hash >> 32) & (capacity - 1);
}

int table_slots_reserve(struct table_work *work, size_t need)
{
	size_t capacity = work->slot_capacity ? work->slot_capacity : 256;

	while (capacity < need * 2)
		capacity *= 2;
	if (capacity != work->slot_capacity) {
		uint32_t *slots = realloc(work->slots, capacity * sizeof(*slots));

		if (!slots)
			return -ENOMEM;
		work->slots = slots;
		work->slot_capacity = capacity;
	}
	memset(work->slots, 0xff, work->slot_capacity * sizeof(*work->slots));
	return 0;
}

/* Where it is, or the free place where it belongs. */
static uint32_t *place_of(const struct table_work *work, const struct row_key *key)
{
	size_t at = slot_of(key, work->slot_capacity);

	while (work->slots[at] != NODE_NONE && memcmp(&work->items[work->slots[at]].row.key, key, sizeof(*key)) != 0)
		at = (at + 1) & (work->slot_capacity - 1);
	return &work->slots[at];
}

struct node *table_node_find(const struct table_work *work, const struct row_key *key)
{
	uint32_t slot = *place_of(work, key);

	return slot == NODE_NONE ? NULL : &work->items[slot];
}

struct node *table_node_of(struct table_work *work, const struct row_key *key, bool *is_new)
{
	uint32_t *place = place_of(work, key);
	struct node *node;

	*is_new = *place == NODE_NONE;
	if (!*is_new)
		return &work->items[*place];
	node = array_append(work);
	if (!node)
		return NULL;
	*place = (uint32_t)(work->count - 1);
	node->row.key = *key;
	node->parent = node->first_child = node->next = NODE_NONE;
	return node;
}

static uint64_t larger_of(uint64_t one, uint64_t other)
{
	return one > other ? one : other;
}

void table_row_merge(struct row *into, const struct row *from)
{
	counters_add(&into->sum, &from->sum);
	into->busiest_blkio_ns = larger_of(into->busiest_blkio_ns, from->busiest_blkio_ns);
	into->busiest_swapin_ns = larger_of(into->busiest_swapin_ns, from->busiest_swapin_ns);
	into->lived_ns = larger_of(into->lived_ns, from->lived_ns);
	into->age_ns = larger_of(into->age_ns, from->age_ns);
	into->lifetime_read += from->lifetime_read;
	into->lifetime_write += from->lifetime_write;
	into->exits += from->exits;
	into->members += from->members;
	into->active |= from->active;
	if (from->state == 'D' || (from->state && !into->state))
		into->state = from->state;
}

/* A row of one part. */
static struct row row_of(const struct build *build, const struct part *part)
{
	struct row row = {
		.info = part->info,
		.sum = part->sum,
		.busiest_blkio_ns = part->busiest_blkio_ns,
		.busiest_swapin_ns = part->busiest_swapin_ns,
		.flags = part->flags,
		.exits = part->exits,
		.members = 1,
		.state = part->state,
		.active = counters_any(&part->sum) || (part->flags & DELTA_STUCK),
		.lived_ns = part->lived_ns,
		.age_ns = part->age_ns,
		.lifetime_read = part->lifetime_read,
		.lifetime_write = part->lifetime_write,
	};

	if (part->flags & DELTA_FOLDED)
		row.members = build->threads || part->info->process.tid ? part->exits : part->processes;
	return row;
}

/* A process is told by its leader: by the leader's own part, or as its thread knew it. */
static struct task_info *process_info(const struct build *build, struct task_info *info)
{
	struct task_info *leader = info->leader;

	if (!leader || table_group_hash(leader, build->view->group) != table_group_hash(info, build->view->group))
		return info;
	return leader;
}

static void join(const struct build *build, struct node *node, const struct part *part, const struct row *row,
		 bool is_new)
{
	struct row_key key = node->row.key;
	uint32_t once = DELTA_STUCK | DELTA_NO_DELAYS | DELTA_GROUP_DEAD; /* true of a row if of one part */

	if (is_new) {
		node->row = *row;
		node->row.key = key;
		if (key.kind == ROW_PROCESS)
			node->row.info = process_info(build, part->info);
	} else {
		uint32_t both = node->row.flags & row->flags;

		table_row_merge(&node->row, row);
		node->row.flags = both | ((node->row.flags | row->flags) & once);
		/* The same task under a newer name, or the leader of the process itself. */
		if (!(part->flags & DELTA_FOLDED) &&
		    (key.kind == ROW_TASK || part->info->id.tid == part->info->process.tid))
			node->row.info = part->info;
	}
	if (key.kind == ROW_PROCESS) { /* it lives on when its threads exit */
		node->row.flags &= ~(uint32_t)(DELTA_EXITED | DELTA_FOLDED | DELTA_OTHER);
		if (node->row.flags & DELTA_GROUP_DEAD)
			node->row.flags |= DELTA_EXITED;
	}
	if (!node->matched)
		node->matched = !build->view->filter || filter_match(build->view->filter, part->info, build->lookup);
}

static int add_part(const struct build *build, const struct part *part)
{
	struct row_key key = key_of(build, part);
	struct row row = row_of(build, part);
	bool is_new;
	struct node *node = table_node_of(build->work, &key, &is_new);

	if (!node)
		return -ENOMEM;
	join(build, node, part, &row, is_new);
	return 0;
}

static int add_parts(const struct build *build, const struct interval *interval, bool idle)
{
	for (size_t i = 0; i < interval->count; i++) {
		const struct task_delta *task = &interval->tasks[i];
		struct part part = {
			.info = task->info,
			.sum = task->delta,
			.busiest_blkio_ns = task->busiest_blkio_ns,
			.busiest_swapin_ns = task->busiest_swapin_ns,
			.lived_ns = task->lived_ns,
			.age_ns = task->age_ns,
			.lifetime_read = task->lifetime_read,
			.lifetime_write = task->lifetime_write,
			.flags = task->flags,
			.exits = task->exits,
			.processes = task->processes,
			.state = task->state,
		};

		if (add_part(build, &part))
			return -ENOMEM;
	}
	for (size_t i = 0; idle && i < interval->idle_count; i++) {
		const struct task_idle *task = &interval->idle[i];
		struct part part = {
			.info = task->info,
			.sum = { .known = task->known },
			.lived_ns = interval_measured_ns(interval),
			.age_ns = task->age_ns,
			.lifetime_read = task->lifetime_read,
			.lifetime_write = task->lifetime_write,
			.flags = task->flags,
			.state = task->state,
		};

		if (add_part(build, &part))
			return -ENOMEM;
	}
	return 0;
}

/* The filter has spoken for each part; a process also matches by its leader, who may have had no part. */
static void apply_filter(const struct build *build, struct table *table)
{
	struct table_work *work = build->work;

	table->is_filtered = build->view->filter != NULL;
	table->filtered = (struct counters){ .known = COUNTERS_ALL };
	for (size_t i = 0; i < work->count; i++) {
		struct node *node = &work->items[i];

		if (!node->matched && node->row.key.kind == ROW_PROCESS)
			node->matched = filter_match(build->view->filter, node->row.info, build->lookup);
		node->hidden = !node->matched;
		if (node->matched && table->is_filtered)
			counters_add(&table->filtered, &node->row.sum);
		if (build->view->hide_exited && (node->row.flags & DELTA_EXITED))
			node->hidden = true;
	}
}

/* Exited rows of one command, user and parent become one; in sums, where parents come and go, those of any parent. A
 * fold of one stays what it is. */
static struct row_key fold_key(const struct build *build, const struct task_info *info)
{
	struct row_key key;

	memset(&key, 0, sizeof(key));
	key.kind = ROW_EXITED_FOLD;
	key.hash = hash_text(table_hash_new(ROW_EXITED_FOLD), build->threads ? info->comm : task_info_command(info));
	key.hash = hash_bytes(key.hash, &info->uid, sizeof(info->uid));
	if (build->view->mode == MODE_RATE || build->view->tree)
		key.hash = hash_bytes(key.hash, &info->ppid, sizeof(info->ppid));
	key.hash ^= table_group_hash(info, build->view->group);
	return key;
}

static int fold_exited(const struct build *build)
{
	struct table_work *work = build->work;

	if (table_slots_reserve(work, work->count + 1))
		return -ENOMEM;
	for (size_t i = 0; i < work->count; i++) {
		struct node *node = &work->items[i];

		if (node->hidden || !(node->row.flags & DELTA_EXITED) || node->row.key.kind == ROW_OTHER)
			continue;
		if (node->children) /* in a tree: others stand below it */
			continue;
		struct row_key key = fold_key(build, node->row.info);
		size_t at = slot_of(&key, work->slot_capacity);

		while (work->slots[at] != NODE_NONE && work->items[work->slots[at]].fold_hash != key.hash)
			at = (at + 1) & (work->slot_capacity - 1);
		if (work->slots[at] == NODE_NONE) {
			work->slots[at] = (uint32_t)i;
			node->fold_hash = key.hash;
			continue;
		}
		struct node *into = &work->items[work->slots[at]];

		into->row.members = table_row_tasks(&into->row);
		node->row.members = table_row_tasks(&node->row);
		into->row.key = key;
		into->row.flags |= DELTA_FOLDED;
		into->row.mixed_parents |= node->row.mixed_parents || node->row.info->ppid != into->row.info->ppid;
		table_row_merge(&into->row, &node->row);
		node->hidden = true;
		node->parent = NODE_NONE; /* its figures are the other's now */
	}
	return 0;
}

/* Links each process to its parent's row, where that is shown. */
static int link_parents(const struct build *build)
{
	struct table_work *work = build->work;
	struct idmap by_pid = { 0 };
	int error = 0;

	for (size_t i = 0; i < work->count && !error; i++)
		if (work->items[i].row.key.kind == ROW_PROCESS && !work->items[i].hidden)
			error = idmap_set(&by_pid, (uint32_t)work->items[i].row.key.tid, (uint32_t)i);
	for (size_t i = 0; i < work->count && !error; i++) {
		pid_t ppid = work->items[i].row.info->ppid;
		uint32_t parent = ppid > 0 && !work->items[i].hidden ? idmap_get(&by_pid, (uint32_t)ppid) : IDMAP_NONE;

		if (parent == IDMAP_NONE || parent == i)
			continue;
		work->items[i].parent = parent;
		work->items[parent].children++;
	}
	idmap_free(&by_pid);
	return error;
}

/* A reused PID may close a ring of stale parents: who can't be reached from a root becomes one. */
static void cut_rings(struct table_work *work)
{
	for (size_t i = 0; i < work->count; i++) {
		uint32_t at = (uint32_t)i;
		unsigned depth = 0;

		while (work->items[at].parent != NODE_NONE && depth < TREE_DEPTH_MAX) {
			at = work->items[at].parent;
			depth++;
		}
		if (depth == TREE_DEPTH_MAX)
			work->items[i].parent = NODE_NONE;
		else
			work->items[i].row.depth = (unsigned char)depth;
	}
}

/* Each row's own figures go to all above it. */
static int make_tree(const struct build *build)
{
	struct table_work *work = build->work;
	int error = link_parents(build);

	if (error)
		return error;
	cut_rings(work);
	if (build->view->fold_exited && fold_exited(build))
		return -ENOMEM;
	struct row *own = malloc((work->count + 1) * sizeof(*own));

	if (!own)
		return -ENOMEM;
	for (size_t i = 0; i < work->count; i++)
		own[i] = work->items[i].row;
	for (size_t i = 0; i < work->count; i++) {
		for (uint32_t at = work->items[i].parent; at != NODE_NONE; at = work->items[at].parent) {
			struct row *above = &work->items[at].row;
			uint64_t age = above->age_ns, read = above->lifetime_read, write = above->lifetime_write;
			char state = above->state;

			table_row_merge(above, &own[i]);
			above->age_ns = age; /* those stay its own */
			above->lifetime_read = read;
			above->lifetime_write = write;
			above->state = state;
			above->has_children = true;
		}
	}
	free(own);
	return 0;
}

static void hide_inactive(struct table_work *work)
{
	for (size_t i = 0; i < work->count; i++)
		if (!work->items[i].row.active)
			work->items[i].hidden = true;
}

static void fill_context(struct table *table, const struct interval *interval, const struct build *build,
			 enum text_charset charset)
{
	table->context = (struct row_context){
		.seconds = interval_seconds(interval),
		.mode = build->view->mode,
		.group = build->view->group,
		.threads = build->threads,
		.full_command = build->view->full_command,
		.baseline = interval->baseline,
		.units = build->view->units,
		.charset = charset,
		.lookup = build->lookup,
	};
}

static int build_nodes(const struct build *build, struct table *table, const struct interval *interval)
{
	const struct view *view = build->view;
	struct table_work *work = build->work;
	bool idle = !view->only_active || view->tree;
	int error;

	work->count = 0;
	table_forget_infos(work);
	if (table_slots_reserve(work, interval->count + (idle ? interval->idle_count : 0) + 1))
		return -ENOMEM;
	error = add_parts(build, interval, idle);
	if (error)
		return error;
	apply_filter(build, table);
	if (view->tree && view->group == GROUP_NONE)
		error = make_tree(build);
	else if (view->fold_exited)
		error = fold_exited(build);
	if (!error && view->group != GROUP_NONE)
		error = table_make_groups(build, interval);
	if (!error && view->only_active)
		hide_inactive(work);
	return error;
}

int table_build(struct table *table, const struct interval *interval, const struct view *view,
		const struct lookup *lookup, enum text_charset charset, const struct expansion *expansion)
{
	if (!table->work)
		table->work = calloc(1, sizeof(struct table_work));
	if (!table->work)
		return -ENOMEM;
	struct build build = {
		.work = table->work,
		.view = view,
		.lookup = lookup,
		/* Groups and trees are made of processes. */
		.threads = view->threads && !view->tree && view->group == GROUP_NONE,
	};
	int error = build_nodes(&build, table, interval);

	if (error)
		return error;
	fill_context(table, interval, &build, charset);
	return table_order(table, build.work, view, expansion);
}

void table_free(struct table *table)
{
	struct table_work *work = table->work;

	if (work) {
		free(work->items);
		free(work->slots);
		free(work->order);
		free(work->brackets.items);
		free(work->places);
		table_forget_infos(work);
		free(work->infos.items);
		free(work);
	}
	free(table->rows);
	*table = (struct table){ 0 };
}
