#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BIT(part) (1u << PRIVILEGE_##part)
#define NO_SOCKETS (BIT(MONITOR) | BIT(REPLAY) | BIT(ACTOR))
#define NO_SERVERS (NO_SOCKETS | BIT(OPENER))
#define NO_ACTS (BIT(MONITOR) | BIT(REPLAY) | BIT(NAMES) | BIT(OPENER))
#define ALL (NO_SOCKETS | NO_ACTS)

/* LeakSanitizer looks at the threads by ptrace, from a process of its own. */
#if defined(__SANITIZE_ADDRESS__)
#define PLAIN 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PLAIN 0
#else
#define PLAIN ~0u
#endif
#else
#define PLAIN ~0u
#endif

/* clone(2) has its flags first, but for one kind of machine. */
#if defined(__s390__)
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

enum when {
	ALWAYS,
	OF_OTHERS,  /* the first argument is not our process */
	IF_GIVEN,   /* the first argument is not 0, which means ourselves */
	NOT_THREAD, /* clone(2) of a process */
	NO_NETLINK, /* the first argument is another domain of sockets */
	COMMAND,    /* the second argument is `command`; with a `flag`, the third has it */
};

struct forbidden {
	const char *name;
	unsigned parts;
	enum when when;
	int error; /* EPERM if 0 */
	unsigned command, flag;
};

/* What is not here may be called: a list of what is needed would break with the next C library. One entry a call; one
 * that this kernel or libseccomp has not heard of is skipped. */
static const struct forbidden calls_forbidden[] = {
	/* another program */
	{ "execve", ALL },
	{ "execveat", ALL },
	/* another process of ours: threads only */
	{ "fork", ALL &PLAIN },
	{ "vfork", ALL &PLAIN },
	{ "clone", ALL &PLAIN, NOT_THREAD },
	/* Its flags are in memory, where a filter can't look: the C library then falls back to clone. */
	{ "clone3", ALL &PLAIN, .error = ENOSYS },
	/* the inside of other processes */
	{ "ptrace", ALL &PLAIN },
	{ "process_vm_readv", ALL },
	{ "process_vm_writev", ALL },
	{ "process_madvise", ALL },
	{ "pidfd_getfd", ALL },
	{ "kcmp", ALL },
	/* new sockets; rings of io_uring open them without asking a filter */
	{ "socket", NO_SOCKETS },
	{ "socket", BIT(OPENER), NO_NETLINK },
	{ "socketpair", NO_SERVERS },
	{ "connect", NO_SOCKETS },
	{ "bind", NO_SOCKETS },
	{ "listen", NO_SERVERS },
	{ "accept", NO_SERVERS },
	{ "accept4", NO_SERVERS },
	{ "io_uring_setup", ALL },
	{ "io_uring_enter", ALL },
	{ "io_uring_register", ALL },
	/* what is done to other processes */
	{ "kill", NO_ACTS },
	{ "tkill", NO_ACTS },
	{ "tgkill", NO_ACTS, OF_OTHERS }, /* raise, abort, pthread_kill */
	{ "rt_sigqueueinfo", NO_ACTS },
	{ "rt_tgsigqueueinfo", NO_ACTS, OF_OTHERS },
	{ "pidfd_open", NO_ACTS },
	{ "pidfd_send_signal", NO_ACTS },
	{ "ioprio_set", NO_ACTS },
	{ "setpriority", ALL },
	{ "sched_setattr", ALL },
	{ "sched_setscheduler", ALL },
	{ "migrate_pages", ALL },
	{ "move_pages", ALL },
	{ "prlimit64", ALL, IF_GIVEN },
	/* signals by way of a descriptor, to the owner that it is given; a terminal's is whoever is in front of it */
	{ "fcntl", ALL, COMMAND, .command = F_SETOWN },
	{ "fcntl", ALL, COMMAND, .command = F_SETOWN_EX },
	{ "fcntl", ALL, COMMAND, .command = F_SETSIG },
	{ "fcntl", ALL, COMMAND, .command = F_SETFL, .flag = O_ASYNC },
	{ "fcntl64", ALL, COMMAND, .command = F_SETOWN },
	{ "fcntl64", ALL, COMMAND, .command = F_SETOWN_EX },
	{ "fcntl64", ALL, COMMAND, .command = F_SETSIG },
	{ "fcntl64", ALL, COMMAND, .command = F_SETFL, .flag = O_ASYNC },
	{ "ioctl", ALL, COMMAND, .command = FIOSETOWN },
	{ "ioctl", ALL, COMMAND, .command = SIOCSPGRP },
	{ "ioctl", ALL, COMMAND, .command = FIOASYNC },
	/* typing into a terminal, pasting into a console */
	{ "ioctl", ALL, COMMAND, .command = TIOCSTI },
	{ "ioctl", ALL, COMMAND, .command = TIOCLINUX },
	/* files by handle, past every directory: CAP_DAC_READ_SEARCH would allow it */
	{ "open_by_handle_at", ALL },
	/* the kernel itself */
	{ "acct", ALL },
	{ "add_key", ALL },
	{ "bpf", ALL },
	{ "chroot", ALL },
	{ "delete_module", ALL },
	{ "finit_module", ALL },
	{ "fsconfig", ALL },
	{ "fsmount", ALL },
	{ "fsopen", ALL },
	{ "fspick", ALL },
	{ "init_module", ALL },
	{ "ioperm", ALL },
	{ "iopl", ALL },
	{ "kexec_file_load", ALL },
	{ "kexec_load", ALL },
	{ "keyctl", ALL },
	{ "mount", ALL },
	{ "mount_setattr", ALL },
	{ "move_mount", ALL },
	{ "open_tree", ALL },
	{ "perf_event_open", ALL },
	{ "pivot_root", ALL },
	{ "quotactl", ALL },
	{ "quotactl_fd", ALL },
	{ "reboot", ALL },
	{ "request_key", ALL },
	{ "setns", ALL },
	{ "swapoff", ALL },
	{ "swapon", ALL },
	{ "umount2", ALL },
	{ "unshare", ALL },
	{ "userfaultfd", ALL },
};
#define FORBIDDEN_COUNT (sizeof(calls_forbidden) / sizeof(*calls_forbidden))

