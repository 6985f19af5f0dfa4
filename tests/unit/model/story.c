#include "story.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096u

/* assert() is off in a release build, which is what the tests run too. */
static void must(bool held)
{
	if (!held) {
		fputs("story: out of step with itself\n", stderr);
		abort();
	}
}

uint64_t story_random(struct story *story, uint64_t below)
{
	story->random ^= story->random << 13;
	story->random ^= story->random >> 7;
	story->random ^= story->random << 17;
	return below ? story->random % below : 0;
}

void story_open(struct story *story, uint64_t seed)
{
	memset(story, 0, sizeof(*story));
	story->random = seed * 0x9e3779b97f4a7c15u + 1;
	story->now_ns = 1000000000000u + seed % 1000;
	story->begin_ns = story->empty_ns = story->now_ns;
	story->baseline = true;
	story->group_flag = true;
	story->tracker = tracker_open(story->now_ns, TRACKER_LIMITS_DEFAULT);
	story->accumulator = accumulator_open(ACCUMULATOR_ENTRIES_DEFAULT);
	must(story->tracker && story->accumulator);
}

void story_close(struct story *story)
{
	tracker_close(story->tracker);
	accumulator_close(story->accumulator);
	sample_free(&story->sample);
}

void story_pass(struct story *story, uint64_t ns)
{
	story->now_ns += ns;
}

static struct story_task *by_tid(struct story *story, pid_t tid)
{
	for (int i = 0; i < STORY_TASKS; i++)
		if ((story->tasks[i].alive || story->tasks[i].zombie) && story->tasks[i].tid == tid)
			return &story->tasks[i];
	return NULL;
}

static struct story_task *room(struct story *story)
{
	for (int i = 0; i < STORY_TASKS; i++)
		if (!story->tasks[i].alive && !story->tasks[i].zombie)
			return &story->tasks[i];
	return NULL;
}

static bool rests(const struct story *story, pid_t tid)
{
	for (size_t i = 0; i < story->freed_count; i++)
		if (story->freed[i] == tid)
			return true;
	return false;
}

static pid_t pick_tid(struct story *story, pid_t tid)
{
	if (tid)
		return by_tid(story, tid) ? 0 : tid;
	for (int tries = 0; tries < 100; tries++) {
		tid = (pid_t)(100 + story_random(story, STORY_TASKS * 2)); /* few numbers: reuse is the rule here */
		if (!by_tid(story, tid) && !rests(story, tid))
			return tid;
	}
	return 0;
}

static struct story_task *be_born(struct story *story, pid_t tid)
{
	static const char *const comms[] = { "dd", "fio", "postgres", "sh" };
	static const char *const units[] = { "a.service", "b.service", NULL };
	struct story_task *task = room(story);

	tid = task ? pick_tid(story, tid) : 0;
	if (!tid)
		return NULL;
	*task = (struct story_task){
		.alive = true,
		.told = true, /* born under the tracker's eyes */
		.moved = true,
		.exact = story_random(story, 8) != 0,
		.forked = true,
		.tid = tid,
		.tgid = tid,
		.ppid = 1,
		.uid = (uint32_t)story_random(story, 3),
		.start_ns = story->now_ns,
		.worked_ns = story->now_ns,
		.process_start_ns = story->now_ns,
		.unit = units[story_random(story, 3)],
	};
	strcpy(task->comm, comms[story_random(story, 4)]);
	return task;
}

struct story_task *story_fork(struct story *story, pid_t tid)
{
	return be_born(story, tid);
}

struct story_task *story_thread(struct story *story, const struct story_task *of, pid_t tid)
{
	struct story_task parent = *of;
	struct story_task *task = be_born(story, tid);

	if (!task)
		return NULL;
	task->tgid = parent.tgid;
	task->process_start_ns = parent.process_start_ns;
	task->uid = parent.uid;
	task->unit = parent.unit;
	return task;
}

void story_work(struct story *story, struct story_task *task, enum counter counter, uint64_t amount)
{
	if (counter == COUNTER_CANCELLED && amount) /* who truncates has read its program and libraries first */
		story_work(story, task, COUNTER_READ_CHAR, 8192);
	if (counter <= COUNTER_CANCELLED)
		amount *= PAGE;
	task->value[counter] += amount;
	task->moved = true;
	task->worked_ns = story->now_ns;
	if (task->told)
		story->done[counter] += amount;
}

