#include "booking.h"

#include <string.h>

#define ROUNDING 1024u /* taskstats gives COUNTERS_IO rounded down to a multiple of this (KB_MASK, kernel/tsacct.c) */

/* Rule 12. Zeros of a task whose delays were never seen to move mean nothing: it may have been forked while delay
 * accounting was off, and then they never will. */
static void learn_delays(struct entry *entry, const struct reading *reading)
{
	bool moved = false;

	for (int counter = COUNTER_BLKIO_COUNT; counter <= COUNTER_SWAPIN_DELAY; counter++)
		moved |= reading->counters.value[counter] != 0;
	if (moved || (reading->flags & READING_DELAYS_PROVEN)) {
		entry->flags |= ENTRY_DELAYS_PROVEN;
		entry->flags &= ~(uint32_t)ENTRY_NO_DELAYS;
	} else if (reading->flags & READING_NO_DELAYS) {
		entry->flags |= ENTRY_NO_DELAYS;
		entry->flags &= ~(uint32_t)ENTRY_DELAYS_PROVEN;
	}
}

uint32_t booking_known(const struct entry *entry, int delayacct)
{
	uint32_t known = entry->last.known;

	if (delayacct == 0 || !(entry->flags & ENTRY_DELAYS_PROVEN))
		known &= ~COUNTERS_DELAY;
	return known;
}

/* A reading alone may be of a task whose record is sent: of one on its way through do_exit, or of a zombie. Those
 * neither sleep nor call any more (but the last of its process may, and nobody takes its TID over). The state is known
 * of those only that a sweep has looked at for another reason. */
static void learn_life(struct entry *entry, const struct reading *reading)
{
	bool same_unit =
	    entry->flags & ENTRY_ZERO_BASE || !(entry->flags & ENTRY_EXACT) == !(reading->flags & READING_EXACT_IO);

	if (reading->state == 'S' || reading->state == 'I') {
		entry->alive_ns = since(reading->time_ns, reading->window_ns);
		return;
	}
	for (int counter = COUNTER_READ_CALLS; counter <= COUNTER_WRITE_CALLS; counter++)
		if (same_unit && entry->last.known & reading->counters.known & COUNTER_BIT(counter) &&
		    reading->counters.value[counter] > entry->last.value[counter])
			entry->alive_ns = since(entry->last_time_ns, entry->last_window_ns);
}

static void remember(struct entry *entry, const struct reading *reading)
{
	learn_life(entry, reading);
	entry->last = reading->counters;
	entry->last_time_ns = reading->time_ns;
	entry->last_window_ns = reading->window_ns;
	entry->last_age_ns = reading->age_ns;
	entry->state = reading->state;
	ledger_narrow_start(entry, reading);
	entry->flags &= ~(uint32_t)(ENTRY_EXACT | ENTRY_ZERO_BASE | ENTRY_FORKED);
	if (reading->flags & READING_EXACT_IO)
		entry->flags |= ENTRY_EXACT;
	if (reading->flags & READING_FORKED)
		entry->flags |= ENTRY_FORKED;
}

void booking_base_reading(struct entry *entry, const struct reading *reading)
{
	learn_delays(entry, reading);
	remember(entry, reading);
	entry->blkio_changed_ns = entry->swapin_changed_ns = reading->time_ns;
}

void booking_base_zero(struct entry *entry, const struct reading *reading, int delayacct)
{
	uint64_t start = since(reading->time_ns, reading->age_ns);

	entry->last = (struct counters){ .known = COUNTERS_ALL };
	entry->last_time_ns = start;
	if (entry->alive_ns < since(start, reading->window_ns)) /* it was born alive */
		entry->alive_ns = since(start, reading->window_ns);
	entry->last_age_ns = 0;
	entry->blkio_changed_ns = entry->swapin_changed_ns = start;
	entry->flags |= ENTRY_ZERO_BASE;
	if (delayacct == 1) /* born under our eyes while it was on */
		entry->flags |= ENTRY_DELAYS_PROVEN;
}

/* An exact base and a rounded reading, or the other way round, never make an exact difference (rule 5). */
static uint64_t mixed_difference(const struct entry *entry, int counter, uint64_t now, bool exact_now)
{
	uint64_t base = entry->last.value[counter];

	if (exact_now) /* the base may have been up to 1023 more than it said: the lower bound */
		base |= ROUNDING - 1;
	return now > base ? now - base : 0;
}

bool booking_went_down(const struct entry *entry, const struct reading *reading, uint32_t known)
{
	uint32_t slack =
	    reading->flags & READING_EXACT_IO ? 0 : ROUNDING - 1; /* the base may be an exact one, or was */

	for (int counter = 0; counter < COUNTER_COUNT; counter++) {
		uint64_t allowed = COUNTERS_IO & COUNTER_BIT(counter) ? slack : 0;

		/* Delay totals of a corrupted kernel wrap (kernel/delayacct.c adds a negative); counts never do. */
		if (counter == COUNTER_BLKIO_DELAY || counter == COUNTER_SWAPIN_DELAY)
			continue;
		if ((known & COUNTER_BIT(counter)) &&
		    reading->counters.value[counter] + allowed < entry->last.value[counter])
			return true;
	}
	return false;
}

/* A task sends its record early in its exit (taskstats_exit, kernel/exit.c) and goes on running: it closes its files,
 * frees its memory, writes its process accounting record. */
