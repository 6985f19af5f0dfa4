#include "files.h"
#include "iotopx/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNTED_MAX 65536u /* a process may have a million: enough is enough */
#define PATH_SHOWN 1024    /* bytes */
#define INFO_SIZE 512      /* of fdinfo: position and flags are its first lines */

/* What is looked for in a pass over the descriptors. */
enum pass { PASS_PATHS, PASS_OTHERS };

static bool parse_fd(const char *name, int *fd)
{
	char *end;
	long value = strtol(name, &end, 10);

	if (end == name || *end || value < 0 || value > INT_MAX)
		return false;
	*fd = (int)value;
	return true;
}

/* "pos:\t4096\nflags:\t0100002\n...": the flags are octal. */
static void read_info(int infos, struct open_file *file)
{
	char name[16], text[INFO_SIZE];
	unsigned long long position;
	unsigned flags;

	snprintf(name, sizeof(name), "%d", file->fd);
	int fd = openat(infos, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	ssize_t length = read(fd, text, sizeof(text) - 1);

	close(fd);
	if (length <= 0)
		return;
	text[length] = '\0';
	if (sscanf(text, "pos: %llu flags: %o", &position, &flags) != 2)
		return;
	file->position = position;
	file->flags = flags;
	file->known = true;
}

/* False when it is full. */
static bool add_file(struct open_files *files, int infos, int fd, const char *path, size_t length)
{
	if (files->count == OPEN_FILES_MAX || files->text_used + length + 1 > OPEN_FILES_TEXT)
		return false;
	struct open_file *file = &files->items[files->count++];
	char *text = files->texts + files->text_used;

	memcpy(text, path, length);
	text[length] = '\0';
	files->text_used += length + 1;
	*file = (struct open_file){ .fd = fd, .path = text };
	read_info(infos, file);
	return true;
}

static void walk(struct open_files *files, DIR *directory, int infos, enum pass pass)
{
	const struct dirent *entry;
	char path[PATH_SHOWN];
	size_t seen = 0;
	bool room = true;

	rewinddir(directory);
	while (seen < COUNTED_MAX && (entry = readdir(directory))) {
		int fd;

		if (!parse_fd(entry->d_name, &fd))
			continue;
		seen++;
		if (!room)
			continue;
		ssize_t length = readlinkat(dirfd(directory), entry->d_name, path, sizeof(path));

		if (length > 0 && (path[0] == '/') == (pass == PASS_PATHS))
			room = add_file(files, infos, fd, path, (size_t)length);
	}
	files->total = seen;
	files->more = seen == COUNTED_MAX;
}

static DIR *open_directory(struct proc *proc, pid_t tid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/%s", (int)tid, name);
	int fd = openat(proc_fd(proc), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (!directory && fd >= 0)
		close(fd);
	return directory;
}

struct open_files *files_read(struct proc *proc, const struct task_id *id)
{
	struct open_files *files = calloc(1, sizeof(*files));

	if (!files)
		return NULL;
	files->id = *id;
	DIR *directory = open_directory(proc, id->tid, "fd");
	DIR *infos = directory ? open_directory(proc, id->tid, "fdinfo") : NULL;

	if (!directory || !infos) {
		files->error = errno ? -errno : -EIO;
	} else {
		walk(files, directory, dirfd(infos), PASS_PATHS);
		walk(files, directory, dirfd(infos), PASS_OTHERS);
		/* Read first, then check: if the TID is still that task's, it was when the files were read. */
		files->error = proc_check_identity(proc, id);
		if (files->error)
			files->count = files->total = 0;
	}
	if (directory)
		closedir(directory);
	if (infos)
		closedir(infos);
	files->read_ns = clock_read_ns(CLOCK_MONOTONIC);
	return files;
}
