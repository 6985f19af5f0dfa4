#include "golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FILE_MAX 131072

/* Empty if there is none. */
static char *read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, FILE_MAX);

	assert_non_null(text);
	if (file) {
		size_t length = fread(text, 1, FILE_MAX - 1, file);

		assert_in_range(length, 0, FILE_MAX - 2);
		fclose(file);
	}
	return text;
}

void golden_check(const char *name, const char *printed)
{
	char path[512];
	char *expected;

	snprintf(path, sizeof(path), "%s/golden/%s", TEST_DATA, name);
	if (getenv("UPDATE_GOLDEN")) {
		FILE *file = fopen(path, "w");

		assert_non_null(file);
		fputs(printed, file);
		assert_int_equal(fclose(file), 0);
	}
	expected = read_file(path);
	if (strcmp(printed, expected) != 0) {
		print_message("printed for %s:\n%s", path, printed);
		assert_string_equal(printed, expected);
	}
	free(expected);
}
