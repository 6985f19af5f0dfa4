/* The fields of an interval: what it is of, and what the machine did. */
#include "fields.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#define SCHEMA 1 /* grows when a field changes its meaning or goes; not when one comes */

struct field_value field_timestamp(struct fields *fields, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	unsigned milliseconds = (unsigned)(wall_ms % 1000);
	struct tm moment;
	char text[64];
	size_t used;

	if (wall_ms < 0 || !gmtime_r(&seconds, &moment))
		return field_null();
	used = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &moment);
	snprintf(text + used, sizeof(text) - used, ".%03uZ", milliseconds);
	return field_text(fields, text);
}

static struct field_value get_schema(struct fields *fields, const struct field *field)
{
	(void)fields, (void)field;
	return field_integer(SCHEMA);
}

static struct field_value get_view(struct fields *fields, const struct field *field)
{
	(void)field;
	return field_text(fields, fields->page ? fields->page->key : "tasks");
}

static struct field_value get_scope(struct fields *fields, const struct field *field)
{
	(void)field;
	return field_text(fields, fields->interval->all_tasks ? "all" : "own");
}

static struct field_value get_timestamp(struct fields *fields, const struct field *field)
{
	(void)field;
	return field_timestamp(fields, fields->interval->end_wall_ms);
}

static struct field_value get_interval(struct fields *fields, const struct field *field)
{
	(void)field;
	return field_real(interval_seconds(fields->interval));
}

static struct field_value get_host(struct fields *fields, const struct field *field)
{
	(void)field;
	return field_text(fields, fields->options->host);
}

static struct field_value get_delayacct(struct fields *fields, const struct field *field)
{
	int on = fields->interval->delayacct;

	(void)field;
	return on < 0 ? field_null() : (struct field_value){ .type = FIELD_BOOL, .flag = on > 0 };
}

static struct field_value get_lost_exits(struct fields *fields, const struct field *field)
{
	(void)field;
	return fields->interval->exits_known ? field_integer(fields->interval->lost_exits) : field_null();
}

static struct field_value get_after_gap(struct fields *fields, const struct field *field)
{
	(void)field;
	return field_bool(fields->interval->gap);
}

static struct field_value get_unrecorded(struct fields *fields, const struct field *field)
{
	(void)field;
	return field_integer(fields->interval->unrecorded);
}

const struct field field_sample_table[] = {
	{ .name = "schema", .get = get_schema },
	{ .name = "view", .get = get_view },
	{ .name = "scope", .get = get_scope },
	{ .name = "timestamp", .get = get_timestamp },
	{ .name = "interval_seconds", .get = get_interval },
	{ .name = "host", .get = get_host },
	{ .name = "delayacct", .get = get_delayacct },
	{ .name = "lost_exits", .get = get_lost_exits },
	{ .name = "after_gap", .get = get_after_gap },
	{ .name = "unrecorded_intervals", .get = get_unrecorded },
};
const size_t field_sample_count = sizeof(field_sample_table) / sizeof(*field_sample_table);

static struct field_value get_total(struct fields *fields, const struct field *field)
{
	const struct counters *total = &fields->interval->total;

	if (!counters_known(total, field->counter))
		return field_null();
	return field_real((double)total->value[field->counter] / interval_seconds(fields->interval));
}

/* By the time between the two readings of vmstat, which is not quite that between the two sweeps. */
static struct field_value actual(const struct fields *fields, uint64_t bytes)
{
	const struct machine_delta *machine = &fields->interval->machine;
	double seconds =
	    machine->elapsed_ns > 0 ? (double)machine->elapsed_ns / 1e9 : interval_seconds(fields->interval);

	return machine->known & MACHINE_VMSTAT ? field_real((double)bytes / seconds) : field_null();
}

static struct field_value get_actual_read(struct fields *fields, const struct field *field)
{
	(void)field;
	return actual(fields, fields->interval->machine.actual_read_bytes);
}

static struct field_value get_actual_write(struct fields *fields, const struct field *field)
{
	(void)field;
	return actual(fields, fields->interval->machine.actual_write_bytes);
}

static struct field_value get_dirty(struct fields *fields, const struct field *field)
{
	const struct machine_delta *machine = &fields->interval->machine;

