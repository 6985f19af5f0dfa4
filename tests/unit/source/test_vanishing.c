/* Entries of /proc that vanish: on the real kernel each open, and each read, of a sweep below /proc fails in turn, as
 * if the task had just gone. What tasks did is in that interval or in the next one, all of it and no more. Needs root,
 * and storage that the kernel charges for; skips without. */
#include "iotopx/live.h"
#include "iotopx/proc.h"
#include "iotopx/taskstats.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "vanishing"
#define PAGE 4096u
#define LIMBS 2
#define UNCOUNTED (2 * (LIMBS + 1)) /* bytes: what a thread has just answered is heard before it is counted */
#define PATIENCE 10000              /* looks, a millisecond apart */

/* The fault. */

enum kind { OPENS, READS, KINDS };

static struct fault {
	bool armed; /* calls are counted */
	pthread_t thread;
	enum kind kind;
	int error;
	pid_t of; /* files of this process only; 0: of anybody */
	long nth, count;
} fault;

/* A file of /proc that the fault may concern. */
static bool is_concerned(int fd)
{
	char link[32], path[64] = "";
	struct statfs status;
	int pid;

	if (fd < 0 || fstatfs(fd, &status) != 0 || status.f_type != PROC_SUPER_MAGIC)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return fault.of == 0 ||
	       (readlink(link, path, sizeof(path) - 1) > 0 && sscanf(path, "/proc/%d/", &pid) == 1 && pid == fault.of);
}

/* True for the nth call of that kind by the thread that sweeps. `fd` is what it is about. */
static bool strikes(enum kind kind, int fd)
{
	if (!fault.armed || kind != fault.kind || !pthread_equal(pthread_self(), fault.thread) || !is_concerned(fd) ||
	    ++fault.count != fault.nth)
		return false;
	errno = fault.error;
	return true;
}

static int opened(int fd)
{
	if (!strikes(OPENS, fd))
		return fd;
	close(fd);
	errno = fault.error;
	return -1;
}

/* The linker puts these in the place of the calls, and of what _FORTIFY_SOURCE makes of them. */
int __real_open(const char *path, int flags, ...);
int __real_openat(int fd, const char *path, int flags, ...);
ssize_t __real_read(int fd, void *to, size_t size);
ssize_t __real_pread(int fd, void *to, size_t size, off_t offset);
int __real_fstatat(int fd, const char *path, struct stat *status, int flags);
int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...);
int __wrap___open_2(const char *path, int flags);
int __wrap___openat_2(int fd, const char *path, int flags);
ssize_t __wrap_read(int fd, void *to, size_t size);
ssize_t __wrap_pread(int fd, void *to, size_t size, off_t offset);
int __wrap_fstatat(int fd, const char *path, struct stat *status, int flags);

static mode_t mode_of(int flags, va_list rest)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list rest;
	mode_t mode;

	va_start(rest, flags);
	mode = mode_of(flags, rest);
	va_end(rest);
	return opened(__real_open(path, flags, mode));
}

int __wrap_openat(int fd, const char *path, int flags, ...)
{
	va_list rest;
	mode_t mode;

	va_start(rest, flags);
	mode = mode_of(flags, rest);
	va_end(rest);
	return opened(__real_openat(fd, path, flags, mode));
}

int __wrap___open_2(const char *path, int flags)
{
	return opened(__real_open(path, flags));
}

int __wrap___openat_2(int fd, const char *path, int flags)
{
	return opened(__real_openat(fd, path, flags));
}

ssize_t __wrap_read(int fd, void *to, size_t size)
{
	return strikes(READS, fd) ? -1 : __real_read(fd, to, size);
}

ssize_t __wrap_pread(int fd, void *to, size_t size, off_t offset)
{
	return strikes(READS, fd) ? -1 : __real_pread(fd, to, size, offset);
}

/* The same for a path of which nothing is opened. */
static bool strikes_path(enum kind kind, int directory, const char *path)
{
	int fd = __real_openat(directory, path, O_PATH | O_CLOEXEC);
	bool struck = strikes(kind, fd);

	if (fd >= 0)
		close(fd);
	if (struck)
		errno = fault.error;
	return struck;
}

int __wrap_fstatat(int fd, const char *path, struct stat *status, int flags)
{
	return strikes_path(OPENS, fd, path) ? -1 : __real_fstatat(fd, path, status, flags);
}

