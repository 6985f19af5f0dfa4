#include "sweep_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BASELINE_SLICE 128u /* processes */

int sweep_open(struct proc *proc, struct taskstats *taskstats, struct cgroup_cache *cgroups, struct live_cost *cost,
	       struct sweep **sweep)
{
	struct sweep *opened = calloc(1, sizeof(*opened));

	if (!opened)
		return -ENOMEM;
	opened->proc = proc;
	opened->taskstats = taskstats;
	opened->cgroups = cgroups;
	opened->cost = cost;
	opened->self = getpid(); /* a system call each time, where glibc no longer remembers */
	*sweep = opened;
	return 0;
}

void sweep_close(struct sweep *sweep)
{
	if (!sweep)
		return;
	watch_free(&sweep->watch);
	free(sweep->processes.items);
	free(sweep->threads.items);
	free(sweep->tids.items);
	free(sweep->queries.items);
	free(sweep->readings.items);
	free(sweep->stuck.items);
	free(sweep->awake.items);
	free(sweep->ran.items);
	free(sweep->moved.items);
	free(sweep);
}

int sweep_queue(struct sweep *sweep, struct watched *process, uint32_t index)
{
	struct watched_thread *thread = &watched_threads(process)[index];

	if (thread->queried == sweep->number)
		return 0;
	pid_t *tid = array_append(&sweep->tids);
	struct origin *origin = tid ? array_append(&sweep->queries) : NULL;

	if (!origin)
		return -ENOMEM;
	*tid = thread->tid;
	*origin = (struct origin){ .slot = (uint32_t)(process - sweep->watch.items), .thread = index };
	thread->queried = sweep->number;
	return 0;
}

static int note_gone(void *data, pid_t tid)
{
	return sample_add_gone(data, tid);
}

/* Brings the process's threads up to what /proc lists, and asks those that were not asked yet. */
static int list_threads(struct sweep *sweep, struct watched *process)
{
	int error = proc_list_threads(sweep->proc, process->pid, &sweep->threads);

	sweep->cost->dir_reads++;
	process->flags &= ~(uint32_t)PROCESS_UNLISTED;
	if (error == -ENOMEM)
		return error;
	if (error) { /* it is gone, or going */
		process->flags |= PROCESS_UNLISTED;
		return 0;
	}
	if (watched_threads_sync(process, &sweep->threads, note_gone, sweep->sample))
		return -ENOMEM;
	for (uint32_t i = 0; i < process->thread_count; i++)
		if (sweep_queue(sweep, process, i))
			return -ENOMEM;
	return 0;
}

static int queue_hot(struct sweep *sweep, struct watched *process)
{
	const struct watched_thread *threads = watched_threads(process);

	for (uint32_t i = 0; i < process->thread_count; i++)
		if ((threads[i].flags & THREAD_HOT || process->thread_count == 1) && sweep_queue(sweep, process, i))
			return -ENOMEM;
	return 0;
}

struct watched_thread *sweep_thread_of(struct sweep *sweep, const struct origin *origin, pid_t tid,
				       struct watched **process)
{
	struct watched_thread *threads;

	*process = &sweep->watch.items[origin->slot];
	threads = watched_threads(*process);
	if (origin->thread < (*process)->thread_count && threads[origin->thread].tid == tid)
		return &threads[origin->thread];
	return watched_thread_find(*process, tid);
}

static bool note_run(struct sweep *sweep, struct watched_thread *thread, uint64_t run_ns)
{
	bool known = (thread->flags & THREAD_KNOWN) != 0;

	sweep->clock_tells |= run_ns > 0;
	bool ran = !known || run_ns != thread->run_ns || !sweep->clock_tells;

	thread->run_ns = run_ns;
	thread->flags |= THREAD_KNOWN;
	thread->flags &= ~(uint32_t)(THREAD_HOT | THREAD_NEW);
	if (ran && (known || sweep->number > 1))
		thread->flags |= THREAD_HOT;
	if (!known)
		thread->flags |= THREAD_NEW;
	return ran;
}

