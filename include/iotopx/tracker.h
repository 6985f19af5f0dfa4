/* The books: samples and exit records in, intervals out. Pure: no clock, no I/O.
 *
 * One ledger entry per identity (TID + start). `new - last` is booked, once. The rules are those of the
 * accounting section of the manual; each is named in tracker.c where it is applied.
 */
#ifndef IOTOPX_TRACKER_H
#define IOTOPX_TRACKER_H

#include "iotopx/interval.h"
#include "iotopx/sample.h"

struct tracker;

struct tracker_limits {
	size_t exits_single; /* exited tasks of one interval kept one by one; more fold by command, user and parent */
	size_t exits_folded; /* ... and at most so many of those; the rest fold into `other` */
};

#define TRACKER_LIMITS_DEFAULT ((struct tracker_limits){ .exits_single = 20000, .exits_folded = 2000 })

/* `begin_ns` is the beginning of the baseline sweep: who starts later is a newborn, and all it did counts.
 * NULL on ENOMEM. */
struct tracker *tracker_open(uint64_t begin_ns, struct tracker_limits limits);
void tracker_close(struct tracker *tracker);

/* Books one exit record, in the order of arrival. 0 or -ENOMEM. */
int tracker_exit(struct tracker *tracker, const struct reading *record);

/* Books a sweep and ends the interval. *interval is a new reference. `list_idle` fills interval->idle.
 * 0 or -ENOMEM (nothing is delivered, what was booked stays for the next interval). */
int tracker_sample(struct tracker *tracker, const struct sample *sample, bool list_idle, struct interval **interval);

/* A living or just dead task of the ledger, for look-ups by the collector: its unit for newborn children,
 * the tgid of a TID. NULL if unknown. Borrowed until the next call. */
const struct task_info *tracker_find(const struct tracker *tracker, pid_t tid);

#endif
