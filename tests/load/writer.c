/* writer METHOD FILE BYTES BLOCK: writes a new file once, to the disk. */
#include "storage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const struct method *method = argc == 5 ? method_find(argv[1]) : NULL;

	if (!method) {
		fprintf(stderr, "usage: %s buffered|direct|mmap|aio|uring FILE BYTES BLOCK\n", argv[0]);
		return 2;
	}
	struct job job = {
		.path = argv[2], .bytes = number(argv[3]), .block = (size_t)number(argv[4]), .writing = true
	};

	job.data = pattern(job.block);
	job.fd = open(job.path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | (method->direct ? O_DIRECT : 0), 0600);
	if (job.fd < 0)
		die(job.path);
	ready();
	uint64_t requests = method->run(&job);

	say("done bytes=%" PRIu64 " requests=%" PRIu64 "\n", job.bytes, requests);
	await(NULL, 0);
	return 0;
}
