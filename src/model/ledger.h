/* The ledger: one entry per identity that lives, or died so recently that readings of it may still come. */
#ifndef IOTOPX_MODEL_LEDGER_H
#define IOTOPX_MODEL_LEDGER_H

#include "iotopx/array.h"
#include "iotopx/sample.h"

enum entry_flag {
	ENTRY_EXACT = 1 << 0,         /* COUNTERS_IO of `last` are exact; else rounded down to 1024 */
	ENTRY_CLOSED = 1 << 1,        /* its exit record is booked */
	ENTRY_GROUP_DEAD = 1 << 2,    /* ... and was the last of its process: the TID is free */
	ENTRY_GROUP_TOLD = 1 << 3,    /* that record could tell (v12+) */
	ENTRY_NO_DELAYS = 1 << 4,     /* forked while delay accounting was off */
	ENTRY_DELAYS_PROVEN = 1 << 5, /* its delays move, or it was born while accounting was on */
	ENTRY_ZOMBIE_SEEN = 1 << 6,   /* listed as a zombie: stays until it is gone */
	ENTRY_STUCK = 1 << 7,         /* in D at its last reading */
	ENTRY_FORKED = 1 << 9,        /* it had not called exec at its last reading */
	ENTRY_VANISHED = 1 << 10,     /* gone without a record: it may have taken over its leader's TID */
	ENTRY_LEFT_BEHIND = 1 << 11,  /* ... or another did, by an exec that killed it */
	ENTRY_ZERO_BASE = 1 << 8,     /* nothing read yet: `last` is 0, exact and rounded alike */
};

struct entry {
	pid_t tid; /* 0: a free slot */
	uint32_t flags;
	struct task_info *info;
	struct counters last;  /* cumulative, at the last reading; unknown ones have no base */
	uint64_t last_time_ns; /* when that was received */
	uint64_t last_window_ns;
	uint64_t last_age_ns;                        /* orders readings */
	uint64_t alive_ns;                           /* its exit record had not been sent then; 0: unknown */
	uint64_t start_earliest_ns, start_latest_ns; /* by its first reading; id.start_ns may be its process's */
	uint64_t blkio_changed_ns; /* when blkio_count was last seen to change, or the first reading */
	uint64_t swapin_changed_ns;
	uint64_t pending_serial; /* the interval that `pending` belongs to */
	uint32_t pending;        /* its delta in the interval being made */
	uint32_t known_sweep;    /* number of the sweep that was to come when it was first read */
	uint32_t closed_sweep;   /* ... when it was closed */
	char state;
};

struct process {
	pid_t tgid;                         /* 0: a free slot */
	uint64_t start_ns, start_window_ns; /* it started in [start - window, start] */
	uint32_t entries;                   /* open ones in the ledger */
	uint32_t held;                      /* all of them */
	uint64_t forgot_ns;                 /* of a thread that was dropped without a record: its last reading */
	bool dead;
};

struct ledger {
	struct entry *items;
	size_t count, capacity; /* slots, free ones included */
	struct idmap by_tid;
	size_t open;     /* entries that are not closed */
	size_t vanished; /* of those, the ones that are gone */
	struct process *processes;
	size_t process_count, process_capacity;
	struct idmap by_tgid;
	size_t living_processes;
	uint32_t *free_entries, *free_processes;
	size_t free_entry_count, free_entry_capacity, free_process_count, free_process_capacity;
};

/* Clocks of two sources may disagree by a little: never below 0. */
static inline uint64_t since(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

void ledger_free(struct ledger *ledger);
struct entry *ledger_find(const struct ledger *ledger, pid_t tid);

/* A new open entry with an info from the reading, or NULL on ENOMEM. Its counters have no base yet. */
struct entry *ledger_add(struct ledger *ledger, const struct reading *reading);
void ledger_drop(struct ledger *ledger, struct entry *entry);
void ledger_close_entry(struct ledger *ledger, struct entry *entry, const struct reading *record);
void ledger_reopen_entry(struct ledger *ledger, struct entry *entry);
void ledger_mark_vanished(struct ledger *ledger, struct entry *entry, bool vanished);

/* A leader that died before its threads keeps its TID until they are dead too, or one of them takes it over by exec. */
static inline bool ledger_holds_tid(const struct entry *entry)
{
	return entry->tid == entry->info->process.tid && entry->flags & ENTRY_GROUP_TOLD &&
	       !(entry->flags & ENTRY_GROUP_DEAD);
}
/* True while threads of a closed entry's process are known that may do so. */
bool ledger_may_return(const struct ledger *ledger, const struct entry *entry);

/* True if the entry's process has a leader here and its end was not told. */
bool ledger_process_lives(const struct ledger *ledger, const struct entry *entry);

/* A thread is dropped that may live on and be found again, its base gone. */
void ledger_note_forgotten(struct ledger *ledger, const struct entry *entry);
/* ... and this new entry may be of such a one: what it did before is in the books. */
bool ledger_may_be_forgotten(const struct ledger *ledger, const struct entry *entry);

/* A TID never moves from one process to another while its task lives. */
bool ledger_same_process(const struct entry *entry, const struct reading *reading);

/* True if the reading can be of the entry's identity, going by its start and by who had the TID when. */
bool ledger_same_start(const struct entry *entry, const struct reading *reading);

/* Each reading of an identity says when it started, within its window: all of them together say it best. */
void ledger_narrow_start(struct entry *entry, const struct reading *reading);

/* Publishes a new info if the reading names, owns or groups the task differently. 0 or -ENOMEM. */
int ledger_update_info(struct ledger *ledger, struct entry *entry, const struct reading *reading);

/* The thread that took over a dead leader's TID: open, for its exec killed all others and spared it a record. Told by
 * being gone from the list of threads; else by having started before `death_ns`, when the old leader died (threads of
 * the new image start later); else by not having been read since `before_ns`.
 * *candidates counts those that it can have been by the first sign that any has; NULL unless there is just one. */
struct entry *ledger_vanished_sibling(const struct ledger *ledger, const struct entry *leader, uint64_t death_ns,
				      uint64_t before_ns, size_t *candidates);
/* That exec killed all threads of the old image: who has not been read since `before_ns` does not explain the next one.
 * As it may live after all, nor is it certain that nobody does. */
void ledger_leave_behind(struct ledger *ledger, const struct entry *leader, uint64_t before_ns);

#endif
