/* THE table of columns: what each shows of a row, in every mode, and when it must not show a number. */
#include "iotopx/column.h"
#include "iotopx/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static struct prio some_prio = { .io_class = 2, .level = 4 };

static const char *find_user(void *data, uint32_t uid)
{
	(void)data;
	return uid == 0 ? "root" : "alice";
}

static const char *find_cmdline(void *data, struct task_info *info)
{
	(void)data;
	return info->cmdline;
}

static struct prio find_prio(void *data, const struct task_info *info)
{
	(void)info;
	return *(struct prio *)data;
}

static const struct lookup lookup = {
	.data = &some_prio,
	.user = find_user,
	.cmdline = find_cmdline,
	.prio = find_prio,
};

/* The row's info is one for all: a new fixture resets it. */
struct fixture {
	struct row row;
	struct row_context context;
};

/* A process of 2 s under a rate: every counter is (counter + 1) * 1000. */
static struct fixture make_fixture(void)
{
	static struct task_info info;
	struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	info = (struct task_info){ .refs = 1, .id = { 42, SECOND }, .process = { 42, SECOND }, .ppid = 1, .uid = 0 };
	strcpy(info.comm, "dd");
	fixture.row.key = (struct row_key){ .kind = ROW_PROCESS, .tid = 42, .start_ms = 1000 };
	fixture.row.info = &info;
	fixture.row.members = 3;
	fixture.row.lived_ns = 2 * SECOND;
	fixture.row.age_ns = 90 * SECOND;
	fixture.row.sum.known = COUNTERS_ALL;
	for (int i = 0; i < COUNTER_COUNT; i++)
		fixture.row.sum.value[i] = ((uint64_t)i + 1) * 1000;
	fixture.context = (struct row_context){ .seconds = 2, .lookup = &lookup };
	return fixture;
}

static struct value get(const struct fixture *fixture, const char *key)
{
	const struct column *column = column_find(key);

	assert_non_null(column);
	return column->get(&fixture->row, &fixture->context);
}

static void check(const struct fixture *fixture, const char *key, const char *expected)
{
	const struct column *column = column_find(key);
	char text[256];
	size_t used;

	assert_non_null(column);
	used =
	    column_format(column, column->get(&fixture->row, &fixture->context), &fixture->context, text, sizeof(text));
	if (strcmp(text, expected) != 0)
		fail_msg("%s shows '%s', not '%s'", key, text, expected);
	assert_int_equal(used, strlen(expected));
}

static const char *const counted[] = {
	"read", "write", "cancel", "rchar", "wchar", "syscr", "syscw", "blkio", "swapcnt"
};

static void every_counter_is_a_rate_in_rates_and_averages(void **state)
{
	struct fixture fixture = make_fixture();

	(void)state;
	fixture.row.sum.value[COUNTER_CANCELLED] = 0;
	for (enum view_mode mode = MODE_RATE; mode < MODE_COUNT; mode++) {
		fixture.context.mode = mode;
		for (size_t i = 0; i < sizeof(counted) / sizeof(*counted); i++) {
			const struct column *column = column_find(counted[i]);
			double sum = (double)fixture.row.sum.value[column->counter];
			struct value value = get(&fixture, counted[i]);

			assert_int_equal(value.type, VALUE_NUMBER);
			assert_false(value.approximate);
			assert_true(value.number == (mode == MODE_ACCUMULATED ? sum : sum / 2));
		}
	}
}

static void an_unknown_counter_is_no_zero(void **state)
{
	struct fixture fixture = make_fixture();

	(void)state;
	for (size_t i = 0; i < sizeof(counted) / sizeof(*counted); i++) {
		const struct column *column = column_find(counted[i]);

		fixture.row.sum.known = COUNTERS_ALL & ~COUNTER_BIT(column->counter);
		fixture.row.sum.value[column->counter] = 0;
		assert_int_equal(get(&fixture, counted[i]).type, VALUE_UNKNOWN);
		check(&fixture, counted[i], "-");
	}
}

static void the_baseline_has_no_rates(void **state)
{
	struct fixture fixture = make_fixture();

	(void)state;
	fixture.context.baseline = true;
	for (size_t i = 0; i < sizeof(counted) / sizeof(*counted); i++)
		check(&fixture, counted[i], "-");
	check(&fixture, "io", "-");
	check(&fixture, "swapin", "-");
	fixture.context.baseline = false;
	fixture.context.seconds = 0;
	check(&fixture, "read", "-");
	check(&fixture, "io", "-");
}

