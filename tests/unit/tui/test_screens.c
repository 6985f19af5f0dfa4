/* Every size and panel, as text and styles, against tests/golden/screen/NAME.txt.
 * UPDATE_GOLDEN=1 writes them anew: look at the difference before you keep it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "scene.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN TEST_DATA "/golden/screen/"

/* Where on the screen a style is, by one letter a cell. A selected cell is in capitals. */
static const char letters[STYLE_COUNT + 1] = ".lvhne" /* normal label value host notice error */
					     "tszbmg" /* title sort zero low middle high */
					     "axd"    /* approximate exited stuck */
					     "|ki"    /* tree key key-label */
					     "rwp";   /* read write heading */

static void print_styles(const struct frame *frame, int row, FILE *to)
{
	int last = frame->columns;

	while (last > 0 && !frame_cell(frame, row, last - 1)->style && !frame_cell(frame, row, last - 1)->selected)
		last--;
	for (int column = 0; column < last; column++) {
		const struct cell *cell = frame_cell(frame, row, column);
		char letter = letters[cell->style];

		if (cell->selected)
			letter = letter == '.' ? '#' : letter == '|' ? '!' : (char)(letter - 'a' + 'A');
		fputc(letter, to);
	}
	fputc('\n', to);
}

static void print_screen(struct scene *scene, FILE *to)
{
	const struct frame *frame = &scene->screen->frame;
	char line[4096];

	for (int row = 0; row < frame->rows; row++)
		fprintf(to, "%s\n", scene_row(scene, row, line, sizeof(line)));
	fprintf(to, "--- styles\n");
	for (int row = 0; row < frame->rows; row++)
		print_styles(frame, row, to);
	if (frame->cursor_row >= 0)
		fprintf(to, "--- cursor %d %d\n", frame->cursor_row, frame->cursor_column);
}

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 18);

	assert_non_null(text);
	if (file) {
		size_t length = fread(text, 1, (1 << 18) - 1, file);

		text[length] = '\0';
		fclose(file);
	}
	return text;
}

static void compare(struct scene *scene, const char *name)
{
	char path[512], *drawn = NULL, *expected;
	size_t length = 0;
	FILE *to = open_memstream(&drawn, &length);

	assert_non_null(to);
	print_screen(scene, to);
	fclose(to);
	snprintf(path, sizeof(path), GOLDEN "%s.txt", name);
	if (getenv("UPDATE_GOLDEN")) {
		FILE *file = fopen(path, "w");

		assert_non_null(file);
		fputs(drawn, file);
		fclose(file);
	}
	expected = read_file(path);
	if (strcmp(expected, drawn) != 0) {
		printf("%s differs; drawn:\n%s", path, drawn);
		fail();
	}
	free(expected);
	free(drawn);
}

struct shot {
	const char *name;
	int rows, width;
	enum text_charset charset;
	int last;         /* interval that is shown; -1 none came yet */
	const int *keys;  /* pressed before the picture, ended by 0 */
	const char *type; /* and then this text */
};

#define KEYS(...) ((const int[]){ __VA_ARGS__, 0 })

