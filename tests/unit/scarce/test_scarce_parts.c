/* Each allocation of every part fails in turn: the part says -ENOMEM, leaks nothing (the sanitizers tell) and can be
 * asked again; or it does without, and then what it says is what it says with all memory there. */
#include "scarce.h"
#include "../store/made.h"

#include "iotopx/accumulator.h"
#include "iotopx/cgroup.h"
#include "iotopx/filter.h"
#include "iotopx/history.h"
#include "iotopx/machine_read.h"
#include "iotopx/merger.h"
#include "iotopx/nfs_read.h"
#include "iotopx/page.h"
#include "iotopx/replay.h"
#include "iotopx/settings.h"
#include "iotopx/writer.h"

#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define INTERVALS 3
#define RECORDING TEST_DATA "/fuzz/corpus/replay/small.iotopx"

static struct interval *intervals[INTERVALS];

/* What a part said, compared with what it says undisturbed. Grows without asking for memory. */
struct said {
	char text[1 << 18];
	size_t length;
};

static void say(struct said *said, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct said *said, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	said->length += (size_t)vsnprintf(said->text + said->length, sizeof(said->text) - said->length, format, list);
	va_end(list);
	assert_true(said->length < sizeof(said->text));
}

static void say_counters(struct said *said, const struct interval *interval)
{
	for (int counter = 0; counter < COUNTER_COUNT; counter++) {
		uint64_t rows = 0;

		for (size_t i = 0; i < interval->count; i++)
			rows += interval->tasks[i].delta.value[counter];
		say(said, " %llu/%llu", (unsigned long long)rows, (unsigned long long)interval->total.value[counter]);
	}
	say(said, "\n");
}

static void say_interval(struct said *said, const struct interval *interval)
{
	say(said, "%zu tasks, %zu devices, %zu cgroups, %zu mounts\n", interval->count, interval->machine.device_count,
	    interval->cgroup_count, interval->machine.nfs.count);
	say_counters(said, interval);
}

static int try_table(struct said *said)
{
	struct table table = { 0 };
	struct view view;
	int error = 0;

	view_init(&view);
	for (int group = 0; group < GROUP_COUNT && !error; group++)
		for (int tree = 0; tree < 2 && !error; tree++) {
			view.group = (enum view_group)group;
			view.tree = tree;
			view.threads = group == GROUP_NONE && !tree;
			view.fold_exited = true;
			error = table_build(&table, intervals[group % INTERVALS], &view, &made_lookup, TEXT_UTF8, NULL);
			for (size_t i = 0; i < table.count && !error; i++)
				say(said, "%d %llu;", (int)table.rows[i].key.tid,
				    (unsigned long long)table.rows[i].sum.value[COUNTER_READ]);
		}
	table_free(&table);
	return error;
}

static int try_pages(struct said *said)
{
	const struct page *const pages[] = { &page_devices, &page_nfs };
	const struct page_view all = { .expand_all = true };
	struct page_table table = { 0 };
	int error = 0;

	for (int i = 0; i < 2 && !error; i++) {
		error = page_table_build(&table, pages[i], intervals[0], &all, &made_lookup);
		for (size_t row = 0; row < table.count && !error; row++)
			say(said, "%s;", table.rows[row].name);
		page_table_free(&table);
		table = (struct page_table){ 0 };
	}
	return error;
}

/* They may need more rows for it; test_scarce_sums.c has the rest. */
static int try_sums(struct said *said)
{
	struct accumulator *accumulator = accumulator_open(8);
	int error = accumulator ? 0 : -ENOMEM;

	for (size_t i = 0; i < INTERVALS && !error; i++)
		error = accumulator_add(accumulator, intervals[i]);
	if (!error && accumulator_interval(accumulator)->crowded)
		error = -ENOMEM;
	if (!error)
		say_counters(said, accumulator_interval(accumulator));
	accumulator_close(accumulator);
	return error;
}

