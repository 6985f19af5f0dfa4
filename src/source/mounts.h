/* The mount table: when it changes, and what a line of mountinfo says. Private to this room. */
#ifndef IOTOPX_MOUNTS_H
#define IOTOPX_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

/* For mounts_changed, which is true if the table changed since it was last asked, or if that can't be told (fd -1). The
 * caller closes it. -1 where proc is no procfs: a plain file (of a test) never tells of a change. */
int mounts_open(int root_fd);
bool mounts_changed(int fd);

/* Pieces of a line, still escaped; borrowed from the text. */
struct mount_field {
	const char *text;
	size_t length;
};

struct mount_line {
	unsigned major, minor;
	struct mount_field root, point, type, source;
};

/* Takes one line of mountinfo from *at; false if it is none (*at is moved on). */
bool mounts_parse_line(const char **at, struct mount_line *line);
bool mount_field_is(struct mount_field field, const char *word);

#endif
