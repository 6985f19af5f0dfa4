/* Readings in, intervals out. The ledger keeps identities, tracker_identity.c decides whose a reading is, booking.c
 * does the arithmetic, this file makes the interval. The rules named are those of the manual's section on accounting.
 */
#include "tracker_state.h"
#include "booking.h"
#include "fold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CLOSED_KEPT_SWEEPS 2u /* a closed entry waits that long for readings that were under way */

struct tracker *tracker_open(uint64_t begin_ns, struct tracker_limits limits)
{
	struct tracker *tracker = calloc(1, sizeof(*tracker));

	if (!tracker)
		return NULL;
	tracker->pending = interval_new();
	if (!tracker->pending) {
		free(tracker);
		return NULL;
	}
	tracker->limits = limits;
	tracker->begin_ns = begin_ns;
	tracker->sample_end_ns = tracker->sample_begin_ns = begin_ns;
	tracker->delayacct = -1;
	tracker->serial = 1;
	return tracker;
}

void tracker_close(struct tracker *tracker)
{
	if (!tracker)
		return;
	interval_unref(tracker->pending);
	fold_index_free(&tracker->folds);
	ledger_free(&tracker->ledger);
	machine_counters_free(&tracker->machine);
	free(tracker);
}

/* Room for one more row, so that pending_make can't fail. 0 or -ENOMEM. */
static int prepare_row(struct tracker *tracker)
{
	struct interval *pending = tracker->pending;

	return array_reserve_raw((void **)&pending->tasks, &pending->capacity, pending->count + 1,
				 sizeof(*pending->tasks));
}

/* The delta of the entry in the interval being made; a new one when it has none: after prepare_row. */
static struct task_delta *pending_make(struct tracker *tracker, struct entry *entry, const struct counters *delta)
{
	struct task_delta *task = pending_of(tracker, entry);

	if (task) {
		counters_add(&task->delta, delta);
		if (task->info != entry->info) { /* renamed or moved meanwhile: the keys at the end count */
			task_info_unref(task->info);
			task->info = task_info_ref(entry->info);
		}
		return task;
	}
	task = interval_add(tracker->pending);
	task->info = task_info_ref(entry->info);
	task->delta = *delta;
	entry->pending_serial = tracker->serial;
	entry->pending = (uint32_t)(tracker->pending->count - 1);
	return task;
}

/* Totals stay gross and machine-wide; what one task can't tell makes its counter a lower bound. */
static void add_total(struct tracker *tracker, const struct counters *delta)
{
	struct counters *total = &tracker->pending->total;

	for (int counter = 0; counter < COUNTER_COUNT; counter++)
		total->value[counter] += delta->value[counter];
	total->approximate |= delta->approximate;
}

static void describe(struct tracker *tracker, struct task_delta *task, const struct entry *entry,
		     const struct reading *reading)
{
	uint64_t interval_age = since(reading->time_ns, tracker->sample_end_ns);

	task->age_ns = reading->age_ns;
	task->lived_ns = reading->age_ns < interval_age ? reading->age_ns : interval_age;
	task->state = reading->state;
	task->lifetime_read = entry->last.value[COUNTER_READ];
	task->lifetime_write = entry->last.value[COUNTER_WRITE];
	task->busiest_blkio_ns = task->delta.value[COUNTER_BLKIO_DELAY];
	task->busiest_swapin_ns = task->delta.value[COUNTER_SWAPIN_DELAY];
	if (reading->age_ns <= interval_age)
		task->flags |= DELTA_BORN;
	if (entry->flags & ENTRY_NO_DELAYS)
		task->flags |= DELTA_NO_DELAYS;
}

/* A task in D that has not moved waits, and its counters tell only afterwards (rule 11). If it was there at the last
 * sample already, it waited all through the interval. */
static void describe_stuck(struct tracker *tracker, struct task_delta *task, bool all_through,
			   const struct reading *reading)
{
	uint64_t waited = since(reading->time_ns, tracker->sample_end_ns);

	task->flags |= DELTA_STUCK;
	task->delta.approximate |= COUNTER_BIT(COUNTER_BLKIO_DELAY);
	if (all_through && task->busiest_blkio_ns < waited)
		task->busiest_blkio_ns = waited;
}

