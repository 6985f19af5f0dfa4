/* Numbers as people read and type them. */
#include "iotopx/units.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void check_bytes(double bytes, bool per_second, enum unit_style style, const char *expected)
{
	char text[64];
	size_t length = units_bytes(text, sizeof(text), bytes, per_second, style);

	assert_string_equal(text, expected);
	assert_int_equal(length, strlen(expected));
}

static void bytes_in_each_style(void **state)
{
	(void)state;
	check_bytes(0, false, UNIT_BINARY, "0.00 B");
	check_bytes(0, true, UNIT_BINARY, "0.00 B/s");
	check_bytes(1023, true, UNIT_BINARY, "1023.00 B/s");
	check_bytes(1024, true, UNIT_BINARY, "1.00 K/s");
	check_bytes(12.34 * 1024 * 1024, false, UNIT_BINARY, "12.34 M");
	check_bytes(0x1p63, true, UNIT_BINARY, "8.00 E/s");
	check_bytes(999, false, UNIT_SI, "999.00 B");
	check_bytes(1000, false, UNIT_SI, "1.00 kB");
	check_bytes(1e9, true, UNIT_SI, "1.00 GB/s");
	check_bytes(1e6, true, UNIT_KIB, "976.56 K/s");
	check_bytes(0x1p40, false, UNIT_KIB, "1073741824.00 K");
}

static void bytes_never_round_up_to_the_base(void **state)
{
	(void)state;
	check_bytes(1024 * 1024 - 1, true, UNIT_BINARY, "1.00 M/s");
	check_bytes(1023.99 * 1024, true, UNIT_BINARY, "1023.99 K/s");
	check_bytes(999999, true, UNIT_SI, "1.00 MB/s");
}

static void bytes_below_zero_keep_their_sign(void **state)
{
	(void)state;
	check_bytes(-2048, true, UNIT_BINARY, "-2.00 K/s");
	check_bytes(-0.001, false, UNIT_BINARY, "0.00 B");
	check_bytes(-1, false, UNIT_KIB, "0.00 K");
	check_bytes(-10, false, UNIT_KIB, "-0.01 K");
}

static void bytes_without_a_number(void **state)
{
	(void)state;
	check_bytes(NAN, true, UNIT_BINARY, "-");
	check_bytes(INFINITY, true, UNIT_SI, "-");
}

static void bytes_fit_eleven_cells(void **state)
{
	char text[64];

	(void)state;
	for (double bytes = 0.001; bytes <= 0x1p63; bytes *= 1.0137) {
		for (enum unit_style style = UNIT_BINARY; style <= UNIT_SI; style++) {
			size_t length = units_bytes(text, sizeof(text), bytes, true, style);

			assert_int_equal(length, strlen(text));
			if (length > 11)
				fail_msg("%g: '%s' takes %zu cells", bytes, text, length);
		}
	}
}

static void bytes_are_cut_to_the_buffer(void **state)
{
	char text[8] = "#######";

	(void)state;
	assert_int_equal(units_bytes(text, 4, 1024, true, UNIT_BINARY), 3);
	assert_string_equal(text, "1.0");
	assert_int_equal(text[4], '#');
	assert_int_equal(units_bytes(text, 0, 1024, true, UNIT_BINARY), 0);
	assert_int_equal(text[0], '1');
}

static void check_count(double count, const char *expected)
{
	char text[64];
	size_t length = units_count(text, sizeof(text), count);

	assert_string_equal(text, expected);
	assert_int_equal(length, strlen(expected));
}

static void counts(void **state)
{
	(void)state;
	check_count(0, "0");
	check_count(7, "7");
	check_count(0.4, "0.4");
	check_count(0.04, "0.04");
	check_count(512.3, "512.3");
	check_count(499.96, "500.0");
	check_count(9999.94, "9999.9");
	check_count(9999.96, "10000");
	check_count(12345, "12345");
	check_count(12345.6, "12346");
	check_count(99999, "99999");
	check_count(99999.5, "100.0k");
	check_count(123400, "123.4k");
	check_count(999949, "999.9k");
	check_count(999950, "1.0M");
	check_count(12.3e6, "12.3M");
	check_count(0x1p64, "18.4E");
	check_count(-1, "-");
	check_count(NAN, "-");
}

static void counts_fit_seven_cells(void **state)
{
	char text[64];

	(void)state;
	for (double count = 0.0001; count <= 0x1p64; count *= 1.0071)
		assert_in_range(units_count(text, sizeof(text), count), 1, 7);
}

static void check_percent(double ratio, const char *expected)
{
	char text[64];
	size_t length = units_percent(text, sizeof(text), ratio);

	assert_string_equal(text, expected);
	assert_int_equal(length, strlen(expected));
}

static void percents(void **state)
{
	(void)state;
	check_percent(0, "0.00 %");
	check_percent(0.1234, "12.34 %");
	check_percent(0.99994, "99.99 %");
	check_percent(0.99996, "100.0 %");
	check_percent(1, "100.0 %");
	check_percent(1e9, "999.9 %");
	check_percent(-0.5, "-");
	check_percent(NAN, "-");
}