static int forbid(scmp_filter_ctx filter, const struct forbidden *call)
{
	const struct scmp_arg_cmp firsts[] = {
		[OF_OTHERS] = { .arg = 0, .op = SCMP_CMP_NE, .datum_a = (scmp_datum_t)getpid() },
		[IF_GIVEN] = { .arg = 0, .op = SCMP_CMP_NE, .datum_a = 0 },
		[NO_NETLINK] = { .arg = 0, .op = SCMP_CMP_NE, .datum_a = AF_NETLINK },
		[NOT_THREAD] = { .arg = CLONE_FLAGS, .op = SCMP_CMP_MASKED_EQ, .datum_a = CLONE_THREAD, .datum_b = 0 },
		/* The kernel looks at no more than 32 bits of it. */
		[COMMAND] = { .arg = 1, .op = SCMP_CMP_MASKED_EQ, .datum_a = UINT32_MAX, .datum_b = call->command },
	};
	const struct scmp_arg_cmp arguments[] = {
		firsts[call->when],
		{ .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = call->flag, .datum_b = call->flag },
	};
	unsigned count = call->when == ALWAYS ? 0 : call->flag ? 2 : 1;
	int number = seccomp_syscall_resolve_name(call->name), error;

	if (number == __NR_SCMP_ERROR)
		return 0;
	error = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((unsigned)(call->error ? call->error : EPERM)), number,
				       count, arguments);
	return error == -EDOM ? 0 : error; /* not a call of this machine */
}

int calls_forbid(enum privilege_part part)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = filter ? 0 : -ENOMEM;

	/* There are no threads yet; kernels before 3.17 can't reach them either. */
	if (!error)
		(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	for (size_t i = 0; i < FORBIDDEN_COUNT && !error; i++)
		if (calls_forbidden[i].parts >> part & 1)
			error = forbid(filter, &calls_forbidden[i]);
	if (!error)
		error = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return error;
}

const char *calls_name(enum privilege_part part, size_t index, unsigned long arguments[CALLS_ARGUMENTS])
{
	for (size_t i = 0; i < FORBIDDEN_COUNT; i++) {
		const struct forbidden *call = &calls_forbidden[i];

		if (!(call->parts >> part & 1) || index-- > 0)
			continue;
		arguments[0] = 1; /* not 0, not our process, no thread */
		arguments[1] = call->command;
		arguments[2] = call->flag;
		return call->name;
	}
	return NULL;
}