static void fill(struct story *story, const struct story_task *task, bool exact, uint64_t window_ns,
		 struct reading *reading)
{
	*reading = (struct reading){
		.tid = task->tid,
		.tgid = story->group_flag ? task->tgid : 0,
		.ppid = task->ppid,
		.uid = task->uid,
		.flags = (task->forked ? READING_FORKED : 0u) | (exact ? READING_EXACT_IO : 0u) |
			 (story->group_flag ? READING_HAS_GROUP_FLAG : 0u) | READING_DELAYS_PROVEN,
		.time_ns = story->now_ns,
		.window_ns = window_ns,
		.age_ns = story->now_ns - task->start_ns,
		.process_age_ns = story->now_ns - task->process_start_ns,
		.unit = task->unit,
		.counters.known = COUNTERS_ALL,
	};
	memcpy(reading->comm, task->comm, sizeof(reading->comm));
	for (int counter = 0; counter < COUNTER_COUNT; counter++) {
		bool rounds = !exact && (COUNTERS_IO & COUNTER_BIT(counter));

		reading->counters.value[counter] =
		    rounds ? task->value[counter] & ~(uint64_t)1023 : task->value[counter];
	}
}

static unsigned living_threads(const struct story *story, pid_t tgid)
{
	unsigned count = 0;

	for (int i = 0; i < STORY_TASKS; i++)
		count += story->tasks[i].alive && story->tasks[i].tgid == tgid;
	return count;
}

/* The record is true for now, whenever it will be received. */
static void send_record(struct story *story, struct story_task *task, bool lose)
{
	struct reading *record = &story->pending[story->pending_count];

	story->exits++;
	if (story->pending_count == STORY_PENDING || lose) {
		story->lost++;
		story->lost_total++;
		return;
	}
	fill(story, task, false, 0, record);
	/* Its age was taken, and then others ran before the record was sent. */
	uint64_t oldest = task->worked_ns > task->read_ns ? task->worked_ns : task->read_ns;

	if (story_random(story, 6) == 0)
		record->age_ns -= story_random(story, story->now_ns - oldest + 1);
	if (living_threads(story, task->tgid) == 0)
		record->flags |= READING_GROUP_DEAD;
	if (!story->group_flag)
		record->flags &= ~(uint32_t)READING_GROUP_DEAD;
	story->pending_count++;
}

void story_exit(struct story *story, struct story_task *task, bool lose)
{
	pid_t tgid = task->tgid;

	task->alive = false;
	task->exit_sweep = story->sweeps;
	send_record(story, task, lose);
	task->zombie = task->tid == task->tgid;
	if (living_threads(story, tgid) == 0) {
		struct story_task *leader = by_tid(story, tgid);

		/* Reaped at once, most of the time: the number is free. */
		if (leader && story_random(story, 4))
			leader->zombie = false;
	}
}

void story_reap(struct story *story, struct story_task *zombie)
{
	if (zombie->zombie && living_threads(story, zombie->tgid) == 0)
		zombie->zombie = false;
}

void story_exec(struct story *story, struct story_task *thread)
{
	struct story_task *leader = by_tid(story, thread->tgid);
	bool was_alive = leader->alive;
	bool exact = thread->exact;

	for (int i = 0; i < STORY_TASKS; i++) {
		struct story_task *other = &story->tasks[i];

		if (other == thread || other == leader || !other->alive || other->tgid != thread->tgid)
			continue;
		other->alive = false;
		send_record(story, other, false);
	}
	if (was_alive) {
		leader->alive = false;
		send_record(story, leader, false);
	}
	/* The leader's number and start, the thread's counters. */
	memcpy(leader->value, thread->value, sizeof(leader->value));
	leader->alive = true;
	leader->zombie = false;
	leader->moved = true;
	leader->forked = false;
	leader->worked_ns = story->now_ns;
	leader->exact = exact;
	leader->told = thread->told;
	snprintf(leader->comm, sizeof(leader->comm), "image%u", ++story->images);
	if (story->freed_count < STORY_TASKS)
		story->freed[story->freed_count++] = thread->tid;
	*thread = (struct story_task){ 0 };
}

