/* On the real kernel: needs root (CAP_NET_ADMIN in the initial namespaces), skips without. */
#include "forks.h"

#include "iotopx/clock.h"
#include "iotopx/netlink_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STORM 4000

struct births {
	pid_t wanted;
	unsigned told;
	uint64_t time_ns;
};

static int count_wanted(void *data, pid_t pid, uint64_t time_ns)
{
	struct births *births = data;

	if (pid != births->wanted)
		return 0;
	births->told++;
	births->time_ns = time_ns;
	return 0;
}

static int refuse(void *data, pid_t pid, uint64_t time_ns)
{
	(void)data;
	(void)pid;
	(void)time_ns;
	return -ENOMEM;
}

static pid_t child_that_exits(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static struct forks *open_or_skip(void)
{
	struct forks *forks;
	struct births births = { 0 };

	if (forks_open(netlink_socket_open(NETLINK_KIND_BIRTHS), &forks) != 0)
		skip();
	births.wanted = child_that_exits();
	(void)forks_take(forks, count_wanted, &births);
	if (births.told == 0) { /* another namespace */
		forks_close(forks);
		skip();
	}
	return forks;
}

static void *thread_main(void *data)
{
	*(pid_t *)data = gettid();
	return NULL;
}

static void test_births(void **state)
{
	struct forks *forks = open_or_skip();
	struct births births = { 0 };
	uint64_t before = clock_read_ns(CLOCK_MONOTONIC);

	(void)state;
	births.wanted = child_that_exits();
	assert_int_equal(forks_take(forks, count_wanted, &births), 0);
	assert_int_equal(births.told, 1);
	assert_true(births.time_ns >= before && births.time_ns <= clock_read_ns(CLOCK_MONOTONIC));
	assert_int_equal(forks_take(forks, count_wanted, &births), 0);
	assert_int_equal(births.told, 1);
	births.wanted = child_that_exits();
	assert_int_equal(forks_take(forks, refuse, NULL), -ENOMEM);
	forks_close(forks);
	forks_close(NULL);
}

static void test_threads_are_not_told(void **state)
{
	struct forks *forks = open_or_skip();
	struct births births = { 0 };
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, thread_main, &births.wanted), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(births.wanted > 0);
	assert_int_equal(forks_take(forks, count_wanted, &births), 0);
	assert_int_equal(births.told, 0);
	forks_close(forks);
}

/* More than the socket holds: that is said once, and births are told again. */
static void test_overflow(void **state)
{
	struct forks *forks = open_or_skip();
	struct births births = { 0 };

	(void)state;
	for (int i = 0; i < STORM; i++)
		child_that_exits();
	assert_int_equal(forks_take(forks, count_wanted, &births), -ENOBUFS);
	births.wanted = child_that_exits();
	assert_int_equal(forks_take(forks, count_wanted, &births), 0);
	assert_int_equal(births.told, 1);
	forks_close(forks);
}

/* Words of 32 bits in the machine's order: a netlink header, a connector's, and the event of a fork. */
static void test_parse(void **state)
{
	uint32_t words[17] = {
		68, 0, 7, 0, 1, 1, 7, 0, 0, 1 /* what */, 0, 500, 0, 10, 10, 4242, 4242,
	};
	const uint16_t type_flags[] = { 3 /* NLMSG_DONE */, 0 };
	static const size_t decisive[] = { 1, 4, 5, 9, 15, 16 };
	uint64_t time_ns = 0;
	pid_t pid = 0;

	(void)state;
	memcpy(&words[1], type_flags, sizeof(type_flags));
	assert_true(forks_parse(words, sizeof(words), &pid, &time_ns));
	assert_int_equal(pid, 4242);
	pid = 0;
	assert_false(forks_parse(words, sizeof(words) - 1, &pid, &time_ns));
	for (size_t i = 0; i < sizeof(decisive) / sizeof(*decisive); i++) {
		words[decisive[i]] ^= 0x10001;
		assert_false(forks_parse(words, sizeof(words), &pid, &time_ns));
		words[decisive[i]] ^= 0x10001;
	}
	assert_int_equal(pid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_births),
		cmocka_unit_test(test_threads_are_not_told),
		cmocka_unit_test(test_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