static void approximate_is_marked(void **state)
{
	struct fixture fixture = make_fixture();

	(void)state;
	for (size_t i = 0; i < sizeof(counted) / sizeof(*counted); i++) {
		fixture.row.sum.approximate = COUNTER_BIT(column_find(counted[i])->counter);
		assert_true(get(&fixture, counted[i]).approximate);
	}
	fixture.row.sum.approximate = COUNTER_BIT(COUNTER_READ_CALLS);
	check(&fixture, "syscr", "~3000");
	check(&fixture, "syscw", "3500");
	fixture.row.sum.approximate = COUNTER_BIT(COUNTER_BLKIO_DELAY);
	assert_true(get(&fixture, "io").approximate);
	assert_true(get(&fixture, "blkavg").approximate);
	assert_false(get(&fixture, "swapin").approximate);
}

static void written_bytes_are_clamped_in_the_cell(void **state)
{
	struct fixture fixture = make_fixture();

	(void)state;
	fixture.row.sum.value[COUNTER_WRITE] = 4096;
	fixture.row.sum.value[COUNTER_CANCELLED] = 1024;
	check(&fixture, "write", "1.50 K/s");
	fixture.row.sum.value[COUNTER_CANCELLED] = 8192;
	check(&fixture, "write", "0.00 B/s");
	check(&fixture, "cancel", "4.00 K/s");
	/* Not known: what is left is an upper bound. */
	fixture.row.sum.value[COUNTER_CANCELLED] = 0;
	fixture.row.sum.known &= ~COUNTER_BIT(COUNTER_CANCELLED);
	check(&fixture, "write", "~2.00 K/s");
}

static void io_is_the_share_of_the_busiest_thread(void **state)
{
	struct fixture fixture = make_fixture();

	(void)state;
	fixture.row.busiest_blkio_ns = SECOND / 2;
	fixture.row.busiest_swapin_ns = SECOND / 4;
	check(&fixture, "io", "25.00 %");
	check(&fixture, "swapin", "12.50 %");
	/* It lived for half a second of the two, and waited for all of it. */
	fixture.row.lived_ns = SECOND / 2;
	check(&fixture, "io", "100.0 %");
	fixture.row.busiest_blkio_ns = 5 * SECOND;
	assert_true(get(&fixture, "io").number == 1.0);
	fixture.row.lived_ns = 0;
	fixture.row.busiest_blkio_ns = SECOND;
	check(&fixture, "io", "50.00 %");
	fixture.row.flags = DELTA_STUCK;
	check(&fixture, "io", "~50.00 %");
	check(&fixture, "swapin", "12.50 %");
	/* Its state told that it waits, though the kernel doesn't measure. */
	fixture.row.sum.known = COUNTERS_ALL & ~COUNTER_BIT(COUNTER_BLKIO_DELAY);
	check(&fixture, "io", "~50.00 %");
	fixture.row.flags = 0;
	check(&fixture, "io", "-");
	fixture.row.flags = DELTA_STUCK;
	fixture.row.busiest_blkio_ns = 0;
	check(&fixture, "io", "-");
}

static void the_mean_wait_needs_a_wait(void **state)
{
	struct fixture fixture = make_fixture();

	(void)state;
	fixture.row.sum.value[COUNTER_BLKIO_COUNT] = 4;
	fixture.row.sum.value[COUNTER_BLKIO_DELAY] = 5000000;
	check(&fixture, "blkavg", "1.25ms");
	fixture.row.sum.value[COUNTER_BLKIO_COUNT] = 0;
	check(&fixture, "blkavg", "-");
	fixture.row.sum.value[COUNTER_BLKIO_COUNT] = 4;
	fixture.row.sum.known = COUNTERS_ALL & ~COUNTER_BIT(COUNTER_BLKIO_DELAY);
	check(&fixture, "blkavg", "-");
}

static void priorities_as_of_ionice(void **state)
{
	static const struct {
		struct prio prio;
		const char *text;
	} cases[] = {
		{ { 2, 4, false }, "be/4" }, { { 1, 0, false }, "rt/0" },
		{ { 3, 7, false }, "idle" }, { { 0, 4, false }, "be/4" },
		{ { 2, 7, true }, "!be/7" }, { { 3, 0, true }, "!idle" },
		{ { 1, 7, false }, "rt/7" }, { { TASK_PRIO_UNKNOWN, -1, false }, "?" },
	};
	struct fixture fixture = make_fixture();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		some_prio = cases[i].prio;
		check(&fixture, "prio", cases[i].text);
	}
	some_prio = (struct prio){ .io_class = 2, .level = 4 };
	fixture.row.key.kind = ROW_GROUP;
	check(&fixture, "prio", "?");
}

