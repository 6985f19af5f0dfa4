/* The live source's sockets fail under it, on the real kernel: needs root (CAP_NET_ADMIN in the initial namespaces),
 * skips without. */
#include "iotopx/live.h"

#include "iotopx/clock.h"
#include "outage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AMOUNT 70000u
#define NOBODY 65534
#define CROWD 150 /* more than are asked for at a time */

/* Put in the place of the C library's: each fails once, after so many calls. */
static struct fault {
	unsigned calls;
	int error; /* 0: never */
} sends, receives;

static bool strikes(struct fault *fault)
{
	if (!fault->error || fault->calls-- > 0)
		return false;
	errno = fault->error;
	fault->error = 0;
	return true;
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
	return strikes(&sends) ? -1 : sendto(fd, bytes, size, flags, NULL, 0);
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
	return strikes(&receives) ? -1 : (int)syscall(SYS_recvmmsg, fd, messages, count, flags, timeout);
}

/* Who is asked for new sockets: refuses, or opens them. */
struct opener {
	int refusal;
	unsigned asked;
};

struct machine {
	struct opener opener;
	struct source *source;
	struct interval *interval; /* the last one */
};

static int open_socket(void *data, enum netlink_kind kind)
{
	struct opener *opener = data;

	opener->asked++;
	return opener->refusal ? opener->refusal : netlink_socket_open(kind);
}

static void next(struct machine *machine)
{
	interval_unref(machine->interval);
	machine->interval = NULL;
	assert_int_equal(machine->source->ops->next(machine->source, true, &machine->interval), 0);
}

static const char *notice(struct machine *machine)
{
	return machine->source->ops->notice(machine->source);
}

static bool open_machine(struct machine *machine, bool require_all)
{
	struct live_options options = {
		.require_all = require_all,
		.interval_ns = 1000000000,
		.sockets = { &machine->opener, open_socket },
	};
	char error[512];

	if (live_open(&options, &machine->source, error, sizeof(error)) != 0)
		return false;
	next(machine);
	if (machine->interval->all_tasks && machine->interval->exits_known)
		return true;
	interval_unref(machine->interval);
	machine->source->ops->close(machine->source);
	return false;
}

#define OPEN_OR_SKIP(machine, require_all)                                                                             \
	do {                                                                                                           \
		if (!open_machine(machine, require_all))                                                               \
			skip();                                                                                        \
	} while (0)

static void close_machine(struct machine *machine)
{
	interval_unref(machine->interval);
	machine->source->ops->close(machine->source);
}

/* The place-th netlink socket of that protocol among our descriptors, -1 if there is none. */
static int socket_of(int protocol, int place)
{
	for (int fd = 3; fd < 200; fd++) {
		int domain = 0, found = 0;
		socklen_t size = sizeof(int);

		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_NETLINK &&
		    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &found, &size) == 0 && found == protocol && place-- == 0)
			return fd;
	}
	return -1;
}

static int queries(void)
{
	return socket_of(NETLINK_GENERIC, 0);
}

static int records(void)
{
	return socket_of(NETLINK_GENERIC, 1);
}

static int births(void)
{
	return socket_of(NETLINK_CONNECTOR, 0);
}

static void put_null_over(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0 && null >= 0);
	assert_int_equal(dup3(null, fd, O_CLOEXEC), fd);
	close(null);
}

/* A process that writes what it is told to, and one byte more to say so. It can become another user's. */
#define BECOME_NOBODY UINT32_MAX
struct worker {
	pid_t pid;
	int orders, answers;
};

static void work(int orders, int answers)
{
	static char bytes[1 << 20];
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	uint32_t amount;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(orders, &amount, sizeof(amount)) == (ssize_t)sizeof(amount) && amount) {
		if (amount == BECOME_NOBODY ? setresuid(NOBODY, NOBODY, NOBODY) != 0
					    : write(null, bytes, amount) != (ssize_t)amount)
			_exit(1);
		if (write(answers, "", 1) != 1)
			_exit(1);
	}
	_exit(0);
}

static struct worker worker_start_as(uid_t uid)
{
	int orders[2], answers[2];
	struct worker worker;
	char byte;

	assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
	assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
	worker.pid = fork();
	assert_true(worker.pid >= 0);
	if (worker.pid == 0) {
		close(orders[1]);
		if (setresuid(uid, uid, uid) != 0 || write(answers[1], "", 1) != 1)
			_exit(1);
		work(orders[0], answers[1]);
	}
	close(orders[0]);
	close(answers[1]);
	worker.orders = orders[1];
	worker.answers = answers[0];
	assert_int_equal(read(worker.answers, &byte, 1), 1); /* it is who it should be */
	return worker;
}

