/* Panels over the table and the pages: what they show and what their keys do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "scene.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct scene scene;

static int setup(void **state)
{
	(void)state;
	scene_open(&scene, 60, 120, TEXT_UTF8);
	scene_feed(&scene, 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_close(&scene);
	return 0;
}

static void open_detail(pid_t pid)
{
	while (screen_cursor_row(scene.screen)->key.tid != pid)
		scene_press(&scene, INPUT_DOWN);
	scene_press(&scene, INPUT_ENTER);
	assert_int_equal(scene.screen->mode, KEYS_DETAIL);
}

static void test_open_files(void **state)
{
	(void)state;
	open_detail(4211);
	assert_true(scene_shows(&scene, "Open files now: 5 of 6"));
	assert_true(scene_shows(&scene, "3  rw direct         700.00 M  /srv/data/w.0.0"));
	assert_true(scene_shows(&scene, "12  w append            1.21 K  /var/log/\\x1b[31mfio.log"));
	assert_true(scene_shows(&scene, "14  rw sync tmp "));
	scene_press(&scene, ','); /* those of the past are not known */
	scene_press(&scene, INPUT_ESCAPE);
	scene_press(&scene, ',');
	scene_press(&scene, INPUT_ENTER);
	assert_false(scene_shows(&scene, "Open files"));
	scene_press(&scene, INPUT_ESCAPE);
	scene_press(&scene, 'L');
	open_detail(911);
	scene_press(&scene, INPUT_END);
	assert_true(scene_shows(&scene, "not permitted"));
}

static struct interval *with_end_of(pid_t pid, uint32_t exit_code)
{
	struct interval *interval = scene_interval(4);

	for (size_t i = 0; i < interval->count; i++) {
		if (interval->tasks[i].info->id.tid != pid)
			continue;
		interval->tasks[i].flags |= DELTA_EXITED | DELTA_GROUP_DEAD;
		interval->tasks[i].exit_code = exit_code;
	}
	return interval;
}

static void feed(struct interval *interval)
{
	assert_int_equal(screen_interval(scene.screen, interval, NULL), 0);
	interval_unref(interval);
	screen_compose(scene.screen);
}

static void test_how_it_ended(void **state)
{
	(void)state;
	open_detail(2750);
	feed(with_end_of(2750, 23 << 8));
	assert_true(scene_shows(&scene, "It has exited, last seen at 06:00:04, with status 23"));
	assert_false(scene_shows(&scene, "Open files"));
	assert_true(scene_shows(&scene, "its I/O priority can't be asked for any more"));
	feed(with_end_of(2750, SIGKILL));
	assert_true(scene_shows(&scene, "by signal 9 (Killed)"));
}

static void test_why_unknown(void **state)
{
	struct interval *interval = scene_interval(4);

	(void)state;
	open_detail(777);
	assert_true(scene_shows(&scene, "It is in state D"));
	scene_press(&scene, INPUT_ESCAPE);
	open_detail(2750);
	assert_false(scene_shows(&scene, "are not known"));
	for (size_t i = 0; i < interval->count; i++) {
		interval->tasks[i].flags |= DELTA_NO_DELAYS;
		interval->tasks[i].delta.known &= ~COUNTERS_DELAY;
	}
	feed(interval);
	assert_true(scene_shows(&scene, "are not known: it was started while delay accounting was off"));
	interval = scene_interval(5);
	interval->delayacct = 0;
	feed(interval);
	assert_true(scene_shows(&scene, "delay accounting is off (Ctrl-T turns it on)"));
}

/* Answers that come between two intervals are shown at once, and only those. */
static void test_news_are_drawn(void **state)
{
	(void)state;
	assert_false(detail_has_news(scene.screen));
	open_detail(4211);
	assert_false(detail_has_news(scene.screen));
	scene.screen->detail_files_ns = 6; /* an older reading is shown */
	assert_true(detail_has_news(scene.screen));
	scene_press(&scene, INPUT_ESCAPE);
	assert_false(detail_has_news(scene.screen));
}

static void test_device_detail(void **state)
{
	(void)state;
	scene_press(&scene, INPUT_TAB);
	scene_press(&scene, INPUT_DOWN); /* sda */
	scene_press(&scene, INPUT_ENTER);
	assert_int_equal(scene.screen->mode, KEYS_PAGE_DETAIL);
	assert_int_equal(scene_row_of(&scene, "sda"), 4);
	assert_true(scene_shows(&scene, "716.80 K/s"));
	assert_true(scene_shows(&scene, "History"));
	scene_press(&scene, 'k'); /* there is nobody to signal */
	assert_int_equal(scene.screen->mode, KEYS_PAGE_DETAIL);
	assert_int_equal(scene.screen->message[0], 0);
	scene_feed_one(&scene, 4);
	assert_true(scene_shows(&scene, "716.80 K/s"));
	scene_press(&scene, 'z'); /* not a key of panels */
	scene_press(&scene, INPUT_ESCAPE);
	assert_int_equal(scene.screen->mode, KEYS_PAGE);
	scene_press(&scene, INPUT_TAB);
	scene_press(&scene, INPUT_ENTER);
	assert_true(scene_shows(&scene, "READ_PLUS"));
	scene_press(&scene, 'q');
	assert_int_equal(scene.screen->mode, KEYS_PAGE);
	assert_false(scene.screen->quit);
}

