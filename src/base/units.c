#include "iotopx/units.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_US 1000u
#define NS_PER_MS 1000000u
#define NS_PER_S 1000000000u

/* snprintf's answer is what it would have written; ours is what is there. */
static size_t written(int wanted, size_t size)
{
	if (wanted < 0 || size == 0)
		return 0;
	return (size_t)wanted < size ? (size_t)wanted : size - 1;
}

/* Decimals by integers: the locale's decimal comma never gets in. `scale` is 10^digits. */
static size_t put_fixed(char *to, size_t size, double value, unsigned digits, const char *suffix)
{
	static const uint64_t scales[] = { 1, 10, 100 };
	uint64_t scale = scales[digits];
	double scaled = value * (double)scale + 0.5;
	uint64_t whole = scaled >= 0x1p64 ? UINT64_MAX : (uint64_t)scaled;

	if (digits == 0)
		return written(snprintf(to, size, "%" PRIu64 "%s", whole, suffix), size);
	return written(
	    snprintf(to, size, "%" PRIu64 ".%0*" PRIu64 "%s", whole / scale, (int)digits, whole % scale, suffix), size);
}

struct unit_scale {
	double base;
	double limit; /* where the next unit begins: above it two decimals would round up to the base */
	size_t count;
	const char *const suffixes[7];
};

static const struct unit_scale unit_scales[] = {
	[UNIT_BINARY] = { 1024, 1023.995, 7, { " B", " K", " M", " G", " T", " P", " E" } },
	[UNIT_SI] = { 1000, 999.995, 7, { " B", " kB", " MB", " GB", " TB", " PB", " EB" } },
};

size_t units_bytes(char *to, size_t size, double bytes, bool per_second, enum unit_style style)
{
	const char *sign = "";
	const char *suffix = " K";
	char number[64];

	if (!isfinite(bytes))
		return written(snprintf(to, size, "-"), size);
	/* Below half of the last digit there is no sign: never "-0.00". */
	if (bytes < 0) {
		bytes = -bytes;
		sign = bytes < (style == UNIT_KIB ? 5.12 : 0.005) ? "" : "-";
	}
	if (style == UNIT_KIB) {
		bytes /= 1024;
	} else {
		const struct unit_scale *scale = &unit_scales[style];
		size_t step = 0;

		while (bytes >= scale->limit && step + 1 < scale->count) {
			bytes /= scale->base;
			step++;
		}
		suffix = scale->suffixes[step];
	}
	put_fixed(number, sizeof(number), bytes, 2, suffix);
	return written(snprintf(to, size, "%s%s%s", sign, number, per_second ? "/s" : ""), size);
}

size_t units_count(char *to, size_t size, double count)
{
	static const char *const suffixes[] = { "k", "M", "G", "T", "P", "E" };
	size_t step = 0;

	if (!isfinite(count) || count < 0)
		return written(snprintf(to, size, "-"), size);
	if (count < 99999.5) {
		unsigned digits = 1;

		/* Whole numbers stay whole, a small rate keeps a digit that is not 0, a large one needs none. */
		if (count == (double)(uint64_t)count || count >= 9999.95)
			digits = 0;
		else if (count < 0.095)
			digits = 2;
		return put_fixed(to, size, count, digits, "");
	}
	count /= 1000;
	while (count >= 999.95 && step + 1 < sizeof(suffixes) / sizeof(*suffixes)) {
		count /= 1000;
		step++;
	}
	return put_fixed(to, size, count, 1, suffixes[step]);
}

size_t units_percent(char *to, size_t size, double ratio)
{
	double percent = ratio * 100;

	if (!isfinite(ratio) || ratio < 0)
		return written(snprintf(to, size, "-"), size);
	if (percent > 999.9)
		percent = 999.9;
	return put_fixed(to, size, percent, percent < 99.995 ? 2 : 1, " %");
}

/* Three digits that matter. */
static size_t put_significant(char *to, size_t size, double value, const char *suffix)
{
	unsigned digits = 0;

	if (value < 9.995)
		digits = 2;
	else if (value < 99.95)
		digits = 1;
	return put_fixed(to, size, value, digits, suffix);
}

size_t units_duration(char *to, size_t size, uint64_t ns)
{
	uint64_t seconds;

	if (ns == 0)
		return written(snprintf(to, size, "0us"), size);
	if (ns < NS_PER_US)
		return written(snprintf(to, size, "%" PRIu64 "ns", ns), size);
	if (ns < 999500)
		return put_fixed(to, size, (double)ns / NS_PER_US, 0, "us");
	if (ns < 999500000)
		return put_significant(to, size, (double)ns / NS_PER_MS, "ms");
	if (ns < UINT64_C(59950000000))
		return put_significant(to, size, (double)ns / NS_PER_S, "s");
	seconds = ns / NS_PER_S + (ns % NS_PER_S >= NS_PER_S / 2);
	if (seconds < 3600)
		return written(snprintf(to, size, "%" PRIu64 "m%02" PRIu64 "s", seconds / 60, seconds % 60), size);
	if (seconds < 86400)
		return written(snprintf(to, size, "%" PRIu64 "h%02" PRIu64 "m", seconds / 3600, seconds / 60 % 60),
			       size);
	if (seconds < UINT64_C(86400) * 1000)
		return written(snprintf(to, size, "%" PRIu64 "d%" PRIu64 "h", seconds / 86400, seconds / 3600 % 24),
			       size);
	return written(snprintf(to, size, "%" PRIu64 "d", seconds / 86400), size);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits at *text; *text is then behind them. 0 or -ERANGE, in which case all digits are skipped too. */
static int scan_digits(const char **text, uint64_t *value)
{
	int error = 0;

	*value = 0;
	for (; is_digit(**text); (*text)++) {
		uint64_t digit = (uint64_t)(**text - '0');

		if (__builtin_mul_overflow(*value, 10u, value) || __builtin_add_overflow(*value, digit, value))
			error = -ERANGE;
	}
	return error;
}

int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t parsed;
	int error;

	if (!is_digit(*text))
		return -EINVAL;
	error = scan_digits(&text, &parsed);
	if (*text != '\0')
		return -EINVAL;
	if (error < 0 || parsed < min || parsed > max)
		return -ERANGE;
	*value = parsed;
	return 0;
}

int parse_seconds_ns(const char *text, uint64_t min_ns, uint64_t max_ns, uint64_t *value_ns)
{
	uint64_t seconds, ns, fraction = 0;
	uint64_t unit = NS_PER_S / 10;
	int error;

	if (!is_digit(*text) && !(*text == '.' && is_digit(text[1])))
		return -EINVAL;
	error = scan_digits(&text, &seconds);
	if (*text == '.') {
		text++;
		if (!is_digit(*text))
			return -EINVAL;
		for (; is_digit(*text); text++) {
			fraction += (uint64_t)(*text - '0') * unit;
			unit /= 10;
		}
	}
	if (*text != '\0')
		return -EINVAL;
	if (error < 0 || __builtin_mul_overflow(seconds, (uint64_t)NS_PER_S, &ns) ||
	    __builtin_add_overflow(ns, fraction, &ns) || ns < min_ns || ns > max_ns)
		return -ERANGE;
	*value_ns = ns;
	return 0;
}