void story_drain(struct story *story)
{
	if (story->lost)
		tracker_note_loss(story->tracker, story->now_ns);
	for (size_t i = 0; i < story->pending_count; i++) {
		struct reading record = story->pending[i];
		record.time_ns = story->now_ns;
		record.window_ns = story->now_ns - story->empty_ns;
		int error = tracker_exit(story->tracker, &record);

		must(error == 0 || story->scarce);
		story->lost_total += error != 0; /* as one that was never received */
	}
	story->pending_count = 0;
	story->empty_ns = story->now_ns;
}

static void read_task(struct story *story, struct story_task *task, bool exact)
{
	struct reading *reading = sample_add(&story->sample);

	must(reading || story->scarce);
	if (!reading) {
		story->sample_failed = true;
		return;
	}
	fill(story, task, exact && !task->zombie, story_random(story, 200000), reading);
	/* One that has sent its record runs on for a while before it is a zombie. */
	bool exiting = task->zombie && task->exit_sweep == story->sweeps && story_random(story, 3) == 0;

	reading->state = exiting ? 'R' : task->zombie ? 'Z' : 'S';
	if (task->zombie && !exiting)
		reading->flags |= READING_ZOMBIE;
	if (!task->zombie)
		task->read_ns = story->now_ns;
	task->moved = false;
}

/* The kernel's list of a process's threads leaves one out when another ends meanwhile (proc_task_readdir): it seems to be
 * gone, and lives. It is found again when it has something to say, or never more. */
static bool is_overlooked(struct story *story, const struct story_task *task)
{
	if (!story->overlooks || !task->alive || task->tid == task->tgid || story_random(story, 10))
		return false;
	must(sample_add_gone(&story->sample, task->tid) == 0);
	return true;
}

/* Those that ran are read; idle ones at times, as when their process's clock moved. */
static void read_tasks(struct story *story)
{
	for (int i = 0; i < STORY_TASKS; i++) {
		struct story_task *task = &story->tasks[i];

		if (!task->alive && !task->zombie)
			continue;
		if (!task->moved && !story->baseline && story_random(story, 4))
			continue;
		if (task->zombie && story_random(story, 2))
			continue;
		if (is_overlooked(story, task))
			continue;
		story_pass(story, 1000);
		read_task(story, task, task->exact);
		story->rounded_bases += !task->told && !task->exact;
		task->told = true; /* what an old one did before is nobody's */
		if (story->during)
			story->during(story);
	}
}

/* One that failed: the next reads again who had moved. */
static void forget_sweep(struct story *story)
{
	for (int i = 0; i < STORY_TASKS; i++)
		story->tasks[i].moved = true;
	if (story->sample_failed) /* the tracker never saw it */
		story->lost += story->sample.lost_exits;
	story->sweeps++;
	story->freed_count = 0;
}

struct interval *story_sweep(struct story *story)
{
	struct interval *interval = NULL;

	sample_reset(&story->sample);
	story->sample_failed = false;
	story_drain(story);
	story->sample.begin_ns = story->now_ns;
	story->sample.baseline = story->baseline;
	story->sample.all_tasks = story->sample.exits_known = true;
	story->sample.delayacct = 1;
	read_tasks(story);
	story->sample.end_ns = story->now_ns;
	/* Some die while the sweep goes on; all their records are taken before the readings are booked. */
	story_pass(story, 1000);
	story_drain(story);
	story->sample.lost_exits = story->lost;
	story->lost = 0;
	for (int tid = 100; tid < 100 + STORY_TASKS * 2; tid++)
		if (!by_tid(story, tid) && story_random(story, 2)) {
			int error = sample_add_gone(&story->sample, tid);

			must(error == 0 || story->scarce);
			story->sample_failed |= error != 0;
		}
	int error = story->sample_failed ? -ENOMEM : tracker_sample(story->tracker, &story->sample, true, &interval);

	must(story->scarce ? (error == 0) == (interval != NULL) : error == 0 && interval);
	if (error) {
		forget_sweep(story);
		return NULL;
	}
	story->baseline = false;
	story->sweeps++;
	story->freed_count = 0;
	story->lost_told += interval->lost_exits;
	for (int counter = 0; counter < COUNTER_COUNT; counter++)
		story->booked[counter] += interval->total.value[counter];
	story->booked_exits += interval->exited;
	error = accumulator_add(story->accumulator, interval);
	must(error == 0 || story->scarce);
	return interval;
}
