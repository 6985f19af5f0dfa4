#include "mounts.h"
#include "scan.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

int mounts_open(int root_fd)
{
	int fd = openat(root_fd, "proc/self/mounts", O_RDONLY | O_CLOEXEC);
	struct statfs fs;

	if (fd >= 0 && (fstatfs(fd, &fs) != 0 || fs.f_type != PROC_SUPER_MAGIC)) {
		close(fd);
		return -1;
	}
	return fd;
}

bool mounts_changed(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLPRI };

	return fd < 0 || poll(&pollfd, 1, 0) != 0;
}

static bool field(const char **at, struct mount_field *field)
{
	field->length = scan_token(at, &field->text);
	return field->length > 0;
}

bool mount_field_is(struct mount_field field, const char *word)
{
	return field.length == strlen(word) && memcmp(field.text, word, field.length) == 0;
}

/* "36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/source rw" with any number of fields before the dash. */
static bool parse(const char *at, struct mount_line *line)
{
	struct mount_field ignored;
	uint64_t id, parent, major, minor;

	if (!scan_number(&at, &id) || !scan_number(&at, &parent) || !scan_number(&at, &major) || !scan_word(&at, ":") ||
	    !scan_number(&at, &minor) || !field(&at, &line->root) || !field(&at, &line->point))
		return false;
	do {
		if (!field(&at, &ignored))
			return false;
	} while (!mount_field_is(ignored, "-"));
	line->major = (unsigned)major;
	line->minor = (unsigned)minor;
	return field(&at, &line->type) && field(&at, &line->source);
}

bool mounts_parse_line(const char **at, struct mount_line *line)
{
	bool good = parse(*at, line);

	scan_line(at);
	return good;
}
