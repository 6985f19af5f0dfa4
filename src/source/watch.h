/* Who is being watched: the processes that the last sweep saw, their threads, and what their CPU clocks said. */
#ifndef IOTOPX_SOURCE_WATCH_H
#define IOTOPX_SOURCE_WATCH_H

#include "iotopx/array.h"
#include "iotopx/cgroup.h"
#include "iotopx/proc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum thread_flag {
	THREAD_HOT = 1 << 0,          /* ran in the last sweep that looked: asked first */
	THREAD_STATE_UNREAD = 1 << 1, /* nobody has looked yet whether it is stuck */
	THREAD_LISTED = 1 << 2,       /* found by the listing under way */
	THREAD_KNOWN = 1 << 3,        /* run_ns is valid */
	THREAD_NEW = 1 << 4,          /* first read in the sweep under way */
	THREAD_RECORD = 1 << 5,       /* an exit record of its TID came since it was last read */
	THREAD_STUCK = 1 << 6,        /* in D when last looked at */
};

struct watched_thread {
	pid_t tid;
	uint32_t flags;     /* enum thread_flag */
	uint64_t run_ns;    /* its CPU time at its last reading */
	uint64_t signature; /* of what it counted then, and of who it was */
	uint32_t queried;   /* the sweep that asked for it */
};

enum process_flag {
	PROCESS_CONSISTENT = 1 << 0, /* clock_ns and its threads' run_ns are of one moment */
	PROCESS_EXITED = 1 << 1,     /* its last exit record came: listed only as a zombie */
	PROCESS_ZOMBIE = 1 << 2,     /* ... and its zombie has been read */
	PROCESS_LISTING = 1 << 3,    /* its threads must be listed in this sweep */
	PROCESS_UNLISTED = 1 << 4,   /* ... and could not be */
};

struct watched {
	pid_t pid;         /* 0: a free slot */
	uint32_t flags;    /* enum process_flag */
	uint64_t inode;    /* of /proc/PID: another one is another process; 0 until it is listed */
	uint64_t added_ns; /* it was there then */
	uint64_t clock_ns;
	uint64_t clock_now_ns; /* in the sweep under way */
	uint64_t rest_ns;      /* clock less its threads' run_ns: what dead threads ran; valid if CONSISTENT */
	uint64_t start_ns;     /* as its readings tell, 0 unknown */
	uint32_t seen;         /* the sweep that listed it */
	uint32_t grouped;      /* the sweep that read its cgroup */
	uint32_t exit_grouped; /* the sweep after which the exit of a thread had it read once more */
	uint32_t thread_count, thread_capacity;
	struct watched_thread one; /* of a process of one thread */
	struct watched_thread *more;
	const struct cgroup_ident *ident; /* NULL unknown */
};

struct watch {
	struct watched *items;
	size_t count, capacity; /* slots, free ones included */
	struct idmap by_pid;
	uint32_t *free_slots;
	size_t free_count, free_capacity;
};

void watch_free(struct watch *watch);
struct watched *watch_find(const struct watch *watch, pid_t pid);
struct watched *watch_add(struct watch *watch, pid_t pid, uint64_t inode); /* NULL on ENOMEM */
void watch_drop(struct watch *watch, struct watched *process);

struct watched_thread *watched_threads(struct watched *process);
struct watched_thread *watched_thread_find(struct watched *process, pid_t tid);
struct watched_thread *watched_thread_add(struct watched *process, pid_t tid); /* NULL on ENOMEM */
void watched_thread_drop(struct watched *process, size_t index);
/* The process's threads become those of the list; who is not on it is told to `gone` and dropped. Both are in the order
 * of birth, as the kernel keeps them, so that this is one walk. 0, -ENOMEM, or what `gone` returned: whom that could not
 * be told of stays. */
int watched_threads_sync(struct watched *process, const struct proc_list *list, int (*gone)(void *data, pid_t tid),
			 void *data);

#endif
