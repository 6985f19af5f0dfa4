/* units.h and when.h: numbers fit their cells whatever they are, what is parsed is what was written. */
#include "fuzz.h"

#include "iotopx/text.h"
#include "iotopx/units.h"
#include "iotopx/when.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELLS_BYTES 11
#define CELLS_SHORT 7

static void check_text(const char *text, size_t used, size_t cells)
{
	REQUIRE(used > 0 && strlen(text) == used && fuzz_is_clean(text, used));
	REQUIRE(used <= cells);
}

static void check_double(double number)
{
	char text[512];

	for (int style = 0; style < UNIT_STYLE_COUNT; style++)
		for (int rate = 0; rate < 2; rate++) {
			const size_t used = units_bytes(text, sizeof(text), number, rate, (enum unit_style)style);
			const bool promised = style != UNIT_KIB && fabs(number) <= 0x1p63 && number >= 0;

			check_text(text, used, promised ? CELLS_BYTES : sizeof(text));
			REQUIRE(isfinite(number) || strcmp(text, "-") == 0);
		}
	check_text(text, units_count(text, sizeof(text), number), fabs(number) <= 0x1p63 ? CELLS_SHORT : sizeof(text));
	check_text(text, units_percent(text, sizeof(text), number), CELLS_SHORT);
	/* Cut anywhere, it ends there. */
	for (size_t size = 0; size < 8; size++) {
		char *cut = malloc(size ? size : 1);

		REQUIRE(cut);
		const size_t used = units_count(cut, size, number);
		REQUIRE(size == 0 ? used == 0 : used < size && strlen(cut) == used);
		free(cut);
	}
}

static void check_u64(const char *text)
{
	uint64_t value = 4711;
	char again[32];
	const int error = parse_u64(text, 10, UINT64_MAX - 1, &value);

	if (error) {
		REQUIRE((error == -EINVAL || error == -ERANGE) && value == 4711);
		return;
	}
	REQUIRE(value >= 10 && value < UINT64_MAX);
	snprintf(again, sizeof(again), "%" PRIu64, value);
	REQUIRE(strcmp(text + strspn(text, "0"), again) == 0);
}

static void check_seconds(const char *text)
{
	uint64_t value = 4711;
	const int error = parse_seconds_ns(text, 100000000, UINT64_C(3600000000000), &value);

	REQUIRE(error ? (error == -EINVAL || error == -ERANGE) && value == 4711
		      : value >= 100000000 && value <= UINT64_C(3600000000000));
	REQUIRE(error || strspn(text, "0123456789.") == strlen(text));
	REQUIRE(error || fabs(strtod(text, NULL) - (double)value / 1e9) < 1e-6);
}

static void check_when(const char *text, int64_t reference_ms)
{
	int64_t ms = 4711, begin_ms = 1, end_ms = 2;
	uint64_t age_ns = 4711;
	const int error = when_check(text);

	REQUIRE(error == 0 || error == -EINVAL);
	REQUIRE(when_resolve(text, reference_ms, &ms) == error);
	REQUIRE(!error || ms == 4711);
	const int window = when_window(text, NULL, reference_ms, reference_ms + 86400000, &begin_ms, &end_ms);
	REQUIRE(window == 0 ? begin_ms < end_ms : begin_ms == 1 && end_ms == 2);
	const int age = parse_age_ns(text, &age_ns);
	REQUIRE(age ? age_ns == 4711 : age_ns >= 1000000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = { data, size };
	const uint64_t number = bytes_take_number(&bytes);
	char duration[64], *text = bytes_take_text(&bytes, '\0');
	double bits;

	memcpy(&bits, &number, sizeof(bits));
	check_double(bits);
	check_double((double)number);
	check_text(duration, units_duration(duration, sizeof(duration), number), CELLS_SHORT);
	check_u64(text);
	check_seconds(text);
	/* From 1970 to 2100, as clocks do. */
	check_when(text, (int64_t)(number % UINT64_C(4102444800000)));
	free(text);
	return 0;
}
