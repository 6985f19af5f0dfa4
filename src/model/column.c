/* THE table of columns, and what each shows of a row. To add a column, write its getter and its entry. */
#include "iotopx/column.h"
#include "iotopx/table.h"

#include <string.h>

static struct value unknown(void)
{
	return (struct value){ .type = VALUE_UNKNOWN };
}

static struct value number(double number, bool approximate)
{
	return (struct value){ .type = VALUE_NUMBER, .number = number, .approximate = approximate };
}

static struct value text(const char *text)
{
	if (!text)
		return unknown();
	return (struct value){ .type = VALUE_TEXT, .text = text };
}

static bool is_approximate(const struct row *row, uint32_t counters)
{
	return (row->sum.approximate & counters) != 0;
}

/* A sum over the interval, as the mode shows it. Before the first measurement there are no rates. */
static struct value by_mode(double sum, bool approximate, const struct row_context *context)
{
	if (context->mode == MODE_ACCUMULATED)
		return number(sum, approximate);
	if (context->baseline || !(context->seconds > 0))
		return unknown();
	return number(sum / context->seconds, approximate);
}

static struct value counter_value(const struct row *row, const struct row_context *context, enum counter counter)
{
	if (!counters_known(&row->sum, counter))
		return unknown();
	return by_mode((double)row->sum.value[counter], is_approximate(row, COUNTER_BIT(counter)), context);
}

static struct value get_read(const struct row *row, const struct row_context *context)
{
	return counter_value(row, context, COUNTER_READ);
}

/* Cancelled bytes that are not known leave an upper bound. */
static struct value get_write(const struct row *row, const struct row_context *context)
{
	bool approximate = is_approximate(row, COUNTER_BIT(COUNTER_WRITE) | COUNTER_BIT(COUNTER_CANCELLED)) ||
			   !counters_known(&row->sum, COUNTER_CANCELLED);

	if (!counters_known(&row->sum, COUNTER_WRITE))
		return unknown();
	return by_mode((double)counters_write_shown(&row->sum), approximate, context);
}

static struct value get_cancelled(const struct row *row, const struct row_context *context)
{
	return counter_value(row, context, COUNTER_CANCELLED);
}

static struct value get_read_char(const struct row *row, const struct row_context *context)
{
	return counter_value(row, context, COUNTER_READ_CHAR);
}

static struct value get_write_char(const struct row *row, const struct row_context *context)
{
	return counter_value(row, context, COUNTER_WRITE_CHAR);
}

static struct value get_read_calls(const struct row *row, const struct row_context *context)
{
	return counter_value(row, context, COUNTER_READ_CALLS);
}

static struct value get_write_calls(const struct row *row, const struct row_context *context)
{
	return counter_value(row, context, COUNTER_WRITE_CALLS);
}

static struct value get_blkio_count(const struct row *row, const struct row_context *context)
{
	return counter_value(row, context, COUNTER_BLKIO_COUNT);
}

static struct value get_swapin_count(const struct row *row, const struct row_context *context)
{
	return counter_value(row, context, COUNTER_SWAPIN_COUNT);
}

static struct value actual(const struct row *row, const struct row_context *context, uint64_t bytes)
{
	return row->cgroups.io_known ? by_mode((double)bytes, row->cgroups.approximate, context) : unknown();
}

static struct value get_actual_read(const struct row *row, const struct row_context *context)
{
	return actual(row, context, row->cgroups.read_bytes);
}

static struct value get_actual_write(const struct row *row, const struct row_context *context)
{
	return actual(row, context, row->cgroups.write_bytes);
}

static struct value pressure(const struct row *row, const struct row_context *context, uint64_t waited_us)
{
	double ratio = (double)waited_us / 1e6 / context->seconds;

	if (!row->cgroups.pressure_known || context->baseline || !(context->seconds > 0))
		return unknown();
	return number(ratio < 1 ? ratio : 1, false);
}

static struct value get_pressure_some(const struct row *row, const struct row_context *context)
{
	return pressure(row, context, row->cgroups.some_us);
}

static struct value get_pressure_full(const struct row *row, const struct row_context *context)
{
	return pressure(row, context, row->cgroups.full_us);
}

/* Nothing waited: there is no time of a wait. */
static struct value get_blkio_average(const struct row *row, const struct row_context *context)
{
	const struct counters *sum = &row->sum;
	uint32_t used = COUNTER_BIT(COUNTER_BLKIO_COUNT) | COUNTER_BIT(COUNTER_BLKIO_DELAY);

