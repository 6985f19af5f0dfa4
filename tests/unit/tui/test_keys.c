#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "keys.h"

#include <stdio.h>
#include <string.h>

#define MODES 9

static void test_no_key_twice_in_a_mode(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < MODES; bit++) {
		for (size_t i = 0; i < binding_count; i++) {
			for (size_t at = 0; (bindings[i].modes & (1u << bit)) && bindings[i].keys[at]; at++) {
				const struct binding *found =
				    binding_find((enum key_mode)(1 << bit), bindings[i].keys[at]);

				if (found != &bindings[i])
					print_error("key %d in mode %u: '%s' hides '%s'\n", bindings[i].keys[at], bit,
						    found->help, bindings[i].help);
				assert_ptr_equal(found, &bindings[i]);
			}
		}
	}
}

static void test_every_binding_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < binding_count; i++) {
		assert_non_null(bindings[i].help);
		assert_true(strlen(bindings[i].help) > 3);
		assert_non_null(bindings[i].run);
		assert_true(bindings[i].keys[0] != 0);
		assert_int_equal(bindings[i].keys[BINDING_KEYS_MAX - 1], 0);
		assert_true(bindings[i].modes != 0 && bindings[i].modes < (1u << MODES));
		assert_in_range(bindings[i].section, 0, SECTION_COUNT - 1);
		/* A rank without a label would be an empty place on the last line, and the other way round. */
		assert_int_equal(bindings[i].rank != 0, bindings[i].label != NULL);
	}
}

static void test_ranks_are_unique_in_a_mode(void **state)
{
	(void)state;
	for (size_t i = 0; i < binding_count; i++)
		for (size_t other = i + 1; bindings[i].rank && other < binding_count; other++)
			if (bindings[i].modes & bindings[other].modes)
				assert_int_not_equal(bindings[i].rank, bindings[other].rank);
}

/* What people's fingers know from iotop, htop and top. */
static void test_keys_of_old(void **state)
{
	static const struct {
		int keys[4];
	} same[] = {
		{ { 'o', 'O' } },
		{ { 'p', 'P' } },
		{ { 'a', 'A' } },
		{ { 'r', 'R' } },
		{ { 'q', 'Q', INPUT_F(10), INPUT_CTRL('C') } },
		{ { '?', 'h', INPUT_F(1) } },
		{ { INPUT_LEFT, '<' } },
		{ { INPUT_RIGHT, '>' } },
		{ { 's', INPUT_F(6) } },
		{ { '/', INPUT_F(4) } },
		{ { 'C', INPUT_F(2) } },
		{ { 't', INPUT_F(5) } },
		{ { 'k', INPUT_F(9) } },
		{ { 'i', 'I' } },
		{ { 'z', INPUT_SPACE } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		const struct binding *first = binding_find(KEYS_TABLE, same[i].keys[0]);

		assert_non_null(first);
		for (size_t at = 1; at < 4 && same[i].keys[at]; at++)
			assert_ptr_equal(binding_find(KEYS_TABLE, same[i].keys[at]), first);
	}
	for (const char *key = "cdeguFLWD,.[]+-1234567890"; *key; key++)
		assert_non_null(binding_find(KEYS_TABLE, *key));
	assert_non_null(binding_find(KEYS_TABLE, INPUT_CTRL('T')));
	assert_non_null(binding_find(KEYS_TABLE, INPUT_CTRL('L')));
	assert_null(binding_find(KEYS_TABLE, INPUT_NONE));
	assert_null(binding_find(KEYS_TABLE, 'X'));
}

static void test_every_mode_can_be_left(void **state)
{
	(void)state;
	for (unsigned mode = KEYS_HELP; mode < (1u << MODES); mode <<= 1)
		assert_non_null(binding_find((enum key_mode)mode, INPUT_ESCAPE));
}

static void test_names(void **state)
{
	static const struct {
		int key;
		enum text_charset charset;
		const char *name;
	} names[] = {
		{ 'q', TEXT_UTF8, "q" },
		{ INPUT_CTRL('T'), TEXT_UTF8, "Ctrl-T" },
		{ INPUT_F(10), TEXT_UTF8, "F10" },
		{ INPUT_UP, TEXT_UTF8, "↑" },
		{ INPUT_UP, TEXT_ASCII, "Up" },
		{ INPUT_SPACE, TEXT_ASCII, "Space" },
		{ INPUT_ENTER, TEXT_UTF8, "Enter" },
		{ INPUT_ESCAPE, TEXT_UTF8, "Esc" },
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(key_name(names[i].key, names[i].charset, text, sizeof(text)), strlen(names[i].name));
		assert_string_equal(text, names[i].name);
	}
	binding_keys(binding_find(KEYS_TABLE, '1'), TEXT_UTF8, text, sizeof(text));
	assert_string_equal(text, "1-9 0");
	binding_keys(binding_find(KEYS_TABLE, 'q'), TEXT_UTF8, text, sizeof(text));
	assert_string_equal(text, "q Q F10 Ctrl-C");
	/* The help prints all of them: the buffer that it has must hold the longest. */
	for (size_t i = 0; i < binding_count; i++)
		assert_true(binding_keys(&bindings[i], TEXT_UTF8, text, sizeof(text)) < 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_key_twice_in_a_mode),     cmocka_unit_test(test_every_binding_is_whole),
		cmocka_unit_test(test_ranks_are_unique_in_a_mode), cmocka_unit_test(test_keys_of_old),
		cmocka_unit_test(test_every_mode_can_be_left),     cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
