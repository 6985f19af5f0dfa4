/* Windows of a recording, the worst moments in it, and files that are none. */
#include "made.h"
#include "schema.h"

#include "iotopx/record.h"
#include "iotopx/replay.h"
#include "iotopx/when.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define SAMPLES 200

struct recorded {
	char path[64];
	struct made made;
	struct interval *intervals[SAMPLES];
};

static int set_up(void **state)
{
	struct recorded *recorded = calloc(1, sizeof(*recorded));
	struct recorder_options options = { .host = "made", .lookup = &made_lookup };
	struct recorder *recorder;
	char error[256];

	setenv("TZ", "UTC", 1);
	tzset();
	made_path(recorded->path, sizeof(recorded->path));
	made_open(&recorded->made, 11);
	options.path = recorded->path;
	assert_int_equal(recorder_open(&options, &recorder, error, sizeof(error)), 0);
	for (size_t i = 0; i < SAMPLES; i++) { /* fewer than may wait */
		recorded->intervals[i] = made_next(&recorded->made);
		assert_int_equal(recorder_add(recorder, recorded->intervals[i]), 0);
	}
	assert_int_equal(recorder_close(recorder), 0);
	*state = recorded;
	return 0;
}

static int tear_down(void **state)
{
	struct recorded *recorded = *state;

	for (size_t i = 0; i < SAMPLES; i++)
		interval_unref(recorded->intervals[i]);
	made_close(&recorded->made);
	made_remove(recorded->path);
	free(recorded);
	return 0;
}

static struct source *open_window(const struct recorded *recorded, struct replay_options options)
{
	struct source *source = NULL;
	char error[256];

	options.path = recorded->path;
	if (replay_open(&options, &source, error, sizeof(error)))
		fail_msg("%s", error);
	return source;
}

/* What a replay delivers in all: counters, devices, rows. */
struct sums {
	uint64_t counter[COUNTER_COUNT], rows[COUNTER_COUNT];
	uint64_t actual, device, mount, cgroup, exits, length_ns;
	size_t intervals;
};

static void add_to(struct sums *sums, const struct interval *interval)
{
	for (int counter = 0; counter < COUNTER_COUNT; counter++)
		sums->counter[counter] += interval->total.value[counter];
	for (size_t i = 0; i < interval->count; i++) {
		sums->exits += interval->tasks[i].exits;
		for (int counter = 0; counter < COUNTER_COUNT; counter++)
			sums->rows[counter] += interval->tasks[i].delta.value[counter];
	}
	sums->actual += interval->machine.actual_write_bytes;
	for (size_t i = 0; i < interval->machine.device_count; i++)
		sums->device += interval->machine.devices[i].write_bytes;
	for (size_t i = 0; i < interval->machine.nfs.count; i++)
		sums->mount += interval->machine.nfs.items[i].sends;
	for (size_t i = 0; i < interval->cgroup_count; i++)
		sums->cgroup += interval->cgroups[i].write_bytes;
	sums->length_ns += interval->end_ns - interval->begin_ns;
	sums->intervals++;
}

static struct sums sum_up(struct source *source)
{
	struct sums sums = { 0 };
	struct interval *interval;
	int result;

	while ((result = source->ops->next(source, false, &interval)) == 0) {
		add_to(&sums, interval);
		assert_true(interval->end_ns > interval->begin_ns);
		interval_unref(interval);
	}
	assert_int_equal(result, -ENODATA);
	source->ops->close(source);
	return sums;
}

static struct sums expected(const struct recorded *recorded, int64_t begin_ms, int64_t end_ms)
{
	struct sums sums = { 0 };

	for (size_t i = 0; i < SAMPLES; i++)
		if (recorded->intervals[i]->end_wall_ms > begin_ms && recorded->intervals[i]->end_wall_ms <= end_ms)
			add_to(&sums, recorded->intervals[i]);
	return sums;
}

