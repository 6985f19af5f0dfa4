#include "ledger.h"
#include "iotopx/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ledger_free(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->count; i++)
		task_info_unref(ledger->items[i].info);
	free(ledger->items);
	free(ledger->processes);
	free(ledger->free_entries);
	free(ledger->free_processes);
	idmap_free(&ledger->by_tid);
	idmap_free(&ledger->by_tgid);
	*ledger = (struct ledger){ 0 };
}

struct entry *ledger_find(const struct ledger *ledger, pid_t tid)
{
	uint32_t slot = tid > 0 ? idmap_get(&ledger->by_tid, (uint32_t)tid) : IDMAP_NONE;

	return slot == IDMAP_NONE ? NULL : &ledger->items[slot];
}

static struct process *find_process(const struct ledger *ledger, pid_t tgid)
{
	uint32_t slot = tgid > 0 ? idmap_get(&ledger->by_tgid, (uint32_t)tgid) : IDMAP_NONE;

	return slot == IDMAP_NONE ? NULL : &ledger->processes[slot];
}

/* A slot for a new item: a freed one, or one at the end. Room to free it again is made at the same time, so that
 * freeing can't fail. */
static int take_slot(void **items, size_t *count, size_t *capacity, size_t item_size, uint32_t **free_list,
		     size_t *free_count, size_t *free_capacity, uint32_t *slot)
{
	if (*free_count) {
		*slot = (*free_list)[--*free_count];
		return 0;
	}
	if (array_reserve_raw((void **)free_list, free_capacity, *count + 1, sizeof(**free_list)))
		return -ENOMEM;
	if (!array_append_raw(items, count, capacity, item_size))
		return -ENOMEM;
	*slot = (uint32_t)(*count - 1);
	return 0;
}

static void drop_process(struct ledger *ledger, struct process *process)
{
	uint32_t slot = (uint32_t)(process - ledger->processes);

	if (idmap_get(&ledger->by_tgid, (uint32_t)process->tgid) == slot)
		idmap_remove(&ledger->by_tgid, (uint32_t)process->tgid);
	if (!process->dead)
		ledger->living_processes--;
	*process = (struct process){ 0 };
	ledger->free_processes[ledger->free_process_count++] = slot;
}

/* Two starts, each in [start - window, start], may be the same moment. */
static bool may_equal(uint64_t start, uint64_t window_ns, uint64_t other, uint64_t other_window_ns)
{
	return start <= other + READING_START_TOLERANCE_NS + window_ns &&
	       other <= start + READING_START_TOLERANCE_NS + other_window_ns;
}

/* When the process of a reading started: told by the leader's own age, or by ac_tgetime; else at the latest when the
 * thread did. */
static uint64_t process_start(const struct reading *reading, bool *told)
{
	*told = true;
	if (reading->tid == reading->tgid)
		return since(reading->time_ns, reading->age_ns);
	if (reading->process_age_ns)
		return since(reading->time_ns, reading->process_age_ns);
	*told = false;
	return since(reading->time_ns, reading->age_ns);
}

/* A dead process may still have records of its threads on the way: only one that still has open entries is meant. One
 * that lives has the number to itself; its start may be known from a late record only. */
static bool process_matches(const struct process *process, const struct reading *reading)
{
	bool told;
	uint64_t start = process_start(reading, &told);
	uint64_t late = process->dead ? 0 : READING_LATE_NS;

	if (process->dead && (reading->tid == reading->tgid || process->entries == 0))
		return false;
	return !told || may_equal(process->start_ns, process->start_window_ns + late, start, reading->window_ns + late);
}

static struct process *process_of(struct ledger *ledger, const struct reading *reading)
{
	struct process *process = find_process(ledger, reading->tgid);
	bool told;
	uint32_t slot;

	if (process && process_matches(process, reading))
		return process;
	if (process && process->entries == 0)
		drop_process(ledger, process);
	if (take_slot((void **)&ledger->processes, &ledger->process_count, &ledger->process_capacity,
		      sizeof(*ledger->processes), &ledger->free_processes, &ledger->free_process_count,
		      &ledger->free_process_capacity, &slot))
		return NULL;
	if (idmap_set(&ledger->by_tgid, (uint32_t)reading->tgid, slot)) {
		ledger->free_processes[ledger->free_process_count++] = slot;
		return NULL;
	}
	ledger->processes[slot] = (struct process){
		.tgid = reading->tgid,
		.start_ns = process_start(reading, &told),
		.start_window_ns = reading->window_ns,
	};
	ledger->living_processes++;
	return &ledger->processes[slot];
}

