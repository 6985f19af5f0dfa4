/* Each rule of the books by its own test. */
#include "iotopx/accumulator.h"
#include "iotopx/table.h"
#include "iotopx/tracker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000u
#define BEGIN (1000ull * SECOND) /* of the baseline sweep */

struct books {
	struct tracker *tracker;
	struct sample sample;
	struct interval *interval; /* the last one */
	uint64_t now_ns;
	int delayacct;
	bool no_records;
};

static void books_open(struct books *books)
{
	*books = (struct books){ .now_ns = BEGIN, .delayacct = 1 };
	books->tracker = tracker_open(BEGIN, TRACKER_LIMITS_DEFAULT);
	assert_non_null(books->tracker);
}

static void books_close(struct books *books)
{
	interval_unref(books->interval);
	tracker_close(books->tracker);
	sample_free(&books->sample);
}

static void books_sweep(struct books *books)
{
	interval_unref(books->interval);
	books->interval = NULL;
	books->sample.begin_ns = books->sample.end_ns = books->now_ns;
	books->sample.exits_known = !books->no_records;
	books->sample.all_tasks = true;
	books->sample.delayacct = books->delayacct;
	assert_int_equal(tracker_sample(books->tracker, &books->sample, true, &books->interval), 0);
	sample_reset(&books->sample);
	books->now_ns += SECOND;
}

static struct reading reading_of(const struct books *books, pid_t tid, pid_t tgid, uint64_t age_ns)
{
	struct reading reading = {
		.tid = tid,
		.tgid = tgid,
		.ppid = 1,
		.uid = 0,
		.state = 'S',
		.flags = READING_HAS_GROUP_FLAG | READING_DELAYS_PROVEN | READING_EXACT_IO,
		.comm = "dd",
		.time_ns = books->now_ns,
		.window_ns = 1000,
		.age_ns = age_ns,
		.process_age_ns = age_ns,
		.counters.known = COUNTERS_ALL,
	};

	return reading;
}

static void books_read(struct books *books, const struct reading *reading)
{
	struct reading *slot = sample_add(&books->sample);

	assert_non_null(slot);
	*slot = *reading;
}

static void books_exit(struct books *books, struct reading reading, bool last)
{
	reading.flags &= ~(uint32_t)READING_EXACT_IO;
	reading.state = 0;
	if (last)
		reading.flags |= READING_GROUP_DEAD;
	assert_int_equal(tracker_exit(books->tracker, &reading), 0);
}

static const struct task_delta *delta_of(const struct books *books, pid_t tid)
{
	for (size_t i = 0; i < books->interval->count; i++)
		if (books->interval->tasks[i].info->id.tid == tid)
			return &books->interval->tasks[i];
	return NULL;
}

static uint64_t booked(const struct books *books, pid_t tid, enum counter counter)
{
	const struct task_delta *task = delta_of(books, tid);

	return task ? task->delta.value[counter] : 0;
}

/* A task of 10 s that wrote `written` bytes so far. */
static struct reading old_task(const struct books *books, uint64_t written)
{
	struct reading reading = reading_of(books, 42, 42, 10 * SECOND + (books->now_ns - BEGIN));

	reading.counters.value[COUNTER_WRITE] = written;
	return reading;
}

static void open_with_old_task(struct books *books, uint64_t written)
{
	books_open(books);
	struct reading reading = old_task(books, written);

	books_read(books, &reading);
	books_sweep(books);
	assert_true(books->interval->baseline);
	assert_int_equal(books->interval->count, 0);
}

static void test_difference(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 1 << 20);
	struct reading reading = old_task(&books, 3 << 20);

	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(booked(&books, 42, COUNTER_WRITE), 2 << 20);
	assert_int_equal(books.interval->total.value[COUNTER_WRITE], 2 << 20);
	assert_int_equal(books.interval->end_ns - books.interval->begin_ns, SECOND);
	books_close(&books);
}

static void test_newborn_counts_all(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	struct reading reading = reading_of(&books, 50, 50, SECOND / 2);

	reading.counters.value[COUNTER_WRITE] = 4096;
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(booked(&books, 50, COUNTER_WRITE), 4096);
	assert_true(delta_of(&books, 50)->flags & DELTA_BORN);
	books_close(&books);
}

static void test_born_during_the_baseline(void **state)
{
	struct books books;

	(void)state;
	books_open(&books);
	books.now_ns += SECOND / 10;
	struct reading reading = reading_of(&books, 50, 50, SECOND / 20);

	reading.counters.value[COUNTER_WRITE] = 4096;
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(books.interval->count, 0);
	books_sweep(&books); /* measured by the first interval there is */
	assert_int_equal(booked(&books, 50, COUNTER_WRITE), 4096);
	books_close(&books);
}

static void test_older_task_seen_late(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	struct reading reading = reading_of(&books, 60, 60, 100 * (uint64_t)SECOND);

	reading.counters.value[COUNTER_WRITE] = 1 << 30;
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(books.interval->total.value[COUNTER_WRITE], 0);
	reading = reading_of(&books, 60, 60, 101 * (uint64_t)SECOND);
	reading.counters.value[COUNTER_WRITE] = (1 << 30) + 512;
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(booked(&books, 60, COUNTER_WRITE), 512);
	books_close(&books);
}