static void same_sums(struct sums sums, struct sums wanted)
{
	assert_memory_equal(sums.counter, wanted.counter, sizeof(sums.counter));
	assert_memory_equal(sums.rows, wanted.rows, sizeof(sums.rows));
	assert_int_equal(sums.actual, wanted.actual);
	assert_int_equal(sums.device, wanted.device);
	assert_int_equal(sums.mount, wanted.mount);
	assert_int_equal(sums.cgroup, wanted.cgroup);
	assert_int_equal(sums.exits, wanted.exits);
}

static void moment(char *to, size_t size, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm day;

	gmtime_r(&seconds, &day);
	strftime(to, size, "%Y-%m-%d %H:%M:%S", &day);
}

/* Totals of any window are the sums of its samples, however it is divided. */
static void windows_add_up(void **state)
{
	const struct recorded *recorded = *state;
	static const int windows[][2] = { { 0, 10 }, { 5, 150 }, { 63, 66 }, { 100, 199 }, { 17, 18 } };

	for (size_t i = 0; i < sizeof(windows) / sizeof(*windows); i++) {
		int64_t begin = recorded->intervals[windows[i][0]]->end_wall_ms / 1000 * 1000;
		int64_t end = recorded->intervals[windows[i][1]]->end_wall_ms / 1000 * 1000;
		struct sums wanted = expected(recorded, begin, end);
		char from[32], to[32];
		struct replay_options options = { .begin = from, .end = to };

		moment(from, sizeof(from), begin);
		moment(to, sizeof(to), end);
		assert_true(wanted.intervals > 0);
		assert_int_equal(sum_up(open_window(recorded, options)).intervals, wanted.intervals);
		same_sums(sum_up(open_window(recorded, options)), wanted);
		for (options.parts = 1; options.parts < 9; options.parts += 3) {
			struct sums sums = sum_up(open_window(recorded, options));

			same_sums(sums, wanted);
			assert_true(sums.intervals <= options.parts);
		}
		options.parts = 0;
		options.merge_ns = 7000000000;
		same_sums(sum_up(open_window(recorded, options)), wanted);
	}
}

static void divided_into_so_many(void **state)
{
	const struct recorded *recorded = *state;
	struct sums wanted = expected(recorded, 0, INT64_MAX);

	for (uint64_t parts = 1; parts <= 20; parts++) {
		struct sums sums = sum_up(open_window(recorded, (struct replay_options){ .parts = parts }));

		same_sums(sums, wanted);
		assert_int_equal(sums.intervals, parts);
	}
}

/* One row for a task in a merged interval, its sums, and its lifetime at the end. */
static void merged_rows_are_one(void **state)
{
	const struct recorded *recorded = *state;
	struct source *source = open_window(recorded, (struct replay_options){ .parts = 1 });
	const struct task_delta *last = NULL;
	struct interval *interval;
	uint64_t write = 0, found = 0;

	for (size_t i = 0; i < SAMPLES; i++)
		for (size_t j = 0; j < recorded->intervals[i]->count; j++) {
			const struct task_delta *task = &recorded->intervals[i]->tasks[j];

			if (task->info == recorded->made.tasks[2]) { /* one that lives all the time */
				write += task->delta.value[COUNTER_WRITE];
				last = task;
			}
		}
	assert_non_null(last);
	assert_int_equal(source->ops->next(source, false, &interval), 0);
	for (size_t i = 0; i < interval->count; i++) {
		const struct task_delta *task = &interval->tasks[i];

		if (task->info->id.tid != last->info->id.tid)
			continue;
		found++;
		assert_int_equal(task->delta.value[COUNTER_WRITE], write);
		assert_int_equal(task->lifetime_write, last->lifetime_write);
	}
	assert_int_equal(found, 1);
	interval_unref(interval);
	source->ops->close(source);
}

static double rate(const struct interval *interval, int counter)
{
	return (double)interval->total.value[counter] / interval_seconds(interval);
}

/* The worst of some samples in a row is found. */
static void check_worst(const struct recorded *recorded, struct source *source, size_t first, size_t last, int counter)
{
	const struct interval *worst = recorded->intervals[first];
	struct interval *read;

	for (size_t i = first + 1; i <= last; i++)
		if (rate(recorded->intervals[i], counter) > rate(worst, counter))
			worst = recorded->intervals[i];
	assert_int_equal(replay_seek_worst(source, counter, recorded->intervals[first]->end_wall_ms - 1,
					   recorded->intervals[last]->end_wall_ms),
			 0);
	assert_int_equal(source->ops->next(source, false, &read), 0);
	assert_int_equal(read->end_wall_ms, worst->end_wall_ms);
	interval_unref(read);
}

