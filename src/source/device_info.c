#include "iotopx/device_info.h"
#include "iotopx/array.h"
#include "mounts.h"
#include "scan.h"
#include "sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define FACT_SIZE 512
#define MOUNTS_TEXT_MAX 1024 /* containers mount one device hundreds of times */

struct device_entry {
	unsigned major, minor;
	uint64_t inode; /* in sysfs: changes when the number is given to another device */
	uint64_t table; /* the mount table that `mounts` comes from */
	struct device_info info;
	char *label, *model, *mounts; /* owned: what info points to */
};

/* Pointers, because what was handed out must not move when the list grows. */
struct device_entries {
	struct device_entry **items;
	size_t count, capacity;
};

struct mount_point {
	unsigned major, minor;
	char *point; /* owned, plain */
};

struct mount_points {
	struct mount_point *items;
	size_t count, capacity;
};

struct device_infos {
	int root_fd;
	int mounts_fd;  /* polled for changes, -1 where it can't be */
	uint64_t table; /* counts changes of the mount table */
	struct device_entries entries;
	struct mount_points points; /* shortest first */
	char *buffer;
	size_t capacity;
};

static void free_points(struct mount_points *points)
{
	for (size_t i = 0; i < points->count; i++)
		free(points->items[i].point);
	points->count = 0;
}

/* btrfs and others have numbers of their own: there the source tells the device. */
static bool find_device(const struct device_infos *infos, const struct mount_line *line, struct mount_point *point)
{
	struct stat stat;
	char *source;
	bool found;

	point->major = line->major;
	point->minor = line->minor;
	if (line->major != 0)
		return true;
	if (line->source.length < 6 || strncmp(line->source.text, "/dev/", 5) != 0)
		return false;
	source = scan_unescape(line->source.text + 1, line->source.length - 1);
	found = source && fstatat(infos->root_fd, source, &stat, 0) == 0 && S_ISBLK(stat.st_mode);
	free(source);
	if (found) {
		point->major = major(stat.st_rdev);
		point->minor = minor(stat.st_rdev);
	}
	return found;
}

static int shortest_first(const void *one, const void *other)
{
	const struct mount_point *a = one, *b = other;
	size_t a_length = strlen(a->point), b_length = strlen(b->point);

	if (a_length != b_length)
		return a_length < b_length ? -1 : 1;
	return strcmp(a->point, b->point);
}

/* Without memory or the file the list is short: facts are missing, none is wrong. */
static void read_mounts(struct device_infos *infos)
{
	const char *at;
	struct mount_line line;

	free_points(&infos->points);
	infos->table++;
	if (scan_file(infos->root_fd, "proc/self/mountinfo", &infos->buffer, &infos->capacity))
		return;
	for (at = infos->buffer; *at;) {
		struct mount_point point, *slot;

		if (!mounts_parse_line(&at, &line) || !find_device(infos, &line, &point))
			continue;
		point.point = scan_unescape(line.point.text, line.point.length);
		slot = point.point ? array_append(&infos->points) : NULL;
		if (!slot) {
			free(point.point);
			break;
		}
		*slot = point;
	}
	if (infos->points.count)
		qsort(infos->points.items, infos->points.count, sizeof(*infos->points.items), shortest_first);
}

int device_infos_open(const char *root, struct device_infos **infos)
{
	struct device_infos *opened = calloc(1, sizeof(*opened));
	char path[4096];

	if (!opened)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/", root);
	opened->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (opened->root_fd < 0) {
		int error = -errno;

		free(opened);
		return error;
	}
	opened->mounts_fd = mounts_open(opened->root_fd);
	read_mounts(opened);
	*infos = opened;
	return 0;
}

static void entry_free(struct device_entry *entry)
{
	free(entry->label);
	free(entry->model);
	free(entry->mounts);
	free(entry);
}

void device_infos_close(struct device_infos *infos)
{
	if (!infos)
		return;
	for (size_t i = 0; i < infos->entries.count; i++)
		entry_free(infos->entries.items[i]);
	free(infos->entries.items);
	free_points(&infos->points);
	free(infos->points.items);
	free(infos->buffer);
	if (infos->mounts_fd >= 0)
		close(infos->mounts_fd);
	close(infos->root_fd);
	free(infos);
}

void device_infos_refresh(struct device_infos *infos)
{
	if (mounts_changed(infos->mounts_fd))
		read_mounts(infos);
}

static bool carries(const struct mount_point *point, const struct device_entry *entry)
{
	return point->major == entry->major && point->minor == entry->minor;
}

