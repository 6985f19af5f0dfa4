#include "own.h"
#include "iotopx/array.h"
#include "iotopx/clock.h"
#include "reading.h"
#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAP_MIN_NS 10000000u /* below that it is the clocks' own noise */

/* A suspend. Who started later than `before_ns` had `asleep_ns` of it before his start. */
struct nap {
	uint64_t before_ns; /* CLOCK_BOOTTIME when it had not begun; 0: all of them before own_open */
	uint64_t asleep_ns; /* all suspends since boot, with this one */
};

struct own {
	struct proc *proc; /* borrowed, as the next two */
	struct cgroup_cache *cgroups;
	struct live_cost *cost;
	struct watch watch;
	uint32_t number;
	uid_t uid;
	uint64_t tick_ns;
	struct {
		struct nap *items;
		size_t count, capacity;
	} naps;           /* in order; never empty, the last one tells of today */
	uint64_t boot_ns; /* CLOCK_BOOTTIME when the last sweep began */
	struct proc_list processes, threads;
	struct sample *sample;
};

static int add_nap(struct own *own, uint64_t before_ns, uint64_t asleep_ns)
{
	struct nap *nap = array_append(&own->naps);

	if (!nap)
		return -ENOMEM;
	*nap = (struct nap){ before_ns, asleep_ns };
	return 0;
}

int own_open(struct proc *proc, struct cgroup_cache *cgroups, struct live_cost *cost, struct own **own)
{
	struct own *opened = calloc(1, sizeof(*opened));
	long ticks = sysconf(_SC_CLK_TCK);

	if (!opened)
		return -ENOMEM;
	opened->proc = proc;
	opened->cgroups = cgroups;
	opened->cost = cost;
	opened->uid = geteuid();
	opened->tick_ns = 1000000000u / (uint64_t)(ticks > 0 ? ticks : 100);
	if (add_nap(opened, 0, clock_asleep_ns())) {
		own_close(opened);
		return -ENOMEM;
	}
	*own = opened;
	return 0;
}

void own_close(struct own *own)
{
	if (!own)
		return;
	watch_free(&own->watch);
	free(own->processes.items);
	free(own->threads.items);
	free(own->naps.items);
	free(own);
}

static int see_naps(struct own *own)
{
	const uint64_t asleep = clock_asleep_ns();
	int error = 0;

	if (asleep > own->naps.items[own->naps.count - 1].asleep_ns + NAP_MIN_NS)
		error = add_nap(own, own->boot_ns, asleep);
	if (!error)
		own->boot_ns = clock_read_ns(CLOCK_BOOTTIME);
	return error;
}

/* stat counts from boot, suspend included; readings count on CLOCK_MONOTONIC: a task that was there before a suspend
 * must not be older by it afterwards, that would be another task. */
static uint64_t age_of(const struct own *own, const struct proc_stat *stat)
{
	const uint64_t start = stat->start_ticks * own->tick_ns;
	size_t last = own->naps.count - 1;

	while (last > 0 && start < own->naps.items[last].before_ns)
		last--;
	const uint64_t now = clock_read_ns(CLOCK_MONOTONIC) + own->naps.items[last].asleep_ns;
	return now > start ? now - start : 0;
}

static int read_thread(struct own *own, struct watched *process, struct watched_thread *thread, uint32_t uid)
{
	struct proc_stat stat;
	struct counters counters;
	uint64_t begin = clock_read_ns(CLOCK_MONOTONIC), run = 0;
	bool ran = proc_read_schedstat(own->proc, process->pid, thread->tid, &run) || run != thread->run_ns ||
		   !(thread->flags & THREAD_KNOWN) || (thread->flags & THREAD_HOT);

	thread->run_ns = run;
	thread->flags |= THREAD_KNOWN;
	if (!ran)
		return 0;
	own->cost->io_reads++;
	int error = proc_read_stat(own->proc, process->pid, thread->tid, &stat);

	if (!error)
		error = proc_read_io(own->proc, process->pid, thread->tid, &counters);
	if (error) {
		/* It is gone, or is looked at again, whether it runs again or not. */
		if (error != -EACCES && error != -EPERM)
			thread->flags |= THREAD_HOT;
		return 0;
	}
	struct reading *reading = sample_add(own->sample);

	if (!reading)
		return -ENOMEM;
	thread->flags &= ~(uint32_t)THREAD_HOT;
	if (stat.state == 'D') /* looked at again, moved or not */
		thread->flags |= THREAD_HOT;
	reading->tid = thread->tid;
	reading->tgid = process->pid;
	reading->ppid = stat.ppid;
	reading->uid = uid;
	reading->flags = READING_EXACT_IO | (process->pid == getpid() ? READING_OWN : 0u) |
			 (stat.state == 'Z' || stat.state == 'X' ? READING_ZOMBIE : 0u) |
			 (stat.forked ? READING_FORKED : 0u);
	reading->state = stat.state;
	memcpy(reading->comm, stat.comm, sizeof(reading->comm));
	reading->age_ns = age_of(own, &stat);
	reading->time_ns = clock_read_ns(CLOCK_MONOTONIC);
	reading->window_ns = reading->time_ns - begin + own->tick_ns;
	reading->counters = counters;
	reading_set_cgroup(reading, process->ident, false);
	return 0;
}

