#include "cpumask.h"

#include "iotopx/array.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 1024u /* at a time; a contiguous mask takes a dozen */

struct line {
	char *items;
	size_t count, capacity;
};

static int line_read(struct line *line, int fd)
{
	for (;;) {
		int error = array_reserve(line, line->count + READ_BYTES);

		if (error)
			return error;
		const ssize_t length = read(fd, line->items + line->count, READ_BYTES);
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return length < 0 ? -errno : -EINVAL; /* it ended before the line did */
		char *end = memchr(line->items + line->count, '\n', (size_t)length);
		line->count += (size_t)length;
		if (end) {
			*end = '\0';
			return end > line->items && end - line->items < (ptrdiff_t)CPUMASK_MAX ? 0 : -EINVAL;
		}
		if (line->count >= CPUMASK_MAX)
			return -EINVAL;
	}
}

int cpumask_read(const char *path, char **list)
{
	struct line line = { .count = 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	int error = line_read(&line, fd);
	close(fd);
	if (error)
		free(line.items);
	else
		*list = line.items;
	return error;
}
