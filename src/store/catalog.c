#include "catalog.h"

#include "iotopx/array.h"
#include "iotopx/device_stat.h"
#include "iotopx/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TASKS_MAX 20000u
#define TEXTS_BYTES_MAX (16u << 20)
#define CMDLINE_TRIES 5 /* one that does not come by then is nobody's */
#define USER_TRIES 60

struct known_text {
	char *text;
	int64_t id;
};

/* A user whose name has not come so far. */
struct nameless {
	uint32_t uid;
	unsigned tries;
};

struct known_device {
	unsigned major, minor;
	int64_t id;
	int64_t row[DEVICE_COLUMNS];
};

struct known_mount {
	int64_t id;
	int64_t row[MOUNT_COLUMNS];
};

/* Open addressing over the items of an array: by hash, UINT32_MAX free. */
struct slots {
	uint32_t *items;
	size_t capacity; /* power of two, or 0 */
};

struct catalog {
	const struct lookup *lookup;
	struct catalog_ids next;
	struct {
		struct catalog_task *items;
		size_t count, capacity;
	} tasks;
	struct {
		struct known_text *items;
		size_t count, capacity;
	} texts;
	struct {
		struct known_device *items;
		size_t count, capacity;
	} devices;
	struct {
		struct known_mount *items;
		size_t count, capacity;
	} mounts;
	struct {
		struct nameless *items;
		size_t count, capacity;
	} nameless;
	struct idmap users; /* uid + 1: the id of the text that is its name */
	struct slots by_info, by_text;
	size_t text_bytes;
};

struct catalog *catalog_open(const struct lookup *lookup, struct catalog_ids next)
{
	struct catalog *catalog = calloc(1, sizeof(*catalog));

	if (catalog) {
		catalog->lookup = lookup;
		catalog->next = next;
	}
	return catalog;
}

static void clear_slots(struct slots *slots)
{
	if (slots->items)
		memset(slots->items, 0xff, slots->capacity * sizeof(*slots->items));
}

static void forget(struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->tasks.count; i++)
		task_info_unref(catalog->tasks.items[i].info);
	for (size_t i = 0; i < catalog->texts.count; i++)
		free(catalog->texts.items[i].text);
	catalog->tasks.count = catalog->texts.count = catalog->devices.count = catalog->mounts.count = 0;
	catalog->nameless.count = 0;
	catalog->text_bytes = 0;
	idmap_free(&catalog->users);
	memset(&catalog->users, 0, sizeof(catalog->users));
	clear_slots(&catalog->by_info);
	clear_slots(&catalog->by_text);
}

void catalog_close(struct catalog *catalog)
{
	if (!catalog)
		return;
	forget(catalog);
	free(catalog->tasks.items);
	free(catalog->texts.items);
	free(catalog->devices.items);
	free(catalog->mounts.items);
	free(catalog->nameless.items);
	free(catalog->by_info.items);
	free(catalog->by_text.items);
	free(catalog);
}

bool catalog_is_full(const struct catalog *catalog)
{
	return catalog->tasks.count >= TASKS_MAX || catalog->text_bytes >= TEXTS_BYTES_MAX;
}

int catalog_begin_epoch(struct catalog *catalog, struct parcel *parcel, int64_t session, int64_t sample)
{
	int64_t *row = parcel_row(parcel, TABLE_EPOCHS);

	if (!row)
		return -ENOMEM;
	row[EPOCH_ID] = catalog->next.epoch++;
	row[EPOCH_SESSION] = session;
	row[EPOCH_SAMPLE] = sample;
	row[EPOCH_TASK] = catalog->next.task;
	row[EPOCH_TEXT] = catalog->next.text;
	forget(catalog);
	return 0;
}

static uint64_t hash_info(const struct task_info *info)
{
	uint64_t hash = (uint64_t)(uintptr_t)info * 0x9e3779b97f4a7c15u;

	return hash ^ hash >> 29;
}

static uint64_t hash_known_text(const struct catalog *catalog, size_t item)
{
	return hash_text(HASH_START, catalog->texts.items[item].text);
}

static uint64_t hash_known_task(const struct catalog *catalog, size_t item)
{
	return hash_info(catalog->tasks.items[item].info);
}

