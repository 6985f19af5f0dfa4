#include "iotopx/proc.h"

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
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A tree of our own: <root>/proc/... */
struct tree {
	char root[64];
	struct proc *proc;
};

static void tree_directory(const struct tree *tree, const char *path)
{
	char name[256];

	snprintf(name, sizeof(name), "%s/proc/%s", tree->root, path);
	assert_int_equal(mkdir(name, 0755), 0);
}

static void tree_bytes(const struct tree *tree, const char *path, const char *bytes, size_t size)
{
	char name[256];

	snprintf(name, sizeof(name), "%s/proc/%s", tree->root, path);
	FILE *file = fopen(name, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void tree_text(const struct tree *tree, const char *path, const char *text)
{
	tree_bytes(tree, path, text, strlen(text));
}

static int tree_setup(void **state)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	assert_non_null(tree);
	strcpy(tree->root, "/tmp/iotopx-proc-XXXXXX");
	assert_non_null(mkdtemp(tree->root));
	tree_directory(tree, "");
	tree_directory(tree, "42");
	tree_directory(tree, "42/task");
	tree_directory(tree, "42/task/42");
	tree_directory(tree, "42/task/43");
	assert_int_equal(proc_open(tree->root, &tree->proc), 0);
	*state = tree;
	return 0;
}

static int tree_remove(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)kind, (void)place;
	return remove(path);
}

static int tree_teardown(void **state)
{
	struct tree *tree = *state;

	proc_close(tree->proc);
	nftw(tree->root, tree_remove, 16, FTW_DEPTH | FTW_PHYS);
	free(tree);
	return 0;
}

/* What stands behind the name in stat: ppid 7, minflt 11, utime 13, stime 14, start 22222, blkio 42. */
#define STAT_TAIL                                                                                                      \
	" 7 1 1 0 -1 4194560 11 12 0 0 13 14 15 16 20 -5 1 0 22222 8192 150 18446744073709551615 1 1 0 0 0 0 0 0 0 0 " \
	"0 "                                                                                                           \
	"0 17 3 0 0 42 0 0 0 0 0 0 0 0 0 0\n"

static void check_stat(struct tree *tree, const char *line, const char *comm, char letter)
{
	struct proc_stat stat;

	tree_text(tree, "42/stat", line);
	assert_int_equal(proc_read_stat(tree->proc, 42, 0, &stat), 0);
	assert_string_equal(stat.comm, comm);
	assert_int_equal(stat.state, letter);
	assert_int_equal(stat.ppid, 7);
	assert_int_equal(stat.minflt, 11);
	assert_int_equal(stat.utime_ticks, 13);
	assert_int_equal(stat.stime_ticks, 14);
	assert_int_equal(stat.start_ticks, 22222);
	assert_int_equal(stat.blkio_ticks, 42);
}

static void test_stat_names(void **state)
{
	struct tree *tree = *state;

	check_stat(tree, "42 (cat) R" STAT_TAIL, "cat", 'R');
	check_stat(tree, "42 (a b) S" STAT_TAIL, "a b", 'S');
	check_stat(tree, "42 () Z" STAT_TAIL, "", 'Z');
	check_stat(tree, "42 ()) R 1 () D" STAT_TAIL, ")) R 1 (", 'D');
	check_stat(tree, "42 (x) S 1 (y) T" STAT_TAIL, "x) S 1 (y", 'T');
	check_stat(tree, "42 (one\ntwo) S" STAT_TAIL, "one\ntwo", 'S');
	check_stat(tree, "42 (\x1b[31m\xff\x9b) S" STAT_TAIL, "\x1b[31m\xff\x9b", 'S');
	/* Longer than we keep: as many as fit. */
	check_stat(tree, "42 (kworker/u8:2-events_unbound_and_more) I" STAT_TAIL, "kworker/u8:2-events_unbound_and",
		   'I');
}

