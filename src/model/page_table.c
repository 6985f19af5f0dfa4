/* The rows of a page: figures computed, partitions put under their disks, filtered and sorted. */
#include "iotopx/page.h"
#include "iotopx/array.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_PARENT SIZE_MAX
#define MOUNTS_MAX 1024 /* bytes of the mount points of a disk's partitions */

/* A row in the making. */
struct entry {
	struct page_row row;
	struct value value; /* that it is sorted by */
	size_t parent;      /* its disk's entry, before sorting; NO_PARENT for what stands for itself */
	size_t index;       /* before sorting */
	bool matches;       /* the filter, by a text of its own */
	bool group_matches; /* ... or of a partition of it */
};

struct entries {
	struct entry *items;
	size_t count, capacity;
};

struct strings {
	char **items;
	size_t count, capacity;
};

/* What rows point to; kept until the next build. */
struct page_work {
	struct entries entries;
	struct device_stat *devices;
	struct device_info *infos; /* of disks whose row tells the mount points of its partitions */
	struct nfs_stat *mounts;
	size_t device_capacity, info_capacity, mount_capacity;
	struct strings strings;
};

struct build {
	struct page_table *table;
	struct page_work *work;
	const struct page *page;
	const struct page_view *view;
	const struct page_column *sort;
	int direction; /* -1: the largest first */
};

static const char *keep_string(struct page_work *work, const char *text)
{
	char *copy = strdup(text);
	char **slot = copy ? array_append(&work->strings) : NULL;

	if (!slot) {
		free(copy);
		return NULL;
	}
	*slot = copy;
	return copy;
}

static void forget_strings(struct page_work *work)
{
	for (size_t i = 0; i < work->strings.count; i++)
		free(work->strings.items[i]);
	work->strings.count = 0;
}

void page_table_free(struct page_table *table)
{
	struct page_work *work = table->work;

	if (work) {
		forget_strings(work);
		free(work->strings.items);
		free(work->entries.items);
		free(work->devices);
		free(work->infos);
		free(work->mounts);
		free(work);
	}
	free(table->rows);
	*table = (struct page_table){ 0 };
}

static bool text_matches(const struct build *build, const struct page_row *row)
{
	if (!build->view->filter || !*build->view->filter)
		return true;
	for (size_t i = 0; i < build->page->column_count; i++) {
		struct value value = build->page->columns[i].get(row);

		if (value.type == VALUE_TEXT && strcasestr(value.text, build->view->filter))
			return true;
	}
	return false;
}

static int compare_values(const struct build *build, const struct value *a, const struct value *b)
{
	int order;

	/* what is not known comes last, whichever way the others stand */
	if (a->type == VALUE_UNKNOWN || b->type == VALUE_UNKNOWN)
		return (a->type == VALUE_UNKNOWN) - (b->type == VALUE_UNKNOWN);
	if (a->type == VALUE_TEXT)
		order = strverscmp(a->text, b->text);
	else
		order = (a->number > b->number) - (a->number < b->number);
	return order * build->direction;
}

static int by_value(const void *one, const void *other, void *data)
{
	const struct entry *a = one, *b = other;
	int order = compare_values(data, &a->value, &b->value);

	if (order == 0)
		order = strverscmp(a->row.name, b->row.name);
	if (order == 0)
		order = (a->index > b->index) - (a->index < b->index);
	return order;
}

static int emit(struct build *build, const struct page_row *row, bool matches)
{
	struct page_row *slot;

	if (!matches || (build->view->only_active && !row->active)) {
		build->table->hidden++;
		return 0;
	}
	slot = array_append_raw((void **)&build->table->rows, &build->table->count, &build->table->capacity,
				sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	*slot = *row;
	return 0;
}

/* Entries are sorted as a whole; partitions keep that order below their disk. */
static int emit_all(struct build *build)
{
	struct entries *entries = &build->work->entries;
	int error = 0;

	for (size_t i = 0; i < entries->count; i++)
		entries->items[i].value = build->sort->get(&entries->items[i].row);
	if (entries->count)
		qsort_r(entries->items, entries->count, sizeof(*entries->items), by_value, build);
	for (size_t i = 0; i < entries->count && !error; i++) {
		const struct entry *disk = &entries->items[i];

		if (disk->parent != NO_PARENT)
			continue;
		error = emit(build, &disk->row, disk->group_matches);
		for (size_t j = 0; j < entries->count && disk->row.expanded && !error; j++)
			if (entries->items[j].parent == disk->index)
				error = emit(build, &entries->items[j].row, entries->items[j].matches || disk->matches);
	}
	return error;
}

static const struct device_info *look_up(const struct lookup *lookup, const struct device_delta *delta)
{
	return lookup && lookup->device ? lookup->device(lookup->data, delta->major, delta->minor) : NULL;
}

static const char *device_name(struct page_work *work, const struct device_delta *delta, const struct device_info *info)
{
	char text[512];

	if (!info || !info->label)
		return delta->name;
	snprintf(text, sizeof(text), "%s %s", delta->name, info->label);
	return keep_string(work, text);
}

/* Which entry is its disk. A disk is no one's partition itself, whatever the facts say. */
static void find_parents(const struct machine_delta *machine, struct entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		const struct device_stat *stat = entries->items[i].row.device;
		const struct device_delta *disk = device_parent(machine, stat->delta, stat->info);
		struct entry *entry = &entries->items[i];

		if (!disk)
			continue;
		entry->parent = (size_t)(disk - machine->devices);
		if (entry->parent == i || device_parent(machine, disk, entries->items[entry->parent].row.device->info))
			entry->parent = NO_PARENT;
	}
	for (size_t i = 0; i < entries->count; i++) {
		struct entry *entry = &entries->items[i];

		if (entry->parent == NO_PARENT)
			continue;
		entry->row.depth = 1;
		entries->items[entry->parent].row.has_children = true;
	}
}

