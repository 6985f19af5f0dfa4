#include "replace.h"
#include "obstacle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool replace_is_possible(const char *path)
{
	struct stat status;

	return stat(path, &status) != 0 || S_ISREG(status.st_mode);
}

/* Hidden, and with an end of its own, so that who reads all *.prom of a directory does not take it. */
static int temporary_name(const char *path, char *to, size_t size)
{
	const char *slash = strrchr(path, '/');
	int directory = slash ? (int)(slash - path) + 1 : 0;
	int length = snprintf(to, size, "%.*s.%s.%d.tmp", directory, path, path + directory, (int)getpid());

	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

/* A symbolic link keeps its place: what it points to is replaced. */
static const char *target_of(const char *path, char *resolved)
{
	return realpath(path, resolved) ? resolved : path;
}

/* Nobody's file is followed or written over. A descriptor or -errno. */
static int open_temporary(const char *name)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY;
	int fd = open(name, flags, 0666);

	if (fd < 0 && errno == EEXIST && unlink(name) == 0) /* of an earlier run that had this process ID */
		fd = open(name, flags, 0666);
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t wrote = write(fd, bytes, length);

		if (wrote < 0 && errno != EINTR)
			return -errno;
		if (wrote > 0) {
			bytes += wrote;
			length -= (size_t)wrote;
		}
	}
	return 0;
}

int replace_check(const char *path)
{
	char name[PATH_MAX], resolved[PATH_MAX];
	/* Before any file is made: where nothing can be taken away it would stay. */
	const struct obstacle *obstacle = obstacle_find(path);
	int result = obstacle ? obstacle->error : temporary_name(target_of(path, resolved), name, sizeof(name)), fd;

	if (result != 0)
		return result;
	fd = open_temporary(name);
	if (fd < 0)
		return fd;
	close(fd);
	return unlink(name) == 0 ? 0 : -errno;
}

int replace_file(const char *path, const char *bytes, size_t length)
{
	char name[PATH_MAX], resolved[PATH_MAX];
	const char *target = target_of(path, resolved);
	int result = temporary_name(target, name, sizeof(name)), fd;

	if (result != 0)
		return result;
	fd = open_temporary(name);
	if (fd < 0)
		return fd;
	result = write_all(fd, bytes, length);
	if (close(fd) != 0 && result == 0)
		result = -errno;
	if (result == 0 && rename(name, target) != 0)
		result = -errno;
	if (result != 0)
		unlink(name);
	return result;
}
