/* Groups: rows of one command, user, unit or container become one, and what the kernel tells of a unit's or container's
 * cgroups stands beside. */
#include "iotopx/array.h"
#include "iotopx/filter.h"
#include "iotopx/text.h"
#include "table_work.h"

#include <errno.h>
#include <string.h>

uint64_t table_hash_new(enum row_kind kind)
{
	return HASH_START * ((uint64_t)kind + 1);
}

/* What a group goes by. */
uint64_t table_group_hash(const struct task_info *info, enum view_group group)
{
	uint64_t hash = table_hash_new(ROW_GROUP);

	switch (group) {
	case GROUP_COMMAND:
		return hash_text(hash, task_info_command(info));
	case GROUP_USER:
		return hash_bytes(hash, &info->uid, sizeof(info->uid));
	case GROUP_UNIT:
		return hash_text(hash, info->unit);
	case GROUP_CONTAINER:
		return hash_text(hash, info->container);
	case GROUP_NONE:
	case GROUP_COUNT:
		break;
	}
	return 0;
}

/* How many rows a row stands for: a process is one, however many threads it has. */
uint32_t table_row_tasks(const struct row *row)
{
	return row->key.kind == ROW_PROCESS ? 1 : row->members;
}

static void compare_infos(struct row *group, const struct task_info *info)
{
	const struct task_info *first = group->info;

	group->same_info[SAME_COMMAND] &= text_same(task_info_command(first), task_info_command(info));
	group->same_info[SAME_USER] &= first->uid == info->uid;
	group->same_info[SAME_UNIT] &= text_same(first->unit, info->unit);
	group->same_info[SAME_CONTAINER] &= text_same(first->container, info->container);
	group->same_info[SAME_PARENT] &= first->ppid == info->ppid;
}

/* A group's row from its first member. `member` is copied by the caller: adding moves the nodes. */
static void start_group(struct node *group, const struct row *member)
{
	struct row_key key = group->row.key;

	group->row = *member;
	group->row.key = key;
	group->row.has_children = true;
	group->matched = true;
	memset(group->row.same_info, true, sizeof(group->row.same_info));
}

void table_forget_infos(struct table_work *work)
{
	for (size_t i = 0; i < work->infos.count; i++)
		task_info_unref(work->infos.items[i]);
	work->infos.count = 0;
}

static struct row_key group_key(const struct build *build, const struct task_info *info)
{
	struct row_key key;

	memset(&key, 0, sizeof(key));
	key.kind = ROW_GROUP;
	key.hash = table_group_hash(info, build->view->group);
	return key;
}

/* A unit whose tasks did nothing, or are no more, and whose pages are being written. */
static struct node *lone_group(const struct build *build, const struct interval *interval, const struct row_key *key,
			       const struct task_info *like)
{
	struct table_work *work = build->work;
	struct task_info **slot = array_append(&work->infos);
	struct row row = { .sum = { .known = interval->total.known } };
	struct node *node;
	bool is_new;

	if (!slot)
		return NULL;
	*slot = task_info_copy(like);
	if (!*slot) {
		work->infos.count--;
		return NULL;
	}
	node = table_node_of(work, key, &is_new);
	if (!node)
		return NULL;
	row.info = *slot;
	start_group(node, &row);
	node->row.same_info[SAME_COMMAND] = node->row.same_info[SAME_USER] = node->row.same_info[SAME_PARENT] = false;
	return node;
}

static void join_cgroup(struct row *row, const struct cgroup_delta *delta, bool first)
{
	struct row_cgroups *sum = &row->cgroups;

	if (first)
		*sum = (struct row_cgroups){ .io_known = delta->io_known };
	sum->approximate |= delta->approximate || sum->io_known != delta->io_known;
	sum->io_known |= delta->io_known;
	sum->pressure_known |= delta->pressure_known;
	if (delta->io_known) {
		sum->read_bytes += delta->read_bytes;
		sum->write_bytes += delta->write_bytes;
	}
	if (delta->pressure_known && delta->some_us > sum->some_us)
		sum->some_us = delta->some_us;
	if (delta->pressure_known && delta->full_us > sum->full_us)
		sum->full_us = delta->full_us;
	row->active |= sum->read_bytes || sum->write_bytes;
}

static int add_cgroup(const struct build *build, const struct interval *interval, const struct cgroup_delta *delta)
{
	struct task_info like = { .refs = 1, .uid = UINT32_MAX };
	struct row_key key;
	struct node *node;

	like.cgroup = delta->cgroup;
	like.unit = delta->unit;
	like.container = delta->container;
	if (!filter_match(build->view->filter, &like, build->lookup))
		return 0;
	key = group_key(build, &like);
	node = table_node_find(build->work, &key);
	if (!node && (!delta->io_known || (!delta->read_bytes && !delta->write_bytes)))
		return 0;
	if (!node)
		node = lone_group(build, interval, &key, &like);
	if (!node)
		return -ENOMEM;
	join_cgroup(&node->row, delta, !node->has_cgroups);
	node->has_cgroups = true;
	if (node->row.members == 0)
		compare_infos(&node->row, &like);
	return 0;
}

/* Of a unit that is not listed the figures are 0. Those of all its tasks are no answer to who asks for some. */
static int add_cgroups(const struct build *build, const struct interval *interval, size_t groups)
{
	struct table_work *work = build->work;
	bool by_place = build->view->group == GROUP_UNIT || build->view->group == GROUP_CONTAINER;
	int error = 0;

	if (!by_place || filter_asks_who(build->view->filter))
		return 0;
	for (size_t i = groups; i < work->count; i++) {
		struct row *row = &work->items[i].row;
		bool known = !interval->crowded && (build->view->group != GROUP_UNIT || row->info->unit);

		row->cgroups.io_known = known && interval->cgroup_io;
		row->cgroups.pressure_known = known && interval->cgroup_pressure;
	}
	for (size_t i = 0; i < interval->cgroup_count && !error; i++)
		error = add_cgroup(build, interval, &interval->cgroups[i]);
	return error;
}

int table_make_groups(const struct build *build, const struct interval *interval)
{
	struct table_work *work = build->work;
	size_t members = work->count;

	if (table_slots_reserve(work, members + interval->cgroup_count + 1))
		return -ENOMEM;
	for (size_t i = 0; i < members; i++) {
		struct row member = work->items[i].row;
		struct row_key key;
		bool is_new;

		if (work->items[i].hidden)
			continue;
		member.members = table_row_tasks(&member);
		key = group_key(build, member.info);
		struct node *group = table_node_of(work, &key, &is_new);

		if (!group)
			return -ENOMEM;
		if (is_new) {
			start_group(group, &member);
		} else {
			uint32_t any = (group->row.flags | member.flags) & (DELTA_STUCK | DELTA_NO_DELAYS);

			group->row.flags = (group->row.flags & member.flags) | any;
			table_row_merge(&group->row, &member);
			compare_infos(&group->row, member.info);
		}
		work->items[i].parent = (uint32_t)(group - work->items);
		work->items[i].row.depth = 1;
	}
	return add_cgroups(build, interval, members);
}
