#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void watch_free(struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++)
		free(watch->items[i].more);
	free(watch->items);
	free(watch->free_slots);
	idmap_free(&watch->by_pid);
	*watch = (struct watch){ 0 };
}

struct watched *watch_find(const struct watch *watch, pid_t pid)
{
	uint32_t slot = pid > 0 ? idmap_get(&watch->by_pid, (uint32_t)pid) : IDMAP_NONE;

	return slot == IDMAP_NONE ? NULL : &watch->items[slot];
}

struct watched *watch_add(struct watch *watch, pid_t pid, uint64_t inode)
{
	uint32_t slot;

	if (watch->free_count) {
		slot = watch->free_slots[watch->free_count - 1];
	} else {
		/* Room to free it again comes with the slot, so that dropping can't fail. */
		if (array_reserve_raw((void **)&watch->free_slots, &watch->free_capacity, watch->count + 1,
				      sizeof(*watch->free_slots)) ||
		    !array_append(watch))
			return NULL;
		slot = (uint32_t)(watch->count - 1);
		watch->free_slots[watch->free_count++] = slot;
	}
	if (idmap_set(&watch->by_pid, (uint32_t)pid, slot))
		return NULL;
	watch->free_count--;
	watch->items[slot] = (struct watched){ .pid = pid, .inode = inode };
	return &watch->items[slot];
}

void watch_drop(struct watch *watch, struct watched *process)
{
	uint32_t slot = (uint32_t)(process - watch->items);

	idmap_remove(&watch->by_pid, (uint32_t)process->pid);
	free(process->more);
	*process = (struct watched){ 0 };
	watch->free_slots[watch->free_count++] = slot;
}

struct watched_thread *watched_threads(struct watched *process)
{
	return process->more ? process->more : &process->one;
}

struct watched_thread *watched_thread_find(struct watched *process, pid_t tid)
{
	struct watched_thread *threads = watched_threads(process);

	for (uint32_t i = 0; i < process->thread_count; i++)
		if (threads[i].tid == tid)
			return &threads[i];
	return NULL;
}

struct watched_thread *watched_thread_add(struct watched *process, pid_t tid)
{
	struct watched_thread *thread;

	if (process->thread_count == 0 && !process->more) {
		thread = &process->one;
	} else {
		if (process->thread_count + 1 > process->thread_capacity) {
			uint32_t capacity = process->thread_count < 4 ? 4 : process->thread_count * 3 / 2;
			struct watched_thread *more = realloc(process->more, capacity * sizeof(*more));

			if (!more)
				return NULL;
			if (!process->more)
				more[0] = process->one;
			process->more = more;
			process->thread_capacity = capacity;
		}
		thread = &process->more[process->thread_count];
	}
	process->thread_count++;
	*thread = (struct watched_thread){ .tid = tid, .flags = THREAD_STATE_UNREAD };
	return thread;
}

void watched_thread_drop(struct watched *process, size_t index)
{
	struct watched_thread *threads = watched_threads(process);

	threads[index] = threads[--process->thread_count];
}

/* Finds the listed thread at or after *cursor; else, if the walk has passed over some, among those. */
static struct watched_thread *walk_to(struct watched *process, pid_t tid, uint32_t old_count, uint32_t *cursor,
				      bool *passed_over)
{
	struct watched_thread *threads = watched_threads(process);

	for (uint32_t i = *cursor; i < old_count; i++) {
		if (threads[i].tid != tid)
			continue;
		*passed_over |= i != *cursor;
		*cursor = i + 1;
		return &threads[i];
	}
	for (uint32_t i = 0; *passed_over && i < *cursor; i++)
		if (threads[i].tid == tid)
			return &threads[i];
	return NULL;
}

int watched_threads_sync(struct watched *process, const struct proc_list *list, int (*gone)(void *data, pid_t tid),
			 void *data)
{
	struct watched_thread *threads = watched_threads(process);
	uint32_t old_count = process->thread_count, cursor = 0, kept = 0;
	bool passed_over = false;
	int error = 0;

	for (uint32_t i = 0; i < old_count; i++)
		threads[i].flags &= ~(uint32_t)THREAD_LISTED;
	for (size_t i = 0; i < list->count; i++) {
		struct watched_thread *thread = walk_to(process, list->items[i].pid, old_count, &cursor, &passed_over);

		if (!thread)
			thread = watched_thread_add(process, list->items[i].pid);
		if (!thread)
			return -ENOMEM;
		thread->flags |= THREAD_LISTED;
	}
	threads = watched_threads(process);
	for (uint32_t i = 0; i < process->thread_count; i++) {
		if (!(threads[i].flags & THREAD_LISTED) && !error)
			error = gone(data, threads[i].tid);
		if (threads[i].flags & THREAD_LISTED || error)
			threads[kept++] = threads[i];
	}
	process->thread_count = kept;
	return error;
}
