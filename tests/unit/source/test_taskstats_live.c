/* On the real kernel: needs root (CAP_NET_ADMIN in the initial namespaces), skips without. */
#include "iotopx/taskstats.h"

#include "iotopx/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CPUMASK "/sys/devices/system/cpu/possible"
#define THREADS 900
#define STACK_SIZE ((size_t)64 << 10)
/* Above the highest that a kernel gives (2^22). */
#define TID_NOBODY 0x3ffffff0
#define PATIENCE_MS 30000

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Threads that wait for the end of a pipe. */
struct crowd {
	pthread_t threads[THREADS];
	pid_t tids[THREADS];
	int ends[2];
	pthread_barrier_t born;
};

struct member {
	struct crowd *crowd;
	size_t index;
};

static void *member_main(void *data)
{
	struct member *member = data;
	struct crowd *crowd = member->crowd;
	char byte;

	crowd->tids[member->index] = gettid();
	free(member);
	pthread_barrier_wait(&crowd->born);
	ssize_t length = read(crowd->ends[0], &byte, 1);
	(void)length;
	return NULL;
}

static void crowd_start(struct crowd *crowd, size_t count)
{
	pthread_attr_t attributes;

	assert_int_equal(pipe(crowd->ends), 0);
	pthread_barrier_init(&crowd->born, NULL, (unsigned)count + 1);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	for (size_t i = 0; i < count; i++) {
		struct member *member = malloc(sizeof(*member));

		*member = (struct member){ crowd, i };
		assert_int_equal(pthread_create(&crowd->threads[i], &attributes, member_main, member), 0);
	}
	pthread_attr_destroy(&attributes);
	pthread_barrier_wait(&crowd->born);
}

static void crowd_end(struct crowd *crowd, size_t count)
{
	close(crowd->ends[1]);
	for (size_t i = 0; i < count; i++)
		pthread_join(crowd->threads[i], NULL);
	close(crowd->ends[0]);
	pthread_barrier_destroy(&crowd->born);
}

static struct taskstats *open_or_skip(void)
{
	struct taskstats *taskstats = NULL;
	char error[256] = "";
	int result = taskstats_open(&taskstats, error, sizeof(error));

	if (result == -EPERM || result == -ENOENT) {
		print_message("%s\n", error);
		skip();
	}
	if (result)
		fail_msg("%d: %s", result, error);
	assert_true(taskstats_version(taskstats) >= 4);
	assert_true(taskstats_payload_size(taskstats) >= 272);
	return taskstats;
}

/* Queries */

struct answers {
	const pid_t *tids;
	size_t next;
	uint64_t begin_ns;
};

static void check_answer(void *data, size_t index, pid_t tid, const struct taskstats_fields *fields, int error,
			 uint64_t begin_ns, uint64_t end_ns)
{
	struct answers *answers = data;

	assert_int_equal(index, answers->next);
	assert_int_equal(tid, answers->tids[index]);
	assert_true(begin_ns >= answers->begin_ns && end_ns >= begin_ns && end_ns <= now_ns());
	answers->next++;
	if (tid >= TID_NOBODY) {
		assert_null(fields);
		assert_int_equal(error, -ESRCH);
		return;
	}
	assert_int_equal(error, 0);
	assert_non_null(fields);
	assert_int_equal(fields->pid, tid);
	if (fields->has_tgid)
		assert_int_equal(fields->tgid, getpid());
}

static void check_query(struct taskstats *taskstats, const pid_t *tids, size_t count)
{
	struct answers answers = { .tids = tids, .begin_ns = now_ns() };

	assert_int_equal(taskstats_query(taskstats, tids, count, check_answer, &answers), 0);
	assert_int_equal(answers.next, count);
}

/* Every tenth is nobody. */
static void tids_mix(const struct crowd *crowd, pid_t tids[THREADS + 100])
{
	for (size_t i = 0, member = 0; i < THREADS + 100; i++)
		tids[i] = i % 10 == 3 ? TID_NOBODY + (pid_t)(i % 16) : crowd->tids[member++];
}

static void test_batches(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 63, 64, 65, 128, 129, 1000 };
	struct taskstats *taskstats = open_or_skip();
	struct crowd crowd;
	pid_t tids[THREADS + 100];
	pid_t nobody[200];

	(void)state;
	crowd_start(&crowd, THREADS);
	tids_mix(&crowd, tids);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		check_query(taskstats, tids, sizes[i]);
	for (size_t i = 0; i < 1000; i += 37)
		check_query(taskstats, tids + i, 1);
	for (size_t i = 0; i < 200; i++)
		nobody[i] = TID_NOBODY;
	check_query(taskstats, nobody, 200);
	crowd_end(&crowd, THREADS);
	taskstats_close(taskstats);
}

