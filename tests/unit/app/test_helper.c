#include "helper.h"
#include "helper_message.h"
#include "helper_process.h"
#include "iotopx/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IOPRIO_WHO_THREAD 1
#define PATIENCE_MS 30000

/* A tree with the switch of delay accounting, so that the machine's is left alone. */
static char root[] = "/tmp/iotopx-helper-XXXXXX";
static char sysctl[sizeof(root) + 64];

static void write_sysctl(const char *text)
{
	FILE *file = fopen(sysctl, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int read_sysctl(void)
{
	FILE *file = fopen(sysctl, "re");
	int first;

	assert_non_null(file);
	first = getc(file);
	fclose(file);
	return first - '0';
}

static int make_root(void **state)
{
	static const char *const parts[] = { "/proc", "/proc/sys", "/proc/sys/kernel" };
	char path[sizeof(sysctl)];

	(void)state;
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		snprintf(path, sizeof(path), "%s%s", root, parts[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	snprintf(sysctl, sizeof(sysctl), "%s/proc/sys/kernel/task_delayacct", root);
	write_sysctl("0\n");
	return 0;
}

static int remove_root(void **state)
{
	static const char *const parts[] = { "/proc/sys/kernel/task_delayacct", "/proc/sys/kernel", "/proc/sys",
					     "/proc", "" };
	char path[sizeof(sysctl)];

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		snprintf(path, sizeof(path), "%s%s", root, parts[i]);
		remove(path);
	}
	return 0;
}

static struct helper *start(bool read_only)
{
	const struct helper_options options = { .read_only = read_only, .root = root };
	struct helper *helper;

	assert_int_equal(helper_start(&options, &helper), 0);
	return helper;
}

static struct task_id sleeper_start(void)
{
	struct timespec time;
	struct task_id id = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &time);
	id.start_ns = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
	id.tid = fork();
	if (id.tid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_true(id.tid > 0);
	return id;
}

/* One of our children by its name; 0 if there is none. */
static pid_t child_named(const char *name)
{
	char path[64], children[4096], comm[32];
	char *rest = NULL;
	ssize_t length;
	pid_t found = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = read(fd, children, sizeof(children) - 1);
	close(fd);
	assert_true(length >= 0);
	children[length] = '\0';
	for (char *word = strtok_r(children, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		snprintf(path, sizeof(path), "/proc/%s/comm", word);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		length = fd < 0 ? 0 : read(fd, comm, sizeof(comm) - 1);
		if (fd >= 0)
			close(fd);
		comm[length > 0 ? length : 0] = '\0';
		comm[strcspn(comm, "\n")] = '\0';
		if (strcmp(comm, name) == 0)
			found = (pid_t)strtol(word, NULL, 10);
	}
	return found;
}

/* A child that was just forked has its name soon. */
static pid_t await_child(const char *name)
{
	pid_t found = 0;

	for (int i = 0; i < PATIENCE_MS && !(found = child_named(name)); i++)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	assert_true(found > 0);
	return found;
}

static void await_end(struct helper *helper)
{
	const char *before = helper_notice(helper);

	for (int i = 0; i < PATIENCE_MS && helper_notice(helper) == before; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		helper_watch(helper);
	}
	assert_ptr_not_equal(helper_notice(helper), before);
}

static void test_acts(void **state)
{
	struct helper *helper = start(false);
	const struct actions actions = helper_actions(helper);
	const struct task_id id = sleeper_start();
	const struct task_id other = { id.tid, id.start_ns + 3600 * 1000000000ull };
	int status;

	(void)state;
	assert_int_equal(actions.set_prio(actions.data, &id, 3, 0), 0);
	assert_int_equal(syscall(SYS_ioprio_get, IOPRIO_WHO_THREAD, id.tid), 3 << 13);
	assert_int_equal(actions.set_prio(actions.data, &id, 2, 5), 0);
	assert_int_equal(syscall(SYS_ioprio_get, IOPRIO_WHO_THREAD, id.tid), 2 << 13 | 5);
	assert_int_equal(actions.set_prio(actions.data, &other, 3, 0), -ESRCH);
	assert_int_equal(actions.set_prio(actions.data, &id, 0, 0), -EINVAL);
	assert_int_equal(actions.set_prio(actions.data, &id, 4, 0), -EINVAL);
	assert_int_equal(actions.set_prio(actions.data, &id, 2, 8), -EINVAL);
	assert_int_equal(actions.send_signal(actions.data, &other, SIGTERM), -ESRCH);
	assert_int_equal(actions.send_signal(actions.data, &id, 0), -EINVAL);
	assert_int_equal(actions.send_signal(actions.data, &(struct task_id){ 0 }, SIGTERM), -ESRCH);
	assert_int_equal(kill(id.tid, 0), 0);
	assert_int_equal(actions.send_signal(actions.data, &id, SIGTERM), 0);
	assert_int_equal(waitpid(id.tid, &status, 0), id.tid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_true(helper_stop(helper));
	assert_int_equal(child_named("iotopx-actor"), 0);
}

static void test_delayacct(void **state)
{
	struct helper *helper = start(false);

	(void)state;
	write_sysctl("0\n");
	assert_int_equal(helper_set_delayacct(helper, true), 0);
	assert_int_equal(read_sysctl(), 1);
	assert_int_equal(helper_set_delayacct(helper, false), 0);
	assert_int_equal(read_sysctl(), 0);
	assert_int_equal(helper_set_delayacct(helper, true), 0);
	assert_true(helper_stop(helper));
	assert_int_equal(read_sysctl(), 1); /* by key: it stays */

	helper = start(false);
	assert_int_equal(helper_run_delayacct(helper), 0);
	assert_true(helper_stop(helper));
	assert_int_equal(read_sysctl(), 1); /* it was on before */

	write_sysctl("0\n");
	helper = start(false);
	assert_int_equal(helper_run_delayacct(helper), 0);
	assert_int_equal(read_sysctl(), 1);
	assert_true(helper_stop(helper));
	assert_int_equal(read_sysctl(), 0);
}

/* However the monitor ends. */
static void test_restores_after_a_kill(void **state)
{
	pid_t monitor;
	int ready[2], status;
	char byte;

	(void)state;
	write_sysctl("0\n");
	assert_int_equal(pipe(ready), 0);
	monitor = fork();
	assert_true(monitor >= 0);
	if (monitor == 0) {
		struct helper *helper = start(false);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		byte = helper_run_delayacct(helper) == 0 && read_sysctl() == 1;
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 1);
	assert_int_equal(kill(monitor, SIGKILL), 0);
	assert_int_equal(waitpid(monitor, &status, 0), monitor);
	for (int i = 0; i < PATIENCE_MS && read_sysctl() != 0; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	assert_int_equal(read_sysctl(), 0);
	close(ready[0]);
	close(ready[1]);
}

static void test_read_only(void **state)
{
	struct helper *helper = start(true);
	const struct actions actions = helper_actions(helper);
	const struct task_id id = sleeper_start();
	struct name_service names;
	char name[256];

	(void)state;
	write_sysctl("0\n");
	await_child("iotopx-namer");
	assert_int_equal(child_named("iotopx-actor"), 0);
	assert_int_equal(actions.set_prio(actions.data, &id, 3, 0), -EPERM);
	assert_int_equal(actions.send_signal(actions.data, &id, SIGKILL), -EPERM);
	assert_int_equal(helper_set_delayacct(helper, true), -EPERM);
	assert_int_equal(helper_run_delayacct(helper), -EPERM);
	assert_int_equal(read_sysctl(), 0);
	assert_int_equal(helper_names(helper, &names), 0);
	assert_int_equal(names.name(names.data, 0, name, sizeof(name)), 0);
	names.free(names.data);
	assert_int_equal(kill(id.tid, 0), 0);
	kill(id.tid, SIGKILL);
	waitpid(id.tid, NULL, 0);
	assert_true(helper_stop(helper));
}

static void test_names(void **state)
{
	struct helper *helper = start(false);
	struct name_service names;
	char name[256], small[2];

	(void)state;
	assert_int_equal(helper_names(helper, &names), 0);
	assert_int_equal(names.name(names.data, 0, name, sizeof(name)), 0);
	assert_string_equal(name, getpwuid(0)->pw_name);
	assert_int_equal(names.name(names.data, 0, small, sizeof(small)), -ENAMETOOLONG);
	assert_int_equal(names.name(names.data, 3999999999u, name, sizeof(name)), -ENOENT);
	assert_int_equal(names.name(names.data, UINT32_MAX, name, sizeof(name)), -EINVAL);
	/* Whoever asks after the end is told so, and does not touch what is gone. */
	assert_true(helper_stop(helper));
	assert_int_equal(names.name(names.data, 0, name, sizeof(name)), -ECHILD);
	names.free(names.data);
}

static void test_killed_helpers(void **state)
{
	struct helper *helper = start(false);
	const struct actions actions = helper_actions(helper);
	const struct task_id self = { getpid(), 0 };
	struct name_service names;
	char name[256];

	(void)state;
	write_sysctl("0\n");
	assert_int_equal(helper_names(helper, &names), 0);
	assert_int_equal(helper_run_delayacct(helper), 0);
	assert_null(helper_notice(helper));
	kill(await_child("iotopx-namer"), SIGKILL);
	await_end(helper);
	assert_string_equal(helper_notice(helper), "the helper that looks up users has ended: new ones are numbers");
	assert_int_equal(names.name(names.data, 0, name, sizeof(name)), -ECHILD);
	assert_int_equal(helper_set_delayacct(helper, true), 0);
	kill(await_child("iotopx-actor"), SIGKILL);
	assert_int_equal(actions.set_prio(actions.data, &self, 3, 0), -ECHILD); /* before anyone noticed, too */
	await_end(helper);
	assert_non_null(strstr(helper_notice(helper), "delay accounting stays on"));
	assert_int_equal(helper_set_delayacct(helper, false), -ECHILD);
	assert_int_equal(read_sysctl(), 1);
	assert_false(helper_stop(helper)); /* nobody switched it off */
	names.free(names.data);
}

/* Signals of the terminal and of service managers go to helpers too, and must not end them before the monitor. */
static void test_signals_of_the_group(void **state)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE };
	struct helper *helper = start(false);
	pid_t actor = await_child("iotopx-actor"), namer = await_child("iotopx-namer");
	struct name_service names;
	char name[256];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		kill(actor, numbers[i]);
		kill(namer, numbers[i]);
	}
	assert_int_equal(helper_names(helper, &names), 0);
	assert_int_equal(names.name(names.data, 0, name, sizeof(name)), 0);
	assert_int_equal(helper_set_delayacct(helper, false), 0);
	names.free(names.data);
	helper_watch(helper);
	assert_null(helper_notice(helper));
	assert_true(helper_stop(helper));
}

/* A stopped helper costs the monitor its patience once, and then next to nothing. What was told to have failed is not
 * done when it goes on, and what it answers then is not taken for the answer to something else. */
static void test_late_answer(void **state)
{
	struct helper *helper = start(false);
	pid_t actor = await_child("iotopx-actor");
	const struct actions actions = helper_actions(helper);

	(void)state;
	assert_int_equal(helper_set_delayacct(helper, false), 0); /* it is up */
	kill(actor, SIGSTOP);
	assert_int_equal(helper_set_delayacct(helper, true), -ETIMEDOUT);
	const uint64_t begin_ns = clock_read_ns(CLOCK_MONOTONIC);
	for (int i = 0; i < 5; i++)
		assert_int_equal(helper_set_delayacct(helper, true), -ETIMEDOUT);
	assert_true(clock_read_ns(CLOCK_MONOTONIC) - begin_ns < 2 * 1000000ull * HELPER_PATIENCE_MS);
	kill(actor, SIGCONT);
	int error = -ETIMEDOUT;
	for (int i = 0; i < PATIENCE_MS && error == -ETIMEDOUT; i++)
		error = actions.send_signal(actions.data, &(struct task_id){ actor, 12345678900000000ull }, SIGTERM);
	assert_int_equal(error, -ESRCH);
	assert_int_equal(read_sysctl(), 0);
	assert_int_equal(helper_set_delayacct(helper, false), 0);
	assert_true(helper_stop(helper));
}

/* True if it is a bound netlink socket of that protocol, which closes on exec; closes it. */
static bool is_netlink(int fd, int wanted)
{
	struct sockaddr_nl own = { 0 };
	socklen_t size = sizeof(own), int_size = sizeof(int);
	int protocol = -1;
	bool right = fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &int_size) == 0 &&
		     protocol == wanted && getsockname(fd, (struct sockaddr *)&own, &size) == 0 &&
		     own.nl_family == AF_NETLINK && own.nl_pid != 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC;

	close(fd);
	return right;
}

/* Descriptors in use, so that none is left over. */
static int descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static int descriptors_of(pid_t pid)
{
	char path[64];
	int count = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	directory = opendir(path);
	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

/* With --read-only too. */
static void test_opens_sockets(void **state)
{
	(void)state;
	for (int read_only = 0; read_only < 2; read_only++) {
		struct helper *helper = start(read_only);
		const struct netlink_service sockets = helper_sockets(helper);
		pid_t opener = await_child("iotopx-opener");
		int before = descriptors(), its = descriptors_of(opener);

		assert_true(is_netlink(sockets.open(sockets.data, NETLINK_KIND_TASKSTATS), NETLINK_GENERIC));
		if (geteuid() == 0) /* older kernels let nobody else listen */
			assert_true(is_netlink(sockets.open(sockets.data, NETLINK_KIND_BIRTHS), NETLINK_CONNECTOR));
		assert_int_equal(sockets.open(sockets.data, NETLINK_KINDS), -EINVAL);
		assert_int_equal(descriptors(), before);
		/* It closes its own once it is sent. */
		for (int i = 0; i < PATIENCE_MS && descriptors_of(opener) != its; i++)
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		assert_int_equal(descriptors_of(opener), its);
		assert_true(helper_stop(helper));
		assert_int_equal(child_named("iotopx-opener"), 0);
	}
}

/* What it is for: where the right to open one is given up. Without it there is none, and that is told. */
static int try_after_the_drop(bool kills)
{
	struct helper *helper = start(false);
	const struct netlink_service sockets = helper_sockets(helper);
	char error[256];
	int fd;

	if (kills) {
		kill(await_child("iotopx-opener"), SIGKILL);
		await_end(helper);
		if (!strstr(helper_notice(helper), "the helper that opens sockets has ended"))
			return 1;
	}
	if (privilege_drop(PRIVILEGE_MONITOR, error, sizeof(error)) != 0)
		return 77; /* a kernel without filters */
	if (netlink_socket_open(NETLINK_KIND_TASKSTATS) != -EPERM)
		return 2;
	fd = sockets.open(sockets.data, NETLINK_KIND_TASKSTATS);
	return (kills ? fd == -EPERM : is_netlink(fd, NETLINK_GENERIC)) ? 0 : 3;
}

static void test_opens_after_the_drop(void **state)
{
	(void)state;
	for (int kills = 0; kills < 2; kills++) {
		pid_t monitor = fork();
		int status;

		assert_true(monitor >= 0);
		if (monitor == 0)
			_exit(try_after_the_drop(kills));
		assert_int_equal(waitpid(monitor, &status, 0), monitor);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			skip();
		assert_int_equal(status, 0);
	}
}

/* Who has not given up the right to does without; a late answer's socket is closed. */
static void test_opener_that_fails(void **state)
{
	struct helper *helper = start(false);
	const struct netlink_service sockets = helper_sockets(helper);
	pid_t opener = await_child("iotopx-opener");
	int before = descriptors(), fd = -ETIMEDOUT;

	(void)state;
	assert_true(is_netlink(sockets.open(sockets.data, NETLINK_KIND_TASKSTATS), NETLINK_GENERIC));
	kill(opener, SIGSTOP);
	assert_int_equal(waitpid(opener, NULL, WUNTRACED), opener);
	assert_int_equal(sockets.open(sockets.data, NETLINK_KIND_TASKSTATS), -ETIMEDOUT);
	kill(opener, SIGCONT);
	for (int i = 0; i < PATIENCE_MS && fd == -ETIMEDOUT; i++)
		fd = sockets.open(sockets.data, NETLINK_KIND_TASKSTATS);
	assert_true(is_netlink(fd, NETLINK_GENERIC));
	assert_int_equal(descriptors(), before);
	kill(opener, SIGKILL);
	assert_true(is_netlink(sockets.open(sockets.data, NETLINK_KIND_TASKSTATS), NETLINK_GENERIC));
	await_end(helper);
	assert_true(helper_stop(helper));
}

/* What an enemy in the monitor's place could say. */
static void test_requests_are_checked(void **state)
{
	struct helper_state actor = { .part = PRIVILEGE_ACTOR, .root = root };
	struct helper_state namer = { .part = PRIVILEGE_NAMES, .root = root };
	struct helper_state opener = { .part = PRIVILEGE_OPENER, .root = root };
	const struct {
		struct helper_state *state;
		struct helper_request request;
		int error;
	} cases[] = {
		{ &namer, { .kind = HELPER_USER, .value = 0 }, 0 },
		{ &actor, { .kind = HELPER_DELAYACCT, .value = 1, .until_ns = 1 }, -ETIMEDOUT },
		{ &actor, { .kind = HELPER_USER, .value = 0 }, -EINVAL },
		{ &namer, { .kind = HELPER_DELAYACCT, .value = 1 }, -EINVAL },
		{ &namer, { .kind = HELPER_SIGNAL, .tid = 1, .value = SIGKILL }, -EINVAL },
		{ &namer, { .kind = HELPER_PRIO, .tid = 1, .value = 24 }, -EINVAL },
		{ &actor, { .kind = HELPER_KINDS, .tid = 1 }, -EINVAL },
		{ &actor, { .kind = UINT32_MAX }, -EINVAL },
		{ &actor, { .kind = HELPER_DELAYACCT, .value = 3 }, -EINVAL },
		{ &actor, { .kind = HELPER_DELAYACCT, .value = 0, .tid = 1 }, -EINVAL },
		{ &actor, { .kind = HELPER_DELAYACCT, .value = 0, .start_ns = 1 }, -EINVAL },
		{ &actor, { .kind = HELPER_SIGNAL, .tid = -1, .value = SIGTERM }, -EINVAL },
		{ &actor, { .kind = HELPER_SIGNAL, .tid = 0, .value = SIGTERM }, -EINVAL },
		{ &actor, { .kind = HELPER_SIGNAL, .tid = INT32_MAX, .value = 0 }, -EINVAL },
		{ &actor, { .kind = HELPER_SIGNAL, .tid = INT32_MAX, .value = 32 }, -EINVAL },
		{ &actor, { .kind = HELPER_SIGNAL, .tid = INT32_MAX, .value = UINT32_MAX }, -EINVAL },
		{ &actor, { .kind = HELPER_PRIO, .tid = INT32_MAX, .value = 7 }, -EINVAL },
		{ &actor, { .kind = HELPER_PRIO, .tid = INT32_MAX, .value = 25 }, -EINVAL },
		{ &actor, { .kind = HELPER_PRIO, .tid = 0, .value = 24 }, -EINVAL },
		{ &actor, { .kind = HELPER_SOCKET, .value = 0 }, -EINVAL },
		{ &namer, { .kind = HELPER_SOCKET, .value = 0 }, -EINVAL },
		{ &opener, { .kind = HELPER_SOCKET, .value = NETLINK_KINDS }, -EINVAL },
		{ &opener, { .kind = HELPER_SOCKET, .value = UINT32_MAX }, -EINVAL },
		{ &opener, { .kind = HELPER_SOCKET, .value = 0, .tid = 1 }, -EINVAL },
		{ &opener, { .kind = HELPER_SOCKET, .value = 0, .start_ns = 1 }, -EINVAL },
		{ &opener, { .kind = HELPER_SIGNAL, .tid = INT32_MAX, .value = SIGKILL }, -EINVAL },
		{ &opener, { .kind = HELPER_DELAYACCT, .value = 1 }, -EINVAL },
		{ &opener, { .kind = HELPER_USER, .value = 0 }, -EINVAL },
	};
	struct helper_answer answer;
	char bytes[sizeof(struct helper_request) + 1] = { 0 };

	(void)state;
	write_sysctl("0\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_true(helper_answer(cases[i].state, &cases[i].request, sizeof(cases[i].request), &answer));
		if (answer.error != cases[i].error)
			fail_msg("case %zu: %d", i, answer.error);
		assert_int_equal(answer.kind, cases[i].request.kind);
		assert_int_equal(answer.descriptor, -1);
	}
	for (size_t length = 0; length <= sizeof(bytes); length++)
		assert_int_equal(helper_answer(&actor, bytes, length, &answer),
				 length == sizeof(struct helper_request));
	assert_int_equal(read_sysctl(), 0);
	assert_false(actor.restores);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acts),
		cmocka_unit_test(test_delayacct),
		cmocka_unit_test(test_restores_after_a_kill),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_killed_helpers),
		cmocka_unit_test(test_signals_of_the_group),
		cmocka_unit_test(test_late_answer),
		cmocka_unit_test(test_opens_sockets),
		cmocka_unit_test(test_opens_after_the_drop),
		cmocka_unit_test(test_opener_that_fails),
		cmocka_unit_test(test_requests_are_checked),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
