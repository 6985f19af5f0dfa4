#include "../../../src/source/taskstats_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#define CAPTURE_MAX 4096
#define CAPTURE_PATH TEST_DATA "/captures/"

/* Where the headers of a captured message end: nlmsghdr, genlmsghdr. */
#define FAMILY_HEADERS 20
#define FLAG_ASU 0x02u /* it began as root */

static size_t capture_load(const char *path, unsigned char *to)
{
	FILE *file = fopen(path, "rb");

	assert_non_null(file);
	size_t length = fread(to, 1, CAPTURE_MAX, file);
	fclose(file);
	assert_true(length > FAMILY_HEADERS && length < CAPTURE_MAX);
	return length;
}

static void test_exit(void **state)
{
	_Alignas(8) unsigned char bytes[CAPTURE_MAX];
	size_t length = capture_load(CAPTURE_PATH "exit-v16.bin", bytes);
	struct taskstats_fields fields;

	(void)state;
	assert_int_equal(exits_parse(bytes, length, &fields), 0);
	assert_string_equal(fields.comm, "capture )me");
	assert_int_equal(fields.pid, 11759);
	assert_int_equal(fields.tgid, 11759);
	assert_int_equal(fields.uid, 1234);
	assert_int_equal(fields.exit_code, 3 << 8);
	assert_int_equal(fields.flags, TASKSTATS_FLAG_AFORK | TASKSTATS_FLAG_AGROUP | FLAG_ASU);
	assert_int_equal(fields.read_bytes, 4 << 20);
	assert_int_equal(fields.write_bytes, (5 << 20) + 4096);
	assert_int_equal(fields.cancelled_write_bytes, 1 << 20);
}

/* One message, one exit: that of the thread, whose group's part has no I/O. */
static void test_exit_with_group(void **state)
{
	_Alignas(8) unsigned char bytes[CAPTURE_MAX];
	size_t length = capture_load(CAPTURE_PATH "exit-group-v16.bin", bytes);
	struct taskstats_fields fields;

	(void)state;
	assert_int_equal(length, 1172);
	assert_int_equal(exits_parse(bytes, length, &fields), 0);
	assert_int_equal(fields.pid, 11761);
	assert_int_equal(fields.tgid, 11760);
	assert_string_equal(fields.comm, "capture )me");
	assert_true((fields.flags & TASKSTATS_FLAG_AGROUP) != 0);
}

static void test_reply(void **state)
{
	_Alignas(8) unsigned char bytes[CAPTURE_MAX];
	size_t length = capture_load(CAPTURE_PATH "reply-v16.bin", bytes);
	struct message message;

	(void)state;
	assert_int_equal(message_parse(bytes, length, &message), 0);
	assert_int_equal(message.sequence, 7);
	assert_int_equal(message.error, 0);
	assert_non_null(message.payload);
	assert_int_equal(message.payload_size, 560);
}

static void test_error(void **state)
{
	_Alignas(8) unsigned char bytes[CAPTURE_MAX];
	size_t length = capture_load(CAPTURE_PATH "reply-esrch.bin", bytes);
	struct message message;
	struct taskstats_fields fields, before;

	(void)state;
	assert_int_equal(message_parse(bytes, length, &message), 0);
	assert_int_equal(message.sequence, 7);
	assert_int_equal(message.error, -ESRCH);
	assert_null(message.payload);
	memset(&before, 0x5a, sizeof(before));
	fields = before;
	assert_int_equal(exits_parse(bytes, length, &fields), -ENOMSG);
	assert_memory_equal(&fields, &before, sizeof(fields));
}

/* Parses a copy that ends where the message ends. */
static int parse_exact(const unsigned char *bytes, size_t length, struct taskstats_fields *fields)
{
	unsigned char *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	int result = exits_parse(copy, length, fields);
	free(copy);
	return result;
}

static void put_u16(unsigned char *at, size_t value)
{
	const uint16_t number = (uint16_t)value;

	memcpy(at, &number, sizeof(number));
}

static void put_u32(unsigned char *at, size_t value)
{
	const uint32_t number = (uint32_t)value;

	memcpy(at, &number, sizeof(number));
}

static const char *const captures[] = {
	CAPTURE_PATH "exit-v16.bin",
	CAPTURE_PATH "exit-group-v16.bin",
	CAPTURE_PATH "reply-v16.bin",
	CAPTURE_PATH "reply-esrch.bin",
};

#define CAPTURE_COUNT (sizeof(captures) / sizeof(captures[0]))

