/* Deltas of cgroups: sums over time and over cgroups, and an index to find the one that sums up. */
#ifndef IOTOPX_MODEL_CGROUP_DELTA_H
#define IOTOPX_MODEL_CGROUP_DELTA_H

#include "iotopx/interval.h"

/* into += part, of the same cgroup in another interval: all adds up. */
void cgroup_delta_add(struct cgroup_delta *into, const struct cgroup_delta *part);
/* into += part, of another cgroup in the same interval: bytes add up; of pressure the largest stands for all, for tasks
 * that wait at the same time wait once. */
void cgroup_delta_join(struct cgroup_delta *into, const struct cgroup_delta *part);

/* An index over an array of cgroup_deltas, by cgroup; of folded ones by unit and container. Zeroed is empty. */
struct cgroup_index {
	uint32_t *slots; /* IDMAP_NONE: free */
	size_t capacity, count;
};

void cgroup_index_reset(struct cgroup_index *index); /* empty, memory kept */
void cgroup_index_free(struct cgroup_index *index);
/* The slot in items[] of the same key, or IDMAP_NONE. */
uint32_t cgroup_index_find(const struct cgroup_index *index, const struct cgroup_delta *items,
			   const struct cgroup_delta *key);
/* Room for so many more: cgroup_index_insert can't fail for them. 0 or -ENOMEM. */
int cgroup_index_reserve(struct cgroup_index *index, const struct cgroup_delta *items, size_t more);
/* Remembers items[slot]. 0 or -ENOMEM. */
int cgroup_index_insert(struct cgroup_index *index, const struct cgroup_delta *items, uint32_t slot);

/* sum's cgroups += part's; `index` is that of sum's. What does not fit into that gets a second entry, which sums do not
 * mind. 0, or -ENOMEM: some that are new are missing. */
int cgroup_deltas_add(struct interval *sum, struct cgroup_index *index, const struct interval *part);
/* Cgroups of one unit and container become one. 0 or -ENOMEM: what is not folded stays as it is. */
int cgroup_deltas_fold(struct interval *interval);

#endif
