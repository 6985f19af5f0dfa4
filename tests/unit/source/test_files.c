/* Open files and priorities of whole processes, of processes that this test starts. */
#include "iotopx/lookup_live.h"
#include "iotopx/open_files.h"

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
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 30000
#define MANY 700

struct machine {
	struct proc *proc;
	struct lookup_live *live;
	struct lookup lookup;
};

static void machine_open(struct machine *machine)
{
	assert_int_equal(proc_open("", &machine->proc), 0);
	assert_int_equal(lookup_live_open(machine->proc, "", NULL, &machine->live), 0);
	machine->lookup = lookup_live_interface(machine->live);
}

static void machine_close(struct machine *machine)
{
	lookup_live_close(machine->live);
	proc_close(machine->proc);
}

/* With the start that the kernel has, or another task's. */
static struct task_info *info_of(const struct machine *machine, pid_t tid, bool is_other)
{
	struct task_info *info = task_info_new();
	struct proc_stat stat;

	assert_non_null(info);
	assert_int_equal(proc_read_stat(machine->proc, tid, 0, &stat), 0);
	info->id.tid = tid;
	info->id.start_ns = stat.start_ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
	if (is_other)
		info->id.start_ns += 5000000000u;
	info->process = info->id;
	return info;
}

/* Asks until an answer newer than `than` is there. */
static const struct open_files *await(struct machine *machine, const struct task_info *info, uint64_t than)
{
	for (int waited = 0; waited < PATIENCE_MS; waited += 50) {
		const struct open_files *files = machine->lookup.files(machine->lookup.data, info);
		struct pollfd event = { .fd = lookup_live_fd(machine->live), .events = POLLIN };

		if (files && files->read_ns > than)
			return files;
		poll(&event, 1, 50);
		lookup_live_collect(machine->live);
	}
	fail_msg("no answer");
	return NULL;
}