/* Room for one more among `count`, at most half full. 0 or -ENOMEM. */
static int grow_slots(const struct catalog *catalog, struct slots *slots, size_t count,
		      uint64_t (*hash)(const struct catalog *catalog, size_t item))
{
	size_t capacity = slots->capacity ? slots->capacity : 256;
	uint32_t *items;

	while (capacity < (count + 1) * 2)
		capacity *= 2;
	if (capacity == slots->capacity)
		return 0;
	items = malloc(capacity * sizeof(*items));
	if (!items)
		return -ENOMEM;
	memset(items, 0xff, capacity * sizeof(*items));
	for (size_t i = 0; i < count; i++) {
		size_t at = hash(catalog, i) & (capacity - 1);

		while (items[at] != UINT32_MAX)
			at = (at + 1) & (capacity - 1);
		items[at] = (uint32_t)i;
	}
	free(slots->items);
	*slots = (struct slots){ items, capacity };
	return 0;
}

/* The slot of a text: taken by it, or free. */
static size_t text_slot(const struct catalog *catalog, const char *text)
{
	size_t mask = catalog->by_text.capacity - 1, at = hash_text(HASH_START, text) & mask;

	while (catalog->by_text.items[at] != UINT32_MAX &&
	       strcmp(catalog->texts.items[catalog->by_text.items[at]].text, text) != 0)
		at = (at + 1) & mask;
	return at;
}

int catalog_text(struct catalog *catalog, struct parcel *parcel, const char *text, int64_t *id)
{
	struct known_text *known;
	size_t slot;

	*id = CELL_NULL;
	if (!text)
		return 0;
	if (grow_slots(catalog, &catalog->by_text, catalog->texts.count, hash_known_text))
		return -ENOMEM;
	slot = text_slot(catalog, text);
	if (catalog->by_text.items[slot] != UINT32_MAX) {
		*id = catalog->texts.items[catalog->by_text.items[slot]].id;
		return 0;
	}
	if (parcel_text(parcel, catalog->next.text, text))
		return -ENOMEM;
	known = array_append(&catalog->texts);
	if (!known)
		return -ENOMEM;
	known->text = strdup(text);
	if (!known->text) {
		catalog->texts.count--;
		return -ENOMEM;
	}
	catalog->by_text.items[slot] = (uint32_t)(catalog->texts.count - 1);
	catalog->text_bytes += strlen(text) + sizeof(*known);
	*id = known->id = catalog->next.text++;
	return 0;
}

static bool is_number(const char *name)
{
	return name[strspn(name, "0123456789")] == '\0';
}

static int write_user(struct catalog *catalog, struct parcel *parcel, uint32_t uid, const char *name)
{
	int64_t id, *row;
	int error = catalog_text(catalog, parcel, name, &id);

	if (error)
		return error;
	row = parcel_row(parcel, TABLE_USERS);
	if (!row || idmap_set(&catalog->users, uid + 1, (uint32_t)id))
		return -ENOMEM;
	row[USER_UID] = uid;
	row[USER_NAME] = id;
	return 0;
}

/* Its number stands for a name that is still looked for. */
static int note_user(struct catalog *catalog, struct parcel *parcel, uint32_t uid)
{
	struct nameless *nameless;
	const char *name;

	if (uid == UINT32_MAX || idmap_get(&catalog->users, uid + 1) != IDMAP_NONE)
		return 0;
	name = catalog->lookup->user(catalog->lookup->data, uid);
	if (is_number(name)) {
		nameless = array_append(&catalog->nameless);
		if (!nameless)
			return -ENOMEM;
		nameless->uid = uid;
	}
	return write_user(catalog, parcel, uid, name);
}

int catalog_complete_users(struct catalog *catalog, struct parcel *parcel)
{
	size_t kept = 0;
	int error = 0;

	for (size_t i = 0; i < catalog->nameless.count; i++) {
		struct nameless user = catalog->nameless.items[i];
		const char *name = catalog->lookup->user(catalog->lookup->data, user.uid);

		if (!is_number(name) && !error)
			error = write_user(catalog, parcel, user.uid, name);
		else if (++user.tries < USER_TRIES)
			catalog->nameless.items[kept++] = user;
	}
	catalog->nameless.count = kept;
	return error;
}

static const char *cmdline_of(struct catalog *catalog, struct task_info *info, bool lives)
{
	if (info->cmdline || !lives)
		return info->cmdline;
	return catalog->lookup->cmdline(catalog->lookup->data, info);
}

