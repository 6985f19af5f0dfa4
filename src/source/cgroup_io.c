#include "iotopx/cgroup_io.h"
#include "iotopx/array.h"
#include "cgroup_files.h"
#include "scan.h"
#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include <unistd.h>

#define IO_FIELDS 6
#define NO_PARENT SIZE_MAX
#define DEVICES_MAX 1024 /* remembered answers about devices */
#define KEPT_MAX 1024    /* descriptors of files that stay open, two a cgroup */

/* struct cgroup_io_counters by number. */
static const size_t io_offsets[IO_FIELDS] = {
	offsetof(struct cgroup_io_counters, read_bytes),    offsetof(struct cgroup_io_counters, write_bytes),
	offsetof(struct cgroup_io_counters, discard_bytes), offsetof(struct cgroup_io_counters, reads),
	offsetof(struct cgroup_io_counters, writes),        offsetof(struct cgroup_io_counters, discards),
};

static uint64_t io_get(const struct cgroup_io_counters *counters, size_t field)
{
	return *(const uint64_t *)((const char *)counters + io_offsets[field]);
}

static void io_set(struct cgroup_io_counters *counters, size_t field, uint64_t value)
{
	*(uint64_t *)((char *)counters + io_offsets[field]) = value;
}

struct watched {
	const char *cgroup; /* borrowed */
	struct cgroup_files files;
	uint64_t inode; /* of its directory: another one is another cgroup of the same name */
	bool gone;
	bool has_io, has_pressure; /* `io`, `some_us` and `full_us` are the base of the next difference */
	struct cgroup_io_counters io;
	uint64_t some_us, full_us;

	/* of the sample at hand */
	bool known, pressure_known;
	struct cgroup_io_counters delta; /* with its descendants' */
	uint64_t some_delta_us, full_delta_us;

	size_t parent;               /* the nearest watched ancestor */
	int64_t children[IO_FIELDS]; /* what is to be taken off for them. What the readings, one after the other, took
				      * off too much stays for the next time: no byte counts twice, none is lost. */
};

struct watched_list {
	struct watched *items; /* in order of their paths, parents before children, once `sorted` */
	size_t count, capacity;
};

struct device_answer {
	unsigned major, minor;
	bool stacked;
};

struct device_answers {
	struct device_answer *items;
	size_t count, capacity;
};

struct cgroup_io {
	int root_fd;
	struct cgroup_reader reader;
	struct watched_list watched;
	bool sorted;
	const char **known; /* the paths watched, by address: open addressing, at most half full */
	size_t known_capacity;
	struct device_answers devices;
};

static bool is_stacked(void *data, unsigned major, unsigned minor)
{
	struct cgroup_io *io = data;
	struct device_answer *answer;
	bool stacked;

	for (size_t i = 0; i < io->devices.count; i++)
		if (io->devices.items[i].major == major && io->devices.items[i].minor == minor)
			return io->devices.items[i].stacked;
	stacked = sysfs_device_stacked(io->root_fd, major, minor);
	if (io->devices.count == DEVICES_MAX)
		io->devices.count = 0;
	answer = array_append(&io->devices);
	if (answer)
		*answer = (struct device_answer){ major, minor, stacked };
	return stacked;
}

/* Is the word among those of the file? */
static bool has_controller(struct cgroup_io *io, const char *word)
{
	const char *at, *token;
	size_t length;

	if (scan_file(io->reader.tree.fd, "cgroup.controllers", &io->reader.buffer, &io->reader.capacity))
		return false;
	at = io->reader.buffer;
	while ((length = scan_token(&at, &token)) > 0)
		if (length == strlen(word) && memcmp(token, word, length) == 0)
			return true;
	return false;
}

static bool machine_has_pressure(struct cgroup_io *io)
{
	uint64_t some, full;

	return scan_file(io->root_fd, "proc/pressure/io", &io->reader.buffer, &io->reader.capacity) == 0 &&
	       cgroup_io_parse_pressure(io->reader.buffer, &some, &full) == 0;
}

/* Files may stay open where they tell that their cgroup is gone: where they are the kernel's. Others need descriptors
 * too. */
static size_t kept_max(int fd)
{
	struct statfs filesystem;
	struct rlimit limit;

	if (fstatfs(fd, &filesystem) != 0 || filesystem.f_type != CGROUP2_SUPER_MAGIC)
		return 0;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 > KEPT_MAX)
		return KEPT_MAX;
	return (size_t)limit.rlim_cur / 2;
}

int cgroup_io_open(const char *root, struct cgroup_io **io)
{
	struct cgroup_io *opened = calloc(1, sizeof(*opened));
	char path[4096];
	int error = 0;

	if (!opened)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/", root);
	opened->reader.tree.fd = -1;
	opened->reader.stacked = is_stacked;
	opened->reader.data = opened;
	opened->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (opened->root_fd < 0)
		error = -errno;
	if (!error)
		error = cgroup_tree_open(opened->root_fd, &opened->reader.tree);
	if (!error) {
		opened->reader.kept_max = kept_max(opened->reader.tree.fd);
		opened->reader.has_stat = has_controller(opened, "io");
		opened->reader.has_pressure = machine_has_pressure(opened);
		if (!opened->reader.has_stat && !opened->reader.has_pressure)
			error = -EOPNOTSUPP;
	}
	if (error) {
		cgroup_io_close(opened);
		return error;
	}
	*io = opened;
	return 0;
}

