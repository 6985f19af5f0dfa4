/* What keys do to the screen: the cursor, the filter, time, acts; and that nothing is drawn for nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "scene.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000ull

static struct scene scene;

static int setup(void **state)
{
	(void)state;
	scene_open(&scene, 24, 80, TEXT_UTF8);
	scene_feed(&scene, 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_close(&scene);
	return 0;
}

static pid_t cursor_pid(void)
{
	return screen_cursor_row(scene.screen)->key.tid;
}

static void test_cursor_stays_on_its_task(void **state)
{
	pid_t pid;
	size_t row;

	(void)state;
	scene_press(&scene, INPUT_DOWN);
	scene_press(&scene, INPUT_DOWN);
	pid = cursor_pid();
	row = scene.screen->cursor.row;
	scene_press(&scene, 'r');
	assert_int_equal(cursor_pid(), pid);
	assert_int_not_equal(scene.screen->cursor.row, row);
	scene_feed_one(&scene, 4);
	assert_int_equal(cursor_pid(), pid);
	scene_press(&scene, INPUT_HOME); /* lets go: now it is the first row, whoever that is */
	scene_press(&scene, 'r');
	assert_int_equal(scene.screen->cursor.row, 0);
}

static void test_cursor_comes_back_to_an_idle_task(void **state)
{
	(void)state;
	scene_press(&scene, INPUT_END);
	pid_t pid = cursor_pid();

	assert_true(pid == 2 || pid == 640 || pid == 777);
	scene_press(&scene, 'o');
	scene_press(&scene, 'o');
	assert_int_equal(cursor_pid(), pid);
}

/* 20,000 rows must not be built anew because the cursor moves; and nothing at all is done when nothing happened. */
static void test_moving_builds_no_rows(void **state)
{
	const struct row *rows = scene.screen->table.rows;
	static const int keys[] = { INPUT_DOWN,  INPUT_UP,   INPUT_PAGE_DOWN,  INPUT_PAGE_UP,
				    INPUT_END,   INPUT_HOME, INPUT_WHEEL_DOWN, INPUT_WHEEL_UP,
				    '?',         INPUT_DOWN, INPUT_ESCAPE,     's',
				    INPUT_ESCAPE };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		screen_key(scene.screen, &(struct input){ .key = keys[i] });
		assert_false(scene.screen->table_stale);
		screen_compose(scene.screen);
	}
	assert_ptr_equal(scene.screen->table.rows, rows);
	assert_false(scene.screen->frame_stale);
	screen_key(scene.screen, &(struct input){ .key = 'X' }); /* not bound */
	assert_false(scene.screen->frame_stale);
}

static void test_pause_holds_the_picture(void **state)
{
	char before[512], after[512];

	(void)state;
	scene_press(&scene, 'z');
	for (int row = 1; row < 20; row++) {
		scene_row(&scene, row, before, sizeof(before));
		scene_feed_one(&scene, 4);
		assert_string_equal(scene_row(&scene, row, after, sizeof(after)), before);
	}
	assert_false(scene.screen->frame_stale);
	/* Views still change, idle tasks are still there, sums are those of the moment. */
	scene_press(&scene, 'o');
	scene_press(&scene, 'o');
	assert_true(scene_shows(&scene, "kthreadd"));
	scene_press(&scene, 'a');
	assert_true(scene_shows(&scene, "3.00 s")); /* three intervals, not more */
	scene_press(&scene, 'a');
	scene_press(&scene, 'a');
	scene_press(&scene, 'z');
	assert_false(scene_shows(&scene, "PAUSED"));
	assert_true(scene_shows(&scene, "06:00:04"));
}

static void test_time(void **state)
{
	(void)state;
	scene_press(&scene, ',');
	assert_true(scene_shows(&scene, "PAST -1"));
	assert_true(scene_shows(&scene, "06:00:02"));
	scene_feed_one(&scene, 4); /* the picture stays where it is; it is one further back now */
	assert_true(scene_shows(&scene, "PAST -2"));
	assert_true(scene_shows(&scene, "06:00:02"));
	scene_press(&scene, ',');
	assert_true(scene_shows(&scene, "06:00:01"));
	scene_press(&scene, ',');
	assert_true(scene_shows(&scene, "nothing older"));
	assert_true(scene_shows(&scene, "06:00:01"));
	scene_press(&scene, '.');
	scene_press(&scene, '.');
	assert_true(scene_shows(&scene, "06:00:03"));
	scene_press(&scene, '.');
	assert_false(scene_shows(&scene, "PAST"));
	assert_true(scene_shows(&scene, "06:00:04"));
	scene_press(&scene, '[');
	assert_true(scene_shows(&scene, "06:00:01"));
	scene_press(&scene, ']');
	assert_true(scene_shows(&scene, "06:00:04"));
	scene_press(&scene, ',');
	scene_press(&scene, 'L');
	assert_false(scene_shows(&scene, "PAST"));
}

