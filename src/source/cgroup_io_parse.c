#include "iotopx/cgroup_io.h"
#include "iotopx/machine_read.h"
#include "scan.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *key;
	size_t offset;
} io_fields[] = {
	{ "rbytes=", offsetof(struct cgroup_io_counters, read_bytes) },
	{ "wbytes=", offsetof(struct cgroup_io_counters, write_bytes) },
	{ "dbytes=", offsetof(struct cgroup_io_counters, discard_bytes) },
	{ "rios=", offsetof(struct cgroup_io_counters, reads) },
	{ "wios=", offsetof(struct cgroup_io_counters, writes) },
	{ "dios=", offsetof(struct cgroup_io_counters, discards) },
};

static uint64_t *field_of(struct cgroup_io_counters *counters, const char **token)
{
	for (size_t i = 0; i < sizeof(io_fields) / sizeof(io_fields[0]); i++)
		if (scan_word(token, io_fields[i].key))
			return (uint64_t *)((char *)counters + io_fields[i].offset);
	return NULL;
}

static bool parse_device(const char *token, size_t length, uint64_t *major, uint64_t *minor)
{
	const char *at = token;

	return scan_number(&at, major) && scan_word(&at, ":") && scan_number(&at, minor) && at == token + length;
}

/* "8:0 rbytes=1 wbytes=2 ..." a line. Some 5.x kernels forget the newline after a device without figures and write the
 * next one behind it: a device's number ends the one before wherever it stands. Other keys (iocost's) are passed over.
 */
int cgroup_io_parse(const char *text, cgroup_io_stacked *stacked, void *data, struct cgroup_io_counters *counters)
{
	struct cgroup_io_counters sum = { 0 };

	for (; *text; scan_line(&text)) {
		const char *token, *at = text;
		bool device = false, counted = false;
		size_t length;

		while ((length = scan_token(&at, &token)) > 0) {
			uint64_t major, minor, value, *field;

			if (parse_device(token, length, &major, &minor)) {
				device = true;
				counted = !stacked || !stacked(data, (unsigned)major, (unsigned)minor);
				continue;
			}
			field = field_of(&sum, &token);
			if (!field)
				continue;
			if (!device || *token == ' ' || *token == '\t' || !scan_number(&token, &value) || token != at)
				return -EINVAL;
			if (counted)
				*field += value;
		}
	}
	*counters = sum;
	return 0;
}

int cgroup_io_parse_pressure(const char *text, uint64_t *some_us, uint64_t *full_us)
{
	struct machine_counters parsed = { 0 };
	int error = machine_parse_pressure(text, &parsed);

	if (error)
		return error;
	*some_us = parsed.io_some_us;
	*full_us = parsed.io_full_us;
	return 0;
}
