/* A small kernel that tests drive: tasks are born, do I/O, exec and exit; sweeps and exit records tell a tracker about
 * them as taskstats would, and an oracle keeps what they truly did. */
#ifndef STORY_H
#define STORY_H

#include "iotopx/accumulator.h"
#include "iotopx/table.h"
#include "iotopx/tracker.h"

#define STORY_TASKS 64
#define STORY_PENDING 512

struct story_task {
	bool alive, zombie;
	bool told;  /* the tracker has a base for it, or it is a newborn */
	bool moved; /* since its last reading */
	bool exact; /* /proc/PID/task/TID/io can be read */
	bool forked;
	pid_t tid, tgid, ppid;
	uint32_t uid;
	uint64_t start_ns, process_start_ns;
	uint64_t worked_ns; /* when it last counted anything, took over by exec, or was born */
	uint64_t read_ns;   /* when a sweep found it alive */
	unsigned exit_sweep;
	char comm[TASK_COMM_SIZE];
	const char *unit;
	uint64_t value[COUNTER_COUNT];
};

struct story {
	uint64_t random;
	uint64_t now_ns;
	struct tracker *tracker;
	struct accumulator *accumulator;
	struct sample sample;
	struct story_task tasks[STORY_TASKS];
	struct reading pending[STORY_PENDING]; /* exit records sent and not yet drained */
	size_t pending_count;
	uint64_t empty_ns; /* the queue was last known to be empty then */
	uint64_t lost, lost_total, lost_told; /* since the last sweep; in all; as intervals say */
	uint64_t begin_ns;
	bool baseline;
	unsigned images;          /* execs so far */
	pid_t freed[STORY_TASKS]; /* TIDs that an exec freed since the last sweep: PIDs go round, so they rest */
	size_t freed_count;
	unsigned sweeps;
	bool group_flag;              /* the kernel is v12 or later */
	bool overlooks;               /* a list of threads may leave one out */
	uint64_t done[COUNTER_COUNT]; /* truth: by tasks that the books cover */
	uint64_t exits;
	uint64_t rounded_bases; /* old tasks whose first reading was rounded: their next one may say 1023 too much */
	uint64_t booked[COUNTER_COUNT], booked_exits;
	bool scarce;                         /* memory may run out: a sweep may fail, and gives NULL then */
	bool sample_failed;                  /* the one at hand */
	void (*during)(struct story *story); /* called while a sweep goes on; NULL: nothing happens then */
};

uint64_t story_random(struct story *story, uint64_t below);
void story_open(struct story *story, uint64_t seed);
void story_close(struct story *story);
void story_pass(struct story *story, uint64_t ns);

/* A new process, or a thread of the process of `of`. NULL when there is no room. `tid` 0 picks one. */
struct story_task *story_fork(struct story *story, pid_t tid);
struct story_task *story_thread(struct story *story, const struct story_task *of, pid_t tid);
void story_work(struct story *story, struct story_task *task, enum counter counter, uint64_t amount);
/* The thread exits: sends its record, or loses it. A leader with living threads stays as a zombie. */
void story_exit(struct story *story, struct story_task *task, bool lose);
/* execve by a thread that is not the leader: all others die, it becomes the leader. */
void story_exec(struct story *story, struct story_task *thread);
void story_reap(struct story *story, struct story_task *zombie);

/* Records into the tracker; a sweep that reads those that moved (and some that did not). */
void story_drain(struct story *story);
struct interval *story_sweep(struct story *story); /* a reference: the caller's */

#endif
