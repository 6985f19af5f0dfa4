/* The NFS page and its columns. To add one, write its getter and its entry. */
#include "iotopx/nfs_column.h"

static struct value unknown(void)
{
	return (struct value){ .type = VALUE_UNKNOWN };
}

static struct value text(const char *text)
{
	return text && *text ? (struct value){ .type = VALUE_TEXT, .text = text } : unknown();
}

static struct value figure(const struct page_row *row, enum nfs_figure figure)
{
	if (!row->mount || !(row->mount->known & 1u << figure))
		return unknown();
	return (struct value){ .type = VALUE_NUMBER, .number = row->mount->figure[figure] };
}

static struct value get_mount(const struct page_row *row)
{
	return text(row->name);
}

static struct value get_export(const struct page_row *row)
{
	return row->mount ? text(row->mount->delta->device) : unknown();
}

static struct value get_version(const struct page_row *row)
{
	return row->mount ? text(row->mount->delta->version) : unknown();
}

#define FIGURE_GETTER(name, which)                                                                                     \
	static struct value get_##name(const struct page_row *row)                                                     \
	{                                                                                                              \
		return figure(row, which);                                                                             \
	}

FIGURE_GETTER(ops, NFS_OPS)
FIGURE_GETTER(backlog, NFS_BACKLOG)
FIGURE_GETTER(read_ops, NFS_READ_OPS)
FIGURE_GETTER(read_bytes, NFS_READ_BYTES)
FIGURE_GETTER(read_size, NFS_READ_SIZE)
FIGURE_GETTER(read_retrans, NFS_READ_RETRANS)
FIGURE_GETTER(read_rtt, NFS_READ_RTT)
FIGURE_GETTER(read_exe, NFS_READ_EXE)
FIGURE_GETTER(read_queue, NFS_READ_QUEUE)
FIGURE_GETTER(read_errors, NFS_READ_ERRORS)
FIGURE_GETTER(write_ops, NFS_WRITE_OPS)
FIGURE_GETTER(write_bytes, NFS_WRITE_BYTES)
FIGURE_GETTER(write_size, NFS_WRITE_SIZE)
FIGURE_GETTER(write_retrans, NFS_WRITE_RETRANS)
FIGURE_GETTER(write_rtt, NFS_WRITE_RTT)
FIGURE_GETTER(write_exe, NFS_WRITE_EXE)
FIGURE_GETTER(write_queue, NFS_WRITE_QUEUE)
FIGURE_GETTER(write_errors, NFS_WRITE_ERRORS)