static int read_process(struct own *own, struct watched *process)
{
	struct watched_thread *threads;
	uint32_t uid = own->uid;

	own->cost->dir_reads++;
	if (proc_list_threads(own->proc, process->pid, &own->threads)) {
		process->flags |= PROCESS_LISTING; /* it is gone, or is listed in the next sweep */
		return 0;
	}
	if (cgroup_cache_read(own->cgroups, proc_fd(own->proc), process->pid, 0, &process->ident) == -ENOMEM)
		return -ENOMEM;
	(void)proc_owner(own->proc, process->pid, &uid); /* it may have changed its user since it was found */
	for (size_t i = 0; i < own->threads.count; i++) {
		struct watched_thread *thread = watched_thread_find(process, own->threads.items[i].pid);

		if (!thread)
			thread = watched_thread_add(process, own->threads.items[i].pid);
		if (!thread)
			return -ENOMEM;
		thread->queried = own->number;
		if (read_thread(own, process, thread, uid))
			return -ENOMEM;
	}
	threads = watched_threads(process);
	for (uint32_t i = process->thread_count; i-- > 0;) {
		if (threads[i].queried == own->number)
			continue;
		if (sample_add_gone(own->sample, threads[i].tid))
			return -ENOMEM;
		watched_thread_drop(process, i);
	}
	return 0;
}

static bool waits(struct watched *process)
{
	const struct watched_thread *threads = watched_threads(process);

	for (uint32_t i = 0; i < process->thread_count; i++)
		if (threads[i].flags & THREAD_HOT)
			return true;
	return false;
}

static int visit(struct own *own, const struct proc_entry *entry)
{
	struct watched *process = watch_find(&own->watch, entry->pid);
	uint64_t clock;
	uint32_t uid;

	if (process && process->inode != entry->inode)
		process->flags |= PROCESS_EXITED; /* dropped below, as one that is not listed any more */
	if (process && process->flags & PROCESS_EXITED)
		return 0;
	if (!process) {
		if (proc_owner(own->proc, entry->pid, &uid) || uid != own->uid)
			return 0;
		process = watch_add(&own->watch, entry->pid, entry->inode);
		if (!process)
			return -ENOMEM;
		process->flags = PROCESS_LISTING;
	}
	process->seen = own->number;
	own->cost->clocks++;
	if (proc_process_clock(entry->pid, &clock))
		return 0;
	bool moved = clock != process->clock_ns || process->flags & PROCESS_LISTING || waits(process);

	process->clock_ns = clock;
	process->flags &= ~(uint32_t)PROCESS_LISTING;
	int error = moved ? read_process(own, process) : 0;

	if (error)
		process->flags |= PROCESS_LISTING;
	return error;
}

static int drop_unseen(struct own *own)
{
	for (size_t i = 0; i < own->watch.count; i++) {
		struct watched *process = &own->watch.items[i];
		const struct watched_thread *threads = watched_threads(process);

		if (!process->pid || process->seen == own->number)
			continue;
		for (uint32_t j = 0; j < process->thread_count; j++)
			if (sample_add_gone(own->sample, threads[j].tid))
				return -ENOMEM;
		watch_drop(&own->watch, process);
	}
	return 0;
}

int own_take(struct own *own, struct sample *sample)
{
	own->number++;
	own->sample = sample;
	sample->begin_ns = clock_read_ns(CLOCK_MONOTONIC);
	int error = see_naps(own);

	if (!error)
		error = proc_list_processes(own->proc, &own->processes);
	for (size_t i = 0; i < own->processes.count && !error; i++)
		error = visit(own, &own->processes.items[i]);
	if (!error)
		error = drop_unseen(own);
	sample->end_ns = clock_read_ns(CLOCK_MONOTONIC);
	own->cost->sweeps++;
	return error;
}

void own_forget(struct own *own)
{
	for (size_t i = 0; i < own->watch.count; i++) {
		struct watched *process = &own->watch.items[i];
		struct watched_thread *threads = watched_threads(process);

		for (uint32_t j = 0; j < process->thread_count; j++) {
			if (threads[j].queried != own->number)
				continue;
			threads[j].flags &= ~(uint32_t)THREAD_KNOWN;
			process->flags |= PROCESS_LISTING;
		}
	}
}
