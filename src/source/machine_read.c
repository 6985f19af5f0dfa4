#include "iotopx/machine_read.h"
#include "iotopx/array.h"
#include "iotopx/nfs_read.h"
#include "mounts.h"
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_START 8192 /* most files fit; it grows */
/* The total is the first line of /proc/stat; the rest (CPUs, interrupts) may be very long. */
#define CPU_LINE_BYTES 512

struct machine_file {
	const char *path;
	int (*parse)(const char *text, struct machine_counters *counters);
	size_t enough; /* bytes of it that are wanted, 0: all */
};

static const struct machine_file machine_files[] = {
	{ "proc/vmstat", machine_parse_vmstat, 0 },        { "proc/meminfo", machine_parse_meminfo, 0 },
	{ "proc/pressure/io", machine_parse_pressure, 0 }, { "proc/stat", machine_parse_cpu, CPU_LINE_BYTES },
	{ "proc/diskstats", machine_parse_diskstats, 0 },
};

#define MACHINE_FILES (sizeof(machine_files) / sizeof(machine_files[0]))

/* What sysfs says about a device, asked once. */
struct known_device {
	unsigned major, minor;
	char name[DEVICE_NAME_SIZE];
	bool whole_disk;
};

/* In the order of diskstats. */
struct known_devices {
	struct known_device *items;
	size_t count, capacity;
};

struct machine_reader {
	int root_fd;
	int fds[MACHINE_FILES]; /* -1: not there */
	int mountstats_fd;
	int mounts_fd; /* polled: says that the mount table changed; -1 where it can't */
	bool no_nfs;   /* the mount table of the last reading held no NFS mount */
	char *buffer;
	size_t capacity;
	struct known_devices devices;
	struct known_devices fresh; /* the next `devices` in the making */
};

static int open_below(int root_fd, const char *path)
{
	return openat(root_fd, path, O_RDONLY | O_CLOEXEC);
}

int machine_reader_open(const char *root, struct machine_reader **reader)
{
	struct machine_reader *opened = calloc(1, sizeof(*opened));
	char path[4096];
	int error;

	if (!opened)
		return -ENOMEM;
	opened->buffer = malloc(BUFFER_START);
	opened->capacity = BUFFER_START;
	snprintf(path, sizeof(path), "%s/", root);
	opened->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!opened->buffer || opened->root_fd < 0) {
		error = opened->buffer ? -errno : -ENOMEM;
		if (opened->root_fd >= 0)
			close(opened->root_fd);
		free(opened->buffer);
		free(opened);
		return error;
	}
	for (size_t i = 0; i < MACHINE_FILES; i++)
		opened->fds[i] = open_below(opened->root_fd, machine_files[i].path);
	opened->mountstats_fd = open_below(opened->root_fd, "proc/self/mountstats");
	opened->mounts_fd = mounts_open(opened->root_fd);
	*reader = opened;
	return 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void machine_reader_close(struct machine_reader *reader)
{
	if (!reader)
		return;
	for (size_t i = 0; i < MACHINE_FILES; i++)
		close_if_open(reader->fds[i]);
	close_if_open(reader->mountstats_fd);
	close_if_open(reader->mounts_fd);
	close_if_open(reader->root_fd);
	free(reader->devices.items);
	free(reader->fresh.items);
	free(reader->buffer);
	free(reader);
}

static const struct known_device *find_known(const struct machine_reader *reader, const struct device_counters *device,
					     size_t hint)
{
	for (size_t i = 0; i < reader->devices.count; i++) {
		const struct known_device *known = &reader->devices.items[(hint + i) % reader->devices.count];

		if (known->major == device->major && known->minor == device->minor &&
		    strcmp(known->name, device->name) == 0)
			return known;
	}
	return NULL;
}

static struct known_device know(const struct machine_reader *reader, const struct device_counters *device)
{
	struct known_device known = { device->major, device->minor, .whole_disk = device->whole_disk };
	char path[64];

	memcpy(known.name, device->name, sizeof(known.name));
	snprintf(path, sizeof(path), "sys/dev/block/%u:%u", device->major, device->minor);
	if (faccessat(reader->root_fd, path, F_OK, 0) != 0)
		return known;
	snprintf(path, sizeof(path), "sys/dev/block/%u:%u/partition", device->major, device->minor);
	known.whole_disk = faccessat(reader->root_fd, path, F_OK, 0) != 0 && !machine_device_in_memory(device->name);
	return known;
}

/* The parser goes by the device's name; sysfs knows better. Asked once per device, forgotten with it. */
static int correct_partitions(struct machine_reader *reader, struct machine_counters *counters)
{
	struct known_devices done = reader->devices;

	if (array_reserve(&reader->fresh, counters->device_count))
		return -ENOMEM;
	reader->fresh.count = counters->device_count;
	for (size_t i = 0; i < counters->device_count; i++) {
		struct device_counters *device = &counters->devices[i];
		const struct known_device *before = find_known(reader, device, i);
		struct known_device now = before ? *before : know(reader, device);

		device->whole_disk = now.whole_disk;
		reader->fresh.items[i] = now;
	}
	reader->devices = reader->fresh;
	reader->fresh = done;
	return 0;
}

static int read_nfs(struct machine_reader *reader, struct machine_counters *counters)
{
	/* Before the file is read, so that a mount made in between is found the next time. */
	bool changed = mounts_changed(reader->mounts_fd);
	int error = 0;

	nfs_mounts_free(&counters->nfs);
	if (reader->mountstats_fd < 0)
		return 0;
	reader->no_nfs &= !changed; /* told once: it stays so until the file has been read */
	if (!reader->no_nfs) {
		error = scan_fd(reader->mountstats_fd, 0, &reader->buffer, &reader->capacity);
		if (!error)
			error = nfs_parse_mountstats(reader->buffer, &counters->nfs);
		if (error)
			return error == -ENOMEM ? error : 0;
		reader->no_nfs = counters->nfs.count == 0;
	}
	counters->nfs.time_ns = counters->time_ns;
	counters->known |= MACHINE_NFS;
	return 0;
}

int machine_read(struct machine_reader *reader, struct machine_counters *counters)
{
	struct timespec now;
	int error;

	clock_gettime(CLOCK_MONOTONIC, &now);
	counters->known = 0;
	counters->time_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	counters->device_count = 0;
	for (size_t i = 0; i < MACHINE_FILES; i++) {
		if (reader->fds[i] < 0)
			continue;
		/* Pressure may be there and off at boot: the read says EOPNOTSUPP. */
		error = scan_fd(reader->fds[i], machine_files[i].enough, &reader->buffer, &reader->capacity);
		if (!error)
			error = machine_files[i].parse(reader->buffer, counters);
		if (error == -ENOMEM)
			return error;
	}
	error = correct_partitions(reader, counters);
	return error ? error : read_nfs(reader, counters);
}
