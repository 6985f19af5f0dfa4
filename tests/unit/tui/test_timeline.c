/* The line of a recording: what it shows, what it asks for, and where a click leads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "scene.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct scene scene;

/* A recording of twelve seconds, of which the third quarter is missing. */
static struct {
	int counter;
	size_t parts, loads;
	struct screen_jump jump;
	size_t jumps;
	bool playing, other; /* `other`: there is nothing of what is asked for */
	int step_error, each_error;
	size_t sums; /* how often they were asked for */
} asked;

static int load(void *data, int *counter, double *values, size_t count)
{
	(void)data;
	asked.counter = *counter;
	if (asked.other)
		*counter = -1;
	asked.parts = count;
	asked.loads++;
	for (size_t i = 0; i < count; i++)
		values[i] = i < count / 4 ? 0 : i < count / 2 ? 4 : i < count * 3 / 4 ? NAN : 8;
	return 0;
}

static int jump(void *data, const struct screen_jump *to)
{
	(void)data;
	asked.jump = *to;
	asked.jumps++;
	return 0;
}

static int step(void *data, long steps)
{
	(void)data, (void)steps;
	return asked.step_error;
}

/* The one shown is the fourth of those recorded. */
static int each_before(void *data, int64_t *at, int (*each)(void *to, const struct interval *interval), void *to,
		       double *done)
{
	(void)data, (void)at, (void)done;
	asked.sums++;
	for (int number = 1; number <= 4; number++) {
		struct interval *interval = scene_interval(number);
		int error = number == 3 && asked.each_error ? asked.each_error : each(to, interval);

		interval_unref(interval);
		if (error)
			return error;
	}
	return 0;
}

static void play(void *data, bool on)
{
	(void)data;
	asked.playing = on;
}

static int64_t wall_ms(int number)
{
	struct interval *interval = scene_interval(number);
	int64_t ms = interval->end_wall_ms;

	interval_unref(interval);
	return ms;
}

static void open_recording(int rows, int width, enum text_charset charset)
{
	memset(&asked, 0, sizeof(asked));
	scene_open(&scene, rows, width, charset);
	scene.screen->host.step = step;
	scene.screen->host.jump = jump;
	scene.screen->host.play = play;
	scene.screen->host.load = load;
	scene.screen->host.each_before = each_before;
	scene.screen->host.begin_ms = wall_ms(0);
	scene.screen->host.end_ms = wall_ms(12);
	scene_feed(&scene, 3);
}

static int teardown(void **state)
{
	(void)state;
	scene_close(&scene);
	return 0;
}

static void test_shows_where_the_load_was(void **state)
{
	char line[512];

	(void)state;
	open_recording(24, 62, TEXT_UTF8);
	scene_row(&scene, 4, line, sizeof(line));
	/* Nothing, half of the most, no recording, the most; the third second of twelve is the end of the first
	 * quarter. */
	assert_string_equal(line, "IO  06:00:00 ▁▁▁▁▁▁▁▁▁┃▄▄▄▄▄▄▄▄▄▄          ██████████ 06:00:12");
	assert_int_equal(asked.counter, COUNTER_BLKIO_DELAY);
	assert_int_equal(screen_page_rows(scene.screen), 24 - 5 - 2);
}

static void test_asks_for_what_sorts(void **state)
{
	char line[512];
	size_t parts;

	(void)state;
	open_recording(24, 80, TEXT_ASCII);
	scene_feed_one(&scene, 4);
	scene_press(&scene, INPUT_DOWN);
	assert_int_equal(asked.loads, 1); /* it reads all that is recorded: not for each picture */
	parts = asked.parts;
	scene.settings.view.sort = column_find("write");
	screen_view_changed(scene.screen);
	screen_compose(scene.screen);
	assert_int_equal(asked.counter, COUNTER_WRITE);
	assert_int_equal(asked.loads, 2);
	scene_row(&scene, 4, line, sizeof(line));
	assert_ptr_equal(strstr(line, "DISK WRITE 06:00:00 ____"), line);
	assert_non_null(strstr(line, "|"));
	scene.settings.view.sort = column_find("command"); /* no measure of a load */
	screen_view_changed(scene.screen);
	screen_compose(scene.screen);
	assert_int_equal(asked.counter, -1);
	assert_true(scene_shows(&scene, "R+W 06:00:00 "));
	assert_int_equal(screen_set_size(scene.screen, 24, 100), 0);
	screen_compose(scene.screen);
	assert_true(asked.parts > parts);
}