/* The only netlink socket of this process. */
static int netlink_fd(void)
{
	for (int fd = 3; fd < 100; fd++) {
		int domain;
		socklen_t size = sizeof(domain);

		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_NETLINK)
			return fd;
	}
	return -1;
}

/* Replies that do not fit into the socket vanish without an error of their own: all must be there all the same. */
static void test_overflow(void **state)
{
	struct taskstats *taskstats = open_or_skip();
	struct crowd crowd;
	pid_t tids[THREADS + 100];
	int least = 1, size;
	socklen_t length = sizeof(size);

	(void)state;
	crowd_start(&crowd, THREADS);
	tids_mix(&crowd, tids);
	int fd = netlink_fd();
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)), 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &length), 0);
	assert_true(size < 64 * 1024);
	check_query(taskstats, tids, 1000);
	check_query(taskstats, tids, 64);
	crowd_end(&crowd, THREADS);
	taskstats_close(taskstats);
}

static void own_fields(void *data, size_t index, pid_t tid, const struct taskstats_fields *fields, int error,
		       uint64_t begin_ns, uint64_t end_ns)
{
	(void)index, (void)tid, (void)error, (void)begin_ns, (void)end_ns;
	assert_non_null(fields);
	*(struct taskstats_fields *)data = *fields;
}