static int write_task(struct catalog *catalog, struct parcel *parcel, struct task_info *info, int64_t leader,
		      const char *cmdline)
{
	const char *texts[] = { info->comm, cmdline, info->cgroup, info->unit, info->container };
	int64_t ids[sizeof(texts) / sizeof(*texts)], *row;
	int error = note_user(catalog, parcel, info->uid);

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts) && !error; i++)
		error = catalog_text(catalog, parcel, texts[i], &ids[i]);
	row = error ? NULL : parcel_row(parcel, TABLE_TASKS);
	if (!row)
		return -ENOMEM;
	row[TASK_ID] = catalog->next.task++;
	row[TASK_TID] = info->id.tid;
	row[TASK_START] = (int64_t)info->id.start_ns;
	row[TASK_PID] = info->process.tid;
	row[TASK_PROCESS_START] = (int64_t)info->process.start_ns;
	row[TASK_PPID] = info->ppid;
	row[TASK_UID] = info->uid == UINT32_MAX ? CELL_NULL : info->uid;
	row[TASK_LEADER] = leader;
	row[TASK_FLAGS] = (info->approximate_process ? TASK_APPROXIMATE_PROCESS : 0) | (info->own ? TASK_OWN : 0) |
			  (info->unit_approximate ? TASK_UNIT_APPROXIMATE : 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		row[TASK_COMMAND + (int)i] = ids[i];
	return 0;
}

/* The slot of a task: taken by it, or free. */
static size_t task_slot(const struct catalog *catalog, const struct task_info *info)
{
	size_t mask = catalog->by_info.capacity - 1, at = hash_info(info) & mask;

	while (catalog->by_info.items[at] != UINT32_MAX &&
	       catalog->tasks.items[catalog->by_info.items[at]].info != info)
		at = (at + 1) & mask;
	return at;
}

/* The command line of a task that was written without one, if it is there by now. */
static int complete_task(struct catalog *catalog, struct parcel *parcel, size_t item)
{
	struct catalog_task *task = &catalog->tasks.items[item];
	const char *cmdline;
	int64_t text, *row;
	int error;

	if (task->has_cmdline || (!task->info->cmdline && task->tries >= CMDLINE_TRIES))
		return 0;
	task->tries++;
	cmdline = cmdline_of(catalog, task->info, true);
	if (!cmdline)
		return 0;
	error = catalog_text(catalog, parcel, cmdline, &text);
	row = error ? NULL : parcel_row(parcel, TABLE_CMDLINES);
	if (!row)
		return -ENOMEM;
	row[CMDLINE_TEXT] = text;
	row[CMDLINE_TASK] = task->id;
	task->has_cmdline = true;
	return 0;
}

static int find_task(struct catalog *catalog, const struct task_info *info, uint32_t *item)
{
	if (grow_slots(catalog, &catalog->by_info, catalog->tasks.count, hash_known_task))
		return -ENOMEM;
	*item = catalog->by_info.items[task_slot(catalog, info)];
	return 0;
}

static int complete_leader(struct catalog *catalog, struct parcel *parcel, const struct task_info *leader)
{
	uint32_t item;
	int error = find_task(catalog, leader, &item);

	return error || item == UINT32_MAX ? error : complete_task(catalog, parcel, item);
}

static int add_task(struct catalog *catalog, struct parcel *parcel, struct task_info *info, bool lives, bool keep,
		    int64_t leader, struct catalog_task **entry)
{
	const char *cmdline = cmdline_of(catalog, info, lives);
	int error = write_task(catalog, parcel, info, leader, cmdline);

	*entry = NULL;
	if (error || !keep)
		return error;
	/* What came meanwhile may have moved the slots. */
	if (grow_slots(catalog, &catalog->by_info, catalog->tasks.count, hash_known_task))
		return -ENOMEM;
	*entry = array_append(&catalog->tasks);
	if (!*entry)
		return -ENOMEM;
	(*entry)->info = info;
	catalog->by_info.items[task_slot(catalog, info)] = (uint32_t)(catalog->tasks.count - 1);
	task_info_ref(info);
	(*entry)->id = catalog->next.task - 1;
	(*entry)->has_cmdline = cmdline != NULL;
	return 0;
}

int catalog_task(struct catalog *catalog, struct parcel *parcel, struct task_info *info, bool lives, int64_t *id,
		 struct catalog_task **entry)
{
	int64_t leader = CELL_NULL;
	struct catalog_task *added;
	uint32_t item;
	int error = find_task(catalog, info, &item);

