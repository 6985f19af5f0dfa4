/* The tables and views of a recording, in SQL. The columns are in the order of schema.h. */
#include "schema.h"

_Static_assert(COUNTER_COUNT == 11, "COUNTERS names them");
_Static_assert(1 << SCHEMA_SHIFT == 1048576, "OF_SAMPLE says it");

/* clang-format off */

#define COUNTERS \
	"read_bytes INTEGER, write_bytes INTEGER, cancelled_write_bytes INTEGER, read_char_bytes INTEGER, " \
	"write_char_bytes INTEGER, read_syscalls INTEGER, write_syscalls INTEGER, blkio_count INTEGER, " \
	"blkio_delay_ns INTEGER, swapin_count INTEGER, swapin_delay_ns INTEGER"

const char schema_tables[] =
	"CREATE TABLE sessions(id INTEGER PRIMARY KEY, start_ms INTEGER, start_ns INTEGER, interval_ns INTEGER, "
		"host TEXT, boot TEXT, version TEXT);"
	"CREATE TABLE epochs(id INTEGER PRIMARY KEY, session INTEGER, first_sample INTEGER, first_task INTEGER, "
		"first_text INTEGER);"
	"CREATE TABLE texts(id INTEGER PRIMARY KEY, text);"
	"CREATE TABLE users(uid INTEGER PRIMARY KEY, name INTEGER);"
	"CREATE TABLE tasks(id INTEGER PRIMARY KEY, tid INTEGER, start_ns INTEGER, pid INTEGER, "
		"process_start_ns INTEGER, ppid INTEGER, uid INTEGER, leader INTEGER, flags INTEGER, command INTEGER, "
		"cmdline INTEGER, cgroup INTEGER, unit INTEGER, container INTEGER);"
	"CREATE TABLE devices(id INTEGER PRIMARY KEY, major INTEGER, minor INTEGER, name INTEGER, flags INTEGER, "
		"label INTEGER, model INTEGER, mounts INTEGER, parent_major INTEGER, parent_minor INTEGER);"
	"CREATE TABLE mounts(id INTEGER PRIMARY KEY, mount INTEGER, export INTEGER, version INTEGER);"
	"CREATE TABLE samples(id INTEGER PRIMARY KEY, end_ms INTEGER, end_ns INTEGER, length_ns INTEGER, "
		"flags INTEGER, delayacct INTEGER, lost_exits INTEGER, dropped INTEGER, task_count INTEGER, "
		"process_count INTEGER, exited INTEGER, approximate INTEGER, " COUNTERS ", "
		"busiest_blkio_ns INTEGER, busiest_swapin_ns INTEGER, machine_known INTEGER, "
		"machine_length_ns INTEGER, actual_read_bytes INTEGER, actual_write_bytes INTEGER, "
		"dirty_bytes INTEGER, writeback_bytes INTEGER, some_avg10 INTEGER, full_avg10 INTEGER, "
		"some_us INTEGER, full_us INTEGER, cpu_user INTEGER, cpu_system INTEGER, cpu_iowait INTEGER, "
		"cpu_steal INTEGER);"
	"CREATE INDEX samples_end ON samples(end_ms);"
	"CREATE TABLE task_deltas(id INTEGER PRIMARY KEY, task INTEGER, flags INTEGER, approximate INTEGER, "
		"state INTEGER, prio INTEGER, " COUNTERS ");"
	"CREATE TABLE task_extras(id INTEGER PRIMARY KEY, exits INTEGER, processes INTEGER, exit_code INTEGER, "
		"lived_ns INTEGER, age_ns INTEGER, lifetime_read INTEGER, lifetime_write INTEGER, "
		"busiest_blkio_ns INTEGER, busiest_swapin_ns INTEGER);"
	"CREATE TABLE cgroup_deltas(id INTEGER PRIMARY KEY, cgroup INTEGER, unit INTEGER, container INTEGER, "
		"read_bytes INTEGER, write_bytes INTEGER, some_us INTEGER, full_us INTEGER, approximate INTEGER);"
	"CREATE TABLE device_deltas(id INTEGER PRIMARY KEY, device INTEGER, reads INTEGER, reads_merged INTEGER, "
		"read_bytes INTEGER, read_ms INTEGER, writes INTEGER, writes_merged INTEGER, write_bytes INTEGER, "
		"write_ms INTEGER, discards INTEGER, discards_merged INTEGER, discard_bytes INTEGER, "
		"discard_ms INTEGER, flushes INTEGER, flush_ms INTEGER, io_ms INTEGER, weighted_ms INTEGER, "
		"in_flight INTEGER);"
	"CREATE TABLE mount_deltas(id INTEGER PRIMARY KEY, mount INTEGER, age_s INTEGER, sends INTEGER, "
		"backlog INTEGER, has_errors INTEGER);"
	"CREATE TABLE mount_op_deltas(id INTEGER PRIMARY KEY, mount INTEGER, name INTEGER, ops INTEGER, "
		"transmissions INTEGER, timeouts INTEGER, sent_bytes INTEGER, received_bytes INTEGER, "
		"queue_ms INTEGER, rtt_ms INTEGER, execute_ms INTEGER, errors INTEGER);";