/* Without delay accounting nobody waited: what was read and written tells where the load was. */
static void test_says_what_it_shows_instead(void **state)
{
	(void)state;
	open_recording(24, 80, TEXT_UTF8);
	asked.other = true;
	assert_int_equal(screen_set_size(scene.screen, 24, 90), 0);
	screen_compose(scene.screen);
	assert_true(scene_shows(&scene, "R+W 06:00:00 ▁"));
	scene_press(&scene, INPUT_DOWN);
	scene_feed_one(&scene, 4);
	assert_int_equal(asked.loads, 2);
}

static void test_click_goes_to_the_worst_of_a_part(void **state)
{
	int64_t second = (wall_ms(12) - wall_ms(0)) / 12;

	(void)state;
	open_recording(24, 13 + 3 * 12 + 9, TEXT_UTF8); /* three parts a second */
	assert_int_equal(asked.parts, 36);
	screen_key(scene.screen, &(struct input){ .key = INPUT_CLICK, .row = 4, .column = 13 + 3 * 7 });
	assert_int_equal(asked.jumps, 1);
	assert_int_equal(asked.jump.where, JUMP_WORST);
	assert_int_equal(asked.jump.counter, COUNTER_BLKIO_DELAY);
	assert_int_equal(asked.jump.begin_ms, wall_ms(0) + 7 * second);
	assert_int_equal(asked.jump.end_ms, wall_ms(0) + 7 * second + second / 3);
	screen_key(scene.screen, &(struct input){ .key = INPUT_CLICK, .row = 4, .column = 2 }); /* beside it */
	screen_key(scene.screen, &(struct input){ .key = INPUT_CLICK, .row = 4, .column = 49 });
	screen_key(scene.screen, &(struct input){ .key = INPUT_CLICK, .row = 3, .column = 20 });
	assert_int_equal(asked.jumps, 1);
	scene_press(&scene, 'j');
	scene_type(&scene, "max");
	scene_press(&scene, INPUT_ENTER);
	assert_int_equal(asked.jumps, 2);
	assert_true(asked.jump.begin_ms == wall_ms(0) && asked.jump.end_ms == wall_ms(12));
}

/* The time stays when the line is full, and no key is named that does nothing. */
static void test_first_line_keeps_the_time(void **state)
{
	struct interval *interval;

	(void)state;
	open_recording(24, 70, TEXT_UTF8);
	interval = scene_interval(4);
	interval->delayacct = 0;
	assert_int_equal(screen_interval(scene.screen, interval, "replay 2026-11-22 33 %"), 0);
	interval_unref(interval);
	screen_compose(scene.screen);
	assert_int_equal(scene_row_of(&scene, "06:00:04"), 0);
	assert_int_equal(scene_row_of(&scene, "replay 2026-11-22 33 %"), 0);
	assert_false(scene_shows(&scene, "Ctrl-T"));
	scene_close(&scene);
	open_recording(6, 60, TEXT_UTF8);
	assert_int_equal(scene_row_of(&scene, "06:00:03"), 0);
}

static void test_low_screens_do_without(void **state)
{
	(void)state;
	open_recording(19, 80, TEXT_UTF8);
	assert_int_equal(asked.loads, 0);
	assert_int_equal(header_rows(scene.screen), 2);
	screen_key(scene.screen, &(struct input){ .key = INPUT_CLICK, .row = 4, .column = 40 });
	assert_int_equal(asked.jumps, 0);
}

static void test_last_line_has_its_keys(void **state)
{
	char line[512];

	(void)state;
	open_recording(24, 80, TEXT_UTF8);
	scene_row(&scene, 23, line, sizeof(line));
	assert_ptr_equal(strstr(line, "q Quit  ? Help  z Play  , Back  . Next  j Jump  L End  "), line);
	scene_press(&scene, 'z');
	assert_true(asked.playing);
	scene_press(&scene, INPUT_DOWN); /* the message goes */
	assert_true(scene_shows(&scene, "z Hold"));
	scene_close(&scene);
	scene_open(&scene, 24, 200, TEXT_UTF8);
	scene_feed(&scene, 3);
	assert_true(scene_shows(&scene, "z Pause"));
	assert_false(scene_shows(&scene, "j Jump"));
}