static struct worker worker_start(void)
{
	return worker_start_as(geteuid());
}

/* Returns what it wrote in all. */
static uint64_t worker_write(const struct worker *worker, uint32_t amount)
{
	char byte;

	assert_int_equal(write(worker->orders, &amount, sizeof(amount)), sizeof(amount));
	assert_int_equal(read(worker->answers, &byte, 1), 1);
	return amount + 1;
}

/* Told so, for its end of the pipe is open in those that were born later, too. */
static void worker_end(const struct worker *worker)
{
	const uint32_t end = 0;
	int status;

	assert_int_equal(write(worker->orders, &end, sizeof(end)), sizeof(end));
	close(worker->orders);
	close(worker->answers);
	assert_int_equal(waitpid(worker->pid, &status, 0), worker->pid);
	assert_int_equal(status, 0);
}

/* A child that writes so much, ends and is reaped. */
static pid_t short_life(uint32_t amount)
{
	struct worker worker = worker_start();

	worker_write(&worker, amount);
	worker_end(&worker);
	return worker.pid;
}

static const struct task_delta *task_of(const struct interval *interval, pid_t pid)
{
	for (size_t i = 0; i < interval->count; i++)
		if (interval->tasks[i].info->id.tid == pid)
			return &interval->tasks[i];
	return NULL;
}

static bool lists(const struct machine *machine, pid_t pid)
{
	for (size_t i = 0; i < machine->interval->idle_count; i++)
		if (machine->interval->idle[i].info->id.tid == pid)
			return true;
	return task_of(machine->interval, pid) != NULL;
}

static uint64_t written(const struct machine *machine, pid_t pid)
{
	const struct task_delta *task = task_of(machine->interval, pid);

	return task ? task->delta.value[COUNTER_WRITE_CHAR] : 0;
}

/* Everything is told again, and nobody complains. */
static void assert_sound(struct machine *machine, const struct worker *worker)
{
	uint64_t wrote;
	pid_t gone;

	next(machine);
	wrote = worker_write(worker, AMOUNT);
	gone = short_life(AMOUNT);
	next(machine);
	assert_true(machine->interval->all_tasks);
	assert_true(machine->interval->exits_known);
	assert_int_equal(machine->interval->lost_exits, 0);
	assert_null(notice(machine));
	assert_int_equal(written(machine, worker->pid), wrote);
	assert_non_null(task_of(machine->interval, gone));
	assert_true(task_of(machine->interval, gone)->flags & DELTA_EXITED);
	assert_in_range(written(machine, gone), AMOUNT - 1023, AMOUNT + 1);
}

static void rest(void)
{
	nanosleep(&(struct timespec){ .tv_sec = 1, .tv_nsec = OUTAGE_REST_NS / 20 }, NULL);
}

/* A new socket at once: the interval tells that something may be missing, the next one is whole. */
static void test_records(void **state)
{
	struct machine machine = { .interval = NULL };
	struct worker worker;
	uint64_t wrote;
	pid_t gone;

	(void)state;
	OPEN_OR_SKIP(&machine, false);
	worker = worker_start();
	next(&machine);
	assert_null(notice(&machine));
	put_null_over(records());
	assert_int_equal(machine.source->ops->drain(machine.source), 0);
	assert_int_equal(machine.opener.asked, 1);
	assert_true(records() >= 0);
	wrote = worker_write(&worker, AMOUNT);
	gone = short_life(AMOUNT);
	next(&machine);
	assert_true(machine.interval->all_tasks);
	assert_false(machine.interval->exits_known);
	assert_non_null(strstr(notice(&machine), "exits lost, how many is not known: Socket operation on non-socket"));
	assert_int_equal(written(&machine, worker.pid), wrote);
	assert_in_range(written(&machine, gone), AMOUNT - 1023, AMOUNT + 1);
	assert_sound(&machine, &worker);
	assert_int_equal(machine.opener.asked, 1);
	worker_end(&worker);
	close_machine(&machine);
}

