/* Intervals made up by chance, always the same ones, with all that a recording must keep. */
#ifndef MADE_H
#define MADE_H

#include "iotopx/interval.h"
#include "iotopx/lookup.h"

#define MADE_TASKS 24

struct made {
	uint64_t random;
	uint64_t now_ns;
	int64_t wall_ms;
	uint64_t length_ns;
	struct task_info *tasks[MADE_TASKS]; /* alive; replaced when they exit */
	uint64_t lifetime_read[MADE_TASKS], lifetime_write[MADE_TASKS];
	pid_t next_tid;
	bool calm; /* ten tasks that move each time, and nothing special */
};

extern const struct lookup made_lookup;

void made_open(struct made *made, uint64_t seed);
void made_close(struct made *made);
struct interval *made_next(struct made *made); /* refs 1 */

/* A file name in a directory of its own, which made_remove removes with all that is in it. */
void made_path(char *path, size_t size);
void made_remove(const char *path);

#endif
