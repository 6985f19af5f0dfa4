#include "worker.h"
#include "iotopx/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* A queue that has not moved for so long is behind a stuck question. */
#define STUCK_NS 200000000u
/* NSS modules need more than the least, and not the usual 8 MiB. */
#define STACK_SIZE ((size_t)512 << 10)

/* A ring of jobs. */
struct ring {
	struct worker_job *items;
	size_t first, count;
};

/* Shared by the owner and the threads, each of which holds a reference; `lock` guards everything below it. */
struct worker {
	const struct worker_ops *ops;
	void *context;
	size_t capacity;
	unsigned threads_max;
	int event_fd;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	unsigned refs;
	unsigned threads;
	bool closed;
	struct ring questions, answers;
	size_t open;          /* asked and not taken */
	uint64_t progress_ns; /* when a thread last took a question */
};

static void ring_push(struct ring *ring, size_t capacity, const struct worker_job *job)
{
	ring->items[(ring->first + ring->count) % capacity] = *job;
	ring->count++;
}

static struct worker_job ring_pop(struct ring *ring, size_t capacity)
{
	struct worker_job job = ring->items[ring->first];

	ring->first = (ring->first + 1) % capacity;
	ring->count--;
	return job;
}

static void worker_free(struct worker *worker)
{
	while (worker->answers.count > 0) {
		struct worker_job job = ring_pop(&worker->answers, worker->capacity);

		free(job.text);
		free(job.files);
	}
	worker->ops->free_context(worker->context);
	close(worker->event_fd);
	pthread_cond_destroy(&worker->wake);
	pthread_mutex_destroy(&worker->lock);
	free(worker->questions.items);
	free(worker->answers.items);
	free(worker);
}

/* Gives a reference back; called with the lock held. */
static void worker_release(struct worker *worker)
{
	bool last = --worker->refs == 0;

	pthread_mutex_unlock(&worker->lock);
	if (last)
		worker_free(worker);
}

static void *worker_main(void *data)
{
	struct worker *worker = data;
	const uint64_t one = 1;

	pthread_mutex_lock(&worker->lock);
	for (;;) {
		while (!worker->closed && worker->questions.count == 0)
			pthread_cond_wait(&worker->wake, &worker->lock);
		if (worker->closed)
			break;
		struct worker_job job = ring_pop(&worker->questions, worker->capacity);
		worker->progress_ns = clock_read_ns(CLOCK_MONOTONIC);
		pthread_mutex_unlock(&worker->lock);
		worker->ops->run(worker->context, &job);
		pthread_mutex_lock(&worker->lock);
		ring_push(&worker->answers, worker->capacity, &job);
		/* Fails when its counter is full: then it is readable anyway. */
		ssize_t written = write(worker->event_fd, &one, sizeof(one));
		(void)written;
	}
	worker_release(worker);
	return NULL;
}

/* Starts a thread that hears no signal: those are the main loop's. Called with the lock held. */
static int worker_start(struct worker *worker)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;

	if (pthread_attr_init(&attributes) != 0)
		return -ENOMEM;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&thread, &attributes, worker_main, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (error)
		return -error;
	worker->threads++;
	worker->refs++;
	worker->progress_ns = clock_read_ns(CLOCK_MONOTONIC);
	return 0;
}

/* Another thread where all others seem stuck. Called with the lock held. */
static void worker_unstick(struct worker *worker)
{
	if (worker->questions.count > 0 && worker->threads < worker->threads_max &&
	    clock_read_ns(CLOCK_MONOTONIC) - worker->progress_ns > STUCK_NS)
		(void)worker_start(worker);
}

int worker_open(const struct worker_ops *ops, void *context, size_t capacity, unsigned threads_max, int event_fd,
		struct worker **worker)
{
	struct worker *opened = calloc(1, sizeof(*opened));
	int error = -ENOMEM;

	if (!opened)
		return error;
	opened->questions.items = malloc(capacity * sizeof(*opened->questions.items));
	opened->answers.items = malloc(capacity * sizeof(*opened->answers.items));
	if (!opened->questions.items || !opened->answers.items)
		goto fail;
	opened->event_fd = fcntl(event_fd, F_DUPFD_CLOEXEC, 0);
	if (opened->event_fd < 0) {
		error = -errno;
		goto fail;
	}
	pthread_mutex_init(&opened->lock, NULL);
	pthread_cond_init(&opened->wake, NULL);
	opened->ops = ops;
	opened->context = context;
	opened->capacity = capacity;
	opened->threads_max = threads_max;
	opened->refs = 1;
	*worker = opened;
	return 0;
fail:
	free(opened->questions.items);
	free(opened->answers.items);
	free(opened);
	return error;
}

void worker_close(struct worker *worker)
{
	if (!worker)
		return;
	pthread_mutex_lock(&worker->lock);
	worker->closed = true;
	pthread_cond_broadcast(&worker->wake);
	worker_release(worker);
}

int worker_ask(struct worker *worker, const struct worker_job *job)
{
	int error = 0;

	pthread_mutex_lock(&worker->lock);
	if (worker->open == worker->capacity)
		error = -EAGAIN;
	else if (worker->threads == 0)
		error = worker_start(worker);
	if (!error) {
		ring_push(&worker->questions, worker->capacity, job);
		worker->open++;
		pthread_cond_signal(&worker->wake);
	}
	worker_unstick(worker);
	pthread_mutex_unlock(&worker->lock);
	return error;
}

bool worker_take(struct worker *worker, struct worker_job *job)
{
	bool taken = false;

	pthread_mutex_lock(&worker->lock);
	if (worker->answers.count > 0) {
		*job = ring_pop(&worker->answers, worker->capacity);
		worker->open--;
		taken = true;
	}
	worker_unstick(worker);
	pthread_mutex_unlock(&worker->lock);
	return taken;
}