void tracker_note_loss(struct tracker *tracker, uint64_t time_ns)
{
	if (tracker)
		tracker->lost_ns = time_ns;
}

static int book_zombie(struct tracker *tracker, struct entry *entry, const struct reading *reading)
{
	struct counters delta;
	int error = prepare_row(tracker);

	if (error)
		return error;
	entry->flags |= ENTRY_ZOMBIE_SEEN;
	booking_zombie(entry, reading, &delta);
	if (!counters_any(&delta) || !tracker_all_records(tracker, entry))
		return 0;
	struct task_delta *task = pending_make(tracker, entry, &delta);

	add_total(tracker, &delta);
	task->flags |= DELTA_EXITED | (entry->flags & ENTRY_GROUP_DEAD ? DELTA_GROUP_DEAD : 0u);
	task->age_ns = entry->last_age_ns;
	return 0;
}

/* Takes the memory that booking a reading may need, and the names that it tells: what follows can't fail, so that no
 * delta is ever taken and then lost. 0 or -ENOMEM. */
static int prepare(struct tracker *tracker, struct entry *entry, const struct reading *reading)
{
	bool overtaken = entry->last.known && reading->age_ns < entry->last_age_ns;
	int error = overtaken ? 0 : ledger_update_info(&tracker->ledger, entry, reading);

	return error ? error : prepare_row(tracker);
}

/* What the reading adds. */
static void advance(struct tracker *tracker, struct entry *entry, const struct reading *reading, struct counters *delta)
{
	if (!entry->last.known) { /* an old task seen for the first time: a base, never its lifetime */
		*delta = (struct counters){ 0 };
		booking_base_reading(entry, reading);
		return;
	}
	if (reading->age_ns < entry->last_age_ns) {
		*delta = (struct counters){ .known = booking_known(entry, tracker->delayacct) };
		return;
	}
	booking_advance(entry, reading, tracker->delayacct, delta);
	add_total(tracker, delta);
}

/* NOLINTNEXTLINE(misc-no-recursion): FOLD_OTHER does not call it again */
static struct task_delta *fold_slot(struct tracker *tracker, const struct task_info *info, enum fold_level level)
{
	uint32_t slot = fold_find(&tracker->folds, tracker->pending->tasks, info, level);

	if (slot != IDMAP_NONE)
		return &tracker->pending->tasks[slot];
	if (level != FOLD_OTHER && tracker->exits_folded >= tracker->limits.exits_folded)
		return fold_slot(tracker, info, FOLD_OTHER);
	struct interval *pending = tracker->pending;
	struct task_info *folded = fold_info(info, level);
	struct task_delta *task = folded ? interval_add(pending) : NULL;

	if (!task) {
		task_info_unref(folded);
		return NULL;
	}
	task->info = folded;
	task->flags = DELTA_FOLDED | DELTA_EXITED | (level == FOLD_OTHER ? DELTA_OTHER : 0u);
	task->delta.known = COUNTERS_ALL;
	if (fold_insert(&tracker->folds, pending->tasks, (uint32_t)(pending->count - 1))) {
		task_info_unref(folded);
		pending->count--;
		return NULL;
	}
	tracker->exits_folded++;
	return task;
}

static void book_exit(struct tracker *tracker, struct entry *entry, const struct reading *record, bool group_dead,
		      struct task_delta *fold)
{
	struct counters delta;
	struct task_delta *task;

	advance(tracker, entry, record, &delta);
	if (fold) {
		struct task_delta part = { .delta = delta, .exits = 1, .processes = group_dead };

		describe(tracker, &part, entry, record);
		fold_merge(fold, &part);
		return;
	}
	task = pending_make(tracker, entry, &delta);
	describe(tracker, task, entry, record);
	task->state = 0;
	task->flags |= DELTA_EXITED | (group_dead ? DELTA_GROUP_DEAD : 0u);
	task->exits++;
	task->processes += group_dead;
	task->exit_code = record->exit_code;
	tracker->exits_single++;
}

