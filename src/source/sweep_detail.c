#include "sweep_state.h"
#include "iotopx/hash.h"

#include <errno.h>
#include <string.h>

#define AUDIT_PER_SWEEP 250u
#define AUDIT_ANYWAY_SWEEPS 3u
#define LOAD_CALM 25u  /* of one minute, in hundredths: one task in D for 17 s */
#define LOAD_BUSY 100u /* ... and for long */

static bool is_living(struct sweep *sweep, pid_t pid)
{
	struct proc_stat stat;

	return proc_read_stat(sweep->proc, pid, 0, &stat) == 0 && !stat.exiting;
}

/* One that is dying under our eyes stays where it was: v1 no longer tells. 0 or -ENOMEM. */
static int regroup(struct sweep *sweep, struct watched *process)
{
	int fd = proc_fd(sweep->proc);
	const struct cgroup_ident *ident;
	int error = cgroup_cache_read_exiting(sweep->cgroups, fd, process->pid, &ident);

	if (error == -ENODATA && is_living(sweep, process->pid))
		error = cgroup_cache_read(sweep->cgroups, fd, process->pid, 0, &ident);
	if (!error)
		process->ident = ident;
	return error == -ENOMEM ? error : 0;
}

static int set_cgroup(struct sweep *sweep, struct watched *process, struct reading *reading)
{
	int error = process->grouped != sweep->number ? regroup(sweep, process) : 0;

	process->grouped = sweep->number;
	reading_set_cgroup(reading, process->ident, false);
	return error;
}

/* How many of those that nobody has looked at yet: a task in D counts as load, so that in a calm machine there is none
 * to be found, after the first sweeps that look anyway. */
static size_t states_to_look_at(struct sweep *sweep)
{
	unsigned load;

	if (sweep->audit_slot >= sweep->watch.count)
		return 0;
	if (sweep->number <= AUDIT_ANYWAY_SWEEPS || proc_read_load(sweep->proc, &load) || load >= LOAD_BUSY)
		return AUDIT_PER_SWEEP;
	return load >= LOAD_CALM ? AUDIT_PER_SWEEP / 4 : 0;
}

static int audit_states(struct sweep *sweep, size_t most)
{
	size_t looked = 0;

	for (; sweep->audit_slot < sweep->watch.count && looked < most; sweep->audit_slot++) {
		struct watched *process = &sweep->watch.items[sweep->audit_slot];
		struct watched_thread *threads = watched_threads(process);

		for (uint32_t i = 0; process->pid && i < process->thread_count; i++) {
			struct proc_stat stat;

			if (!(threads[i].flags & THREAD_STATE_UNREAD) || threads[i].queried == sweep->number)
				continue;
			looked++;
			if (proc_read_stat(sweep->proc, process->pid, threads[i].tid, &stat) == 0 &&
			    stat.state == 'D') {
				if (sweep_queue(sweep, process, i))
					return -ENOMEM;
				threads[i].flags |= THREAD_STUCK;
			}
			threads[i].flags &= ~(uint32_t)THREAD_STATE_UNREAD;
		}
	}
	return 0;
}

/* Those in D are looked at in every sweep, for they show no other sign of life; and a few of those that have never been
 * looked at. */
int sweep_queue_waiting(struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->stuck.count; i++) {
		struct watched *process = watch_find(&sweep->watch, sweep->stuck.items[i].pid);
		struct watched_thread *thread =
		    process ? watched_thread_find(process, sweep->stuck.items[i].tid) : NULL;

		if (thread && sweep_queue(sweep, process, (uint32_t)(thread - watched_threads(process))))
			return -ENOMEM;
	}
	return sweep->number > 1 ? audit_states(sweep, states_to_look_at(sweep)) : 0;
}

/* Those that went to sleep since the last sweep: if in D, they hang, and show no other sign of life from now on. A busy
 * task that happens to wait for its disk right now is not meant. */
int sweep_find_stuck(struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->awake.count; i++) {
		struct member member = sweep->awake.items[i];
		struct watched *process = watch_find(&sweep->watch, member.pid);
		struct watched_thread *thread = process ? watched_thread_find(process, member.tid) : NULL;
		struct proc_stat stat;

		if (!thread || thread->flags & THREAD_STUCK ||
		    (thread->queried == sweep->number && thread->flags & THREAD_HOT))
			continue;
		thread->flags &= ~(uint32_t)(THREAD_STATE_UNREAD | THREAD_HOT);
		if (proc_read_stat(sweep->proc, member.pid, member.tid, &stat) || stat.state != 'D')
			continue;
		thread->queried = sweep->number - 1; /* asked before it was known to hang: once more */
		if (sweep_queue(sweep, process, (uint32_t)(thread - watched_threads(process))))
			return -ENOMEM;
		thread->flags |= THREAD_STUCK;
	}
	return sweep_query(sweep);
}