const struct page_column nfs_columns[] = {
	{ .key = "mount",
	  .title = "MOUNT",
	  .short_title = "MOUNT",
	  .help = "The mount point.",
	  .kind = COLUMN_TEXT,
	  .field = "mount",
	  .width = 16,
	  .priority = 0,
	  .shown = true,
	  .get = get_mount },
	{ .key = "ops",
	  .title = "OPS/S",
	  .short_title = "OPS/S",
	  .help = "RPC requests sent per second, of all operations (nfsiostat: ops/s).",
	  .kind = COLUMN_COUNT,
	  .field = "ops_per_second",
	  .width = 7,
	  .priority = 2,
	  .shown = true,
	  .get = get_ops },
	{ .key = "backlog",
	  .title = "BACKLOG",
	  .short_title = "BKLG",
	  .help = "Mean backlog of requests that wait for a slot (nfsiostat: rpc bklog).",
	  .kind = COLUMN_COUNT,
	  .field = "backlog",
	  .width = 7,
	  .priority = 7,
	  .shown = true,
	  .get = get_backlog },
	{ .key = "rops",
	  .title = "READS/S",
	  .short_title = "R/S",
	  .help = "Reads completed per second (READ and READ_PLUS).",
	  .kind = COLUMN_COUNT,
	  .field = "read_ops_per_second",
	  .width = 8,
	  .priority = 3,
	  .shown = true,
	  .get = get_read_ops },
	{ .key = "read",
	  .title = "READ",
	  .short_title = "READ",
	  .help = "Bytes of reads per second, RPC headers included (nfsiostat: kB/s).",
	  .kind = COLUMN_BYTES,
	  .field = "read_bytes_per_second",
	  .width = 11,
	  .priority = 1,
	  .shown = true,
	  .get = get_read_bytes },
	{ .key = "rsize",
	  .title = "R SIZE",
	  .short_title = "RSIZE",
	  .help = "Mean bytes of a read, RPC headers included (nfsiostat: kB/op).",
	  .kind = COLUMN_LIFETIME,
	  .field = "read_size_bytes",
	  .width = 9,
	  .priority = 9,
	  .get = get_read_size },
	{ .key = "rrtt",
	  .title = "R RTT",
	  .short_title = "RRTT",
	  .help = "Mean time from sending a read to its reply (nfsiostat: avg RTT).",
	  .kind = COLUMN_DURATION,
	  .field = "read_rtt_ns",
	  .width = 7,
	  .priority = 4,
	  .shown = true,
	  .get = get_read_rtt },
	{ .key = "rexe",
	  .title = "R EXE",
	  .short_title = "REXE",
	  .help = "Mean time of a read from request to completion, queue included (nfsiostat: avg exe).",
	  .kind = COLUMN_DURATION,
	  .field = "read_exe_ns",
	  .width = 7,
	  .priority = 5,
	  .shown = true,
	  .get = get_read_exe },
	{ .key = "rqueue",
	  .title = "R QUEUE",
	  .short_title = "RQUE",
	  .help = "Mean time of a read in the queue before it was sent (nfsiostat: avg queue).",
	  .kind = COLUMN_DURATION,
	  .field = "read_queue_ns",
	  .width = 7,
	  .priority = 10,
	  .get = get_read_queue },
	{ .key = "rretrans",
	  .title = "R RETRANS",
	  .short_title = "RRT",
	  .help = "Retransmissions of reads in the interval (nfsiostat: retrans).",
	  .kind = COLUMN_COUNT,
	  .field = "read_retransmissions",
	  .width = 9,
	  .priority = 8,
	  .shown = true,
	  .get = get_read_retrans },
	{ .key = "rerrors",
	  .title = "R ERRORS",
	  .short_title = "RERR",
	  .help = "Reads that ended with an error in the interval (nfsiostat: errors).",
	  .kind = COLUMN_COUNT,
	  .field = "read_errors",
	  .width = 8,
	  .priority = 8,
	  .shown = true,
	  .get = get_read_errors },
	{ .key = "wops",
	  .title = "WRITES/S",
	  .short_title = "W/S",
	  .help = "Writes completed per second.",
	  .kind = COLUMN_COUNT,
	  .field = "write_ops_per_second",
	  .width = 8,
	  .priority = 3,
	  .shown = true,
	  .get = get_write_ops },
	{ .key = "write",
	  .title = "WRITE",
	  .short_title = "WRITE",
	  .help = "Bytes of writes per second, RPC headers included (nfsiostat: kB/s).",
	  .kind = COLUMN_BYTES,
	  .field = "write_bytes_per_second",
	  .width = 11,
	  .priority = 1,
	  .shown = true,
	  .get = get_write_bytes },
	{ .key = "wsize",
	  .title = "W SIZE",
	  .short_title = "WSIZE",
	  .help = "Mean bytes of a write, RPC headers included (nfsiostat: kB/op).",
	  .kind = COLUMN_LIFETIME,
	  .field = "write_size_bytes",
	  .width = 9,
	  .priority = 9,
	  .get = get_write_size },
	{ .key = "wrtt",
	  .title = "W RTT",
	  .short_title = "WRTT",
	  .help = "Mean time from sending a write to its reply (nfsiostat: avg RTT).",
	  .kind = COLUMN_DURATION,
	  .field = "write_rtt_ns",
	  .width = 7,
	  .priority = 4,
	  .shown = true,
	  .get = get_write_rtt },
	{ .key = "wexe",
	  .title = "W EXE",
	  .short_title = "WEXE",
	  .help = "Mean time of a write from request to completion, queue included (nfsiostat: avg exe).",
	  .kind = COLUMN_DURATION,
	  .field = "write_exe_ns",
	  .width = 7,
	  .priority = 5,
	  .shown = true,
	  .get = get_write_exe },
	{ .key = "wqueue",
	  .title = "W QUEUE",
	  .short_title = "WQUE",
	  .help = "Mean time of a write in the queue before it was sent (nfsiostat: avg queue).",
	  .kind = COLUMN_DURATION,
	  .field = "write_queue_ns",
	  .width = 7,
	  .priority = 10,
	  .get = get_write_queue },
	{ .key = "wretrans",
	  .title = "W RETRANS",
	  .short_title = "WRT",
	  .help = "Retransmissions of writes in the interval (nfsiostat: retrans).",
	  .kind = COLUMN_COUNT,
	  .field = "write_retransmissions",
	  .width = 9,
	  .priority = 8,
	  .shown = true,
	  .get = get_write_retrans },
	{ .key = "werrors",
	  .title = "W ERRORS",
	  .short_title = "WERR",
	  .help = "Writes that ended with an error in the interval (nfsiostat: errors).",
	  .kind = COLUMN_COUNT,
	  .field = "write_errors",
	  .width = 8,
	  .priority = 8,
	  .shown = true,
	  .get = get_write_errors },
	{ .key = "vers",
	  .title = "VERS",
	  .short_title = "VERS",
	  .help = "The version of the NFS protocol.",
	  .kind = COLUMN_TEXT,
	  .field = "version",
	  .width = 4,
	  .priority = 6,
	  .shown = true,
	  .get = get_version },
	{ .key = "export",
	  .title = "EXPORT",
	  .short_title = "EXPORT",
	  .help = "What is mounted: server and path.",
	  .kind = COLUMN_TEXT,
	  .field = "device",
	  .width = 10,
	  .priority = 4,
	  .shown = true,
	  .get = get_export },
};

const size_t nfs_column_count = sizeof(nfs_columns) / sizeof(nfs_columns[0]);

const struct page page_nfs = {
	.id = VIEW_NFS,
	.key = "nfs",
	.array = "mounts",
	.title = "NFS",
	.columns = nfs_columns,
	.column_count = sizeof(nfs_columns) / sizeof(nfs_columns[0]),
	.sort = "ops",
};
