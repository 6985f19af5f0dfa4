#include "iotopx/device_stat.h"
#include "iotopx/lookup_live.h"

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
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 30000
#define UID_NOBODY_HAS 3999999999u

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static struct task_info *info_new(pid_t tid, uint64_t start_ns)
{
	struct task_info *info = task_info_new();

	assert_non_null(info);
	info->id = (struct task_id){ tid, start_ns };
	info->process = info->id;
	return info;
}

/* The machine's own */

struct machine {
	struct proc *proc;
	struct lookup_live *live;
	struct lookup lookup;
};

static int machine_setup(void **state)
{
	struct machine *machine = calloc(1, sizeof(*machine));

	assert_non_null(machine);
	assert_int_equal(proc_open("", &machine->proc), 0);
	assert_int_equal(lookup_live_open(machine->proc, "", NULL, &machine->live), 0);
	machine->lookup = lookup_live_interface(machine->live);
	*state = machine;
	return 0;
}

static int machine_teardown(void **state)
{
	struct machine *machine = *state;

	lookup_live_close(machine->live);
	proc_close(machine->proc);
	free(machine);
	return 0;
}

static const char *user(struct machine *machine, uint32_t uid)
{
	return machine->lookup.user(machine->lookup.data, uid);
}

static void test_users(void **state)
{
	struct machine *machine = *state;
	struct passwd *root = getpwuid(0);
	char *name = root ? strdup(root->pw_name) : strdup("0");

	/* The number at once, the name when it has come. */
	const char *first = user(machine, 0);
	assert_string_equal(first, "0");
	const char *nobody = user(machine, UID_NOBODY_HAS);
	assert_string_equal(nobody, "3999999999");
	lookup_live_wait(machine->live, PATIENCE_MS);
	assert_string_equal(user(machine, 0), name);
	assert_string_equal(user(machine, UID_NOBODY_HAS), "3999999999");
	/* What was handed out stays. */
	assert_string_equal(first, "0");
	assert_ptr_equal(user(machine, UID_NOBODY_HAS), nobody);
	assert_string_equal(user(machine, UINT32_MAX), "?");
	assert_string_equal(user(machine, UINT32_MAX - 1), "4294967294");
	free(name);
}

/* More than may be on their way at once: all are answered in the end, each asked once. */
static void test_many_users(void **state)
{
	struct machine *machine = *state;
	char number[16];

	for (int round = 0; round < 10; round++) {
		for (uint32_t uid = 0; uid < 1000; uid++) {
			const char *name = user(machine, UID_NOBODY_HAS - uid);
			snprintf(number, sizeof(number), "%u", UID_NOBODY_HAS - uid);
			assert_string_equal(name, number);
		}
		lookup_live_wait(machine->live, PATIENCE_MS);
	}
	struct pollfd event = { .fd = lookup_live_fd(machine->live), .events = POLLIN };
	lookup_live_collect(machine->live);
	assert_string_equal(user(machine, UID_NOBODY_HAS - 999), "3999999000");
	assert_int_equal(poll(&event, 1, 0), 0);
}

/* Returns when the exec is through: the command line is sleep's. */
static pid_t sleep_start(void)
{
	const uint64_t end_ns = now_ns() + (uint64_t)PATIENCE_MS * 1000000u;
	char path[64], line[64] = "";
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* not left behind by a test that fails */
		execlp("sleep", "sleep", "1000", "1", (char *)NULL);
		_exit(1);
	}
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	while (strcmp(line, "sleep") != 0) {
		assert_true(now_ns() < end_ns);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t length = fd < 0 ? 0 : read(fd, line, sizeof(line) - 1);
		line[length > 0 ? length : 0] = '\0';
		close(fd);
	}
	return pid;
}

static void child_end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static const char *cmdline(struct machine *machine, struct task_info *info)
{
	return machine->lookup.cmdline(machine->lookup.data, info);
}