static char *join_mounts(const struct device_infos *infos, const struct device_entry *entry)
{
	char text[MOUNTS_TEXT_MAX];
	const char *last = NULL;
	size_t used = 0;

	for (size_t i = 0; i < infos->points.count; i++) {
		const struct mount_point *point = &infos->points.items[i];
		size_t length = strlen(point->point);

		/* mounts over each other on one point stand side by side in the list */
		if (!carries(point, entry) || (last && strcmp(last, point->point) == 0))
			continue;
		if (used + length + 3 > sizeof(text))
			break;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "", point->point);
		last = point->point;
	}
	return used ? strdup(text) : NULL;
}

/* sysfs does not know what an array is called: udev's links in /dev/md do. */
static bool find_md_name(int root_fd, const char *device, char *to, size_t size)
{
	int fd = openat(root_fd, "dev/md", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	bool found = false;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (!found && (entry = readdir(directory))) {
		char target[FACT_SIZE];
		ssize_t length = readlinkat(fd, entry->d_name, target, sizeof(target) - 1);
		const char *name;

		if (length <= 0)
			continue;
		target[length] = '\0';
		name = strrchr(target, '/');
		found = strcmp(name ? name + 1 : target, device) == 0;
		if (found)
			snprintf(to, size, "md/%s", entry->d_name);
	}
	closedir(directory);
	return found;
}

static void load_label(const struct device_infos *infos, struct device_entry *entry)
{
	char text[FACT_SIZE], name[DEVICE_NAME_SIZE];

	if (sysfs_device_read(infos->root_fd, entry->major, entry->minor, "dm/name", text, sizeof(text)) > 0) {
		entry->label = strdup(text);
		return;
	}
	sysfs_device_name(infos->root_fd, entry->major, entry->minor, name, sizeof(name));
	if (strncmp(name, "md", 2) == 0 && find_md_name(infos->root_fd, name, text, sizeof(text)))
		entry->label = strdup(text);
}

static void load_parent(const struct device_infos *infos, struct device_entry *entry)
{
	char text[FACT_SIZE];

	if (!sysfs_device_has(infos->root_fd, entry->major, entry->minor, "partition"))
		return;
	sysfs_device_read(infos->root_fd, entry->major, entry->minor, "../dev", text, sizeof(text));
	entry->info.partition = sscanf(text, "%u:%u", &entry->info.parent_major, &entry->info.parent_minor) == 2;
}

static void load(const struct device_infos *infos, struct device_entry *entry)
{
	static const char *const model_files[] = { "device/model", "device/name" }; /* SCSI and NVMe; MMC */
	char text[FACT_SIZE];

	free(entry->label);
	free(entry->model);
	free(entry->mounts);
	entry->label = entry->model = entry->mounts = NULL;
	entry->info = (struct device_info){ 0 };
	load_parent(infos, entry);
	for (size_t i = 0; i < sizeof(model_files) / sizeof(model_files[0]) && !entry->model; i++)
		if (sysfs_device_read(infos->root_fd, entry->major, entry->minor, model_files[i], text, sizeof(text)) >
		    0)
			entry->model = strdup(text);
	entry->info.stacked = sysfs_device_stacked(infos->root_fd, entry->major, entry->minor);
	entry->table = 0;
}

static void set_mounts(const struct device_infos *infos, struct device_entry *entry)
{
	/* udev's link of an array comes after the array */
	if (!entry->label)
		load_label(infos, entry);
	free(entry->mounts);
	entry->mounts = join_mounts(infos, entry);
	entry->table = infos->table;
	entry->info.label = entry->label;
	entry->info.model = entry->model;
	entry->info.mounts = entry->mounts;
}

static struct device_entry *find_entry(struct device_infos *infos, unsigned major, unsigned minor)
{
	struct device_entry **slot, *entry;

	for (size_t i = 0; i < infos->entries.count; i++) {
		entry = infos->entries.items[i];
		if (entry->major == major && entry->minor == minor)
			return entry;
	}
	entry = calloc(1, sizeof(*entry));
	slot = entry ? array_append(&infos->entries) : NULL;
	if (!slot) {
		free(entry);
		return NULL;
	}
	entry->major = major;
	entry->minor = minor;
	*slot = entry;
	return entry;
}

const struct device_info *device_infos_get(void *data, unsigned major, unsigned minor)
{
	struct device_infos *infos = data;
	struct device_entry *entry;
	uint64_t inode;

	if (!sysfs_device_inode(infos->root_fd, major, minor, &inode))
		return NULL;
	entry = find_entry(infos, major, minor);
	if (!entry)
		return NULL;
	if (entry->inode != inode) {
		load(infos, entry);
		entry->inode = inode;
	}
	if (entry->table != infos->table)
		set_mounts(infos, entry);
	return &entry->info;
}
