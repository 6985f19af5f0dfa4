/* What is recorded comes back; files that are no recordings are told; the file stays small. */
#include "made.h"
#include "schema.h"

#include "iotopx/record.h"
#include "iotopx/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define SAMPLES 300

static struct recorder *start(const char *path, uint64_t retain_ns)
{
	const struct recorder_options options = {
		.path = path, .host = "made", .interval_ns = 1000000000, .retain_ns = retain_ns, .lookup = &made_lookup
	};
	struct recorder *recorder = NULL;
	char error[256];

	if (recorder_open(&options, &recorder, error, sizeof(error)))
		fail_msg("%s: %s", path, error);
	return recorder;
}

/* The queue is bounded and a writer may be slow: what is added waits for room, as no live recorder would. */
static void add(struct recorder *recorder, const struct interval *interval, sqlite3 *db, int64_t written)
{
	sqlite3_stmt *count;

	assert_int_equal(recorder_add(recorder, interval), 0);
	if (written % 64)
		return;
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT max(id) FROM samples", -1, &count, NULL), SQLITE_OK);
	for (;;) {
		int64_t have = sqlite3_step(count) == SQLITE_ROW ? sqlite3_column_int64(count, 0) : 0;

		sqlite3_reset(count);
		if (have >= written)
			break;
		usleep(1000);
	}
	sqlite3_finalize(count);
}

static struct interval **record(const char *path, struct made *made, size_t samples)
{
	struct interval **intervals = calloc(samples, sizeof(*intervals));
	struct recorder *recorder = start(path, 0);
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	for (size_t i = 0; i < samples; i++) {
		intervals[i] = made_next(made);
		add(recorder, intervals[i], db, (int64_t)i + 1);
	}
	sqlite3_close(db);
	assert_int_equal(recorder_close(recorder), 0);
	return intervals;
}

static void release(struct interval **intervals, size_t samples)
{
	for (size_t i = 0; i < samples; i++)
		interval_unref(intervals[i]);
	free(intervals);
}

/* Divided into `parts`; 0: as recorded. */
static struct source *replay_in(const char *path, uint64_t parts)
{
	const struct replay_options options = { .path = path, .parts = parts };
	struct source *source = NULL;
	char error[256];

	if (replay_open(&options, &source, error, sizeof(error)))
		fail_msg("%s: %s", path, error);
	return source;
}

static struct source *replay(const char *path)
{
	return replay_in(path, 0);
}

static void same_text(const char *one, const char *other)
{
	if (one && other)
		assert_string_equal(one, other);
	else
		assert_ptr_equal(one, other);
}

static void same_counters(const struct counters *one, const struct counters *other)
{
	assert_int_equal(one->known, other->known);
	assert_int_equal(one->approximate, other->approximate);
	assert_memory_equal(one->value, other->value, sizeof(one->value));
}

static void same_info(const struct task_info *one, const struct task_info *other)
{
	assert_int_equal(one->id.tid, other->id.tid);
	assert_int_equal(one->id.start_ns, other->id.start_ns);
	assert_int_equal(one->process.tid, other->process.tid);
	assert_int_equal(one->process.start_ns, other->process.start_ns);
	assert_int_equal(one->leader != NULL, other->leader != NULL);
	if (one->leader)
		same_info(one->leader, other->leader);
	assert_int_equal(one->ppid, other->ppid);
	assert_int_equal(one->uid, other->uid);
	assert_int_equal(one->own, other->own);
	assert_int_equal(one->approximate_process, other->approximate_process);
	assert_int_equal(one->unit_approximate, other->unit_approximate);
	assert_string_equal(one->comm, other->comm);
	same_text(one->cgroup, other->cgroup);
	same_text(one->unit, other->unit);
	same_text(one->container, other->container);
	same_text(one->cmdline, other->cmdline);
}

static void near(uint64_t one, uint64_t other, uint64_t slack)
{
	assert_true(one > other ? one - other <= slack : other - one <= slack);
}