/* Acts need the present. */
static void test_past_acts_on_nobody(void **state)
{
	(void)state;
	scene_press(&scene, ',');
	scene_press(&scene, 'k');
	assert_true(scene_shows(&scene, "this is the past"));
	assert_int_equal(scene.screen->mode, KEYS_TABLE);
}

static void test_step_from_a_pause(void **state)
{
	(void)state;
	scene_press(&scene, 'z');
	scene_feed_one(&scene, 4);
	scene_feed_one(&scene, 5);
	assert_true(scene_shows(&scene, "06:00:03"));
	scene_press(&scene, ',');
	assert_true(scene_shows(&scene, "06:00:02"));
	scene_press(&scene, '.');
	assert_true(scene_shows(&scene, "06:00:03"));
	assert_true(scene_shows(&scene, "PAUSED"));
	scene_press(&scene, 'L');
	assert_true(scene_shows(&scene, "06:00:05"));
	assert_false(scene_shows(&scene, "PAUSED"));
}

static void test_filter_is_live(void **state)
{
	(void)state;
	scene_press(&scene, '/');
	scene_type(&scene, "post");
	assert_true(scene_shows(&scene, " postgres"));
	assert_false(scene_shows(&scene, " rsync"));
	scene_type(&scene, "(");
	assert_true(scene.screen->prompt.error[0] != '\0');
	assert_string_equal(scene.settings.filter, "post"); /* the last good one */
	scene_press(&scene, INPUT_ENTER);
	assert_int_equal(scene.screen->mode, KEYS_PROMPT); /* a bad one is not taken */
	scene_press(&scene, INPUT_BACKSPACE);
	scene_press(&scene, INPUT_ENTER);
	assert_int_equal(scene.screen->mode, KEYS_TABLE);
	assert_true(scene_shows(&scene, "filter: post"));
	scene_press(&scene, '/');
	scene_press(&scene, INPUT_ESCAPE); /* leaves the edit, keeps the filter */
	assert_string_equal(scene.settings.filter, "post");
	scene_press(&scene, INPUT_ESCAPE); /* in the table it goes */
	assert_null(scene.settings.filter);
	assert_true(scene_shows(&scene, " rsync"));
	scene_press(&scene, '/');
	scene_press(&scene, INPUT_UP);
	assert_string_equal(scene.screen->prompt.text, "post");
	assert_true(scene_shows(&scene, "filter: post"));
}

static void test_user_picker_keeps_the_rest(void **state)
{
	(void)state;
	scene_press(&scene, '/');
	scene_type(&scene, "postgres user:root");
	scene_press(&scene, INPUT_ENTER);
	scene_press(&scene, 'u');
	assert_true(scene_shows(&scene, "all users"));
	for (int i = 0; i < 3; i++)
		scene_press(&scene, INPUT_DOWN);
	scene_press(&scene, INPUT_ENTER);
	assert_string_equal(scene.settings.filter, "user:postgres postgres");
	scene_press(&scene, 'u');
	scene_press(&scene, INPUT_ENTER);
	assert_string_equal(scene.settings.filter, "postgres");
}