static void test_older_reading_is_ignored(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	struct reading newer = old_task(&books, 8192);
	struct reading older = newer;

	older.age_ns -= SECOND / 2;
	older.time_ns -= SECOND / 2;
	older.counters.value[COUNTER_WRITE] = 4096;
	books_read(&books, &newer);
	books_read(&books, &older);
	books_sweep(&books);
	assert_int_equal(books.interval->total.value[COUNTER_WRITE], 8192);
	books_close(&books);
}

static void test_closed_books_nothing_more(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	struct reading late = old_task(&books, 4096); /* under way when the task died */

	books.now_ns += SECOND / 10;
	struct reading record = old_task(&books, 8192);

	books_exit(&books, record, true);
	books_read(&books, &late);
	books_sweep(&books);
	assert_int_equal(books.interval->total.value[COUNTER_WRITE], 8192);
	assert_int_equal(books.interval->exited, 1);
	assert_true(delta_of(&books, 42)->flags & DELTA_EXITED);
	assert_int_equal(books.interval->task_count, 0);
	books_close(&books);
}

static void test_zombie_adds_cancelled_only(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	books_exit(&books, old_task(&books, 10 << 20), true);
	books_sweep(&books);
	assert_int_equal(books.interval->total.value[COUNTER_WRITE], 10 << 20);
	struct reading zombie = old_task(&books, 20 << 20);

	zombie.flags |= READING_ZOMBIE;
	zombie.state = 'Z';
	zombie.counters.value[COUNTER_CANCELLED] = 10 << 20;
	books_read(&books, &zombie);
	books_sweep(&books);
	assert_int_equal(books.interval->total.value[COUNTER_WRITE], 0);
	assert_int_equal(books.interval->total.value[COUNTER_CANCELLED], 10 << 20);
	books_close(&books);
}

/* The reused PID of a process that is known to be dead is somebody else, however soon. */
static void test_one_pid_a_thousand_times(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	for (unsigned i = 0; i < 1000; i++) {
		struct reading record = reading_of(&books, 77, 77, 150000);

		record.window_ns = 30 * 1000 * 1000; /* the queue was not empty for long */
		record.counters.value[COUNTER_WRITE] = 4096;
		books_exit(&books, record, true);
		books.now_ns += 200000;
	}
	books_sweep(&books);
	assert_int_equal(books.interval->exited, 1000);
	assert_int_equal(books.interval->total.value[COUNTER_WRITE], 1000 * 4096);
	books_close(&books);
}

static void test_reused_while_its_record_waits(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	books_exit(&books, old_task(&books, 4096), true);
	struct reading reused = reading_of(&books, 42, 42, SECOND / 100);

	reused.counters.value[COUNTER_WRITE] = 100;
	books.now_ns += SECOND / 50;
	reused.time_ns = books.now_ns;
	books_read(&books, &reused);
	books_sweep(&books);
	assert_int_equal(books.interval->total.value[COUNTER_WRITE], 4096 + 100);
	books_close(&books);
}

static void start_threads(struct books *books)
{
	open_with_old_task(books, 1 << 20);
	struct reading thread = reading_of(books, 43, 42, SECOND / 2);

	thread.process_age_ns = old_task(books, 0).age_ns;
	thread.counters.value[COUNTER_WRITE] = 5000;
	books_read(books, &thread);
	books_sweep(books);
	assert_int_equal(booked(books, 43, COUNTER_WRITE), 5000);
}

static struct reading execed(const struct books *books, uint64_t written)
{
	struct reading reading = old_task(books, written);

	strcpy(reading.comm, "new");
	return reading;
}

static void test_takeover_goes_on_from_the_thread(void **state)
{
	struct books books;

	(void)state;
	start_threads(&books);
	books_exit(&books, old_task(&books, (1 << 20) + 4096), false);
	books.now_ns += SECOND / 10;
	struct reading image = execed(&books, 5000 + 300);

	books_read(&books, &image);
	assert_int_equal(sample_add_gone(&books.sample, 43), 0);
	books_sweep(&books);
	assert_int_equal(books.interval->total.value[COUNTER_WRITE], 4096 + 300);
	books_close(&books);
}

/* The exec waits for the other threads, which may take long; meanwhile the thread is not listed. */
static void test_takeover_that_takes_its_time(void **state)
{
	struct books books;

	(void)state;
	start_threads(&books);
	assert_int_equal(sample_add_gone(&books.sample, 43), 0);
	for (int sweep = 0; sweep < 10; sweep++) {
		books_sweep(&books);
		assert_int_equal(books.interval->total.value[COUNTER_WRITE], 0);
	}
	books_exit(&books, old_task(&books, (1 << 20) + 4096), false);
	books.now_ns += SECOND / 10;
	struct reading image = execed(&books, 5000 + 300);

	books_read(&books, &image);
	books_sweep(&books);
	assert_int_equal(books.interval->total.value[COUNTER_WRITE], 4096 + 300);
	books_close(&books);
}

static struct reading thread_again(const struct books *books, uint64_t written)
{
	struct reading thread = reading_of(books, 43, 42, SECOND / 2 + (books->now_ns - BEGIN - SECOND));

