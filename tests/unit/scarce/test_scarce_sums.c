/* Memory that runs out where sums are kept: each allocation fails in turn, alone and with those that follow it. Total
 * is what was done and the sum of the rows; where a row is less than what was done it is marked, and the screen, the
 * text and the machine formats say so. */
#include "scarce.h"
#include "state.h"
#include "../store/made.h"

#include "iotopx/accumulator.h"
#include "iotopx/array.h"
#include "iotopx/text.h"
#include "iotopx/writer.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INTERVALS 6
#define CALM 2
#define SEEDS 5
#define NEW_CGROUPS 12 /* in each */
#define ALL 1000000    /* allocations: more than there are */
#define NOTICE "rows incomplete: no memory"
#define NOTE "memory ran out: Total is right, rows are incomplete"

static const size_t lengths[] = { 1, 3, 40, ALL };
static struct interval *intervals[INTERVALS];

/* Who is alive and did nothing, and cgroups that were not there before. */
static void furnish(struct interval *interval, const struct made *made, int number)
{
	static char paths[INTERVALS][NEW_CGROUPS][32];

	for (int i = 0; i <= NEW_CGROUPS; i++) {
		struct cgroup_delta *cgroup = interval_add_cgroup(interval);

		if (i == NEW_CGROUPS) {
			*cgroup = (struct cgroup_delta){ .cgroup = "/last.service", .unit = "last.service" };
			cgroup->io_known = true;
			cgroup->write_bytes = 7;
			break;
		}
		snprintf(paths[number][i], sizeof(paths[number][i]), "/%d-%d.service", number, i);
		*cgroup = (struct cgroup_delta){
			.cgroup = paths[number][i],
			.unit = paths[number][i] + 1,
			.io_known = true,
			.write_bytes = 1000,
		};
	}
	assert_int_equal(
	    array_reserve_raw((void **)&interval->idle, &interval->idle_capacity, MADE_TASKS, sizeof(*interval->idle)),
	    0);
	for (size_t i = 0; i < MADE_TASKS; i++) {
		bool moved = false;

		for (size_t j = 0; j < interval->count; j++)
			moved |= interval->tasks[j].info == made->tasks[i];
		if (!moved)
			interval->idle[interval->idle_count++] =
			    (struct task_idle){ .info = task_info_ref(made->tasks[i]), .known = COUNTERS_ALL };
	}
}

/* The first ones are of tasks that live on; then they end, and others come. */
static void make_intervals(uint64_t seed)
{
	struct made made;

	made_open(&made, seed);
	for (int i = 0; i < INTERVALS; i++) {
		made.calm = i < CALM;
		intervals[i] = made_next(&made);
		furnish(intervals[i], &made, i);
	}
	made_close(&made);
}

static void drop_intervals(void)
{
	for (size_t i = 0; i < INTERVALS; i++)
		interval_unref(intervals[i]);
}

/* What the intervals say that was done. */
struct truth {
	size_t count; /* of the intervals, the first so many */
};

static uint64_t total_of(const struct truth *truth, enum counter counter)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < truth->count; i++)
		sum += intervals[i]->total.value[counter];
	return sum;
}

static bool same_task(const struct task_info *one, const struct task_info *other)
{
	return one->id.tid == other->id.tid && one->id.start_ns == other->id.start_ns;
}

static uint64_t task_of(const struct truth *truth, const struct task_info *info, enum counter counter)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < truth->count; i++)
		for (size_t j = 0; j < intervals[i]->count; j++)
			if (same_task(intervals[i]->tasks[j].info, info))
				sum += intervals[i]->tasks[j].delta.value[counter];
	return sum;
}

/* The process died. Some threads made up here outlive theirs. */
static bool process_ended(const struct truth *truth, const struct task_info *info)
{
	for (size_t i = 0; i < truth->count; i++)
		for (size_t j = 0; j < intervals[i]->count; j++)
			if (intervals[i]->tasks[j].flags & DELTA_GROUP_DEAD &&
			    intervals[i]->tasks[j].info->process.tid == info->process.tid)
				return true;
	return false;
}

