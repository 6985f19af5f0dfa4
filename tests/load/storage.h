/* The ways to reach a file, for writer and reader. Each moves [0, bytes) of `fd` once, in blocks, and returns the
 * number of requests it made. */
#ifndef STORAGE_H
#define STORAGE_H

#include "load.h"

struct job {
	const char *path;
	uint64_t bytes;
	size_t block;
	bool writing;
	int fd;
	void *data; /* a block */
};

struct method {
	const char *name;
	bool direct; /* wants O_DIRECT */
	uint64_t (*run)(struct job *job);
};

/* NULL: no such method. */
const struct method *method_find(const char *name);

#endif
