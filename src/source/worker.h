/* Threads for questions that may hang for ever: a stuck process, a dead directory server. Private to this room.
 *
 * The asker never waits for them: it puts a question into a bounded queue and takes answers when the descriptor says
 * so. A thread that hangs keeps its question; when the queue then stands still, another thread is started, up to a
 * limit. Closing leaves hanging threads behind: what they share is freed by the last one that comes back.
 */
#ifndef IOTOPX_WORKER_H
#define IOTOPX_WORKER_H

#include "iotopx/task.h"

#include <stddef.h>

struct open_files;

struct worker_job {
	uint32_t number;          /* the asker's own */
	struct task_id id;        /* what is asked about: a task ... */
	uint32_t uid;             /* ... or a user */
	char *text;               /* the answer, owned by whoever has the job; NULL: there is none */
	struct open_files *files; /* another kind of answer, likewise */
};

/* What the threads do: no lock is held meanwhile. `run` fills job->text or job->files. */
struct worker_ops {
	void (*run)(void *context, struct worker_job *job);
	void (*free_context)(void *context);
};

struct worker;

/* `context` belongs to the worker on success; `event_fd` (an eventfd, written when an answer has come) is borrowed
 * and copied. At most `capacity` jobs are asked and not yet taken. No thread runs before the first question.
 * 0 or -errno. */
int worker_open(const struct worker_ops *ops, void *context, size_t capacity, unsigned threads_max, int event_fd,
		struct worker **worker);
void worker_close(struct worker *worker); /* never waits; NULL allowed */

/* 0, -EAGAIN: no room, or -errno: no thread can be started. */
int worker_ask(struct worker *worker, const struct worker_job *job);
/* One answer into *job; false if there is none. */
bool worker_take(struct worker *worker, struct worker_job *job);

#endif