/* The task or its process died, and nothing was heard of it after that. */
static bool has_ended(const struct truth *truth, const struct task_info *info)
{
	bool ended = false;

	for (size_t i = 0; i < truth->count; i++) {
		bool died = false, moved = false;

		for (size_t j = 0; j < intervals[i]->count; j++) {
			const struct task_delta *task = &intervals[i]->tasks[j];

			moved |= same_task(task->info, info);
			died |= task->flags & DELTA_EXITED && same_task(task->info, info);
			died |= task->flags & DELTA_GROUP_DEAD && task->info->process.tid == info->process.tid;
		}
		ended = died || (ended && !moved);
	}
	return ended;
}

/* What stays whatever is folded. */
static bool same_owner(const struct task_info *one, const struct task_info *other)
{
	return one->uid == other->uid && text_same(one->unit, other->unit) &&
	       text_same(one->container, other->container);
}

static uint64_t owner_of(const struct interval *interval, const struct task_info *info, enum counter counter,
			 bool *marked)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < interval->count; i++)
		if (same_owner(interval->tasks[i].info, info)) {
			sum += interval->tasks[i].delta.value[counter];
			*marked |= (interval->tasks[i].delta.approximate & COUNTER_BIT(counter)) != 0;
		}
	return sum;
}

static bool is_nobody(const struct task_info *info)
{
	return info->uid == UINT32_MAX && !info->unit && !info->container;
}

static void check_totals(const struct interval *sum, const struct truth *truth)
{
	for (int counter = 0; counter < COUNTER_COUNT; counter++) {
		uint64_t rows = 0;

		for (size_t i = 0; i < sum->count; i++)
			rows += sum->tasks[i].delta.value[counter];
		assert_int_equal(rows, sum->total.value[counter]);
		assert_int_equal(rows, total_of(truth, (enum counter)counter));
	}
}

static void check_tasks(const struct interval *sum, const struct truth *truth)
{
	for (size_t i = 0; i < sum->count; i++) {
		const struct task_delta *task = &sum->tasks[i];
		bool folded = task->flags & DELTA_FOLDED || process_ended(truth, task->info);

		for (int counter = 0; counter < COUNTER_COUNT && !folded; counter++) {
			uint64_t done = task_of(truth, task->info, (enum counter)counter);

			assert_true(task->delta.value[counter] <= done);
			if (task->delta.value[counter] < done && task->delta.known & COUNTER_BIT(counter))
				assert_true(sum->crowded && task->delta.approximate & COUNTER_BIT(counter));
		}
	}
	for (size_t i = 0; i < sum->idle_count; i++)
		for (int counter = 0; counter < COUNTER_COUNT; counter++)
			if (sum->idle[i].known & COUNTER_BIT(counter) && !process_ended(truth, sum->idle[i].info))
				assert_int_equal(task_of(truth, sum->idle[i].info, (enum counter)counter), 0);
}

/* Who is there no more is not among the living, and what the living did is not hidden with what others left. */
static void check_exited(const struct interval *sum, const struct truth *truth)
{
	uint64_t rows = 0, done = 0;

	for (size_t i = 0; i < sum->count; i++) {
		if (sum->tasks[i].flags & DELTA_EXITED)
			rows += sum->tasks[i].delta.value[COUNTER_READ_CHAR];
		else if (!(sum->tasks[i].flags & DELTA_FOLDED))
			assert_false(has_ended(truth, sum->tasks[i].info));
	}
	for (size_t i = 0; i < truth->count; i++)
		for (size_t j = 0; j < intervals[i]->count; j++)
			if (intervals[i]->tasks[j].flags & (DELTA_FOLDED | DELTA_EXITED) ||
			    process_ended(truth, intervals[i]->tasks[j].info) ||
			    has_ended(truth, intervals[i]->tasks[j].info))
				done += intervals[i]->tasks[j].delta.value[COUNTER_READ_CHAR];
	assert_true(rows <= done);
}

