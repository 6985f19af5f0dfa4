#include "iotopx/delayacct.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DELAYACCT_PATH "/proc/sys/kernel/task_delayacct"

static int delayacct_open(const char *root, const char *path, int flags)
{
	char name[PATH_MAX];
	int length = snprintf(name, sizeof(name), "%s%s", root, path);

	if (length < 0 || (size_t)length >= sizeof(name))
		return -ENAMETOOLONG;
	int fd = open(name, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The file as text with a NUL; bytes or -errno. */
static ssize_t delayacct_slurp(const char *root, const char *path, char *to, size_t size)
{
	int fd = delayacct_open(root, path, O_RDONLY);
	ssize_t length;

	if (fd < 0)
		return fd;
	do
		length = read(fd, to, size - 1);
	while (length < 0 && errno == EINTR);
	if (length < 0)
		length = -errno;
	else
		to[length] = '\0';
	close(fd);
	return length;
}

/* Whether `word` stands on the kernel's command line. */
static bool delayacct_booted_with(const char *root, const char *word)
{
	char text[4096];
	char *rest = NULL;

	if (delayacct_slurp(root, "/proc/cmdline", text, sizeof(text)) < 0)
		return false;
	for (char *token = strtok_r(text, " \n", &rest); token; token = strtok_r(NULL, " \n", &rest))
		if (strcmp(token, word) == 0)
			return true;
	return false;
}

/* The sysctl came with 5.14: a newer kernel without it was built without delay accounting. */
static bool delayacct_predates_sysctl(const char *root)
{
	char text[128];
	unsigned major, minor;

	if (delayacct_slurp(root, "/proc/sys/kernel/osrelease", text, sizeof(text)) < 0 ||
	    sscanf(text, "%u.%u", &major, &minor) != 2)
		return true;
	return major < 5 || (major == 5 && minor < 14);
}

int delayacct_read(const char *root)
{
	char text[16];
	ssize_t length = delayacct_slurp(root, DELAYACCT_PATH, text, sizeof(text));

	if (length == -ENOENT)
		return delayacct_predates_sysctl(root) && !delayacct_booted_with(root, "nodelayacct");
	if (length < 0)
		return (int)length;
	if ((text[0] != '0' && text[0] != '1') || (text[1] != '\n' && text[1] != '\0'))
		return -EINVAL;
	return text[0] == '1';
}

int delayacct_write(const char *root, bool on)
{
	int fd = delayacct_open(root, DELAYACCT_PATH, O_WRONLY);

	if (fd < 0)
		return fd == -EACCES ? -EPERM : fd;
	const char text[2] = { on ? '1' : '0', '\n' };
	ssize_t written;
	do
		written = write(fd, text, sizeof(text));
	while (written < 0 && errno == EINTR);
	int result = 0;
	if (written < 0)
		result = errno == EACCES ? -EPERM : -errno;
	else if ((size_t)written != sizeof(text))
		result = -EIO;
	close(fd);
	return result;
}