static void test_cmdline(void **state)
{
	struct machine *machine = *state;
	const pid_t pid = sleep_start();
	struct proc_stat stat;

	/* The kernel's own word: on a busy machine a fork may take longer than an identity has slack. */
	assert_int_equal(proc_read_stat(machine->proc, pid, 0, &stat), 0);
	struct task_info *info = info_new(pid, stat.start_ticks * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK)));
	struct pollfd event = { .fd = lookup_live_fd(machine->live), .events = POLLIN };

	assert_null(cmdline(machine, info));
	assert_null(cmdline(machine, info));
	assert_int_equal(poll(&event, 1, PATIENCE_MS), 1);
	/* It comes on our thread, when we take it. */
	assert_null(info->cmdline);
	assert_int_equal(info->refs, 2);
	lookup_live_collect(machine->live);
	assert_int_equal(info->refs, 1);
	assert_non_null(info->cmdline);
	assert_string_equal(cmdline(machine, info), "sleep 1000 1");
	assert_ptr_equal(cmdline(machine, info), info->cmdline);
	assert_int_equal(poll(&event, 1, 0), 0);
	task_info_unref(info);
	child_end(pid);
}

static void check_none(struct machine *machine, struct task_info *info)
{
	struct pollfd event = { .fd = lookup_live_fd(machine->live), .events = POLLIN };

	assert_null(cmdline(machine, info));
	lookup_live_wait(machine->live, PATIENCE_MS);
	assert_null(cmdline(machine, info));
	/* Not asked again. (The descriptor may have been written after the answer was seen.) */
	assert_int_equal(info->refs, 1);
	lookup_live_collect(machine->live);
	assert_int_equal(poll(&event, 1, 0), 0);
	task_info_unref(info);
}

/* Who is gone, who has another's PID, who has none. */
static void test_no_cmdline(void **state)
{
	struct machine *machine = *state;
	const uint64_t start_ns = now_ns();
	const pid_t pid = sleep_start();

	check_none(machine, info_new(pid, start_ns + 5000000000u));
	child_end(pid);
	check_none(machine, info_new(pid, start_ns));
	check_none(machine, info_new(0, 0));
	check_none(machine, info_new(0x3ffffff0, start_ns));
	/* kthreadd; elsewhere (a PID namespace) whoever has that number: another start. */
	check_none(machine, info_new(2, 0));
}

/* Closed with answers on their way: no leak, no use of what is freed (the sanitizers tell). */
static void test_close_early(void **state)
{
	struct machine *machine = *state;
	const uint64_t start_ns = now_ns();
	const pid_t pid = sleep_start();

	for (int round = 0; round < 50; round++) {
		struct lookup_live *live;
		struct task_info *info = info_new(pid, start_ns);

		assert_int_equal(lookup_live_open(machine->proc, "", NULL, &live), 0);
		struct lookup lookup = lookup_live_interface(live);
		lookup.cmdline(lookup.data, info);
		lookup.user(lookup.data, (uint32_t)round);
		task_info_unref(info);
		lookup_live_close(live);
	}
	child_end(pid);
}

/* I/O priorities */

static struct prio prio_of(pid_t tid)
{
	struct proc *proc;
	struct lookup_live *live;
	struct task_info *info = info_new(tid, 0);

	/* A look-up of its own: an answer is kept for a second. */
	assert_int_equal(proc_open("", &proc), 0);
	assert_int_equal(lookup_live_open(proc, "", NULL, &live), 0);
	struct lookup lookup = lookup_live_interface(live);
	struct prio prio = lookup.prio(lookup.data, info);
	lookup_live_close(live);
	proc_close(proc);
	task_info_unref(info);
	return prio;
}

static void check_prio(pid_t tid, int io_class, int level)
{
	struct prio prio = prio_of(tid);

	assert_int_equal(prio.io_class, io_class);
	assert_int_equal(prio.level, level);
	assert_false(prio.mixed);
}