void cgroup_io_close(struct cgroup_io *io)
{
	if (!io)
		return;
	if (io->root_fd >= 0)
		close(io->root_fd);
	for (size_t i = 0; i < io->watched.count; i++)
		cgroup_files_close(&io->reader, &io->watched.items[i].files);
	cgroup_tree_close(&io->reader.tree);
	free(io->watched.items);
	free(io->known);
	free(io->devices.items);
	free(io->reader.buffer);
	free(io);
}

bool cgroup_io_has_stat(const struct cgroup_io *io)
{
	return io->reader.has_stat;
}

size_t cgroup_io_count(const struct cgroup_io *io)
{
	return io->watched.count;
}

bool cgroup_io_has_pressure(const struct cgroup_io *io)
{
	return io->reader.has_pressure;
}

static size_t known_home(const struct cgroup_io *io, const char *cgroup)
{
	return (size_t)(((uintptr_t)cgroup * 0x9E3779B97F4A7C15u) >> 24) & (io->known_capacity - 1);
}

/* Where it is, or the free place where it belongs. */
static const char **known_slot(struct cgroup_io *io, const char *cgroup)
{
	size_t at = known_home(io, cgroup);

	while (io->known[at] && io->known[at] != cgroup)
		at = (at + 1) & (io->known_capacity - 1);
	return &io->known[at];
}

