/* What comes from outside must not reach the terminal as it is, and must fit its cells exactly. */
#include "iotopx/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define GUARD '\x7e'

/* Sanitises into a buffer of just `size` bytes and checks that nothing behind it is touched. */
static size_t sanitize(char *to, size_t size, const char *source, size_t length, enum text_charset charset)
{
	size_t used;

	memset(to + size, GUARD, 8);
	used = text_sanitize(to, size, source, length, charset);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(to[size + i], GUARD);
	return used;
}

static void check(const char *source, size_t length, enum text_charset charset, const char *expected)
{
	char to[512];
	size_t used = sanitize(to, sizeof(to) - 8, source, length, charset);

	assert_string_equal(to, expected);
	assert_int_equal(used, strlen(expected));
}

#define CHECK(source, expected) check(source, sizeof(source) - 1, TEXT_UTF8, expected)
#define CHECK_ASCII(source, expected) check(source, sizeof(source) - 1, TEXT_ASCII, expected)

static void controls_become_escapes(void **state)
{
	(void)state;
	CHECK("plain text", "plain text");
	CHECK("\x1b[31mred", "\\x1b[31mred");
	CHECK("a\nb\tc\rd", "a\\nb\\tc\\rd");
	CHECK("nul\0inside", "nul\\x00inside");
	CHECK("\x7f", "\\x7f");
	CHECK("\x9b"
	      "31m",
	      "\\x9b31m");
	CHECK("\xc2\x9b"
	      "31m",
	      "\\u009b31m");
	CHECK("\xc2\x85", "\\u0085");
	CHECK("\x07\x08", "\\x07\\x08");
}

static void hidden_characters_become_escapes(void **state)
{
	(void)state;
	CHECK("\u202egnp.exe", "\\u202egnp.exe");
	CHECK("\u2066x\u2069", "\\u2066x\\u2069");
	CHECK("\u200e\u200f\u061c", "\\u200e\\u200f\\u061c");
	CHECK("a\u200bb\u200dc\u2060d\ufeff", "a\\u200bb\\u200dc\\u2060d\\ufeff");
	CHECK("a\u00ad", "a\\u00ad");
	CHECK("\u2028\u2029", "\\u2028\\u2029");
	CHECK("\U000e0041", "\\U000e0041");
	CHECK("\u2764\ufe0f", "\u2764\\ufe0f");
	CHECK("\u3164\u115f", "\\u3164\\u115f");
	CHECK("\uffff", "\\uffff");
}

/* A name of them would be a name that nobody sees. */
static void blanks_become_escapes(void **state)
{
	(void)state;
	CHECK(" a b ", " a b ");
	CHECK("\u00a0\u1680\u202f\u205f\u3000", "\\u00a0\\u1680\\u202f\\u205f\\u3000");
	CHECK("\u2000\u2001\u2002\u2003\u2004\u2005", "\\u2000\\u2001\\u2002\\u2003\\u2004\\u2005");
	CHECK("\u2006\u2007\u2008\u2009\u200a", "\\u2006\\u2007\\u2008\\u2009\\u200a");
	CHECK("\u2800\u2801", "\\u2800\u2801");
	CHECK("\u115f\u1160\u3164\uffa0", "\\u115f\\u1160\\u3164\\uffa0");
	CHECK("\U0001d158\U0001d159", "\U0001d158\\U0001d159");
}