static void worst_moments_are_found(void **state)
{
	static const int counters[] = { COUNTER_READ, COUNTER_READ_CALLS, COUNTER_BLKIO_COUNT };
	const struct recorded *recorded = *state;
	struct source *source = open_window(recorded, (struct replay_options){ 0 });
	struct interval *read;

	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		check_worst(recorded, source, 0, SAMPLES - 1, counters[i]);
		check_worst(recorded, source, 20, 60, counters[i]);
		check_worst(recorded, source, 61, 61, counters[i]);
		check_worst(recorded, source, 150, SAMPLES - 1, counters[i]);
	}
	/* A part in which none ended is that of the one that was under way. */
	assert_int_equal(replay_seek_worst(source, -1, recorded->intervals[99]->end_wall_ms + 1,
					   recorded->intervals[99]->end_wall_ms + 2),
			 0);
	assert_int_equal(source->ops->next(source, false, &read), 0);
	assert_int_equal(read->end_wall_ms, recorded->intervals[100]->end_wall_ms);
	interval_unref(read);
	source->ops->close(source);
}

static void load_is_the_highest_of_each_part(void **state)
{
	const struct recorded *recorded = *state;
	struct source *source = open_window(recorded, (struct replay_options){ 0 });
	int counters[] = { -1, COUNTER_READ, COUNTER_BLKIO_DELAY };
	double all, parts[50], highest, most = 0;

	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		highest = 0;
		assert_int_equal(replay_load(source, &counters[i], &all, 1), 0);
		assert_int_equal(replay_load(source, &counters[i], parts, 50), 0);
		for (size_t part = 0; part < 50; part++)
			highest = !isnan(parts[part]) && parts[part] > highest ? parts[part] : highest;
		assert_true(all > 0 && all == highest);
	}
	for (size_t i = 0; i < SAMPLES; i++)
		most = fmax(most, rate(recorded->intervals[i], COUNTER_READ));
	assert_int_equal(replay_load(source, &counters[1], &all, 1), 0);
	assert_true(counters[1] == COUNTER_READ && counters[2] == COUNTER_BLKIO_DELAY);
	assert_true(fabs(all - most) <= most * 1e-12);
	source->ops->close(source);
}

/* Recorded without delay accounting: of waiting there is none, so the load is what was read and written. */
static void without_delays_the_rest_tells(void **state)
{
	struct recorder_options options = { .host = "made", .lookup = &made_lookup };
	struct replay_options of = { 0 };
	struct interval *one, *worst = NULL;
	int counter = COUNTER_BLKIO_DELAY;
	struct recorder *recorder;
	double values[2];
	struct source *source;
	struct made made;
	char path[64], error[256];

	(void)state;
	made_path(path, sizeof(path));
	made_open(&made, 3);
	options.path = of.path = path;
	assert_int_equal(recorder_open(&options, &recorder, error, sizeof(error)), 0);
	for (int i = 0; i < 20; i++) {
		one = made_next(&made);
		for (size_t j = 0; j < one->count; j++)
			one->tasks[j].busiest_blkio_ns = 0;
		assert_int_equal(recorder_add(recorder, one), 0);
		if (!worst || rate(one, COUNTER_READ) + rate(one, COUNTER_WRITE) >
				  rate(worst, COUNTER_READ) + rate(worst, COUNTER_WRITE)) {
			interval_unref(worst);
			worst = interval_ref(one);
		}
		interval_unref(one);
	}
	assert_int_equal(recorder_close(recorder), 0);
	assert_int_equal(replay_open(&of, &source, error, sizeof(error)), 0);
	assert_int_equal(replay_load(source, &counter, values, 2), 0);
	assert_int_equal(counter, -1);
	assert_true(values[0] > 0 || values[1] > 0);
	assert_int_equal(replay_seek_worst(source, COUNTER_BLKIO_DELAY, 0, INT64_MAX), 0);
	assert_int_equal(source->ops->next(source, false, &one), 0);
	assert_int_equal(one->end_wall_ms, worst->end_wall_ms);
	interval_unref(one);
	interval_unref(worst);
	source->ops->close(source);
	made_close(&made);
	made_remove(path);
}