	(void)context;
	if ((sum->known & used) != used || sum->value[COUNTER_BLKIO_COUNT] == 0)
		return unknown();
	return number((double)sum->value[COUNTER_BLKIO_DELAY] / (double)sum->value[COUNTER_BLKIO_COUNT],
		      is_approximate(row, used));
}

/* The share of the interval, or of the life within it if that was shorter, that the busiest thread waited. A wait in
 * progress is in the counters only when it ends, so of a stuck task this is a lower bound. */
static struct value delay_ratio(const struct row *row, const struct row_context *context, enum counter counter,
				uint64_t busiest_ns)
{
	double seconds = context->seconds;
	double lived = (double)row->lived_ns / 1e9;
	double ratio;

	/* Who was in D from sample to sample waited, whether or not the kernel measures it. */
	if (!counters_known(&row->sum, counter) &&
	    !(counter == COUNTER_BLKIO_DELAY && (row->flags & DELTA_STUCK) && busiest_ns))
		return unknown();
	if (context->baseline || !(seconds > 0))
		return unknown();
	if (row->lived_ns > 0 && lived < seconds)
		seconds = lived;
	ratio = (double)busiest_ns / 1e9 / seconds;
	return number(ratio < 1 ? ratio : 1, is_approximate(row, COUNTER_BIT(counter)) ||
						 (counter == COUNTER_BLKIO_DELAY && (row->flags & DELTA_STUCK)));
}

static struct value get_io(const struct row *row, const struct row_context *context)
{
	return delay_ratio(row, context, COUNTER_BLKIO_DELAY, row->busiest_blkio_ns);
}

static struct value get_swapin(const struct row *row, const struct row_context *context)
{
	return delay_ratio(row, context, COUNTER_SWAPIN_DELAY, row->busiest_swapin_ns);
}

/* Rows that stand for one task or one process. */
static bool is_single(const struct row *row)
{
	return row->key.kind == ROW_TASK || row->key.kind == ROW_PROCESS;
}

/* What the members of a row have in common. Folding keeps command, user and parent; `other` keeps user, unit and
 * container. */
static bool is_common(const struct row *row, enum row_same same)
{
	switch (row->key.kind) {
	case ROW_TASK:
	case ROW_PROCESS:
		return true;
	case ROW_GROUP:
		return row->same_info[same];
	case ROW_EXITED_FOLD:
		return true;
	case ROW_OTHER:
		return same == SAME_USER || same == SAME_UNIT || same == SAME_CONTAINER;
	}
	return false;
}

static struct value get_pid(const struct row *row, const struct row_context *context)
{
	(void)context;
	if (!is_single(row) || row->key.tid <= 0)
		return unknown();
	return number(row->key.tid, row->info->approximate_process);
}

static struct value get_ppid(const struct row *row, const struct row_context *context)
{
	(void)context;
	if (!is_common(row, SAME_PARENT) || row->mixed_parents || row->info->ppid <= 0)
		return unknown();
	return number(row->info->ppid, false);
}

/* Class and level in one number that sorts: 8 a class, and a half if the threads differ. Class none follows nice and
 * is scheduled as best effort. */
static struct value get_prio(const struct row *row, const struct row_context *context)
{
	struct prio prio;

	/* Nobody is left to ask about, or somebody else has the number. */
	if (!is_single(row) || row->flags & DELTA_EXITED || !context->lookup->prio)
		return unknown();
	if (row->key.kind == ROW_PROCESS && context->process_prios && context->lookup->process_prio)
		prio = context->lookup->process_prio(context->lookup->data, row->info);
	else
		prio = context->lookup->prio(context->lookup->data, row->info);
	if (prio.io_class < 0)
		return unknown();
	if (prio.io_class == 0)
		prio.io_class = 2;
	return number(prio.io_class * 8 + (prio.level & 7) + (prio.mixed ? 0.5 : 0), false);
}

static struct value get_user(const struct row *row, const struct row_context *context)
{
	if (!is_common(row, SAME_USER) || row->info->uid == UINT32_MAX)
		return unknown();
	return text(context->lookup->user(context->lookup->data, row->info->uid));
}

static struct value get_state(const struct row *row, const struct row_context *context)
{
	static const char letters[][2] = { "R", "S", "D", "T", "t", "Z", "X", "I", "P", "K", "W", "x" };