	thread.process_age_ns = old_task(books, 0).age_ns;
	thread.counters.value[COUNTER_WRITE] = written;
	return thread;
}

/* A list of threads may leave one out that lives on: it is not born anew when it is found again, or when it ends. */
static void test_left_out_of_the_list(void **state)
{
	struct books books;

	(void)state;
	for (int end = 0; end < 2; end++) {
		start_threads(&books);
		assert_int_equal(sample_add_gone(&books.sample, 43), 0);
		for (int sweep = 0; sweep < 10; sweep++)
			books_sweep(&books);
		struct reading thread = thread_again(&books, 5000 + 700);

		if (end) {
			thread.age_ns -= SECOND / 3; /* it was kept from sending its record */
			books_exit(&books, thread, false);
		} else {
			books_read(&books, &thread);
		}
		books_sweep(&books);
		assert_int_equal(booked(&books, 43, COUNTER_WRITE), 700);
		books_close(&books);
	}
}

/* Without exit records all who seem to be gone are forgotten; one who is younger is a newborn all the same. */
static void test_left_out_where_no_records_come(void **state)
{
	struct books books;

	(void)state;
	start_threads(&books);
	books.no_records = true;
	assert_int_equal(sample_add_gone(&books.sample, 43), 0);
	for (int sweep = 0; sweep < 5; sweep++)
		books_sweep(&books);
	for (uint64_t sweep = 0; sweep < 2; sweep++) {
		struct reading thread = thread_again(&books, 6000 + 100 * sweep);
		struct reading younger = thread;

		younger.tid = 44;
		younger.age_ns = (3 + sweep) * SECOND;
		books_read(&books, &thread);
		books_read(&books, &younger);
		books_sweep(&books);
		assert_int_equal(booked(&books, 43, COUNTER_WRITE), sweep * 100);
		assert_int_equal(booked(&books, 44, COUNTER_WRITE), sweep ? 100 : 6000);
	}
	books_close(&books);
}

/* ... and the dead are not kept for ever. */
static void test_vanished_go_with_their_process(void **state)
{
	struct books books;

	(void)state;
	start_threads(&books);
	assert_int_equal(sample_add_gone(&books.sample, 43), 0);
	books_sweep(&books);
	books_exit(&books, old_task(&books, 1 << 20), true);
	for (int sweep = 0; sweep < 4; sweep++)
		books_sweep(&books);
	/* Born anew, then: whoever has the TID now is somebody else. */
	struct reading thread = reading_of(&books, 43, 43, SECOND / 2);

	thread.counters.value[COUNTER_WRITE] = 300;
	books_read(&books, &thread);
	books_sweep(&books);
	assert_int_equal(booked(&books, 43, COUNTER_WRITE), 300);
	assert_int_equal(books.interval->task_count, 1);
	books_close(&books);
}

static void test_takeover_by_an_unknown_newborn(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 1 << 20);
	books_exit(&books, old_task(&books, 1 << 20), false);
	books.now_ns += SECOND / 10;
	struct reading image = execed(&books, 700);

	books_read(&books, &image);
	books_sweep(&books);
	assert_int_equal(books.interval->total.value[COUNTER_WRITE], 700);
	books_close(&books);
}

static void test_takeover_with_records_lost(void **state)
{
	struct books books;

	(void)state;
	start_threads(&books);
	tracker_note_loss(books.tracker, books.now_ns);
	books_exit(&books, old_task(&books, 1 << 20), false);
	books.now_ns += SECOND / 10;
	struct reading image = execed(&books, 9 << 20);

	books_read(&books, &image);
	books.sample.lost_exits = 3;
	books_sweep(&books);
	assert_int_equal(books.interval->total.value[COUNTER_WRITE], 0); /* unknown: no phantom */
	assert_int_equal(books.interval->lost_exits, 3);
	books_close(&books);
}

/* A loss is of its time: who has been read since is known again. */
static void test_new_name_long_after_a_loss(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 1 << 20);
	tracker_note_loss(books.tracker, books.now_ns);
	books.now_ns += SECOND;
	for (uint64_t sweep = 0; sweep < 3; sweep++) {
		struct reading reading = old_task(&books, (11 + 10 * sweep) << 20);

		if (sweep != 1)
			memcpy(reading.comm, "renamed", sizeof("renamed"));
		books_read(&books, &reading);
		books_sweep(&books);
		/* The first may be another image's; what the second is compared with came after the loss. */
		assert_int_equal(booked(&books, 42, COUNTER_WRITE), sweep ? 10 << 20 : 0);
	}
	books_close(&books);
}

static struct reading thread_of(const struct books *books, pid_t tid, uint64_t age_ns, uint64_t written)
{
	struct reading thread = reading_of(books, tid, 42, age_ns);

	thread.process_age_ns = old_task(books, 0).age_ns;
	thread.counters.value[COUNTER_WRITE] = written;
	return thread;
}

/* Thread 45 is found, having written 7000 bytes; then it takes over as the second image of 42, which writes 40 more. */
static void write_and_exec(struct books *books)
{
	struct reading reading = thread_of(books, 45, SECOND / 10, 7000);

	books_read(books, &reading);
	books_sweep(books);
	assert_int_equal(booked(books, 45, COUNTER_WRITE), 7000);
	books_exit(books, execed(books, 0), false);
	books->now_ns += SECOND / 10;
	reading = execed(books, 7000 + 40);
	strcpy(reading.comm, "newer");
	books_read(books, &reading);
	books_sweep(books);
}