#define SAMPLE \
	"SELECT s.id AS sample, s.end_ms, strftime('%Y-%m-%d %H:%M:%S', s.end_ms / 1000, 'unixepoch', 'localtime') " \
	"AS time, s.length_ns, "
/* The rows of one sample are a range of ids. */
#define OF_SAMPLE(table) \
	" FROM samples s JOIN " table " d ON d.id BETWEEN s.id * 1048576 AND s.id * 1048576 + 1048575 "
#define TEXT(id) "(SELECT text FROM texts WHERE id = " id ")"
#define COUNTERS_OF(row) \
	row ".read_bytes, " row ".write_bytes, " row ".cancelled_write_bytes, " row ".read_char_bytes, " \
	row ".write_char_bytes, " row ".read_syscalls, " row ".write_syscalls, " row ".blkio_count, " \
	row ".blkio_delay_ns, " row ".swapin_count, " row ".swapin_delay_ns"

const char schema_views[] =
	"CREATE VIEW task_io AS " SAMPLE "t.pid, t.tid, t.ppid, t.start_ns, t.uid, "
		"coalesce((SELECT x.text FROM users u JOIN texts x ON x.id = u.name WHERE u.uid = t.uid), t.uid) "
		"AS user, "
		"coalesce((SELECT x.text FROM tasks l JOIN texts x ON x.id = l.command WHERE l.id = t.leader), "
		TEXT("t.command") ") AS command, " TEXT("t.command") " AS name, " TEXT("t.cmdline") " AS cmdline, "
		TEXT("t.unit") " AS unit, " TEXT("t.container") " AS container, " TEXT("t.cgroup") " AS cgroup, "
		"d.flags & 1 AS exited, char(d.state) AS state, d.approximate, " COUNTERS_OF("d")
		OF_SAMPLE("task_deltas") "JOIN tasks t ON t.id = d.task;"
	"CREATE VIEW machine_io AS " SAMPLE "s.task_count, s.exited, s.lost_exits, s.dropped, " COUNTERS_OF("s") ", "
		"s.actual_read_bytes, s.actual_write_bytes, s.dirty_bytes, s.writeback_bytes, "
		"s.some_avg10 / 100.0 AS io_some_percent, s.full_avg10 / 100.0 AS io_full_percent, "
		"s.cpu_iowait / 10000.0 AS iowait_percent FROM samples s;"
	"CREATE VIEW device_io AS " SAMPLE TEXT("v.name") " AS device, " TEXT("v.model") " AS model, "
		TEXT("v.mounts") " AS mounts, d.reads, d.read_bytes, d.read_ms, d.writes, d.write_bytes, d.write_ms, "
		"d.discards, d.discard_bytes, d.flushes, d.io_ms, d.weighted_ms, d.in_flight"
		OF_SAMPLE("device_deltas") "JOIN devices v ON v.id = d.device;"
	"CREATE VIEW cgroup_io AS " SAMPLE TEXT("d.cgroup") " AS cgroup, " TEXT("d.unit") " AS unit, "
		TEXT("d.container") " AS container, d.read_bytes, d.write_bytes, d.some_us, d.full_us, d.approximate"
		OF_SAMPLE("cgroup_deltas") ";"
	"CREATE VIEW mount_io AS " SAMPLE TEXT("m.mount") " AS mount, " TEXT("m.export") " AS export, "
		TEXT("d.name") " AS operation, d.ops, d.sent_bytes, d.received_bytes, d.rtt_ms, d.execute_ms, d.errors"
		OF_SAMPLE("mount_op_deltas") "JOIN mounts m ON m.id = d.mount;";

/* clang-format on */
