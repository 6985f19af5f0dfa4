/* steady FILE RATE SECONDS: RATE reads of 4 KiB a second from the page cache, exactly paced; FIFO scheduling keeps
 * other load from moving them. */
#include "load.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: %s FILE RATE SECONDS\n", argv[0]);
		return 2;
	}
	uint64_t rate = number(argv[2]), count = rate * number(argv[3]), late = 0;
	struct sched_param priority = { .sched_priority = 50 };
	void *data = pattern(4096);
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, data, 4096, 0) != 4096)
		die(argv[1]);
	mlockall(MCL_CURRENT);
	bool fifo = sched_setscheduler(0, SCHED_FIFO, &priority) == 0;

	ready();
	uint64_t begin = now_ns();

	for (uint64_t i = 1; i <= count; i++) {
		uint64_t when = begin + i * 1000000000u / rate, now;

		sleep_until_ns(when);
		now = now_ns();
		if (now - when > late)
			late = now - when;
		if (pread(fd, data, 4096, 0) != 4096)
			die("pread");
	}
	say("done reads=%" PRIu64 " fifo=%d latest_us=%" PRIu64 "\n", count, fifo, late / 1000);
	await(NULL, 0);
	return 0;
}