/* A thread that an exec killed, and whose record was lost, explains no later exec. */
static void test_takeover_after_another(void **state)
{
	struct books books;
	struct reading reading;

	(void)state;
	start_threads(&books); /* 43, whose record will be lost */
	tracker_note_loss(books.tracker, books.now_ns);
	books.now_ns += SECOND / 10;
	books_exit(&books, old_task(&books, 1 << 20), false);
	books.now_ns += SECOND / 10;
	reading = thread_of(&books, 44, SECOND / 20, 0);
	books_read(&books, &reading);
	books_sweep(&books);
	reading = execed(&books, 0); /* 44, in truth */
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(sample_add_gone(&books.sample, 43), 0);
	assert_int_equal(sample_add_gone(&books.sample, 44), 0);
	write_and_exec(&books);
	assert_int_equal(booked(&books, 42, COUNTER_WRITE), 40);
	books_close(&books);
}

/* A leader that went is not forgotten while its process lives, though nobody knows of a thread of it for a while: one
 * that is found then may still take its TID over. */
static void test_takeover_long_after_the_leader(void **state)
{
	struct books books;
	struct reading reading;

	(void)state;
	start_threads(&books);
	books_exit(&books, old_task(&books, 1 << 20), false);
	books_exit(&books, thread_again(&books, 5000), false);
	for (int sweep = 0; sweep < 6; sweep++)
		books_sweep(&books);
	reading = thread_of(&books, 44, 6 * SECOND, 7000);
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(booked(&books, 44, COUNTER_WRITE), 7000);
	assert_int_equal(sample_add_gone(&books.sample, 44), 0);
	reading = execed(&books, 7000 + 40);
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(booked(&books, 42, COUNTER_WRITE), 40);
	books_close(&books);
}

/* ... of one whose leader's record was lost, too: it is left behind by the exec that nobody was told of. */
static void test_takeover_after_one_unseen(void **state)
{
	struct books books;
	struct reading reading;

	(void)state;
	books_open(&books);
	books_sweep(&books);
	tracker_note_loss(books.tracker, books.now_ns); /* the leader's record */
	books.now_ns += SECOND / 10;
	reading = thread_of(&books, 43, SECOND / 2, 0);
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(sample_add_gone(&books.sample, 43), 0);
	reading = execed(&books, 0); /* 43, the first time that its leader's TID is read */
	books_read(&books, &reading);
	write_and_exec(&books);
	assert_true(booked(&books, 42, COUNTER_WRITE) <= 40);
	books_close(&books);
}

/* The record that comes for a TID may be of the next one who had it, the last one's being lost. A reading of that next
 * one which was under way then tells nothing new. */
static void test_reading_of_another_under_way(void **state)
{
	struct books books;
	struct reading reading, record;

	(void)state;
	start_threads(&books);
	tracker_note_loss(books.tracker, books.now_ns);
	books.now_ns += 3 * SECOND;
	reading = thread_of(&books, 43, SECOND, 9000);
	books_read(&books, &reading);
	books.now_ns += SECOND / 100;
	record = thread_of(&books, 43, SECOND + SECOND / 100, 9000);
	books_exit(&books, record, false);
	books_sweep(&books);
	assert_true(books.interval->total.value[COUNTER_WRITE] <= 9000);
	books_close(&books);
}

/* The end of a zombie that nobody knows has been told long ago: the record that comes next with its TID is another's.
 */
static void test_zombie_of_long_ago(void **state)
{
	struct books books;
	struct reading reading;

	(void)state;
	books_open(&books);
	reading = reading_of(&books, 50, 50, 10 * SECOND);
	reading.state = 'Z';
	reading.flags |= READING_ZOMBIE;
	books_read(&books, &reading);
	assert_int_equal(tracker_base(books.tracker, &books.sample), 0);
	books_sweep(&books);
	reading = reading_of(&books, 50, 50, SECOND / 2);
	reading.flags |= READING_FORKED;
	reading.counters.value[COUNTER_WRITE] = 5000;
	books_exit(&books, reading, true);
	books_sweep(&books);
	assert_int_equal(booked(&books, 50, COUNTER_WRITE), 5000);
	books_close(&books);
}

/* After a loss a reading is no sign of life: one on its way out runs too, and it may be the dead leader whose record
 * was lost. One that sleeps lives, and one that calls. */
static void test_life_after_a_loss(void **state)
{
	enum { RUNS, SLEEPS, CALLS, CASES };

	(void)state;
	for (int sign = RUNS; sign < CASES; sign++) {
		struct books books;

		open_with_old_task(&books, 1 << 20);
		tracker_note_loss(books.tracker, books.now_ns);
		books.now_ns += SECOND;
		for (uint64_t sweep = 0; sweep < 3; sweep++) {
			struct reading reading = old_task(&books, (1 + sweep) << 20);

			reading.state = sign == SLEEPS && sweep == 1 ? 'S' : 'R';
			reading.counters.value[COUNTER_READ_CALLS] = sign == CALLS && sweep ? 1 : 0;
			if (sweep == 2)
				strcpy(reading.comm, "new");
			books_read(&books, &reading);
			books_sweep(&books);
			if (sweep)
				assert_int_equal(booked(&books, 42, COUNTER_WRITE),
						 sweep == 1 || sign != RUNS ? 1 << 20 : 0);
		}
		books_close(&books);
	}
}

