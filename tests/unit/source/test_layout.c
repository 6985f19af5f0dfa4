#include "iotopx/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#define PAYLOAD_MAX 1024
#define INSERTED_SIZE 560
#define FLAG_ASU 0x02u /* it began as root */

/* The kernel's layouts as they were measured, written down a second time: offset in all versions, and in the one that
 * has max and min behind each delay total. */
struct expected {
	const char *name;
	size_t to, to_size;
	unsigned since;
	size_t standard, inserted;
};

#define EXPECT(member, since, standard, inserted)                                                                      \
	{                                                                                                              \
#member, offsetof(struct taskstats_fields, member), sizeof(((struct taskstats_fields *)0)->member),    \
		    since, standard, inserted                                                                          \
	}

static const struct expected expected_fields[] = {
	EXPECT(exit_code, 4, 4, 4),
	EXPECT(flags, 4, 8, 8),
	EXPECT(cpu_count, 4, 16, 16),
	EXPECT(blkio_count, 4, 32, 48),
	EXPECT(blkio_delay_ns, 4, 40, 56),
	EXPECT(swapin_count, 4, 48, 80),
	EXPECT(swapin_delay_ns, 4, 56, 88),
	EXPECT(cpu_run_virtual_ns, 4, 72, 120),
	EXPECT(uid, 4, 120, 168),
	EXPECT(gid, 4, 124, 172),
	EXPECT(pid, 4, 128, 176),
	EXPECT(ppid, 4, 132, 180),
	EXPECT(etime_us, 4, 144, 144 + 48),
	EXPECT(minflt, 4, 168, 168 + 48),
	EXPECT(majflt, 4, 176, 176 + 48),
	EXPECT(read_char, 4, 216, 264),
	EXPECT(write_char, 4, 224, 272),
	EXPECT(read_syscalls, 4, 232, 280),
	EXPECT(write_syscalls, 4, 240, 288),
	EXPECT(read_bytes, 4, 248, 296),
	EXPECT(write_bytes, 4, 256, 304),
	EXPECT(cancelled_write_bytes, 4, 264, 312),
	EXPECT(btime_s, 10, 344, 424),
	EXPECT(tgid, 12, 368, 464),
	EXPECT(tgetime_us, 12, 376, 472),
	EXPECT(wpcopy_count, 13, 400, 496),
};

struct version_case {
	unsigned version;
	size_t size;
	bool inserted;
};

static const struct version_case versions[] = {
	{ 4, 272, false },  { 5, 288, false },  { 6, 312, false },  { 7, 328, false },  { 8, 328, false },
	{ 9, 344, false },  { 10, 352, false }, { 11, 368, false }, { 12, 400, false }, { 13, 416, false },
	{ 14, 432, false }, { 14, 560, true },  { 15, 560, true },  { 16, 560, false }, { 17, 688, false },
	{ 18, 720, false }, /* of a kernel that does not exist yet */
};

#define VERSION_COUNT (sizeof(versions) / sizeof(versions[0]))

/* Every byte tells where it stands. */
static void payload_fill(unsigned char *payload, size_t size, unsigned version)
{
	const uint16_t number = (uint16_t)version;

	for (size_t i = 0; i < size; i++)
		payload[i] = (unsigned char)(i * 37 + i / 256 + 11);
	memcpy(payload, &number, sizeof(number));
}

static void check_fields(const struct version_case *version, const unsigned char *payload,
			 const struct taskstats_fields *fields)
{
	const size_t count = sizeof(expected_fields) / sizeof(expected_fields[0]);

	assert_int_equal(fields->version, version->version);
	for (size_t i = 0; i < count; i++) {
		const struct expected *expect = &expected_fields[i];
		const unsigned char *got = (const unsigned char *)fields + expect->to;
		unsigned char want[8] = { 0 };
		uint32_t btime32;

		if (version->version >= expect->since) {
			memcpy(want, payload + (version->inserted ? expect->inserted : expect->standard),
			       expect->to_size);
		} else if (expect->since == 10) { /* btime before it had 64 bits */
			memcpy(&btime32, payload + (version->inserted ? 184 : 136), sizeof(btime32));
			const uint64_t btime = btime32;
			memcpy(want, &btime, sizeof(btime));
		}
		if (memcmp(got, want, expect->to_size) != 0)
			fail_msg("version %u: %s", version->version, expect->name);
	}
	assert_memory_equal(fields->comm, payload + (version->inserted ? 128 : 80), 32);
	assert_int_equal(fields->comm[32], 0);
	assert_int_equal(fields->has_tgid, version->version >= 12);
	assert_int_equal(fields->has_wpcopy, version->version >= 13);
}

static void test_every_version(void **state)
{
	unsigned char payload[PAYLOAD_MAX];
	struct taskstats_fields fields;

	(void)state;
	for (size_t i = 0; i < VERSION_COUNT; i++) {
		payload_fill(payload, versions[i].size, versions[i].version);
		memset(&fields, 0x5a, sizeof(fields));
		assert_int_equal(layout_decode(payload, versions[i].size, &fields), 0);
		check_fields(&versions[i], payload, &fields);
	}
}

