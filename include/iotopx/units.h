/* Numbers as people read them, and numbers as people type them. */
#ifndef IOTOPX_UNITS_H
#define IOTOPX_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unit_style {
	UNIT_BINARY, /* B K M G T P, 1024 */
	UNIT_SI,     /* B kB MB GB, 1000 */
	UNIT_KIB,    /* everything in KiB (iotop's -k) */
	UNIT_STYLE_COUNT,
};

/* "12.34 M", "0.00 B", per_second adds "/s". Fits 11 cells ("1023.99 K/s") up to 2^63 in every style but UNIT_KIB. */
size_t units_bytes(char *to, size_t size, double bytes, bool per_second, enum unit_style style);

/* Counts: "0", "7", "0.4", "512.3", "12345", then "123.4k", "12.3M". At most 7 cells. */
size_t units_count(char *to, size_t size, double count);

/* A ratio 0..1 as "12.34 %", "100.0 %" at the top: 7 cells. */
size_t units_percent(char *to, size_t size, double ratio);

/* Durations: "85us", "1.25ms", "12.3s", "4m05s", "3h12m", "12d4h". At most 7 cells. */
size_t units_duration(char *to, size_t size, uint64_t ns);

/* Strict parsing: the whole string, no sign, no blanks, no overflow. 0 or -EINVAL / -ERANGE, *value untouched on failure. */
int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *value);
/* Decimal seconds with a fraction ("0.5", "2", ".25"), locale-independent; into ns. No exponent, no inf, no nan. */
int parse_seconds_ns(const char *text, uint64_t min_ns, uint64_t max_ns, uint64_t *value_ns);

#endif
