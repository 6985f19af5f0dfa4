/* Whose is a reading: a newborn's, one that goes on, an old one, a takeover's, a zombie's? The rules named here are
 * those of the manual's section on accounting. */
#include "tracker_state.h"
#include "booking.h"

#include <errno.h>
#include <string.h>

/* Two readings of one task agree on its start to 14 us; the rest is for a busy machine. */
#define START_SPREAD_NS 1000000u

bool tracker_all_records(const struct tracker *tracker, const struct entry *entry)
{
	/* One whose own record came had not sent it before. */
	uint64_t told_ns =
	    entry->flags & ENTRY_CLOSED ? since(entry->last_time_ns, entry->last_window_ns) : entry->alive_ns;

	return tracker->exits_known &&
	       (entry->info->process.start_ns >= tracker->lost_ns || told_ns >= tracker->lost_ns);
}

/* Where no records come, and none ever did, every exec would look like one that nobody announced. */
static bool tells_of_takeovers(const struct tracker *tracker)
{
	return tracker->exits_known || tracker->lost_ns;
}

/* Rule 3. The new image goes on from the last reading of the thread that vanished without a record. */
static int take_over(struct tracker *tracker, struct entry *leader, const struct reading *reading)
{
	/* Its record gave the leader's age at death: it died then or later. */
	uint64_t death_ns = leader->start_earliest_ns + leader->last_age_ns;
	size_t siblings;
	struct entry *sibling =
	    ledger_vanished_sibling(&tracker->ledger, leader, death_ns, tracker->sample_end_ns, &siblings);

	ledger_reopen_entry(&tracker->ledger, leader);
	if (sibling && tracker_all_records(tracker, leader) && tracker_all_records(tracker, sibling)) {
		leader->last = sibling->last;
		leader->last_age_ns = sibling->last_age_ns;
		leader->last_time_ns = sibling->last_time_ns;
		leader->alive_ns = sibling->alive_ns;
		leader->blkio_changed_ns = sibling->blkio_changed_ns;
		leader->swapin_changed_ns = sibling->swapin_changed_ns;
		leader->flags =
		    sibling->flags & (ENTRY_EXACT | ENTRY_NO_DELAYS | ENTRY_DELAYS_PROVEN | ENTRY_ZERO_BASE);
		ledger_drop(&tracker->ledger, sibling);
	} else if (siblings == 0 && tracker_all_records(tracker, leader)) {
		uint64_t age = leader->last_age_ns;

		booking_base_zero(leader, reading, tracker->delayacct);
		leader->last_age_ns = age;
	} else {
		uint64_t age = leader->last_age_ns;

		leader->last = (struct counters){ 0 };
		leader->last_age_ns = age;
		leader->flags &= ~(uint32_t)(ENTRY_EXACT | ENTRY_ZERO_BASE);
		leader->blkio_changed_ns = leader->swapin_changed_ns = reading->time_ns;
	}
	ledger_leave_behind(&tracker->ledger, leader, tracker->sample_end_ns);
	struct task_delta *task = pending_of(tracker, leader);

	if (task)
		task->flags &= ~(uint32_t)(DELTA_EXITED | DELTA_GROUP_DEAD);
	return 0;
}

/* A kernel below v12 can't say whether a leader's record was its process's last. Then a reading of the same TID is a
 * takeover only if it has called exec and can't be a reuse, which would have to start after the death. */
static bool may_be_reuse(const struct entry *entry, const struct reading *reading)
{
	uint64_t death = since(entry->last_time_ns, entry->last_window_ns);

	if (entry->flags & ENTRY_GROUP_TOLD)
		return (entry->flags & ENTRY_GROUP_DEAD) != 0;
	if (reading->flags & READING_FORKED)
		return true;
	return since(reading->time_ns, reading->age_ns) >= death;
}

/* Short lives in a burst: their records waited in the queue, so that when they started is vague; still a reading may be
 * of one who can't have started that early. */
static bool started_later(const struct entry *entry, const struct reading *reading)
{
	uint64_t earliest = since(since(reading->time_ns, reading->age_ns), reading->window_ns);

	/* The record had been received when the reading was taken, and yet the reading is of someone younger. */
	if (entry->flags & ENTRY_GROUP_DEAD && since(reading->time_ns, reading->window_ns) >= entry->last_time_ns &&
	    reading->age_ns < entry->last_age_ns)
		return true;
	return earliest > entry->start_latest_ns + START_SPREAD_NS;
}

/* On its way through do_exit a task runs, or waits without a signal being able to wake it: it never sleeps. */
static bool may_be_exiting(const struct reading *reading)
{
	return reading->state == 'R' || reading->state == 'D';
}