static void same_task(const struct task_delta *one, const struct task_delta *other)
{
	same_info(one->info, other->info);
	same_counters(&one->delta, &other->delta);
	assert_int_equal(one->flags, other->flags);
	assert_int_equal(one->exits, other->exits);
	assert_int_equal(one->processes, other->processes);
	assert_int_equal(one->exit_code, other->exit_code);
	assert_int_equal(one->state, other->state);
	near(one->lived_ns, other->lived_ns, SCHEMA_AGE_SLACK_NS);
	near(one->age_ns, other->age_ns, SCHEMA_AGE_SLACK_NS);
	assert_int_equal(one->lifetime_read, other->lifetime_read);
	assert_int_equal(one->lifetime_write, other->lifetime_write);
	assert_int_equal(one->busiest_blkio_ns, other->busiest_blkio_ns);
	assert_int_equal(one->busiest_swapin_ns, other->busiest_swapin_ns);
}

static void same_devices(const struct machine_delta *one, const struct machine_delta *other)
{
	if (!(one->known & MACHINE_DISKS))
		return;
	assert_int_equal(one->device_count, other->device_count);
	for (size_t i = 0; i < one->device_count; i++) {
		struct device_delta a = one->devices[i], b = other->devices[i];

		assert_string_equal(a.name, b.name);
		assert_int_equal(a.minor, b.minor);
		assert_int_equal(a.whole_disk, b.whole_disk);
		assert_int_equal(a.has_discards, b.has_discards);
		assert_int_equal(a.has_flushes, b.has_flushes);
		for (int figure = 0; figure < DEVICE_FIGURES; figure++)
			assert_int_equal(*schema_device_figure(&a, figure), *schema_device_figure(&b, figure));
	}
	assert_int_equal(one->nfs.count, other->nfs.count);
	for (size_t i = 0; i < one->nfs.count; i++) {
		const struct nfs_mount *a = &one->nfs.items[i], *b = &other->nfs.items[i];

		assert_string_equal(a->mount, b->mount);
		assert_string_equal(a->device, b->device);
		assert_string_equal(a->version, b->version);
		assert_int_equal(a->sends, b->sends);
		assert_int_equal(a->backlog, b->backlog);
		assert_int_equal(a->has_errors, b->has_errors);
		assert_int_equal(a->op_count, b->op_count);
		assert_memory_equal(a->ops, b->ops, a->op_count * sizeof(*a->ops));
	}
}

static void same_machine(const struct machine_delta *one, const struct machine_delta *other)
{
	assert_int_equal(one->known, other->known);
	assert_int_equal(one->elapsed_ns, other->elapsed_ns);
	assert_int_equal(one->actual_read_bytes, other->actual_read_bytes);
	assert_int_equal(one->actual_write_bytes, other->actual_write_bytes);
	assert_int_equal(one->dirty_bytes, other->dirty_bytes);
	assert_int_equal(one->writeback_bytes, other->writeback_bytes);
	assert_true(one->io_some_avg10 == other->io_some_avg10);
	assert_true(one->io_full_avg10 == other->io_full_avg10);
	assert_true(one->io_some_ratio == other->io_some_ratio);
	assert_true(one->io_full_ratio == other->io_full_ratio);
	assert_true(fabs(one->cpu_user - other->cpu_user) < 1e-6);
	assert_true(fabs(one->cpu_iowait - other->cpu_iowait) < 1e-6);
	same_devices(one, other);
}

static void same_cgroups(const struct interval *one, const struct interval *other)
{
	assert_int_equal(one->cgroup_io, other->cgroup_io);
	assert_int_equal(one->cgroup_pressure, other->cgroup_pressure);
	assert_int_equal(one->cgroup_count, other->cgroup_count);
	for (size_t i = 0; i < one->cgroup_count; i++) {
		const struct cgroup_delta *a = &one->cgroups[i], *b = &other->cgroups[i];

		same_text(a->cgroup, b->cgroup);
		same_text(a->unit, b->unit);
		same_text(a->container, b->container);
		assert_int_equal(a->io_known, b->io_known);
		assert_int_equal(a->pressure_known, b->pressure_known);
		assert_int_equal(a->approximate, b->approximate);
		assert_int_equal(a->write_bytes, b->write_bytes);
		assert_int_equal(a->some_us, b->some_us);
	}
}

