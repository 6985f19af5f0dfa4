#include "obstacle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

/* A file system that has no such mark, or a kernel before 4.11, tells of none. */
static const struct {
	uint64_t attribute;
	bool of_directory;
	struct obstacle obstacle;
} marks[] = {
	{ STATX_ATTR_IMMUTABLE, false, { -EPERM, ": it is immutable (chattr +i)" } },
	{ STATX_ATTR_APPEND, false, { -EPERM, ": it is append-only (chattr +a)" } },
	{ STATX_ATTR_MOUNT_ROOT, false, { -EBUSY, ": it is mounted there, so nothing can take its place" } },
	{ STATX_ATTR_IMMUTABLE, true, { -EPERM, ": its directory is immutable (chattr +i)" } },
	{ STATX_ATTR_APPEND, true, { -EPERM, ": its directory is append-only (chattr +a)" } },
};

static const struct obstacle sticky = { -EPERM, ": it is another user's, in a directory with the sticky bit" };
static const struct obstacle sticky_to_root = {
	-EPERM,
	": it is another user's, in a directory with the sticky bit, and iotopx gives up root's right to replace "
	"it (CAP_FOWNER)"
};

static void directory_of(const char *path, char *to, size_t size)
{
	const char *slash = strrchr(path, '/');

	snprintf(to, size, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
}

const struct obstacle *obstacle_find(const char *path)
{
	char resolved[PATH_MAX], directory[PATH_MAX];
	const char *target = realpath(path, resolved) ? resolved : path;
	struct statx file = { 0 }, above = { 0 };
	bool there = statx(AT_FDCWD, target, 0, STATX_UID, &file) == 0;

	directory_of(target, directory, sizeof(directory));
	if (statx(AT_FDCWD, directory, 0, STATX_UID | STATX_MODE, &above) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if ((marks[i].of_directory ? above : file).stx_attributes & marks[i].attribute)
			return &marks[i].obstacle;
	if (there && above.stx_mode & S_ISVTX && file.stx_uid != geteuid() && above.stx_uid != geteuid())
		return geteuid() == 0 ? &sticky_to_root : &sticky;
	return NULL;
}

const char *obstacle_hint(int error, const char *path)
{
	const struct obstacle *obstacle = obstacle_find(path);

	return obstacle && obstacle->error == error ? obstacle->text : "";
}