static bool has_execed(const struct entry *entry, const struct reading *reading)
{
	return (entry->flags & ENTRY_FORKED && !(reading->flags & READING_FORKED)) ||
	       strncmp(entry->info->comm, reading->comm, sizeof(entry->info->comm) - 1) != 0;
}

enum verdict { BOOK, IGNORE, ZOMBIE_ONLY, NEW_IDENTITY, TAKEOVER };

/* A task that exits may be kept from sending its record, after its age was taken, for as long as a busy machine likes
 * (taskstats_exit can be preempted): then it seems to have started later than it did. But a TID is free only after its
 * record was sent, so that the first record that comes for a living task is its own; and a zombie's is the last one.
 * Where records were lost it may be another's: then too little is booked, never too much. */
static bool same_identity(const struct entry *entry, const struct reading *reading, bool record)
{
	if (ledger_same_start(entry, reading))
		return true;
	if (!ledger_same_process(entry, reading))
		return false;
	/* One who seems to have started before the dead one can't have come after it. */
	if (entry->flags & ENTRY_CLOSED)
		return ledger_holds_tid(entry) ||
		       (!record && (reading->flags & READING_ZOMBIE ||
				    since(reading->time_ns, reading->age_ns) < entry->start_earliest_ns));
	uint64_t start = since(reading->time_ns, reading->age_ns);

	/* One who has vanished may have given its TID up by an exec: then the record is another's, of later. */
	if (entry->flags & ENTRY_VANISHED && start > entry->start_latest_ns + READING_LATE_NS)
		return false;
	return record && start + READING_START_TOLERANCE_NS >= entry->start_earliest_ns;
}

/* Its record had the look of one who started later, and was taken for its own all the same (same_identity): it may have
 * been another's, of whom this reading was under way. */
static bool under_way(const struct entry *entry, const struct reading *reading)
{
	uint64_t recorded = since(entry->last_time_ns, entry->last_age_ns);
	uint64_t start = since(reading->time_ns, reading->age_ns);

	return ledger_same_process(entry, reading) && reading->age_ns <= entry->last_age_ns &&
	       recorded > entry->start_latest_ns + START_SPREAD_NS + entry->last_window_ns &&
	       start <= recorded + READING_START_TOLERANCE_NS + reading->window_ns &&
	       recorded <= start + READING_START_TOLERANCE_NS + entry->last_window_ns;
}

static enum verdict judge(const struct entry *entry, const struct reading *reading, bool record)
{
	bool leader = entry->tid == entry->info->process.tid;

	if (!record && entry->flags & ENTRY_CLOSED && !(reading->flags & READING_ZOMBIE) && under_way(entry, reading))
		return IGNORE;
	if (!same_identity(entry, reading, record))
		return NEW_IDENTITY;
	if (!(entry->flags & ENTRY_CLOSED)) {
		if (reading->age_ns < entry->last_age_ns)
			return IGNORE;
		/* A leader's counters may fall, when a thread takes over; a thread's never do. */
		return !leader && booking_went_down(entry, reading, entry->last.known) ? NEW_IDENTITY : BOOK;
	}
	if (!record) {
		if (reading->flags & READING_ZOMBIE)
			return ZOMBIE_ONLY;
		if (!reading->state)
			return IGNORE;
		if (started_later(entry, reading))
			return NEW_IDENTITY;
		if (reading->age_ns <= entry->last_age_ns)
			return IGNORE; /* it was under way when the record was made */
		if (may_be_exiting(reading) && booking_still_exiting(entry, reading) && !has_execed(entry, reading))
			return IGNORE;
	}
	if (!leader || may_be_reuse(entry, reading))
		return NEW_IDENTITY;
	return reading->age_ns <= entry->last_age_ns ? IGNORE : TAKEOVER;
}

/* Rule 2. A newborn started in or after the baseline sweep; a zombie nobody knew is none: its record came and went. */
static bool is_newborn(const struct tracker *tracker, const struct reading *reading, bool record)
{
	uint64_t start = since(reading->time_ns, reading->age_ns);
	uint64_t from = tracker->begin_ns;

	if (!record && (reading->flags & READING_ZOMBIE) && tracker->exits_known)
		from = tracker->sample_begin_ns;
	return start >= from;
}

/* A leader that nobody has seen, in a process of threads that somebody has: its record may be among the lost, and this
 * be a thread that took over. */
static bool may_have_taken_over(const struct tracker *tracker, const struct entry *entry)
{
	size_t siblings;

	if (entry->tid != entry->info->process.tid || tracker_all_records(tracker, entry) ||
	    !tells_of_takeovers(tracker))
		return false;
	ledger_vanished_sibling(&tracker->ledger, entry, 0, tracker->sample_end_ns, &siblings);
	return siblings > 0;
}

