#include "storage.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t run_calls(struct job *job)
{
	uint64_t calls = 0;

	if (job->writing) {
		calls = write_range(job->fd, job->data, job->block, 0, job->bytes);
		if (fsync(job->fd))
			die("fsync");
		return calls;
	}
	for (uint64_t at = 0; at < job->bytes; at += job->block, calls++)
		if (pread(job->fd, job->data, job->block, (off_t)at) <= 0)
			die("pread");
	return calls;
}

static uint64_t run_mmap(struct job *job)
{
	long page = sysconf(_SC_PAGESIZE);
	uint64_t touched = 0;

	if (job->writing && ftruncate(job->fd, (off_t)job->bytes))
		die("ftruncate");
	volatile unsigned char *map =
	    mmap(NULL, job->bytes, job->writing ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, job->fd, 0);
	if (map == MAP_FAILED)
		die("mmap");
	for (uint64_t at = 0; at < job->bytes; at += (uint64_t)page, touched++) {
		if (job->writing)
			map[at] = 0x5a;
		else
			(void)map[at];
	}
	if (job->writing && msync((void *)(uintptr_t)map, job->bytes, MS_SYNC))
		die("msync");
	munmap((void *)(uintptr_t)map, job->bytes);
	return touched;
}

static uint64_t run_aio(struct job *job)
{
	aio_context_t context = 0;
	uint64_t requests = 0;

	if (syscall(SYS_io_setup, 8, &context))
		die("io_setup");
	for (uint64_t at = 0; at < job->bytes; at += job->block, requests++) {
		struct iocb request = {
			.aio_lio_opcode = job->writing ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
			.aio_fildes = (uint32_t)job->fd,
			.aio_buf = (uint64_t)(uintptr_t)job->data,
			.aio_nbytes = job->block,
			.aio_offset = (int64_t)at,
		};
		struct iocb *list = &request;
		struct io_event event;

		if (syscall(SYS_io_submit, context, 1, &list) != 1)
			die("io_submit");
		if (syscall(SYS_io_getevents, context, 1, 1, &event, NULL) != 1 || event.res != (int64_t)job->block)
			die("io_getevents");
	}
	syscall(SYS_io_destroy, context);
	return requests;
}

struct ring {
	int fd;
	unsigned *submit_tail, *submit_array, *done_head, *done_tail;
	unsigned submit_mask, done_mask;
	struct io_uring_sqe *submissions;
	struct io_uring_cqe *completions;
};

static void *ring_map(int fd, size_t bytes, uint64_t offset)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, (off_t)offset);

	if (map == MAP_FAILED)
		die("mmap of the ring");
	return map;
}

static void ring_open(struct ring *ring)
{
	struct io_uring_params params = { 0 };

	ring->fd = (int)syscall(SYS_io_uring_setup, 8, &params);
	if (ring->fd < 0)
		die("io_uring_setup");
	char *submit =
	    ring_map(ring->fd, params.sq_off.array + params.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	char *done = ring_map(ring->fd, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe),
			      IORING_OFF_CQ_RING);

	ring->submissions = ring_map(ring->fd, params.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	ring->submit_tail = (unsigned *)(void *)(submit + params.sq_off.tail);
	ring->submit_array = (unsigned *)(void *)(submit + params.sq_off.array);
	ring->submit_mask = *(unsigned *)(void *)(submit + params.sq_off.ring_mask);
	ring->done_head = (unsigned *)(void *)(done + params.cq_off.head);
	ring->done_tail = (unsigned *)(void *)(done + params.cq_off.tail);
	ring->done_mask = *(unsigned *)(void *)(done + params.cq_off.ring_mask);
	ring->completions = (struct io_uring_cqe *)(void *)(done + params.cq_off.cqes);
}

static void ring_transfer(struct ring *ring, const struct job *job, uint64_t at)
{
	unsigned slot = *ring->submit_tail & ring->submit_mask;

	ring->submissions[slot] = (struct io_uring_sqe){
		.opcode = job->writing ? IORING_OP_WRITE : IORING_OP_READ,
		.fd = job->fd,
		.addr = (uint64_t)(uintptr_t)job->data,
		.len = (uint32_t)job->block,
		.off = at,
	};
	ring->submit_array[slot] = slot;
	__atomic_store_n(ring->submit_tail, *ring->submit_tail + 1, __ATOMIC_RELEASE);
	while (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		if (errno != EINTR)
			die("io_uring_enter");
	if (__atomic_load_n(ring->done_tail, __ATOMIC_ACQUIRE) == *ring->done_head)
		die("io_uring: no completion");
	if (ring->completions[*ring->done_head & ring->done_mask].res != (int)job->block) {
		errno = EIO;
		die("io_uring");
	}
	__atomic_store_n(ring->done_head, *ring->done_head + 1, __ATOMIC_RELEASE);
}

static uint64_t run_uring(struct job *job)
{
	struct ring ring;
	uint64_t requests = 0;

	ring_open(&ring);
	for (uint64_t at = 0; at < job->bytes; at += job->block, requests++)
		ring_transfer(&ring, job, at);
	close(ring.fd);
	return requests;
}

static const struct method methods[] = {
	{ "buffered", false, run_calls }, { "direct", true, run_calls }, { "mmap", false, run_mmap },
	{ "aio", true, run_aio },         { "uring", true, run_uring },
};

const struct method *method_find(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(methods[i].name, name))
			return &methods[i];
	return NULL;
}