/* Of the same size, so only the version tells. */
static void test_15_is_not_16(void **state)
{
	unsigned char payload[INSERTED_SIZE];
	struct taskstats_fields fifteen, sixteen;
	const uint64_t standard = 1111, inserted = 2222;

	(void)state;
	memset(payload, 0, sizeof(payload));
	memcpy(payload + 256, &standard, sizeof(standard));
	memcpy(payload + 304, &inserted, sizeof(inserted));
	payload[0] = 15;
	assert_int_equal(layout_decode(payload, sizeof(payload), &fifteen), 0);
	payload[0] = 16;
	assert_int_equal(layout_decode(payload, sizeof(payload), &sixteen), 0);
	assert_int_equal(fifteen.write_bytes, inserted);
	assert_int_equal(sixteen.write_bytes, standard);
}

static void test_refused(void **state)
{
	unsigned char payload[PAYLOAD_MAX];
	struct taskstats_fields fields, before;

	(void)state;
	memset(&before, 0x5a, sizeof(before));
	fields = before;
	for (unsigned version = 0; version < 4; version++) {
		payload_fill(payload, sizeof(payload), version);
		assert_int_equal(layout_decode(payload, sizeof(payload), &fields), -EPROTONOSUPPORT);
	}
	payload_fill(payload, sizeof(payload), 4);
	assert_int_equal(layout_decode(payload, 271, &fields), -EPROTONOSUPPORT);
	assert_int_equal(layout_decode(payload, 0, &fields), -EPROTONOSUPPORT);
	/* The bytes that every version has end later where fields were inserted. */
	payload_fill(payload, sizeof(payload), 15);
	assert_int_equal(layout_decode(payload, 319, &fields), -EPROTONOSUPPORT);
	assert_memory_equal(&fields, &before, sizeof(fields));
}

static void test_longer_tail(void **state)
{
	unsigned char payload[PAYLOAD_MAX];
	struct taskstats_fields fields;

	(void)state;
	for (size_t i = 0; i < VERSION_COUNT; i++) {
		/* 14 with another size than 560 is the standard layout: that pair has its own case. */
		if (versions[i].version == 14)
			continue;
		payload_fill(payload, sizeof(payload), versions[i].version);
		assert_int_equal(layout_decode(payload, versions[i].size + 200, &fields), 0);
		check_fields(&versions[i], payload, &fields);
	}
}

/* In memory that ends where the payload ends, at an odd address: the sanitizers see a byte too many. */
static void test_every_length(void **state)
{
	(void)state;
	for (size_t i = 0; i < VERSION_COUNT; i++) {
		for (size_t length = 0; length <= versions[i].size; length++) {
			unsigned char *memory = malloc(length + 1);
			struct taskstats_fields fields = { .tgid = 7 };

			assert_non_null(memory);
			if (length >= 2)
				payload_fill(memory + 1, length, versions[i].version);
			int result = layout_decode(memory + 1, length, &fields);
			if (length < 272)
				assert_int_equal(result, -EPROTONOSUPPORT);
			if (result == 0) {
				const bool inserted =
				    versions[i].version == 15 || (versions[i].version == 14 && length == INSERTED_SIZE);
				const size_t tgid_end = inserted ? 480 : 384;

				assert_int_equal(fields.has_tgid, versions[i].version >= 12 && length >= tgid_end);
			}
			free(memory);
		}
	}
}

static void test_captured(void **state)
{
	unsigned char payload[PAYLOAD_MAX];
	struct taskstats_fields fields;
	FILE *file = fopen(TEST_DATA "/captures/taskstats-v16.bin", "rb");

	(void)state;
	assert_non_null(file);
	size_t length = fread(payload, 1, sizeof(payload), file);
	fclose(file);
	assert_int_equal(length, 560);
	assert_int_equal(layout_decode(payload, length, &fields), 0);
	assert_int_equal(fields.version, 16);
	assert_string_equal(fields.comm, "capture )me");
	assert_int_equal(fields.pid, 11759);
	assert_int_equal(fields.ppid, 11758);
	assert_int_equal(fields.uid, 1234);
	assert_int_equal(fields.gid, 4321);
	assert_true(fields.has_tgid);
	assert_int_equal(fields.tgid, 11759);
	assert_true(fields.has_wpcopy);
	assert_int_equal(fields.flags, TASKSTATS_FLAG_AFORK | FLAG_ASU);
	assert_int_equal(fields.exit_code, 0);
	assert_int_equal(fields.read_char, 4 << 20);
	assert_int_equal(fields.write_char, 5 << 20);
	assert_int_equal(fields.read_bytes, 4 << 20);
	assert_int_equal(fields.write_bytes, (5 << 20) + 4096); /* and a block of the directory */
	assert_int_equal(fields.cancelled_write_bytes, 1 << 20);
	assert_int_equal(fields.etime_us, 11584);
	assert_int_equal(fields.tgetime_us, 11584);
	assert_int_equal(fields.btime_s, 1795938566);
	assert_int_equal(fields.blkio_count, 0); /* delay accounting was off */
	assert_int_equal(fields.cpu_count, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_version), cmocka_unit_test(test_15_is_not_16),
		cmocka_unit_test(test_refused),       cmocka_unit_test(test_longer_tail),
		cmocka_unit_test(test_every_length),  cmocka_unit_test(test_captured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