/* Threads are listed by system call. What is not there of them can't be read; /proc itself is always there. */
int __real_proc_list_threads(struct proc *proc, pid_t pid, struct proc_list *list);
int __wrap_proc_list_threads(struct proc *proc, pid_t pid, struct proc_list *list);

int __wrap_proc_list_threads(struct proc *proc, pid_t pid, struct proc_list *list)
{
	char path[16];

	snprintf(path, sizeof(path), "%d", (int)pid);
	if (!strikes_path(READS, proc_fd(proc), path))
		return __real_proc_list_threads(proc, pid, list);
	list->count = 0;
	return -fault.error;
}

static bool no_taskstats;

int __real_taskstats_open(struct taskstats **taskstats, char *error, size_t error_size);
int __wrap_taskstats_open(struct taskstats **taskstats, char *error, size_t error_size);

int __wrap_taskstats_open(struct taskstats **taskstats, char *error, size_t error_size)
{
	return no_taskstats ? -EPERM : __real_taskstats_open(taskstats, error, error_size);
}

/* The tasks: a process of some threads that does what it is told, and its children. */

struct order {
	char verb; /* w: thread `limb` writes; t: a new thread does, and ends; c: a child does, and is reaped;
		    * z: a child does, and stays a zombie; b: a child does, and lives; r: z and b are no more */
	int limb;
	uint64_t bytes;
};

struct nursery {
	pid_t pid;
	int orders; /* a socket; in the nursery, its end */
	int fd;
	uint64_t *offset; /* shared: every write goes to a fresh page */
	struct limb {
		pthread_t thread;
		int wake[2], done[2];
	} limbs[LIMBS + 1];
	pid_t zombie, living;
	uint64_t asked; /* what was written by order */
};

static struct nursery nursery;

static void fresh_write(uint64_t bytes)
{
	static const char page[PAGE] = { 1 };
	uint64_t at = __atomic_fetch_add(nursery.offset, bytes, __ATOMIC_RELAXED);

	for (uint64_t end = at + bytes; at < end; at += PAGE)
		if (pwrite(nursery.fd, page, PAGE, (off_t)at) != PAGE)
			_exit(2);
}

static void *limb_main(void *data)
{
	struct limb *limb = data;
	uint64_t bytes;

	while (__real_read(limb->wake[0], &bytes, sizeof(bytes)) == sizeof(bytes)) {
		fresh_write(bytes);
		if (write(limb->done[1], "", 1) != 1)
			_exit(2);
	}
	return NULL;
}

static void *born_main(void *data)
{
	struct order *order = data;

	fresh_write(order->bytes);
	order->limb = (int)gettid();
	return NULL;
}

/* It is over when the kernel has its record, a moment after pthread_join. */
static void bear_thread(struct order *order)
{
	char path[64];
	pthread_t thread;

	if (pthread_create(&thread, NULL, born_main, order) || pthread_join(thread, NULL))
		_exit(2);
	snprintf(path, sizeof(path), "/proc/self/task/%d", order->limb);
	for (int i = 0; i < PATIENCE && access(path, F_OK) == 0; i++)
		usleep(1000);
}

static pid_t bear_child(uint64_t bytes, bool lives)
{
	int born[2];
	char byte;
	pid_t pid = pipe(born) ? -1 : fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fresh_write(bytes);
		if (!lives)
			_exit(0);
		if (write(born[1], "", 1) == 1)
			for (;;)
				pause();
	}
	if (pid < 0 || (lives && __real_read(born[0], &byte, 1) != 1))
		_exit(2);
	close(born[0]);
	close(born[1]);
	return pid;
}