bool booking_still_exiting(const struct entry *entry, const struct reading *reading)
{
	static const uint64_t most[COUNTER_COUNT] = {
		[COUNTER_READ] = 16384,
		[COUNTER_WRITE] = 16384,
		[COUNTER_CANCELLED] = UINT64_MAX, /* rule 4 */
		[COUNTER_READ_CHAR] = ROUNDING + 4096,
		[COUNTER_WRITE_CHAR] = ROUNDING + 4096,
		[COUNTER_READ_CALLS] = ROUNDING + 16,
		[COUNTER_WRITE_CALLS] = ROUNDING + 16,
		[COUNTER_BLKIO_COUNT] = 16,
		[COUNTER_BLKIO_DELAY] = UINT64_MAX,
		[COUNTER_SWAPIN_COUNT] = 16,
		[COUNTER_SWAPIN_DELAY] = UINT64_MAX,
	};

	bool last_of_group = (entry->flags & ENTRY_GROUP_DEAD) != 0;

	if (booking_went_down(entry, reading, entry->last.known))
		return false;
	for (int counter = 0; counter < COUNTER_COUNT; counter++) {
		uint64_t now = reading->counters.value[counter], then = entry->last.value[counter];
		uint64_t rounding = COUNTERS_IO & COUNTER_BIT(counter) ? ROUNDING - 1 : 0;

		if (now > then && now - then > (last_of_group ? most[counter] : rounding))
			return false;
	}
	return true;
}

static void io_difference(const struct entry *entry, const struct reading *reading, uint32_t known,
			  struct counters *delta)
{
	bool exact_now = (reading->flags & READING_EXACT_IO) != 0;
	bool exact_base = (entry->flags & ENTRY_EXACT) != 0;
	bool zero_base = (entry->flags & ENTRY_ZERO_BASE) != 0;

	for (int counter = COUNTER_READ; counter <= COUNTER_WRITE_CALLS; counter++) {
		uint64_t now = reading->counters.value[counter], base = entry->last.value[counter];

		if (!(known & COUNTER_BIT(counter)))
			continue;
		/* Bytes come in pages or sectors: rounding costs them at most 1023, and only where sectors are odd. */
		if (zero_base || exact_now == exact_base || (COUNTERS_BYTES & COUNTER_BIT(counter)))
			delta->value[counter] = now > base ? now - base : 0;
		else
			delta->value[counter] = mixed_difference(entry, counter, now, exact_now);
	}
	if (!exact_now || (!exact_base && !zero_base))
		delta->approximate |= known & COUNTERS_ROUNDED;
}

/* The kernel adds nonsense to delays at times (a 98 us read added the uptime): no task can have waited longer than
 * since its count of waits last changed. */
static void delay_difference(struct entry *entry, const struct reading *reading, enum counter count,
			     uint64_t *changed_ns, struct counters *delta)
{
	enum counter delay = count + 1;
	uint64_t now = reading->counters.value[delay], base = entry->last.value[delay];
	uint64_t limit = reading->time_ns > *changed_ns ? reading->time_ns - *changed_ns : 0;

	delta->value[count] = reading->counters.value[count] - entry->last.value[count];
	delta->value[delay] = now > base ? now - base : 0;
	if (now < base)
		delta->approximate |= COUNTER_BIT(delay);
	if (delta->value[delay] > limit) {
		delta->value[delay] = limit;
		delta->approximate |= COUNTER_BIT(delay);
	}
	if (delta->value[count])
		*changed_ns = reading->time_ns;
}

/* What is booked is up to `older` already: a rounded reading that says less is no base to count from once more. Both
 * are in one block of 1024. */
static void keep_booked(struct entry *entry, const struct counters *older)
{
	for (int counter = 0; counter < COUNTER_COUNT; counter++)
		if (COUNTERS_ROUNDED & older->known & entry->last.known & COUNTER_BIT(counter) &&
		    entry->last.value[counter] < older->value[counter])
			entry->last.value[counter] = older->value[counter];
}

void booking_advance(struct entry *entry, const struct reading *reading, int delayacct, struct counters *delta)
{
	*delta = (struct counters){ 0 };
	learn_delays(entry, reading);
	uint32_t known = booking_known(entry, delayacct) & reading->counters.known;

	if (booking_went_down(entry, reading, known)) {
		/* A takeover that no exit record announced: what the new image did before is not known. */
		delta->known = known;
		delta->approximate = known;
		entry->blkio_changed_ns = entry->swapin_changed_ns = reading->time_ns;
		remember(entry, reading);
		return;
	}
	delta->known = known;
	io_difference(entry, reading, known, delta);
	if (known & COUNTER_BIT(COUNTER_BLKIO_COUNT))
		delay_difference(entry, reading, COUNTER_BLKIO_COUNT, &entry->blkio_changed_ns, delta);
	if (known & COUNTER_BIT(COUNTER_SWAPIN_COUNT))
		delay_difference(entry, reading, COUNTER_SWAPIN_COUNT, &entry->swapin_changed_ns, delta);
	const struct counters older = entry->last;

	remember(entry, reading);
	if (!(reading->flags & READING_EXACT_IO))
		keep_booked(entry, &older);
}

void booking_zombie(struct entry *entry, const struct reading *reading, struct counters *delta)
{
	uint64_t now = reading->counters.value[COUNTER_CANCELLED];

	*delta = (struct counters){ .known = COUNTERS_ALL };
	if (!counters_known(&reading->counters, COUNTER_CANCELLED) || !counters_known(&entry->last, COUNTER_CANCELLED))
		return;
	if (now <= entry->last.value[COUNTER_CANCELLED])
		return;
	delta->value[COUNTER_CANCELLED] = now - entry->last.value[COUNTER_CANCELLED];
	entry->last.value[COUNTER_CANCELLED] = now;
}
