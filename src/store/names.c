#include "names.h"
#include "iotopx/hash.h"
#include "iotopx/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASKS_MAX 50000u
#define UID_TEXT_SIZE 16

struct offset {
	int64_t first_task, offset_ns;
};

struct named_device {
	int64_t id;
	struct device_delta delta; /* names and numbers only */
	struct device_info info;   /* borrows texts */
	bool has_info;
};

struct named_user {
	uint32_t uid;
	const char *name; /* borrowed from the texts, or ... */
	char number[UID_TEXT_SIZE];
};

struct names {
	sqlite3 *db;
	sqlite3_stmt *text, *task, *device, *mount, *user;
	struct {
		char **items; /* owned, one for one content */
		size_t count, capacity;
	} texts;
	struct idmap by_text_id; /* into texts */
	uint32_t *by_content;    /* into texts: open addressing, UINT32_MAX free */
	size_t content_capacity;
	struct {
		struct named_task *items;
		size_t count, capacity;
	} tasks;
	struct idmap by_task_id, by_tid; /* into tasks; of a TID the one met last */
	struct {
		struct named_device *items;
		size_t count, capacity;
	} devices;
	struct {
		struct named_user **items; /* owned; their addresses stay */
		size_t count, capacity;
	} users;
	struct idmap by_uid; /* uid + 1 */
	struct {
		struct offset *items;
		size_t count, capacity;
	} offsets;
};

struct names *names_open(sqlite3 *db)
{
	struct names *names = calloc(1, sizeof(*names));
	const struct {
		sqlite3_stmt **statement;
		const char *sql;
	} statements[] = {
		{ names ? &names->text : NULL, "SELECT text FROM texts WHERE id = ?" },
		{ names ? &names->task : NULL, "SELECT * FROM tasks WHERE id = ?" },
		{ names ? &names->device : NULL, "SELECT * FROM devices WHERE id = ?" },
		{ names ? &names->mount : NULL, "SELECT * FROM mounts WHERE id = ?" },
		{ names ? &names->user : NULL, "SELECT name FROM users WHERE uid = ?" },
	};

	if (!names)
		return NULL;
	names->db = db;
	for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++)
		if (sqlite3_prepare_v2(db, statements[i].sql, -1, statements[i].statement, NULL) != SQLITE_OK) {
			names_close(names);
			return NULL;
		}
	return names;
}

static void forget_tasks(struct names *names)
{
	for (size_t i = 0; i < names->tasks.count; i++)
		task_info_unref(names->tasks.items[i].info);
	names->tasks.count = 0;
	idmap_free(&names->by_task_id);
	idmap_free(&names->by_tid);
	memset(&names->by_task_id, 0, sizeof(names->by_task_id));
	memset(&names->by_tid, 0, sizeof(names->by_tid));
}

void names_close(struct names *names)
{
	if (!names)
		return;
	forget_tasks(names);
	for (size_t i = 0; i < names->texts.count; i++)
		free(names->texts.items[i]);
	for (size_t i = 0; i < names->users.count; i++)
		free(names->users.items[i]);
	free(names->texts.items);
	free(names->tasks.items);
	free(names->devices.items);
	free(names->users.items);
	free(names->offsets.items);
	free(names->by_content);
	idmap_free(&names->by_text_id);
	idmap_free(&names->by_uid);
	sqlite3_finalize(names->text);
	sqlite3_finalize(names->task);
	sqlite3_finalize(names->device);
	sqlite3_finalize(names->mount);
	sqlite3_finalize(names->user);
	free(names);
}

int names_set_offset(struct names *names, int64_t first_task, int64_t offset_ns)
{
	struct offset *offset = array_append(&names->offsets);

	if (!offset)
		return -ENOMEM;
	*offset = (struct offset){ first_task, offset_ns };
	return 0;
}

void names_trim(struct names *names)
{
	if (names->tasks.count > TASKS_MAX)
		forget_tasks(names);
}

/* The row with that id. -EBADMSG where there is none: something refers to it. */
static int find_row(sqlite3_stmt *statement, int64_t id)
{
	int code;

	sqlite3_reset(statement);
	sqlite3_bind_int64(statement, 1, id);
	code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		return 0;
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? -EBADMSG : schema_error(code);
}

static size_t content_slot(const struct names *names, const char *text)
{
	size_t mask = names->content_capacity - 1, at = hash_text(HASH_START, text) & mask;

	while (names->by_content[at] != UINT32_MAX && strcmp(names->texts.items[names->by_content[at]], text) != 0)
		at = (at + 1) & mask;
	return at;
}