static void fill_info(struct task_info *info, const struct reading *reading)
{
	info->ppid = reading->ppid;
	info->uid = reading->uid;
	info->own = (reading->flags & READING_OWN) != 0;
	memcpy(info->comm, reading->comm, sizeof(info->comm));
	info->comm[sizeof(info->comm) - 1] = '\0';
	info->cgroup = reading->cgroup;
	info->unit = reading->unit;
	info->container = reading->container;
	info->unit_approximate = reading->unit_approximate;
}

/* The info of the leader of a thread's process, NULL for a leader itself or while none is known. */
static struct task_info *leader_of(const struct ledger *ledger, const struct task_info *info)
{
	const struct entry *leader = info->id.tid == info->process.tid ? NULL : ledger_find(ledger, info->process.tid);

	if (!leader || leader->info->id.start_ns != info->process.start_ns)
		return NULL;
	return leader->info;
}

struct entry *ledger_add(struct ledger *ledger, const struct reading *reading)
{
	struct reading known = *reading;
	struct task_info *info = task_info_new();
	uint32_t slot;

	if (!info)
		return NULL;
	if (!known.tgid) { /* rule 8: a row of its own */
		known.tgid = known.tid;
		info->approximate_process = true;
	}
	struct process *process = process_of(ledger, &known);

	if (!process ||
	    take_slot((void **)&ledger->items, &ledger->count, &ledger->capacity, sizeof(*ledger->items),
		      &ledger->free_entries, &ledger->free_entry_count, &ledger->free_entry_capacity, &slot))
		goto fail;
	if (idmap_set(&ledger->by_tid, (uint32_t)known.tid, slot)) {
		ledger->free_entries[ledger->free_entry_count++] = slot;
		goto fail;
	}
	fill_info(info, &known);
	info->process = (struct task_id){ .tid = process->tgid, .start_ns = process->start_ns };
	info->id = (struct task_id){ .tid = known.tid, .start_ns = since(known.time_ns, known.age_ns) };
	if (known.tid == known.tgid)
		info->id.start_ns = process->start_ns;
	info->leader = leader_of(ledger, info);
	if (info->leader)
		task_info_ref(info->leader);
	process->entries++;
	process->held++;
	ledger->open++;
	ledger->items[slot] = (struct entry){
		.tid = known.tid,
		.info = info,
		.state = known.state,
		.start_latest_ns = since(known.time_ns, known.age_ns),
		.start_earliest_ns = since(since(known.time_ns, known.age_ns), known.window_ns),
	};
	return &ledger->items[slot];
fail:
	if (process && process->held == 0) /* made for this one: nobody is in it */
		drop_process(ledger, process);
	task_info_unref(info);
	return NULL;
}

/* NULL where somebody else has the number now. */
static struct process *process_of_entry(const struct ledger *ledger, const struct entry *entry)
{
	struct process *process = find_process(ledger, entry->info->process.tid);

	return process && process->start_ns == entry->info->process.start_ns ? process : NULL;
}

/* The process leaves the ledger with its last open entry: later records of it make it anew, with the same start. */
static void leave_process(struct ledger *ledger, const struct entry *entry, bool dead)
{
	struct process *process = process_of_entry(ledger, entry);

	if (!process)
		return;
	if (process->entries > 0)
		process->entries--;
	if (dead && !process->dead) {
		process->dead = true;
		ledger->living_processes--;
	}
}

void ledger_mark_vanished(struct ledger *ledger, struct entry *entry, bool vanished)
{
	if (vanished == ((entry->flags & ENTRY_VANISHED) != 0))
		return;
	entry->flags ^= ENTRY_VANISHED;
	if (vanished)
		ledger->vanished++;
	else
		ledger->vanished--;
}

void ledger_drop(struct ledger *ledger, struct entry *entry)
{
	uint32_t slot = (uint32_t)(entry - ledger->items);
	struct process *process = process_of_entry(ledger, entry);

	ledger_mark_vanished(ledger, entry, false);
	if (!(entry->flags & ENTRY_CLOSED)) {
		ledger->open--;
		leave_process(ledger, entry, false);
	}
	if (process && --process->held == 0)
		drop_process(ledger, process);
	if (idmap_get(&ledger->by_tid, (uint32_t)entry->tid) == slot)
		idmap_remove(&ledger->by_tid, (uint32_t)entry->tid);
	task_info_unref(entry->info);
	*entry = (struct entry){ 0 };
	ledger->free_entries[ledger->free_entry_count++] = slot;
}

