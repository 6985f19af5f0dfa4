/* sleepers PROCESSES THREADS [ACTIVE FILE]: so many processes of so many threads each that sleep until stdin ends.
 * ACTIVE of them, spread evenly, read 4 KiB of FILE every second. */
#include "load.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

struct plan {
	uint64_t processes, threads, active;
	int fd;
};

struct nap {
	const struct plan *plan;
	uint64_t task;
};

/* Task i of n is active if the even spread of ACTIVE over n steps up at i. */
static bool is_active(const struct plan *plan, uint64_t task)
{
	uint64_t tasks = plan->processes * plan->threads;

	return (task + 1) * plan->active / tasks != task * plan->active / tasks;
}

static void *sleeper(void *data)
{
	const struct nap *nap = data;
	uint64_t next = now_ns();
	char *block = is_active(nap->plan, nap->task) ? pattern(4096) : NULL;

	for (;;) {
		if (!block) {
			pause();
			continue;
		}
		next += 1000000000u;
		sleep_until_ns(next);
		if (pread(nap->plan->fd, block, 4096, (off_t)(nap->task % 256 * 4096)) != 4096)
			die("pread");
	}
	return NULL;
}

static _Noreturn void process_main(const struct plan *plan, uint64_t process, int told, pid_t parent)
{
	struct nap *naps = calloc(plan->threads, sizeof(*naps));
	pthread_attr_t attributes;

	if (!naps)
		die("calloc");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 32768);
	for (uint64_t i = 0; i < plan->threads; i++) {
		pthread_t thread;

		naps[i] = (struct nap){ .plan = plan, .task = process * plan->threads + i };
		if (!i)
			continue;
		if (pthread_create(&thread, &attributes, sleeper, &naps[i]))
			die("pthread_create");
	}
	if (write(told, "", 1) != 1)
		_exit(1);
	close(told);
	sleeper(&naps[0]);
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc != 3 && argc != 5) {
		fprintf(stderr, "usage: %s PROCESSES THREADS [ACTIVE FILE]\n", argv[0]);
		return 2;
	}
	struct plan plan = { .processes = number(argv[1]), .threads = number(argv[2]), .fd = -1 };
	int told[2];
	char byte;

	if (argc == 5) {
		plan.active = number(argv[3]);
		plan.fd = open(argv[4], O_RDONLY | O_DIRECT | O_CLOEXEC);
		if (plan.fd < 0)
			die(argv[4]);
	}
	if (pipe2(told, O_CLOEXEC))
		die("pipe");
	pid_t parent = getpid();

	for (uint64_t i = 0; i < plan.processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid)
			process_main(&plan, i, told[1], parent);
	}
	close(told[1]);
	for (uint64_t i = 0; i < plan.processes; i++)
		if (read(told[0], &byte, 1) != 1)
			die("a sleeper died");
	ready();
	return 0; /* and with this process its children get SIGKILL */
}