/* Sums of a part of the recording say so for as long as they are shown. */
static void test_sums_that_could_not_be_read(void **state)
{
	(void)state;
	open_recording(24, 80, TEXT_UTF8);
	scene_press(&scene, 'a');
	assert_int_equal(asked.sums, 0); /* one after the other came: they were kept */
	asked.step_error = -EIO;
	asked.each_error = -EIO;
	scene_press(&scene, '.'); /* the recording stands nobody knows where */
	assert_int_equal(asked.sums, 1);
	assert_int_equal(scene_row_of(&scene, "sums incomplete"), 0);
	scene_press(&scene, INPUT_DOWN);
	scene_feed_one(&scene, 5);
	assert_int_equal(asked.sums, 1);
	assert_int_equal(scene_row_of(&scene, "sums incomplete"), 0);
	scene_press(&scene, 'a');
	scene_press(&scene, 'a'); /* rates */
	assert_false(scene_shows(&scene, "sums incomplete"));
	scene_press(&scene, 'a');
	asked.each_error = 0;
	scene_press(&scene, '.');
	assert_int_equal(asked.sums, 2);
	assert_false(scene_shows(&scene, "sums incomplete"));
}

#define TIMELINE(name) cmocka_unit_test_teardown(name, teardown)

/* Three intervals, one at a time. */
static int add_up(void *data, int64_t *at, int (*each)(void *to, const struct interval *interval), void *to,
		  double *done)
{
	struct interval *interval = scene_interval((int)++*at);
	int result = each(to, interval);

	(void)data;
	interval_unref(interval);
	*done = (double)*at / 3;
	return result ? result : *at < 3;
}

static uint64_t written(void)
{
	const struct interval *sums = screen_shown_interval(scene.screen);

	return sums->total.value[COUNTER_WRITE];
}

/* Sums of all that was before are there piece by piece, and line 1 says how far; nothing is counted twice, or while
 * nobody looks. */
static void test_sums_grow_between_keys(void **state)
{
	struct interval *interval = scene_interval(3), *shown[3];
	uint64_t write[4] = { 0 };

	(void)state;
	for (int i = 1; i <= 3; i++) {
		shown[i - 1] = scene_interval(i);
		write[i] = write[i - 1] + shown[i - 1]->total.value[COUNTER_WRITE];
	}
	open_recording(24, 120, TEXT_UTF8);
	scene.screen->host.each_before = add_up;
	assert_int_equal(screen_show(scene.screen, interval, shown, 2, NULL), 0);
	assert_false(screen_has_work(scene.screen));
	scene_type(&scene, "a");
	screen_compose(scene.screen);
	assert_true(screen_has_work(scene.screen) && scene_shows(&scene, "adding up: 33 %"));
	assert_int_equal(written(), write[1]);
	scene_type(&scene, "d");
	assert_int_equal(written(), write[1]);
	screen_work(scene.screen);
	screen_compose(scene.screen);
	assert_true(screen_has_work(scene.screen) && scene_shows(&scene, "adding up: 66 %"));
	assert_int_equal(written(), write[2]);
	scene.settings.view.mode = MODE_RATE;
	assert_false(screen_has_work(scene.screen));
	scene.settings.view.mode = MODE_ACCUMULATED;
	screen_work(scene.screen);
	screen_compose(scene.screen);
	assert_false(screen_has_work(scene.screen) || scene_shows(&scene, "adding up"));
	assert_int_equal(written(), write[3]);
	/* The next one is added as in the present. */
	interval_unref(interval);
	interval = scene_interval(4);
	assert_int_equal(screen_interval(scene.screen, interval, NULL), 0);
	assert_int_equal(written(), write[3] + interval->total.value[COUNTER_WRITE]);
	interval_unref(interval);
	for (int i = 0; i < 3; i++)
		interval_unref(shown[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TIMELINE(test_shows_where_the_load_was),   TIMELINE(test_asks_for_what_sorts),
		TIMELINE(test_says_what_it_shows_instead), TIMELINE(test_click_goes_to_the_worst_of_a_part),
		TIMELINE(test_first_line_keeps_the_time),  TIMELINE(test_low_screens_do_without),
		TIMELINE(test_last_line_has_its_keys),     TIMELINE(test_sums_grow_between_keys),
		TIMELINE(test_sums_that_could_not_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