/* Real time before best effort before idle, and within a class by level. */
static void priorities_sort(void **state)
{
	static const struct prio ascending[] = { { 1, 0, false }, { 1, 7, false }, { 0, 0, false }, { 2, 4, false },
						 { 2, 4, true },  { 2, 5, false }, { 3, 0, false } };
	struct fixture fixture = make_fixture();
	double last = -1;

	(void)state;
	for (size_t i = 0; i < sizeof(ascending) / sizeof(*ascending); i++) {
		some_prio = ascending[i];
		assert_true(get(&fixture, "prio").number > last);
		last = get(&fixture, "prio").number;
	}
	some_prio = (struct prio){ .io_class = 2, .level = 4 };
}

static void who_it_is(void **state)
{
	struct fixture fixture = make_fixture();
	struct task_info *info = fixture.row.info;

	(void)state;
	fixture.row.state = 'D';
	info->unit = "shop.service";
	info->unit_approximate = true;
	check(&fixture, "pid", "42");
	check(&fixture, "ppid", "1");
	check(&fixture, "user", "root");
	check(&fixture, "state", "D");
	check(&fixture, "unit", "~shop.service");
	check(&fixture, "container", "-");
	check(&fixture, "cgroup", "-");
	check(&fixture, "age", "1m30s");
	check(&fixture, "graph", "");
	fixture.row.flags = DELTA_EXITED;
	check(&fixture, "state", "X");
	info->uid = UINT32_MAX;
	info->ppid = 0;
	info->approximate_process = true;
	check(&fixture, "user", "-");
	check(&fixture, "ppid", "-");
	check(&fixture, "pid", "~42");
}

static void lifetimes_never_become_rates(void **state)
{
	struct fixture fixture = make_fixture();

	(void)state;
	fixture.row.lifetime_read = 4096;
	fixture.row.lifetime_write = 8192;
	check(&fixture, "rtotal", "4.00 K");
	fixture.context.baseline = true;
	check(&fixture, "wtotal", "8.00 K");
	fixture.row.key.kind = ROW_EXITED_FOLD;
	check(&fixture, "rtotal", "-");
}

static void the_command_by_name_or_line(void **state)
{
	struct fixture fixture = make_fixture();
	struct task_info *info = fixture.row.info;
	char line[] = "dd if=/dev/zero\x1b";
	char empty[] = "";

	(void)state;
	info->cmdline = line;
	check(&fixture, "command", "dd");
	fixture.context.full_command = true;
	check(&fixture, "command", "dd if=/dev/zero\\x1b");
	info->cmdline = empty; /* a kernel thread */
	check(&fixture, "command", "dd");
	info->cmdline = NULL;
	check(&fixture, "command", "dd");
}

static void a_process_goes_by_its_leader(void **state)
{
	struct fixture fixture = make_fixture();
	struct task_info leader = *fixture.row.info;

	(void)state;
	strcpy(leader.comm, "mysqld");
	fixture.row.info->leader = &leader;
	check(&fixture, "command", "mysqld");
	fixture.row.key.kind = ROW_TASK;
	check(&fixture, "command", "dd");
}

static void folded_rows_tell_how_many(void **state)
{
	struct fixture fixture = make_fixture();

	(void)state;
	fixture.row.key.kind = ROW_EXITED_FOLD;
	fixture.row.members = 200;
	fixture.row.info->unit = "cron.service";
	check(&fixture, "command", "dd ×200");
	check(&fixture, "pid", "-");
	check(&fixture, "ppid", "1");
	check(&fixture, "user", "root");
	check(&fixture, "unit", "~cron.service");
	assert_string_equal(get(&fixture, "command").text, "dd");
	fixture.context.charset = TEXT_ASCII;
	check(&fixture, "command", "dd x200");
	fixture.row.members = 1;
	check(&fixture, "command", "dd");
	fixture.row.key.kind = ROW_OTHER;
	check(&fixture, "ppid", "-");
	check(&fixture, "unit", "cron.service");
}

static void groups_show_their_key_and_what_all_share(void **state)
{
	struct fixture fixture = make_fixture();
	struct task_info *info = fixture.row.info;

	(void)state;
	fixture.row.key.kind = ROW_GROUP;
	fixture.row.members = 12;
	info->unit = "shop.service";
	fixture.context.group = GROUP_COMMAND;
	check(&fixture, "command", "dd ×12");
	check(&fixture, "user", "-");
	check(&fixture, "unit", "-");
	check(&fixture, "ppid", "-");
	fixture.row.same_info[SAME_USER] = fixture.row.same_info[SAME_UNIT] = true;
	check(&fixture, "user", "root");
	check(&fixture, "unit", "shop.service");
	fixture.context.group = GROUP_USER;
	check(&fixture, "command", "root ×12");
	fixture.context.group = GROUP_UNIT;
	check(&fixture, "command", "shop.service ×12");
	fixture.context.group = GROUP_CONTAINER;
	check(&fixture, "command", "(no container) ×12");
	info->container = "web";
	check(&fixture, "command", "web ×12");
}