static void test_device_order(void **state)
{
	(void)state;
	scene_press(&scene, INPUT_TAB);
	assert_true(scene_row_of(&scene, "▸ nvme0n1 ") < scene_row_of(&scene, "sda "));
	scene_press(&scene, 's');
	scene_press(&scene, INPUT_HOME); /* by the name, ascending */
	scene_press(&scene, INPUT_ENTER);
	scene_press(&scene, 'r');
	assert_string_equal(scene.screen->page.view.sort->key, "device");
	assert_true(scene_row_of(&scene, "▸ nvme0n1 ") > scene_row_of(&scene, "sda "));
	scene_press(&scene, 's'); /* the menu stands on it; choosing it again changes nothing */
	scene_press(&scene, INPUT_ENTER);
	assert_true(scene.screen->page.view.reversed);
}

static void test_device_columns(void **state)
{
	char line[1024];

	(void)state;
	scene_press(&scene, INPUT_TAB);
	scene_press(&scene, 'C');
	assert_int_equal(scene.screen->mode, KEYS_CHOOSER);
	scene_press(&scene, INPUT_DOWN);
	scene_press(&scene, INPUT_SPACE);
	scene_press(&scene, INPUT_UP);
	scene_press(&scene, '+'); /* the name moves to the right */
	scene_press(&scene, '+');
	scene_press(&scene, INPUT_ENTER);
	scene_row(&scene, 4, line, sizeof(line));
	assert_null(strstr(line, "READS"));
	assert_true(strstr(line, "WRITES") < strstr(line, "DEVICE"));
	assert_true(scene_shows(&scene, "▸ nvme0n1"));
	scene_press(&scene, INPUT_TAB); /* each page has its own */
	scene_row(&scene, 4, line, sizeof(line));
	assert_non_null(strstr(line, "MOUNT"));
	scene_press(&scene, INPUT_TAB);
	scene_press(&scene, INPUT_TAB);
	scene_row(&scene, 4, line, sizeof(line));
	assert_null(strstr(line, "READS"));
	for (int i = 0; i < 60; i++) { /* one column stays, whatever is unmarked */
		scene_press(&scene, 'C');
		scene_press(&scene, INPUT_SPACE);
		scene_press(&scene, INPUT_ENTER);
		if (scene.settings.looks[VIEW_DEVICES].column_count == 1)
			break;
	}
	assert_int_equal(scene.settings.looks[VIEW_DEVICES].column_count, 1);
	scene_press(&scene, 'D'); /* the defaults are those of the pages too */
	scene_row(&scene, 4, line, sizeof(line));
	assert_true(strstr(line, "DEVICE") && strstr(line, "R/S") && strstr(line, "MOUNTS"));
}

static void click(int row, int column)
{
	screen_key(scene.screen, &(struct input){ .key = INPUT_CLICK, .row = row, .column = column });
	screen_compose(scene.screen);
}

/* The keys of the last line take clicks wherever they stand; what lies under a panel does not. */
static void test_clicks_in_panels(void **state)
{
	const int last = scene.screen->frame.rows - 1;

	(void)state;
	scene_press(&scene, INPUT_ENTER);
	click(6, 3);
	assert_int_equal(scene.screen->mode, KEYS_DETAIL);
	click(last, 1); /* Esc Back */
	assert_int_equal(scene.screen->mode, KEYS_TABLE);
	scene_press(&scene, 's');
	const struct column *before = scene.settings.view.sort;
	click(4, 30); /* a title under the menu */
	assert_ptr_equal(scene.settings.view.sort, before);
	assert_int_equal(scene.screen->mode, KEYS_MENU);
	click(last, 1);
	assert_int_equal(scene.screen->mode, KEYS_TABLE);
}

/* A key that does nothing here says so. */
static void test_keys_of_tasks_on_a_page(void **state)
{
	(void)state;
	scene_press(&scene, INPUT_TAB);
	scene_press(&scene, 'k');
	assert_true(scene_shows(&scene, "that key is for tasks; Tab goes there"));
	assert_int_equal(scene.screen->mode, KEYS_PAGE);
	scene_press(&scene, 'X');
	assert_false(scene_shows(&scene, "that key is for tasks"));
}

static void test_stuck_tasks_are_told(void **state)
{
	struct interval *interval = scene_interval(4);

	(void)state;
	assert_true(scene_shows(&scene, "1 stuck in D"));
	for (size_t i = 0; i < interval->count; i++) /* all are in D when they are looked at, but they move */
		interval->tasks[i].flags |= DELTA_STUCK;
	feed(interval);
	assert_true(scene_shows(&scene, "1 stuck in D"));
	scene_press(&scene, INPUT_TAB);
	assert_false(scene_shows(&scene, "stuck in D"));
}

#define PANEL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PANEL(test_open_files),           PANEL(test_how_it_ended),     PANEL(test_why_unknown),
		PANEL(test_news_are_drawn),       PANEL(test_device_detail),    PANEL(test_device_order),
		PANEL(test_device_columns),       PANEL(test_clicks_in_panels), PANEL(test_keys_of_tasks_on_a_page),
		PANEL(test_stuck_tasks_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
