/* Who exited in an interval: tasks, and processes with their last one. */
#ifndef IOTOPX_MODEL_EXITED_H
#define IOTOPX_MODEL_EXITED_H

#include "iotopx/array.h"
#include "iotopx/interval.h"

/* A set of identities. */
struct identities {
	struct idmap by_tid;
	struct task_id *items;
	size_t count, capacity;
};

/* Zeroed is of no interval. Without memory for the sets each question takes a walk through the interval. */
struct exited {
	const struct interval *interval; /* borrowed */
	struct identities processes, tasks;
	bool complete; /* the sets are */
};

void exited_free(struct exited *exited);
/* From now on it is of this interval, which stays as long as anything is asked. */
void exited_note(struct exited *exited, const struct interval *interval);
bool exited_nobody(const struct exited *exited);
bool exited_process(const struct exited *exited, struct task_id process);
bool exited_task(const struct exited *exited, struct task_id task);

#endif