/* The two flags that we keep, and all others. */
static void test_stat_flags(void **state)
{
	static const struct {
		const char *line;
		bool exiting, forked;
	} cases[] = {
		{ "42 (cat) R" STAT_TAIL, false, false },
		{ "42 (cat) R 7 1 1 0 -1 4 11 12 0 0 13 14 15 16 20 0 1 0 22222 8192 150 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 "
		  "17 3 "
		  "0 0 42 0\n",
		  true, false },
		{ "42 (cat) R 7 1 1 0 -1 64 11 12 0 0 13 14 15 16 20 0 1 0 22222 8192 150 1 1 1 0 0 0 0 0 0 0 0 0 0 0 "
		  "0 17 3 "
		  "0 0 42 0\n",
		  false, true },
		{ "42 (cat) R 7 1 1 0 -1 4294967227 11 12 0 0 13 14 15 16 20 0 1 0 22222 8192 150 1 1 1 0 0 0 0 0 0 0 "
		  "0 0 0 "
		  "0 0 17 3 0 0 42 0\n",
		  false, false },
	};
	struct tree *tree = *state;
	struct proc_stat stat;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tree_text(tree, "42/stat", cases[i].line);
		assert_int_equal(proc_read_stat(tree->proc, 42, 0, &stat), 0);
		assert_int_equal(stat.exiting, cases[i].exiting);
		assert_int_equal(stat.forked, cases[i].forked);
	}
}

static void test_stat_thread(void **state)
{
	struct tree *tree = *state;
	struct proc_stat stat;

	tree_text(tree, "42/stat", "42 (group) S" STAT_TAIL);
	tree_text(tree, "42/task/43/stat", "43 (thread) R" STAT_TAIL);
	assert_int_equal(proc_read_stat(tree->proc, 42, 43, &stat), 0);
	assert_string_equal(stat.comm, "thread");
	assert_int_equal(proc_read_stat(tree->proc, 42, 0, &stat), 0);
	assert_string_equal(stat.comm, "group");
}

static void test_stat_broken(void **state)
{
	struct tree *tree = *state;
	static const char good[] = "42 (cat) R" STAT_TAIL;
	static const char *const broken[] = {
		"\n",
		"42 cat R" STAT_TAIL,
		"42 )cat( R" STAT_TAIL,
		"42 (cat) 5" STAT_TAIL,
		"42 (cat)  R" STAT_TAIL,
		"42 (cat) R x",
		"42 (cat) R 7 1 1 0 -1 4194560 11",
		"42 (cat) R 7  1 1 0 -1 4194560 11 12 0 0 13 14 15 16 20 0 1 0 22222 8192 150 1 1 1 0 0 0 0 0 0 0 0 0 "
		"0 17 3 0 0 42 0\n",
		"42 (cat) R 7 1 1 0 -1 4194560 11 12 0 0 13 14 15 16 20 0 1 0 99999999999999999999 8192 150 1 1 1 0 0 "
		"0 0 0 0 0 0 0 0 17 3 0 0 42 0\n",
	};
	struct proc_stat stat, before;

	memset(&before, 0x5a, sizeof(before));
	stat = before;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		tree_text(tree, "42/stat", broken[i]);
		assert_int_equal(proc_read_stat(tree->proc, 42, 0, &stat), -EBADMSG);
	}
	/* Cut before the last field that we keep is there, whole or not: the kernel ends it with more. */
	const size_t needed = (size_t)(strstr(good, " 42 0 0") - good) + strlen(" 42 ");
	for (size_t length = 1; length < needed; length++) {
		tree_bytes(tree, "42/stat", good, length);
		assert_int_equal(proc_read_stat(tree->proc, 42, 0, &stat), -EBADMSG);
	}
	assert_memory_equal(&stat, &before, sizeof(stat));
	tree_text(tree, "42/stat", "");
	assert_int_equal(proc_read_stat(tree->proc, 42, 0, &stat), -ESRCH);
	assert_int_equal(proc_read_stat(tree->proc, 41, 0, &stat), -ENOENT);
	assert_int_equal(proc_read_stat(tree->proc, 0, 0, &stat), -EINVAL);
	assert_int_equal(proc_read_stat(tree->proc, -1, 0, &stat), -EINVAL);
}

static const char io_text[] = "rchar: 1\nwchar: 22\nsyscr: 333\nsyscw: 4444\nread_bytes: 55555\nwrite_bytes: 666666\n"
			      "cancelled_write_bytes: 18446744073709551615\n";