static void test_prio(void **state)
{
	const struct sched_param none = { .sched_priority = 0 };

	(void)state;
	const pid_t pid = sleep_start();
	/* Whatever this test inherited. */
	assert_int_equal(syscall(SYS_ioprio_set, 1, pid, 0), 0);
	assert_int_equal(setpriority(PRIO_PROCESS, (id_t)pid, 19), 0);
	check_prio(pid, 0, 7);
	assert_int_equal(syscall(SYS_ioprio_set, 1, pid, 2 << 13 | 6), 0);
	check_prio(pid, 2, 6);
	assert_int_equal(syscall(SYS_ioprio_set, 1, pid, 3 << 13), 0);
	check_prio(pid, 3, 0);
	assert_int_equal(syscall(SYS_ioprio_set, 1, pid, 0), 0);
	assert_int_equal(sched_setscheduler(pid, SCHED_IDLE, &none), 0);
	check_prio(pid, 3, 7);
	if (syscall(SYS_ioprio_set, 1, pid, 1 << 13 | 2) == 0)
		check_prio(pid, 1, 2);
	child_end(pid);
	check_prio(pid, TASK_PRIO_UNKNOWN, TASK_PRIO_UNKNOWN);
	check_prio(0, TASK_PRIO_UNKNOWN, TASK_PRIO_UNKNOWN);
	check_prio(-1, TASK_PRIO_UNKNOWN, TASK_PRIO_UNKNOWN);
}

static void test_prio_of_nice(void **state)
{
	static const struct {
		int nice, level;
	} cases[] = { { 0, 4 }, { 4, 4 }, { 5, 5 }, { 10, 6 }, { 14, 6 }, { 19, 7 }, { -1, 3 }, { -20, 0 } };

	(void)state;
	const pid_t pid = sleep_start();
	assert_int_equal(syscall(SYS_ioprio_set, 1, pid, 0), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (setpriority(PRIO_PROCESS, (id_t)pid, cases[i].nice) == 0)
			check_prio(pid, 0, cases[i].level);
		else
			assert_true(errno == EACCES || errno == EPERM); /* down: root's */
	}
	child_end(pid);
}

/* A tree in which some processes are stuck: reading their command line hangs (a pipe that nobody writes to). */

#define STUCK_FIRST 50
#define STUCK_COUNT 12
#define FREE_PID 40

struct stuck {
	char root[64];
	struct machine machine;
	struct task_info *infos[STUCK_COUNT];
	struct task_info *free_info;
};

static void stuck_process(const struct stuck *stuck, pid_t pid, bool hangs)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/proc/%d", stuck->root, (int)pid);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/proc/%d/stat", stuck->root, (int)pid);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file,
		"%d (x) D 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0\n",
		(int)pid);
	fclose(file);
	snprintf(path, sizeof(path), "%s/proc/%d/cmdline", stuck->root, (int)pid);
	if (hangs) {
		assert_int_equal(mkfifo(path, 0600), 0);
		return;
	}
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite("ls\0-l", 1, 6, file), 6);
	fclose(file);
}

static int stuck_setup(void **state)
{
	struct stuck *stuck = calloc(1, sizeof(*stuck));
	const uint64_t start_ns = 100 * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
	char path[128];

	assert_non_null(stuck);
	strcpy(stuck->root, "/tmp/iotopx-lookup-XXXXXX");
	assert_non_null(mkdtemp(stuck->root));
	snprintf(path, sizeof(path), "%s/proc", stuck->root);
	assert_int_equal(mkdir(path, 0755), 0);
	for (int i = 0; i < STUCK_COUNT; i++) {
		stuck_process(stuck, STUCK_FIRST + i, true);
		stuck->infos[i] = info_new(STUCK_FIRST + i, start_ns);
	}
	stuck_process(stuck, FREE_PID, false);
	stuck->free_info = info_new(FREE_PID, start_ns);
	assert_int_equal(proc_open(stuck->root, &stuck->machine.proc), 0);
	assert_int_equal(lookup_live_open(stuck->machine.proc, "", NULL, &stuck->machine.live), 0);
	stuck->machine.lookup = lookup_live_interface(stuck->machine.live);
	*state = stuck;
	return 0;
}

