/* The few things iotopx can do to a task. Behind an interface, so that the screen never acts by itself. */
#ifndef IOTOPX_ACTIONS_H
#define IOTOPX_ACTIONS_H

#include "iotopx/task.h"

struct actions {
	void *data;
	/* One thread's I/O priority (class 1 rt, 2 be, 3 idle; level 0..7); never a process group. 0 or -errno;
	 * -ESRCH also when the TID now belongs to another task. */
	int (*set_prio)(void *data, const struct task_id *thread, int io_class, int level);
	/* A signal to a process by pidfd, after checking that it is still the same one. 0 or -errno. */
	int (*send_signal)(void *data, const struct task_id *process, int signal);
};

/* Direct system calls, for who has the rights (a helper process, not the monitor). */
struct actions actions_direct(void);

#endif
