/* Several intervals as one: a coarser look at the same time. Unlike the accumulator's sums it is an interval like any
 * other: exited tasks stand one by one, devices and mounts are in it, and it begins and ends.
 */
#ifndef IOTOPX_MERGER_H
#define IOTOPX_MERGER_H

#include "iotopx/interval.h"

struct merger;

struct merger *merger_open(void); /* NULL on ENOMEM */
void merger_close(struct merger *merger);

/* In the order of time. A task is found again by its info. 0, or -ENOMEM: nothing of it is added, and it can be added
 * again. */
int merger_add(struct merger *merger, const struct interval *interval);

/* What was added since the last call, as a new reference; NULL if that is nothing. Beyond MERGER_TASKS_MAX tasks the
 * smallest are folded. */
struct interval *merger_take(struct merger *merger);

#define MERGER_TASKS_MAX 50000

#endif