static void same_interval(const struct interval *one, const struct interval *other)
{
	assert_int_equal(one->begin_ns, other->begin_ns);
	assert_int_equal(one->end_ns, other->end_ns);
	assert_int_equal(one->end_wall_ms, other->end_wall_ms);
	assert_false(other->baseline);
	assert_int_equal(one->all_tasks, other->all_tasks);
	assert_int_equal(one->exits_known, other->exits_known);
	assert_int_equal(one->delayacct, other->delayacct);
	assert_int_equal(one->lost_exits, other->lost_exits);
	assert_int_equal(one->task_count, other->task_count);
	assert_int_equal(one->process_count, other->process_count);
	assert_int_equal(one->exited, other->exited);
	assert_int_equal(one->gap, other->gap);
	same_counters(&one->total, &other->total);
	assert_int_equal(one->count, other->count);
	for (size_t i = 0; i < one->count; i++)
		same_task(&one->tasks[i], &other->tasks[i]);
	same_machine(&one->machine, &other->machine);
	same_cgroups(one, other);
}

static void all_comes_back(void **state)
{
	char path[64];
	struct made made;
	struct interval **intervals, *read;
	struct source *source;
	struct stat status;

	(void)state;
	made_path(path, sizeof(path));
	made_open(&made, 1);
	intervals = record(path, &made, SAMPLES);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	source = replay(path);
	assert_string_equal(replay_host(source), "made");
	for (size_t i = 0; i < SAMPLES; i++) {
		assert_int_equal(source->ops->next(source, true, &read), 0);
		same_interval(intervals[i], read);
		for (size_t j = 0; j < read->count; j++) {
			const struct task_info *info = read->tasks[j].info;
			struct prio prio = source->lookup.prio(source->lookup.data, info);

			assert_string_equal(source->lookup.user(source->lookup.data, info->uid),
					    info->uid == UINT32_MAX ? "?" : made_lookup.user(NULL, info->uid));
			if (!(read->tasks[j].flags & DELTA_EXITED))
				assert_int_equal(prio.io_class, info->id.tid % 4);
		}
		interval_unref(read);
	}
	assert_int_equal(source->ops->next(source, true, &read), -ENODATA);
	source->ops->close(source);
	release(intervals, SAMPLES);
	made_close(&made);
	made_remove(path);
}

/* From any place to any other, what is read is what was recorded: lifetimes and idle devices too. */
static void any_place_can_be_read(void **state)
{
	static const int places[] = { 250, 3, 4, 200, 63, 64, 65, 0, 127, 130, 129, 128, 299, 298 };
	char path[64];
	struct made made;
	struct interval **intervals, *read;
	struct source *source;

	(void)state;
	made_path(path, sizeof(path));
	made_open(&made, 2);
	intervals = record(path, &made, SAMPLES);
	source = replay(path);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		assert_int_equal(replay_seek(source, intervals[places[i]]->end_wall_ms), 0);
		assert_int_equal(source->ops->next(source, false, &read), 0);
		same_interval(intervals[places[i]], read);
		interval_unref(read);
	}
	assert_int_equal(replay_step(source, -8), 0);
	assert_int_equal(source->ops->next(source, false, &read), 0);
	same_interval(intervals[290], read);
	interval_unref(read);
	assert_int_equal(replay_step(source, 100), 0); /* to the end */
	assert_int_equal(source->ops->next(source, false, &read), 0);
	same_interval(intervals[299], read);
	interval_unref(read);
	assert_int_equal(replay_step(source, 1), -ENODATA);
	source->ops->close(source);
	release(intervals, SAMPLES);
	made_close(&made);
	made_remove(path);
}

/* A second recorder is refused; one that comes later goes on in the same file. */
static void goes_on_where_it_ended(void **state)
{
	const struct recorder_options options = { .host = "made", .lookup = &made_lookup };
	struct recorder_options second = options;
	char path[64], error[256];
	struct made made;
	struct recorder *recorder, *other = NULL;
	struct interval **first, **more, *read;
	struct source *source;

	(void)state;
	made_path(path, sizeof(path));
	made_open(&made, 3);
	first = record(path, &made, 20);
	recorder = start(path, 0);
	second.path = path;
	assert_int_equal(recorder_open(&second, &other, error, sizeof(error)), -EBUSY);
	assert_non_null(strstr(error, "another iotopx"));
	assert_null(other);
	more = calloc(20, sizeof(*more));
	for (size_t i = 0; i < 20; i++) {
		more[i] = made_next(&made);
		assert_int_equal(recorder_add(recorder, more[i]), 0);
	}
	assert_int_equal(recorder_close(recorder), 0);
	source = replay(path);
	for (size_t i = 0; i < 40; i++) {
		assert_int_equal(source->ops->next(source, false, &read), 0);
		same_interval(i < 20 ? first[i] : more[i - 20], read);
		interval_unref(read);
	}
	assert_int_equal(source->ops->next(source, false, &read), -ENODATA);
	source->ops->close(source);
	release(first, 20);
	release(more, 20);
	made_close(&made);
	made_remove(path);
}