	(void)context;
	if (row->flags & DELTA_EXITED)
		return text("X");
	for (size_t i = 0; i < sizeof(letters) / sizeof(*letters); i++)
		if (row->state == letters[i][0])
			return text(letters[i]);
	return unknown();
}

/* Folded rows go by command, user and parent: one unit stands for all, mostly the right one. */
static struct value by_cgroup(const struct row *row, const char *name, enum row_same same)
{
	struct value value = text(is_common(row, same) ? name : NULL);

	value.approximate = value.type == VALUE_TEXT && row->key.kind != ROW_GROUP &&
			    (row->info->unit_approximate || row->key.kind == ROW_EXITED_FOLD);
	return value;
}

static struct value get_unit(const struct row *row, const struct row_context *context)
{
	(void)context;
	return by_cgroup(row, row->info->unit, SAME_UNIT);
}

static struct value get_container(const struct row *row, const struct row_context *context)
{
	(void)context;
	return by_cgroup(row, row->info->container, SAME_CONTAINER);
}

static struct value get_cgroup(const struct row *row, const struct row_context *context)
{
	(void)context;
	return is_single(row) ? by_cgroup(row, row->info->cgroup, SAME_UNIT) : unknown();
}

/* Folded rows have none: who has gone took its lifetime along. */
static struct value lifetime(const struct row *row, enum counter counter, uint64_t bytes)
{
	if (row->key.kind == ROW_EXITED_FOLD || row->key.kind == ROW_OTHER || !counters_known(&row->sum, counter))
		return unknown();
	return number((double)bytes, false);
}

static struct value get_lifetime_read(const struct row *row, const struct row_context *context)
{
	(void)context;
	return lifetime(row, COUNTER_READ, row->lifetime_read);
}

static struct value get_lifetime_write(const struct row *row, const struct row_context *context)
{
	(void)context;
	return lifetime(row, COUNTER_WRITE, row->lifetime_write);
}

static struct value get_age(const struct row *row, const struct row_context *context)
{
	(void)context;
	return row->age_ns > 0 ? number((double)row->age_ns, false) : unknown();
}

/* A picture of the past: drawn by the screen, which has it. */
static struct value get_graph(const struct row *row, const struct row_context *context)
{
	(void)row;
	(void)context;
	return unknown();
}

static const char *group_key(const struct row *row, const struct row_context *context)
{
	const struct task_info *info = row->info;

	switch (context->group) {
	case GROUP_USER:
		return info->uid == UINT32_MAX ? "?" : context->lookup->user(context->lookup->data, info->uid);
	case GROUP_UNIT:
		return info->unit ? info->unit : "?";
	case GROUP_CONTAINER:
		return info->container ? info->container : "(no container)";
	case GROUP_NONE:
	case GROUP_COMMAND:
	case GROUP_COUNT:
		break;
	}
	return task_info_command(info);
}

/* The number beside the text is how many the row stands for: column_format shows it. */
static struct value get_command(const struct row *row, const struct row_context *context)
{
	const char *line = NULL;
	struct value value;

	if (row->key.kind == ROW_GROUP) {
		value = text(group_key(row, context));
		value.number = row->members;
		return value;
	}
	if (context->full_command && is_single(row) && context->lookup->cmdline)
		line = context->lookup->cmdline(context->lookup->data, row->info);
	/* A kernel thread has an empty one. */
	if (line && *line)
		return text(line);
	value = text(context->threads || row->key.kind == ROW_TASK ? row->info->comm : task_info_command(row->info));
	if (!is_single(row))
		value.number = row->members;
	return value;
}

/* Widths hold the widest value with its `~`: "~1023.99 K/s", "~100.0 %", "~123.4k". Priorities: what leaves last on a
 * narrow terminal answers "who, and how much". */