void ledger_close_entry(struct ledger *ledger, struct entry *entry, const struct reading *record)
{
	bool group_dead = (record->flags & READING_GROUP_DEAD) != 0;
	const struct process *own = process_of_entry(ledger, entry);

	if (entry->flags & ENTRY_CLOSED)
		return;
	ledger_mark_vanished(ledger, entry, false);
	entry->flags |= ENTRY_CLOSED;
	if (record->flags & READING_HAS_GROUP_FLAG)
		entry->flags |= ENTRY_GROUP_TOLD;
	if (group_dead)
		entry->flags |= ENTRY_GROUP_DEAD;
	ledger->open--;
	leave_process(ledger, entry, group_dead);
	/* Records need not come in the order of the deaths: a leader's may follow that of its process's last thread. */
	if (own && own->dead && entry->tid == entry->info->process.tid)
		entry->flags |= ENTRY_GROUP_DEAD | ENTRY_GROUP_TOLD;
	if (group_dead && entry->tid != entry->info->process.tid) { /* the leader went before: its TID is free now */
		struct entry *leader = ledger_find(ledger, entry->info->process.tid);

		if (leader && (leader->flags & ENTRY_CLOSED) &&
		    leader->info->process.start_ns == entry->info->process.start_ns)
			leader->flags |= ENTRY_GROUP_DEAD | ENTRY_GROUP_TOLD;
	}
	/* A kernel that can't tell: a leader that goes last takes the process with it. */
	if (!(record->flags & READING_HAS_GROUP_FLAG) && entry->tid == entry->info->process.tid) {
		struct process *process = find_process(ledger, entry->tid);

		if (process && process->entries == 0 && !process->dead) {
			process->dead = true;
			ledger->living_processes--;
		}
	}
}

bool ledger_may_return(const struct ledger *ledger, const struct entry *entry)
{
	const struct process *process = find_process(ledger, entry->tid);

	return process && process->start_ns == entry->info->process.start_ns && process->entries > 0;
}

bool ledger_process_lives(const struct ledger *ledger, const struct entry *entry)
{
	const struct process *process = process_of_entry(ledger, entry);
	const struct entry *leader = ledger_find(ledger, entry->info->process.tid);

	return process && !process->dead && leader && leader->info->process.start_ns == process->start_ns;
}

void ledger_note_forgotten(struct ledger *ledger, const struct entry *entry)
{
	struct process *process = process_of_entry(ledger, entry);

	if (process && process->forgot_ns < entry->last_time_ns)
		process->forgot_ns = entry->last_time_ns;
}

bool ledger_may_be_forgotten(const struct ledger *ledger, const struct entry *entry)
{
	const struct process *process = process_of_entry(ledger, entry);

	return process && entry->tid != process->tgid && entry->start_earliest_ns <= process->forgot_ns;
}

void ledger_reopen_entry(struct ledger *ledger, struct entry *entry)
{
	struct process *process = process_of_entry(ledger, entry);

	entry->flags &= ~(uint32_t)(ENTRY_CLOSED | ENTRY_GROUP_DEAD | ENTRY_GROUP_TOLD | ENTRY_ZOMBIE_SEEN);
	ledger->open++;
	if (process)
		process->entries++;
}

bool ledger_same_process(const struct entry *entry, const struct reading *reading)
{
	return !reading->tgid || entry->info->approximate_process || reading->tgid == entry->info->process.tid;
}

bool ledger_same_start(const struct entry *entry, const struct reading *reading)
{
	uint64_t latest = since(reading->time_ns, reading->age_ns);
	uint64_t earliest = since(latest, reading->window_ns);

	if (!may_equal(entry->start_latest_ns, entry->start_latest_ns - entry->start_earliest_ns, latest,
		       reading->window_ns))
		return false;
	if (!ledger_same_process(entry, reading))
		return false;
	/* Whoever had the TID at the last reading still had it then: one born after that is somebody else. */
	return earliest <= entry->last_time_ns;
}