/* taskstats_reply: a thread that did not run has nothing new to say, unless it waits or is a zombie. */
static void take_reply(void *data, size_t index, pid_t tid, const struct taskstats_fields *fields, int error,
		       uint64_t begin_ns, uint64_t end_ns)
{
	struct sweep *sweep = data;
	struct origin origin = sweep->queries.items[index];
	struct watched *process;
	struct watched_thread *thread = sweep_thread_of(sweep, &origin, tid, &process);

	sweep->cost->gets++;
	if (!thread || sweep->error)
		return;
	if (error) { /* exited since it was listed */
		process->flags &= ~(uint32_t)PROCESS_CONSISTENT;
		process->flags |= PROCESS_LISTING;
		return;
	}
	bool ran = note_run(sweep, thread, fields->cpu_run_virtual_ns);

	if (ran && sweep->number > 1) {
		struct member *member = array_append(&sweep->ran);

		if (!member) {
			sweep->error = -ENOMEM;
			return;
		}
		*member = (struct member){ .pid = process->pid, .tid = tid };
	}
	if (!ran && !(process->flags & PROCESS_EXITED) && !(thread->flags & THREAD_STUCK))
		return;
	struct origin *from = array_append(&sweep->readings);
	struct reading *reading = from ? sample_add(sweep->sample) : NULL;

	if (!reading) {
		sweep->error = -ENOMEM;
		return;
	}
	*from = origin;
	reading_from_fields(reading, fields, end_ns, end_ns - begin_ns);
	reading->tgid = process->pid;
	if (process->pid == sweep->self || reading->ppid == sweep->self)
		reading->flags |= READING_OWN;
	if (process->flags & PROCESS_EXITED)
		reading->flags |= READING_ZOMBIE;
	if (!ran)
		reading->flags |= READING_WAITED;
	if (reading->process_age_ns)
		process->start_ns = end_ns > reading->process_age_ns ? end_ns - reading->process_age_ns : 0;
	else if (tid == process->pid)
		process->start_ns = end_ns > reading->age_ns ? end_ns - reading->age_ns : 0;
}

int sweep_query(struct sweep *sweep)
{
	uint64_t begin = clock_read_ns(CLOCK_MONOTONIC);
	int error = 0;

	sweep->error = 0;
	if (sweep->tids.count)
		error = taskstats_query(sweep->taskstats, sweep->tids.items, sweep->tids.count, take_reply, sweep);
	sweep->tids.count = sweep->queries.count = 0;
	sweep->cost->queries_ns += clock_read_ns(CLOCK_MONOTONIC) - begin;
	return error ? error : sweep->error;
}

/* True if the threads that were asked explain all that the process ran since its clock was last read. Then no other
 * thread ran, and none was born. */
static bool explained(struct sweep *sweep, struct watched *process)
{
	const struct watched_thread *threads = watched_threads(process);
	uint64_t sum = 0, clock;

	if (process->flags & PROCESS_LISTING)
		return false;
	for (uint32_t i = 0; i < process->thread_count; i++)
		sum += threads[i].run_ns;
	sweep->cost->clocks++;
	if (proc_process_clock(process->pid, &clock) || clock != process->clock_now_ns)
		return false;
	/* Its threads' times and its clock were of one moment before, and are again: what dead threads ran is a
	 * constant rest. If that was not known, only a rest of 0 tells: no thread but these has ever run. */
	if (clock - sum != (process->flags & PROCESS_CONSISTENT ? process->rest_ns : 0))
		return false;
	process->rest_ns = clock - sum;
	process->flags |= PROCESS_CONSISTENT;
	return true;
}

static int list_unexplained(struct sweep *sweep, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		struct watched *process = &sweep->watch.items[sweep->moved.items[i]];

		if (explained(sweep, process))
			continue;
		process->flags |= PROCESS_LISTING;
		process->flags &= ~(uint32_t)PROCESS_CONSISTENT;
		if (list_threads(sweep, process))
			return -ENOMEM;
	}
	return 0;
}

/* Where nothing ran while the threads were read, their times and the clock are of one moment: the base of the next
 * sweep's explanation. */