/* The leader's record is among those that nobody knows of: its TID goes on with what its thread had done. */
static void test_takeover_with_records_missed(void **state)
{
	(void)state;
	for (int regained = 0; regained < 2; regained++) {
		struct books books;
		struct reading image;

		start_threads(&books);
		if (!regained) /* else the sample says so */
			tracker_note_loss(books.tracker, books.now_ns);
		books.now_ns += SECOND / 10;
		image = execed(&books, 9 << 20);
		books_read(&books, &image);
		books.no_records = !regained;
		books.sample.exits_missed = regained;
		books_sweep(&books);
		assert_int_equal(books.interval->total.value[COUNTER_WRITE], 0);
		assert_false(books.interval->exits_known);
		books.no_records = false;
		image = execed(&books, 10 << 20);
		books_read(&books, &image);
		books_sweep(&books);
		assert_int_equal(booked(&books, 42, COUNTER_WRITE), 1 << 20);
		assert_true(books.interval->exits_known);
		books_close(&books);
	}
}

/* Exact, and then rounded again and again: what was booked by the exact one is not booked once more. */
static void test_rounded_readings_after_an_exact_one(void **state)
{
	static const uint64_t said[] = { 1500, 1024, 2048, 2900 }; /* in truth 1500, 1510, 2050, 2900 */
	struct books books;
	uint64_t sum = 0;

	(void)state;
	books_open(&books);
	for (size_t i = 0; i < 4; i++) {
		struct reading reading = old_task(&books, 0);

		reading.counters.value[COUNTER_READ_CALLS] = said[i];
		if (i == 1 || i == 2)
			reading.flags &= ~(uint32_t)READING_EXACT_IO;
		books_read(&books, &reading);
		books_sweep(&books);
		sum += i ? booked(&books, 42, COUNTER_READ_CALLS) : 0;
		assert_true(sum <= said[i] - said[0] || i == 1);
		assert_true(i != 1 || sum == 0);
	}
	books_close(&books);
}

static void test_rounded_record_after_an_exact_reading(void **state)
{
	struct books books;

	(void)state;
	books_open(&books);
	struct reading reading = old_task(&books, 0);

	reading.counters.value[COUNTER_READ_CALLS] = 3000;
	books_read(&books, &reading);
	books_sweep(&books);
	reading = old_task(&books, 0);
	reading.counters.value[COUNTER_READ_CALLS] = 2048; /* 3050, rounded down */
	books_exit(&books, reading, true);
	books_sweep(&books);
	assert_int_equal(booked(&books, 42, COUNTER_READ_CALLS), 0);
	assert_true(delta_of(&books, 42)->delta.approximate & COUNTER_BIT(COUNTER_READ_CALLS));
	books_close(&books);
}

/* It ran, and may have done less than the kernel's rounding shows. */
static void test_rounded_readings_that_show_nothing(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 1 << 20);
	for (int sweep = 0; sweep < 2; sweep++) {
		books.now_ns += SECOND;
		struct reading reading = old_task(&books, 1 << 20);

		reading.flags &= ~(uint32_t)READING_EXACT_IO;
		books_read(&books, &reading);
		books_sweep(&books);
		assert_int_equal(delta_of(&books, 42)->delta.value[COUNTER_READ_CALLS], 0);
		assert_true(delta_of(&books, 42)->delta.approximate & COUNTER_BIT(COUNTER_READ_CALLS));
	}
	books_close(&books);
}

static void test_exact_reading_after_a_rounded_base(void **state)
{
	struct books books;

	(void)state;
	books_open(&books);
	struct reading reading = old_task(&books, 4096);

	reading.flags &= ~(uint32_t)READING_EXACT_IO;
	reading.counters.value[COUNTER_READ_CALLS] = 2048; /* anything up to 3071 */
	books_read(&books, &reading);
	books_sweep(&books);
	reading = old_task(&books, 8192);
	reading.counters.value[COUNTER_READ_CALLS] = 3100;
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(booked(&books, 42, COUNTER_READ_CALLS), 3100 - 3071);
	assert_int_equal(booked(&books, 42, COUNTER_WRITE), 4096);
	assert_true(delta_of(&books, 42)->delta.approximate & COUNTER_BIT(COUNTER_READ_CALLS));
	assert_false(delta_of(&books, 42)->delta.approximate & COUNTER_BIT(COUNTER_WRITE));
	books_close(&books);
}

/* A steady 500 calls a second are 500 in every interval, whatever taskstats rounds. */
static void test_steady_calls(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	for (uint64_t i = 1; i <= 10; i++) {
		struct reading reading = old_task(&books, 0);

		reading.counters.value[COUNTER_READ_CALLS] = 500 * i;
		books_read(&books, &reading);
		books_sweep(&books);
		assert_int_equal(booked(&books, 42, COUNTER_READ_CALLS), 500);
	}
	books_close(&books);
}

