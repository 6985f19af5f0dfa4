/* The books: samples and exit records in, intervals out. Pure: no clock, no I/O.
 *
 * One ledger entry per identity (TID + start). `new - last` is booked, once. The rules are those of the
 * accounting section of the manual; each is named where it is applied.
 */
#ifndef IOTOPX_TRACKER_H
#define IOTOPX_TRACKER_H

#include "iotopx/interval.h"
#include "iotopx/sample.h"

struct tracker;

struct tracker_limits {
	/* Exited tasks of one interval kept one by one; more that were born in it fold by command, user and parent. */
	size_t exits_single;
	size_t exits_folded; /* ... and at most so many of those; the rest fold into `other` */
};

#define TRACKER_LIMITS_DEFAULT ((struct tracker_limits){ .exits_single = 20000, .exits_folded = 2000 })

/* `begin_ns` is the beginning of the baseline sweep: who starts later is a newborn, and all it did counts.
 * NULL on ENOMEM. */
struct tracker *tracker_open(uint64_t begin_ns, struct tracker_limits limits);
void tracker_close(struct tracker *tracker);

/* Books one exit record, in the order of arrival. 0, or -ENOMEM: it counts as lost, and nothing of it is booked. */
int tracker_exit(struct tracker *tracker, const struct reading *record);

/* Exit records were lost before `time_ns`: what an exec in a process of several threads did then can't be told any
 * more. Call as soon as it is known, and before what came after is booked. The sample's lost_exits and
 * exits_missed imply it. NULL allowed: the books have not begun. */
void tracker_note_loss(struct tracker *tracker, uint64_t time_ns);

/* Takes the readings that the baseline sweep has so far out of the sample: a big machine's first sweep need not be held
 * as a whole. Before the first tracker_sample only: later all exit records are booked before any reading. 0 or -ENOMEM.
 */
int tracker_base(struct tracker *tracker, struct sample *sample);

/* Books a sweep and ends the interval. *interval is a new reference. `list_idle` fills interval->idle.
 * The machine's counters change hands: the sample gets those of the last one back, to be filled again.
 * 0, or -ENOMEM: nothing is delivered, what was booked stays for the next interval, and of a task whose reading could
 * not be booked the next reading tells it all. */
int tracker_sample(struct tracker *tracker, struct sample *sample, bool list_idle, struct interval **interval);

#endif
