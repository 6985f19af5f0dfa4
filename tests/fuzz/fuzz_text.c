/* text.h: a sanitised text is clean whatever it was, stays as it is when sanitised again, is cut only between
 * characters and escapes; a fitted text has the cells that were asked for. */
#include "fuzz.h"

#include "iotopx/text.h"

#include <stdlib.h>
#include <string.h>

/* The longest escape is \U with eight digits, for one byte at least. */
#define ESCAPE_MAX 10

static void check_small(const char *whole, size_t length, const char *source, size_t size, size_t room,
			enum text_charset charset)
{
	char *to = fuzz_copy(source, room < size ? room : size);

	to = realloc(to, room ? room : 1);
	REQUIRE(to);
	const size_t used = text_sanitize(to, room, source, size, charset);
	REQUIRE(room == 0 ? used == 0 : used < room && to[used] == '\0');
	REQUIRE(used <= length && memcmp(whole, to, used) == 0);
	REQUIRE(fuzz_is_clean(to, used));
	/* What was left out did not fit. */
	REQUIRE(used == length || room == 0 || used + ESCAPE_MAX + 1 > room);
	free(to);
}

static void check_fit(const char *text, size_t cells, enum text_charset charset)
{
	const size_t size = (strlen(text) + cells) * 4 + 16;
	char *to = malloc(size);

	REQUIRE(to);
	for (int how = TEXT_CUT_END; how <= TEXT_CUT_MIDDLE; how++)
		for (int right = 0; right < 2; right++) {
			const size_t used = text_fit(to, size, text, cells, (enum text_fit)how, right, charset);

			REQUIRE(strlen(to) == used);
			REQUIRE(text_width(to) == cells);
			REQUIRE(fuzz_is_clean(to, used));
			for (size_t i = 0; charset == TEXT_ASCII && i < used; i++)
				REQUIRE(to[i] >= ' ' && to[i] <= '~');
		}
	free(to);
}

static void check(const char *source, size_t size, size_t room, size_t cells, enum text_charset charset)
{
	const size_t most = size * ESCAPE_MAX + 1;
	char *once = malloc(most), *twice = malloc(most);

	REQUIRE(once && twice);
	const size_t length = text_sanitize(once, most, source, size, charset);
	REQUIRE(strlen(once) == length && fuzz_is_clean(once, length));
	for (size_t i = 0; charset == TEXT_ASCII && i < length; i++)
		REQUIRE(once[i] >= ' ' && once[i] <= '~');
	REQUIRE(text_sanitize(twice, most, once, length, charset) == length && text_same(once, twice));
	REQUIRE(text_width(once) <= length);
	check_small(once, length, source, size, room, charset);
	check_fit(once, cells, charset);
	free(once);
	free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = { data, size };
	const size_t room = bytes_take(&bytes), cells = bytes_take(&bytes);
	char *source = fuzz_copy(bytes.at, bytes.left), *raw = fuzz_copy_text(bytes.at, bytes.left);

	for (int charset = TEXT_UTF8; charset <= TEXT_ASCII; charset++) {
		check(source, bytes.left, room, cells, (enum text_charset)charset);
		check_fit(raw, cells, (enum text_charset)charset); /* one that nobody sanitised is made safe too */
	}
	free(source);
	free(raw);
	return 0;
}