/* A child that holds still with what `prepare` opened. */
static pid_t child_start(void (*prepare)(const char *path), const char *path)
{
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failing test leaves nobody behind */
		prepare(path);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void child_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void open_some(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
	int ends[2];

	if (file < 0 || lseek(file, 12345, SEEK_SET) < 0 || dup2(file, 90) < 0 || pipe(ends) < 0)
		_exit(1);
}

static const struct open_file *find(const struct open_files *files, int fd)
{
	for (size_t i = 0; i < files->count; i++)
		if (files->items[i].fd == fd)
			return &files->items[i];
	return NULL;
}

static void test_files(void **state)
{
	char path[] = "/tmp/iotopx-test-files-XXXXXX";
	struct machine machine;

	(void)state;
	close(mkstemp(path));
	pid_t pid = child_start(open_some, path);
	machine_open(&machine);
	struct task_info *info = info_of(&machine, pid, false);
	const struct open_files *files = await(&machine, info, 0);
	uint64_t first = files->read_ns;

	assert_int_equal(files->error, 0);
	assert_true(files->total >= 4);
	assert_false(files->more);
	const struct open_file *file = find(files, 90);
	assert_non_null(file);
	assert_true(file->known);
	assert_string_equal(file->path, path);
	assert_int_equal(file->position, 12345);
	assert_int_equal(file->flags & O_ACCMODE, O_RDWR);
	assert_true(file->flags & O_APPEND);
	bool others = false;
	for (size_t i = 0; i < files->count; i++) { /* what has a path comes first */
		assert_false(others && files->items[i].path[0] == '/');
		others |= files->items[i].path[0] != '/';
	}
	assert_true(others);
	await(&machine, info, first); /* and anew, if it is asked for again */
	machine_close(&machine);
	task_info_unref(info);
	child_end(pid);
	unlink(path);
}

static void open_many(const char *path)
{
	(void)path;
	for (int i = 0; i < MANY; i++)
		if (open("/dev/null", O_RDONLY) < 0)
			_exit(1);
}

static void test_many_files(void **state)
{
	struct machine machine;

	(void)state;
	pid_t pid = child_start(open_many, "");
	machine_open(&machine);
	struct task_info *info = info_of(&machine, pid, false);
	const struct open_files *files = await(&machine, info, 0);

	assert_int_equal(files->count, OPEN_FILES_MAX);
	assert_true(files->total >= MANY);
	assert_int_equal(find(files, files->items[0].fd)->flags & O_ACCMODE, O_RDONLY);
	machine_close(&machine);
	task_info_unref(info);
	child_end(pid);
}

/* The number was given to another task: its files are none of ours. */
static void test_files_of_another(void **state)
{
	struct machine machine;

	(void)state;
	machine_open(&machine);
	struct task_info *other = info_of(&machine, getpid(), true);
	const struct open_files *files = await(&machine, other, 0);

	assert_int_equal(files->error, -ESRCH);
	assert_int_equal(files->count, 0);
	struct task_info *self = info_of(&machine, getpid(), false);
	/* Another question: no answer of before is given to it. */
	assert_null(machine.lookup.files(machine.lookup.data, self));
	assert_int_equal(await(&machine, self, 0)->error, 0);
	/* Closing while one is on its way leaves nothing behind. */
	machine.lookup.files(machine.lookup.data, other);
	machine_close(&machine);
	task_info_unref(self);
	task_info_unref(other);
}

struct member {
	pthread_t thread;
	int ready[2], leave[2];
	int prio;
};

static void *member_main(void *data)
{
	struct member *member = data;
	char byte;

	if (syscall(SYS_ioprio_set, 1, 0, member->prio) != 0 || write(member->ready[1], "", 1) != 1)
		return NULL;
	return read(member->leave[0], &byte, 1) == 1 ? member : NULL;
}

static void member_start(struct member *member, int prio)
{
	char byte;

	member->prio = prio;
	assert_int_equal(pipe(member->ready), 0);
	assert_int_equal(pipe(member->leave), 0);
	assert_int_equal(pthread_create(&member->thread, NULL, member_main, member), 0);
	assert_int_equal(read(member->ready[0], &byte, 1), 1);
}

static void member_end(struct member *member)
{
	assert_int_equal(write(member->leave[1], "", 1), 1);
	assert_int_equal(pthread_join(member->thread, NULL), 0);
	for (int i = 0; i < 2; i++) {
		close(member->ready[i]);
		close(member->leave[i]);
	}
}

static struct prio own_prio(void)
{
	struct machine machine; /* a new one: answers are kept for a second */

	machine_open(&machine);
	struct task_info *info = info_of(&machine, getpid(), false);
	struct prio prio = machine.lookup.process_prio(machine.lookup.data, info);

	machine_close(&machine);
	task_info_unref(info);
	return prio;
}

/* The kernel's list of threads is cut short when one exits that moment, and a thread that was joined may be listed for
 * another. */
static void wait_for_mixed(bool mixed)
{
	for (int waited = 0; own_prio().mixed != mixed; waited += 10) {
		assert_true(waited < PATIENCE_MS);
		poll(NULL, 0, 10);
	}
}

static void test_mixed_priorities(void **state)
{
	struct member same, other;
	struct prio prio;

	(void)state;
	assert_int_equal(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 5), 0);
	member_start(&same, 2 << 13 | 5);
	wait_for_mixed(false); /* workers of the tests before may still be on their way out */
	prio = own_prio();
	assert_int_equal(prio.io_class, 2);
	assert_int_equal(prio.level, 5);
	member_start(&other, 2 << 13 | 6);
	wait_for_mixed(true);
	assert_int_equal(own_prio().level, 5); /* the leader's */
	member_end(&other);
	wait_for_mixed(false);
	member_end(&same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_many_files),
		cmocka_unit_test(test_files_of_another),
		cmocka_unit_test(test_mixed_priorities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
