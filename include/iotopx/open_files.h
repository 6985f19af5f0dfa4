/* The files that a task has open, as /proc tells them: borrowed from a lookup, for the eye. */
#ifndef IOTOPX_OPEN_FILES_H
#define IOTOPX_OPEN_FILES_H

#include "iotopx/task.h"

#include <stddef.h>

#define OPEN_FILES_MAX 256u
#define OPEN_FILES_TEXT 32768u

struct open_file {
	int fd;
	bool known;        /* position and flags could be read */
	unsigned flags;    /* O_* */
	uint64_t position; /* bytes from its beginning; of pipes and sockets 0 */
	const char *path;  /* raw bytes, cut if very long; "pipe:[123]" for what has no name. In `texts`. */
};

struct open_files {
	struct task_id id;
	uint64_t read_ns; /* CLOCK_MONOTONIC: tells one reading from the next */
	int error;        /* -errno: why there are none; -EACCES without the right */
	size_t total;     /* how many there are; more than are listed if they are many */
	bool more;        /* ... and even more that were not counted */
	size_t count;
	struct open_file items[OPEN_FILES_MAX]; /* what has a path first, by number */
	size_t text_used;
	char texts[OPEN_FILES_TEXT];
};

#endif
