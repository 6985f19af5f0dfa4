/* puppet FILE THREADS [OFFSET]: a process that does what it is told, line by line, and answers each with
 * "ok TID charged=BYTES": what the kernel has charged to it and the children it has waited for, up to now.
 * Thread 0 is the leader; threads 1 to THREADS sleep until they are named. Every write goes to a fresh part of FILE, so
 * the kernel charges it whole.
 *
 *   write K BYTES      thread K writes
 *   later K BYTES      ... when SIGUSR1 comes, and all others sleep on
 *   born BYTES         a new thread writes and ends
 *   fork BYTES         a child writes, ends and is waited for
 *   zombie BYTES       a child writes and ends; nobody waits for it until `reap`
 *   reap
 *   end K              thread K ends
 *   leave              the leader ends, the process goes on
 *   exec K             thread K executes this program again ("ready" comes anew, without threads)
 *   rename K NAME
 *   truncate           FILE becomes empty
 *   quit               exit_group
 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK 65536u

struct order {
	char verb[16], name[16];
	uint64_t number, bytes;
};

struct puppet;

struct limb {
	struct puppet *puppet;
	pthread_t thread;
	pid_t tid;
	sem_t wake, done;
	struct order order;
	bool ended;
};

struct puppet {
	const char *path, *self;
	int fd;
	uint64_t offset, threads;
	const void *data;
	struct limb *limbs; /* 1 .. threads */
};

static pid_t tid_of_caller(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static void fresh_write(struct puppet *puppet, uint64_t bytes)
{
	uint64_t at = __atomic_fetch_add(&puppet->offset, bytes, __ATOMIC_RELAXED);

	write_range(puppet->fd, puppet->data, BLOCK, (off_t)at, bytes);
}

static void exec_again(struct puppet *puppet)
{
	char offset[32];

	snprintf(offset, sizeof(offset), "%" PRIu64, puppet->offset);
	execl(puppet->self, puppet->self, puppet->path, "0", offset, (char *)NULL);
	die("execl");
}

/* What any thread can do for itself. */
static void obey(struct puppet *puppet, const struct order *order)
{
	if (!strcmp(order->verb, "write") || !strcmp(order->verb, "later"))
		fresh_write(puppet, order->bytes);
	else if (!strcmp(order->verb, "exec"))
		exec_again(puppet);
	else if (!strcmp(order->verb, "rename"))
		prctl(PR_SET_NAME, order->name);
}

static sigset_t wake_set(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return set;
}

static void *limb_main(void *data)
{
	struct limb *limb = data;

	limb->tid = tid_of_caller();
	sem_post(&limb->done);
	for (;;) {
		while (sem_wait(&limb->wake))
			;
		struct order order = limb->order;

		if (!strcmp(order.verb, "later")) {
			sigset_t wanted = wake_set();
			int got;

			sem_post(&limb->done); /* the answer; the signal waits if it is faster */
			sigwait(&wanted, &got);
			obey(limb->puppet, &order);
			continue;
		}
		if (!strcmp(order.verb, "end"))
			return NULL;
		obey(limb->puppet, &order);
		sem_post(&limb->done);
	}
}

static void start_thread(pthread_t *thread, void *(*run)(void *), void *data)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 65536);
	if (pthread_create(thread, &attributes, run, data))
		die("pthread_create");
	pthread_attr_destroy(&attributes);
}

struct birth {
	struct puppet *puppet;
	uint64_t bytes;
	pid_t tid;
};

static void *born_main(void *data)
{
	struct birth *birth = data;

	birth->tid = tid_of_caller();
	fresh_write(birth->puppet, birth->bytes);
	return NULL;
}

static pid_t give_birth(struct puppet *puppet, uint64_t bytes)
{
	struct birth birth = { .puppet = puppet, .bytes = bytes };
	pthread_t thread;

	start_thread(&thread, born_main, &birth);
	pthread_join(thread, NULL);
	return birth.tid;
}

static pid_t make_child(struct puppet *puppet, uint64_t bytes, bool wait)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		fresh_write(puppet, bytes);
		_exit(0);
	}
	puppet->offset += bytes; /* the child's copy went on alone */
	if (wait)
		waitpid(pid, NULL, 0);
	return pid;
}

static pid_t command_limb(struct puppet *puppet, const struct order *order)
{
	struct limb *limb = &puppet->limbs[order->number];

	if (!order->number) {
		obey(puppet, order);
		return tid_of_caller();
	}
	if (order->number > puppet->threads || limb->ended) {
		errno = EINVAL;
		die("no such thread");
	}
	limb->order = *order;
	sem_post(&limb->wake);
	if (!strcmp(order->verb, "end")) {
		pthread_join(limb->thread, NULL);
		limb->ended = true;
	} else {
		while (sem_wait(&limb->done))
			;
	}
	return limb->tid;
}

static void answer(pid_t tid)
{
	say("ok %d charged=%" PRIu64 "\n", (int)tid, charged_write_bytes(0));
}

static void *listen_main(void *data);

static pid_t execute(struct puppet *puppet, struct order *order)
{
	if (!strcmp(order->verb, "born"))
		return give_birth(puppet, order->number);
	if (!strcmp(order->verb, "fork"))
		return make_child(puppet, order->number, true);
	if (!strcmp(order->verb, "zombie"))
		return make_child(puppet, order->number, false);
	if (!strcmp(order->verb, "reap"))
		return waitpid(-1, NULL, 0);
	if (!strcmp(order->verb, "truncate"))
		return ftruncate(puppet->fd, 0) ? -1 : tid_of_caller();
	if (!strcmp(order->verb, "quit"))
		_exit(0);
	if (!strcmp(order->verb, "leave")) {
		pthread_t thread;

		start_thread(&thread, listen_main, puppet);
		pthread_exit(NULL);
	}
	return command_limb(puppet, order);
}

static void *listen_main(void *data)
{
	struct puppet *puppet = data;
	char line[128];

	if (tid_of_caller() != getpid())
		answer(tid_of_caller()); /* to `leave` */
	while (await(line, sizeof(line))) {
		struct order order = { 0 };

		if (sscanf(line, "%15s %" SCNu64 " %" SCNu64, order.verb, &order.number, &order.bytes) < 1)
			continue;
		if (!strcmp(order.verb, "rename"))
			sscanf(line, "%*s %*s %15s", order.name);
		answer(execute(puppet, &order));
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: %s FILE THREADS [OFFSET]\n", argv[0]);
		return 2;
	}
	struct puppet puppet = { .path = argv[1],
				 .self = argv[0],
				 .threads = number(argv[2]),
				 .offset = argc > 3 ? number(argv[3]) : 0,
				 .data = pattern(BLOCK) };

	puppet.fd = open(puppet.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	sigset_t blocked = wake_set();

	pthread_sigmask(SIG_BLOCK, &blocked, NULL); /* for all threads: only the one that waits for it takes it */
	puppet.limbs = calloc(puppet.threads + 1, sizeof(*puppet.limbs));
	if (puppet.fd < 0 || !puppet.limbs)
		die(puppet.path);
	for (uint64_t i = 1; i <= puppet.threads; i++) {
		struct limb *limb = &puppet.limbs[i];

		limb->puppet = &puppet;
		sem_init(&limb->wake, 0, 0);
		sem_init(&limb->done, 0, 0);
		start_thread(&limb->thread, limb_main, limb);
		while (sem_wait(&limb->done))
			;
	}
	say("ready %d\n", (int)getpid());
	listen_main(&puppet);
	return 0;
}
