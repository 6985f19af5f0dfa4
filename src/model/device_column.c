/* The devices page and its columns. To add one, write its getter and its entry. */
#include "iotopx/device_column.h"

static struct value unknown(void)
{
	return (struct value){ .type = VALUE_UNKNOWN };
}

static struct value text(const char *text)
{
	return text ? (struct value){ .type = VALUE_TEXT, .text = text } : unknown();
}

static struct value figure(const struct page_row *row, enum device_figure figure)
{
	if (!row->device || !(row->device->known & 1u << figure))
		return unknown();
	return (struct value){ .type = VALUE_NUMBER, .number = row->device->figure[figure] };
}

static struct value get_device(const struct page_row *row)
{
	return text(row->name);
}

static struct value get_name(const struct page_row *row)
{
	return row->device ? text(row->device->delta->name) : unknown();
}

static struct value get_label(const struct page_row *row)
{
	return row->device && row->device->info ? text(row->device->info->label) : unknown();
}

static struct value get_model(const struct page_row *row)
{
	return row->device && row->device->info ? text(row->device->info->model) : unknown();
}

static struct value get_mounts(const struct page_row *row)
{
	return row->device && row->device->info ? text(row->device->info->mounts) : unknown();
}

#define FIGURE_GETTER(name, which)                                                                                     \
	static struct value get_##name(const struct page_row *row)                                                     \
	{                                                                                                              \
		return figure(row, which);                                                                             \
	}

FIGURE_GETTER(reads, DEVICE_READS)
FIGURE_GETTER(writes, DEVICE_WRITES)
FIGURE_GETTER(discards, DEVICE_DISCARDS)
FIGURE_GETTER(flushes, DEVICE_FLUSHES)
FIGURE_GETTER(read_bytes, DEVICE_READ_BYTES)
FIGURE_GETTER(write_bytes, DEVICE_WRITE_BYTES)
FIGURE_GETTER(discard_bytes, DEVICE_DISCARD_BYTES)
FIGURE_GETTER(read_merges, DEVICE_READ_MERGES)
FIGURE_GETTER(write_merges, DEVICE_WRITE_MERGES)
FIGURE_GETTER(read_wait, DEVICE_READ_WAIT)
FIGURE_GETTER(write_wait, DEVICE_WRITE_WAIT)
FIGURE_GETTER(discard_wait, DEVICE_DISCARD_WAIT)
FIGURE_GETTER(flush_wait, DEVICE_FLUSH_WAIT)
FIGURE_GETTER(read_size, DEVICE_READ_SIZE)
FIGURE_GETTER(write_size, DEVICE_WRITE_SIZE)
FIGURE_GETTER(request_size, DEVICE_REQUEST_SIZE)
FIGURE_GETTER(queue, DEVICE_QUEUE)
FIGURE_GETTER(util, DEVICE_UTIL)
FIGURE_GETTER(in_flight, DEVICE_IN_FLIGHT)