static int64_t number(const char *path, const char *sql)
{
	sqlite3_stmt *statement;
	sqlite3 *db;
	int64_t value;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

/* The views say the same as the intervals. */
static void sql_agrees(void **state)
{
	char path[64];
	struct made made;
	struct interval **intervals;
	int64_t fio = 0, total = 0;

	(void)state;
	made_path(path, sizeof(path));
	made_open(&made, 4);
	intervals = record(path, &made, SAMPLES);
	for (size_t i = 0; i < SAMPLES; i++) {
		total += (int64_t)intervals[i]->total.value[COUNTER_WRITE];
		for (size_t j = 0; j < intervals[i]->count; j++)
			if (strcmp(task_info_command(intervals[i]->tasks[j].info), "fio") == 0)
				fio += (int64_t)intervals[i]->tasks[j].delta.value[COUNTER_WRITE];
	}
	assert_true(fio > 0);
	assert_int_equal(number(path, "SELECT sum(write_bytes) FROM task_io WHERE command = 'fio'"), fio);
	assert_int_equal(number(path, "SELECT sum(write_bytes) FROM task_io"), total);
	assert_int_equal(number(path, "SELECT sum(write_bytes) FROM machine_io"), total);
	assert_int_equal(number(path, "SELECT count(DISTINCT device) FROM device_io"), 3);
	assert_true(number(path, "SELECT sum(ops) FROM mount_io WHERE mount = '/mnt/na s'") > 0);
	assert_true(number(path, "SELECT sum(write_bytes) FROM cgroup_io WHERE unit = 'shop.service'") > 0);
	release(intervals, SAMPLES);
	made_close(&made);
	made_remove(path);
}

/* Old samples leave while new ones come, and with them what only they named; the file does not grow for ever. */
static void the_old_leaves(void **state)
{
	char path[64];
	struct made made;
	struct recorder *recorder;
	struct timespec now;
	sqlite3 *db;
	int64_t pages;

	(void)state;
	made_path(path, sizeof(path));
	made_open(&made, 5);
	clock_gettime(CLOCK_REALTIME, &now);
	made.wall_ms = (int64_t)now.tv_sec * 1000 - 100000000; /* what is recorded is old when it comes */
	recorder = start(path, UINT64_C(600) * 1000000000);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	for (int64_t i = 1; i <= 4000; i++) {
		struct interval *interval = made_next(&made);

		if (i == 3001)
			made.wall_ms = (int64_t)now.tv_sec * 1000 - 1000;
		add(recorder, interval, db, i);
		interval_unref(interval);
	}
	sqlite3_close(db);
	/* What is left to let go of goes in the next recordings; none waits for it. */
	for (int i = 0; i < 40 && number(path, "SELECT min(id) FROM samples") < 3000; i++) {
		struct interval *interval = made_next(&made);

		assert_int_equal(recorder_add(recorder, interval), 0);
		interval_unref(interval);
		usleep(100000);
	}
	assert_int_equal(recorder_close(recorder), 0);
	assert_true(number(path, "SELECT min(id) FROM samples") >= 3000);
	assert_true(number(path, "SELECT max(id) FROM samples") >= 4000);
	assert_true(number(path, "SELECT min(id) >> 20 FROM task_deltas") >= 3000);
	/* Tasks: those of the epoch of the oldest sample on. */
	assert_true(number(path, "SELECT min(id) FROM tasks") >= number(path, "SELECT min(first_task) FROM epochs"));
	assert_true(number(path, "SELECT min(first_sample) FROM epochs") > 1);
	assert_int_equal(number(path, "SELECT count(*) FROM task_deltas WHERE task NOT IN (SELECT id FROM tasks)"), 0);
	assert_int_equal(number(path, "SELECT count(*) FROM tasks WHERE command NOT IN (SELECT id FROM texts)"), 0);
	pages = number(path, "PRAGMA page_count");
	assert_true(number(path, "PRAGMA freelist_count") < pages);
	made_close(&made);
	made_remove(path);
}

static int64_t wall_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Rounds of samples, each waited for until those of the round before have left: the file has the size of what is kept,
 * however many there were. */
static void the_file_stops_growing(void **state)
{
	const int64_t round_samples = 400;
	int64_t written = 0, early = 0, late = 0;
	struct recorder *recorder;
	struct made made;
	char path[64];
	sqlite3 *db;

	(void)state;
	made_path(path, sizeof(path));
	made_open(&made, 9);
	recorder = start(path, UINT64_C(1000000000));
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	for (int round = 1; round <= 9; round++) {
		int64_t end = written + round_samples, pages;

		while (written < end || number(path, "SELECT min(id) FROM samples") <= end - round_samples) {
			struct interval *interval;

			made.wall_ms = wall_now_ms();
			interval = made_next(&made);
			interval->end_wall_ms = wall_now_ms();
			add(recorder, interval, db, ++written);
			interval_unref(interval);
			if (written > end)
				usleep(20000);
			assert_true(written < end + 3000); /* far beyond what is kept */
		}
		pages = number(path, "PRAGMA page_count");
		if (round <= 3)
			early = pages > early ? pages : early;
		else
			late = pages > late ? pages : late;
	}
	sqlite3_close(db);
	assert_int_equal(recorder_close(recorder), 0);
	print_message("%lld pages, then %lld\n", (long long)early, (long long)late);
	if (late > early * 3 / 2)
		fail_msg("%lld pages, then %lld", (long long)early, (long long)late);
	made_close(&made);
	made_remove(path);
}

/* While the disk does not take anything, intervals wait, then are lost and counted, and recording goes on. */
static void what_is_lost_is_counted(void **state)
{
	char path[64];
	struct made made;
	struct recorder *recorder;
	struct interval *interval;
	sqlite3 *blocker;
	int64_t lost;

	(void)state;
	made_path(path, sizeof(path));
	made_open(&made, 6);
	recorder = start(path, 0);
	assert_null(recorder_notice(recorder));
	assert_int_equal(sqlite3_open(path, &blocker), SQLITE_OK);
	assert_int_equal(sqlite3_exec(blocker, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (int i = 0; i < 300; i++) {
		interval = made_next(&made);
		assert_int_equal(recorder_add(recorder, interval), 0);
		interval_unref(interval);
	}
	assert_non_null(strstr(recorder_notice(recorder), "intervals are lost"));
	assert_int_equal(sqlite3_exec(blocker, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(blocker);
	while (recorder_notice(recorder))
		usleep(10000);
	interval = made_next(&made);
	assert_int_equal(recorder_add(recorder, interval), 0);
	interval_unref(interval);
	lost = (int64_t)recorder_close(recorder);
	assert_true(lost > 0 && lost < 300);
	assert_int_equal(number(path, "SELECT count(*) FROM samples"), 301 - lost);
	assert_int_equal(number(path, "SELECT sum(dropped) FROM samples"), lost);
	/* ... and told to who looks at them, also where they are but a part of what is shown. */
	for (uint64_t parts = 0; parts < 2; parts++) {
		struct source *source = replay_in(path, parts);
		uint64_t told = 0;
		bool holes = false;

		while (source->ops->next(source, false, &interval) == 0) {
			told += interval->unrecorded;
			holes |= interval_measured_ns(interval) < interval->end_ns - interval->begin_ns;
			interval_unref(interval);
		}
		assert_int_equal(told, lost);
		assert_true(holes == (parts == 1));
		source->ops->close(source);
	}
	made_close(&made);
	made_remove(path);
}

/* 86,400 samples of ten tasks that move and two disks. */
static void a_day_is_small(void **state)
{
	char path[64];
	struct made made;
	struct stat status;

	(void)state;
	made_path(path, sizeof(path));
	made_open(&made, 7);
	made.calm = true;
	release(record(path, &made, 2000), 2000);
	assert_int_equal(stat(path, &status), 0);
	print_message("%.1f MB a day\n", (double)status.st_size / 2000 * 86400 / 1e6);
	assert_true((double)status.st_size / 2000 * 86400 < 60e6);
	made_close(&made);
	made_remove(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_comes_back),          cmocka_unit_test(any_place_can_be_read),
		cmocka_unit_test(goes_on_where_it_ended),  cmocka_unit_test(sql_agrees),
		cmocka_unit_test(the_old_leaves),          cmocka_unit_test(the_file_stops_growing),
		cmocka_unit_test(what_is_lost_is_counted), cmocka_unit_test(a_day_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
