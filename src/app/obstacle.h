/* What stands in the way of a file beside rights: marks of it and of its directory, which no mode tells. */
#ifndef IOTOPX_APP_OBSTACLE_H
#define IOTOPX_APP_OBSTACLE_H

struct obstacle {
	int error;        /* the -errno that comes of it */
	const char *text; /* to follow that error: ": it is ..." */
};

/* Why the file at `path`, there or not, could not be replaced without capabilities; symbolic links are followed. NULL:
 * nothing that is known. */
const struct obstacle *obstacle_find(const char *path);
/* The text to follow `error` about the file; "" where nothing explains it. */
const char *obstacle_hint(int error, const char *path);

#endif