static int book_record(struct tracker *tracker, const struct reading *record)
{
	struct task_delta *fold = NULL;
	struct entry *entry;
	bool zombie;
	int error = tracker_settle(tracker, record, true, &entry, &zombie);

	if (error || !entry)
		return error;
	tracker->exits_known = true;
	error = prepare(tracker, entry, record);
	if (error)
		return error;
	bool group_dead = record->flags & READING_GROUP_DEAD ||
			  (!(record->flags & READING_HAS_GROUP_FLAG) && entry->tid == entry->info->process.tid);

	/* Of who was there before, sums may be kept: they must be told of its end by name. */
	if (tracker->exits_single >= tracker->limits.exits_single && !pending_of(tracker, entry) &&
	    entry->known_sweep == tracker->sweep) {
		fold = fold_slot(tracker, entry->info, group_dead ? FOLD_EXITED : FOLD_PROCESS);
		if (!fold)
			return -ENOMEM;
	}
	tracker->pending->exited++;
	book_exit(tracker, entry, record, group_dead, fold);
	ledger_close_entry(&tracker->ledger, entry, record);
	entry->closed_sweep = tracker->sweep;
	return 0;
}

/* One that there is no memory for is as good as lost. */
int tracker_exit(struct tracker *tracker, const struct reading *record)
{
	int error = book_record(tracker, record);

	if (error) {
		tracker->lost_exits++;
		tracker_note_loss(tracker, record->time_ns);
	}
	return error;
}

/* A zombie has sent its record: it was booked and forgotten long ago, came before the baseline or was lost. None will
 * come, so that the next one with its TID is of whoever has that then. Whether it was the last of its process is not
 * known. */
static void close_zombie(struct tracker *tracker, struct entry *entry, const struct reading *reading)
{
	struct reading end = *reading;

	if (!(reading->flags & READING_ZOMBIE))
		return;
	end.flags = READING_HAS_GROUP_FLAG; /* the process stays for threads that are read after it */
	ledger_close_entry(&tracker->ledger, entry, &end);
	entry->flags &= ~(uint32_t)ENTRY_GROUP_TOLD;
	entry->flags |= ENTRY_ZOMBIE_SEEN;
	entry->closed_sweep = tracker->sweep;
}

static int book_reading(struct tracker *tracker, const struct reading *reading)
{
	struct counters delta;
	struct entry *entry;
	bool zombie;
	int error = tracker_settle(tracker, reading, false, &entry, &zombie);

	if (error || !entry)
		return error;
	if (zombie)
		return book_zombie(tracker, entry, reading);
	bool was_stuck = (entry->flags & ENTRY_STUCK) != 0;

	error = prepare(tracker, entry, reading);
	if (error)
		return error;
	advance(tracker, entry, reading, &delta);
	close_zombie(tracker, entry, reading);
	bool moved = counters_any(&delta), stuck = reading->state == 'D';

	if (stuck)
		entry->flags |= ENTRY_STUCK;
	else
		entry->flags &= ~(uint32_t)ENTRY_STUCK;
	/* A rounded reading that shows nothing new is no proof of nothing: its zeros are approximate. */
	if (!moved && !stuck && !delta.approximate && !pending_of(tracker, entry))
		return 0;
	struct task_delta *task = pending_make(tracker, entry, &delta);

	describe(tracker, task, entry, reading);
	if (stuck)
		describe_stuck(tracker, task, (was_stuck || reading->flags & READING_WAITED) && !moved, reading);
	return 0;
}

/* Threads are marked before the sample's readings are booked: one of those may be the takeover that explains it. */
static void note_gone_threads(struct tracker *tracker, const struct sample *sample)
{
	for (size_t i = 0; i < sample->gone_count && sample->exits_known; i++) {
		struct entry *entry = ledger_find(&tracker->ledger, sample->gone[i]);

		if (entry && !(entry->flags & ENTRY_CLOSED) && entry->tid != entry->info->process.tid)
			tracker_forget(tracker, entry);
	}
}