static void test_io(void **state)
{
	struct tree *tree = *state;
	struct counters counters;

	tree_text(tree, "42/task/43/io", io_text);
	assert_int_equal(proc_read_io(tree->proc, 42, 43, &counters), 0);
	assert_int_equal(counters.known, COUNTERS_IO);
	assert_int_equal(counters.approximate, 0);
	assert_int_equal(counters.value[COUNTER_READ_CHAR], 1);
	assert_int_equal(counters.value[COUNTER_WRITE_CHAR], 22);
	assert_int_equal(counters.value[COUNTER_READ_CALLS], 333);
	assert_int_equal(counters.value[COUNTER_WRITE_CALLS], 4444);
	assert_int_equal(counters.value[COUNTER_READ], 55555);
	assert_int_equal(counters.value[COUNTER_WRITE], 666666);
	assert_true(counters.value[COUNTER_CANCELLED] == UINT64_MAX);
	assert_int_equal(counters.value[COUNTER_BLKIO_COUNT], 0);
	/* A line that a later kernel adds. */
	tree_text(tree, "42/task/43/io",
		  "rchar: 1\nnew_bytes: much\nwchar: 22\nsyscr: 333\nsyscw: 4444\nread_bytes: 55555\n"
		  "write_bytes: 7\ncancelled_write_bytes: 8\n");
	assert_int_equal(proc_read_io(tree->proc, 42, 43, &counters), 0);
	assert_int_equal(counters.value[COUNTER_WRITE], 7);
}

static void test_io_broken(void **state)
{
	struct tree *tree = *state;
	struct counters counters, before;

	memset(&before, 0x5a, sizeof(before));
	counters = before;
	for (size_t length = 1; length < sizeof(io_text) - 1; length++) {
		tree_bytes(tree, "42/task/43/io", io_text, length);
		assert_int_equal(proc_read_io(tree->proc, 42, 43, &counters), -EBADMSG);
	}
	tree_text(tree, "42/task/43/io",
		  "rchar: -1\nwchar: 22\nsyscr: 333\nsyscw: 4444\nread_bytes: 5\nwrite_bytes: 6\n"
		  "cancelled_write_bytes: 7\n");
	assert_int_equal(proc_read_io(tree->proc, 42, 43, &counters), -EBADMSG);
	tree_text(tree, "42/task/43/io",
		  "rchar: 1 kB\nwchar: 22\nsyscr: 333\nsyscw: 4444\nread_bytes: 5\nwrite_bytes: 6\n"
		  "cancelled_write_bytes: 7\n");
	assert_int_equal(proc_read_io(tree->proc, 42, 43, &counters), -EBADMSG);
	assert_int_equal(proc_read_io(tree->proc, 42, 44, &counters), -ENOENT);
	assert_memory_equal(&counters, &before, sizeof(counters));
}

static void test_small_files(void **state)
{
	struct tree *tree = *state;
	uint64_t run_ns = 1;
	uint32_t uid = 1;
	pid_t tgid = 1;

	tree_text(tree, "42/task/42/schedstat", "123456789 5 6\n");
	assert_int_equal(proc_read_schedstat(tree->proc, 42, 42, &run_ns), 0);
	assert_int_equal(run_ns, 123456789);
	tree_text(tree, "42/task/42/schedstat", "nothing\n");
	assert_int_equal(proc_read_schedstat(tree->proc, 42, 42, &run_ns), -EBADMSG);
	assert_int_equal(run_ns, 123456789);
	/* The kernel escapes the newline of such a name. */
	tree_text(tree, "42/status",
		  "Name:\tx\\nUid:\t9\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t40\nNgid:\t0\nPid:\t42\n"
		  "Uid:\t1000\t1001\t1002\t1003\nGid:\t1\t2\t3\t4\n");
	assert_int_equal(proc_read_status(tree->proc, 42, &uid, &tgid), 0);
	assert_int_equal(uid, 1000);
	assert_int_equal(tgid, 40);
	tree_text(tree, "42/status", "Name:\tx\nTgid:\t40\n");
	assert_int_equal(proc_read_status(tree->proc, 42, &uid, &tgid), -EBADMSG);
	tree_text(tree, "42/status", "Name:\tx\nTgid:\t40\nUid:\t4294967296\t0\t0\t0\n");
	assert_int_equal(proc_read_status(tree->proc, 42, &uid, &tgid), -EBADMSG);
	assert_int_equal(uid, 1000);
	assert_int_equal(proc_owner(tree->proc, 42, &uid), 0);
	assert_int_equal(uid, geteuid());
	assert_int_equal(proc_owner(tree->proc, 41, &uid), -ENOENT);
}

