#include "sysfs.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/major.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 128

static void device_path(char *path, unsigned major, unsigned minor, const char *file)
{
	snprintf(path, PATH_SIZE, "sys/dev/block/%u:%u/%s", major, minor, file);
}

bool sysfs_device_inode(int root_fd, unsigned major, unsigned minor, uint64_t *inode)
{
	char path[PATH_SIZE];
	struct stat stat;

	device_path(path, major, minor, "");
	if (fstatat(root_fd, path, &stat, 0) != 0)
		return false;
	*inode = stat.st_ino;
	return true;
}

bool sysfs_device_has(int root_fd, unsigned major, unsigned minor, const char *file)
{
	char path[PATH_SIZE];

	device_path(path, major, minor, file);
	return faccessat(root_fd, path, F_OK, 0) == 0;
}

size_t sysfs_device_read(int root_fd, unsigned major, unsigned minor, const char *file, char *to, size_t size)
{
	char path[PATH_SIZE];
	ssize_t length;
	size_t blanks = 0;
	int fd;

	to[0] = '\0';
	device_path(path, major, minor, file);
	fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	length = read(fd, to, size - 1);
	close(fd);
	if (length <= 0)
		return 0;
	to[length] = '\0';
	while (length > 0 && isspace((unsigned char)to[length - 1]))
		to[--length] = '\0';
	while (isspace((unsigned char)to[blanks]))
		blanks++;
	memmove(to, to + blanks, (size_t)length - blanks + 1);
	return (size_t)length - blanks;
}

void sysfs_device_name(int root_fd, unsigned major, unsigned minor, char *to, size_t size)
{
	char path[PATH_SIZE], target[512], *slash;
	ssize_t length;

	device_path(path, major, minor, "");
	path[strlen(path) - 1] = '\0'; /* the link itself */
	length = readlinkat(root_fd, path, target, sizeof(target) - 1);
	target[length > 0 ? length : 0] = '\0';
	slash = strrchr(target, '/');
	snprintf(to, size, "%s", slash ? slash + 1 : "");
}

static bool has_entries(int root_fd, unsigned major, unsigned minor, const char *directory)
{
	char path[PATH_SIZE];
	struct dirent *entry;
	bool found = false;
	DIR *opened;
	int fd;

	device_path(path, major, minor, directory);
	fd = openat(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	opened = fdopendir(fd);
	if (!opened) {
		close(fd);
		return false;
	}
	while (!found && (entry = readdir(opened)))
		found = entry->d_name[0] != '.';
	closedir(opened);
	return found;
}

bool sysfs_device_stacked(int root_fd, unsigned major, unsigned minor)
{
	static const char *const marks[] = { "dm", "md", "../dm", "../md", "../loop" };
	bool partition = sysfs_device_has(root_fd, major, minor, "partition");

	if (major == LOOP_MAJOR) /* also while it has no file: it may get one at any time */
		return true;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if ((marks[i][0] == '.') == partition && sysfs_device_has(root_fd, major, minor, marks[i]))
			return true;
	return has_entries(root_fd, major, minor, partition ? "../slaves" : "slaves");
}