static uint64_t signature_of(const struct reading *reading)
{
	uint64_t hash = hash_bytes(HASH_START, reading->comm, strlen(reading->comm));

	for (int counter = 0; counter < COUNTER_COUNT; counter++)
		hash = (hash ^ reading->counters.value[counter]) * 0x9e3779b97f4a7c15u + (hash >> 29);
	hash = hash_bytes(hash, &reading->uid, sizeof(reading->uid));
	return hash_bytes(hash, &reading->ppid, sizeof(reading->ppid));
}

/* One that had not called exec when it was asked may have since, and what it did then counts as the new program's. The
 * kernel's workers append what they work on to their names: those are left as they are. */
static void take_name(struct reading *reading, const struct proc_stat *stat)
{
	if (reading->flags & READING_FORKED && strncmp(stat->comm, reading->comm, strlen(reading->comm)) != 0)
		memcpy(reading->comm, stat->comm, sizeof(reading->comm));
}

/* The state of those whose reading is not proof of life: a first one may be of a zombie, one after an exit record of
 * what took over the TID, one of a task in D of the same wait. */
static int read_state(struct sweep *sweep, struct watched *process, struct watched_thread *thread,
		      struct reading *reading)
{
	struct proc_stat stat;

	thread->flags &= ~(uint32_t)(THREAD_STATE_UNREAD | THREAD_STUCK | THREAD_RECORD);
	if (proc_read_stat(sweep->proc, process->pid, reading->tid, &stat))
		return 0;
	reading->state = stat.state;
	take_name(reading, &stat);
	if (stat.state == 'Z' || stat.state == 'X')
		reading->flags |= READING_ZOMBIE;
	if (stat.state != 'D')
		return 0;
	thread->flags |= THREAD_STUCK;
	struct member *stuck = array_append(&sweep->stuck);

	if (!stuck)
		return -ENOMEM;
	*stuck = (struct member){ .pid = process->pid, .tid = reading->tid };
	return 0;
}

/* What netlink does not tell: exact I/O, whether it waits, where it belongs. *news is false for a task that ran and did
 * nothing that anyone counts: that is most of them. */
static int read_detail(struct sweep *sweep, struct watched *process, struct watched_thread *thread,
		       struct reading *reading, bool *news)
{
	const uint32_t doubtful = THREAD_NEW | THREAD_RECORD | THREAD_STUCK;
	bool look = sweep->number > 1 && (thread->flags & doubtful || process->flags & PROCESS_EXITED);

	struct proc_stat stat;

	if (!(reading->flags & READING_ZOMBIE)) {
		reading_exact_io(reading, sweep->proc, process->pid);
		sweep->cost->io_reads++;
	}
	uint64_t signature = signature_of(reading);

	*news = look || thread->flags & THREAD_NEW || signature != thread->signature ||
		!(reading->flags & READING_EXACT_IO);
	thread->signature = signature;
	if (look && read_state(sweep, process, thread, reading))
		return -ENOMEM;
	if (!look && *news && reading->flags & READING_FORKED && sweep->number > 1 &&
	    proc_read_stat(sweep->proc, process->pid, reading->tid, &stat) == 0)
		take_name(reading, &stat);
	return *news ? set_cgroup(sweep, process, reading) : 0;
}

int sweep_read_details(struct sweep *sweep)
{
	uint64_t begin = clock_read_ns(CLOCK_MONOTONIC);
	size_t kept = 0;

	sweep->stuck.count = 0;
	for (size_t i = 0; i < sweep->readings.count; i++) {
		struct reading *reading = &sweep->sample->readings[i];
		struct watched *process;
		struct watched_thread *thread =
		    sweep_thread_of(sweep, &sweep->readings.items[i], reading->tid, &process);
		bool news = false;

		if (thread && read_detail(sweep, process, thread, reading, &news))
			return -ENOMEM;
		if (news)
			sweep->sample->readings[kept++] = *reading;
	}
	sweep->sample->count = kept;
	sweep->cost->exact_ns += clock_read_ns(CLOCK_MONOTONIC) - begin;
	return 0;
}