/* No new socket for a while: asked for once a second, however often one looks. */
static void test_records_refused(void **state)
{
	struct machine machine = { .opener.refusal = -EMFILE };
	struct worker worker;
	struct pollfd fds[8];
	size_t polled;

	(void)state;
	OPEN_OR_SKIP(&machine, false);
	worker = worker_start();
	next(&machine);
	polled = machine.source->ops->fds(machine.source, fds, 8);
	put_null_over(records());
	for (int i = 0; i < 1000; i++)
		assert_int_equal(machine.source->ops->drain(machine.source), 0);
	assert_int_equal(machine.opener.asked, 1);
	assert_int_equal(machine.source->ops->fds(machine.source, fds, 8), polled - 1); /* nothing to spin on */
	next(&machine);
	assert_false(machine.interval->exits_known);
	assert_non_null(strstr(notice(&machine),
			       "no exit records: Socket operation on non-socket; no new socket: Too many "
			       "open files: what short-lived processes do is not seen"));
	rest();
	machine.opener.refusal = 0;
	next(&machine);
	assert_int_equal(machine.opener.asked, 2);
	assert_false(machine.interval->exits_known); /* it was not there from the beginning */
	assert_non_null(strstr(notice(&machine), "exits lost"));
	assert_sound(&machine, &worker);
	worker_end(&worker);
	close_machine(&machine);
}

/* Wakes whoever polls it, and has nothing to read: a socket whose queue of errors nobody empties. */
static int restless_socket(void)
{
	const int on = 1;
	const struct sockaddr_in nobody = { .sin_family = AF_INET,
					    .sin_port = htons(9),
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct pollfd event = { .fd = fd };
	char byte;

	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) != 0 ||
	    connect(fd, (const struct sockaddr *)&nobody, sizeof(nobody)) != 0 || send(fd, "", 1, 0) != 1 ||
	    poll(&event, 1, 1000) != 1)
		return -1;
	(void)recv(fd, &byte, 1, MSG_DONTWAIT); /* it is told once; the queue keeps it */
	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN && poll(&event, 1, 0) == 1 ? fd : -1;
}

static void test_records_in_alarm(void **state)
{
	struct machine machine = { .interval = NULL };
	int restless = restless_socket(), fd;
	struct worker worker;

	(void)state;
	if (restless < 0)
		skip();
	OPEN_OR_SKIP(&machine, false);
	worker = worker_start();
	next(&machine);
	fd = records();
	assert_int_equal(dup3(restless, fd, O_CLOEXEC), fd);
	close(restless);
	for (int turns = 0; turns < 1000 && machine.opener.asked == 0; turns++)
		assert_int_equal(machine.source->ops->drain(machine.source), 0);
	assert_int_equal(machine.opener.asked, 1);
	next(&machine);
	assert_false(machine.interval->exits_known);
	assert_non_null(strstr(notice(&machine), "exits lost"));
	assert_sound(&machine, &worker);
	worker_end(&worker);
	close_machine(&machine);
}

/* Only one's own, and one's own are right; whatever is not known is not told, nor later as if it had just been. */
static void test_queries_refused(void **state)
{
	struct machine machine = { .opener.refusal = -EMFILE };
	struct worker worker, foreign, other;
	uint64_t wrote;

	(void)state;
	OPEN_OR_SKIP(&machine, false);
	worker = worker_start();
	foreign = worker_start_as(NOBODY);
	next(&machine);
	assert_true(lists(&machine, foreign.pid));
	wrote = worker_write(&worker, AMOUNT);
	put_null_over(queries());
	next(&machine);
	assert_false(machine.interval->all_tasks);
	assert_false(machine.interval->exits_known);
	assert_non_null(strstr(notice(&machine),
			       "own processes only: taskstats failed: Socket operation on non-socket; "
			       "no new socket: Too many open files"));
	assert_int_equal(written(&machine, worker.pid), wrote);
	for (int i = 0; i < 3; i++) {
		wrote = worker_write(&worker, AMOUNT);
		worker_write(&foreign, AMOUNT);
		short_life(AMOUNT);
		next(&machine);
		assert_false(machine.interval->all_tasks);
		assert_false(lists(&machine, foreign.pid));
		assert_int_equal(written(&machine, worker.pid), wrote);
	}
	assert_int_equal(machine.opener.asked, 1);
	/* Another's, whose record tells what it did before, too. */
	other = worker_start_as(NOBODY);
	worker_write(&other, AMOUNT);
	next(&machine);
	worker_end(&other);
	next(&machine);
	assert_int_equal(written(&machine, other.pid), 0);
	wrote = worker_write(&worker, AMOUNT);
	rest();
	machine.opener.refusal = 0;
	next(&machine);
	assert_int_equal(machine.opener.asked, 2);
	assert_false(machine.interval->all_tasks);
	assert_non_null(strstr(notice(&machine), "taskstats is there again"));
	assert_int_equal(written(&machine, worker.pid), wrote);
	assert_true(lists(&machine, foreign.pid));
	assert_int_equal(written(&machine, foreign.pid), 0);
	worker_end(&foreign);
	assert_int_equal(machine.interval->total.approximate & COUNTERS_IO, COUNTERS_IO);
	assert_sound(&machine, &worker);
	worker_end(&worker);
	close_machine(&machine);
}