void ledger_narrow_start(struct entry *entry, const struct reading *reading)
{
	uint64_t latest = since(reading->time_ns, reading->age_ns);
	uint64_t earliest = since(latest, reading->window_ns);

	if (latest < entry->start_latest_ns)
		entry->start_latest_ns = latest;
	if (earliest > entry->start_earliest_ns)
		entry->start_earliest_ns = earliest;
	if (entry->start_earliest_ns > entry->start_latest_ns)
		entry->start_earliest_ns = entry->start_latest_ns;
}

int ledger_update_info(struct ledger *ledger, struct entry *entry, const struct reading *reading)
{
	struct task_info *old = entry->info;
	bool renamed = strncmp(old->comm, reading->comm, sizeof(old->comm) - 1) != 0;
	bool guess = reading->unit_approximate && old->cgroup;
	bool moved = reading->cgroup && !guess &&
		     (!text_same(old->cgroup, reading->cgroup) || !text_same(old->unit, reading->unit) ||
		      !text_same(old->container, reading->container));
	bool same_owner = reading->uid == UINT32_MAX || reading->uid == old->uid;
	bool same_parent = !reading->ppid || reading->ppid == old->ppid;
	struct task_info *leader = leader_of(ledger, old);
	bool same_leader = !leader || leader == old->leader;

	if (!renamed && !moved && same_owner && same_parent && same_leader)
		return 0;
	struct task_info *info = task_info_copy(old);

	if (!info)
		return -ENOMEM;
	struct task_info merged = *old;

	fill_info(&merged, reading);
	if (same_owner)
		merged.uid = old->uid;
	if (same_parent)
		merged.ppid = old->ppid;
	if (!moved) {
		merged.cgroup = old->cgroup;
		merged.unit = old->unit;
		merged.container = old->container;
		merged.unit_approximate = old->unit_approximate;
	}
	merged.own = old->own;
	merged.refs = 1;
	merged.cmdline = info->cmdline;
	*info = merged;
	if (!same_leader) {
		task_info_unref(info->leader);
		info->leader = task_info_ref(leader);
	}
	if (renamed) { /* an exec, most likely: another command line */
		free(info->cmdline);
		info->cmdline = NULL;
	}
	task_info_unref(old);
	entry->info = info;
	return 0;
}

static bool is_sibling(const struct entry *entry, const struct entry *leader)
{
	return entry->tid && entry != leader && !(entry->flags & ENTRY_CLOSED) &&
	       entry->info->process.tid == leader->info->process.tid &&
	       entry->info->process.start_ns == leader->info->process.start_ns;
}

void ledger_leave_behind(struct ledger *ledger, const struct entry *leader, uint64_t before_ns)
{
	for (size_t i = 0; i < ledger->count; i++) {
		struct entry *entry = &ledger->items[i];

		if (is_sibling(entry, leader) && entry->last_time_ns <= before_ns)
			entry->flags |= ENTRY_LEFT_BEHIND;
	}
}

enum sign { SIGN_GONE, SIGN_OLD, SIGN_UNREAD, SIGN_LEFT_BEHIND, SIGN_COUNT };

static enum sign sign_of(const struct entry *entry, uint64_t death_ns, uint64_t before_ns)
{
	if (entry->flags & ENTRY_LEFT_BEHIND)
		return SIGN_LEFT_BEHIND;
	if (entry->flags & ENTRY_VANISHED)
		return SIGN_GONE;
	if (entry->start_latest_ns <= death_ns)
		return SIGN_OLD;
	return entry->last_time_ns <= before_ns ? SIGN_UNREAD : SIGN_COUNT;
}

struct entry *ledger_vanished_sibling(const struct ledger *ledger, const struct entry *leader, uint64_t death_ns,
				      uint64_t before_ns, size_t *candidates)
{
	struct entry *found[SIGN_COUNT] = { NULL };
	size_t counts[SIGN_COUNT] = { 0 };

	*candidates = 0;
	for (size_t i = 0; i < ledger->count; i++) {
		struct entry *entry = &ledger->items[i];

		if (!is_sibling(entry, leader))
			continue;
		enum sign sign = sign_of(entry, death_ns, before_ns);

		if (sign == SIGN_COUNT)
			continue;
		found[sign] = entry;
		counts[sign]++;
	}
	for (int sign = 0; sign < SIGN_COUNT; sign++) {
		if (!counts[sign])
			continue;
		*candidates = counts[sign];
		return counts[sign] == 1 && sign != SIGN_LEFT_BEHIND ? found[sign] : NULL;
	}
	return NULL;
}
