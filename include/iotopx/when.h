/* Moments as people type them: "03:10", "2026-11-22 03:10", "-2h". Pure, but for the time zone. */
#ifndef IOTOPX_WHEN_H
#define IOTOPX_WHEN_H

#include <stdint.h>

#define WHEN_ACCEPTED "a time (03:10 or 03:10:30), a date and time (2026-11-22 03:10) or a time ago (-2h, -90s, -1d)"

/* Is it one of those? 0 or -EINVAL. */
int when_check(const char *text);

/* Milliseconds since 1970. A time of day is the last such one that is not after `reference_ms`, a time ago is told from
 * there too. 0 or -EINVAL. */
int when_resolve(const char *text, int64_t reference_ms, int64_t *ms);

/* Begin and end of a window inside [first_ms, last_ms]; NULL: where that begins or ends. A time of day for the end is
 * the first such one after the begin. -EINVAL: no moments; -ERANGE: the end is not after the begin. */
int when_window(const char *begin, const char *end, int64_t first_ms, int64_t last_ms, int64_t *begin_ms,
		int64_t *end_ms);

/* "7d", "12h", "30m", "90s" into ns; at least a second. 0, -EINVAL or -ERANGE. */
int parse_age_ns(const char *text, uint64_t *ns);

#endif
