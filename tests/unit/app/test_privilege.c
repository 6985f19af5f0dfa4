/* What is given up stays given up. Each case is a process of its own, since nothing of it can be undone. */
#include "calls.h"
#include "privilege.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAILED 99

/* Runs it in a process of its own: 0 if it returned 0. What it says is on stderr. */
static int apart(int (*run)(enum privilege_part part), enum privilege_part part)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		char error[256];

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (privilege_drop(part, error, sizeof(error)) != 0) {
			fprintf(stderr, "%s\n", error);
			_exit(FAILED);
		}
		_exit(run(part));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status))
		fprintf(stderr, "killed by signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

static int try_forbidden(enum privilege_part part)
{
	unsigned long with[CALLS_ARGUMENTS];
	const char *name;
	int wrong = 0;
	size_t tried = 0;

	for (size_t i = 0; (name = calls_name(part, i, with)) != NULL; i++) {
		int number = seccomp_syscall_resolve_name(name);
		pid_t self = getpid();

		if (number < 0)
			continue; /* not on this machine */
		tried++;
		long result = syscall(number, with[0], with[1], with[2], 0, 0, 0);
		int error = errno;
		if (getpid() != self) /* a fork that was not stopped */
			_exit(0);
		if (result == -1 && error == (strcmp(name, "clone3") == 0 ? ENOSYS : EPERM))
			continue;
		fprintf(stderr, "part %d: %s(%#lx, %#lx, %#lx): %ld, %s\n", (int)part, name, with[0], with[1], with[2],
			result, strerror(error));
		wrong++;
	}
	return wrong || tried < 20;
}

static void test_forbidden_calls_fail(void **state)
{
	(void)state;
	for (int part = 0; part < PRIVILEGE_PARTS; part++)
		assert_int_equal(apart(try_forbidden, (enum privilege_part)part), 0);
}

static int has_call(enum privilege_part part, const char *wanted)
{
	unsigned long with[CALLS_ARGUMENTS];
	const char *name;

	for (size_t i = 0; (name = calls_name(part, i, with)) != NULL; i++)
		if (strcmp(name, wanted) == 0)
			return 1;
	return 0;
}

/* What each part is for it can do, and no other. */
static void test_lists(void **state)
{
	static const char *const never[] = { "execve", "execveat", "process_vm_writev", "io_uring_setup", "bpf" };

	(void)state;
	for (int part = 0; part < PRIVILEGE_PARTS; part++)
		for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
			assert_true(has_call((enum privilege_part)part, never[i]));
	assert_true(has_call(PRIVILEGE_MONITOR, "socket") && has_call(PRIVILEGE_MONITOR, "kill"));
	assert_true(has_call(PRIVILEGE_ACTOR, "socket") && !has_call(PRIVILEGE_ACTOR, "pidfd_send_signal"));
	assert_true(!has_call(PRIVILEGE_OPENER, "bind") && has_call(PRIVILEGE_OPENER, "listen"));
	assert_true(has_call(PRIVILEGE_OPENER, "kill"));
	assert_true(!has_call(PRIVILEGE_NAMES, "socket") && has_call(PRIVILEGE_NAMES, "pidfd_send_signal"));
}

static void *other_thread(void *data)
{
	int *wrong = data;

	*wrong = socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != EPERM;
	return NULL;
}

/* Threads, own signals, files, memory: what a monitor lives on. A new thread is bound like the rest. */
static int try_allowed(enum privilege_part part)
{
	pthread_t thread;
	int wrong = 1, fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	void *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)part;
	if (fd < 0 || memory == MAP_FAILED || eventfd(0, EFD_CLOEXEC) < 0)
		return 1;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(fd, F_GETOWN) != 0 || ioctl(fd, FIONCLEX) != 0)
		return 5;
	if (signal(SIGUSR1, SIG_IGN) == SIG_ERR || raise(SIGUSR1) != 0)
		return 2;
	if (pthread_create(&thread, NULL, other_thread, &wrong) != 0 || pthread_join(thread, NULL) != 0)
		return 3;
	return wrong ? 4 : 0;
}

/* Netlink alone: no way to a network. */
static int try_domains(enum privilege_part part)
{
	static const int others[] = { AF_UNIX, AF_INET, AF_INET6, AF_PACKET, AF_ALG, AF_VSOCK };

	(void)part;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (socket(others[i], SOCK_DGRAM, 0) >= 0 || errno != EPERM)
			return 1;
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0) < 0;
}

static void test_opener_opens_netlink_only(void **state)
{
	(void)state;
	assert_int_equal(apart(try_domains, PRIVILEGE_OPENER), 0);
}

static void test_the_rest_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(apart(try_allowed, PRIVILEGE_MONITOR), 0);
	assert_int_equal(apart(try_allowed, PRIVILEGE_REPLAY), 0);
	assert_int_equal(apart(try_allowed, PRIVILEGE_ACTOR), 0);
}

static uint64_t status_value(const char *key, int base)
{
	char line[256];
	FILE *file = fopen("/proc/self/status", "re");
	uint64_t value = UINT64_MAX;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
			value = strtoull(line + strlen(key) + 1, NULL, base);
	if (file)
		fclose(file);
	return value;
}

static int try_status(enum privilege_part part)
{
	uint64_t kept = privilege_kept(part);
	bool root = geteuid() == 0;

	if (status_value("NoNewPrivs", 10) != 1 || status_value("Seccomp", 10) != 2)
		return 1;
	if (status_value("CapInh", 16) != 0 || status_value("CapAmb", 16) != 0)
		return 2;
	if ((status_value("CapPrm", 16) | status_value("CapEff", 16)) & ~kept)
		return 3;
	if (root && status_value("CapBnd", 16) & ~kept)
		return 4;
	return 0;
}

static void test_status(void **state)
{
	(void)state;
	for (int part = 0; part < PRIVILEGE_PARTS; part++)
		assert_int_equal(apart(try_status, (enum privilege_part)part), 0);
}

/* Aside, capabilities have no effect; taken up, those that were kept have it again, and no others. */
static int try_aside(enum privilege_part part)
{
	uint64_t permitted = status_value("CapPrm", 16);

	(void)part;
	if (privilege_set_aside() != 0 || status_value("CapEff", 16) != 0 || status_value("CapPrm", 16) != permitted)
		return 1;
	return privilege_take_up() != 0 || status_value("CapEff", 16) != permitted;
}

static void test_aside(void **state)
{
	(void)state;
	assert_int_equal(apart(try_aside, PRIVILEGE_MONITOR), 0);
	assert_int_equal(apart(try_aside, PRIVILEGE_REPLAY), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forbidden_calls_fail),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_the_rest_is_allowed),
		cmocka_unit_test(test_opener_opens_netlink_only),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