/* The numbers are those of the task: what it read in between, cut to the kernel's 1024. */
static void test_own_numbers(void **state)
{
	static char bytes[1 << 16];
	struct taskstats *taskstats = open_or_skip();
	struct taskstats_fields before, after;
	const pid_t self = gettid();
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(taskstats_query(taskstats, &self, 1, own_fields, &before), 0);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(read(zero, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(taskstats_query(taskstats, &self, 1, own_fields, &after), 0);
	const uint64_t chars = after.read_char - before.read_char;
	const uint64_t calls = after.read_syscalls - before.read_syscalls;
	assert_in_range(chars, (4096u << 16) - 1024u, (4096u << 16) + 4096u);
	assert_in_range(calls, 4096 - 1024, 4096 + 1024);
	assert_int_equal(after.uid, getuid());
	assert_int_equal(after.ppid, getppid());
	assert_true(after.etime_us >= before.etime_us);
	close(zero);
	taskstats_close(taskstats);
}

/* What a user without rights gets: a line that says what to do. */
static void test_no_permission(void **state)
{
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid_t pid = fork();
	if (pid == 0) {
		struct taskstats *taskstats = NULL;
		char error[256] = "";

		if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
			_exit(100);
		int result = taskstats_open(&taskstats, error, sizeof(error));
		bool good =
		    result == -ENOENT || (result == -EPERM && strstr(error, "sudo") && strstr(error, "CAP_NET_ADMIN"));
		_exit(good && !taskstats && error[0] && !strchr(error, '\n') ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A new socket in the place of one that failed; one that is none is refused. */
static void test_reopen(void **state)
{
	struct taskstats *taskstats = open_or_skip();
	const int fd = netlink_fd(), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const pid_t self = gettid();
	struct answers answers = { .tids = &self };

	(void)state;
	assert_int_equal(taskstats_failure(taskstats), 0);
	assert_int_equal(dup3(null, fd, O_CLOEXEC), fd);
	assert_int_equal(taskstats_query(taskstats, &self, 1, check_answer, &answers), -ENOTSOCK);
	assert_int_equal(taskstats_failure(taskstats), -ENOTSOCK);
	assert_int_equal(answers.next, 0);
	assert_int_equal(taskstats_reopen(taskstats, -EMFILE), -EMFILE);
	assert_int_equal(taskstats_query(taskstats, &self, 1, check_answer, &answers), -EBADF);
	assert_int_equal(taskstats_reopen(taskstats, null), -ENOTSOCK); /* and closed with the next */
	assert_int_equal(taskstats_failure(taskstats), -ENOTSOCK);
	assert_int_equal(taskstats_reopen(taskstats, netlink_socket_open(NETLINK_KIND_TASKSTATS)), 0);
	assert_int_equal(taskstats_failure(taskstats), 0);
	check_query(taskstats, &self, 1);
	taskstats_close(taskstats);
	assert_int_equal(fcntl(null, F_GETFD), -1);
	assert_int_equal(netlink_fd(), -1);
}

/* Exit records */

/* Kernel threads live in the initial network namespace. */
static bool other_network(void)
{
	char own[64] = "", initial[64] = "";

	return readlink("/proc/self/ns/net", own, sizeof(own) - 1) > 0 &&
	       readlink("/proc/2/ns/net", initial, sizeof(initial) - 1) > 0 && strcmp(own, initial) != 0;
}

static struct exits *exits_or_skip(struct taskstats *taskstats)
{
	struct exits *exits = NULL;
	int result = exits_open(taskstats, CPUMASK, netlink_socket_open(NETLINK_KIND_TASKSTATS), &exits);

	/* Refused outside the initial PID and user namespaces; accepted and silent in another network namespace. */
	if (result == -EINVAL || (result == 0 && other_network())) {
		exits_close(exits);
		taskstats_close(taskstats);
		skip();
	}
	assert_int_equal(result, 0);
	return exits;
}

struct record {
	uint32_t pid, tgid, exit_code;
	bool has_tgid;
	unsigned times; /* how often that PID exited; what stands here is of the last time */
	uint64_t write_char, time_ns, window_ns;
};

struct records {
	struct record *items;
	size_t count, capacity;
	struct idmap by_pid;
	long total;
};

/* NULL: no record of it. */
static struct record *records_find(const struct records *records, pid_t pid)
{
	uint32_t slot = idmap_get(&records->by_pid, (uint32_t)pid);

	return slot == IDMAP_NONE ? NULL : &records->items[slot];
}

static void records_free(struct records *records)
{
	free(records->items);
	idmap_free(&records->by_pid);
}

static void record_exit(void *data, const struct taskstats_fields *fields, uint64_t time_ns, uint64_t window_ns)
{
	struct records *records = data;
	struct record *record;

	assert_true(fields->pid > 0);
	record = records_find(records, (pid_t)fields->pid);
	if (!record) {
		record = array_append(records);
		assert_non_null(record);
		assert_int_equal(idmap_set(&records->by_pid, fields->pid, (uint32_t)(records->count - 1)), 0);
	}
	*record = (struct record){
		.pid = fields->pid,
		.tgid = fields->tgid,
		.exit_code = fields->exit_code,
		.has_tgid = fields->has_tgid,
		.times = record->times + 1,
		.write_char = fields->write_char,
		.time_ns = time_ns,
		.window_ns = window_ns,
	};
	records->total++;
}

static void drain(struct exits *exits, struct records *records)
{
	const long before = records->total;
	long count = exits_drain(exits, record_exit, records);

	assert_true(count >= 0);
	assert_int_equal(records->total - before, count);
}

/* Its record is sent before it can be reaped. vfork, because thousands of them shall not copy this process. */
static pid_t child_that_exits(int code)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(code);
	assert_true(pid > 0);
	return pid;
}

#define CHILDREN 3000

static void test_all_children(void **state)
{
	struct taskstats *taskstats = open_or_skip();
	struct exits *exits = exits_or_skip(taskstats);
	struct records records = { .total = 0 };
	static pid_t pids[CHILDREN];

	(void)state;
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = child_that_exits(i % 100);
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
		if (i % 1000 == 999) /* others' exits are in the queue too */
			drain(exits, &records);
	}
	drain(exits, &records);
	assert_int_equal(exits_lost(exits), 0);
	for (int i = 0; i < CHILDREN; i++) {
		const struct record *record = records_find(&records, pids[i]);

		assert_non_null(record);
		if (record->times == 1) /* a PID may come round */
			assert_int_equal(record->exit_code, (i % 100) << 8);
	}
	assert_true(records.total >= CHILDREN);
	records_free(&records);
	exits_close(exits);
	taskstats_close(taskstats);
}

static const struct record *wait_for_record(struct exits *exits, struct records *records, pid_t pid)
{
	struct pollfd event = { .fd = exits_fd(exits), .events = POLLIN };
	const uint64_t end_ns = now_ns() + (uint64_t)PATIENCE_MS * 1000000u;

	while (!records_find(records, pid)) {
		assert_true(now_ns() < end_ns);
		assert_true(poll(&event, 1, PATIENCE_MS) >= 0);
		drain(exits, records);
	}
	return records_find(records, pid);
}

/* The descriptor becomes readable; the figures and the time are the child's. */
static void test_record(void **state)
{
	static char bytes[1 << 16];
	struct taskstats *taskstats = open_or_skip();
	struct exits *exits = exits_or_skip(taskstats);
	struct records records = { .total = 0 };

	(void)state;
	for (int round = 0; round < 3; round++) {
		const uint64_t begin_ns = now_ns();
		pid_t pid = fork();
		if (pid == 0) {
			int null = open("/dev/null", O_WRONLY);
			for (int i = 0; i < 64; i++)
				if (write(null, bytes, sizeof(bytes)) < 0)
					_exit(1);
			_exit(7);
		}
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		const uint64_t end_ns = now_ns();
		const struct record *record = wait_for_record(exits, &records, pid);
		assert_int_equal(record->exit_code, 7 << 8);
		assert_int_equal(record->write_char, 64 << 16);
		if (record->has_tgid)
			assert_int_equal(record->tgid, pid);
		assert_true(record->time_ns >= begin_ns && record->time_ns <= now_ns());
		assert_true(record->time_ns - record->window_ns <= end_ns);
		drain(exits, &records);
	}
	records_free(&records);
	exits_close(exits);
	taskstats_close(taskstats);
}

static void test_threads(void **state)
{
	struct taskstats *taskstats = open_or_skip();
	struct exits *exits = exits_or_skip(taskstats);
	struct records records = { .total = 0 };
	struct crowd crowd;

	(void)state;
	crowd_start(&crowd, THREADS);
	drain(exits, &records);
	for (size_t i = 0; i < THREADS; i++)
		assert_null(records_find(&records, crowd.tids[i]));
	crowd_end(&crowd, THREADS);
	/* pthread_join returns when the thread has left its memory, a moment before its record. */
	for (size_t i = 0; i < THREADS; i++) {
		const struct record *record = wait_for_record(exits, &records, crowd.tids[i]);

		if (record->has_tgid)
			assert_int_equal(record->tgid, getpid());
	}
	records_free(&records);
	exits_close(exits);
	taskstats_close(taskstats);
}

/* Too small a buffer, nobody reads: what did not fit is counted. */
static void test_lost(void **state)
{
	enum { CROWD = 300 };
	struct taskstats *taskstats = open_or_skip();
	struct exits *exits = exits_or_skip(taskstats);
	struct records records = { .total = 0 };
	int least = 1;

	(void)state;
	assert_int_equal(exits_lost(exits), 0);
	assert_int_equal(setsockopt(exits_fd(exits), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)), 0);
	for (int i = 0; i < CROWD; i++) {
		pid_t pid = child_that_exits(0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	drain(exits, &records);
	uint64_t lost = exits_lost(exits);
	assert_true(lost > 0);
	assert_true((uint64_t)records.total + lost >= CROWD);
	/* And it goes on: with room again, all arrive. */
	least = 32 << 20;
	assert_int_equal(setsockopt(exits_fd(exits), SOL_SOCKET, SO_RCVBUFFORCE, &least, sizeof(least)), 0);
	drain(exits, &records);
	(void)exits_lost(exits);
	records_free(&records);
	records = (struct records){ .total = 0 };
	pid_t pid = child_that_exits(5);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	wait_for_record(exits, &records, pid);
	assert_int_equal(exits_lost(exits), 0);
	records_free(&records);
	exits_close(exits);
	taskstats_close(taskstats);
}

static int exits_on(struct taskstats *taskstats, const char *path, struct exits **exits)
{
	return exits_open(taskstats, path, netlink_socket_open(NETLINK_KIND_TASKSTATS), exits);
}

static void test_bad_cpumask(void **state)
{
	struct taskstats *taskstats = open_or_skip();
	struct exits *exits = NULL;

	(void)state;
	assert_int_equal(exits_on(taskstats, "/nowhere/possible", &exits), -ENOENT);
	assert_int_equal(exits_on(taskstats, "/dev/null", &exits), -EINVAL);
	/* Longer than any mask, and no mask. */
	assert_true(exits_on(taskstats, "/dev/zero", &exits) < 0);
	assert_true(exits_on(taskstats, "/proc/version", &exits) < 0);
	assert_null(exits);
	taskstats_close(taskstats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batches),     cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_own_numbers), cmocka_unit_test(test_no_permission),
		cmocka_unit_test(test_reopen),      cmocka_unit_test(test_all_children),
		cmocka_unit_test(test_record),      cmocka_unit_test(test_threads),
		cmocka_unit_test(test_lost),        cmocka_unit_test(test_bad_cpumask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
