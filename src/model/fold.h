/* Folding: many task_deltas become one, and only the keys that a view may still ask for stay.
 * Used by the tracker (too many exits), the accumulator (exited processes, its cap) and the history (old intervals). */
#ifndef IOTOPX_MODEL_FOLD_H
#define IOTOPX_MODEL_FOLD_H

#include "iotopx/interval.h"

enum fold_level {
	FOLD_PROCESS, /* exited threads of one process: process, command, user, unit, container stay */
	FOLD_EXITED,  /* exited processes: command, user, parent, unit, container stay */
	FOLD_OTHER,   /* user, unit and container stay: regrouping by those remains exact */
	FOLD_LEVEL_COUNT,
};

/* The level at which a folded delta folds: told by what it kept. */
enum fold_level fold_level_of(const struct task_delta *task);

/* An index over an array of task_deltas: which one folds a given key. Zeroed is empty. Slots are array indices. */
struct fold_index {
	uint32_t *slots; /* IDMAP_NONE: free */
	size_t capacity, count;
};

void fold_index_reset(struct fold_index *index); /* empty, memory kept */
void fold_index_free(struct fold_index *index);

/* Two that fold into one at `level`. */
bool fold_same(const struct task_info *one, const struct task_info *other, enum fold_level level);

/* The slot in tasks[] that folds `info` at `level`, or IDMAP_NONE. */
uint32_t fold_find(const struct fold_index *index, const struct task_delta *tasks, const struct task_info *info,
		   enum fold_level level);
/* Remembers that tasks[slot] (whose info is from fold_info) folds its key. 0 or -ENOMEM. */
int fold_insert(struct fold_index *index, const struct task_delta *tasks, uint32_t slot);

/* What a folded delta carries of `info`; a new reference, NULL on ENOMEM. */
struct task_info *fold_info(const struct task_info *info, enum fold_level level);

/* into += part: counters, exits, lived; the busiest member's delays. The info of `into` stays. */
void fold_merge(struct task_delta *into, const struct task_delta *part);

/* Bytes and characters that a delta moved: what "smallest" means. */
uint64_t fold_weight(const struct task_delta *task);

#endif