static int try_history(struct said *said)
{
	struct history *history = history_open(20000);
	int error = history ? 0 : -ENOMEM;

	for (size_t i = 0; i < INTERVALS && !error; i++)
		error = history_add(history, intervals[i]);
	for (size_t i = 0; !error && i < history_count(history); i++)
		say_interval(said, history_get(history, i));
	history_close(history);
	return error;
}

/* What it could not add it can add the next time, and only once. */
static int try_merger(struct said *said)
{
	struct merger *merger = merger_open();
	struct interval *merged = NULL;
	int error = merger ? 0 : -ENOMEM;

	for (size_t i = 0; i < INTERVALS && !error; i++) {
		error = merger_add(merger, intervals[i]);
		if (error == -ENOMEM)
			error = merger_add(merger, intervals[i]);
	}
	if (!error)
		merged = merger_take(merger);
	if (merged)
		say_interval(said, merged);
	else
		error = -ENOMEM;
	interval_unref(merged);
	merger_close(merger);
	return error;
}

/* A copy, so that the folded one is nobody else's. What could not be folded is there still. */
static int try_fold(struct said *said)
{
	struct interval *copy = history_copy_interval(intervals[1]);
	int error = copy ? interval_fold(copy, 3) : -ENOMEM;

	if (copy && error) {
		uint64_t rows = 0;

		for (size_t i = 0; i < copy->count; i++)
			rows += copy->tasks[i].delta.value[COUNTER_READ_CHAR];
		assert_int_equal(rows, copy->total.value[COUNTER_READ_CHAR]);
	}
	if (!error)
		say_interval(said, copy);
	interval_unref(copy);
	return error;
}

static int try_filter(struct said *said)
{
	struct filter *filter = NULL;
	char error[128] = "";
	int result = filter_parse("user:root unit:\"db service\" f[ij]o mysqld", &filter, error, sizeof(error));

	assert_true(result == 0 || strstr(error, "memory"));
	if (!result)
		result = filter_add_pid(&filter, 17);
	if (!result)
		result = filter_add_uid(&filter, 1000);
	if (!result)
		say(said, "%zu %d", filter_pid_count(filter),
		    filter_match(filter, intervals[0]->tasks[0].info, &made_lookup));
	filter_free(filter);
	return result;
}

static void note(void *data, const char *line)
{
	say(data, "%s\n", line);
}

static int try_settings(struct said *said)
{
	static char words[][24] = { "iotopx",   "-o",    "-p",       "1",           "-p",        "2",
				    "-u",       "0",     "--filter", "user:root x", "--columns", "pid,read,command",
				    "--record", "/tmp/x" };
	char *argv[sizeof(words) / sizeof(words[0]) + 1] = { NULL }, error[1024] = "", path[64];
	struct settings settings;
	int result = settings_init(&settings);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		argv[i] = words[i];
	if (result)
		return result;
	result = settings_parse(&settings, (int)(sizeof(words) / sizeof(words[0])), argv, error, sizeof(error));
	snprintf(path, sizeof(path), "/tmp/iotopx-scarce-%d", (int)getpid());
	settings.config = settings.config ? settings.config : strdup(path); /* or root's path would have to be root's */
	if (!result && !settings.config)
		result = -ENOMEM;
	if (!result)
		result = settings_save(&settings, path);
	if (!result)
		result = settings_load(&settings, path, note, said);
	if (!result)
		say(said, "%s %zu %zu %zu", settings.filter, settings.pids.count, settings.uids.count,
		    settings.view.column_count);
	settings_free(&settings);
	unlink(path);
	return result;
}