static void settle_clocks(struct sweep *sweep, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		struct watched *process = &sweep->watch.items[sweep->moved.items[i]];
		const struct watched_thread *threads = watched_threads(process);
		uint64_t clock, sum = 0;
		bool known = process->thread_count > 0;

		/* One that is not gone after all is looked at again, whether it runs again or not. */
		process->clock_ns = process->flags & PROCESS_UNLISTED ? UINT64_MAX : process->clock_now_ns;
		if (!(process->flags & PROCESS_LISTING) || process->flags & PROCESS_UNLISTED)
			goto next;
		for (uint32_t j = 0; j < process->thread_count; j++) {
			sum += threads[j].run_ns;
			known = known && (threads[j].flags & THREAD_KNOWN);
		}
		sweep->cost->clocks++;
		if (known && !proc_process_clock(process->pid, &clock) && clock == process->clock_now_ns) {
			process->rest_ns = clock - sum;
			process->flags |= PROCESS_CONSISTENT;
		}
	next:
		process->flags &= ~(uint32_t)PROCESS_LISTING;
	}
}

static void note_awake(struct sweep *sweep)
{
	struct member *items = sweep->awake.items;
	size_t capacity = sweep->awake.capacity;

	sweep->awake.items = sweep->ran.items;
	sweep->awake.count = sweep->ran.count;
	sweep->awake.capacity = sweep->ran.capacity;
	sweep->ran.items = items;
	sweep->ran.capacity = capacity;
}

/* Asks the threads of moved[first ... end). */
static int ask(struct sweep *sweep, size_t first, size_t end)
{
	int error = 0;

	for (size_t i = first; i < end && !error; i++) {
		struct watched *process = &sweep->watch.items[sweep->moved.items[i]];

		error = process->flags & PROCESS_LISTING ? list_threads(sweep, process) : queue_hot(sweep, process);
	}
	if (!error)
		error = sweep_query(sweep);
	if (!error)
		error = list_unexplained(sweep, first, end);
	if (!error)
		error = sweep_query(sweep);
	if (!error)
		settle_clocks(sweep, first, end);
	return error;
}

/* The first sweep reads everybody: in slices, so that it never holds them all. */
static int ask_baseline(struct sweep *sweep, sweep_flush *flush, void *data)
{
	int error = 0;

	for (size_t first = 0; first < sweep->moved.count && !error; first += BASELINE_SLICE) {
		size_t end = first + BASELINE_SLICE;

		error = ask(sweep, first, end < sweep->moved.count ? end : sweep->moved.count);
		if (!error)
			error = sweep_read_details(sweep);
		sweep->readings.count = 0;
		if (!error)
			error = flush(data);
	}
	return error;
}

int sweep_take(struct sweep *sweep, struct sample *sample, sweep_flush *flush, void *data)
{
	int error;

	sweep->number++;
	sweep->sample = sample;
	sweep->tids.count = sweep->queries.count = sweep->readings.count = sweep->moved.count = 0;
	sweep->ran.count = 0;
	sweep->cgroup_reads = 0;
	sample->begin_ns = clock_read_ns(CLOCK_MONOTONIC);
	error = sweep_find_members(sweep);
	if (!error)
		error = sweep_queue_waiting(sweep);
	if (!error && sweep->number == 1) {
		error = ask_baseline(sweep, flush, data);
	} else if (!error) {
		error = ask(sweep, 0, sweep->moved.count);
		if (!error)
			error = sweep_find_stuck(sweep);
		if (!error)
			error = sweep_read_details(sweep);
	}
	if (!error)
		note_awake(sweep);
	sample->end_ns = clock_read_ns(CLOCK_MONOTONIC);
	sweep->cost->sweeps++;
	return error;
}

/* Who was asked and ran has a reading that is lost; others that were asked hang, and tell so whenever they are asked,
 * or had nothing to say. A zombie is visited once: once more. */
static void forget_process(struct watched *process, uint32_t sweep)
{
	struct watched_thread *threads = watched_threads(process);
	bool asked = false;

	for (uint32_t i = 0; i < process->thread_count; i++) {
		if (threads[i].queried != sweep)
			continue;
		asked = true;
		if (threads[i].flags & THREAD_HOT)
			threads[i].flags &= ~(uint32_t)THREAD_KNOWN;
	}
	if (!asked)
		return;
	process->flags &= ~(uint32_t)(PROCESS_CONSISTENT | PROCESS_ZOMBIE);
	process->clock_ns = UINT64_MAX;
}

void sweep_forget(struct sweep *sweep)
{
	for (size_t i = 0; i < sweep->watch.count; i++)
		if (sweep->watch.items[i].pid)
			forget_process(&sweep->watch.items[i], sweep->number);
}
