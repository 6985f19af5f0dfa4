/* What /proc tells about one task. Paths go through a root descriptor, so that tests can bring their own tree.
 * Where a function takes `pid` and `tid`: /proc/PID/task/TID/..., or /proc/PID/... (the group) if tid is 0.
 * Every function: 0 or -errno (-ESRCH and -ENOENT: it is gone); outputs untouched on failure. */
#ifndef IOTOPX_PROC_H
#define IOTOPX_PROC_H

#include "iotopx/task.h"

#include <stddef.h>

struct proc;

int proc_open(const char *root, struct proc **proc); /* root "" is the machine's own */
/* A second handle on the same tree, for another thread: one handle is not for two of them. 0 or -errno. */
int proc_dup(const struct proc *proc, struct proc **copy);
void proc_close(struct proc *proc);
int proc_fd(const struct proc *proc); /* the opened /proc */

struct proc_entry {
	pid_t pid;
	uint64_t inode; /* changes when the PID is given to another process */
};
struct proc_list {
	struct proc_entry *items;
	size_t count, capacity;
};
/* All PIDs, ascending as the kernel lists them; the list's memory is reused. */
int proc_list_processes(struct proc *proc, struct proc_list *list);
/* All TIDs of a process. */
int proc_list_threads(struct proc *proc, pid_t pid, struct proc_list *list);

/* /proc/PID/task/TID/io: COUNTERS_IO, exact. -EACCES without the right. */
int proc_read_io(struct proc *proc, pid_t pid, pid_t tid, struct counters *counters);

struct proc_stat {
	char state;
	bool exiting; /* on its way out (PF_EXITING), perhaps before the state tells */
	bool forked;  /* has not called exec since its fork (PF_FORKNOEXEC) */
	char comm[TASK_COMM_SIZE];
	pid_t ppid;
	uint64_t start_ticks;   /* since boot, in clock ticks */
	uint64_t blkio_ticks;   /* delayacct_blkio_ticks */
	uint64_t utime_ticks, stime_ticks, minflt;
};
int proc_read_stat(struct proc *proc, pid_t pid, pid_t tid, struct proc_stat *stat);
/* cpu time on the CPU in ns (schedstat's first field). */
int proc_read_schedstat(struct proc *proc, pid_t pid, pid_t tid, uint64_t *run_ns);
/* Owner of /proc/PID (effective uid). */
int proc_owner(struct proc *proc, pid_t pid, uint32_t *uid);
/* Uid and Tgid lines of status. */
int proc_read_status(struct proc *proc, pid_t pid, uint32_t *real_uid, pid_t *tgid);
/* The command line with its NULs turned into blanks, trailing ones dropped; *text is new, owned by the caller;
 * at most `max` bytes. An empty one gives "". May block on a stuck process: never call it from the event loop. */
int proc_read_cmdline(struct proc *proc, pid_t pid, size_t max, char **text);

/* The load of the last minute in hundredths: tasks that run, wait for a CPU, or are in D. */
int proc_read_load(struct proc *proc, unsigned *hundredths);

/* Whether the TID is still that task, by its start time: 0, -ESRCH (gone, or given to another) or -errno. */
int proc_check_identity(struct proc *proc, const struct task_id *id);

/* CPU clock of a process in ns: 0.3 us, says whether anything ran. No /proc involved. -ESRCH: no such process. */
int proc_process_clock(pid_t pid, uint64_t *ns);
/* Of a thread: the kernel answers for the caller's own threads only, -ESRCH for all others. */
int proc_thread_clock(pid_t tid, uint64_t *ns);

#endif
