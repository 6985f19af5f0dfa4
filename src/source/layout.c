#include "iotopx/layout.h"

#include <errno.h>
#include <string.h>

#define VERSION_MIN 4
#define LENGTH_MIN 272
#define LENGTH_V15 560

/* Where a field lies in the kernel's struct, and where it goes. Offsets are those of the kernel's ABI
 * (include/uapi/linux/taskstats.h through its versions), measured on real payloads. */
struct layout_field {
	uint16_t since;    /* first version that has it */
	uint16_t standard; /* offset in every version but 15 */
	uint16_t inserted; /* offset in version 15, where max and min follow each delay total */
	uint8_t size;      /* bytes in both */
	uint16_t to;       /* offset in struct taskstats_fields */
};

struct layout {
	const struct layout_field *fields;
	size_t count;
};

#define FIELD(since_version, standard_offset, inserted_offset, member)                                                 \
	{                                                                                                              \
		.since = (since_version), .standard = (standard_offset), .inserted = (inserted_offset),                \
		.size = sizeof(((struct taskstats_fields *)0)->member),                                                \
		.to = offsetof(struct taskstats_fields, member)                                                        \
	}

static const struct layout_field layout_fields[] = {
	FIELD(4, 4, 4, exit_code),
	FIELD(4, 8, 8, flags),
	FIELD(4, 16, 16, cpu_count),
	FIELD(4, 32, 48, blkio_count),
	FIELD(4, 40, 56, blkio_delay_ns),
	FIELD(4, 48, 80, swapin_count),
	FIELD(4, 56, 88, swapin_delay_ns),
	FIELD(4, 72, 120, cpu_run_virtual_ns),
	FIELD(4, 120, 168, uid),
	FIELD(4, 124, 172, gid),
	FIELD(4, 128, 176, pid),
	FIELD(4, 132, 180, ppid),
	FIELD(4, 144, 192, etime_us),
	FIELD(4, 168, 216, minflt),
	FIELD(4, 176, 224, majflt),
	FIELD(4, 216, 264, read_char),
	FIELD(4, 224, 272, write_char),
	FIELD(4, 232, 280, read_syscalls),
	FIELD(4, 240, 288, write_syscalls),
	FIELD(4, 248, 296, read_bytes),
	FIELD(4, 256, 304, write_bytes),
	FIELD(4, 264, 312, cancelled_write_bytes),
	FIELD(10, 344, 424, btime_s),
	FIELD(12, 368, 464, tgid),
	FIELD(12, 376, 472, tgetime_us),
	FIELD(13, 400, 496, wpcopy_count),
};

static const struct layout layout_table = { layout_fields, sizeof(layout_fields) / sizeof(layout_fields[0]) };

/* Two odd ones: text, and the 32-bit begin time that v10 made obsolete. */
#define COMM_STANDARD 80
#define COMM_INSERTED 128
#define COMM_SIZE 32
#define BTIME32_STANDARD 136
#define BTIME32_INSERTED 184
#define BTIME64_SINCE 10
/* The last byte of what every version has, where max and min are inserted. */
#define LENGTH_MIN_INSERTED 320

/* The first kernels with the inserted fields still said 14. */
static bool layout_is_inserted(unsigned version, size_t length)
{
	return version == 15 || (version == 14 && length == LENGTH_V15);
}

static bool layout_has(unsigned version, size_t length, unsigned since, size_t end)
{
	return version >= since && end <= length;
}

int layout_decode(const void *payload, size_t length, struct taskstats_fields *fields)
{
	const unsigned char *from = payload;
	uint16_t version;

	if (length < LENGTH_MIN)
		return -EPROTONOSUPPORT;
	memcpy(&version, from, sizeof(version));
	const bool inserted = layout_is_inserted(version, length);
	if (version < VERSION_MIN || (inserted && length < LENGTH_MIN_INSERTED))
		return -EPROTONOSUPPORT;
	/* The inserted layout of a kernel that says 14 has everything that 15 has. */
	const size_t tgetime = inserted ? 472 : 376;
	const size_t wpcopy = inserted ? 496 : 400;

	memset(fields, 0, sizeof(*fields));
	fields->version = version;
	uint32_t btime32;
	memcpy(&btime32, from + (inserted ? BTIME32_INSERTED : BTIME32_STANDARD), sizeof(btime32));
	fields->btime_s = btime32;
	memcpy(fields->comm, from + (inserted ? COMM_INSERTED : COMM_STANDARD), COMM_SIZE);
	for (size_t i = 0; i < layout_table.count; i++) {
		const struct layout_field *field = &layout_table.fields[i];
		const size_t offset = inserted ? field->inserted : field->standard;

		if (layout_has(version, length, field->since, offset + field->size))
			memcpy((unsigned char *)fields + field->to, from + offset, field->size);
	}
	fields->has_tgid = layout_has(version, length, 12, tgetime + 8);
	fields->has_wpcopy = layout_has(version, length, 13, wpcopy + 16);
	return 0;
}