/* Who was one's own when it was found, and then changes its user, is told as that user's: it loses nothing, and what it
 * did before is not counted once more. */
static void test_own_changes_its_user(void **state)
{
	struct machine machine = { .opener.refusal = -EMFILE };
	struct worker worker;

	(void)state;
	OPEN_OR_SKIP(&machine, false);
	worker = worker_start();
	put_null_over(queries());
	next(&machine);
	next(&machine);
	assert_false(machine.interval->all_tasks);
	for (int i = 0; i < 4; i++) {
		uint64_t wrote = worker_write(&worker, AMOUNT);
		const struct task_delta *task;

		if (i == 1) {
			worker_write(&worker, BECOME_NOBODY);
			wrote++;
		}
		next(&machine);
		assert_int_equal(written(&machine, worker.pid), wrote);
		task = task_of(machine.interval, worker.pid);
		assert_int_equal(task->info->uid, i < 1 ? geteuid() : NOBODY);
	}
	worker_end(&worker);
	close_machine(&machine);
}

/* An interval that comes to nothing is made up for by the next one, of one's own too. */
static void test_own_without_memory(void **state)
{
	struct machine machine = { .opener.refusal = -EMFILE };
	struct worker worker;
	uint64_t wrote;

	(void)state;
	OPEN_OR_SKIP(&machine, false);
	worker = worker_start();
	next(&machine);
	put_null_over(queries());
	wrote = worker_write(&worker, AMOUNT);
	/* Right as it falls back: the sweep that failed took births, and then the second taking of records does. */
	receives = (struct fault){ .calls = births() < 0 ? 1 : 2, .error = ENOMEM };
	assert_int_equal(machine.source->ops->next(machine.source, true, &machine.interval), -ENOMEM);
	next(&machine);
	assert_false(machine.interval->all_tasks);
	assert_int_equal(written(&machine, worker.pid), wrote);
	/* And later. */
	wrote = worker_write(&worker, AMOUNT);
	receives = (struct fault){ .calls = 1, .error = ENOMEM };
	assert_int_equal(machine.source->ops->next(machine.source, true, &machine.interval), -ENOMEM);
	next(&machine);
	assert_int_equal(written(&machine, worker.pid), wrote);
	rest();
	machine.opener.refusal = 0;
	next(&machine);
	assert_sound(&machine, &worker);
	worker_end(&worker);
	close_machine(&machine);
}

/* A new socket at once: not a byte is missing, and nothing is said. */
static void test_queries(void **state)
{
	struct machine machine = { .interval = NULL };
	struct worker worker, idle;
	uint64_t wrote;
	pid_t gone;

	(void)state;
	OPEN_OR_SKIP(&machine, false);
	worker = worker_start();
	idle = worker_start();
	next(&machine);
	wrote = worker_write(&worker, AMOUNT);
	gone = short_life(AMOUNT);
	put_null_over(queries());
	next(&machine);
	assert_int_equal(machine.opener.asked, 1);
	assert_true(machine.interval->all_tasks && machine.interval->exits_known);
	assert_null(notice(&machine));
	assert_int_equal(written(&machine, worker.pid), wrote);
	assert_in_range(written(&machine, gone), AMOUNT - 1023, AMOUNT + 1);
	assert_int_equal(written(&machine, idle.pid), 0);
	wrote = worker_write(&idle, AMOUNT);
	next(&machine);
	assert_int_equal(written(&machine, idle.pid), wrote);
	worker_end(&idle);
	assert_sound(&machine, &worker);
	worker_end(&worker);
	close_machine(&machine);
}

