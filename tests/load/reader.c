/* reader METHOD FILE BYTES BLOCK: reads an existing file of BYTES once, from the disk: the page cache has none of it
 * when "ready" is said. */
#include "storage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t resident_pages(int fd, uint64_t bytes)
{
	size_t pages = (size_t)((bytes + 4095) / 4096), count = 0;
	unsigned char *present = calloc(pages, 1);
	void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);

	if (!present || map == MAP_FAILED || mincore(map, bytes, present))
		die("mincore");
	for (size_t i = 0; i < pages; i++)
		count += present[i] & 1;
	munmap(map, bytes);
	free(present);
	return count;
}

static void drop_cache(int fd, uint64_t bytes)
{
	if (fsync(fd))
		die("fsync");
	for (int tries = 0; tries < 200; tries++) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		if (!resident_pages(fd, bytes))
			return;
		sleep_ms(20);
	}
	fprintf(stderr, "the page cache does not let go of the file\n");
	_exit(3);
}

int main(int argc, char **argv)
{
	const struct method *method = argc == 5 ? method_find(argv[1]) : NULL;

	if (!method) {
		fprintf(stderr, "usage: %s buffered|direct|mmap|aio|uring FILE BYTES BLOCK\n", argv[0]);
		return 2;
	}
	struct job job = { .path = argv[2], .bytes = number(argv[3]), .block = (size_t)number(argv[4]) };
	int fd = open(job.path, O_RDONLY | O_CLOEXEC);

	job.data = pattern(job.block);
	if (fd < 0)
		die(job.path);
	drop_cache(fd, job.bytes);
	close(fd);
	job.fd = open(job.path, O_RDONLY | O_CLOEXEC | (method->direct ? O_DIRECT : 0));
	if (job.fd < 0)
		die(job.path);
	ready();
	uint64_t requests = method->run(&job);

	say("done bytes=%" PRIu64 " requests=%" PRIu64 "\n", job.bytes, requests);
	await(NULL, 0);
	return 0;
}