static void refused(const char *path, const char *begin, const char *end, int result, const char *words)
{
	const struct replay_options options = { .path = path, .begin = begin, .end = end };
	struct source *source = NULL;
	char error[256];
	int got = replay_open(&options, &source, error, sizeof(error));

	if (got != result || !strstr(error, words) || strchr(error, '\n'))
		fail_msg("%s: %d %s", path, got, error);
	assert_null(source);
}

static void write_file(const char *path, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

static char *read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "r");
	char *bytes;

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	*length = (size_t)ftell(file);
	rewind(file);
	bytes = malloc(*length);
	assert_int_equal(fread(bytes, 1, *length, file), *length);
	fclose(file);
	return bytes;
}

static void other_files_are_refused(void **state)
{
	const struct recorded *recorded = *state;
	struct recorder_options options = { .host = "", .lookup = &made_lookup };
	struct recorder *recorder = NULL;
	char path[96], error[256], *bytes;
	size_t length;
	sqlite3 *db;

	refused("/nonexistent/recording", NULL, NULL, -ENOENT, "No such file");
	refused("/tmp", NULL, NULL, -EMEDIUMTYPE, "not a recording");
	snprintf(path, sizeof(path), "%s-other", recorded->path);
	options.path = path;
	write_file(path, "", 0);
	refused(path, NULL, NULL, -EMEDIUMTYPE, "not a recording");
	write_file(path, "hello, world\n", 13);
	refused(path, NULL, NULL, -EMEDIUMTYPE, "not a recording");
	assert_int_equal(recorder_open(&options, &recorder, error, sizeof(error)), -EMEDIUMTYPE);

	bytes = read_file(recorded->path, &length);
	write_file(path, bytes, length / 2);
	refused(path, NULL, NULL, -EBADMSG, "cut off");
	assert_int_equal(recorder_open(&options, &recorder, error, sizeof(error)), -EBADMSG);
	bytes[63] = SCHEMA_VERSION + 1;
	write_file(path, bytes, length);
	refused(path, NULL, NULL, -EPROTO, "newer iotopx");
	assert_int_equal(recorder_open(&options, &recorder, error, sizeof(error)), -EPROTO);
	free(bytes);

	unlink(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE cats(name)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	refused(path, NULL, NULL, -EMEDIUMTYPE, "not a recording");
	assert_int_equal(recorder_open(&options, &recorder, error, sizeof(error)), -EMEDIUMTYPE);
	unlink(path);
	refused(recorded->path, "2001-01-01", "2001-01-02", -ENODATA, "nothing is recorded between");
	refused(recorded->path, "-1s", "-1h", -ERANGE, "not after its begin");
}

/* Pages of noise: an error in a line, never a crash or a wrong row taken for true. */
static void damage_is_told(void **state)
{
	const struct recorded *recorded = *state;
	char path[96], *bytes;
	size_t length;
	uint64_t random = 5;

	snprintf(path, sizeof(path), "%s-damaged", recorded->path);
	for (int round = 0; round < 20; round++) {
		const struct replay_options options = { .path = path };
		struct source *source;
		struct interval *interval;
		char error[256] = "";
		int result;

		bytes = read_file(recorded->path, &length);
		for (int i = 0; i < 200; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			bytes[4096 + (random >> 33) % (length - 4096)] = (char)(random >> 20);
		}
		write_file(path, bytes, length);
		free(bytes);
		result = replay_open(&options, &source, error, sizeof(error));
		if (result) {
			assert_string_not_equal(error, "");
			continue;
		}
		while ((result = source->ops->next(source, false, &interval)) == 0)
			interval_unref(interval);
		if (result != -ENODATA)
			assert_non_null(source->ops->notice(source));
		source->ops->close(source);
	}
	unlink(path);
}

/* Nothing can be recorded behind the last possible number of anything. */
static void last_numbers_are_damage(void **state)
{
	static const char *const tables[] = { "samples", "sessions", "epochs", "texts", "tasks", "devices", "mounts" };
	const struct recorded *recorded = *state;
	char path[96], *bytes;
	size_t length;

	snprintf(path, sizeof(path), "%s-last", recorded->path);
	bytes = read_file(recorded->path, &length);
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		struct recorder_options options = { .host = "", .lookup = &made_lookup, .path = path };
		struct recorder *recorder = NULL;
		char error[256] = "", sql[128];
		sqlite3 *db;

		write_file(path, bytes, length);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		snprintf(sql, sizeof(sql), "UPDATE %s SET id = 9223372036854775807 WHERE id = (SELECT max(id) FROM %s)",
			 tables[i], tables[i]);
		assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_changes(db), 1);
		sqlite3_close(db);
		assert_int_equal(recorder_open(&options, &recorder, error, sizeof(error)), -EBADMSG);
		assert_non_null(strstr(error, "numbered out of range"));
	}
	free(bytes);
	unlink(path);
}