static void units_by_mode(void **state)
{
	struct fixture fixture = make_fixture();

	(void)state;
	fixture.row.sum.value[COUNTER_READ] = 4000000;
	check(&fixture, "read", "1.91 M/s");
	fixture.context.mode = MODE_ACCUMULATED;
	check(&fixture, "read", "3.81 M");
	fixture.context.units = UNIT_SI;
	check(&fixture, "read", "4.00 MB");
	fixture.context.units = UNIT_KIB;
	check(&fixture, "read", "3906.25 K");
}

static void formatting_keeps_to_the_buffer(void **state)
{
	struct fixture fixture = make_fixture();
	const struct column *column = column_find("command");
	char text[16];

	(void)state;
	fixture.row.key.kind = ROW_EXITED_FOLD;
	fixture.row.members = 4000000000u;
	for (size_t size = 0; size < sizeof(text); size++) {
		size_t used;

		memset(text, '#', sizeof(text));
		used = column_format(column, column->get(&fixture.row, &fixture.context), &fixture.context, text, size);
		assert_int_equal(text[size], '#');
		assert_true(size == 0 || used < size);
	}
}

/* What the screen and the documentation rely on. */
static void the_table_is_sound(void **state)
{
	struct row_context context = { .threads = false };

	(void)state;
	for (size_t i = 0; i < column_count; i++) {
		const struct column *column = &columns[i];

		assert_ptr_equal(column_find(column->key), column);
		assert_non_null(column->get);
		assert_true(strlen(column->help) > 10 && column->help[strlen(column->help) - 1] == '.');
		/* A title that is wider than its values has a short form that is not. */
		if (text_width(column->short_title) > column->width)
			fail_msg("%s does not fit its column", column->short_title);
		assert_string_equal(column_title(column, &context, false), column->title);
		assert_true(column->counter < COUNTER_COUNT);
	}
	context.threads = true;
	assert_string_equal(column_title(column_find("pid"), &context, true), "TID");
	assert_string_equal(column_title(column_find("rchar"), &context, true), "BUF RD");
	assert_int_equal(column_find("pid")->priority, 0);
	assert_int_equal(column_find("command")->priority, 0);
	assert_true(column_find("command")->width >= 16);
}

/* Widths hold the widest values that there are, marked as approximate. */
static void values_fit_their_columns(void **state)
{
	static const double numbers[] = { 0.04, 999.96, 1023.99, 1023.99 * 1024, 999.99e6, 0x1p62 };
	struct row_context context = { .seconds = 1 };
	char text[64];

	(void)state;
	for (size_t i = 0; i < column_count; i++) {
		const struct column *column = &columns[i];

		if (column->kind != COLUMN_BYTES && column->kind != COLUMN_COUNT && column->kind != COLUMN_LIFETIME)
			continue;
		for (size_t n = 0; n < sizeof(numbers) / sizeof(*numbers); n++) {
			struct value value = { .type = VALUE_NUMBER, .number = numbers[n] };

			for (context.units = UNIT_BINARY; context.units <= UNIT_SI; context.units++) {
				value.approximate = column->kind != COLUMN_LIFETIME;
				column_format(column, value, &context, text, sizeof(text));
				if (text_width(text) > column->width)
					fail_msg("'%s' is wider than %s", text, column->key);
			}
		}
	}
}

/* The columns that are left on `cells` cells, joined by blanks. */
static void fit_columns(size_t cells, char *kept, size_t size)
{
	unsigned limit = 255;
	size_t width, at;

	do {
		width = at = 0;
		kept[0] = '\0';
		for (size_t i = 0; i < column_count; i++) {
			if (!columns[i].shown || columns[i].priority >= limit)
				continue;
			width += columns[i].width + 1u;
			at += (size_t)snprintf(kept + at, size - at, "%s ", columns[i].key);
		}
		limit--;
	} while (width - 1 > cells);
}

/* Narrow terminals keep who, how much, and a command that can be read. */
static void narrow_terminals(void **state)
{
	char kept[256];

	(void)state;
	fit_columns(80, kept, sizeof(kept));
	assert_string_equal(kept, "pid prio user read write io command ");
	fit_columns(40, kept, sizeof(kept));
	assert_string_equal(kept, "pid write command ");
	fit_columns(120, kept, sizeof(kept));
	assert_string_equal(kept, "pid prio user read write rchar wchar syscr syscw io command ");
}