static void test_clamped_in_the_cell_only(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	struct reading reading = old_task(&books, 4096);

	reading.counters.value[COUNTER_CANCELLED] = 10000;
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(booked(&books, 42, COUNTER_WRITE), 4096);
	assert_int_equal(booked(&books, 42, COUNTER_CANCELLED), 10000);
	assert_int_equal(counters_write_shown(&delta_of(&books, 42)->delta), 0);
	books_close(&books);
}

/* One 98 us read once added the uptime to a task's delay. */
static void test_corrupted_delay(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	struct reading reading = old_task(&books, 0);

	reading.counters.value[COUNTER_BLKIO_COUNT] = 1;
	reading.counters.value[COUNTER_BLKIO_DELAY] = 731ull * SECOND;
	books_read(&books, &reading);
	books_sweep(&books);
	const struct task_delta *task = delta_of(&books, 42);

	assert_int_equal(task->delta.value[COUNTER_BLKIO_DELAY], SECOND);
	assert_true(task->delta.approximate & COUNTER_BIT(COUNTER_BLKIO_DELAY));
	assert_int_equal(task->delta.value[COUNTER_BLKIO_COUNT], 1);
	books_close(&books);
}

/* A wait that ends after three intervals is booked since the count last changed. */
static void test_late_delay(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	books_sweep(&books);
	books_sweep(&books);
	struct reading reading = old_task(&books, 0);

	reading.counters.value[COUNTER_BLKIO_COUNT] = 1;
	reading.counters.value[COUNTER_BLKIO_DELAY] = 2ull * SECOND + SECOND / 2;
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(booked(&books, 42, COUNTER_BLKIO_DELAY), 2ull * SECOND + SECOND / 2);
	books_close(&books);
}

static void test_delays_unknown_while_off(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	books.delayacct = 0;
	books_sweep(&books);
	struct reading reading = old_task(&books, 4096);

	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(delta_of(&books, 42)->delta.known & COUNTERS_DELAY, 0);
	assert_int_equal(delta_of(&books, 42)->delta.known & COUNTERS_IO, COUNTERS_IO);
	books.delayacct = 1;
	books_sweep(&books);
	reading = old_task(&books, 8192);
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(delta_of(&books, 42)->delta.known, COUNTERS_ALL);
	books_close(&books);
}

static void test_forked_while_off(void **state)
{
	struct books books;

	(void)state;
	books_open(&books);
	struct reading reading = old_task(&books, 0);

	reading.flags &= ~(uint32_t)READING_DELAYS_PROVEN;
	reading.flags |= READING_NO_DELAYS;
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(books.interval->idle_count, 1);
	assert_true(books.interval->idle[0].flags & DELTA_NO_DELAYS);
	reading.time_ns = books.now_ns;
	reading.age_ns += SECOND;
	reading.counters.value[COUNTER_READ] = 4096;
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(delta_of(&books, 42)->delta.known & COUNTERS_DELAY, 0);
	assert_true(delta_of(&books, 42)->flags & DELTA_NO_DELAYS);
	books_close(&books);
}

static void test_zeros_prove_nothing(void **state)
{
	struct books books;

	(void)state;
	books_open(&books);
	struct reading reading = old_task(&books, 0);

	reading.flags &= ~(uint32_t)READING_DELAYS_PROVEN; /* a thread, or a kernel below v13 */
	books_read(&books, &reading);
	books_sweep(&books);
	reading = old_task(&books, 4096);
	reading.flags &= ~(uint32_t)READING_DELAYS_PROVEN;
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(delta_of(&books, 42)->delta.known & COUNTERS_DELAY, 0);
	reading = old_task(&books, 8192);
	reading.flags &= ~(uint32_t)READING_DELAYS_PROVEN;
	reading.counters.value[COUNTER_BLKIO_COUNT] = 2;
	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(delta_of(&books, 42)->delta.known, COUNTERS_ALL); /* they move: they are counted */
	books_close(&books);
}

static void test_stuck_is_active(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	for (int i = 0; i < 3; i++) {
		struct reading reading = old_task(&books, 0);

		reading.state = 'D';
		books_read(&books, &reading);
		books_sweep(&books);
		const struct task_delta *task = delta_of(&books, 42);

		assert_non_null(task);
		assert_true(task->flags & DELTA_STUCK);
		assert_true(task->delta.approximate & COUNTER_BIT(COUNTER_BLKIO_DELAY));
		if (i > 0) /* there all through the interval */
			assert_int_equal(task->busiest_blkio_ns, SECOND);
	}
	struct reading reading = old_task(&books, 0);

	books_read(&books, &reading);
	books_sweep(&books);
	assert_null(delta_of(&books, 42));
	books_close(&books);
}

static void test_process_without_tgid(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	struct reading record = reading_of(&books, 90, 0, SECOND / 10);

	record.flags = 0;
	record.process_age_ns = 0;
	record.counters.value[COUNTER_WRITE] = 4096;
	books_exit(&books, record, false);
	books_sweep(&books);
	assert_int_equal(booked(&books, 90, COUNTER_WRITE), 4096);
	assert_true(delta_of(&books, 90)->info->approximate_process);
	books_close(&books);
}

