#include "cgroup_files.h"
#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define AGE_MAX 16 /* a controller may be switched on later: what is missing is looked for now and then */

static int take_stat(struct cgroup_reader *reader, int fd, struct cgroup_reading *reading)
{
	int error = fd >= 0 ? scan_fd(fd, 0, &reader->buffer, &reader->capacity) : 0;

	if (fd >= 0 && !error)
		reading->has_io = cgroup_io_parse(reader->buffer, reader->stacked, reader->data, &reading->io) == 0;
	return error;
}

static int take_pressure(struct cgroup_reader *reader, int fd, struct cgroup_reading *reading)
{
	int error = fd >= 0 ? scan_fd(fd, 0, &reader->buffer, &reader->capacity) : 0;

	if (fd >= 0 && !error)
		reading->has_pressure =
		    cgroup_io_parse_pressure(reader->buffer, &reading->some_us, &reading->full_us) == 0;
	return error;
}

static int open_in(int directory, bool wanted, const char *name)
{
	return wanted ? openat(directory, name, O_RDONLY | O_CLOEXEC) : -1;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static size_t count_open(const struct cgroup_files *files)
{
	return (size_t)(files->stat_fd >= 0) + (size_t)(files->pressure_fd >= 0);
}

static int open_files(struct cgroup_reader *reader, const char *cgroup, struct cgroup_files *files)
{
	int directory = cgroup_tree_enter(&reader->tree, cgroup, &files->inode);

	if (directory < 0)
		return directory == -ENODEV || directory == -ENOTDIR ? -ENOENT : directory;
	files->stat_fd = open_in(directory, reader->has_stat, "io.stat");
	files->pressure_fd = open_in(directory, reader->has_pressure, "io.pressure");
	files->age = 0;
	files->open = true;
	reader->kept += count_open(files);
	close(directory);
	return 0;
}

void cgroup_files_close(struct cgroup_reader *reader, struct cgroup_files *files)
{
	if (!files->open)
		return;
	reader->kept -= count_open(files);
	close_fd(files->stat_fd);
	close_fd(files->pressure_fd);
	files->open = false;
}

/* 0, -ENOMEM, -ENODEV: a file is gone, mostly with its cgroup. Other failures leave the figures out. */
static int read_open(struct cgroup_reader *reader, const struct cgroup_files *files, struct cgroup_reading *reading)
{
	int error;

	*reading = (struct cgroup_reading){ .inode = files->inode };
	error = take_stat(reader, files->stat_fd, reading);
	if (error == -ENOMEM || error == -ENODEV)
		return error;
	error = take_pressure(reader, files->pressure_fd, reading);
	return error == -ENOMEM || error == -ENODEV ? error : 0;
}

static bool may_be_incomplete(const struct cgroup_reader *reader, struct cgroup_files *files)
{
	bool missing = (reader->has_stat && files->stat_fd < 0) || (reader->has_pressure && files->pressure_fd < 0);

	return missing && ++files->age >= AGE_MAX;
}

int cgroup_files_read(struct cgroup_reader *reader, const char *cgroup, struct cgroup_files *files,
		      struct cgroup_reading *reading)
{
	int error = -ENODEV;

	if (files->open && may_be_incomplete(reader, files))
		cgroup_files_close(reader, files);
	if (files->open)
		error = read_open(reader, files, reading);
	if (error == -ENODEV) { /* not open, or of a cgroup that has gone: who has its name now? */
		cgroup_files_close(reader, files);
		error = open_files(reader, cgroup, files);
		if (error)
			return error;
		error = read_open(reader, files, reading);
	}
	if (error || !reader->kept_max || reader->kept > reader->kept_max)
		cgroup_files_close(reader, files);
	return error == -ENODEV ? -ENOENT : error;
}
