/* The manual tells every key: the section KEYS has one entry a binding, under its keys as the help screen names them.
 */
#include "keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANUAL TEST_DATA "/../man/iotopx.8"

static char *read_manual(void)
{
	static const size_t size = 1 << 20;
	FILE *file = fopen(MANUAL, "r");
	char *text = calloc(1, size);
	size_t length;

	assert_non_null(file);
	assert_non_null(text);
	length = fread(text, 1, size - 1, file);
	assert_true(length > 0 && length < size - 1);
	fclose(file);
	return text;
}

/* The entry as roff spells it: dashes are escaped. */
static void spell(const struct binding *binding, char *to, size_t size)
{
	char keys[256];
	size_t used;

	binding_keys(binding, TEXT_ASCII, keys, sizeof(keys));
	used = (size_t)snprintf(to, size, "\n.TP\n.B ");
	for (const char *at = keys; *at; at++) {
		assert_true(used + 4 < size);
		if (*at == '-')
			to[used++] = '\\';
		to[used++] = *at;
	}
	to[used++] = '\n';
	to[used] = '\0';
}

static void every_binding_is_in_the_manual(void **state)
{
	char *manual = read_manual(), *keys = strstr(manual, "\n.SH KEYS"), entry[512];
	unsigned missing = 0;

	(void)state;
	assert_non_null(keys);
	for (size_t i = 0; i < binding_count; i++) {
		spell(&bindings[i], entry, sizeof(entry));
		if (!strstr(keys, entry))
			missing++, print_error("the manual lacks the key:%s(%s)\n", entry, bindings[i].help);
	}
	assert_int_equal(missing, 0);
	free(manual);
}

static void every_section_is_in_the_manual(void **state)
{
	char *manual = read_manual(), title[128];

	(void)state;
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		snprintf(title, sizeof(title), "\n.SS %s\n", key_section_titles[i]);
		if (!strstr(manual, title))
			fail_msg("the manual lacks the section of keys: %s", key_section_titles[i]);
	}
	free(manual);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_binding_is_in_the_manual),
		cmocka_unit_test(every_section_is_in_the_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