static void test_many_exits_fold(void **state)
{
	struct books books = { .now_ns = BEGIN, .delayacct = 1 };

	(void)state;
	books.tracker = tracker_open(BEGIN, (struct tracker_limits){ .exits_single = 10, .exits_folded = 2 });
	assert_non_null(books.tracker);
	books_sweep(&books);
	for (pid_t pid = 1000; pid < 1100; pid++) {
		struct reading record = reading_of(&books, pid, pid, SECOND / 10);

		record.uid = (uint32_t)pid % 5;
		record.counters.value[COUNTER_WRITE] = 4096;
		books_exit(&books, record, true);
	}
	books_sweep(&books);
	assert_int_equal(books.interval->exited, 100);
	assert_int_equal(books.interval->total.value[COUNTER_WRITE], 100 * 4096);
	assert_in_range(books.interval->count, 12, 10 + 2 + 5);
	uint64_t sum = 0, exits = 0;

	for (size_t i = 0; i < books.interval->count; i++) {
		sum += books.interval->tasks[i].delta.value[COUNTER_WRITE];
		exits += books.interval->tasks[i].exits;
	}
	assert_int_equal(sum, 100 * 4096);
	assert_int_equal(exits, 100);
	books_close(&books);
}

/* Sums are kept of who was there before: its end is told by name, however many die. */
static void test_old_exits_do_not_fold(void **state)
{
	struct books books = { .now_ns = BEGIN, .delayacct = 1 };

	(void)state;
	books.tracker = tracker_open(BEGIN, (struct tracker_limits){ .exits_single = 1, .exits_folded = 100 });
	assert_non_null(books.tracker);
	for (pid_t pid = 42; pid < 45; pid++) {
		struct reading reading = reading_of(&books, pid, pid, 10 * SECOND);

		books_read(&books, &reading);
	}
	books_sweep(&books);
	for (pid_t pid = 42; pid < 45; pid++) {
		books_exit(&books, reading_of(&books, pid, pid, 11 * SECOND), true);
		books_exit(&books, reading_of(&books, 100 + pid, 100 + pid, SECOND / 10), true);
	}
	books_sweep(&books);
	assert_int_equal(books.interval->exited, 6);
	for (pid_t pid = 42; pid < 45; pid++) {
		assert_non_null(delta_of(&books, pid));
		assert_true(delta_of(&books, pid)->flags & DELTA_GROUP_DEAD);
		assert_null(delta_of(&books, 100 + pid));
	}
	books_close(&books);
}

/* The leader's record comes behind that of the last thread: dead it is all the same, and its PID anybody's. */
static void test_late_record_of_a_leader(void **state)
{
	struct books books;

	(void)state;
	start_threads(&books);
	struct reading thread = reading_of(&books, 43, 42, 5 * SECOND);

	thread.process_age_ns = old_task(&books, 0).age_ns;
	thread.counters.value[COUNTER_WRITE] = 6000;
	books_exit(&books, thread, true);
	books_exit(&books, old_task(&books, 1 << 20), false);
	struct reading reuse = reading_of(&books, 42, 42, SECOND / 100);

	reuse.time_ns += SECOND / 10;
	reuse.counters.value[COUNTER_WRITE] = 3 << 20;
	books_exit(&books, reuse, true);
	books_sweep(&books);
	assert_int_equal(books.interval->exited, 3);
	assert_int_equal(books.interval->total.value[COUNTER_WRITE], 1000 + (3 << 20));
	assert_int_equal(books.interval->process_count, 0);
	books_close(&books);
}

static void test_gone_without_a_record(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	assert_int_equal(books.interval->task_count, 1);
	assert_int_equal(sample_add_gone(&books.sample, 42), 0);
	books_sweep(&books);
	assert_int_equal(books.interval->task_count, 0);
	assert_int_equal(books.interval->process_count, 0);
	books_close(&books);
}

static void test_new_name_keeps_the_books(void **state)
{
	struct books books;

	(void)state;
	open_with_old_task(&books, 0);
	struct reading reading = execed(&books, 4096); /* an exec that keeps the PID and the counters */

	books_read(&books, &reading);
	books_sweep(&books);
	assert_int_equal(booked(&books, 42, COUNTER_WRITE), 4096);
	assert_string_equal(delta_of(&books, 42)->info->comm, "new");
	books_close(&books);
}

/* Others are seen for a while, then all again. Who is not seen has no past when he is again, and is not there
 * meanwhile; who is goes on. */