/* Whoever opens that pipe to read it gets "late" and the end. Waits until there is one; false if there never is. */
static bool stuck_release(const struct stuck *stuck, pid_t pid)
{
	const uint64_t end_ns = now_ns() + (uint64_t)PATIENCE_MS * 1000000u;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/proc/%d/cmdline", stuck->root, (int)pid);
	while ((fd = open(path, O_WRONLY | O_NONBLOCK)) < 0 && errno == ENXIO && now_ns() < end_ns)
		usleep(1000);
	if (fd < 0)
		return false;
	assert_int_equal(write(fd, "late", 4), 4);
	close(fd);
	return true;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)kind, (void)place;
	return remove(path);
}

static int stuck_teardown(void **state)
{
	struct stuck *stuck = *state;

	/* Comes back at once, though threads still hang. */
	lookup_live_close(stuck->machine.live);
	proc_close(stuck->machine.proc);
	for (int i = 0; i < STUCK_COUNT; i++) {
		assert_int_equal(stuck->infos[i]->refs, 1);
		task_info_unref(stuck->infos[i]);
	}
	task_info_unref(stuck->free_info);
	nftw(stuck->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(stuck);
	return 0;
}

/* Waits for one answer while others hang. */
static const char *wait_for_cmdline(struct machine *machine, struct task_info *info)
{
	const uint64_t end_ns = now_ns() + (uint64_t)PATIENCE_MS * 1000000u;
	const char *line;

	while (!(line = cmdline(machine, info)) && now_ns() < end_ns)
		lookup_live_wait(machine->live, 20);
	return line;
}

/* Two stuck processes hold two threads; names of users and everybody else's command lines come. */
static void test_stuck(void **state)
{
	struct stuck *stuck = *state;
	struct machine *machine = &stuck->machine;

	assert_null(cmdline(machine, stuck->infos[0]));
	assert_null(cmdline(machine, stuck->infos[1]));
	assert_string_equal(user(machine, 0), "0");
	const char *line = wait_for_cmdline(machine, stuck->free_info);
	assert_non_null(line);
	assert_string_equal(line, "ls -l");
	if (getpwuid(0)) {
		const uint64_t end_ns = now_ns() + (uint64_t)PATIENCE_MS * 1000000u;
		while (strcmp(user(machine, 0), "0") == 0 && now_ns() < end_ns)
			lookup_live_wait(machine->live, 20);
		assert_string_equal(user(machine, 0), getpwuid(0)->pw_name);
	}
	assert_null(stuck->infos[0]->cmdline);
	/* And theirs come too, when they get loose. */
	assert_true(stuck_release(stuck, STUCK_FIRST));
	line = wait_for_cmdline(machine, stuck->infos[0]);
	assert_non_null(line);
	assert_string_equal(line, "late");
	assert_true(stuck_release(stuck, STUCK_FIRST + 1));
	assert_non_null(wait_for_cmdline(machine, stuck->infos[1]));
}

/* More stuck processes than threads: nothing comes any more, but nobody waits either. */
static void test_all_stuck(void **state)
{
	struct stuck *stuck = *state;
	struct machine *machine = &stuck->machine;

	for (int i = 0; i < STUCK_COUNT; i++)
		assert_null(cmdline(machine, stuck->infos[i]));
	assert_null(cmdline(machine, stuck->free_info));
	/* Returns by its limit; gets all threads started and stuck. */
	lookup_live_wait(machine->live, 1500);
	assert_null(cmdline(machine, stuck->free_info));
	lookup_live_close(machine->live);
	machine->live = NULL;
	/* The threads that hang are let go; what they share is freed behind our back. */
	for (int i = 0; i < STUCK_COUNT; i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/proc/%d/cmdline", stuck->root, STUCK_FIRST + i);
		int fd = open(path, O_WRONLY | O_NONBLOCK);
		if (fd >= 0)
			close(fd);
	}
}

/* As many questions as there are tasks on a big machine: what has no room is left out. */
static void test_flood(void **state)
{
	enum { FLOOD = 6000 };
	struct stuck *stuck = *state;
	struct machine *machine = &stuck->machine;
	static struct task_info *infos[FLOOD];
	size_t asked = 0;

	assert_null(cmdline(machine, stuck->infos[0]));
	for (int i = 0; i < FLOOD; i++) {
		infos[i] = info_new(1000 + i, 0);
		assert_null(cmdline(machine, infos[i]));
		asked += infos[i]->refs > 1;
	}
	assert_true(asked > 1000 && asked < FLOOD);
	/* Once there is room again the others are asked too. */
	const uint64_t end_ns = now_ns() + (uint64_t)PATIENCE_MS * 1000000u;
	for (size_t open = FLOOD; open > 0 && now_ns() < end_ns;) {
		lookup_live_wait(machine->live, 20);
		open = 0;
		for (int i = 0; i < FLOOD; i++) {
			cmdline(machine, infos[i]);
			open += !infos[i]->cmdline;
		}
	}
	for (int i = 0; i < FLOOD; i++) {
		assert_non_null(infos[i]->cmdline);
		task_info_unref(infos[i]);
	}
	assert_true(stuck_release(stuck, STUCK_FIRST));
	assert_non_null(wait_for_cmdline(machine, stuck->infos[0]));
}

/* Facts of devices come from the root given, and are asked anew after a refresh. */
static void test_device(void **state)
{
	struct machine *machine = *state;
	char root[] = "/tmp/iotopx-lookup-XXXXXX", command[512];
	const struct device_info *info;
	struct lookup_live *live;
	struct lookup lookup;

	assert_non_null(mkdtemp(root));
	snprintf(command, sizeof(command),
		 "cd %s && mkdir -p sys/dev/block/8:0/device proc/self && echo 'FAST DISK' "
		 ">sys/dev/block/8:0/device/model && "
		 "echo '22 1 8:0 / /srv rw - ext4 /dev/sda rw' >proc/self/mountinfo",
		 root);
	assert_int_equal(system(command), 0);
	assert_int_equal(lookup_live_open(machine->proc, root, NULL, &live), 0);
	lookup = lookup_live_interface(live);
	assert_non_null(lookup.device);
	lookup_live_refresh(live); /* before anybody asked */
	info = lookup.device(lookup.data, 8, 0);
	assert_non_null(info);
	assert_string_equal(info->model, "FAST DISK");
	assert_string_equal(info->mounts, "/srv");
	assert_null(lookup.device(lookup.data, 8, 1));
	snprintf(command, sizeof(command), "echo '22 1 8:0 / /data rw - ext4 /dev/sda rw' >%s/proc/self/mountinfo",
		 root);
	assert_int_equal(system(command), 0);
	lookup_live_refresh(live);
	info = lookup.device(lookup.data, 8, 0);
	assert_non_null(info);
	assert_string_equal(info->mounts, "/data");
	lookup_live_close(live);
	snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
}

#define MACHINE_TEST(function) cmocka_unit_test_setup_teardown(function, machine_setup, machine_teardown)
#define STUCK_TEST(function) cmocka_unit_test_setup_teardown(function, stuck_setup, stuck_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE_TEST(test_users),       MACHINE_TEST(test_many_users),
		MACHINE_TEST(test_cmdline),     MACHINE_TEST(test_no_cmdline),
		MACHINE_TEST(test_close_early), MACHINE_TEST(test_device),
		cmocka_unit_test(test_prio),    cmocka_unit_test(test_prio_of_nice),
		STUCK_TEST(test_stuck),         STUCK_TEST(test_all_stuck),
		STUCK_TEST(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