static int try_cgroups(struct said *said)
{
	static const char *const texts[] = { "0::/system.slice/a.service\n", "0::/\n", "0::/x/y\n", "1:cpu:/z\n" };
	struct cgroup_cache *cache = NULL;
	int error = cgroup_cache_open("/nonexistent", CGROUP_BYTES_DEFAULT, &cache);

	for (size_t round = 0; round < 40 && !error; round++) {
		const struct cgroup_ident *ident;
		char text[64];

		snprintf(text, sizeof(text), "0::/slice/%zu.service\n", round);
		error = cgroup_cache_find(cache, texts[round % 4], strlen(texts[round % 4]), &ident);
		if (!error)
			error = cgroup_cache_find(cache, text, strlen(text), &ident);
		if (!error)
			say(said, "%s %s;", ident->cgroup, ident->unit);
	}
	cgroup_cache_close(cache);
	return error;
}

static char *slurp(const char *path)
{
	static char text[2][1 << 16];
	static int which;
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	which = !which;
	text[which][fread(text[which], 1, sizeof(text[which]) - 1, file)] = '\0';
	fclose(file);
	return text[which];
}

static int try_machine(struct said *said)
{
	struct machine_counters older = { .time_ns = 1 }, newer = { .time_ns = 1000000001 };
	struct machine_delta delta = { 0 };
	char *text = slurp(TEST_DATA "/captures/machine/proc/diskstats");
	char *mounts = slurp(TEST_DATA "/captures/nfs/v42-1.mountstats");
	int error = machine_parse_diskstats(text, &older);

	if (!error)
		error = machine_parse_diskstats(text, &newer);
	if (!error)
		error = nfs_parse_mountstats(mounts, &older.nfs);
	if (!error)
		error = nfs_parse_mountstats(mounts, &newer.nfs);
	older.known |= MACHINE_NFS;
	newer.known |= MACHINE_NFS;
	if (!error)
		error = machine_delta_compute(&delta, &older, &newer);
	if (!error)
		say(said, "%zu %zu", delta.device_count, delta.nfs.count);
	machine_delta_free(&delta);
	machine_counters_free(&older);
	machine_counters_free(&newer);
	return error;
}

static int try_writer(struct said *said, int (*open)(const struct writer_options *options, struct writer **writer))
{
	static char bytes[1 << 17];
	const struct page_view all = { .expand_all = true };
	struct writer_options options = { .host = "h", .lookup = &made_lookup };
	struct page_table page_table = { 0 };
	struct table table = { 0 };
	struct writer *writer = NULL;
	struct view view;

	memset(bytes, 0, sizeof(bytes));
	options.stream = fmemopen(bytes, sizeof(bytes), "w");
	assert_non_null(options.stream);
	setvbuf(options.stream, NULL, _IONBF, 0);
	view_init(&view);
	int error = open(&options, &writer);

	for (size_t i = 0; i < INTERVALS && !error; i++) {
		if (writer->ops->observe)
			error = writer->ops->observe(writer, intervals[i], &view);
		if (!error)
			error = table_build(&table, intervals[i], &view, &made_lookup, TEXT_UTF8, NULL);
		if (!error)
			error = writer->ops->write(writer, intervals[i], &view, &table);
	}
	view.page = VIEW_DEVICES;
	if (!error && writer->ops->write_page)
		error = page_table_build(&page_table, &page_devices, intervals[0], &all, &made_lookup);
	if (!error && writer->ops->write_page)
		error = writer->ops->write_page(writer, intervals[0], &view, &page_devices, &page_table);
	if (!error)
		error = writer->ops->finish(writer);
	if (writer)
		writer->ops->close(writer);
	table_free(&table);
	page_table_free(&page_table);
	fclose(options.stream);
	if (!error)
		say(said, "%s", bytes);
	return error;
}

static int try_text(struct said *said)
{
	return try_writer(said, writer_text_open);
}

static int try_csv(struct said *said)
{
	return try_writer(said, writer_csv_open);
}

static int try_json(struct said *said)
{
	return try_writer(said, writer_json_open);
}

static int try_openmetrics(struct said *said)
{
	return try_writer(said, writer_openmetrics_open);
}