/* Of each owner that any interval names. */
static void check_owners(const struct interval *sum, const struct truth *truth)
{
	for (size_t i = 0; i < truth->count; i++)
		for (size_t j = 0; j < intervals[i]->count; j++)
			for (int counter = 0; counter < COUNTER_COUNT; counter++) {
				const struct task_info *info = intervals[i]->tasks[j].info;
				bool marked = false, unused = false;
				uint64_t rows = owner_of(sum, info, (enum counter)counter, &marked), done = 0;

				for (size_t k = 0; k < truth->count; k++)
					done += owner_of(intervals[k], info, (enum counter)counter, &unused);
				assert_true(rows <= done || (sum->crowded && is_nobody(info)));
				if (rows < done)
					assert_true(sum->crowded && (marked || rows == 0));
			}
}

struct traffic {
	uint64_t read, write;
	bool listed, marked;
};

static struct traffic traffic_of(const struct interval *interval, const char *unit)
{
	struct traffic traffic = { 0 };

	for (size_t i = 0; i < interval->cgroup_count; i++) {
		const struct cgroup_delta *cgroup = &interval->cgroups[i];

		if (strcmp(cgroup->unit, unit) != 0)
			continue;
		traffic.listed = true;
		traffic.marked |= cgroup->approximate;
		traffic.read += cgroup->io_known ? cgroup->read_bytes : 0;
		traffic.write += cgroup->io_known ? cgroup->write_bytes : 0;
	}
	return traffic;
}

static void check_cgroups(const struct interval *sum, const struct truth *truth)
{
	for (size_t i = 0; i < truth->count; i++)
		for (size_t j = 0; j < intervals[i]->cgroup_count; j++) {
			const char *unit = intervals[i]->cgroups[j].unit;
			struct traffic rows = traffic_of(sum, unit), done = { 0 };

			for (size_t k = 0; k < truth->count; k++) {
				struct traffic part = traffic_of(intervals[k], unit);

				done.read += part.read;
				done.write += part.write;
			}
			assert_true(rows.read <= done.read && rows.write <= done.write);
			if (rows.read < done.read || rows.write < done.write)
				assert_true(sum->crowded && (rows.marked || !rows.listed));
		}
}

static void check_sums(const struct interval *sum, const struct truth *truth, bool folds)
{
	check_totals(sum, truth);
	check_owners(sum, truth);
	check_cgroups(sum, truth);
	if (folds)
		return;
	check_tasks(sum, truth);
	check_exited(sum, truth);
}

/* True if the nth allocation came. *crowded: how often that showed. */
static bool sum_up(size_t max, size_t nth, size_t length, size_t *crowded)
{
	struct accumulator *accumulator = accumulator_open(max);
	bool hit = false;

	assert_non_null(accumulator);
	scarce_begin_drought(nth, length);
	for (size_t i = 0; i < INTERVALS; i++) {
		int error = accumulator_add(accumulator, intervals[i]);

		assert_true(error == 0 || error == -ENOMEM);
		check_sums(accumulator_interval(accumulator), &(struct truth){ i + 1 }, max < INTERVALS * MADE_TASKS);
		if (i == INTERVALS / 2)
			hit = scarce_end(); /* the last ones have memory again */
	}
	*crowded += accumulator_interval(accumulator)->crowded;
	accumulator_close(accumulator);
	return hit;
}

static void sums_are_whole(void **state)
{
	static const size_t caps[] = { 8, ACCUMULATOR_ENTRIES_DEFAULT };
	size_t tried = 0, crowded = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		drop_intervals();
		make_intervals(seed);
		for (size_t i = 0; i < sizeof(caps) / sizeof(*caps); i++)
			for (size_t j = 0; j < sizeof(lengths) / sizeof(*lengths); j++)
				for (size_t nth = 1; sum_up(caps[i], nth, lengths[j], &crowded); nth++)
					tried++;
		const size_t before = crowded;

		sum_up(caps[1], 0, 0, &crowded);
		assert_int_equal(crowded, before);
	}
	print_message("%zu droughts, %zu crowded\n", tried, crowded);
	assert_true(tried > 1000 && crowded > 500);
}

