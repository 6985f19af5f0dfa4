#include "iotopx/actions.h"

#include "iotopx/proc.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/ioprio.h is not there on every machine that builds this. */
#define IOPRIO_WHO_THREAD 1
#define IOPRIO_CLASS_RT 1
#define IOPRIO_CLASS_IDLE 3
#define IOPRIO_LEVEL_MAX 7
#define IOPRIO_CLASS_SHIFT 13

static int check_identity(const struct task_id *id)
{
	struct proc *proc;

	/* 0 and below mean ourselves or a group to the system calls. */
	if (id->tid <= 0)
		return -ESRCH;
	int error = proc_open("", &proc);
	if (error)
		return error;
	error = proc_check_identity(proc, id);
	proc_close(proc);
	return error;
}

static int direct_set_prio(void *data, const struct task_id *thread, int io_class, int level)
{
	(void)data;
	if (io_class < IOPRIO_CLASS_RT || io_class > IOPRIO_CLASS_IDLE || level < 0 || level > IOPRIO_LEVEL_MAX)
		return -EINVAL;
	int error = check_identity(thread);
	if (error)
		return error;
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_THREAD, thread->tid, io_class << IOPRIO_CLASS_SHIFT | level) != 0)
		return -errno;
	return 0;
}

/* First the descriptor, then the check: if the PID is still that process's, the descriptor is too. */
static int direct_send_signal(void *data, const struct task_id *process, int signal)
{
	(void)data;
	if (process->tid <= 0)
		return -ESRCH;
	int fd = (int)syscall(SYS_pidfd_open, process->tid, 0);
	if (fd < 0)
		return -errno;
	int error = check_identity(process);
	if (!error && syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) != 0)
		error = -errno;
	close(fd);
	return error;
}

struct actions actions_direct(void)
{
	return (struct actions){ .set_prio = direct_set_prio, .send_signal = direct_send_signal };
}