static const struct shot shots[] = {
	{ "starting-80x24", 24, 80, TEXT_UTF8, -1, NULL, NULL },
	{ "baseline-80x24", 24, 80, TEXT_UTF8, 0, NULL, NULL },
	{ "table-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, NULL, NULL },
	{ "table-100x30", 30, 100, TEXT_UTF8, SCENE_LAST, NULL, NULL },
	{ "table-120x40", 40, 120, TEXT_UTF8, SCENE_LAST, NULL, NULL },
	{ "table-200x50", 50, 200, TEXT_UTF8, SCENE_LAST, NULL, NULL },
	{ "table-300x80", 80, 300, TEXT_UTF8, SCENE_LAST, NULL, NULL },
	{ "table-40x10", 10, 40, TEXT_UTF8, SCENE_LAST, NULL, NULL },
	{ "table-20x5", 5, 20, TEXT_UTF8, SCENE_LAST, NULL, NULL },
	{ "table-1x1", 1, 1, TEXT_UTF8, SCENE_LAST, NULL, NULL },
	{ "table-80x24-ascii", 24, 80, TEXT_ASCII, SCENE_LAST, NULL, NULL },
	{ "active-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('o'), NULL },
	{ "threads-120x40", 40, 120, TEXT_UTF8, SCENE_LAST, KEYS('p', 'c'), NULL },
	{ "sums-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('a'), NULL },
	{ "average-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('a', 'a'), NULL },
	{ "kib-120x40", 40, 120, TEXT_UTF8, SCENE_LAST, KEYS('b', 'b'), NULL },
	{ "users-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('o', 'g', 'g', '+', INPUT_DOWN), NULL },
	{ "commands-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('g'), NULL },
	{ "units-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('g', 'g', 'g'), NULL },
	{ "units-40x10", 10, 40, TEXT_UTF8, SCENE_LAST, KEYS('g', 'g', 'g'), NULL },
	{ "tree-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('t'), NULL },
	{ "cursor-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS(INPUT_DOWN, INPUT_DOWN), NULL },
	{ "past-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS(',', ',', ','), NULL },
	{ "paused-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('z'), NULL },
	{ "filter-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('/'), "user:postgres" },
	{ "filter-bad-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('/'), "post(" },
	{ "interval-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('d'), NULL },
	{ "help-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('?'), NULL },
	{ "help-120x40", 40, 120, TEXT_UTF8, SCENE_LAST, KEYS('?'), NULL },
	{ "help-40x10-ascii", 10, 40, TEXT_ASCII, SCENE_LAST, KEYS('?'), NULL },
	{ "sort-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('s'), NULL },
	{ "columns-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('C', INPUT_DOWN, INPUT_SPACE), NULL },
	{ "user-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('u'), NULL },
	{ "signal-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('k'), NULL },
	{ "confirm-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('k', INPUT_ENTER), NULL },
	{ "confirm-20x5", 5, 20, TEXT_UTF8, SCENE_LAST, KEYS('k', INPUT_ENTER), NULL },
	{ "priority-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('i'), NULL },
	{ "devices-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS(INPUT_TAB, '+'), NULL },
	{ "devices-200x50", 50, 200, TEXT_UTF8, SCENE_LAST, KEYS(INPUT_TAB), NULL },
	{ "devices-40x10-ascii", 10, 40, TEXT_ASCII, SCENE_LAST, KEYS(INPUT_TAB), NULL },
	{ "device-120x40", 40, 120, TEXT_UTF8, SCENE_LAST, KEYS(INPUT_TAB, INPUT_ENTER), NULL },
	{ "device-columns-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS(INPUT_TAB, 'C', INPUT_DOWN, INPUT_SPACE), NULL },
	{ "device-sort-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS(INPUT_TAB, 's'), NULL },
	{ "mount-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS(INPUT_TAB, INPUT_TAB, INPUT_ENTER, INPUT_END), NULL },
	{ "nfs-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS(INPUT_TAB, INPUT_TAB), NULL },
	{ "nfs-120x40", 40, 120, TEXT_UTF8, SCENE_LAST, KEYS(INPUT_TAB, INPUT_TAB), NULL },
	{ "detail-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS(INPUT_ENTER), NULL },
	{ "detail-120x40", 40, 120, TEXT_UTF8, SCENE_LAST, KEYS(INPUT_ENTER), NULL },
	{ "detail-300x80", 80, 300, TEXT_UTF8, SCENE_LAST, KEYS(INPUT_DOWN, INPUT_ENTER), NULL },
	{ "detail-40x10-ascii", 10, 40, TEXT_ASCII, SCENE_LAST, KEYS(INPUT_DOWN, INPUT_ENTER), NULL },
	{ "files-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS(INPUT_DOWN, INPUT_ENTER, INPUT_END), NULL },
	{ "threads-80x24", 24, 80, TEXT_UTF8, SCENE_LAST, KEYS('p'), NULL },
	{ "threads-80x24-ascii", 24, 80, TEXT_ASCII, SCENE_LAST, KEYS('p'), NULL },
};

static void test_shot(void **state)
{
	const struct shot *shot = *state;
	struct scene scene;

	scene_open(&scene, shot->rows, shot->width, shot->charset);
	if (shot->last >= 0)
		scene_feed(&scene, shot->last);
	for (const int *key = shot->keys; key && *key; key++)
		scene_press(&scene, *key);
	if (shot->type)
		scene_type(&scene, shot->type);
	compare(&scene, shot->name);
	scene_close(&scene);
}

/* Notices of every kind at once, at the size where they have the least room. */
static void test_notices(void **state)
{
	struct scene scene;
	struct interval *interval;

	(void)state;
	scene_open(&scene, 24, 80, TEXT_UTF8);
	scene_feed(&scene, 3);
	interval = scene_interval(4);
	interval->delayacct = 0;
	interval->lost_exits = 17;
	interval->all_tasks = false;
	assert_int_equal(screen_interval(scene.screen, interval, "exit records can't be had\x1b[2J here"), 0);
	interval_unref(interval);
	screen_compose(scene.screen);
	compare(&scene, "notices-80x24");
	scene_close(&scene);
}

/* The mean over a suspend stands in the table, with a notice; in the graphs its column is empty. */
static void test_gap(void **state)
{
	struct scene scene;
	struct interval *interval;

	(void)state;
	scene_open(&scene, 24, 120, TEXT_UTF8);
	scene_feed(&scene, 3);
	for (int i = 4; i < 7; i++) {
		interval = scene_interval(i);
		interval->gap = i == 5;
		assert_int_equal(screen_interval(scene.screen, interval, NULL), 0);
		interval_unref(interval);
		screen_compose(scene.screen);
		if (i > 4)
			compare(&scene, i == 5 ? "gap-now-120x24" : "gap-then-120x24");
	}
	scene_close(&scene);
}

/* What an interval lacks is told in the present by the source, in the past by the first line itself. */
static void test_lacks(void **state)
{
	static const char *const words[] = { "own processes only", "exits not known" };
	struct scene scene;

	(void)state;
	for (int exits = 0; exits < 2; exits++) {
		struct interval *interval = scene_interval(4);

		scene_open(&scene, 24, 160, TEXT_UTF8);
		scene_feed(&scene, 3);
		interval->all_tasks = exits;
		interval->exits_known = false;
		assert_int_equal(screen_interval(scene.screen, interval, NULL), 0);
		screen_compose(scene.screen);
		assert_true(scene_shows(&scene, words[exits]));
		assert_int_equal(screen_interval(scene.screen, interval, "a socket failed"), 0);
		interval_unref(interval);
		screen_compose(scene.screen);
		assert_true(scene_shows(&scene, "a socket failed"));
		assert_false(scene_shows(&scene, words[exits]));
		interval = scene_interval(5);
		assert_int_equal(screen_interval(scene.screen, interval, NULL), 0);
		interval_unref(interval);
		screen_compose(scene.screen);
		assert_false(scene_shows(&scene, words[exits]));
		scene_type(&scene, ",");
		screen_compose(scene.screen);
		assert_true(scene_shows(&scene, words[exits]));
		scene_close(&scene);
	}
}

int main(void)
{
	struct CMUnitTest tests[sizeof(shots) / sizeof(shots[0]) + 3];
	size_t count = 0;

	for (size_t i = 0; i < sizeof(shots) / sizeof(shots[0]); i++)
		tests[count++] = (struct CMUnitTest){ .name = shots[i].name,
						      .test_func = test_shot,
						      .initial_state = (void *)(uintptr_t)&shots[i] };
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_notices);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_gap);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_lacks);
	return _cmocka_run_group_tests("screens", tests, count, NULL, NULL);
}
