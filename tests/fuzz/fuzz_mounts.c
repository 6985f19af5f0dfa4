/* nfs_read.h and the mount table: an older and a newer text as in fuzz_machine.c, as mountstats and as mountinfo. */
#include "fuzz.h"

#include "iotopx/nfs_read.h"
#include "mounts.h"
#include "scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static void check_mounts(const struct nfs_mounts *mounts)
{
	REQUIRE(mounts->count <= mounts->capacity);
	for (size_t i = 0; i < mounts->count; i++) {
		const struct nfs_mount *mount = &mounts->items[i];

		REQUIRE(mount->mount && mount->device && mount->version && mount->op_count <= mount->op_capacity);
		for (size_t op = 0; op < mount->op_count; op++)
			REQUIRE(memchr(mount->ops[op].name, '\0', NFS_OP_NAME_SIZE));
	}
}

static void check_stat(const struct nfs_mount *delta)
{
	struct nfs_stat stat;

	nfs_stat_compute(&stat, delta, SECOND);
	for (int figure = 0; figure < NFS_FIGURE_COUNT; figure++)
		if (stat.known & (1u << figure))
			REQUIRE(isfinite(stat.figure[figure]) && stat.figure[figure] >= 0);
	for (size_t i = 0; i < delta->op_count; i++) {
		struct nfs_op_stat op;

		nfs_op_stat_compute(&op, &delta->ops[i], SECOND);
		REQUIRE(isfinite(op.rtt_ns) && isfinite(op.queue_ns) && isfinite(op.bytes_per_op));
		REQUIRE(op.retrans_ratio >= 0 && op.error_ratio >= 0);
	}
}

static void check_mountstats(const char *before, const char *after)
{
	struct nfs_mounts older = { 0 }, newer = { 0 }, delta = { 0 }, none = { 0 };

	REQUIRE(nfs_parse_mountstats(before, &older) == 0 && nfs_parse_mountstats(after, &newer) == 0);
	check_mounts(&older);
	older.time_ns = SECOND;
	newer.time_ns = 2 * SECOND;
	REQUIRE(nfs_delta_compute(&delta, &older, &newer) == 0);
	check_mounts(&delta);
	REQUIRE(delta.count <= newer.count);
	for (size_t i = 0; i < delta.count; i++)
		check_stat(&delta.items[i]);
	/* Nothing moves between a reading and itself. */
	REQUIRE(nfs_delta_compute(&none, &newer, &newer) == 0);
	for (size_t i = 0; i < none.count; i++) {
		struct nfs_stat stat;

		nfs_stat_compute(&stat, &none.items[i], SECOND);
		REQUIRE(!stat.active);
	}
	nfs_mounts_free(&older);
	nfs_mounts_free(&newer);
	nfs_mounts_free(&delta);
	nfs_mounts_free(&none);
}

static void check_field(struct mount_field field, const char *text, size_t size)
{
	REQUIRE(field.length > 0 && field.text >= text && field.text + field.length <= text + size);
	char *plain = scan_unescape(field.text, field.length);
	REQUIRE(plain && strlen(plain) <= field.length);
	free(plain);
}

static void check_mountinfo(const char *text)
{
	const size_t size = strlen(text);
	struct mount_line line;

	for (const char *at = text; *at;) {
		const char *before = at;

		if (mounts_parse_line(&at, &line)) {
			check_field(line.root, text, size);
			check_field(line.point, text, size);
			check_field(line.type, text, size);
			check_field(line.source, text, size);
		}
		REQUIRE(at > before);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *before, *after;

	fuzz_copy_two(data, size, &before, &after);
	check_mountstats(before, after);
	check_mountinfo(before);
	free(before);
	free(after);
	return 0;
}