/* A folded disk says where its partitions are mounted. */
static int add_partitions_mounts(struct build *build, size_t disk)
{
	struct entries *entries = &build->work->entries;
	struct device_stat *stat = &build->work->devices[disk];
	char text[MOUNTS_MAX];
	size_t used = 0;

	for (size_t i = 0; i < entries->count; i++) {
		const struct device_info *info = entries->items[i].row.device->info;
		size_t length = info && info->mounts ? strlen(info->mounts) : 0;

		if ((i != disk && entries->items[i].parent != disk) || length == 0 || used + length + 3 > sizeof(text))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "", info->mounts);
	}
	if (used == 0)
		return 0;
	build->work->infos[disk] = stat->info ? *stat->info : (struct device_info){ 0 };
	build->work->infos[disk].mounts = keep_string(build->work, text);
	if (!build->work->infos[disk].mounts)
		return -ENOMEM;
	stat->info = &build->work->infos[disk];
	return 0;
}

static int fold_partitions(struct build *build)
{
	struct entries *entries = &build->work->entries;
	const struct page_view *view = build->view;

	for (size_t i = 0; i < entries->count; i++) {
		struct entry *entry = &entries->items[i];

		if (!entry->row.has_children)
			continue;
		entry->row.expanded = view->expand_all || (view->open && view->open(view->data, entry->row.name));
		if (!entry->row.expanded && add_partitions_mounts(build, i))
			return -ENOMEM;
	}
	return 0;
}

static void match_groups(struct build *build)
{
	struct entries *entries = &build->work->entries;

	for (size_t i = 0; i < entries->count; i++) {
		struct entry *entry = &entries->items[i];

		entry->matches = text_matches(build, &entry->row);
		if (entry->matches)
			entry->group_matches = true;
		if (entry->matches && entry->parent != NO_PARENT)
			entries->items[entry->parent].group_matches = true;
	}
}

static int build_devices(struct build *build, const struct machine_delta *machine, const struct lookup *lookup)
{
	struct page_work *work = build->work;
	int error;

	if (array_reserve_raw((void **)&work->devices, &work->device_capacity, machine->device_count,
			      sizeof(*work->devices)) ||
	    array_reserve_raw((void **)&work->infos, &work->info_capacity, machine->device_count, sizeof(*work->infos)))
		return -ENOMEM;
	for (size_t i = 0; i < machine->device_count; i++) {
		const struct device_delta *delta = &machine->devices[i];
		struct entry *entry = array_append(&work->entries);

		if (!entry)
			return -ENOMEM;
		device_stat_compute(&work->devices[i], delta, machine->elapsed_ns, look_up(lookup, delta));
		entry->index = i;
		entry->parent = NO_PARENT;
		entry->row.device = &work->devices[i];
		entry->row.active = work->devices[i].active;
		entry->row.name = device_name(work, delta, work->devices[i].info);
		if (!entry->row.name)
			return -ENOMEM;
	}
	find_parents(machine, &work->entries);
	error = fold_partitions(build);
	if (!error)
		match_groups(build);
	return error;
}

static int build_mounts(struct build *build, const struct machine_delta *machine)
{
	struct page_work *work = build->work;

	if (array_reserve_raw((void **)&work->mounts, &work->mount_capacity, machine->nfs.count, sizeof(*work->mounts)))
		return -ENOMEM;
	for (size_t i = 0; i < machine->nfs.count; i++) {
		struct entry *entry = array_append(&work->entries);

		if (!entry)
			return -ENOMEM;
		nfs_stat_compute(&work->mounts[i], &machine->nfs.items[i], machine->elapsed_ns);
		entry->index = i;
		entry->parent = NO_PARENT;
		entry->row.mount = &work->mounts[i];
		entry->row.active = work->mounts[i].active;
		entry->row.name = machine->nfs.items[i].mount;
		entry->matches = entry->group_matches = text_matches(build, &entry->row);
	}
	return 0;
}

int page_table_build(struct page_table *table, const struct page *page, const struct interval *interval,
		     const struct page_view *view, const struct lookup *lookup)
{
	struct build build = { .table = table, .page = page, .view = view };
	int error;

	if (!table->work)
		table->work = calloc(1, sizeof(*build.work));
	build.work = table->work;
	if (!build.work)
		return -ENOMEM;
	build.sort = view->sort ? view->sort : page_column_find(page, page->sort);
	build.direction = page_column_ascending(build.sort) != view->reversed ? 1 : -1;
	table->count = table->hidden = 0;
	build.work->entries.count = 0;
	forget_strings(build.work);
	if (page->id == VIEW_DEVICES)
		error = build_devices(&build, &interval->machine, lookup);
	else
		error = build_mounts(&build, &interval->machine);
	if (!error)
		error = emit_all(&build);
	if (error)
		table->count = table->hidden = 0;
	return error;
}
