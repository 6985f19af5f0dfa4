#include "prio.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define VALID_NS 1000000000u

/* linux/ioprio.h is not there on every machine that builds this. */
#define IOPRIO_WHO_THREAD 1
#define IOPRIO_CLASS(value) (((value) >> 13) & 7)
#define IOPRIO_LEVEL(value) ((value)&7)

enum io_class { IO_CLASS_NONE, IO_CLASS_RT, IO_CLASS_BE, IO_CLASS_IDLE };

static const struct prio prio_unknown = { .io_class = TASK_PRIO_UNKNOWN, .level = TASK_PRIO_UNKNOWN };

/* Nobody gave the thread a priority of its own: the kernel then derives one from its CPU scheduling (block/ioprio.c,
 * task_nice_ioclass and task_nice_ioprio). */
static struct prio prio_derived(pid_t tid)
{
	errno = 0;
	int nice = getpriority(PRIO_PROCESS, (id_t)tid);
	int policy = sched_getscheduler(tid);

	if ((nice == -1 && errno != 0) || policy < 0)
		return prio_unknown;
	policy &= ~SCHED_RESET_ON_FORK;
	struct prio prio = { .io_class = IO_CLASS_NONE, .level = (int8_t)((nice + 20) / 5) };
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		prio.io_class = IO_CLASS_RT;
	else if (policy == SCHED_IDLE)
		prio.io_class = IO_CLASS_IDLE;
	return prio;
}

static struct prio prio_ask(pid_t tid)
{
	long value = syscall(SYS_ioprio_get, IOPRIO_WHO_THREAD, tid);

	if (value < 0)
		return prio_unknown;
	if (IOPRIO_CLASS(value) == IO_CLASS_NONE)
		return prio_derived(tid);
	return (struct prio){ .io_class = (int8_t)IOPRIO_CLASS(value), .level = (int8_t)IOPRIO_LEVEL(value) };
}

static struct prio prio_ask_process(pid_t pid, struct proc *proc, struct proc_list *threads)
{
	struct prio prio = prio_ask(pid);

	if (proc_list_threads(proc, pid, threads) != 0)
		return prio;
	for (size_t i = 0; i < threads->count && i < PRIO_THREADS_MAX && !prio.mixed; i++) {
		struct prio other = threads->items[i].pid == pid ? prio : prio_ask(threads->items[i].pid);

		if (other.io_class < 0)
			continue; /* it has gone */
		if (prio.io_class < 0)
			prio = other; /* the leader has, and its threads live on */
		else
			prio.mixed = other.io_class != prio.io_class || other.level != prio.level;
	}
	return prio;
}

/* The place of that task in the cache; *known if what is there is still good. NULL: nobody to ask about. */
static struct prio_cached *cache_find(struct prio_cache *cache, const struct task_id *id, bool *known)
{
	struct timespec time;

	if (id->tid <= 0) /* 0 would be ourselves */
		return NULL;
	struct prio_cached *cached = &cache->items[(unsigned)id->tid % PRIO_CACHE_SIZE];
	clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	const uint64_t now_ns = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
	*known = cached->id.tid == id->tid && cached->id.start_ns == id->start_ns && cached->until_ns > now_ns;
	if (!*known)
		*cached = (struct prio_cached){ *id, now_ns + VALID_NS, prio_unknown };
	return cached;
}

struct prio prio_get(struct prio_cache *cache, const struct task_id *id)
{
	bool known;
	struct prio_cached *cached = cache_find(cache, id, &known);

	if (!cached)
		return prio_unknown;
	if (!known)
		cached->prio = prio_ask(id->tid);
	return cached->prio;
}

struct prio prio_get_process(struct prio_cache *cache, const struct task_id *process, struct proc *proc,
			     struct proc_list *threads)
{
	bool known;
	struct prio_cached *cached = cache_find(cache, process, &known);

	if (!cached)
		return prio_unknown;
	if (!known)
		cached->prio = prio_ask_process(process->tid, proc, threads);
	return cached->prio;
}