static struct entry *admit(struct tracker *tracker, const struct reading *reading, bool record)
{
	struct entry *entry = ledger_add(&tracker->ledger, reading);

	if (!entry)
		return NULL;
	entry->known_sweep = tracker->sweep;
	if (may_have_taken_over(tracker, entry))
		ledger_leave_behind(&tracker->ledger, entry, tracker->sample_end_ns);
	else if (is_newborn(tracker, reading, record) && !ledger_may_be_forgotten(&tracker->ledger, entry))
		booking_base_zero(entry, reading, tracker->delayacct);
	return entry;
}

/* Where records were lost, that of a leader killed by a thread's exec may be among them: then the reading is the new
 * image's, whose past is a sibling's. Nobody can tell which, so nothing before it counts. */
static void distrust_base(struct tracker *tracker, struct entry *entry, const struct reading *reading)
{
	bool execed = has_execed(entry, reading);

	if (execed && entry->tid == entry->info->process.tid && !tracker_all_records(tracker, entry) &&
	    tells_of_takeovers(tracker))
		entry->last = (struct counters){ 0 };
}

/* A thread that is gone though no record told of its end has most likely called exec, and goes on under its leader's
 * TID: its last reading is the base there (rule 3), so it waits for that. */
void tracker_forget(struct tracker *tracker, struct entry *entry)
{
	bool thread = entry->tid != entry->info->process.tid;

	if (!tracker->exits_known || !thread || (entry->flags & ENTRY_CLOSED)) {
		if (thread && !(entry->flags & ENTRY_CLOSED))
			ledger_note_forgotten(&tracker->ledger, entry);
		ledger_drop(&tracker->ledger, entry);
	} else if (!(entry->flags & ENTRY_VANISHED)) {
		entry->closed_sweep = tracker->sweep;
		ledger_mark_vanished(&tracker->ledger, entry, true);
	}
}

void tracker_begin_anew(struct tracker *tracker, uint64_t time_ns)
{
	tracker->begin_ns = time_ns;
	tracker->pending->total.approximate = COUNTERS_ALL;
	tracker_note_loss(tracker, time_ns);
}

void tracker_drop_bases(struct tracker *tracker, uint64_t before_ns)
{
	for (size_t i = 0; i < tracker->ledger.count; i++) {
		struct entry *entry = &tracker->ledger.items[i];

		if (!entry->tid || entry->flags & ENTRY_CLOSED || entry->last_time_ns >= before_ns)
			continue;
		entry->last = (struct counters){ 0 };
		entry->flags &= ~(uint32_t)(ENTRY_EXACT | ENTRY_ZERO_BASE);
	}
	tracker->baseless = true;
}

void tracker_leave_out_baseless(struct tracker *tracker, struct interval *interval)
{
	bool any = false;

	for (size_t i = 0; i < tracker->ledger.count && tracker->baseless; i++) {
		const struct entry *entry = &tracker->ledger.items[i];

		if (!entry->tid || entry->last.known || entry->flags & (ENTRY_CLOSED | ENTRY_VANISHED))
			continue;
		any = true;
		interval->task_count--;
		interval->process_count -= entry->tid == entry->info->process.tid;
	}
	tracker->baseless = any;
}

/* Finds or makes the entry that the reading is booked to. *entry is NULL when there is nothing to book. */
int tracker_settle(struct tracker *tracker, const struct reading *reading, bool record, struct entry **entry,
		   bool *zombie)
{
	struct entry *found = ledger_find(&tracker->ledger, reading->tid);

	*entry = NULL;
	*zombie = false;
	if (found) {
		switch (judge(found, reading, record)) {
		case IGNORE:
			if (!record && found->flags & ENTRY_CLOSED && may_be_exiting(reading))
				found->flags |= ENTRY_ZOMBIE_SEEN; /* an exit can hang: it is read until it is gone */
			/* A record that a newer reading overtook still closes the books. */
			if (record && !(found->flags & ENTRY_CLOSED))
				*entry = found;
			return 0;
		case ZOMBIE_ONLY:
			*entry = found;
			*zombie = true;
			return 0;
		case TAKEOVER:
			*entry = found;
			return take_over(tracker, found, reading);
		case BOOK:
			ledger_mark_vanished(&tracker->ledger, found, false);
			found->flags &= ~(uint32_t)ENTRY_LEFT_BEHIND;
			distrust_base(tracker, found, reading);
			*entry = found;
			return 0;
		case NEW_IDENTITY:
			tracker_forget(tracker, found);
			break;
		}
	}
	*entry = admit(tracker, reading, record);
	return *entry ? 0 : -ENOMEM;
}
