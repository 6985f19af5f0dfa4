/* The I/O priority of one thread, as the kernel applies it. Private to this room. */
#ifndef IOTOPX_PRIO_H
#define IOTOPX_PRIO_H

#include "iotopx/lookup.h"
#include "iotopx/proc.h"

#define PRIO_CACHE_SIZE 512u
#define PRIO_THREADS_MAX 256u

/* Asking takes up to three system calls: an answer is good for a second. A zeroed cache is empty. */
struct prio_cache {
	struct prio_cached {
		struct task_id id;
		uint64_t until_ns;
		struct prio prio;
	} items[PRIO_CACHE_SIZE];
};

struct prio prio_get(struct prio_cache *cache, const struct task_id *id);
/* Of a process, from a cache of its own: whether its threads differ is told by the first PRIO_THREADS_MAX. */
struct prio prio_get_process(struct prio_cache *cache, const struct task_id *process, struct proc *proc,
			     struct proc_list *threads);

#endif