/* A sound file whose rows say what nobody recorded: what can't be is damage, told in a line. */
static void impossible_rows_are_damage(void **state)
{
	static const struct {
		const char *sql;
		bool opens;
	} changes[] = {
		{ "UPDATE samples SET end_ms = 9223372036854775807 WHERE id = 200", false },
		{ "UPDATE samples SET end_ms = -1 WHERE id = 100", true },
		{ "UPDATE samples SET length_ns = 0 WHERE id = 100", true },
		{ "UPDATE samples SET id = -7 WHERE id = 1", false },
		{ "UPDATE samples SET id = 0 WHERE id = 1", false },
		{ "UPDATE samples SET id = 9223372036854775807 WHERE id = 200", true },
		{ "UPDATE samples SET length_ns = -5 WHERE id = 100", true },
		{ "UPDATE tasks SET leader = id - 1 WHERE id > 1", true }, /* each has a leader that has one */
		{ "UPDATE tasks SET leader = id", true },
		{ "UPDATE tasks SET command = -1", true },
	};
	const struct recorded *recorded = *state;
	char path[96], *bytes;
	size_t length;

	snprintf(path, sizeof(path), "%s-impossible", recorded->path);
	bytes = read_file(recorded->path, &length);
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		const struct replay_options options = { .path = path };
		struct source *source;
		struct interval *interval;
		char error[256] = "";
		int result;
		sqlite3 *db;

		write_file(path, bytes, length);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, changes[i].sql, NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		result = replay_open(&options, &source, error, sizeof(error));
		assert_int_equal(result, changes[i].opens ? 0 : -EBADMSG);
		assert_true(result == 0 || strstr(error, "damaged"));
		if (result)
			continue;
		while ((result = source->ops->next(source, false, &interval)) == 0)
			interval_unref(interval);
		assert_int_equal(result, -EBADMSG);
		assert_int_equal(replay_step(source, 1000), 0); /* as far as it goes, and not further */
		assert_non_null(strstr(source->ops->notice(source), "damaged"));
		source->ops->close(source);
	}
	free(bytes);
	unlink(path);
}

