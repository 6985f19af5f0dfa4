/* settings.h: a settings file; or, after a line "--", a command line with a word in each line. What was taken can be
 * saved, and is the same when loaded again; what was not is told in clean text. */
#include "fuzz.h"

#include "settings_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 32

static void must_be_clean(void *data, const char *line)
{
	unsigned *count = data;

	++*count;
	REQUIRE(line[0] && fuzz_is_clean(line, strlen(line)));
}

static void check_saved(const struct settings *settings)
{
	char path[128], value[SETTINGS_VALUE_SIZE], again[SETTINGS_VALUE_SIZE];
	struct settings loaded;
	unsigned notices = 0;

	snprintf(path, sizeof(path), "%s/saved", fuzz_directory());
	REQUIRE(settings_save(settings, path) == 0);
	REQUIRE(settings_init(&loaded) == 0);
	REQUIRE(settings_load(&loaded, path, must_be_clean, &notices) == 0 && notices == 0);
	for (size_t i = 0; i < settings_option_count; i++) {
		const struct settings_option *option = &settings_options[i];

		if (!(option->flags & SETTINGS_FILE))
			continue;
		settings_format(settings, option, value, sizeof(value));
		settings_format(&loaded, option, again, sizeof(again));
		REQUIRE(strcmp(value, again) == 0);
	}
	settings_free(&loaded);
}

static void check_looks(const struct settings *settings)
{
	REQUIRE(settings->interval_ns >= 100000000 && settings->interval_ns <= UINT64_C(3600000000000));
	REQUIRE(settings->view.mode < MODE_COUNT && settings->view.group < GROUP_COUNT);
	REQUIRE(settings->view.units < UNIT_STYLE_COUNT && settings->view.page < VIEW_PAGE_COUNT);
	REQUIRE(settings->view.column_count <= VIEW_COLUMNS_MAX && settings->view.sort);
}

static void check_file(const uint8_t *data, size_t size)
{
	char path[128];
	struct settings settings;
	unsigned notices = 0;

	snprintf(path, sizeof(path), "%s/iotopxrc", fuzz_directory());
	fuzz_write(path, data, size);
	REQUIRE(settings_init(&settings) == 0);
	REQUIRE(settings_load(&settings, path, must_be_clean, &notices) == 0);
	/* What acts is command line only. */
	REQUIRE(!settings.batch && !settings.delayacct && !settings.output && !settings.record && !settings.replay);
	check_looks(&settings);
	check_saved(&settings);
	settings_free(&settings);
}

static void check_words(struct bytes bytes)
{
	char *words[WORDS_MAX + 2] = { fuzz_copy_text("iotopx", 6) }, error[SETTINGS_WHY_SIZE] = "";
	struct settings settings;
	int count = 1;

	while (bytes.left > 0 && count <= WORDS_MAX)
		words[count++] = bytes_take_text(&bytes, '\n');
	REQUIRE(settings_init(&settings) == 0);
	const int result = settings_parse(&settings, count, words, error, sizeof(error));
	REQUIRE(result == 0 || (result == -EINVAL && error[0]));
	REQUIRE(fuzz_is_clean(error, strlen(error)));
	if (result == 0)
		check_looks(&settings);
	settings_free(&settings);
	for (int i = 0; i < count; i++)
		free(words[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= 3 && memcmp(data, "--\n", 3) == 0)
		check_words((struct bytes){ data + 3, size - 3 });
	else
		check_file(data, size);
	return 0;
}
