#include "iotopx/when.h"
#include "iotopx/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ull
#define AGE_MAX_S (100ull * 366 * 86400)

enum when_kind { WHEN_CLOCK, WHEN_DATE, WHEN_AGO };

struct when {
	enum when_kind kind;
	int year, month, day, hour, minute, second;
	uint64_t ago_ns;
};

int parse_age_ns(const char *text, uint64_t *ns)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 7 * 86400 } };
	size_t length = strlen(text);
	char digits[16];
	uint64_t count;

	if (length < 2 || length > sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, length - 1);
	digits[length - 1] = '\0';
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (text[length - 1] == units[i].letter) {
			if (parse_u64(digits, 1, AGE_MAX_S / units[i].seconds, &count))
				return -EINVAL;
			*ns = count * units[i].seconds * NS_PER_S;
			return 0;
		}
	return -EINVAL;
}

/* Exactly `digits` of them; *text moves behind. */
static bool take_number(const char **text, int digits, int max, int *number)
{
	int value = 0;

	for (int i = 0; i < digits; i++, ++*text) {
		if (!isdigit((unsigned char)**text))
			return false;
		value = value * 10 + (**text - '0');
	}
	*number = value;
	return value <= max;
}

static bool take_char(const char **text, char wanted)
{
	if (**text != wanted)
		return false;
	++*text;
	return true;
}

/* HH:MM or HH:MM:SS, to the end. */
static bool parse_clock(const char *text, struct when *when)
{
	if (!take_number(&text, 2, 23, &when->hour) || !take_char(&text, ':') ||
	    !take_number(&text, 2, 59, &when->minute))
		return false;
	if (*text && (!take_char(&text, ':') || !take_number(&text, 2, 59, &when->second)))
		return false;
	return *text == '\0';
}

static bool parse_date(const char *text, struct when *when)
{
	if (!take_number(&text, 4, 9999, &when->year) || !take_char(&text, '-') ||
	    !take_number(&text, 2, 12, &when->month) || !take_char(&text, '-') ||
	    !take_number(&text, 2, 31, &when->day) || when->month == 0 || when->day == 0 || when->year < 1971)
		return false;
	if (*text == '\0')
		return true; /* midnight */
	return (take_char(&text, ' ') || take_char(&text, 'T')) && parse_clock(text, when);
}

static int parse(const char *text, struct when *when)
{
	memset(when, 0, sizeof(*when));
	if (*text == '-') {
		when->kind = WHEN_AGO;
		return parse_age_ns(text + 1, &when->ago_ns);
	}
	if (parse_clock(text, when)) {
		when->kind = WHEN_CLOCK;
		return 0;
	}
	memset(when, 0, sizeof(*when));
	when->kind = WHEN_DATE;
	return parse_date(text, when) ? 0 : -EINVAL;
}

int when_check(const char *text)
{
	struct when when;

	return parse(text, &when) ? -EINVAL : 0;
}

static struct tm local_day(int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm day;

	memset(&day, 0, sizeof(day));
	localtime_r(&seconds, &day);
	return day;
}

/* That clock time, `days` from the day of the reference. mktime finds out about summer time. */
static int64_t clock_ms(const struct when *when, int64_t reference_ms, int days)
{
	struct tm day = local_day(reference_ms);

	day.tm_mday += days;
	day.tm_hour = when->hour;
	day.tm_min = when->minute;
	day.tm_sec = when->second;
	day.tm_isdst = -1;
	return (int64_t)mktime(&day) * 1000;
}

static int64_t resolve(const struct when *when, int64_t reference_ms)
{
	struct tm day = { .tm_year = when->year - 1900,
			  .tm_mon = when->month - 1,
			  .tm_mday = when->day,
			  .tm_hour = when->hour,
			  .tm_min = when->minute,
			  .tm_sec = when->second,
			  .tm_isdst = -1 };
	int64_t ms;

	switch (when->kind) {
	case WHEN_AGO:
		return reference_ms - (int64_t)(when->ago_ns / 1000000);
	case WHEN_DATE:
		return (int64_t)mktime(&day) * 1000;
	case WHEN_CLOCK:
		break;
	}
	ms = clock_ms(when, reference_ms, 0);
	return ms <= reference_ms ? ms : clock_ms(when, reference_ms, -1);
}

int when_resolve(const char *text, int64_t reference_ms, int64_t *ms)
{
	struct when when;

	if (parse(text, &when))
		return -EINVAL;
	*ms = resolve(&when, reference_ms);
	return 0;
}

int when_window(const char *begin, const char *end, int64_t first_ms, int64_t last_ms, int64_t *begin_ms,
		int64_t *end_ms)
{
	struct when from, to;
	int64_t window_begin = first_ms, window_end = last_ms;

	if ((begin && parse(begin, &from)) || (end && parse(end, &to)))
		return -EINVAL;
	if (begin)
		window_begin = resolve(&from, last_ms);
	if (end)
		window_end = resolve(&to, last_ms);
	/* "23:50 to 00:10", or an end later than what is recorded so far. */
	if (begin && end && to.kind == WHEN_CLOCK) {
		window_end = clock_ms(&to, window_begin, 0);
		if (window_end <= window_begin)
			window_end = clock_ms(&to, window_begin, 1);
	}
	if (window_end <= window_begin)
		return -ERANGE;
	*begin_ms = window_begin;
	*end_ms = window_end;
	return 0;
}