static void lists_of_columns(void **state)
{
	const struct column *list[VIEW_COLUMNS_MAX] = { NULL };
	size_t count = 77;
	char bad[8] = "before";

	(void)state;
	assert_int_equal(columns_parse("read,write,command", list, VIEW_COLUMNS_MAX, &count, bad, sizeof(bad)), 0);
	assert_int_equal(count, 3);
	assert_ptr_equal(list[0], column_find("read"));
	assert_ptr_equal(list[2], column_find("command"));
	assert_int_equal(columns_parse("io,pid,io,TID", list, VIEW_COLUMNS_MAX, &count, bad, sizeof(bad)), 0);
	assert_int_equal(count, 2);
	assert_string_equal(bad, "before");
	assert_int_equal(columns_parse("read,nonsense-key", list, VIEW_COLUMNS_MAX, &count, bad, sizeof(bad)), -EINVAL);
	assert_string_equal(bad, "nonsens");
	assert_int_equal(count, 2);
	assert_ptr_equal(list[0], column_find("io"));
	assert_int_equal(columns_parse("", list, VIEW_COLUMNS_MAX, &count, bad, sizeof(bad)), -EINVAL);
	assert_int_equal(columns_parse("read,", list, VIEW_COLUMNS_MAX, &count, bad, sizeof(bad)), -EINVAL);
	assert_int_equal(columns_parse("read,,io", list, VIEW_COLUMNS_MAX, &count, bad, sizeof(bad)), -EINVAL);
	assert_int_equal(columns_parse("read,write", list, 1, &count, bad, sizeof(bad)), -EINVAL);
	assert_string_equal(bad, "write");
	assert_null(column_find("rea"));
	assert_null(column_find("readx"));
}

static void the_default_view(void **state)
{
	static const char *const keys[] = {
		"pid",   "prio",  "user",   "read",    "write",  "rchar", "wchar", "syscr",
		"syscw", "blkio", "blkavg", "swapcnt", "swapin", "io",    "graph", "command"
	};
	struct view view;

	(void)state;
	view_init(&view);
	assert_int_equal(view.column_count, sizeof(keys) / sizeof(*keys));
	for (size_t i = 0; i < view.column_count; i++)
		assert_string_equal(view.columns[i]->key, keys[i]);
	assert_string_equal(view.sort->key, "io");
	assert_int_equal(view.mode, MODE_RATE);
	assert_true(view.threads);
}

static void a_lookup_that_knows_nothing(void **state)
{
	struct task_info info = { .uid = 7 };
	const char *seven = lookup_nothing.user(NULL, 7);

	(void)state;
	assert_string_equal(seven, "7");
	assert_string_equal(lookup_nothing.user(NULL, 0), "0");
	assert_string_equal(lookup_nothing.user(NULL, 4294967294u), "4294967294");
	assert_ptr_equal(lookup_nothing.user(NULL, 7), seven);
	for (uint32_t uid = 1000; uid < 2000; uid++)
		lookup_nothing.user(NULL, uid);
	assert_string_equal(seven, "7");
	assert_null(lookup_nothing.cmdline(NULL, &info));
	assert_int_equal(lookup_nothing.prio(NULL, &info).io_class, TASK_PRIO_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_counter_is_a_rate_in_rates_and_averages),
		cmocka_unit_test(an_unknown_counter_is_no_zero),
		cmocka_unit_test(the_baseline_has_no_rates),
		cmocka_unit_test(approximate_is_marked),
		cmocka_unit_test(written_bytes_are_clamped_in_the_cell),
		cmocka_unit_test(io_is_the_share_of_the_busiest_thread),
		cmocka_unit_test(the_mean_wait_needs_a_wait),
		cmocka_unit_test(priorities_as_of_ionice),
		cmocka_unit_test(priorities_sort),
		cmocka_unit_test(who_it_is),
		cmocka_unit_test(lifetimes_never_become_rates),
		cmocka_unit_test(the_command_by_name_or_line),
		cmocka_unit_test(a_process_goes_by_its_leader),
		cmocka_unit_test(folded_rows_tell_how_many),
		cmocka_unit_test(groups_show_their_key_and_what_all_share),
		cmocka_unit_test(units_by_mode),
		cmocka_unit_test(formatting_keeps_to_the_buffer),
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(values_fit_their_columns),
		cmocka_unit_test(narrow_terminals),
		cmocka_unit_test(lists_of_columns),
		cmocka_unit_test(the_default_view),
		cmocka_unit_test(a_lookup_that_knows_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