static void test_cut_everywhere(void **state)
{
	_Alignas(8) unsigned char bytes[CAPTURE_MAX];
	struct taskstats_fields fields;

	(void)state;
	for (size_t i = 0; i < CAPTURE_COUNT; i++) {
		size_t full = capture_load(captures[i], bytes);

		for (size_t length = 0; length < full; length++) {
			/* As received: the header says more than there is. */
			assert_int_equal(parse_exact(bytes, length, &fields), -EBADMSG);
		}
		/* And with a header that tells the cut length: only what is whole may be believed. */
		for (size_t length = 16; length < full; length++) {
			put_u32(bytes, length);
			int result = parse_exact(bytes, length, &fields);
			/* What follows the thread's part may be missing. */
			assert_true(result != 0 || (i == 1 && length >= 596));
		}
	}
}

/* The nested lengths, at every value: never a byte beyond the message. */
static void test_attribute_lengths(void **state)
{
	_Alignas(8) unsigned char bytes[CAPTURE_MAX];
	struct taskstats_fields fields;
	/* AGGR_PID, PID and STATS in it, each a length and a type of 16 bits. */
	static const size_t lengths[] = { FAMILY_HEADERS, FAMILY_HEADERS + 4, FAMILY_HEADERS + 12 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (size_t value = 0; value <= UINT16_MAX; value++) {
			size_t length = capture_load(captures[0], bytes);

			put_u16(bytes + lengths[i], value);
			(void)parse_exact(bytes, length, &fields);
			if (value % 64 == 63 && value > 1024)
				value += 600; /* far beyond the end they are all alike */
		}
	}
}

static void test_mutated(void **state)
{
	_Alignas(8) unsigned char bytes[CAPTURE_MAX];
	struct taskstats_fields fields;
	static const unsigned char values[] = { 0x00, 0x01, 0x03, 0x7f, 0x80, 0xff };

	(void)state;
	for (size_t i = 0; i < CAPTURE_COUNT; i++) {
		size_t length = capture_load(captures[i], bytes);

		for (size_t at = 0; at < length; at++) {
			const unsigned char before = bytes[at];

			for (size_t value = 0; value < sizeof(values); value++) {
				bytes[at] = values[value];
				(void)parse_exact(bytes, length, &fields);
			}
			bytes[at] = before;
		}
		/* Whole again: nothing of the above may stick. */
		assert_int_equal(parse_exact(bytes, length, &fields), i == 3 ? -ENOMSG : 0);
	}
}

/* Two bytes at once, from a fixed seed. */
static void test_mutated_pairs(void **state)
{
	_Alignas(8) unsigned char bytes[CAPTURE_MAX], mutated[CAPTURE_MAX];
	struct taskstats_fields fields;
	uint32_t random = 20261;

	(void)state;
	for (size_t i = 0; i < CAPTURE_COUNT; i++) {
		size_t length = capture_load(captures[i], bytes);

		for (int round = 0; round < 20000; round++) {
			memcpy(mutated, bytes, length);
			for (int change = 0; change < 2; change++) {
				random = random * 1664525u + 1013904223u;
				/* Mostly in the headers, where lengths and types are. */
				size_t range = round % 4 ? 48 : length;
				mutated[(random >> 8) % range % length] = (unsigned char)(random >> 24);
			}
			(void)parse_exact(mutated, length, &fields);
		}
	}
}

static void test_others(void **state)
{
	_Alignas(8) unsigned char bytes[CAPTURE_MAX];
	struct taskstats_fields fields;
	size_t length = capture_load(captures[0], bytes);

	(void)state;
	bytes[16] = 1; /* a command other than NEW */
	assert_int_equal(parse_exact(bytes, length, &fields), -ENOMSG);
	length = capture_load(captures[0], bytes);
	bytes[4] = 3; /* NLMSG_DONE */
	bytes[5] = 0;
	assert_int_equal(parse_exact(bytes, length, &fields), -ENOMSG);
	length = capture_load(captures[0], bytes);
	bytes[FAMILY_HEADERS + 2] = 5; /* a group's part alone */
	assert_int_equal(parse_exact(bytes, length, &fields), -ENOMSG);
	length = capture_load(captures[0], bytes);
	bytes[FAMILY_HEADERS + 16] = 3; /* taskstats version 3 */
	assert_int_equal(parse_exact(bytes, length, &fields), -EPROTONOSUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit),           cmocka_unit_test(test_exit_with_group),
		cmocka_unit_test(test_reply),          cmocka_unit_test(test_error),
		cmocka_unit_test(test_cut_everywhere), cmocka_unit_test(test_attribute_lengths),
		cmocka_unit_test(test_mutated),        cmocka_unit_test(test_mutated_pairs),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