const struct page_column device_columns[] = {
	{ .key = "device",
	  .title = "DEVICE",
	  .short_title = "DEVICE",
	  .help = "The block device, with its device mapper or md name.",
	  .kind = COLUMN_TEXT,
	  .width = 14,
	  .priority = 0,
	  .shown = true,
	  .get = get_device },
	{ .key = "name",
	  .title = "NAME",
	  .short_title = "NAME",
	  .help = "The kernel's name of the block device.",
	  .kind = COLUMN_TEXT,
	  .field = "device",
	  .width = 10,
	  .priority = 20,
	  .get = get_name },
	{ .key = "label",
	  .title = "LABEL",
	  .short_title = "LABEL",
	  .help = "The device mapper or md name.",
	  .kind = COLUMN_TEXT,
	  .field = "label",
	  .width = 12,
	  .priority = 20,
	  .get = get_label },
	{ .key = "reads",
	  .title = "READS/S",
	  .short_title = "R/S",
	  .help = "Read requests completed per second (iostat: r/s).",
	  .kind = COLUMN_COUNT,
	  .field = "reads_per_second",
	  .width = 7,
	  .priority = 3,
	  .shown = true,
	  .get = get_reads },
	{ .key = "writes",
	  .title = "WRITES/S",
	  .short_title = "W/S",
	  .help = "Write requests completed per second (iostat: w/s).",
	  .kind = COLUMN_COUNT,
	  .field = "writes_per_second",
	  .width = 8,
	  .priority = 3,
	  .shown = true,
	  .get = get_writes },
	{ .key = "read",
	  .title = "READ",
	  .short_title = "READ",
	  .help = "Bytes read from the device per second (iostat: rkB/s).",
	  .kind = COLUMN_BYTES,
	  .field = "read_bytes_per_second",
	  .width = 11,
	  .priority = 1,
	  .shown = true,
	  .get = get_read_bytes },
	{ .key = "write",
	  .title = "WRITE",
	  .short_title = "WRITE",
	  .help = "Bytes written to the device per second (iostat: wkB/s).",
	  .kind = COLUMN_BYTES,
	  .field = "write_bytes_per_second",
	  .width = 11,
	  .priority = 1,
	  .shown = true,
	  .get = get_write_bytes },
	{ .key = "rawait",
	  .title = "R AWAIT",
	  .short_title = "RAWAIT",
	  .help = "Mean time of a read request, queue included (iostat: r_await).",
	  .kind = COLUMN_DURATION,
	  .field = "read_wait_ns",
	  .width = 7,
	  .priority = 4,
	  .shown = true,
	  .get = get_read_wait },
	{ .key = "wawait",
	  .title = "W AWAIT",
	  .short_title = "WAWAIT",
	  .help = "Mean time of a write request, queue included (iostat: w_await).",
	  .kind = COLUMN_DURATION,
	  .field = "write_wait_ns",
	  .width = 7,
	  .priority = 4,
	  .shown = true,
	  .get = get_write_wait },
	{ .key = "size",
	  .title = "REQ SIZE",
	  .short_title = "SIZE",
	  .help = "Mean size of the read and write requests.",
	  .kind = COLUMN_LIFETIME,
	  .field = "request_size_bytes",
	  .width = 9,
	  .priority = 6,
	  .shown = true,
	  .get = get_request_size },
	{ .key = "rsize",
	  .title = "R SIZE",
	  .short_title = "RSIZE",
	  .help = "Mean size of the read requests (iostat: rareq-sz).",
	  .kind = COLUMN_LIFETIME,
	  .field = "read_size_bytes",
	  .width = 9,
	  .priority = 12,
	  .get = get_read_size },
	{ .key = "wsize",
	  .title = "W SIZE",
	  .short_title = "WSIZE",
	  .help = "Mean size of the write requests (iostat: wareq-sz).",
	  .kind = COLUMN_LIFETIME,
	  .field = "write_size_bytes",
	  .width = 9,
	  .priority = 12,
	  .get = get_write_size },
	{ .key = "queue",
	  .title = "QUEUE",
	  .short_title = "QUEUE",
	  .help = "Mean number of requests under way (iostat: aqu-sz).",
	  .kind = COLUMN_COUNT,
	  .field = "queue_length",
	  .width = 7,
	  .priority = 5,
	  .shown = true,
	  .get = get_queue },
	{ .key = "flight",
	  .title = "FLIGHT",
	  .short_title = "FL",
	  .help = "Requests under way at the end of the interval.",
	  .kind = COLUMN_COUNT,
	  .field = "in_flight",
	  .width = 6,
	  .priority = 8,
	  .shown = true,
	  .get = get_in_flight },
	{ .key = "util",
	  .title = "UTIL",
	  .short_title = "UTIL",
	  .help = "Share of the time in which a request was under way; devices that serve many at once can do more at "
		  "100 % (iostat: %util).",
	  .kind = COLUMN_RATIO,
	  .field = "util_ratio",
	  .width = 7,
	  .priority = 0,
	  .shown = true,
	  .get = get_util },
	{ .key = "discards",
	  .title = "DISCARDS/S",
	  .short_title = "D/S",
	  .help = "Discard requests completed per second (iostat: d/s).",
	  .kind = COLUMN_COUNT,
	  .field = "discards_per_second",
	  .width = 10,
	  .priority = 10,
	  .shown = true,
	  .get = get_discards },
	{ .key = "discard",
	  .title = "DISCARD",
	  .short_title = "DISCARD",
	  .help = "Bytes discarded per second (iostat: dkB/s).",
	  .kind = COLUMN_BYTES,
	  .field = "discard_bytes_per_second",
	  .width = 11,
	  .priority = 13,
	  .get = get_discard_bytes },
	{ .key = "dawait",
	  .title = "D AWAIT",
	  .short_title = "DAWAIT",
	  .help = "Mean time of a discard request (iostat: d_await).",
	  .kind = COLUMN_DURATION,
	  .field = "discard_wait_ns",
	  .width = 7,
	  .priority = 13,
	  .get = get_discard_wait },
	{ .key = "flushes",
	  .title = "FLUSHES/S",
	  .short_title = "F/S",
	  .help = "Flush requests completed per second (iostat: f/s).",
	  .kind = COLUMN_COUNT,
	  .field = "flushes_per_second",
	  .width = 9,
	  .priority = 10,
	  .shown = true,
	  .get = get_flushes },
	{ .key = "fawait",
	  .title = "F AWAIT",
	  .short_title = "FAWAIT",
	  .help = "Mean time of a flush request (iostat: f_await).",
	  .kind = COLUMN_DURATION,
	  .field = "flush_wait_ns",
	  .width = 7,
	  .priority = 13,
	  .get = get_flush_wait },
	{ .key = "rmerge",
	  .title = "R MERGED/S",
	  .short_title = "RRQM/S",
	  .help = "Read requests merged into others per second (iostat: rrqm/s).",
	  .kind = COLUMN_COUNT,
	  .field = "read_merges_per_second",
	  .width = 10,
	  .priority = 14,
	  .get = get_read_merges },
	{ .key = "wmerge",
	  .title = "W MERGED/S",
	  .short_title = "WRQM/S",
	  .help = "Write requests merged into others per second (iostat: wrqm/s).",
	  .kind = COLUMN_COUNT,
	  .field = "write_merges_per_second",
	  .width = 10,
	  .priority = 14,
	  .get = get_write_merges },
	{ .key = "model",
	  .title = "MODEL",
	  .short_title = "MODEL",
	  .help = "The model of the disk.",
	  .kind = COLUMN_TEXT,
	  .field = "model",
	  .width = 16,
	  .priority = 9,
	  .shown = true,
	  .get = get_model },
	{ .key = "mounts",
	  .title = "MOUNTS",
	  .short_title = "MOUNTS",
	  .help = "Where it is mounted; of a folded disk, where its partitions are.",
	  .kind = COLUMN_TEXT,
	  .field = "mounts",
	  .width = 8,
	  .priority = 2,
	  .shown = true,
	  .get = get_mounts },
};

const size_t device_column_count = sizeof(device_columns) / sizeof(device_columns[0]);

const struct page page_devices = {
	.id = VIEW_DEVICES,
	.key = "devices",
	.array = "devices",
	.title = "Devices",
	.columns = device_columns,
	.column_count = sizeof(device_columns) / sizeof(device_columns[0]),
	.sort = "util",
};