static void note_gone(struct tracker *tracker, const struct sample *sample, pid_t tid)
{
	struct entry *entry = ledger_find(&tracker->ledger, tid);

	if (!entry)
		return;
	if (entry->flags & ENTRY_CLOSED)
		entry->flags &= ~(uint32_t)ENTRY_ZOMBIE_SEEN;
	else if (entry->last_time_ns < sample->begin_ns) /* else the TID is in use again */
		tracker_forget(tracker, entry);
}

/* A thread that is gone without a record is on its way to its leader's TID by an exec, which can take its time, or was
 * left out of the kernel's list, in which another ended meanwhile (proc_task_readdir, fs/proc/base.c), and lives. It is
 * needed as long as its process lives. */
static bool may_come_back(const struct tracker *tracker, const struct entry *entry)
{
	return entry->flags & ENTRY_VANISHED && tracker->exits_known && ledger_process_lives(&tracker->ledger, entry);
}

/* A leader went, its process did not, and that process's end would have been told: a thread that nobody has read yet
 * may still take its TID over. */
static bool is_survived(const struct tracker *tracker, const struct entry *entry)
{
	return entry->flags & ENTRY_CLOSED && ledger_holds_tid(entry) && tracker->exits_known &&
	       since(entry->last_time_ns, entry->last_window_ns) >= tracker->lost_ns;
}

/* Entries that nothing will be booked to any more leave the ledger. */
static void purge(struct tracker *tracker, const struct sample *sample)
{
	struct ledger *ledger = &tracker->ledger;

	for (size_t i = 0; i < sample->gone_count; i++)
		note_gone(tracker, sample, sample->gone[i]);
	if (ledger->open == ledger->by_tid.count && !ledger->vanished)
		return;
	for (size_t i = 0; i < ledger->count; i++) {
		struct entry *entry = &ledger->items[i];
		bool over = entry->flags & ENTRY_VANISHED ||
			    (entry->flags & ENTRY_CLOSED && !(entry->flags & ENTRY_ZOMBIE_SEEN));

		if (entry->tid && over && tracker->sweep - entry->closed_sweep >= CLOSED_KEPT_SWEEPS &&
		    !(entry->flags & ENTRY_CLOSED && ledger_may_return(ledger, entry)) &&
		    !may_come_back(tracker, entry) && !is_survived(tracker, entry))
			ledger_drop(ledger, entry);
	}
}

static int list_idle_tasks(struct tracker *tracker, struct interval *interval)
{
	const struct ledger *ledger = &tracker->ledger;

	if (array_reserve_raw((void **)&interval->idle, &interval->idle_capacity, ledger->open,
			      sizeof(*interval->idle)))
		return -ENOMEM;
	for (size_t i = 0; i < ledger->count; i++) {
		const struct entry *entry = &ledger->items[i];

		if (!entry->tid || (entry->flags & (ENTRY_CLOSED | ENTRY_VANISHED)) || pending_of(tracker, entry) ||
		    !entry->last.known)
			continue;
		interval->idle[interval->idle_count++] = (struct task_idle){
			.info = task_info_ref(entry->info),
			.age_ns = since(interval->end_ns, entry->info->id.start_ns),
			.lifetime_read = entry->last.value[COUNTER_READ],
			.lifetime_write = entry->last.value[COUNTER_WRITE],
			.known = booking_known(entry, tracker->delayacct),
			.flags = entry->flags & ENTRY_NO_DELAYS ? DELTA_NO_DELAYS : 0u,
			.state = entry->state,
		};
	}
	return 0;
}

/* Delays that were not counted all through the interval are unknown in it. */
static void strip_delays(struct interval *interval)
{
	for (size_t i = 0; i < interval->count; i++) {
		struct counters *delta = &interval->tasks[i].delta;

		for (int counter = COUNTER_BLKIO_COUNT; counter <= COUNTER_SWAPIN_DELAY; counter++)
			delta->value[counter] = 0;
		delta->known &= ~COUNTERS_DELAY;
		delta->approximate &= ~COUNTERS_DELAY;
	}
	for (int counter = COUNTER_BLKIO_COUNT; counter <= COUNTER_SWAPIN_DELAY; counter++)
		interval->total.value[counter] = 0;
	interval->total.known &= ~COUNTERS_DELAY;
	interval->total.approximate &= ~COUNTERS_DELAY;
}

