/* A kernel behind the live source that a test drives: the linker puts its functions (__wrap_...) in the place of those
 * that ask the real one. Everything is told at once and exactly, but what taskstats rounds; nothing runs by itself. */
#ifndef SCARCE_KERNEL_H
#define SCARCE_KERNEL_H

#include "iotopx/task.h"

#include <stddef.h>

#define KERNEL_TASKS 1024

struct kernel_task {
	bool alive, zombie;
	pid_t tid, tgid;
	uint64_t start_ns, run_ns;
	uint64_t clock_ns; /* of a leader: what its process ran */
	char state;        /* of one that lives: S R D */
	char comm[TASK_COMM_SIZE];
	uint64_t value[COUNTER_COUNT];
};

/* What is set before the source is opened. */
struct kernel_traits {
	bool taskstats, births, exits; /* what it lets itself be asked, and what it tells */
};

struct kernel {
	struct kernel_traits traits;
	struct kernel_task tasks[KERNEL_TASKS];
	size_t count; /* slots that were ever taken */
	uint64_t now_ns;
	uint64_t done[COUNTER_COUNT]; /* truth, since kernel_count_from_now */
	uint64_t exits;
	bool cgroups_prepared; /* what their next sample may need is there */
	size_t cgroup_samples;
};

/* The one that is asked. */
extern struct kernel kernel;

void kernel_boot(struct kernel_traits traits);
/* What was done so far is nobody's business: who is there is read for the first time now. */
void kernel_count_from_now(void);
void kernel_pass(uint64_t ns);
struct kernel_task *kernel_fork(void);
struct kernel_task *kernel_fork_old(void); /* one that was there long before */
/* The number of one that has been reaped, or of a thread that ended, is given to a new process. */
struct kernel_task *kernel_fork_again(const struct kernel_task *gone);
/* Of a leader. */
struct kernel_task *kernel_thread(const struct kernel_task *of);
void kernel_work(struct kernel_task *task, enum counter counter, uint64_t bytes);
void kernel_run(struct kernel_task *task);
void kernel_exit(struct kernel_task *task);
/* Files that its exit closed were its alone: after its record. */
void kernel_cancel(struct kernel_task *zombie, uint64_t bytes);
void kernel_reap(struct kernel_task *zombie);
size_t kernel_alive(void);
/* The unit of a process is N.service. */
int kernel_unit(pid_t pid);

#endif