	if (error)
		return error;
	if (item != UINT32_MAX) {
		error = complete_task(catalog, parcel, item);
		if (!error && info->leader)
			error = complete_leader(catalog, parcel, info->leader);
		*entry = &catalog->tasks.items[item];
		*id = (*entry)->id;
		return error;
	}
	if (info->leader) { /* it has none itself: this goes one step deep */
		error = find_task(catalog, info->leader, &item);
		if (!error && item != UINT32_MAX) {
			leader = catalog->tasks.items[item].id;
		} else if (!error) {
			error = add_task(catalog, parcel, info->leader, lives, true, CELL_NULL, &added);
			leader = error ? CELL_NULL : added->id;
		}
	}
	if (!error)
		error = add_task(catalog, parcel, info, lives, lives, leader, entry);
	*id = catalog->next.task - 1;
	return error;
}

static int device_row(struct catalog *catalog, struct parcel *parcel, const struct device_delta *device, int64_t *row)
{
	const struct lookup *lookup = catalog->lookup;
	const struct device_info *info =
	    lookup->device ? lookup->device(lookup->data, device->major, device->minor) : NULL;
	int error = catalog_text(catalog, parcel, device->name, &row[DEVICE_NAME]);

	row[DEVICE_MAJOR] = device->major;
	row[DEVICE_MINOR] = device->minor;
	row[DEVICE_FLAGS] = device->whole_disk ? DEVICE_WHOLE_DISK : 0;
	if (!info || error)
		return error;
	row[DEVICE_FLAGS] |=
	    DEVICE_HAS_INFO | (info->partition ? DEVICE_PARTITION : 0) | (info->stacked ? DEVICE_STACKED : 0);
	if (info->partition) {
		row[DEVICE_PARENT_MAJOR] = info->parent_major;
		row[DEVICE_PARENT_MINOR] = info->parent_minor;
	}
	error = catalog_text(catalog, parcel, info->label, &row[DEVICE_LABEL]);
	if (!error)
		error = catalog_text(catalog, parcel, info->model, &row[DEVICE_MODEL]);
	return error ? error : catalog_text(catalog, parcel, info->mounts, &row[DEVICE_MOUNTS]);
}

int catalog_device(struct catalog *catalog, struct parcel *parcel, const struct device_delta *device, int64_t *id,
		   bool *is_new)
{
	int64_t row[DEVICE_COLUMNS], *cells;
	struct known_device *known;
	int error;

	for (int i = 0; i < DEVICE_COLUMNS; i++)
		row[i] = CELL_NULL;
	error = device_row(catalog, parcel, device, row);
	if (error)
		return error;
	for (size_t i = catalog->devices.count; i-- > 0;) {
		known = &catalog->devices.items[i];
		row[DEVICE_ID] = known->id;
		if (memcmp(known->row, row, sizeof(row)) == 0) {
			*id = known->id;
			*is_new = false;
			return 0;
		}
	}
	*is_new = true;
	known = array_append(&catalog->devices);
	cells = parcel_row(parcel, TABLE_DEVICES);
	if (!known || !cells)
		return -ENOMEM;
	row[DEVICE_ID] = *id = known->id = catalog->next.device++;
	memcpy(known->row, row, sizeof(row));
	memcpy(cells, row, sizeof(row));
	return 0;
}

int catalog_mount(struct catalog *catalog, struct parcel *parcel, const struct nfs_mount *mount, int64_t *id)
{
	int64_t row[MOUNT_COLUMNS] = { 0 }, *cells;
	struct known_mount *known;
	int error = catalog_text(catalog, parcel, mount->mount, &row[MOUNT_POINT]);

	if (!error)
		error = catalog_text(catalog, parcel, mount->device, &row[MOUNT_EXPORT]);
	if (!error)
		error = catalog_text(catalog, parcel, mount->version, &row[MOUNT_VERSION]);
	if (error)
		return error;
	for (size_t i = 0; i < catalog->mounts.count; i++) {
		known = &catalog->mounts.items[i];
		row[MOUNT_ID] = known->id;
		if (memcmp(known->row, row, sizeof(row)) == 0) {
			*id = known->id;
			return 0;
		}
	}
	known = array_append(&catalog->mounts);
	cells = parcel_row(parcel, TABLE_MOUNTS);
	if (!known || !cells)
		return -ENOMEM;
	row[MOUNT_ID] = *id = known->id = catalog->next.mount++;
	memcpy(known->row, row, sizeof(row));
	memcpy(cells, row, sizeof(row));
	return 0;
}