	(void)field;
	return machine->known & MACHINE_MEMINFO ? field_integer(machine->dirty_bytes) : field_null();
}

static struct field_value get_writeback(struct fields *fields, const struct field *field)
{
	const struct machine_delta *machine = &fields->interval->machine;

	(void)field;
	return machine->known & MACHINE_MEMINFO ? field_integer(machine->writeback_bytes) : field_null();
}

/* Shares of the time, by name: of the interval, or means that the kernel keeps in percent. */
static const struct {
	const char *name;
	uint32_t known; /* enum machine_known */
	size_t offset;  /* of a double in struct machine_delta */
	double scale;
} shares[] = {
#define SHARE(name, known, member, scale)                                                                              \
	{                                                                                                              \
		name, known, offsetof(struct machine_delta, member), scale                                             \
	}
	SHARE("io_some_ratio", MACHINE_PRESSURE, io_some_ratio, 1),
	SHARE("io_full_ratio", MACHINE_PRESSURE, io_full_ratio, 1),
	SHARE("io_some_avg10_ratio", MACHINE_PRESSURE, io_some_avg10, 0.01),
	SHARE("io_some_avg60_ratio", MACHINE_MINUTES, io_some_avg60, 0.01),
	SHARE("io_some_avg300_ratio", MACHINE_MINUTES, io_some_avg300, 0.01),
	SHARE("io_full_avg10_ratio", MACHINE_PRESSURE, io_full_avg10, 0.01),
	SHARE("io_full_avg60_ratio", MACHINE_MINUTES, io_full_avg60, 0.01),
	SHARE("io_full_avg300_ratio", MACHINE_MINUTES, io_full_avg300, 0.01),
	SHARE("cpu_user_ratio", MACHINE_CPU, cpu_user, 1),
	SHARE("cpu_system_ratio", MACHINE_CPU, cpu_system, 1),
	SHARE("cpu_iowait_ratio", MACHINE_CPU, cpu_iowait, 1),
	SHARE("cpu_steal_ratio", MACHINE_CPU, cpu_steal, 1),
#undef SHARE
};

static struct field_value get_share(struct fields *fields, const struct field *field)
{
	const struct machine_delta *machine = &fields->interval->machine;

	for (size_t i = 0; i < sizeof(shares) / sizeof(*shares); i++) {
		if (strcmp(shares[i].name, field->name) != 0)
			continue;
		if (!(machine->known & shares[i].known))
			break;
		/* cppcheck-suppress invalidPointerCast ; the offset is that of a double */
		return field_real(*(const double *)((const char *)machine + shares[i].offset) * shares[i].scale);
	}
	return field_null();
}

const struct field field_totals_table[] = {
	{ .get = get_total, .counter = COUNTER_READ, .per_second = true },
	{ .get = get_total, .counter = COUNTER_WRITE, .per_second = true },
	{ .name = "actual_read_bytes_per_second", .get = get_actual_read },
	{ .name = "actual_write_bytes_per_second", .get = get_actual_write },
	{ .name = "dirty_bytes", .get = get_dirty },
	{ .name = "writeback_bytes", .get = get_writeback },
	{ .name = "io_some_ratio", .get = get_share },
	{ .name = "io_full_ratio", .get = get_share },
	{ .name = "io_some_avg10_ratio", .get = get_share },
	{ .name = "io_some_avg60_ratio", .get = get_share },
	{ .name = "io_some_avg300_ratio", .get = get_share },
	{ .name = "io_full_avg10_ratio", .get = get_share },
	{ .name = "io_full_avg60_ratio", .get = get_share },
	{ .name = "io_full_avg300_ratio", .get = get_share },
	{ .name = "cpu_user_ratio", .get = get_share },
	{ .name = "cpu_system_ratio", .get = get_share },
	{ .name = "cpu_iowait_ratio", .get = get_share },
	{ .name = "cpu_steal_ratio", .get = get_share },
};
const size_t field_totals_count = sizeof(field_totals_table) / sizeof(*field_totals_table);
_Static_assert(sizeof(field_totals_table) / sizeof(*field_totals_table) <= FIELD_TOTALS_MAX, "room for every total");