static void end_child(pid_t *pid)
{
	if (*pid) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

static void obey(struct order *order)
{
	struct limb *limb = &nursery.limbs[order->limb];
	siginfo_t info;
	char byte;

	switch (order->verb) {
	case 'w':
		if (order->limb == 0)
			fresh_write(order->bytes);
		else if (write(limb->wake[1], &order->bytes, sizeof(order->bytes)) < 0 ||
			 __real_read(limb->done[0], &byte, 1) != 1)
			_exit(2);
		break;
	case 't':
		bear_thread(order);
		break;
	case 'c':
		waitpid(bear_child(order->bytes, false), NULL, 0);
		break;
	case 'z':
		nursery.zombie = bear_child(order->bytes, false);
		waitid(P_PID, (id_t)nursery.zombie, &info, WEXITED | WNOWAIT);
		break;
	case 'b':
		nursery.living = bear_child(order->bytes, true);
		break;
	default:
		end_child(&nursery.zombie);
		end_child(&nursery.living);
	}
}

static _Noreturn void nursery_main(void)
{
	struct order order;

	prctl(PR_SET_NAME, NAME);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 1; i <= LIMBS; i++) {
		struct limb *limb = &nursery.limbs[i];

		if (pipe(limb->wake) || pipe(limb->done) || pthread_create(&limb->thread, NULL, limb_main, limb))
			_exit(2);
	}
	do
		if (write(nursery.orders, "", 1) != 1)
			break;
	while (__real_read(nursery.orders, &order, sizeof(order)) == sizeof(order) && (obey(&order), true));
	_exit(0);
}

static void await_answer(void)
{
	char byte;

	assert_int_equal(read(nursery.orders, &byte, 1), 1);
}

static void order(char verb, int limb, uint64_t bytes)
{
	const struct order order = { verb, limb, bytes };

	assert_int_equal(write(nursery.orders, &order, sizeof(order)), sizeof(order));
	await_answer();
	nursery.asked += bytes;
}

/* A line of /proc/PID/io, which counts threads that ended and children that were reaped. */
static uint64_t io_of(pid_t pid, const char *line)
{
	char path[32], text[512] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/io", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	const char *at = strstr(text, line);
	assert_non_null(at);
	return strtoull(at + strlen(line), NULL, 10);
}

