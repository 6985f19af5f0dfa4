/* What the two halves of the tracker share: tracker_identity.c decides whose a reading is, tracker.c books it. */
#ifndef IOTOPX_MODEL_TRACKER_STATE_H
#define IOTOPX_MODEL_TRACKER_STATE_H

#include "fold.h"
#include "iotopx/tracker.h"
#include "ledger.h"

struct tracker {
	struct tracker_limits limits;
	uint64_t begin_ns; /* of the baseline sweep */
	struct ledger ledger;
	struct interval *pending; /* the interval being made */
	uint64_t serial;          /* its number */
	struct fold_index folds;  /* its folded rows */
	size_t exits_single, exits_folded;
	uint64_t sample_end_ns; /* of the last sample: where the pending interval begins */
	uint64_t sample_begin_ns;
	uint32_t sweep;      /* number of the sweep to come */
	int delayacct;       /* at the last sample */
	uint64_t lost_exits; /* since the last interval that was delivered */
	uint64_t lost_ns;    /* exit records were lost before that; 0 never */
	bool exits_known;
	bool started;  /* the baseline has been taken */
	bool baseless; /* some may have no base, who were not seen when others began to be: they may be gone */
	struct machine_counters machine;
};

/* The entry's delta in the interval being made, NULL if it has none. */
static inline struct task_delta *pending_of(struct tracker *tracker, const struct entry *entry)
{
	return entry->pending_serial == tracker->serial ? &tracker->pending->tasks[entry->pending] : NULL;
}

/* Whose a reading is. Finds or makes the entry, and prepares its base where an identity begins or changes hands.
 * *entry is NULL when there is nothing to book; *zombie: only what the record could not know (rule 4).
 * 0 or -ENOMEM. */
int tracker_settle(struct tracker *tracker, const struct reading *reading, bool record, struct entry **entry,
		   bool *zombie);
/* True if every end of a thread of that process has been told, or at least none that was lost can be the entry's own. */
bool tracker_all_records(const struct tracker *tracker, const struct entry *entry);
/* sample->anew_ns: before what comes with it is booked (who started earlier is no newborn), and after that. What they
 * did whose bases are dropped is booked nowhere: it can't be told when they did it. */
void tracker_begin_anew(struct tracker *tracker, uint64_t time_ns);
void tracker_drop_bases(struct tracker *tracker, uint64_t before_ns);
/* Counts them as not there. */
void tracker_leave_out_baseless(struct tracker *tracker, struct interval *interval);
/* The entry's task is gone, and no record told of its end. */
void tracker_forget(struct tracker *tracker, struct entry *entry);

#endif