/* Names are what NSS says: a filter's word may need quotes, or the number. */
static void test_user_picker_with_strange_names(void **state)
{
	static const char *const names[][2] = {
		{ "DOM\\the web", "user:\"DOM\\the web\"" },
		{ "DOM\\web", "user:DOM\\web" },
		{ "the \"web\"", "user:33" },
		{ "web\\", "user:33" },
		{ "", "user:33" },
		{ "1001", "user:33" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		scene_name_of_33 = names[i][0];
		scene_press(&scene, 'u');
		for (int key = 0; key < 2; key++)
			scene_press(&scene, INPUT_DOWN);
		scene_press(&scene, INPUT_ENTER);
		assert_string_equal(scene.settings.filter, names[i][1]);
		/* It takes the place of the one before. */
		scene_press(&scene, 'u');
		scene_press(&scene, INPUT_ENTER);
		assert_null(scene.screen->filter);
	}
	scene_name_of_33 = "www-data";
}

static void test_interval(void **state)
{
	(void)state;
	scene_press(&scene, 'd');
	assert_string_equal(scene.screen->prompt.text, "1");
	scene_press(&scene, INPUT_CTRL('U'));
	scene_type(&scene, "0.09");
	scene_press(&scene, INPUT_ENTER);
	assert_true(scene_shows(&scene, "0.1 to 3600"));
	assert_int_equal(scene.interval_ns, 0);
	scene_press(&scene, INPUT_CTRL('U'));
	scene_type(&scene, "2.5");
	scene_press(&scene, INPUT_ENTER);
	assert_int_equal(scene.interval_ns, 2500000000);
	assert_int_equal(scene.settings.interval_ns, 2500000000);
	scene_press(&scene, 'd');
	assert_string_equal(scene.screen->prompt.text, "2.5");
	scene_press(&scene, INPUT_ESCAPE);
	scene_press(&scene, 'D');
	assert_int_equal(scene.interval_ns, 1000000000);
}

static void test_signal_asks_and_names(void **state)
{
	(void)state;
	scene_press(&scene, INPUT_UP); /* from now on the cursor stays on its task */
	assert_int_equal(cursor_pid(), 4211);
	scene_press(&scene, 'k');
	scene_press(&scene, INPUT_DOWN);
	scene_press(&scene, INPUT_ENTER);
	assert_true(scene_shows(&scene, "Send SIGKILL to fio (process 4211)? y/n"));
	scene_feed_one(&scene, 4); /* the question stays, about the same process */
	assert_true(scene_shows(&scene, "Send SIGKILL to fio (process 4211)? y/n"));
	assert_int_equal(scene.signal, 0);
	scene_press(&scene, 'n');
	assert_int_equal(scene.signal, 0);
	scene_press(&scene, 'k');
	scene_press(&scene, INPUT_ENTER);
	scene_press(&scene, 'y');
	assert_int_equal(scene.signal, SIGTERM);
	assert_int_equal(scene.signalled.tid, 4211);
	scene.act_error = -EPERM;
	scene_press(&scene, 'k');
	scene_press(&scene, INPUT_ENTER);
	scene_press(&scene, 'y');
	assert_true(scene_shows(&scene, "Operation not permitted"));
}

/* In the view of threads a signal still goes to the process, and says so. */
static void test_signal_of_a_thread(void **state)
{
	(void)state;
	scene_press(&scene, 'p');
	while (cursor_pid() != 1894)
		scene_press(&scene, INPUT_DOWN);
	scene_press(&scene, 'k');
	scene_press(&scene, INPUT_ENTER);
	assert_true(scene_shows(&scene, "(process 1893)?"));
	scene_press(&scene, 'y');
	assert_int_equal(scene.signalled.tid, 1893);
}

static void test_priority(void **state)
{
	(void)state;
	while (cursor_pid() != 1893)
		scene_press(&scene, INPUT_DOWN);
	scene_press(&scene, 'i');
	assert_true(screen_wants_idle(scene.screen));
	scene_press(&scene, INPUT_DOWN);
	scene_press(&scene, INPUT_ENTER);
	assert_int_equal(scene.prio_count, 2); /* both threads, each by its own ID */
	assert_int_equal(scene.prioritised[0].tid, 1893);
	assert_int_equal(scene.prioritised[1].tid, 1894);
	assert_int_equal(scene.io_class, 2);
	assert_int_equal(scene.level, 1);
	scene.prio_count = 0;
	scene_press(&scene, 'p'); /* one thread only */
	scene_press(&scene, 'i');
	for (int i = 0; i < 8; i++)
		scene_press(&scene, INPUT_DOWN);
	scene_press(&scene, INPUT_ENTER);
	assert_int_equal(scene.prio_count, 1);
	assert_int_equal(scene.prioritised[0].tid, 1893);
	assert_int_equal(scene.io_class, 3);
	scene.act_error = -EPERM;
	scene_press(&scene, 'i');
	scene_press(&scene, INPUT_ENTER);
	assert_true(scene_shows(&scene, "Operation not permitted"));
}

static void test_read_only(void **state)
{
	(void)state;
	scene.settings.read_only = true;
	scene_press(&scene, 'k');
	assert_true(scene_shows(&scene, "read-only"));
	scene_press(&scene, 'i');
	assert_true(scene_shows(&scene, "read-only"));
	assert_int_equal(scene.screen->mode, KEYS_TABLE);
}

static void test_exited_and_groups_are_no_targets(void **state)
{
	(void)state;
	while (screen_cursor_row(scene.screen)->key.kind != ROW_EXITED_FOLD)
		scene_press(&scene, INPUT_DOWN);
	scene_press(&scene, 'k');
	assert_true(scene_shows(&scene, "not one task"));
	scene_press(&scene, 'g');
	scene_press(&scene, 'i');
	assert_true(scene_shows(&scene, "not one task"));
}

static void test_delayacct(void **state)
{
	(void)state;
	scene_press(&scene, INPUT_CTRL('T'));
	assert_int_equal(scene.delayacct_asked, 0); /* it was on */
	scene.delayacct_error = -EACCES;
	scene_press(&scene, INPUT_CTRL('T'));
	assert_true(scene_shows(&scene, "delay accounting: Permission denied"));
}

/* By the host, which knows with whose rights. */
static void test_saving(void **state)
{
	(void)state;
	scene.settings.config = strdup("/where/it/is");
	scene_press(&scene, 'W');
	assert_string_equal(scene.saved, "/where/it/is");
	assert_true(scene_shows(&scene, "saved in /where/it/is"));
	scene.save_error = -EACCES;
	scene_press(&scene, 'W');
	assert_true(scene_shows(&scene, "not saved: Permission denied"));
}

/* A column of dashes explains itself, on line 1 and in the detail. */
static void test_why_delays_are_unknown(void **state)
{
	struct interval *interval = scene_interval(4);

	(void)state;
	for (size_t i = 0; i < interval->count; i++) {
		interval->tasks[i].flags |= DELTA_NO_DELAYS;
		interval->tasks[i].delta.known &= ~COUNTERS_DELAY;
	}
	assert_int_equal(screen_interval(scene.screen, interval, NULL), 0);
	interval_unref(interval);
	assert_int_equal(screen_set_size(scene.screen, 60, 120), 0);
	screen_compose(scene.screen);
	assert_true(scene_shows(&scene, "IO -: started without delay accounting"));
	while (cursor_pid() != 4211)
		scene_press(&scene, INPUT_DOWN);
	scene_press(&scene, INPUT_ENTER);
	assert_true(scene_shows(&scene, "it was started while delay accounting was off"));
	interval = scene_interval(5);
	interval->delayacct = 0;
	assert_int_equal(screen_interval(scene.screen, interval, NULL), 0);
	interval_unref(interval);
	screen_compose(scene.screen);
	assert_true(scene_shows(&scene, "no delay accounting: Ctrl-T"));
	assert_true(scene_shows(&scene, "delay accounting is off (Ctrl-T turns it on)"));
}

/* What the disks write for a unit that has no process any more is a row like others, with nobody in it. */
static void test_unit_without_tasks(void **state)
{
	struct interval *interval = scene_interval(4);
	struct cgroup_delta *delta = interval_add_cgroup(interval);

	(void)state;
	assert_non_null(delta);
	*delta = (struct cgroup_delta){
		.cgroup = "/gone.service", .unit = "gone.service", .io_known = true, .write_bytes = 64 << 20
	};
	interval->cgroup_io = true;
	assert_int_equal(screen_interval(scene.screen, interval, NULL), 0);
	interval_unref(interval);
	for (int i = 0; i < 3; i++)
		scene_press(&scene, 'g');
	assert_int_equal(scene.settings.view.group, GROUP_UNIT);
	assert_true(scene_shows(&scene, "ACT WR"));
	assert_true(scene_shows(&scene, "gone.service"));
	scene_press(&scene, INPUT_HOME);
	for (size_t i = 0; i < scene.screen->table.count; i++) {
		const struct row *row = screen_cursor_row(scene.screen);

		if (row->info->unit && strcmp(row->info->unit, "gone.service") == 0)
			break;
		scene_press(&scene, INPUT_DOWN);
	}
	assert_string_equal(screen_cursor_row(scene.screen)->info->unit, "gone.service");
	assert_int_equal(screen_cursor_row(scene.screen)->members, 0);
	scene_press(&scene, '+');
	scene_press(&scene, 'k');
	assert_int_equal(scene.signal, 0);
	scene_press(&scene, INPUT_ESCAPE);
	scene_press(&scene, INPUT_ENTER);
	assert_true(scene_shows(&scene, "gone.service"));
	scene_feed_one(&scene, 5); /* where there is none */
	scene_press(&scene, INPUT_ESCAPE);
	assert_false(scene_shows(&scene, "gone.service"));
	scene_press(&scene, ',');
	assert_true(scene_shows(&scene, "gone.service"));
}

static void test_groups_open_and_close(void **state)
{
	(void)state;
	scene_press(&scene, 'g');
	scene_press(&scene, 'g');
	assert_int_equal(scene.settings.view.group, GROUP_USER);
	size_t closed = scene.screen->table.count;

	scene_press(&scene, '+');
	assert_true(scene.screen->table.count > closed);
	scene_press(&scene, INPUT_DOWN);
	assert_int_equal(screen_cursor_row(scene.screen)->depth, 1);
	scene_press(&scene, '-'); /* from a member: its group closes, and has the cursor */
	assert_int_equal(scene.screen->table.count, closed);
	assert_int_equal(screen_cursor_row(scene.screen)->key.kind, ROW_GROUP);
	for (int i = 0; i < 3; i++)
		scene_press(&scene, 'g');
	assert_int_equal(scene.settings.view.group, GROUP_NONE);
}

static void test_columns_are_chosen_live(void **state)
{
	(void)state;
	scene_press(&scene, 'C');
	for (int i = 0; i < 3; i++)
		scene_press(&scene, INPUT_DOWN);
	assert_ptr_equal(scene.settings.view.columns[3], column_find("read"));
	scene_press(&scene, '-');
	assert_ptr_equal(scene.settings.view.columns[2], column_find("read"));
	scene_press(&scene, INPUT_SPACE);
	assert_ptr_not_equal(scene.settings.view.columns[2], column_find("read"));
	scene_press(&scene, INPUT_ESCAPE);
	assert_false(scene_shows(&scene, "DISK READ"));
	/* Not one column is left: COMMAND comes back. */
	scene_press(&scene, 'C');
	for (size_t i = 0; i < column_count; i++) {
		if (scene.screen->menu.items[scene.screen->menu.cursor].marked)
			scene_press(&scene, INPUT_SPACE);
		scene_press(&scene, INPUT_DOWN);
	}
	assert_int_equal(scene.settings.view.column_count, 1);
	assert_ptr_equal(scene.settings.view.columns[0], column_find("command"));
	scene_press(&scene, INPUT_ESCAPE);
	scene_press(&scene, 'D');
	assert_true(scene_shows(&scene, "DISK READ"));
}

static void click(int row, int column, int key)
{
	screen_key(scene.screen, &(struct input){ .key = key, .row = row, .column = column });
	screen_compose(scene.screen);
}

static void test_clicks(void **state)
{
	const struct layout *layout = &scene.screen->layout;
	const struct shown_column *write = NULL;
	char line[512];

	(void)state;
	for (size_t i = 0; i < layout->count; i++)
		if (layout->columns[i].column == column_find("write"))
			write = &layout->columns[i];
	assert_non_null(write);
	click(layout->body_row - 1, write->at + 1, INPUT_CLICK);
	assert_ptr_equal(scene.settings.view.sort, column_find("write"));
	assert_false(scene.settings.view.ascending);
	click(layout->body_row - 1, write->at + 1, INPUT_CLICK);
	assert_true(scene.settings.view.ascending);
	click(layout->body_row + 2, 5, INPUT_CLICK);
	assert_int_equal(scene.screen->cursor.row, 2);
	click(23, (int)(strstr(scene_row(&scene, 23, line, sizeof(line)), "Help") - line), INPUT_CLICK);
	assert_int_equal(scene.screen->mode, KEYS_HELP);
	scene_press(&scene, INPUT_ESCAPE);
	click(layout->body_row + 1, 5, INPUT_DOUBLE_CLICK);
	assert_int_equal(scene.screen->mode, KEYS_DETAIL);
	click(0, 0, INPUT_CLICK); /* bound nowhere there */
	click(-1, -1, INPUT_CLICK);
}

static void test_detail_outlives_its_task(void **state)
{
	struct interval *interval;

	(void)state;
	while (cursor_pid() != 2750)
		scene_press(&scene, INPUT_DOWN);
	scene_press(&scene, INPUT_ENTER);
	assert_true(scene_shows(&scene, "rsync -a --delete"));
	interval = scene_interval(4);
	for (size_t i = 0; i < interval->count; i++)
		if (interval->tasks[i].info->id.tid == 2750)
			interval->tasks[i].flags |= DELTA_EXITED | DELTA_GROUP_DEAD;
	assert_int_equal(screen_interval(scene.screen, interval, NULL), 0);
	interval_unref(interval);
	screen_compose(scene.screen);
	interval = scene_interval(5); /* without it */
	for (size_t i = 0; i < interval->count; i++) {
		if (interval->tasks[i].info->id.tid != 2750)
			continue;
		task_info_unref(interval->tasks[i].info);
		interval->tasks[i] = interval->tasks[--interval->count];
		break;
	}
	assert_int_equal(screen_interval(scene.screen, interval, NULL), 0);
	interval_unref(interval);
	screen_compose(scene.screen);
	assert_true(scene_shows(&scene, "It has exited, last seen at 06:00:04"));
	assert_true(scene_shows(&scene, "rsync -a --delete"));
}

/* Graphs tell of who lived shortly what its cell tells: the share of its life, not of the interval. */
static void test_graph_of_a_short_life(void **state)
{
	struct interval *interval = scene_interval(4);
	const struct row *row;
	double value = 0;

	(void)state;
	for (size_t i = 0; i < interval->count; i++)
		if (interval->tasks[i].info->id.tid == 2750) {
			interval->tasks[i].flags |= DELTA_EXITED | DELTA_GROUP_DEAD;
			interval->tasks[i].lived_ns = SECOND / 100;
			interval->tasks[i].busiest_blkio_ns = SECOND / 200;
		}
	assert_int_equal(screen_interval(scene.screen, interval, NULL), 0);
	interval_unref(interval);
	screen_compose(scene.screen);
	while (cursor_pid() != 2750)
		scene_press(&scene, INPUT_DOWN);
	row = screen_cursor_row(scene.screen);
	series_rows(scene.screen, row, 1, COUNTER_BLKIO_DELAY, &value, 1);
	assert_true(value > 0.499 && value < 0.501);
	assert_true(column_find("io")->get(row, &scene.screen->table.context).number == value);
}

static void test_pages(void **state)
{
	(void)state;
	scene_press(&scene, INPUT_TAB);
	assert_int_equal(scene.screen->mode, KEYS_PAGE);
	assert_true(scene.screen->active_tasks > 0); /* they are of the interval, whatever is shown of it */
	scene.screen->active_tasks = 0;
	scene_feed_one(&scene, 4);
	assert_true(scene.screen->active_tasks > 0);
	assert_true(scene_shows(&scene, "nvme0n1"));
	assert_false(scene_shows(&scene, "nvme0n1p2"));
	scene_press(&scene, '+');
	assert_true(scene_shows(&scene, "nvme0n1p2"));
	scene_press(&scene, '-');
	assert_false(scene_shows(&scene, "nvme0n1p2"));
	scene_press(&scene, 'o');
	assert_false(scene_shows(&scene, "sdb"));
	scene_press(&scene, 'o');
	/* By name, which ascends; the cursor stays on its device when that is reversed. */
	scene_press(&scene, '1');
	scene_press(&scene, INPUT_END);
	assert_string_equal(scene.screen->page.selected, "sdb");
	scene_press(&scene, '1');
	assert_int_equal(scene.screen->page.cursor.row, 0);
	assert_true(scene.settings.looks[VIEW_DEVICES].reversed);
	scene_press(&scene, INPUT_TAB); /* the order is there again when the page is */
	scene_press(&scene, INPUT_TAB);
	scene_press(&scene, INPUT_TAB);
	assert_true(scene_row_of(&scene, "sdb") < scene_row_of(&scene, "nvme0n1"));
	scene_press(&scene, 'D');
	assert_string_equal(scene.settings.looks[VIEW_DEVICES].sort->key, page_devices.sort);
	assert_false(scene.settings.looks[VIEW_DEVICES].reversed);
	scene_press(&scene, '/');
	scene_type(&scene, "nvm");
	assert_false(scene_shows(&scene, "sda"));
	scene_press(&scene, INPUT_ENTER);
	assert_true(scene_shows(&scene, "filter: nvm"));
	scene_feed_one(&scene, 4);
	assert_false(scene_shows(&scene, "sda"));
	scene_press(&scene, INPUT_ESCAPE);
	assert_true(scene_shows(&scene, "sda"));
	scene_press(&scene, '?');
	scene_press(&scene, INPUT_ESCAPE);
	assert_int_equal(scene.screen->mode, KEYS_PAGE);
	scene_press(&scene, ',');
	assert_true(scene_shows(&scene, "PAST -1"));
	scene_press(&scene, 'L');
	scene_press(&scene, INPUT_TAB);
	assert_true(scene_shows(&scene, "/srv/home"));
	scene_press(&scene, INPUT_TAB);
	assert_int_equal(scene.screen->mode, KEYS_TABLE);
	assert_true(scene_shows(&scene, " rsync"));
}

/* Every key in every order, at sizes down to nothing: no crash, and the sanitizers see no fault. */
static void test_any_keys_at_any_size(void **state)
{
	unsigned dice = 12345;
	static const int sizes[][2] = { { 1, 1 }, { 2, 7 }, { 5, 20 }, { 10, 40 }, { 24, 80 }, { 3, 200 }, { 60, 2 } };

	(void)state;
	for (int i = 0; i < 4000; i++) {
		dice = dice * 1103515245u + 12345u;
		const struct binding *binding = &bindings[(dice >> 8) % binding_count];
		struct input input = { .key = binding->keys[0],
				       .row = (int)(dice >> 4) % 30,
				       .column = (int)(dice >> 6) % 90 };

		if (binding_find(scene.screen->mode, input.key) == NULL && scene.screen->mode != KEYS_PROMPT)
			input.key = INPUT_ESCAPE;
		screen_key(scene.screen, &input);
		scene.prio_count = 0;
		if (i % 7 == 0)
			scene_feed_one(&scene, i / 7 % 200 + 4);
		if (i % 11 == 0)
			assert_int_equal(screen_set_size(scene.screen, sizes[i / 11 % 7][0], sizes[i / 11 % 7][1]), 0);
		screen_compose(scene.screen);
	}
}

#define BEHAVIOUR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BEHAVIOUR(test_cursor_stays_on_its_task),
		BEHAVIOUR(test_cursor_comes_back_to_an_idle_task),
		BEHAVIOUR(test_moving_builds_no_rows),
		BEHAVIOUR(test_pause_holds_the_picture),
		BEHAVIOUR(test_time),
		BEHAVIOUR(test_past_acts_on_nobody),
		BEHAVIOUR(test_step_from_a_pause),
		BEHAVIOUR(test_filter_is_live),
		BEHAVIOUR(test_user_picker_keeps_the_rest),
		BEHAVIOUR(test_user_picker_with_strange_names),
		BEHAVIOUR(test_interval),
		BEHAVIOUR(test_signal_asks_and_names),
		BEHAVIOUR(test_signal_of_a_thread),
		BEHAVIOUR(test_priority),
		BEHAVIOUR(test_read_only),
		BEHAVIOUR(test_exited_and_groups_are_no_targets),
		BEHAVIOUR(test_delayacct),
		BEHAVIOUR(test_saving),
		BEHAVIOUR(test_why_delays_are_unknown),
		BEHAVIOUR(test_groups_open_and_close),
		BEHAVIOUR(test_unit_without_tasks),
		BEHAVIOUR(test_columns_are_chosen_live),
		BEHAVIOUR(test_clicks),
		BEHAVIOUR(test_detail_outlives_its_task),
		BEHAVIOUR(test_graph_of_a_short_life),
		BEHAVIOUR(test_pages),
		BEHAVIOUR(test_any_keys_at_any_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