static int grow_contents(struct names *names)
{
	size_t capacity = names->content_capacity ? names->content_capacity * 2 : 256;
	uint32_t *slots;

	if ((names->texts.count + 1) * 2 <= names->content_capacity)
		return 0;
	slots = malloc(capacity * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memset(slots, 0xff, capacity * sizeof(*slots));
	free(names->by_content);
	names->by_content = slots;
	names->content_capacity = capacity;
	for (size_t i = 0; i < names->texts.count; i++)
		slots[content_slot(names, names->texts.items[i])] = (uint32_t)i;
	return 0;
}

static int intern(struct names *names, const char *text, uint32_t *item)
{
	char **added;
	size_t slot;

	if (grow_contents(names))
		return -ENOMEM;
	slot = content_slot(names, text);
	*item = names->by_content[slot];
	if (*item != UINT32_MAX)
		return 0;
	added = array_append(&names->texts);
	if (!added)
		return -ENOMEM;
	*added = strdup(text);
	if (!*added) {
		names->texts.count--;
		return -ENOMEM;
	}
	*item = names->by_content[slot] = (uint32_t)(names->texts.count - 1);
	return 0;
}

/* The text as it is in the file; it may hold any bytes. NULL on ENOMEM; freed by the caller. */
static char *copy_column(sqlite3_stmt *statement, int column)
{
	const void *bytes = sqlite3_column_blob(statement, column);
	size_t length = (size_t)sqlite3_column_bytes(statement, column);
	char *copy = malloc(length + 1);

	if (!copy)
		return NULL;
	if (length)
		memcpy(copy, bytes, length);
	copy[length] = '\0';
	return copy;
}

static int read_text(struct names *names, int64_t id, char **text)
{
	int error = find_row(names->text, id);

	if (error)
		return error;
	*text = copy_column(names->text, 0);
	sqlite3_reset(names->text);
	return *text ? 0 : -ENOMEM;
}

int names_text(struct names *names, int64_t id, const char **text)
{
	uint32_t item;
	char *copy;
	int error;

	if (id <= 0 || id >= UINT32_MAX)
		return -EBADMSG;
	item = idmap_get(&names->by_text_id, (uint32_t)id);
	if (item == IDMAP_NONE) {
		error = read_text(names, id, &copy);
		if (error)
			return error;
		error = intern(names, copy, &item);
		free(copy);
		if (error || idmap_set(&names->by_text_id, (uint32_t)id, item))
			return -ENOMEM;
	}
	*text = names->texts.items[item];
	return 0;
}

int names_column(struct names *names, sqlite3_stmt *statement, int column, const char **text)
{
	*text = NULL;
	if (sqlite3_column_type(statement, column) == SQLITE_NULL)
		return 0;
	return names_text(names, sqlite3_column_int64(statement, column), text);
}

static int64_t offset_of(const struct names *names, int64_t task)
{
	int64_t offset = 0;

	for (size_t i = 0; i < names->offsets.count && names->offsets.items[i].first_task <= task; i++)
		offset = names->offsets.items[i].offset_ns;
	return offset;
}

static bool same_info(const struct task_info *one, const struct task_info *other)
{
	return one->id.tid == other->id.tid && one->id.start_ns == other->id.start_ns &&
	       one->process.tid == other->process.tid && one->process.start_ns == other->process.start_ns &&
	       one->leader == other->leader && one->ppid == other->ppid && one->uid == other->uid &&
	       one->approximate_process == other->approximate_process && one->own == other->own &&
	       one->unit_approximate == other->unit_approximate && strcmp(one->comm, other->comm) == 0 &&
	       one->cgroup == other->cgroup && one->unit == other->unit && one->container == other->container &&
	       text_same(one->cmdline, other->cmdline);
}

/* From the row that the statement stands at. */
static int fill_info(struct names *names, struct task_info *info, int64_t id)
{
	sqlite3_stmt *row = names->task;
	int64_t offset = offset_of(names, id), flags = sqlite3_column_int64(row, TASK_FLAGS);
	const char *command = NULL;
	int error;

	info->id.tid = sqlite3_column_int(row, TASK_TID);
	info->id.start_ns = (uint64_t)sqlite3_column_int64(row, TASK_START) + (uint64_t)offset;
	info->process.tid = sqlite3_column_int(row, TASK_PID);
	info->process.start_ns = (uint64_t)sqlite3_column_int64(row, TASK_PROCESS_START) + (uint64_t)offset;
	info->ppid = sqlite3_column_int(row, TASK_PPID);
	if (sqlite3_column_type(row, TASK_UID) != SQLITE_NULL)
		info->uid = (uint32_t)sqlite3_column_int64(row, TASK_UID);
	info->approximate_process = (flags & TASK_APPROXIMATE_PROCESS) != 0;
	info->own = (flags & TASK_OWN) != 0;
	info->unit_approximate = (flags & TASK_UNIT_APPROXIMATE) != 0;
	error = names_column(names, row, TASK_COMMAND, &command);
	if (!error)
		error = names_column(names, row, TASK_CGROUP, &info->cgroup);
	if (!error)
		error = names_column(names, row, TASK_UNIT, &info->unit);
	if (!error)
		error = names_column(names, row, TASK_CONTAINER, &info->container);
	if (!error && command)
		snprintf(info->comm, sizeof(info->comm), "%s", command);
	/* Long, and seldom the same: not kept among the texts. */
	if (!error && sqlite3_column_type(row, TASK_CMDLINE) != SQLITE_NULL)
		error = read_text(names, sqlite3_column_int64(row, TASK_CMDLINE), &info->cmdline);
	return error;
}

static int get_task(struct names *names, int64_t id, bool leads, struct named_task **task);

/* NOLINTNEXTLINE(misc-no-recursion): a leader has none itself, this goes one step deep in a damaged file too */
static int read_info(struct names *names, int64_t id, bool leads, struct task_info **info)
{
	struct task_info *read = task_info_new();
	struct named_task *leader = NULL;
	int64_t leader_id = 0;
	int error = read ? find_row(names->task, id) : -ENOMEM;

	if (!error) {
		error = fill_info(names, read, id);
		leader_id = sqlite3_column_int64(names->task, TASK_LEADER);
		sqlite3_reset(names->task);
	}
	/* Leaders come first and have none themselves. */
	if (!error && leader_id)
		error = leader_id < id && !leads ? get_task(names, leader_id, true, &leader) : -EBADMSG;
	if (!error && leader && leader->info->leader)
		error = -EBADMSG;
	if (error) {
		task_info_unref(read);
		return error;
	}
	if (leader)
		read->leader = task_info_ref(leader->info);
	*info = read;
	return 0;
}

/* `leads`: as the leader of another one.
 * NOLINTNEXTLINE(misc-no-recursion): see read_info */
static int get_task(struct names *names, int64_t id, bool leads, struct named_task **task)
{
	uint32_t item, tid;
	struct task_info *info;
	int error;

	if (id <= 0 || id >= UINT32_MAX)
		return -EBADMSG;
	item = idmap_get(&names->by_task_id, (uint32_t)id);
	if (item != IDMAP_NONE) {
		*task = &names->tasks.items[item];
		tid = (uint32_t)(*task)->info->id.tid;
		return tid && idmap_set(&names->by_tid, tid, item) ? -ENOMEM : 0;
	}
	error = read_info(names, id, leads, &info);
	if (error)
		return error;
	/* A task is written again now and then: to those who know it, it is the same. */
	tid = (uint32_t)info->id.tid;
	item = tid ? idmap_get(&names->by_tid, tid) : IDMAP_NONE;
	if (item != IDMAP_NONE && same_info(names->tasks.items[item].info, info)) {
		task_info_unref(info);
		info = task_info_ref(names->tasks.items[item].info);
	}
	*task = array_append(&names->tasks);
	if (!*task) {
		task_info_unref(info);
		return -ENOMEM;
	}
	**task = (struct named_task){
		.id = id, .info = info, .prio_class = TASK_PRIO_UNKNOWN, .prio_level = TASK_PRIO_UNKNOWN
	};
	item = (uint32_t)(names->tasks.count - 1);
	if (idmap_set(&names->by_task_id, (uint32_t)id, item) || (tid && idmap_set(&names->by_tid, tid, item)))
		return -ENOMEM;
	return 0;
}

int names_task(struct names *names, int64_t id, struct named_task **task)
{
	return get_task(names, id, false, task);
}

static int read_device(struct names *names, int64_t id, struct named_device *device)
{
	sqlite3_stmt *row = names->device;
	const char *name = NULL;
	int64_t flags;
	int error = find_row(row, id);

	if (error)
		return error;
	*device = (struct named_device){ .id = id };
	flags = sqlite3_column_int64(row, DEVICE_FLAGS);
	device->delta.major = (unsigned)sqlite3_column_int64(row, DEVICE_MAJOR);
	device->delta.minor = (unsigned)sqlite3_column_int64(row, DEVICE_MINOR);
	device->delta.whole_disk = (flags & DEVICE_WHOLE_DISK) != 0;
	device->has_info = (flags & DEVICE_HAS_INFO) != 0;
	device->info.partition = (flags & DEVICE_PARTITION) != 0;
	device->info.stacked = (flags & DEVICE_STACKED) != 0;
	device->info.parent_major = (unsigned)sqlite3_column_int64(row, DEVICE_PARENT_MAJOR);
	device->info.parent_minor = (unsigned)sqlite3_column_int64(row, DEVICE_PARENT_MINOR);
	error = names_column(names, row, DEVICE_NAME, &name);
	if (!error)
		error = names_column(names, row, DEVICE_LABEL, &device->info.label);
	if (!error)
		error = names_column(names, row, DEVICE_MODEL, &device->info.model);
	if (!error)
		error = names_column(names, row, DEVICE_MOUNTS, &device->info.mounts);
	if (!error && name)
		snprintf(device->delta.name, sizeof(device->delta.name), "%s", name);
	sqlite3_reset(row);
	return error;
}

/* The device met last is the last in the list: of two with one number, that is the one the lookup finds. */
static void move_to_end(struct names *names, size_t item)
{
	struct named_device device = names->devices.items[item];

	memmove(&names->devices.items[item], &names->devices.items[item + 1],
		(names->devices.count - item - 1) * sizeof(device));
	names->devices.items[names->devices.count - 1] = device;
}

int names_device(struct names *names, int64_t id, struct device_delta *delta)
{
	struct named_device *device;
	size_t item = 0;
	int error;

	while (item < names->devices.count && names->devices.items[item].id != id)
		item++;
	if (item < names->devices.count) {
		move_to_end(names, item);
	} else {
		device = array_append(&names->devices);
		if (!device)
			return -ENOMEM;
		error = read_device(names, id, device);
		if (error) {
			names->devices.count--;
			return error;
		}
	}
	*delta = names->devices.items[names->devices.count - 1].delta;
	return 0;
}

int names_mount(struct names *names, int64_t id, struct nfs_mount *mount)
{
	const char *point = NULL, *export = NULL, *version = NULL;
	int error = find_row(names->mount, id);

	if (error)
		return error;
	error = names_column(names, names->mount, MOUNT_POINT, &point);
	if (!error)
		error = names_column(names, names->mount, MOUNT_EXPORT, &export);
	if (!error)
		error = names_column(names, names->mount, MOUNT_VERSION, &version);
	sqlite3_reset(names->mount);
	if (error)
		return error;
	mount->mount = strdup(point ? point : "");
	mount->device = strdup(export ? export : "");
	mount->version = strdup(version ? version : "");
	return mount->mount && mount->device && mount->version ? 0 : -ENOMEM;
}

/* The lookup */

static struct named_user *find_user(struct names *names, uint32_t uid)
{
	uint32_t item = idmap_get(&names->by_uid, uid + 1);
	struct named_user **slot, *user;

	if (item != IDMAP_NONE)
		return names->users.items[item];
	user = calloc(1, sizeof(*user));
	slot = user ? array_append(&names->users) : NULL;
	if (!slot) {
		free(user);
		return NULL;
	}
	*slot = user;
	user->uid = uid;
	snprintf(user->number, sizeof(user->number), "%u", uid);
	user->name = user->number;
	if (find_row(names->user, uid) == 0) {
		const char *name = NULL;

		if (names_column(names, names->user, 0, &name) == 0 && name)
			user->name = name;
		sqlite3_reset(names->user);
	}
	/* Without memory it is looked for again. */
	(void)idmap_set(&names->by_uid, uid + 1, (uint32_t)(names->users.count - 1));
	return user;
}

static const char *lookup_user(void *data, uint32_t uid)
{
	const struct named_user *user = uid == UINT32_MAX ? NULL : find_user(data, uid);

	return user ? user->name : "?";
}

static const char *lookup_cmdline(void *data, struct task_info *info)
{
	(void)data;
	return info->cmdline;
}

static struct prio lookup_prio(void *data, const struct task_info *info)
{
	const struct names *names = data;
	struct prio prio = { .io_class = TASK_PRIO_UNKNOWN, .level = TASK_PRIO_UNKNOWN };
	uint32_t item = info->id.tid > 0 ? idmap_get(&names->by_tid, (uint32_t)info->id.tid) : IDMAP_NONE;

	if (item != IDMAP_NONE && names->tasks.items[item].info->id.start_ns == info->id.start_ns) {
		prio.io_class = names->tasks.items[item].prio_class;
		prio.level = names->tasks.items[item].prio_level;
	}
	return prio;
}

static const struct device_info *lookup_device(void *data, unsigned major, unsigned minor)
{
	const struct names *names = data;

	for (size_t i = names->devices.count; i-- > 0;) {
		const struct named_device *device = &names->devices.items[i];

		if (device->delta.major == major && device->delta.minor == minor)
			return device->has_info ? &device->info : NULL;
	}
	return NULL;
}

struct lookup names_lookup(struct names *names)
{
	return (struct lookup){ .data = names,
				.user = lookup_user,
				.cmdline = lookup_cmdline,
				.prio = lookup_prio,
				.device = lookup_device };
}