/* clang-format off */
const struct column columns[] = {
	{ .key = "pid", .title = "PID", .short_title = "PID",
	  .help = "Process ID; in the view of threads the thread's.",
	  .kind = COLUMN_ID, .counter = -1, .field = "pid", .width = 7, .priority = 0, .shown = true, .get = get_pid },
	{ .key = "ppid", .title = "PPID", .short_title = "PPID", .help = "Process ID of the parent.",
	  .kind = COLUMN_ID, .counter = -1, .field = "ppid", .width = 7, .priority = 7, .get = get_ppid },
	{ .key = "prio", .title = "PRIO", .short_title = "PRIO",
	  .help = "I/O priority, class and level, as of ionice; ! before it when threads differ.",
	  .kind = COLUMN_PRIO, .counter = -1, .field = "prio", .width = 5, .priority = 9, .shown = true,
	  .get = get_prio },
	{ .key = "user", .title = "USER", .short_title = "USER", .help = "Who runs it (real user).",
	  .kind = COLUMN_TEXT, .counter = -1, .field = "user", .width = 8, .priority = 4, .shown = true,
	  .get = get_user },
	{ .key = "state", .title = "STATE", .short_title = "S",
	  .help = "Scheduler state: R running, S sleeping, D waiting for I/O, Z zombie, T stopped, X exited.",
	  .kind = COLUMN_TEXT, .counter = -1, .field = "state", .width = 1, .priority = 6, .get = get_state },
	{ .key = "read", .title = "DISK READ", .short_title = "DISK READ",
	  .help = "Bytes that it caused to be fetched from storage.",
	  .kind = COLUMN_BYTES, .counter = COUNTER_READ, .field = "read_bytes", .width = 12, .priority = 2, .shown = true,
	  .get = get_read },
	{ .key = "write", .title = "DISK WRITE", .short_title = "DISK WRITE",
	  .help = "Bytes that it dirtied or wrote for storage, less those it cancelled; writeback comes later.",
	  .kind = COLUMN_BYTES, .counter = COUNTER_WRITE, .field = "write_bytes", .width = 12, .priority = 1, .shown = true,
	  .get = get_write },
	{ .key = "cancel", .title = "CANCELLED", .short_title = "CANCELLED",
	  .help = "Dirty bytes that it truncated away before they were written; charged to who truncated.",
	  .kind = COLUMN_BYTES, .counter = COUNTER_CANCELLED, .field = "cancelled_write_bytes", .width = 12, .priority = 8,
	  .get = get_cancelled },
	{ .key = "aread", .title = "ACTUAL READ", .short_title = "ACT RD",
	  .help = "Bytes that disks read for the unit or container (groups of them, with cgroup v2's io controller).",
	  .kind = COLUMN_BYTES, .counter = -1, .field = "actual_read_bytes", .width = 12, .priority = 5,
	  .of_cgroups = true, .get = get_actual_read },
	{ .key = "awrite", .title = "ACTUAL WRITE", .short_title = "ACT WR",
	  .help = "Bytes that disks wrote for the unit or container, writeback included.",
	  .kind = COLUMN_BYTES, .counter = -1, .field = "actual_write_bytes", .width = 12, .priority = 4,
	  .of_cgroups = true, .get = get_actual_write },
	{ .key = "rchar", .title = "BUFFER READ", .short_title = "BUF RD",
	  .help = "Bytes returned by read calls, from the page cache, pipes and terminals too.",
	  .kind = COLUMN_BYTES, .counter = COUNTER_READ_CHAR, .field = "read_char_bytes", .width = 12, .priority = 11, .shown = true,
	  .get = get_read_char },
	{ .key = "wchar", .title = "BUFFER WRITE", .short_title = "BUF WR",
	  .help = "Bytes given to write calls, to the page cache, pipes and terminals too.",
	  .kind = COLUMN_BYTES, .counter = COUNTER_WRITE_CHAR, .field = "write_char_bytes", .width = 12, .priority = 10, .shown = true,
	  .get = get_write_char },
	{ .key = "syscr", .title = "READ SYSCALLS", .short_title = "RSYS",
	  .help = "Read calls: read, pread, readv, sendfile and the like.",
	  .kind = COLUMN_COUNT, .counter = COUNTER_READ_CALLS, .field = "read_syscalls", .width = 8, .priority = 13, .shown = true,
	  .get = get_read_calls },
	{ .key = "syscw", .title = "WRITE SYSCALLS", .short_title = "WSYS",
	  .help = "Write calls: write, pwrite, writev and the like.",
	  .kind = COLUMN_COUNT, .counter = COUNTER_WRITE_CALLS, .field = "write_syscalls", .width = 8, .priority = 12, .shown = true,
	  .get = get_write_calls },
	{ .key = "blkio", .title = "BLKIO CNT", .short_title = "BLKIO",
	  .help = "Times it waited for block I/O (with delay accounting on).",
	  .kind = COLUMN_COUNT, .counter = COUNTER_BLKIO_COUNT, .field = "blkio_count", .width = 8, .priority = 14, .shown = true,
	  .get = get_blkio_count },
	{ .key = "blkavg", .title = "BLKIO AVG", .short_title = "BLKAVG", .help = "Mean time of a wait for block I/O.",
	  .kind = COLUMN_DURATION, .counter = -1, .width = 8, .priority = 16, .shown = true, .get = get_blkio_average },
	{ .key = "swapcnt", .title = "SWAPIN CNT", .short_title = "SWPCNT",
	  .help = "Times it waited for a page to be swapped in.",
	  .kind = COLUMN_COUNT, .counter = COUNTER_SWAPIN_COUNT, .field = "swapin_count", .width = 8, .priority = 18, .shown = true,
	  .get = get_swapin_count },
	{ .key = "swapin", .title = "SWAPIN", .short_title = "SWAPIN",
	  .help = "Share of the time that its busiest thread waited for swap.",
	  .kind = COLUMN_RATIO, .counter = COUNTER_SWAPIN_DELAY, .field = "swapin_delay_ratio", .width = 8, .priority = 17, .shown = true,
	  .get = get_swapin },
	{ .key = "io", .title = "IO", .short_title = "IO",
	  .help = "Share of the time that its busiest thread waited for block I/O.",
	  .kind = COLUMN_RATIO, .counter = COUNTER_BLKIO_DELAY, .field = "io_delay_ratio", .width = 8, .priority = 3, .shown = true,
	  .get = get_io },
	{ .key = "iosome", .title = "IO SOME", .short_title = "SOME",
	  .help = "Share of the time that some task of the unit or container waited for I/O (its io.pressure).",
	  .kind = COLUMN_RATIO, .counter = -1, .field = "io_some_ratio", .width = 8, .priority = 6,
	  .of_cgroups = true, .get = get_pressure_some },
	{ .key = "iofull", .title = "IO FULL", .short_title = "FULL",
	  .help = "Share of the time that all its tasks that had work to do waited for I/O.",
	  .kind = COLUMN_RATIO, .counter = -1, .field = "io_full_ratio", .width = 8, .priority = 7,
	  .of_cgroups = true, .get = get_pressure_full },
	{ .key = "graph", .title = "GRAPH", .short_title = "GRAPH", .help = "The last intervals, by what the rows are sorted by (bytes, calls, IO), else by disk traffic.",
	  .kind = COLUMN_GRAPH, .counter = -1, .width = 10, .priority = 15, .shown = true, .get = get_graph },
	{ .key = "unit", .title = "UNIT", .short_title = "UNIT", .help = "The systemd unit that it belongs to.",
	  .kind = COLUMN_TEXT, .counter = -1, .field = "unit", .width = 20, .priority = 5, .get = get_unit },
	{ .key = "container", .title = "CONTAINER", .short_title = "CONTAINER",
	  .help = "The container that it runs in, by name where that is known.",
	  .kind = COLUMN_TEXT, .counter = -1, .field = "container", .width = 20, .priority = 5, .get = get_container },
	{ .key = "cgroup", .title = "CGROUP", .short_title = "CGROUP", .help = "Path of its control group.",
	  .kind = COLUMN_TEXT, .counter = -1, .field = "cgroup", .width = 24, .priority = 8, .get = get_cgroup },
	{ .key = "rtotal", .title = "READ TOTAL", .short_title = "READ TOT",
	  .help = "DISK READ since it started; of a process, of the threads that moved.",
	  .kind = COLUMN_LIFETIME, .counter = COUNTER_READ, .width = 10, .priority = 8, .get = get_lifetime_read },
	{ .key = "wtotal", .title = "WRITE TOTAL", .short_title = "WRITE TOT",
	  .help = "DISK WRITE since it started, cancelled bytes included.",
	  .kind = COLUMN_LIFETIME, .counter = COUNTER_WRITE, .width = 10, .priority = 8, .get = get_lifetime_write },
	{ .key = "age", .title = "AGE", .short_title = "AGE", .help = "Time since it started.",
	  .kind = COLUMN_DURATION, .counter = -1, .width = 7, .priority = 8, .get = get_age },
	{ .key = "command", .title = "COMMAND", .short_title = "COMMAND",
	  .help = "Name or command line; of folded rows and groups with how many they stand for.",
	  .kind = COLUMN_TEXT, .counter = -1, .field = "command", .width = 16, .priority = 0, .shown = true,
	  .get = get_command },
};
/* clang-format on */

const size_t column_count = sizeof(columns) / sizeof(*columns);