/* The table for `count` paths at least; fills in those that are watched. */
static int known_rebuild(struct cgroup_io *io, size_t count)
{
	size_t capacity = io->known_capacity ? io->known_capacity : 64;
	const char **grown;

	while (count > capacity / 2)
		capacity *= 2;
	if (capacity != io->known_capacity) {
		grown = calloc(capacity, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		free(io->known);
		io->known = grown;
		io->known_capacity = capacity;
	} else {
		memset(io->known, 0, capacity * sizeof(*io->known));
	}
	for (size_t i = 0; i < io->watched.count; i++)
		*known_slot(io, io->watched.items[i].cgroup) = io->watched.items[i].cgroup;
	return 0;
}

bool cgroup_io_watches(struct cgroup_io *io, const char *cgroup)
{
	return io->known_capacity && *known_slot(io, cgroup);
}

int cgroup_io_watch(struct cgroup_io *io, const char *cgroup, bool *is_new)
{
	struct watched added = { .cgroup = cgroup, .has_io = true, .has_pressure = true, .parent = NO_PARENT };
	struct cgroup_reading reading = { 0 };
	bool known = cgroup_io_watches(io, cgroup);
	int error;

	if (is_new)
		*is_new = !known;
	if (known)
		return 0;
	if (io->watched.count + 1 > io->known_capacity / 2 && known_rebuild(io, io->watched.count + 1))
		return -ENOMEM;
	if (array_reserve(&io->watched, io->watched.count + 1))
		return -ENOMEM;
	error = cgroup_files_read(&io->reader, cgroup, &added.files, &reading);
	if (error == -ENOMEM)
		return error;
	added.gone = error == -ENOENT;
	added.inode = reading.inode;
	if (cgroup_tree_was_there(&io->reader.tree, cgroup)) {
		added.has_io = reading.has_io;
		added.io = reading.io;
		added.has_pressure = reading.has_pressure;
		added.some_us = reading.some_us;
		added.full_us = reading.full_us;
	}
	io->watched.items[io->watched.count++] = added;
	*known_slot(io, cgroup) = cgroup;
	io->sorted = false;
	return 0;
}

/* A slash sorts before all other bytes, so that what is below a cgroup follows it at once. */
static int by_path(const void *one, const void *other)
{
	const char *a = ((const struct watched *)one)->cgroup, *b = ((const struct watched *)other)->cgroup;

	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (*a == '/' ? 1 : (unsigned char)*a + (*a != '\0')) - (*b == '/' ? 1 : (unsigned char)*b + (*b != '\0'));
}

static bool is_below(const char *cgroup, const char *ancestor)
{
	size_t length = strcmp(ancestor, "/") == 0 ? 0 : strlen(ancestor);

	return strncmp(cgroup, ancestor, length) == 0 && cgroup[length] == '/' && cgroup[length + 1] != '\0';
}

static void sort_watched(struct cgroup_io *io)
{
	struct watched *items = io->watched.items;

	if (io->sorted)
		return;
	qsort(items, io->watched.count, sizeof(*items), by_path);
	for (size_t i = 0; i < io->watched.count; i++) {
		size_t parent = i ? i - 1 : NO_PARENT;

		while (parent != NO_PARENT && !is_below(items[i].cgroup, items[parent].cgroup))
			parent = items[parent].parent;
		items[i].parent = parent;
	}
	io->sorted = true;
}

/* False if a counter went down (a device was removed): no difference this time. */
static bool io_difference(struct cgroup_io_counters *delta, const struct cgroup_io_counters *older,
			  const struct cgroup_io_counters *newer)
{
	for (size_t field = 0; field < IO_FIELDS; field++) {
		if (io_get(newer, field) < io_get(older, field))
			return false;
		io_set(delta, field, io_get(newer, field) - io_get(older, field));
	}
	return true;
}

static void read_watched(struct cgroup_io *io, struct watched *watched)
{
	struct cgroup_reading reading;
	int error = cgroup_files_read(&io->reader, watched->cgroup, &watched->files, &reading);

	watched->known = watched->pressure_known = false;
	watched->gone = error == -ENOENT;
	/* What it did counts above it, as that of any that does not tell: it must not count here once more. */
	if (error && !watched->gone)
		watched->has_io = watched->has_pressure = false;
	if (error)
		return;
	if (!watched->inode) {
		watched->inode = reading.inode; /* it could not be read before */
	} else if (watched->inode != reading.inode) {
		/* removed and made again since: all that this one did is new */
		watched->inode = reading.inode;
		watched->io = (struct cgroup_io_counters){ 0 };
		watched->some_us = watched->full_us = 0;
		watched->has_io = watched->has_pressure = true;
	}
	watched->known = watched->has_io && reading.has_io && io_difference(&watched->delta, &watched->io, &reading.io);
	watched->pressure_known = watched->has_pressure && reading.has_pressure &&
				  reading.some_us >= watched->some_us && reading.full_us >= watched->full_us;
	watched->some_delta_us = reading.some_us - watched->some_us;
	watched->full_delta_us = reading.full_us - watched->full_us;
	watched->has_io = reading.has_io;
	watched->io = reading.io;
	watched->has_pressure = reading.has_pressure;
	watched->some_us = reading.some_us;
	watched->full_us = reading.full_us;
}

/* Its own: without what is in the figures of those below it. */
static void own_io(struct watched *watched, struct cgroup_io_counters *own)
{
	for (size_t field = 0; field < IO_FIELDS; field++) {
		int64_t value = (int64_t)io_get(&watched->delta, field) - watched->children[field];

		watched->children[field] = value < 0 ? -value : 0;
		io_set(own, field, value < 0 ? 0 : (uint64_t)value);
	}
}

/* What can't be taken off here is taken off further up. */
static void hand_up(struct watched *watched, struct watched *parent)
{
	for (size_t field = 0; field < IO_FIELDS && parent; field++)
		parent->children[field] += watched->children[field];
	memset(watched->children, 0, sizeof(watched->children));
}

static bool moved(const struct cgroup_io_delta *delta)
{
	for (size_t field = 0; field < IO_FIELDS; field++)
		if (io_get(&delta->io, field))
			return true;
	return delta->some_us || delta->full_us;
}

static void drop_gone(struct cgroup_io *io)
{
	size_t kept = 0;

	for (size_t i = 0; i < io->watched.count; i++) {
		if (io->watched.items[i].gone)
			cgroup_tree_forget(&io->reader.tree, io->watched.items[i].cgroup);
		else
			io->watched.items[kept++] = io->watched.items[i];
	}
	if (kept == io->watched.count)
		return;
	io->watched.count = kept;
	io->sorted = false;
	known_rebuild(io, kept); /* no larger than before: it can't fail */
}

int cgroup_io_sample(struct cgroup_io *io, struct cgroup_io_deltas *deltas)
{
	deltas->count = 0;
	if (array_reserve(deltas, io->watched.count))
		return -ENOMEM;
	sort_watched(io);
	/* Children first: what they did is in their ancestors' figures then, which are read later. */
	for (size_t i = io->watched.count; i-- > 0;) {
		struct watched *watched = &io->watched.items[i];
		struct watched *parent = watched->parent != NO_PARENT ? &io->watched.items[watched->parent] : NULL;
		struct cgroup_io_delta *delta = &deltas->items[deltas->count];

		read_watched(io, watched);
		if (watched->known && parent)
			for (size_t field = 0; field < IO_FIELDS; field++)
				parent->children[field] += (int64_t)io_get(&watched->delta, field);
		*delta = (struct cgroup_io_delta){
			.cgroup = watched->cgroup,
			.known = watched->known,
			.has_pressure = watched->pressure_known,
		};
		if (watched->known)
			own_io(watched, &delta->io);
		else
			hand_up(watched, parent);
		if (watched->pressure_known) {
			delta->some_us = watched->some_delta_us;
			delta->full_us = watched->full_delta_us;
		}
		if (moved(delta) || (io->reader.has_stat && !watched->known))
			deltas->count++;
	}
	drop_gone(io);
	return 0;
}
