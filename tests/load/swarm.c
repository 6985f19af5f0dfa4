/* swarm: many short processes, threads or commands. Each writes its own fresh part of a file, so that the kernel
 * charges every byte, and ends.
 *
 *   -p | -t | -x  processes, threads, or the command after `--` ({} becomes the number of the slot)
 *   -n COUNT      how many
 *   -b BYTES      each writes so many (a multiple of 4096, or 0); with -x only for the sum
 *   -f FILE       where to
 *   -s            fdatasync before the end
 *   -j SLOTS      so many at the same time (1)
 *   -r RATE       so many a second (0: as fast as they go)
 */
#include "load.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK 65536u
#define STACK 65536u

enum kind { PROCESSES, THREADS, COMMANDS };

struct swarm {
	enum kind kind;
	uint64_t count, bytes, slots, rate, begin_ns;
	const char *path;
	bool sync;
	int fd;
	const void *data;
	char **command;
};

struct slot {
	const struct swarm *swarm;
	uint64_t number, member;
	pthread_t thread;
};

static void work(const struct swarm *swarm, uint64_t member)
{
	if (!swarm->bytes)
		return;
	write_range(swarm->fd, swarm->data, BLOCK, (off_t)(member * swarm->bytes), swarm->bytes);
	if (swarm->sync && fdatasync(swarm->fd))
		_exit(1);
}

static void *thread_main(void *data)
{
	const struct slot *slot = data;

	work(slot->swarm, slot->member);
	return NULL;
}

static void run_thread(struct slot *slot)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	if (pthread_create(&thread, &attributes, thread_main, slot))
		die("pthread_create");
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
}

static void reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid || !WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "a member failed\n");
		_exit(1);
	}
}

/* vfork: a tenth of the price of fork, and the child only writes and ends. */
static void run_process(struct slot *slot)
{
	pid_t pid = vfork();

	if (pid < 0)
		die("vfork");
	if (!pid) {
		work(slot->swarm, slot->member);
		_exit(0);
	}
	reap(pid);
}

static void run_command(struct slot *slot)
{
	extern char **environ;
	char *arguments[32] = { NULL }, text[32][512];
	pid_t pid;

	for (size_t i = 0; i + 1 < 32 && slot->swarm->command[i]; i++) {
		const char *from = slot->swarm->command[i], *mark = strstr(from, "{}");

		if (mark)
			snprintf(text[i], sizeof(text[i]), "%.*s%" PRIu64 "%s", (int)(mark - from), from, slot->number,
				 mark + 2);
		else
			snprintf(text[i], sizeof(text[i]), "%s", from);
		arguments[i] = text[i];
	}
	if (posix_spawnp(&pid, arguments[0], NULL, NULL, arguments, environ))
		die(arguments[0]);
	reap(pid);
}

static void *slot_main(void *data)
{
	static void (*const run[])(struct slot *) = { run_process, run_thread, run_command };
	struct slot *slot = data;
	const struct swarm *swarm = slot->swarm;

	for (slot->member = slot->number; slot->member < swarm->count; slot->member += swarm->slots) {
		if (swarm->rate)
			sleep_until_ns(swarm->begin_ns + slot->member * 1000000000u / swarm->rate);
		run[swarm->kind](slot);
	}
	return NULL;
}

static bool parse(struct swarm *swarm, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "+ptxsn:b:f:j:r:")) != -1) {
		switch (option) {
		case 'p':
			swarm->kind = PROCESSES;
			break;
		case 't':
			swarm->kind = THREADS;
			break;
		case 'x':
			swarm->kind = COMMANDS;
			break;
		case 's':
			swarm->sync = true;
			break;
		case 'n':
			swarm->count = number(optarg);
			break;
		case 'b':
			swarm->bytes = number(optarg);
			break;
		case 'f':
			swarm->path = optarg;
			break;
		case 'j':
			swarm->slots = number(optarg);
			break;
		case 'r':
			swarm->rate = number(optarg);
			break;
		default:
			return false;
		}
	}
	swarm->command = argv + optind;
	return swarm->count && swarm->slots && (swarm->kind == COMMANDS) == (optind < argc);
}

static void open_file(struct swarm *swarm)
{
	swarm->data = pattern(BLOCK);
	if (!swarm->path)
		return;
	swarm->fd = open(swarm->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (swarm->fd < 0 || posix_fallocate(swarm->fd, 0, (off_t)(swarm->count * swarm->bytes)) || fsync(swarm->fd))
		die(swarm->path);
}

int main(int argc, char **argv)
{
	struct swarm swarm = { .slots = 1, .fd = -1 };

	if (!parse(&swarm, argc, argv)) {
		fprintf(stderr,
			"usage: %s -p|-t|-x -n COUNT [-b BYTES -f FILE] [-s] [-j SLOTS] [-r RATE] [-- COMMAND]\n",
			argv[0]);
		return 2;
	}
	struct slot *slots = calloc(swarm.slots, sizeof(*slots));

	if (!slots)
		die("calloc");
	if (swarm.kind != COMMANDS && swarm.bytes)
		open_file(&swarm);
	ready();
	uint64_t charged = charged_write_bytes(0);

	swarm.begin_ns = now_ns();
	for (uint64_t i = 0; i < swarm.slots; i++) {
		slots[i] = (struct slot){ .swarm = &swarm, .number = i };
		if (i && pthread_create(&slots[i].thread, NULL, slot_main, &slots[i]))
			die("pthread_create");
	}
	slot_main(&slots[0]);
	for (uint64_t i = 1; i < swarm.slots; i++)
		pthread_join(slots[i].thread, NULL);
	uint64_t took = now_ns() - swarm.begin_ns;

	say("done count=%" PRIu64 " bytes=%" PRIu64 " charged=%" PRIu64 " ms=%" PRIu64 "\n", swarm.count,
	    swarm.count * swarm.bytes, charged_write_bytes(0) - charged, took / 1000000u);
	await(NULL, 0);
	return 0;
}
