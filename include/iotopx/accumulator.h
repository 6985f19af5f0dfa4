/* Sums of booked deltas since the start, kept by the keys valid when they were booked.
 *
 * A thread that exits stays in its process's sums; a process that exits folds into a row of its command, user and
 * parent; above the cap the oldest and smallest fold into `other` (user, unit and container stay). Totals never fall.
 * Fed with intervals only, so live and replay accumulate alike.
 */
#ifndef IOTOPX_ACCUMULATOR_H
#define IOTOPX_ACCUMULATOR_H

#include "iotopx/interval.h"

struct accumulator;

struct accumulator *accumulator_open(size_t max_entries); /* NULL on ENOMEM */
void accumulator_close(struct accumulator *accumulator);
/* 0, or -ENOMEM: idle lists nobody this time. The sums are complete all the same: what there is no memory for goes to
 * `other` (and to nobody's, if it has none of its user, unit and container), which makes them crowded, for good. */
int accumulator_add(struct accumulator *accumulator, const struct interval *interval);

/* The sums as one interval from the first to the last one added: tasks are the entries (DELTA_EXITED set on
 * folded ones), machine and total are summed, idle lists that of the last interval. Borrowed until the next
 * call of accumulator_add. Never NULL after the first accumulator_add. */
const struct interval *accumulator_interval(struct accumulator *accumulator);

#define ACCUMULATOR_ENTRIES_DEFAULT 20000

#endif
