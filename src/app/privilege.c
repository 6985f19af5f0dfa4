#include "privilege.h"
#include "calls.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP(name) (1ull << CAP_##name)
#define WORDS _LINUX_CAPABILITY_U32S_3
#define CAPS_END 64

/* Found by taking each away, on 6.18 (tests/system/test_privilege.py does it again); the manual has the same list. */
static const uint64_t privilege_parts[PRIVILEGE_PARTS] = {
	/* NET_ADMIN: the kernel asks for it at every taskstats request, not only when the socket is made.
	 * SYS_PTRACE, DAC_READ_SEARCH: /proc/PID/io, task/TID/io and fd of others ask for both. */
	[PRIVILEGE_MONITOR] = CAP(NET_ADMIN) | CAP(SYS_PTRACE) | CAP(DAC_READ_SEARCH),
	[PRIVILEGE_REPLAY] = 0,
	/* KILL: signals to others. SYS_NICE: their I/O priorities. SYS_ADMIN: kernel.task_delayacct, and the real time
	 * class on kernels before 5.14. */
	[PRIVILEGE_ACTOR] = CAP(KILL) | CAP(SYS_NICE) | CAP(SYS_ADMIN),
	[PRIVILEGE_NAMES] = 0,
	/* NET_ADMIN: of a socket's opener the kernel asks for it too (netlink_socket.h). */
	[PRIVILEGE_OPENER] = CAP(NET_ADMIN),
};

struct capabilities {
	uint64_t effective, permitted, inheritable;
};

/* The C library has no call for it, and libcap would be one more library for two lines. */
static int capabilities_get(struct capabilities *capabilities)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[WORDS] = { 0 };

	if (syscall(SYS_capget, &header, data) != 0)
		return -errno;
	capabilities->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	capabilities->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	capabilities->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

static int capabilities_set(const struct capabilities *capabilities)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[WORDS];

	for (unsigned i = 0; i < WORDS; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(capabilities->effective >> 32 * i),
			.permitted = (uint32_t)(capabilities->permitted >> 32 * i),
			.inheritable = (uint32_t)(capabilities->inheritable >> 32 * i),
		};
	return syscall(SYS_capset, &header, data) == 0 ? 0 : -errno;
}

uint64_t privilege_kept(enum privilege_part part)
{
	return privilege_parts[part];
}

/* Takes CAP_SETPCAP, which a user with capabilities of the file lacks: there the ban of exec alone has to do. */
static void limit_bounding_set(uint64_t keep)
{
	for (unsigned long number = 0; number < CAPS_END; number++)
		if (!(keep >> number & 1) && prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1)
			(void)prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
}

static int drop_capabilities(uint64_t keep)
{
	struct capabilities now = { 0 };
	int error = capabilities_get(&now);

	if (error)
		return error;
	limit_bounding_set(keep);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* EINVAL before 4.3, which has none */
	return capabilities_set(&(struct capabilities){
	    .effective = now.permitted & keep,
	    .permitted = now.permitted & keep,
	});
}

int privilege_drop(enum privilege_part part, char *error, size_t error_size)
{
	int result = drop_capabilities(privilege_parts[part]), other;

	if (result)
		snprintf(error, error_size, "capabilities can't be given up: %s", strerror(-result));
	other = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : -errno;
	if (other && !result)
		snprintf(error, error_size, "no_new_privs can't be set: %s", strerror(-other));
	result = result ? result : other;
	other = calls_forbid(part);
	if (other && !result)
		snprintf(error, error_size, "system calls can't be filtered on this kernel: %s", strerror(-other));
	return result ? result : other;
}

static int put_in_effect(bool on)
{
	struct capabilities now = { 0 };
	int error = capabilities_get(&now);

	if (error)
		return error;
	now.effective = on ? now.permitted : 0;
	return capabilities_set(&now);
}

int privilege_set_aside(void)
{
	return put_in_effect(false);
}

int privilege_take_up(void)
{
	return put_in_effect(true);
}