/* The sums of all intervals. If `scarce`, those after the calm find no memory, but for the last. */
static struct accumulator *keep_sums(bool scarce)
{
	struct accumulator *accumulator = accumulator_open(ACCUMULATOR_ENTRIES_DEFAULT);

	assert_non_null(accumulator);
	for (size_t i = 0; i < INTERVALS; i++) {
		if (scarce && i == CALM)
			scarce_begin_drought(1, ALL);
		if (i == INTERVALS - 1)
			scarce_end();
		accumulator_add(accumulator, intervals[i]);
	}
	return accumulator;
}

static void print(const struct interval *sum, int (*open)(const struct writer_options *options, struct writer **writer),
		  char *to, size_t size)
{
	struct writer_options options = { .host = "h", .lookup = &made_lookup };
	struct table table = { 0 };
	struct writer *writer;
	struct view view;

	memset(to, 0, size);
	options.stream = fmemopen(to, size, "w");
	assert_non_null(options.stream);
	view_init(&view);
	view.mode = MODE_ACCUMULATED;
	assert_int_equal(open(&options, &writer), 0);
	assert_int_equal(table_build(&table, sum, &view, &made_lookup, TEXT_UTF8, NULL), 0);
	assert_int_equal(writer->ops->write(writer, sum, &view, &table), 0);
	assert_int_equal(writer->ops->finish(writer), 0);
	writer->ops->close(writer);
	table_free(&table);
	fclose(options.stream);
}

static bool names(const json_t *list, const char *field)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), field) == 0)
			return true;
	return false;
}

static void text_says_so(void **state)
{
	static char text[1 << 17];

	(void)state;
	for (int scarce = 0; scarce < 2; scarce++) {
		struct accumulator *accumulator = keep_sums(scarce);

		assert_int_equal(accumulator_interval(accumulator)->crowded, scarce);
		print(accumulator_interval(accumulator), writer_text_open, text, sizeof(text));
		assert_int_equal(strstr(text, NOTE) != NULL, scarce);
		accumulator_close(accumulator);
	}
}

static void json_says_so(void **state)
{
	static char text[1 << 17];
	struct accumulator *accumulator = keep_sums(true);
	const struct interval *sum = accumulator_interval(accumulator);
	uint64_t rows = 0;
	json_t *whole, *tasks;

	(void)state;
	print(sum, writer_json_open, text, sizeof(text));
	whole = json_loads(text, 0, NULL);
	tasks = json_object_get(whole, "tasks");
	assert_true(json_array_size(tasks) > 10);
	for (size_t i = 0; i < json_array_size(tasks); i++) {
		const json_t *task = json_array_get(tasks, i), *bytes = json_object_get(task, "read_bytes");

		assert_true(json_is_null(bytes) || names(json_object_get(task, "approximate"), "read_bytes"));
		rows += (uint64_t)json_integer_value(bytes);
	}
	assert_int_equal(rows, total_of(&(struct truth){ INTERVALS }, COUNTER_READ));
	json_decref(whole);
	accumulator_close(accumulator);
}

/* Of a unit that is not listed nothing is known. */
static void units_say_so(void **state)
{
	struct accumulator *accumulator = keep_sums(true);
	struct table table = { 0 };
	struct view view;
	size_t unknown = 0;

	(void)state;
	view_init(&view);
	view.group = GROUP_UNIT;
	view.mode = MODE_ACCUMULATED;
	assert_int_equal(table_build(&table, accumulator_interval(accumulator), &view, &made_lookup, TEXT_UTF8, NULL),
			 0);
	for (size_t i = 0; i < table.count; i++) {
		const struct row_cgroups *cgroups = &table.rows[i].cgroups;

		if (table.rows[i].depth > 0)
			continue;
		unknown += !cgroups->io_known;
		assert_true(!cgroups->io_known || cgroups->approximate);
	}
	assert_true(unknown > 0);
	/* One that was there before lacks nothing. */
	assert_int_equal(traffic_of(accumulator_interval(accumulator), "last.service").write, INTERVALS * 7);
	table_free(&table);
	accumulator_close(accumulator);
}