static int replay_through(struct said *said, uint64_t parts)
{
	const struct replay_options options = { .path = RECORDING, .parts = parts };
	struct source *source = NULL;
	char error[256] = "";
	int result = replay_open(&options, &source, error, sizeof(error));

	if (result) {
		assert_true(result == -ENOMEM || error[0]);
		return result;
	}
	for (int i = 0; i < 10 && !result; i++) {
		struct interval *interval;

		result = source->ops->next(source, false, &interval);
		if (result == -ENOMEM) { /* it is where it was, and goes on */
			assert_non_null(source->ops->notice(source));
			result = source->ops->next(source, false, &interval);
		}
		if (result)
			continue;
		say_interval(said, interval);
		for (size_t task = 0; task < interval->count; task++)
			say(said, "%s ", interval->tasks[task].info->comm);
		interval_unref(interval);
	}
	if (result != -ENODATA)
		assert_non_null(source->ops->notice(source));
	source->ops->close(source);
	return result == -ENODATA ? 0 : result;
}

static int try_replay(struct said *said)
{
	return replay_through(said, 0);
}

static int try_replay_merged(struct said *said)
{
	return replay_through(said, 2);
}

static const struct {
	const char *name;
	int (*run)(struct said *said);
} parts[] = {
	{ "table", try_table },     { "pages", try_pages },
	{ "sums", try_sums },       { "history", try_history },
	{ "merger", try_merger },   { "fold", try_fold },
	{ "filter", try_filter },   { "settings", try_settings },
	{ "cgroups", try_cgroups }, { "machine", try_machine },
	{ "text", try_text },       { "csv", try_csv },
	{ "json", try_json },       { "openmetrics", try_openmetrics },
	{ "replay", try_replay },   { "merged replay", try_replay_merged },
};

static void each_allocation_fails_once(void **state)
{
	static struct said whole, said;

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t nth = 0, refused = 0;
		bool hit = true;

		whole.length = 0;
		assert_int_equal(parts[i].run(&whole), 0);
		while (hit) {
			said.length = 0;
			scarce_begin(++nth);
			int result = parts[i].run(&said);
			hit = scarce_end();
			refused += result != 0;
			if (result != 0 && result != -ENOMEM)
				fail_msg("%s, allocation %zu: %d", parts[i].name, nth, result);
			if (result == 0 &&
			    (said.length != whole.length || memcmp(said.text, whole.text, whole.length) != 0))
				fail_msg("%s, allocation %zu: another answer:\n%s\nnot\n%s", parts[i].name, nth,
					 said.text, whole.text);
			assert_true(hit || result == 0);
		}
		print_message("%s: %zu allocations, %zu told\n", parts[i].name, nth - 1, refused);
		assert_true(nth > 2 && refused > 0);
	}
}

/* SQLite's memory is the same as ours. */
static int memory_init(void *data)
{
	(void)data;
	return SQLITE_OK;
}

static void memory_end(void *data)
{
	(void)data;
}

static void *memory_malloc(int size)
{
	return scarce_malloc((size_t)size);
}

static void *memory_realloc(void *old, int size)
{
	return scarce_realloc(old, (size_t)size);
}

static int memory_size(void *memory)
{
	return memory ? (int)malloc_usable_size(memory) : 0;
}

static int memory_round(int size)
{
	return (size + 7) & ~7;
}

static int set_up(void **state)
{
	static const sqlite3_mem_methods methods = { memory_malloc, free,        memory_realloc, memory_size,
						     memory_round,  memory_init, memory_end,     NULL };
	struct made made;

	(void)state;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
	json_set_alloc_funcs(scarce_malloc, free);
	made_open(&made, 5);
	for (size_t i = 0; i < INTERVALS; i++)
		intervals[i] = made_next(&made);
	made_close(&made);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < INTERVALS; i++)
		interval_unref(intervals[i]);
	sqlite3_shutdown();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_fails_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
