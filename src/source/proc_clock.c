#include "iotopx/proc.h"
#include "iotopx/clock.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

/* The start in stat is cut to a clock tick, and a start told by taskstats lies some ms off. */
#define START_TOLERANCE_NS 50000000u

/* The kernel's clock ids of another process: include/linux/posix-timers_types.h. */
#define CPUCLOCK_SCHED 2
#define CPUCLOCK_PERTHREAD 4

static int cpu_clock(pid_t pid, int kind, uint64_t *ns)
{
	struct timespec time;
	const clockid_t clock = (clockid_t)((~(unsigned)pid << 3) | (unsigned)kind);

	if (pid <= 0)
		return -EINVAL;
	if (clock_gettime(clock, &time) != 0)
		return errno == EINVAL ? -ESRCH : -errno;
	*ns = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
	return 0;
}

int proc_process_clock(pid_t pid, uint64_t *ns)
{
	return cpu_clock(pid, CPUCLOCK_SCHED, ns);
}

int proc_thread_clock(pid_t tid, uint64_t *ns)
{
	return cpu_clock(tid, CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED, ns);
}

int proc_check_identity(struct proc *proc, const struct task_id *id)
{
	struct proc_stat stat;
	int error = proc_read_stat(proc, id->tid, 0, &stat);

	if (error)
		return error == -ENOENT ? -ESRCH : error;
	/* stat counts the time asleep (suspend) before the start too; how much of today's that was is not known. */
	const uint64_t asleep = clock_asleep_ns();
	const uint64_t start = stat.start_ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
	if (start + START_TOLERANCE_NS < id->start_ns || start > id->start_ns + asleep + START_TOLERANCE_NS)
		return -ESRCH;
	return 0;
}