/* Clocks of sessions that are no clocks: the order stays, and nothing overflows (the sanitizers tell). */
static void impossible_clocks_do_no_harm(void **state)
{
	static const char *const changes[] = {
		"UPDATE sessions SET start_ms = 9223372036854775807, start_ns = -9223372036854775808",
		("INSERT INTO sessions SELECT 2, -9223372036854775808, 9223372036854775807, 1, host, 'another', '' "
		 "FROM sessions; INSERT INTO epochs VALUES(99, 2, 100, 50, 1)"),
		("UPDATE tasks SET start_ns = 9223372036854775807, process_start_ns = -9223372036854775808; "
		 "UPDATE epochs SET first_sample = 9223372036854775807"),
		"UPDATE samples SET read_bytes = 1e308 WHERE id = 100",
	};
	const struct recorded *recorded = *state;
	char path[96], *bytes;
	size_t length;

	snprintf(path, sizeof(path), "%s-clocks", recorded->path);
	bytes = read_file(recorded->path, &length);
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		const struct replay_options options = { .path = path };
		struct source *source;
		struct interval *interval;
		char error[256];
		size_t count = 0;
		sqlite3 *db;

		write_file(path, bytes, length);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, changes[i], NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		assert_int_equal(replay_open(&options, &source, error, sizeof(error)), 0);
		double loads[7];
		int counter = COUNTER_READ;

		assert_int_equal(replay_load(source, &counter, loads, 7), 0);
		for (size_t part = 0; part < 7; part++)
			assert_true(isfinite(loads[part]));
		for (; source->ops->next(source, false, &interval) == 0; count++)
			interval_unref(interval);
		assert_int_equal(count, SAMPLES);
		source->ops->close(source);
	}
	free(bytes);
	unlink(path);
}

static void moments(void **state)
{
	const int64_t noon = 1795910400000 /* 2026-11-29 00:00 UTC */ + 43200000;
	static const char *const bad[] = { "",       "3:10", "03:1",        "24:00",      "03:60",      "-2",
					   "-h",     "-0h",  "2026-11-22 ", "2026-13-01", "2026-00-01", "yesterday",
					   "03:10x", "--2h", "-2hh",        "03:10:60",   "2026-11-22T" };
	const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "03:10", noon - 43200000 + 11400000 },
		{ "12:00", noon },
		{ "12:00:01", noon + 1000 - 86400000 }, /* it was yesterday */
		{ "2026-11-22 03:10", noon - 43200000 - 7 * 86400000 + 11400000 },
		{ "2026-11-22T03:10:05", noon - 43200000 - 7 * 86400000 + 11405000 },
		{ "2026-11-29", noon - 43200000 },
		{ "-2h", noon - 7200000 },
		{ "-90s", noon - 90000 },
		{ "-1d", noon - 86400000 },
	};
	int64_t begin, end;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (when_check(bad[i]) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		int64_t ms = 0;

		assert_int_equal(when_check(good[i].text), 0);
		assert_int_equal(when_resolve(good[i].text, noon, &ms), 0);
		if (ms != good[i].ms)
			fail_msg("%s: %lld", good[i].text, (long long)(ms - good[i].ms));
	}
	/* Over midnight, with an end after what is recorded. */
	assert_int_equal(when_window("23:50", "00:10", 0, noon - 43200000 + 300000, &begin, &end), 0);
	assert_int_equal(end - begin, 1200000);
	assert_int_equal(when_window("11:00", "11:00", 0, noon, &begin, &end), 0);
	assert_int_equal(end - begin, 86400000);
	assert_int_equal(when_window(NULL, NULL, 5, 9, &begin, &end), 0);
	assert_true(begin == 5 && end == 9);
	assert_int_equal(when_window("-1h", "-2h", 0, noon, &begin, &end), -ERANGE);
}

static void ages(void **state)
{
	static const char *const bad[] = { "", "7", "d", "-7d", "7 d", "0d", "7y", "1.5h", "99999999999999d" };
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (parse_age_ns(bad[i], &ns) == 0)
			fail_msg("'%s' was taken", bad[i]);
	assert_int_equal(parse_age_ns("7d", &ns), 0);
	assert_int_equal(ns, UINT64_C(604800000000000));
	assert_int_equal(parse_age_ns("90s", &ns), 0);
	assert_int_equal(ns, UINT64_C(90000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_add_up),
		cmocka_unit_test(divided_into_so_many),
		cmocka_unit_test(merged_rows_are_one),
		cmocka_unit_test(worst_moments_are_found),
		cmocka_unit_test(load_is_the_highest_of_each_part),
		cmocka_unit_test(without_delays_the_rest_tells),
		cmocka_unit_test(other_files_are_refused),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(impossible_rows_are_damage),
		cmocka_unit_test(last_numbers_are_damage),
		cmocka_unit_test(impossible_clocks_do_no_harm),
		cmocka_unit_test(moments),
		cmocka_unit_test(ages),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