static const char *line_of(struct screen *screen, int row, char *to, size_t size)
{
	size_t used = 0;

	for (int column = 0; column < screen->frame.columns && used + 1 < size; column++) {
		uint32_t code = frame_cell(&screen->frame, row, column)->code[0];

		to[used++] = code && code < 0x80 ? (char)code : ' ';
	}
	to[used] = '\0';
	return to;
}

struct picture {
	char lines[24][128];
	bool incomplete; /* an interval is told to be missing somewhere */
};

/* True if the nth allocation came. */
static bool show(size_t nth, size_t length, int width, struct picture *picture)
{
	const struct screen_host host = { .host_name = "h" };
	struct settings settings;
	struct screen *screen;

	assert_int_equal(settings_init(&settings), 0);
	assert_int_equal(screen_create(&settings, &made_lookup, &host, TEXT_ASCII, &screen), 0);
	assert_int_equal(screen_set_size(screen, 24, width), 0);
	settings.view.mode = MODE_ACCUMULATED;
	picture->incomplete = false;
	scarce_begin_drought(nth, length);
	for (size_t i = 0; i < INTERVALS - 1; i++) {
		int error = screen_interval(screen, intervals[i], NULL);

		assert_true(error == 0 || error == -ENOMEM);
		screen_compose(screen);
		picture->incomplete |= error != 0;
		assert_true(!error || (screen->message_is_error && strstr(screen->message, "out of memory")));
		screen->message_is_error = false;
		screen->message[0] = '\0';
	}
	const bool hit = scarce_end();

	screen_interval(screen, intervals[INTERVALS - 1], NULL);
	screen_view_changed(screen); /* columns are as wide as this picture needs */
	screen_compose(screen);
	for (int row = 0; row < 24; row++)
		line_of(screen, row, picture->lines[row], sizeof(picture->lines[row]));
	check_totals(accumulator_interval(screen->accumulator), &(struct truth){ INTERVALS });
	const bool crowded = accumulator_interval(screen->accumulator)->crowded;

	assert_int_equal(crowded, strstr(picture->lines[0], NOTICE) != NULL);
	settings.view.mode = MODE_RATE;
	screen_view_changed(screen);
	screen_compose(screen);
	assert_null(strstr(line_of(screen, 0, (char[128]){ 0 }, 128), NOTICE));
	screen_destroy(screen);
	settings_free(&settings);
	return hit;
}

static void screen_says_so(void **state)
{
	static struct picture whole, picture;
	static const int widths[] = { 120, 40 };
	size_t told = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(widths) / sizeof(*widths); i++) {
		show(0, 0, widths[i], &whole);
		assert_null(strstr(whole.lines[0], "memory"));
		for (size_t j = 0; j < sizeof(lengths) / sizeof(*lengths); j++)
			for (size_t nth = 1; show(nth, lengths[j], widths[i], &picture); nth++) {
				const bool crowded = strstr(picture.lines[0], NOTICE) != NULL;

				told += crowded;
				/* Total and Actual, that of read before its graph; then rows. */
				for (int row = 1; row < 3; row++)
					assert_memory_equal(picture.lines[row], whole.lines[row], 24);
				for (int row = 1; row < 23 && !crowded && !picture.incomplete; row++)
					assert_string_equal(picture.lines[row], whole.lines[row]);
			}
	}
	print_message("%zu told\n", told);
	assert_true(told > 20);
}

static int set_up(void **state)
{
	(void)state;
	make_intervals(5);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	drop_intervals();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_whole), cmocka_unit_test(text_says_so),   cmocka_unit_test(json_says_so),
		cmocka_unit_test(units_say_so),   cmocka_unit_test(screen_says_so),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
