/* What one reading adds to what its entry had: the arithmetic of the books. Pure. */
#ifndef IOTOPX_MODEL_BOOKING_H
#define IOTOPX_MODEL_BOOKING_H

#include "ledger.h"

/* Computes the delta from entry->last to the reading, and makes the reading the entry's last. */
void booking_advance(struct entry *entry, const struct reading *reading, int delayacct, struct counters *delta);

/* Rule 4: what a zombie's reading may still add after the exit record is booked. */
void booking_zombie(struct entry *entry, const struct reading *reading, struct counters *delta);

/* A newborn's base: 0 of everything. */
void booking_base_zero(struct entry *entry, const struct reading *reading, int delayacct);
/* A base only: nothing before it counts. */
void booking_base_reading(struct entry *entry, const struct reading *reading);

/* Which counters of an entry can be told at all, now. */
uint32_t booking_known(const struct entry *entry, int delayacct);

/* True if a counter that only grows is below the entry's last: the reading is of another image or another task. */
bool booking_went_down(const struct entry *entry, const struct reading *reading, uint32_t known);

/* True if the reading can be of the task whose exit record is the entry's last: it counts no more than what a task
 * still does after its record was sent. */
bool booking_still_exiting(const struct entry *entry, const struct reading *reading);

#endif
