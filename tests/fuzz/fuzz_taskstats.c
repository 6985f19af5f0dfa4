/* layout.h and the netlink messages around it: a struct taskstats of any version and length, and a datagram of any
 * bytes, with a record or with the birth of a process. The first byte chooses. */
#include "fuzz.h"

#include "iotopx/layout.h"
#include "forks.h"
#include "reading.h"
#include "taskstats_message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERSIONS 20
#define SHORTEST 272
#define SHORTEST_INSERTED 320

static bool all_zero(const void *data, size_t size)
{
	const unsigned char *at = data;

	while (size > 0 && *at == 0)
		at++, size--;
	return size == 0;
}

static void check_reading(const struct taskstats_fields *fields)
{
	struct reading reading;

	reading_from_fields(&reading, fields, 1000, 10);
	REQUIRE(memchr(reading.comm, '\0', sizeof(reading.comm)));
	REQUIRE(reading.counters.known == COUNTERS_ALL && reading.counters.approximate == 0);
	REQUIRE(fields->has_tgid || (reading.tgid == 0 && reading.process_age_ns == 0));
	REQUIRE(!(reading.flags & READING_NO_DELAYS) || !(reading.flags & READING_DELAYS_PROVEN));
}

/* Whether it can be decoded depends on version and length alone. */
static int decode(const uint8_t *data, size_t size, struct taskstats_fields *fields)
{
	char *odd = malloc(size + 1);
	struct taskstats_fields again;
	uint16_t version = 0;

	REQUIRE(odd);
	/* At an odd address, and ending where its memory ends. */
	if (size)
		memcpy(odd + 1, data, size);
	memset(fields, 0xa5, sizeof(*fields));
	memset(&again, 0xa5, sizeof(again));
	const int error = layout_decode(odd + 1, size, fields);
	REQUIRE(layout_decode(odd + 1, size, &again) == error && memcmp(fields, &again, sizeof(again)) == 0);
	free(odd);
	if (size >= sizeof(version))
		memcpy(&version, data, sizeof(version));
	const bool inserted = version == 15 || (version == 14 && size == 560);
	REQUIRE((error == 0) == (version >= 4 && size >= (inserted ? SHORTEST_INSERTED : SHORTEST)));
	REQUIRE(error == 0 || error == -EPROTONOSUPPORT);
	if (error)
		return error;
	REQUIRE(fields->version == version && fields->comm[sizeof(fields->comm) - 1] == '\0');
	REQUIRE(version >= 12 ? true : !fields->has_tgid && fields->tgid == 0 && fields->tgetime_us == 0);
	REQUIRE(version >= 13 ? true : !fields->has_wpcopy && fields->wpcopy_count == 0);
	check_reading(fields);
	return 0;
}

/* What a shorter payload still tells is what the longer one tells. */
static void check_layout(struct bytes bytes)
{
	const size_t cut = bytes_take_number(&bytes) % (bytes.left + 1);
	uint8_t *payload = fuzz_copy(bytes.at, bytes.left);
	struct taskstats_fields whole, part;

	decode(payload, bytes.left, &whole);
	for (uint16_t version = 0; bytes.left >= 2 && version < VERSIONS; version++) {
		memcpy(payload, &version, sizeof(version));
		const int error = decode(payload, bytes.left, &whole);

		if (decode(payload, cut, &part) != 0 || error || version == 14)
			continue;
		REQUIRE(part.read_bytes == whole.read_bytes && part.write_bytes == whole.write_bytes);
		REQUIRE(part.pid == whole.pid && memcmp(part.comm, whole.comm, sizeof(part.comm)) == 0);
		REQUIRE(!part.has_tgid || (whole.has_tgid && part.tgid == whole.tgid));
		REQUIRE(!part.has_wpcopy || (whole.has_wpcopy && part.wpcopy_count == whole.wpcopy_count));
	}
	free(payload);
}

static void check_message(struct bytes bytes)
{
	uint8_t *datagram = fuzz_copy(bytes.at, bytes.left); /* malloc's memory is aligned as the receiver's is */
	struct taskstats_fields fields, untouched;
	struct message message, none;

	memset(&message, 0, sizeof(message));
	memset(&none, 0, sizeof(none));
	const int error = message_parse(datagram, bytes.left, &message);
	if (error)
		REQUIRE((error == -EBADMSG || error == -ENOMSG) && memcmp(&message, &none, sizeof(none)) == 0);
	if (message.payload) {
		const uint8_t *payload = message.payload;

		REQUIRE(payload >= datagram && payload + message.payload_size <= datagram + bytes.left);
	}
	memset(&fields, 0, sizeof(fields));
	memset(&untouched, 0, sizeof(untouched));
	const int record = exits_parse(datagram, bytes.left, &fields);
	if (record)
		REQUIRE(all_zero(&fields, sizeof(fields)));
	else
		REQUIRE(message.payload && error == 0 && message.error == 0);
	REQUIRE(!error || record == error);
	free(datagram);
}

static void check_birth(struct bytes bytes)
{
	uint8_t *datagram = fuzz_copy(bytes.at, bytes.left);
	pid_t pid = -1;
	uint64_t time_ns = 1;

	if (forks_parse(datagram, bytes.left, &pid, &time_ns))
		REQUIRE(pid > 0 && bytes.left >= 68);
	else
		REQUIRE(pid == -1 && time_ns == 1);
	free(datagram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = { data, size };
	uint8_t kind = bytes_take(&bytes);

	if (kind & 2)
		check_birth(bytes);
	else if (kind & 1)
		check_message(bytes);
	else
		check_layout(bytes);
	return 0;
}
