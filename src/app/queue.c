#include "queue.h"
#include "privilege.h"
#include "replace.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define ITEMS_MAX 64
#define BYTES_MAX (16u << 20)
#define WAKE_SIGNAL SIGUSR1 /* interrupts a write that is stuck */
#define JOIN_RETRY_NS 10000000

struct item {
	char *bytes;
	size_t length;
};

struct queue {
	int fd, event;
	const char *path; /* of the file to replace; NULL: write to fd */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct item items[ITEMS_MAX]; /* a ring */
	size_t first, count, bytes;   /* the item in writing counts until it is written */
	int error;
	atomic_bool stop;
};

static void wake_handler(int number)
{
	(void)number;
}

static int write_all(struct queue *queue, const struct item *item)
{
	for (size_t done = 0; done < item->length;) {
		ssize_t wrote = write(queue->fd, item->bytes + done, item->length - done);

		if (wrote < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (wrote < 0 && errno == EAGAIN)
			nanosleep(&(struct timespec){ .tv_nsec = JOIN_RETRY_NS }, NULL);
		if (atomic_load(&queue->stop))
			return -ECANCELED;
		if (wrote > 0)
			done += (size_t)wrote;
	}
	return 0;
}

static void tell(struct queue *queue)
{
	uint64_t one = 1;
	ssize_t wrote = write(queue->event, &one, sizeof(one));

	(void)wrote; /* it can only be full, and is readable then */
}

static void *write_items(void *data)
{
	struct queue *queue = data;

	(void)privilege_set_aside(); /* it only writes, and that as who started iotopx */
	pthread_mutex_lock(&queue->lock);
	while (!atomic_load(&queue->stop) && queue->error == 0) {
		struct item item;
		int error;

		if (queue->count == 0) {
			pthread_cond_wait(&queue->filled, &queue->lock);
			continue;
		}
		item = queue->items[queue->first];
		pthread_mutex_unlock(&queue->lock);
		error = queue->path ? replace_file(queue->path, item.bytes, item.length) : write_all(queue, &item);
		free(item.bytes);
		pthread_mutex_lock(&queue->lock);
		queue->first = (queue->first + 1) % ITEMS_MAX;
		queue->count--;
		queue->bytes -= item.length;
		queue->error = error;
		tell(queue);
	}
	pthread_mutex_unlock(&queue->lock);
	return NULL;
}

/* The thread takes none of the loop's signals (they are blocked already), but the one that wakes it. */
static int start_thread(struct queue *queue)
{
	struct sigaction wake = { .sa_handler = wake_handler }; /* no SA_RESTART: write ends with EINTR */
	sigset_t set;

	sigemptyset(&wake.sa_mask);
	sigaction(WAKE_SIGNAL, &wake, NULL);
	sigemptyset(&set);
	sigaddset(&set, WAKE_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return -pthread_create(&queue->thread, NULL, write_items, queue);
}

static int open_queue(int fd, const char *path, struct queue **queue)
{
	struct queue *new = calloc(1, sizeof(*new));
	int result;

	if (!new)
		return -ENOMEM;
	new->fd = fd;
	new->path = path;
	pthread_mutex_init(&new->lock, NULL);
	pthread_cond_init(&new->filled, NULL);
	new->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	result = new->event < 0 ? -errno : start_thread(new);
	if (result != 0) {
		if (new->event >= 0)
			close(new->event);
		free(new);
		return result;
	}
	*queue = new;
	return 0;
}

int queue_open(int fd, struct queue **queue)
{
	return open_queue(fd, NULL, queue);
}

int queue_open_file(const char *path, struct queue **queue)
{
	return open_queue(-1, path, queue);
}

static void stop_thread(struct queue *queue)
{
	struct timespec until;

	atomic_store(&queue->stop, true);
	pthread_mutex_lock(&queue->lock);
	pthread_cond_signal(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
	do {
		/* Again and again: the signal may come just before the write that it should interrupt. */
		pthread_kill(queue->thread, WAKE_SIGNAL);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += JOIN_RETRY_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
	} while (pthread_clockjoin_np(queue->thread, NULL, CLOCK_MONOTONIC, &until) == ETIMEDOUT);
}

void queue_close(struct queue *queue)
{
	if (!queue)
		return;
	stop_thread(queue);
	for (size_t i = 0; i < queue->count; i++)
		free(queue->items[(queue->first + i) % ITEMS_MAX].bytes);
	close(queue->event);
	pthread_cond_destroy(&queue->filled);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

bool queue_has_room(struct queue *queue)
{
	bool room;

	pthread_mutex_lock(&queue->lock);
	room = queue->count < ITEMS_MAX && queue->bytes < BYTES_MAX;
	pthread_mutex_unlock(&queue->lock);
	return room;
}

int queue_put(struct queue *queue, char *bytes, size_t length)
{
	int result = 0;

	pthread_mutex_lock(&queue->lock);
	if (queue->count == ITEMS_MAX || queue->error != 0) {
		free(bytes);
		result = queue->error ? 0 : -ENOMEM;
	} else {
		queue->items[(queue->first + queue->count) % ITEMS_MAX] = (struct item){ bytes, length };
		queue->count++;
		queue->bytes += length;
		pthread_cond_signal(&queue->filled);
	}
	pthread_mutex_unlock(&queue->lock);
	return result;
}

int queue_fd(const struct queue *queue)
{
	return queue->event;
}

void queue_collect(struct queue *queue)
{
	uint64_t count;
	ssize_t got = read(queue->event, &count, sizeof(count));

	(void)got; /* nothing to read is fine */
}

size_t queue_waiting(struct queue *queue)
{
	size_t count;

	pthread_mutex_lock(&queue->lock);
	count = queue->error ? 0 : queue->count;
	pthread_mutex_unlock(&queue->lock);
	return count;
}

int queue_error(struct queue *queue)
{
	int error;

	pthread_mutex_lock(&queue->lock);
	error = queue->error;
	pthread_mutex_unlock(&queue->lock);
	return error;
}