static void keep_machine(struct tracker *tracker, struct sample *sample)
{
	struct machine_counters last = tracker->machine;

	tracker->machine = sample->machine;
	sample->machine = last;
}

static int finish(struct tracker *tracker, const struct sample *sample, bool list_idle, struct interval *interval)
{
	int error = 0;

	interval->begin_ns = tracker->sample_end_ns;
	interval->end_ns = sample->end_ns;
	interval->end_wall_ms = sample->wall_ms;
	interval->baseline = !tracker->started;
	interval->all_tasks = sample->all_tasks;
	interval->exits_known = sample->exits_known && !sample->exits_missed;
	interval->delayacct = sample->delayacct;
	interval->lost_exits = tracker->started ? tracker->lost_exits : 0;
	interval->task_count = tracker->ledger.open - tracker->ledger.vanished;
	interval->process_count = tracker->ledger.living_processes;
	tracker_leave_out_baseless(tracker, interval);
	if (tracker->started) {
		machine_delta_free(&interval->machine); /* of a sample before that could not be delivered */
		error = machine_delta_compute(&interval->machine, &tracker->machine, &sample->machine);
	}
	if (!error && list_idle)
		error = list_idle_tasks(tracker, interval);
	if (!error && (sample->delayacct == 0 || (tracker->started && tracker->delayacct == 0)))
		strip_delays(interval);
	return error;
}

/* What was booked or lost during the baseline (newborns and their exits) belongs to the first interval that is
 * measured. */
static int deliver(struct tracker *tracker, struct sample *sample, bool list_idle, struct interval **interval)
{
	struct interval *next = interval_new();
	int error = next ? 0 : -ENOMEM;

	if (!error)
		error = finish(tracker, sample, list_idle, tracker->started ? tracker->pending : next);
	if (error) {
		interval_unref(next);
		return error;
	}
	keep_machine(tracker, sample);
	if (tracker->started) {
		tracker->lost_exits = 0;
		*interval = tracker->pending;
		tracker->pending = next;
		tracker->serial++;
		fold_index_reset(&tracker->folds);
		tracker->exits_single = tracker->exits_folded = 0;
	} else {
		*interval = next;
	}
	return 0;
}

int tracker_base(struct tracker *tracker, struct sample *sample)
{
	int error = 0;

	for (size_t i = 0; i < sample->count && !error; i++)
		error = book_reading(tracker, &sample->readings[i]);
	if (!error)
		sample->count = 0;
	return error;
}

int tracker_sample(struct tracker *tracker, struct sample *sample, bool list_idle, struct interval **interval)
{
	int error = 0;

	if (sample->lost_exits || sample->exits_missed)
		tracker_note_loss(tracker, sample->end_ns);
	if (sample->anew_ns)
		tracker_begin_anew(tracker, sample->anew_ns);
	tracker->lost_exits += sample->lost_exits;
	tracker->exits_known = sample->exits_known;
	note_gone_threads(tracker, sample);
	/* One that there is no memory for costs no other its place: the rest is booked, and who is gone is known. */
	for (size_t i = 0; i < sample->count; i++) {
		int failed = book_reading(tracker, &sample->readings[i]);

		error = failed ? failed : error;
	}
	if (sample->anew_ns)
		tracker_drop_bases(tracker, sample->anew_ns);
	purge(tracker, sample);
	if (!error)
		error = deliver(tracker, sample, list_idle, interval);
	if (error)
		return error;
	tracker->started = true;
	tracker->sweep++;
	tracker->delayacct = sample->delayacct;
	tracker->sample_begin_ns = sample->begin_ns;
	tracker->sample_end_ns = sample->end_ns;
	return 0;
}