static void invalid_bytes_become_escapes(void **state)
{
	(void)state;
	CHECK("\xff\xfe", "\\xff\\xfe");
	CHECK("\xc3", "\\xc3");
	CHECK("\xc3(", "\\xc3(");
	CHECK("\xc0\xaf", "\\xc0\\xaf");
	CHECK("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
	CHECK("\xed\xa0\x80", "\\xed\\xa0\\x80");
	CHECK("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	CHECK("\xf0\x9f\x98", "\\xf0\\x9f\\x98");
	CHECK("\x80", "\\x80");
}

static void letters_stay(void **state)
{
	(void)state;
	CHECK("Größe", "Größe");
	CHECK("日本語", "日本語");
	CHECK("\U0001f600", "\U0001f600");
	CHECK_ASCII("Größe", "Gr\\u00f6\\u00dfe");
	CHECK_ASCII("\U0001f600", "\\U0001f600");
	CHECK_ASCII("~ok\x7f", "~ok\\x7f");
}

static void two_marks_stay_on_a_character(void **state)
{
	(void)state;
	CHECK("a\u0301\u0302", "a\u0301\u0302");
	CHECK("a\u0301\u0302\u0303b\u0301", "a\u0301\u0302\\u0303b\u0301");
	/* None to sit on: it would go to what stands left of the text, or to an escape. */
	CHECK("\u0301x", "\\u0301x");
	CHECK("\n\u0301", "\\n\\u0301");
}

static void nothing_is_cut_in_half(void **state)
{
	char to[64];

	(void)state;
	for (size_t size = 0; size < 20; size++) {
		size_t used = sanitize(to, size, "ab\x1b語z", 7, TEXT_UTF8);

		if (size == 0) {
			assert_int_equal(used, 0);
			continue;
		}
		assert_int_equal(used, strlen(to));
		if (size <= 2)
			assert_int_equal(used, size - 1);
		else if (size <= 6)
			assert_string_equal(to, "ab");
		else if (size <= 9)
			assert_string_equal(to, "ab\\x1b");
		else if (size == 10)
			assert_string_equal(to, "ab\\x1b語");
		else
			assert_string_equal(to, "ab\\x1b語z");
	}
}

static void widths_of_characters(void **state)
{
	static const struct {
		unsigned code;
		int width;
	} widths[] = {
		{ 0, -1 },        { 0x1b, -1 },   { ' ', 1 },     { '~', 1 },     { 0x7f, -1 },    { 0x80, -1 },
		{ 0x9f, -1 },     { 0xa0, -1 },   { 0xad, -1 },   { 0xe9, 1 },    { 0x300, 0 },    { 0x36f, 0 },
		{ 0x370, 1 },     { 0x1100, 2 },  { 0x1161, 0 },  { 0x200b, -1 }, { 0x202a, -1 },  { 0x202e, -1 },
		{ 0x2026, 1 },    { 0x2800, -1 }, { 0x28ff, 1 },  { 0x2588, 1 },  { 0x3000, -1 },  { 0x3042, 2 },
		{ 0x4e00, 2 },    { 0xac00, 2 },  { 0xd800, -1 }, { 0xe000, 1 },  { 0xfe0f, -1 },  { 0xff01, 2 },
		{ 0xff61, 1 },    { 0xffff, -1 }, { 0x1f600, 2 }, { 0x20000, 2 }, { 0xe0001, -1 }, { 0x10ffff, -1 },
		{ 0x110000, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(widths) / sizeof(*widths); i++)
		if (text_code_width(widths[i].code) != widths[i].width)
			fail_msg("U+%04X: %d, not %d", widths[i].code, text_code_width(widths[i].code),
				 widths[i].width);
}

static void decoding(void **state)
{
	unsigned code = 4711;

	(void)state;
	assert_int_equal(text_decode("", 0, &code), 0);
	assert_int_equal(text_decode("\xe2\x82", 2, &code), 0);
	assert_int_equal(code, 4711);
	assert_int_equal(text_decode("\xe2\x82\xac", 3, &code), 3);
	assert_int_equal(code, 0x20ac);
	assert_int_equal(text_decode("\0", 1, &code), 1);
	assert_int_equal(code, 0);
	assert_int_equal(text_decode("\xf4\x8f\xbf\xbf", 4, &code), 4);
	assert_int_equal(code, 0x10ffff);
}

static void check_fit(const char *text, size_t cells, enum text_fit how, bool right, enum text_charset charset,
		      const char *expected)
{
	char to[256];
	size_t used = text_fit(to, sizeof(to), text, cells, how, right, charset);

	assert_string_equal(to, expected);
	assert_int_equal(used, strlen(expected));
}

static void fitting_pads(void **state)
{
	(void)state;
	check_fit("abc", 5, TEXT_CUT_END, false, TEXT_UTF8, "abc  ");
	check_fit("abc", 5, TEXT_CUT_END, true, TEXT_UTF8, "  abc");
	check_fit("", 3, TEXT_CUT_MIDDLE, false, TEXT_UTF8, "   ");
	check_fit("日本", 5, TEXT_CUT_END, true, TEXT_UTF8, " 日本");
	check_fit("e\u0301", 2, TEXT_CUT_END, false, TEXT_UTF8, "e\u0301 ");
	check_fit("abc", 0, TEXT_CUT_END, false, TEXT_UTF8, "");
}

static void fitting_cuts_the_end(void **state)
{
	(void)state;
	check_fit("abcdef", 3, TEXT_CUT_END, false, TEXT_UTF8, "abc");
	check_fit("a日本", 2, TEXT_CUT_END, false, TEXT_UTF8, "a ");
	check_fit("a日本", 3, TEXT_CUT_END, false, TEXT_UTF8, "a日");
	check_fit("ae\u0301x", 2, TEXT_CUT_END, false, TEXT_UTF8, "ae\u0301");
}

static void fitting_cuts_the_middle(void **state)
{
	(void)state;
	check_fit("/usr/bin/python3", 9, TEXT_CUT_MIDDLE, false, TEXT_UTF8, "/usr…hon3");
	check_fit("/usr/bin/python3", 10, TEXT_CUT_MIDDLE, false, TEXT_UTF8, "/usr/…hon3");
	check_fit("/usr/bin/python3", 10, TEXT_CUT_MIDDLE, false, TEXT_ASCII, "/usr..hon3");
	check_fit("abcdef", 3, TEXT_CUT_MIDDLE, false, TEXT_UTF8, "a…f");
	check_fit("abcdef", 2, TEXT_CUT_MIDDLE, false, TEXT_UTF8, "ab");
	check_fit("abcdef", 3, TEXT_CUT_MIDDLE, false, TEXT_ASCII, "abc");
	check_fit("日本語日本語", 6, TEXT_CUT_MIDDLE, false, TEXT_UTF8, "日 …語");
	check_fit("日本語日本語", 7, TEXT_CUT_MIDDLE, false, TEXT_UTF8, "日 … 語");
	/* The mark goes with the letter that is cut off. */
	check_fit("abcdefe\u0301g", 3, TEXT_CUT_MIDDLE, false, TEXT_UTF8, "a…g");
}

static void fitting_shows_no_raw_text(void **state)
{
	(void)state;
	check_fit("a\x1b[1m", 6, TEXT_CUT_END, false, TEXT_UTF8, "a?[1m ");
	check_fit("\xff\u202e", 4, TEXT_CUT_END, false, TEXT_UTF8, "??  ");
	check_fit("é日", 4, TEXT_CUT_END, false, TEXT_ASCII, "??? ");
}

static bool is_valid(const char *text, size_t length)
{
	for (size_t at = 0; at < length;) {
		unsigned code = 0;
		size_t bytes = text_decode(text + at, length - at, &code);

		if (bytes == 0 || text_code_width(code) < 0)
			return false;
		at += bytes;
	}
	return true;
}

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

/* Bytes that are likely to be nasty: raw ones, pieces of UTF-8, marks, wide characters, controls. */
static size_t random_text(char *to, size_t max, unsigned *seed)
{
	static const char *const pieces[] = { "a",  "b",          "\x1b",   "\xc2\x9b", "\u0301",
					      "日", "\u202e",     "\u200b", "\xe2",     "\xf0\x9f",
					      "é",  "\U0001f600", "\n",     "\u1161",   "\u3000" };
	size_t length = 0;
	size_t goal = (size_t)rand_r(seed) % max;

	while (length < goal) {
		const char *piece = pieces[(size_t)rand_r(seed) % (sizeof(pieces) / sizeof(*pieces))];

		if (rand_r(seed) % 3 == 0) {
			to[length++] = (char)(rand_r(seed) & 0xff);
			continue;
		}
		if (length + strlen(piece) > goal)
			break;
		memcpy(to + length, piece, strlen(piece));
		length += strlen(piece);
	}
	return length;
}

static unsigned random_seed(void)
{
	unsigned seed = getenv("TEST_SEED") ? (unsigned)strtoul(getenv("TEST_SEED"), NULL, 10) : 20240608u;

	print_message("seed %u\n", seed);
	return seed;
}

static void random_text_is_always_safe(void **state)
{
	unsigned seed = random_seed();
	char source[64], to[1024];

	(void)state;
	for (unsigned round = 0; round < 30000; round++) {
		size_t length = random_text(source, sizeof(source), &seed);
		size_t size = (size_t)rand_r(&seed) % 128;
		enum text_charset charset = rand_r(&seed) % 2 ? TEXT_UTF8 : TEXT_ASCII;
		size_t used = sanitize(to, size, source, length, charset);

		if (size == 0)
			continue;
		assert_true(used < size);
		assert_int_equal(strlen(to), used);
		assert_true(is_valid(to, used));
		if (charset == TEXT_ASCII)
			assert_true(is_ascii(to));
	}
}

static void random_text_always_fits(void **state)
{
	unsigned seed = random_seed();
	char source[64], clean[1024], to[1024];

	(void)state;
	for (unsigned round = 0; round < 30000; round++) {
		size_t length = random_text(source, sizeof(source) - 1, &seed);
		size_t cells = (size_t)rand_r(&seed) % 40;
		enum text_charset charset = rand_r(&seed) % 2 ? TEXT_UTF8 : TEXT_ASCII;
		enum text_fit how = rand_r(&seed) % 2 ? TEXT_CUT_END : TEXT_CUT_MIDDLE;
		bool right = rand_r(&seed) % 2;
		size_t used;

		/* One in three comes as it is: it must be made safe, and fit all the same. */
		if (rand_r(&seed) % 3) {
			text_sanitize(clean, sizeof(clean), source, length, charset);
		} else {
			memcpy(clean, source, length);
			clean[length] = '\0';
		}
		memset(to, GUARD, sizeof(to));
		used = text_fit(to, sizeof(to), clean, cells, how, right, charset);
		assert_int_equal(used, strlen(to));
		assert_int_equal(to[used + 1], GUARD);
		assert_true(is_valid(to, used));
		assert_int_equal(text_width(to), cells);
	}
}

static void every_width_of_every_size(void **state)
{
	static const char text[] = "/opt/日本\u0301語/caf\u00e9 --name=\U0001f600";
	char to[128];

	(void)state;
	for (size_t cells = 0; cells < 40; cells++) {
		for (size_t size = 0; size < 80; size++) {
			size_t used;

			memset(to, GUARD, sizeof(to));
			used = text_fit(to, size, text, cells, TEXT_CUT_MIDDLE, false, TEXT_UTF8);
			assert_int_equal(to[size], GUARD);
			if (size == 0)
				continue;
			assert_true(used < size);
			assert_int_equal(strlen(to), used);
			assert_true(is_valid(to, used));
			assert_true(text_width(to) <= cells);
		}
		assert_int_equal(text_width(to), cells);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(controls_become_escapes),
		cmocka_unit_test(hidden_characters_become_escapes),
		cmocka_unit_test(blanks_become_escapes),
		cmocka_unit_test(invalid_bytes_become_escapes),
		cmocka_unit_test(letters_stay),
		cmocka_unit_test(two_marks_stay_on_a_character),
		cmocka_unit_test(nothing_is_cut_in_half),
		cmocka_unit_test(widths_of_characters),
		cmocka_unit_test(decoding),
		cmocka_unit_test(fitting_pads),
		cmocka_unit_test(fitting_cuts_the_end),
		cmocka_unit_test(fitting_cuts_the_middle),
		cmocka_unit_test(fitting_shows_no_raw_text),
		cmocka_unit_test(random_text_is_always_safe),
		cmocka_unit_test(random_text_always_fits),
		cmocka_unit_test(every_width_of_every_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