static void check_cmdline(struct tree *tree, const char *bytes, size_t size, size_t max, const char *expected)
{
	char *text = NULL;

	tree_bytes(tree, "42/cmdline", bytes, size);
	assert_int_equal(proc_read_cmdline(tree->proc, 42, max, &text), 0);
	assert_string_equal(text, expected);
	free(text);
}

static void test_cmdline(void **state)
{
	struct tree *tree = *state;
	char *text = NULL;

	check_cmdline(tree, "dd\0if=x\0of=y\0", 13, 100, "dd if=x of=y");
	check_cmdline(tree, "dd\0\0\0", 5, 100, "dd");
	check_cmdline(tree, "a\0\0b\0", 5, 100, "a  b");
	check_cmdline(tree, "title: of its own ", 18, 100, "title: of its own ");
	check_cmdline(tree, "", 0, 100, "");
	check_cmdline(tree, "\0\0", 2, 100, "");
	check_cmdline(tree, "123456789", 9, 5, "12345");
	assert_int_equal(proc_read_cmdline(tree->proc, 41, 100, &text), -ENOENT);
	assert_null(text);
}

static void test_lists(void **state)
{
	struct tree *tree = *state;
	struct proc_list list = { .count = 0 };

	tree_directory(tree, "7");
	tree_directory(tree, "self");
	tree_directory(tree, "7x");
	tree_directory(tree, "007");
	tree_directory(tree, "0");
	tree_directory(tree, "99999999999");
	tree_text(tree, "uptime", "1 2\n");
	for (int round = 0; round < 2; round++) { /* the position goes back to the beginning */
		assert_int_equal(proc_list_processes(tree->proc, &list), 0);
		assert_int_equal(list.count, 2);
		assert_true(list.items[0].pid + list.items[1].pid == 7 + 42);
		assert_true(list.items[0].inode != 0 && list.items[0].inode != list.items[1].inode);
	}
	assert_int_equal(proc_list_threads(tree->proc, 42, &list), 0);
	assert_int_equal(list.count, 2);
	assert_true(list.items[0].pid + list.items[1].pid == 42 + 43);
	assert_int_equal(proc_list_threads(tree->proc, 41, &list), -ENOENT);
	free(list.items);
}

static void test_open_missing(void **state)
{
	struct proc *proc = NULL;
	char root[PATH_MAX + 8];

	(void)state;
	assert_int_equal(proc_open("/nowhere/at/all", &proc), -ENOENT);
	memset(root, 'x', sizeof(root) - 1);
	root[sizeof(root) - 1] = '\0';
	assert_int_equal(proc_open(root, &proc), -ENAMETOOLONG);
	assert_null(proc);
}

static void test_dup(void **state)
{
	struct tree *tree = *state;
	struct proc *copy;
	struct proc_list list = { .count = 0 };

	assert_int_equal(proc_dup(tree->proc, &copy), 0);
	assert_int_equal(proc_list_processes(tree->proc, &list), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(proc_list_processes(copy, &list), 0);
	assert_int_equal(list.count, 1);
	proc_close(copy);
	free(list.items);
}

/* The machine's own */

static void *wait_for_end(void *data)
{
	int *pipe_end = data;
	char byte;

	assert_int_equal(read(pipe_end[0], &byte, 1), 0);
	return NULL;
}

static bool list_has(const struct proc_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].pid == pid)
			return true;
	return false;
}