static void check_duration(uint64_t ns, const char *expected)
{
	char text[64];
	size_t length = units_duration(text, sizeof(text), ns);

	assert_string_equal(text, expected);
	assert_int_equal(length, strlen(expected));
}

static void durations(void **state)
{
	(void)state;
	check_duration(0, "0us");
	check_duration(999, "999ns");
	check_duration(85000, "85us");
	check_duration(999499, "999us");
	check_duration(999500, "1.00ms");
	check_duration(1250000, "1.25ms");
	check_duration(9996000, "10.0ms");
	check_duration(125000000, "125ms");
	check_duration(999499999, "999ms");
	check_duration(999500000, "1.00s");
	check_duration(UINT64_C(12300000000), "12.3s");
	check_duration(UINT64_C(59949999999), "59.9s");
	check_duration(UINT64_C(59950000000), "1m00s");
	check_duration(UINT64_C(245) * 1000000000, "4m05s");
	check_duration(UINT64_C(3599999) * 1000000, "1h00m");
	check_duration(UINT64_C(11520) * 1000000000, "3h12m");
	check_duration(UINT64_C(1051200) * 1000000000, "12d4h");
	check_duration(UINT64_MAX, "213503d");
}

static void durations_fit_seven_cells(void **state)
{
	char text[64];

	(void)state;
	for (double ns = 1; ns < 0x1p64; ns *= 1.0097)
		assert_in_range(units_duration(text, sizeof(text), (uint64_t)ns), 3, 7);
}

static void check_u64(const char *text, uint64_t min, uint64_t max, int result, uint64_t expected)
{
	uint64_t value = 4711;

	if (parse_u64(text, min, max, &value) != result)
		fail_msg("'%s' gives %d", text, parse_u64(text, min, max, &value));
	assert_int_equal(value, result == 0 ? expected : 4711);
}

static void whole_numbers_are_strict(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x10", "1.0", "1e3", "abc", "1a", "\n", "١" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_u64(bad[i], 0, UINT64_MAX, -EINVAL, 0);
	check_u64("0", 0, 10, 0, 0);
	check_u64("007", 0, 10, 0, 7);
	check_u64("18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX);
	check_u64("18446744073709551616", 0, UINT64_MAX, -ERANGE, 0);
	check_u64("99999999999999999999999", 0, UINT64_MAX, -ERANGE, 0);
	check_u64("99999999999999999999999x", 0, UINT64_MAX, -EINVAL, 0);
	check_u64("0", 1, 10, -ERANGE, 0);
	check_u64("11", 1, 10, -ERANGE, 0);
}

static void check_seconds(const char *text, int result, uint64_t expected)
{
	uint64_t value = 4711;

	if (parse_seconds_ns(text, 1, UINT64_MAX, &value) != result)
		fail_msg("'%s' gives %d", text, parse_seconds_ns(text, 1, UINT64_MAX, &value));
	assert_int_equal(value, result == 0 ? expected : 4711);
}

static void seconds_with_fractions(void **state)
{
	static const char *const bad[] = { "",    ".",     "1.",  "-1",  "+1", " 1",   "1 ",  "1,5",
					   "1e3", "0x1p3", "inf", "nan", "1s", "1.5.", "..5", "1..5" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_seconds(bad[i], -EINVAL, 0);
	check_seconds("0.5", 0, 500000000);
	check_seconds(".25", 0, 250000000);
	check_seconds("2", 0, 2000000000);
	check_seconds("1.0000000019", 0, 1000000001);
	check_seconds("18446744073.709551615", 0, UINT64_MAX);
	check_seconds("18446744073.709551616", -ERANGE, 0);
	check_seconds("99999999999999999999999", -ERANGE, 0);
	check_seconds("0", -ERANGE, 0);
}

/* A locale whose decimals have a comma changes nothing. Skipped where none is installed. */
static void the_locale_does_not_matter(void **state)
{
	static const char *const commas[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "ru_RU.UTF-8" };
	bool found = false;

	(void)state;
	for (size_t i = 0; i < sizeof(commas) / sizeof(*commas) && !found; i++)
		found = setlocale(LC_ALL, commas[i]) != NULL;
	check_bytes(1536, true, UNIT_BINARY, "1.50 K/s");
	check_seconds("0.5", 0, 500000000);
	setlocale(LC_ALL, "C");
	if (!found)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_in_each_style),
		cmocka_unit_test(bytes_never_round_up_to_the_base),
		cmocka_unit_test(bytes_below_zero_keep_their_sign),
		cmocka_unit_test(bytes_without_a_number),
		cmocka_unit_test(bytes_fit_eleven_cells),
		cmocka_unit_test(bytes_are_cut_to_the_buffer),
		cmocka_unit_test(counts),
		cmocka_unit_test(counts_fit_seven_cells),
		cmocka_unit_test(percents),
		cmocka_unit_test(durations),
		cmocka_unit_test(durations_fit_seven_cells),
		cmocka_unit_test(whole_numbers_are_strict),
		cmocka_unit_test(seconds_with_fractions),
		cmocka_unit_test(the_locale_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