/* A file whose pages are charged to who dirties them. False: nothing here is. */
static bool open_storage(void)
{
	static const char *const directories[] = { ".", "/var/tmp" };

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		const uint64_t before = io_of(getpid(), "\nwrite_bytes: ");

		nursery.fd = open(directories[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (nursery.fd < 0)
			continue;
		fresh_write(16 * (uint64_t)PAGE);
		if (io_of(getpid(), "\nwrite_bytes: ") - before >= 16 * (uint64_t)PAGE)
			return true;
		close(nursery.fd);
	}
	return false;
}

static int nursery_open(void **state)
{
	int ends[2];

	(void)state;
	nursery.offset = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (nursery.offset == MAP_FAILED || geteuid() != 0 || !open_storage())
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -1;
	nursery.orders = ends[1];
	nursery.pid = fork();
	if (nursery.pid == 0) {
		close(ends[0]);
		nursery_main();
	}
	close(ends[1]);
	nursery.orders = ends[0];
	await_answer();
	return 0;
}

static int nursery_close(void **state)
{
	(void)state;
	if (nursery.pid) {
		close(nursery.orders);
		waitpid(nursery.pid, NULL, 0);
	}
	return 0;
}

/* The books. */

struct books {
	struct source *source;
	bool exits;
	uint64_t write, write_char; /* of all that bear the name, since `base` */
	uint64_t base, base_char;
};

static void sweep(struct books *books)
{
	struct interval *interval;
	const int result = books->source->ops->next(books->source, false, &interval);

	if (result)
		fail_msg("kind %d, error %d, call %ld: the sweep fails with %d", fault.kind, fault.error, fault.nth,
			 result);
	for (size_t i = 0; i < interval->count; i++) {
		const struct task_delta *task = &interval->tasks[i];

		if (strcmp(task->info->comm, NAME) != 0)
			continue;
		books->write += task->delta.value[COUNTER_WRITE];
		books->write_char += task->delta.value[COUNTER_WRITE_CHAR];
	}
	books->exits = interval->exits_known;
	interval_unref(interval);
}

/* What starts from here on starts after the baseline, for those too who know starts to a clock tick. */
static void pass_a_moment(void)
{
	usleep(30000);
}

/* True if the fault came. */
static bool sweep_with_fault(struct books *books, enum kind kind, int error, pid_t of, long nth)
{
	fault = (struct fault){
		.armed = true, .thread = pthread_self(), .kind = kind, .error = error, .of = of, .nth = nth
	};
	sweep(books);
	fault.armed = false;
	return fault.count >= nth;
}

static void books_begin(struct books *books)
{
	books->write = books->write_char = 0;
	books->base = io_of(nursery.pid, "\nwrite_bytes: ");
	books->base_char = io_of(nursery.pid, "wchar: ");
	nursery.asked = 0;
}

/* The kernel charges a page or two more at times, for the filesystem's own; not always before the exit record. */
static void books_check(const struct books *books)
{
	const uint64_t did = io_of(nursery.pid, "\nwrite_bytes: ") - books->base;
	const uint64_t did_char = io_of(nursery.pid, "wchar: ") - books->base_char + UNCOUNTED;

	if (books->write < nursery.asked || books->write > did || books->write_char > did_char)
		fail_msg("kind %d, error %d, call %ld: %llu bytes are shown, %llu were asked for, %llu done; "
			 "%llu through calls, %llu done",
			 fault.kind, fault.error, fault.nth, (unsigned long long)books->write,
			 (unsigned long long)nursery.asked, (unsigned long long)did,
			 (unsigned long long)books->write_char, (unsigned long long)did_char);
}

static void work(const struct books *books, long nth)
{
	order('w', 0, PAGE);
	order('w', 1 + (int)(nth % LIMBS), 2 * PAGE);
	order('b', 0, 4 * PAGE);
	if (!books->exits)
		return;
	order('t', 0, 8 * PAGE);
	order('c', 0, 16 * PAGE);
	order('z', 0, 32 * PAGE);
}

/* Of a thread, or a process, that is alive all the time; of what came and went. */
static bool live_through(struct books *books, enum kind kind, int error, long nth)
{
	books_begin(books);
	work(books, nth);
	const bool struck = sweep_with_fault(books, kind, error, 0, nth);

	sweep(books);
	order('r', 0, 0);
	books_check(books);
	return struck;
}

static struct books books_open(void)
{
	const struct live_options options = { .interval_ns = 1000000000u };
	struct books books = { NULL };
	char error[256];

	if (!nursery.pid)
		skip();
	assert_int_equal(live_open(&options, &books.source, error, sizeof(error)), 0);
	return books;
}

static void each_call_of_a_sweep(void)
{
	static const int errors[] = { ENOENT, ESRCH };
	struct books books = books_open();
	long tried = 0;

	sweep(&books);
	pass_a_moment();
	for (int i = 0; i < 3; i++) /* settles: its own first reads are over */
		live_through(&books, OPENS, 0, 0);
	for (int kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
			for (long nth = 1; live_through(&books, (enum kind)kind, errors[i], nth); nth++)
				tried++;
	print_message("%ld calls failed\n", tried);
	assert_true(tried > 40);
	books.source->ops->close(books.source);
}

static void in_a_sweep(void **state)
{
	(void)state;
	no_taskstats = false;
	each_call_of_a_sweep();
}

static void in_a_sweep_of_own_processes(void **state)
{
	(void)state;
	no_taskstats = true;
	each_call_of_a_sweep();
}

/* True if the fault came. Whom the baseline could not read has no base before the next sweep: what it does until then
 * may be missing, but is never too much; from then on all is there. */
static bool live_through_baseline(enum kind kind, long nth)
{
	struct books books = books_open();
	const uint64_t living = 3 * PAGE; /* of what is asked for, by whom the fault concerns */

	books_begin(&books);
	const bool struck = sweep_with_fault(&books, kind, ENOENT, nursery.pid, nth);

	assert_true(books.write == 0);
	pass_a_moment();
	work(&books, nth);
	sweep(&books);
	nursery.asked -= living;
	order('r', 0, 0);
	books_check(&books);
	live_through(&books, kind, 0, 0);
	books.source->ops->close(books.source);
	return struck;
}

static void in_the_baseline(void **state)
{
	long tried = 0;

	(void)state;
	for (int taskstats = 0; taskstats < 2; taskstats++) {
		no_taskstats = taskstats == 0;
		for (int kind = 0; kind < KINDS; kind++)
			for (long nth = 1; live_through_baseline((enum kind)kind, nth); nth++)
				tried++;
	}
	print_message("%ld calls failed\n", tried);
	assert_true(tried > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_sweep),
		cmocka_unit_test(in_a_sweep_of_own_processes),
		cmocka_unit_test(in_the_baseline),
	};

	return cmocka_run_group_tests(tests, nursery_open, nursery_close);
}
