#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "prompt.h"

#include <stdio.h>
#include <string.h>

static void type(struct prompt *prompt, const char *text)
{
	size_t length = strlen(text);

	while (length) {
		unsigned code;
		size_t bytes = text_decode(text, length, &code);

		assert_true(bytes > 0);
		assert_true(prompt_insert(prompt, code));
		text += bytes;
		length -= bytes;
	}
}

static void assert_prompt(const struct prompt *prompt, const char *left, const char *right)
{
	char text[PROMPT_TEXT_SIZE * 2];

	snprintf(text, sizeof(text), "%s%s", left, right);
	assert_string_equal(prompt->text, text);
	assert_int_equal(prompt->cursor, strlen(left));
	assert_int_equal(prompt->length, strlen(text));
}

static void test_edit(void **state)
{
	struct prompt prompt = { .cursor = 0 };

	(void)state;
	type(&prompt, "naïve 日本");
	assert_prompt(&prompt, "naïve 日本", "");
	prompt_move(&prompt, -1);
	assert_prompt(&prompt, "naïve 日", "本");
	assert_true(prompt_backspace(&prompt));
	assert_prompt(&prompt, "naïve ", "本");
	prompt_home(&prompt);
	assert_false(prompt_backspace(&prompt));
	prompt_move(&prompt, 2);
	assert_prompt(&prompt, "na", "ïve 本");
	assert_true(prompt_delete(&prompt));
	assert_prompt(&prompt, "na", "ve 本");
	prompt_move(&prompt, 99);
	assert_prompt(&prompt, "nave 本", "");
	assert_false(prompt_delete(&prompt));
	prompt_move(&prompt, -99);
	assert_prompt(&prompt, "", "nave 本");
	prompt_end(&prompt);
	assert_true(prompt_delete_word(&prompt));
	assert_prompt(&prompt, "nave ", "");
	assert_true(prompt_delete_word(&prompt));
	assert_prompt(&prompt, "", "");
	assert_false(prompt_delete_word(&prompt));
}

static void test_delete_to_the_ends(void **state)
{
	struct prompt prompt = { .cursor = 0 };

	(void)state;
	prompt_set(&prompt, "user:root dd");
	prompt_move(&prompt, -3);
	assert_true(prompt_delete_right(&prompt));
	assert_prompt(&prompt, "user:root", "");
	assert_false(prompt_delete_right(&prompt));
	prompt_move(&prompt, -4);
	assert_true(prompt_delete_left(&prompt));
	assert_prompt(&prompt, "", "root");
}

static void test_what_does_not_go_in(void **state)
{
	struct prompt prompt = { .cursor = 0 };
	static const unsigned codes[] = { 0x00, 0x07, 0x1b, 0x7f, 0x9b, 0x202e, 0xd800, 0x110000, 0x200000 };

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		assert_false(prompt_insert(&prompt, codes[i]));
	assert_prompt(&prompt, "", "");
}

static void test_full(void **state)
{
	struct prompt prompt = { .cursor = 0 };
	char text[PROMPT_TEXT_SIZE + 16];
	size_t typed = 0;

	(void)state;
	while (prompt_insert(&prompt, 0x65e5))
		typed++;
	assert_int_equal(prompt.length, typed * 3);
	assert_true(prompt.length < sizeof(prompt.text));
	assert_int_equal(strlen(prompt.text), prompt.length);
	/* Set from a longer text: cut between characters. */
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memcpy(text + PROMPT_TEXT_SIZE - 2, "\xe6\x97\xa5", 3);
	prompt_set(&prompt, text);
	assert_int_equal(prompt.length, PROMPT_TEXT_SIZE - 2);
}

static void test_history(void **state)
{
	static struct prompt_history history;
	struct prompt prompt = { .history = &history };
	char text[16];

	(void)state;
	assert_false(prompt_recall(&prompt, 1));
	prompt_remember(&history, "");
	assert_int_equal(history.count, 0);
	prompt_remember(&history, "one");
	prompt_remember(&history, "two");
	prompt_remember(&history, "one");
	assert_int_equal(history.count, 2);
	prompt_set(&prompt, "draft");
	assert_true(prompt_recall(&prompt, 1));
	assert_prompt(&prompt, "one", "");
	assert_true(prompt_recall(&prompt, 1));
	assert_prompt(&prompt, "two", "");
	assert_false(prompt_recall(&prompt, 1));
	assert_true(prompt_recall(&prompt, -1));
	assert_prompt(&prompt, "one", "");
	assert_true(prompt_recall(&prompt, -1));
	assert_prompt(&prompt, "draft", "");
	assert_false(prompt_recall(&prompt, -1));
	for (int i = 0; i < 3 * PROMPT_HISTORY; i++) {
		snprintf(text, sizeof(text), "entry %d", i);
		prompt_remember(&history, text);
	}
	assert_int_equal(history.count, PROMPT_HISTORY);
	assert_string_equal(history.text[0], text);
}

static void row_text(const struct frame *frame, char *to)
{
	for (int column = 0; column < frame->columns; column++)
		to[column] = (char)frame_cell(frame, 0, column)->code[0];
	to[frame->columns] = '\0';
}

/* The end that is edited stays in sight, in however little room. */
static void test_draw_scrolls(void **state)
{
	struct prompt prompt = { .label = "Filter:" };
	struct frame frame = { .charset = TEXT_UTF8 };
	char row[64];

	(void)state;
	assert_int_equal(frame_resize(&frame, 1, 20), 0);
	prompt_set(&prompt, "0123456789abcdefghij");
	prompt_draw(&prompt, &frame, 0);
	row_text(&frame, row);
	assert_string_equal(row, "Filter: 9abcdefghij ");
	assert_int_equal(frame.cursor_row, 0);
	assert_int_equal(frame.cursor_column, 19);
	prompt_home(&prompt);
	prompt_draw(&prompt, &frame, 0);
	row_text(&frame, row);
	assert_string_equal(row, "Filter: 0123456789ab");
	assert_int_equal(frame.cursor_column, 8);
	for (int columns = 1; columns < 20; columns++) {
		assert_int_equal(frame_resize(&frame, 1, columns), 0);
		prompt_end(&prompt);
		prompt_draw(&prompt, &frame, 0);
	}
	frame_free(&frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edit),
		cmocka_unit_test(test_delete_to_the_ends),
		cmocka_unit_test(test_what_does_not_go_in),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_draw_scrolls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