/* It fails in the middle: what was told already is told once more. */
static void test_queries_that_fail_in_between(void **state)
{
	struct machine machine = { .interval = NULL };
	struct worker workers[CROWD];

	(void)state;
	OPEN_OR_SKIP(&machine, false);
	for (size_t i = 0; i < CROWD; i++)
		workers[i] = worker_start();
	next(&machine);
	for (unsigned calls = 0; calls < 4; calls++) {
		for (size_t i = 0; i < CROWD; i++)
			worker_write(&workers[i], AMOUNT);
		machine.opener.asked = 0;
		sends.calls = calls;
		sends.error = ECONNREFUSED;
		next(&machine);
		assert_int_equal(machine.opener.asked, 1);
		assert_true(machine.interval->all_tasks);
		for (size_t i = 0; i < CROWD; i++)
			assert_int_equal(written(&machine, workers[i].pid), AMOUNT + 1);
		next(&machine);
		for (size_t i = 0; i < CROWD; i++)
			assert_int_equal(written(&machine, workers[i].pid), 0);
		rest();
	}
	for (size_t i = 0; i < CROWD; i++)
		worker_end(&workers[i]);
	close_machine(&machine);
}

/* The kernel had no memory for a question: that is no reason for a new socket. The next interval tells it all. */
static void test_queries_without_memory(void **state)
{
	struct machine machine = { .interval = NULL };
	struct worker worker;
	uint64_t wrote;

	(void)state;
	OPEN_OR_SKIP(&machine, false);
	worker = worker_start();
	next(&machine);
	wrote = worker_write(&worker, AMOUNT);
	sends.calls = 0;
	sends.error = ENOBUFS;
	assert_int_equal(machine.source->ops->next(machine.source, true, &machine.interval), -ENOMEM);
	wrote += worker_write(&worker, AMOUNT);
	next(&machine);
	assert_int_equal(machine.opener.asked, 0);
	assert_true(machine.interval->all_tasks && machine.interval->exits_known);
	assert_int_equal(written(&machine, worker.pid), wrote);
	worker_end(&worker);
	close_machine(&machine);
}

/* Who ended unseen is told as gone by the sweep that failed, and by no other. */
static void test_gone_in_a_sweep_that_failed(void **state)
{
	struct machine machine = { .opener.refusal = -EMFILE };
	struct worker worker, busy;

	(void)state;
	OPEN_OR_SKIP(&machine, false);
	worker = worker_start();
	busy = worker_start();
	next(&machine);
	assert_true(lists(&machine, worker.pid));
	put_null_over(records());
	assert_int_equal(machine.source->ops->drain(machine.source), 0);
	worker_end(&worker);
	worker_write(&busy, AMOUNT);
	sends.calls = 0;
	sends.error = ENOBUFS;
	assert_int_equal(machine.source->ops->next(machine.source, true, &machine.interval), -ENOMEM);
	next(&machine);
	assert_false(lists(&machine, worker.pid));
	assert_true(lists(&machine, busy.pid));
	worker_end(&busy);
	close_machine(&machine);
}

static void test_queries_required(void **state)
{
	struct machine machine = { .opener.refusal = -EMFILE };

	(void)state;
	OPEN_OR_SKIP(&machine, true);
	put_null_over(queries());
	assert_int_equal(machine.source->ops->next(machine.source, false, &machine.interval), -EMFILE);
	assert_string_equal(notice(&machine),
			    "--require-all: taskstats failed: Socket operation on non-socket; no new socket");
	close_machine(&machine);
}

/* Nothing is missing while /proc is listed in every sweep, and then it is not any more. */
static void test_births(void **state)
{
	struct machine machine = { .interval = NULL };
	struct worker worker, other;
	uint64_t listings, wrote;

	(void)state;
	OPEN_OR_SKIP(&machine, false);
	if (births() < 0) {
		close_machine(&machine);
		skip();
	}
	put_null_over(births());
	worker = worker_start();
	next(&machine);
	assert_null(notice(&machine));
	other = worker_start(); /* born where nobody tells */
	next(&machine);
	wrote = worker_write(&other, AMOUNT);
	next(&machine);
	assert_int_equal(written(&machine, other.pid), wrote);
	worker_end(&other);
	assert_int_equal(machine.opener.asked, 1);
	assert_true(births() >= 0);
	listings = live_cost(machine.source)->listings;
	assert_sound(&machine, &worker);
	worker_end(&worker);
	worker = worker_start(); /* born where only the new socket tells */
	assert_sound(&machine, &worker);
	assert_int_equal(live_cost(machine.source)->listings, listings);
	worker_end(&worker);
	close_machine(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_records_refused),
		cmocka_unit_test(test_records_in_alarm),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_queries_refused),
		cmocka_unit_test(test_own_changes_its_user),
		cmocka_unit_test(test_own_without_memory),
		cmocka_unit_test(test_queries_that_fail_in_between),
		cmocka_unit_test(test_queries_without_memory),
		cmocka_unit_test(test_gone_in_a_sweep_that_failed),
		cmocka_unit_test(test_queries_required),
		cmocka_unit_test(test_births),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