static void test_others_are_seen(void **state)
{
	struct books books;
	struct reading hidden, seen, newborn;

	(void)state;
	open_with_old_task(&books, 0);
	seen = reading_of(&books, 50, 50, SECOND / 2);
	seen.counters.value[COUNTER_WRITE] = 4096;
	books_read(&books, &seen);
	books_sweep(&books);
	assert_int_equal(booked(&books, 50, COUNTER_WRITE), 4096);
	/* Of two. */
	books.sample.anew_ns = books.now_ns;
	seen = reading_of(&books, 50, 50, SECOND + SECOND / 2);
	seen.counters.value[COUNTER_WRITE] = 3 * 4096;
	newborn = reading_of(&books, 51, 51, SECOND / 2); /* perhaps just not seen before */
	newborn.counters.value[COUNTER_WRITE] = 4096;
	books_read(&books, &seen);
	books_read(&books, &newborn);
	books_sweep(&books);
	assert_int_equal(booked(&books, 50, COUNTER_WRITE), 2 * 4096);
	assert_int_equal(booked(&books, 51, COUNTER_WRITE), 0);
	assert_int_equal(books.interval->total.approximate, COUNTERS_ALL); /* a lower bound */
	assert_int_equal(books.interval->task_count, 2);
	assert_int_equal(books.interval->process_count, 2);
	for (size_t i = 0; i < books.interval->idle_count; i++)
		assert_int_not_equal(books.interval->idle[i].info->id.tid, 42);
	/* Of all. */
	books.sample.anew_ns = books.now_ns;
	hidden = old_task(&books, 1 << 20);
	seen = reading_of(&books, 50, 50, 2 * SECOND + SECOND / 2);
	seen.counters.value[COUNTER_WRITE] = 4 * 4096;
	books_read(&books, &hidden);
	books_read(&books, &seen);
	books_sweep(&books);
	assert_int_equal(booked(&books, 42, COUNTER_WRITE), 0);
	assert_int_equal(booked(&books, 50, COUNTER_WRITE), 4096);
	hidden = old_task(&books, 3 << 20);
	newborn = reading_of(&books, 52, 52, SECOND / 4);
	newborn.counters.value[COUNTER_WRITE] = 8192;
	books_read(&books, &hidden);
	books_read(&books, &newborn);
	books_sweep(&books);
	assert_int_equal(booked(&books, 42, COUNTER_WRITE), 2 << 20);
	assert_int_equal(booked(&books, 52, COUNTER_WRITE), 8192);
	assert_int_equal(books.interval->total.approximate & COUNTERS_BYTES, 0);
	assert_int_equal(books.interval->task_count, 3); /* not the one who did not come back: he has no base */
	books_close(&books);
}

/* Of a sum that an interval without exit records is part of nobody knows what it lacks, for good. */
static void test_sum_without_records(void **state)
{
	struct accumulator *accumulator = accumulator_open(ACCUMULATOR_ENTRIES_DEFAULT);
	struct books books;

	(void)state;
	assert_non_null(accumulator);
	open_with_old_task(&books, 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(accumulator_add(accumulator, books.interval), 0);
		assert_int_equal(accumulator_interval(accumulator)->exits_known, i < 2);
		books.no_records = i == 1;
		books_sweep(&books);
	}
	accumulator_close(accumulator);
	books_close(&books);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_difference),
		cmocka_unit_test(test_newborn_counts_all),
		cmocka_unit_test(test_rounded_readings_that_show_nothing),
		cmocka_unit_test(test_born_during_the_baseline),
		cmocka_unit_test(test_older_task_seen_late),
		cmocka_unit_test(test_older_reading_is_ignored),
		cmocka_unit_test(test_closed_books_nothing_more),
		cmocka_unit_test(test_zombie_adds_cancelled_only),
		cmocka_unit_test(test_one_pid_a_thousand_times),
		cmocka_unit_test(test_reused_while_its_record_waits),
		cmocka_unit_test(test_takeover_goes_on_from_the_thread),
		cmocka_unit_test(test_takeover_that_takes_its_time),
		cmocka_unit_test(test_left_out_of_the_list),
		cmocka_unit_test(test_left_out_where_no_records_come),
		cmocka_unit_test(test_vanished_go_with_their_process),
		cmocka_unit_test(test_takeover_by_an_unknown_newborn),
		cmocka_unit_test(test_takeover_with_records_lost),
		cmocka_unit_test(test_takeover_with_records_missed),
		cmocka_unit_test(test_new_name_long_after_a_loss),
		cmocka_unit_test(test_life_after_a_loss),
		cmocka_unit_test(test_takeover_after_another),
		cmocka_unit_test(test_takeover_long_after_the_leader),
		cmocka_unit_test(test_takeover_after_one_unseen),
		cmocka_unit_test(test_reading_of_another_under_way),
		cmocka_unit_test(test_zombie_of_long_ago),
		cmocka_unit_test(test_rounded_readings_after_an_exact_one),
		cmocka_unit_test(test_rounded_record_after_an_exact_reading),
		cmocka_unit_test(test_exact_reading_after_a_rounded_base),
		cmocka_unit_test(test_steady_calls),
		cmocka_unit_test(test_clamped_in_the_cell_only),
		cmocka_unit_test(test_corrupted_delay),
		cmocka_unit_test(test_late_delay),
		cmocka_unit_test(test_delays_unknown_while_off),
		cmocka_unit_test(test_forked_while_off),
		cmocka_unit_test(test_zeros_prove_nothing),
		cmocka_unit_test(test_stuck_is_active),
		cmocka_unit_test(test_process_without_tgid),
		cmocka_unit_test(test_many_exits_fold),
		cmocka_unit_test(test_old_exits_do_not_fold),
		cmocka_unit_test(test_late_record_of_a_leader),
		cmocka_unit_test(test_gone_without_a_record),
		cmocka_unit_test(test_new_name_keeps_the_books),
		cmocka_unit_test(test_others_are_seen),
		cmocka_unit_test(test_sum_without_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