static void test_own_threads(void **state)
{
	struct proc *proc;
	struct proc_list list = { .count = 0 };
	pthread_t threads[20];
	int ends[2];

	(void)state;
	assert_int_equal(proc_open("", &proc), 0);
	assert_int_equal(pipe(ends), 0);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wait_for_end, ends), 0);
	assert_int_equal(proc_list_threads(proc, getpid(), &list), 0);
	assert_int_equal(list.count, 21);
	assert_true(list_has(&list, gettid()));
	close(ends[1]);
	for (size_t i = 0; i < 20; i++)
		pthread_join(threads[i], NULL);
	close(ends[0]);
	assert_int_equal(proc_list_processes(proc, &list), 0);
	assert_true(list_has(&list, getpid()));
	for (size_t i = 1; i < list.count; i++)
		assert_true(list.items[i - 1].pid < list.items[i].pid);
	free(list.items);
	proc_close(proc);
}

/* /proc/PID/task/TID/io counts the reading of itself as well: what is added is exact. */
static void test_own_io(void **state)
{
	struct proc *proc;
	struct counters before, after;
	char bytes[100];

	(void)state;
	assert_int_equal(proc_open("", &proc), 0);
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (proc_read_io(proc, getpid(), gettid(), &before) == -ENOENT)
		skip(); /* a kernel without task I/O accounting */
	assert_int_equal(proc_read_io(proc, getpid(), gettid(), &before), 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(read(zero, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(proc_read_io(proc, getpid(), gettid(), &after), 0);
	assert_int_equal(after.value[COUNTER_READ_CALLS] - before.value[COUNTER_READ_CALLS], 51);
	close(zero);
	proc_close(proc);
}

static uint64_t monotonic_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* A process that sleeps until it is killed. */
static pid_t sleeper_start(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* not left behind by a test that fails */
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

static void sleeper_end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_clocks(void **state)
{
	uint64_t one, two, other = 77;

	(void)state;
	assert_int_equal(proc_process_clock(getpid(), &one), 0);
	assert_int_equal(proc_thread_clock(gettid(), &other), 0);
	for (volatile int i = 0; i < 1000000; i++)
		continue;
	assert_int_equal(proc_process_clock(getpid(), &two), 0);
	assert_true(two > one);
	pid_t pid = sleeper_start();
	assert_int_equal(proc_process_clock(pid, &one), 0);
	sleeper_end(pid);
	assert_int_equal(proc_process_clock(pid, &other), -ESRCH);
	assert_int_equal(proc_process_clock(0, &other), -EINVAL);
	assert_int_equal(proc_process_clock(-1, &other), -EINVAL);
	/* Another process's threads don't tell. */
	assert_int_equal(proc_thread_clock(1, &other), -ESRCH);
}

static void test_identity(void **state)
{
	struct proc *proc;

	(void)state;
	assert_int_equal(proc_open("", &proc), 0);
	struct task_id id = { .start_ns = monotonic_ns() };
	id.tid = sleeper_start();
	assert_int_equal(proc_check_identity(proc, &id), 0);
	/* Another task that had the PID: it began a second before. (After: only what the machine slept may excuse it.)
	 */
	struct task_id former = { .tid = id.tid, .start_ns = id.start_ns - 1000000000u };
	struct timespec boot;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	if ((uint64_t)boot.tv_sec * 1000000000u + (uint64_t)boot.tv_nsec < monotonic_ns() + 100000000u)
		assert_int_equal(proc_check_identity(proc, &former), -ESRCH);
	struct task_id later = { .tid = id.tid, .start_ns = id.start_ns + 1000000000u };
	assert_int_equal(proc_check_identity(proc, &later), -ESRCH);
	sleeper_end(id.tid);
	assert_int_equal(proc_check_identity(proc, &id), -ESRCH);
	proc_close(proc);
}

#define TREE_TEST(function) cmocka_unit_test_setup_teardown(function, tree_setup, tree_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(test_stat_names),
		TREE_TEST(test_stat_flags),
		TREE_TEST(test_stat_thread),
		TREE_TEST(test_stat_broken),
		TREE_TEST(test_io),
		TREE_TEST(test_io_broken),
		TREE_TEST(test_small_files),
		TREE_TEST(test_cmdline),
		TREE_TEST(test_lists),
		TREE_TEST(test_dup),
		cmocka_unit_test(test_open_missing),
		cmocka_unit_test(test_own_threads),
		cmocka_unit_test(test_own_io),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
