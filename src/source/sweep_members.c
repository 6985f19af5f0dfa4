/* Who exists: from births as the kernel tells them, and from listings of /proc where it does not. */
#include "sweep_state.h"

#include <errno.h>

/* A listing now and then, whatever the births say. */
#define SWEEPS_PER_LISTING 64u

static int report_gone(struct sweep *sweep, struct watched *process)
{
	const struct watched_thread *threads = watched_threads(process);

	for (uint32_t i = 0; i < process->thread_count; i++)
		if (sample_add_gone(sweep->sample, threads[i].tid))
			return -ENOMEM;
	return 0;
}

static int note_moved(struct sweep *sweep, struct watched *process)
{
	uint32_t *slot = array_append(&sweep->moved);

	if (!slot)
		return -ENOMEM;
	*slot = (uint32_t)(process - sweep->watch.items);
	return 0;
}

/* A process that exited stays listed until it is reaped; its zombie may know more than its exit record. */
static int visit_zombie(struct sweep *sweep, struct watched *process)
{
	struct watched_thread *leader = watched_thread_find(process, process->pid);

	if (process->flags & PROCESS_ZOMBIE)
		return 0;
	if (leader && sweep_queue(sweep, process, (uint32_t)(leader - watched_threads(process))))
		return -ENOMEM;
	process->flags |= PROCESS_ZOMBIE;
	return 0;
}

/* One that is known: has any of it run? */
static int look(struct sweep *sweep, struct watched *process, uint64_t clock)
{
	process->seen = sweep->number;
	if (process->flags & PROCESS_ZOMBIE &&
	    clock != process->clock_ns) /* zombies do not run: it was another's record */
		process->flags &= ~(uint32_t)(PROCESS_EXITED | PROCESS_ZOMBIE | PROCESS_CONSISTENT);
	if (process->flags & PROCESS_EXITED) {
		process->clock_ns = clock;
		return visit_zombie(sweep, process);
	}
	if (clock == process->clock_ns)
		return 0;
	process->clock_now_ns = clock;
	if (!(process->flags & PROCESS_CONSISTENT) && process->thread_count != 1)
		process->flags |= PROCESS_LISTING;
	return note_moved(sweep, process);
}

static int add(struct sweep *sweep, pid_t pid, uint64_t inode, uint64_t time_ns)
{
	struct watched *process;
	uint64_t clock;

	sweep->cost->clocks++;
	if (proc_process_clock(pid, &clock))
		return 0; /* gone meanwhile */
	process = watch_add(&sweep->watch, pid, inode);
	if (!process)
		return -ENOMEM;
	/* Most have one thread: its leader alone may explain the clock, and then nobody need list it. */
	if (!watched_thread_add(process, pid))
		return -ENOMEM;
	process->added_ns = time_ns;
	process->clock_now_ns = clock;
	process->seen = sweep->number;
	return note_moved(sweep, process);
}

static int drop(struct sweep *sweep, struct watched *process)
{
	if (report_gone(sweep, process))
		return -ENOMEM;
	watch_drop(&sweep->watch, process);
	return 0;
}

/* Perhaps another one has its PID now: its start will tell, so it is read whatever the clocks say. */
static void forget_readings(struct watched *process)
{
	struct watched_thread *threads = watched_threads(process);

	for (uint32_t i = 0; i < process->thread_count; i++)
		threads[i].flags &= ~(uint32_t)THREAD_KNOWN;
	process->flags &= ~(uint32_t)PROCESS_CONSISTENT;
	process->clock_ns = UINT64_MAX;
}

/* One that is listed. */
static int visit(struct sweep *sweep, const struct proc_entry *entry, bool births_lost)
{
	struct watched *process = watch_find(&sweep->watch, entry->pid);
	uint64_t clock;

	if (process && process->inode &&
	    process->inode != entry->inode) { /* the PID has been given to another process */
		if (drop(sweep, process))
			return -ENOMEM;
		process = NULL;
	}
	if (!process)
		return add(sweep, entry->pid, entry->inode, sweep->listed_ns);
	if (!process->inode && births_lost)
		forget_readings(process);
	process->inode = entry->inode;
	sweep->cost->clocks++;
	return proc_process_clock(entry->pid, &clock) ? 0 : look(sweep, process, clock);
}

static int drop_unseen(struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->watch.count; i++) {
		struct watched *process = &sweep->watch.items[i];

		if (process->pid && process->seen != sweep->number && drop(sweep, process))
			return -ENOMEM;
	}
	return 0;
}

static int list(struct sweep *sweep, bool births_lost)
{
	int error = proc_list_processes(sweep->proc, &sweep->processes);

	sweep->cost->listings++;
	sweep->listed = sweep->number;
	/* A birth before this moment is one of those just listed. */
	sweep->listed_ns = clock_read_ns(CLOCK_MONOTONIC);
	for (size_t i = 0; i < sweep->processes.count && !error; i++)
		error = visit(sweep, &sweep->processes.items[i], births_lost);
	return error ? error : drop_unseen(sweep);
}

/* forks_birth: a PID that is born again has been given to another process. */
static int take_birth(void *data, pid_t pid, uint64_t time_ns)
{
	struct sweep *sweep = data;
	struct watched *process = watch_find(&sweep->watch, pid);

	if (process && time_ns <= process->added_ns)
		return 0;
	if (process && drop(sweep, process))
		return -ENOMEM;
	return add(sweep, pid, 0, time_ns);
}

/* All that are known, without asking /proc: one that is gone has no clock. */
static int look_at_known(struct sweep *sweep)
{
	int error = 0;

	for (size_t i = 0; i < sweep->watch.count && !error; i++) {
		struct watched *process = &sweep->watch.items[i];
		uint64_t clock;

		if (!process->pid || process->seen == sweep->number)
			continue;
		sweep->cost->clocks++;
		error = proc_process_clock(process->pid, &clock) ? drop(sweep, process) : look(sweep, process, clock);
	}
	return error;
}

void sweep_follow(struct sweep *sweep, struct forks *forks)
{
	sweep->forks = forks;
	sweep->forks_failure = 0;
	sweep->births_lost = true; /* those before they were told */
}

int sweep_forks_failure(const struct sweep *sweep)
{
	return sweep->forks_failure;
}

void sweep_distrust(struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->watch.count; i++) {
		sweep->watch.items[i].flags &= ~(uint32_t)PROCESS_ZOMBIE;
		forget_readings(&sweep->watch.items[i]);
	}
}

int sweep_find_members(struct sweep *sweep)
{
	uint64_t begin = clock_read_ns(CLOCK_MONOTONIC);
	int error = sweep->forks ? forks_take(sweep->forks, take_birth, sweep) : 0;
	bool lost = error != 0 || sweep->births_lost;

	sweep->births_lost = lost; /* until they are listed */
	if (error == -ENOMEM)
		return error;
	if (error && error != -ENOBUFS) {
		sweep->forks = NULL; /* a socket that fails once is not trusted again */
		sweep->forks_failure = error;
	}
	if (lost || !sweep->forks || sweep->number == 1 || sweep->number - sweep->listed >= SWEEPS_PER_LISTING)
		error = list(sweep, lost);
	else
		error = look_at_known(sweep);
	if (!error)
		sweep->births_lost = false;
	sweep->cost->membership_ns += clock_read_ns(CLOCK_MONOTONIC) - begin;
	return error;
}
