#include "iotopx/nfs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static void assert_close(double got, double wanted)
{
	if (got < wanted - 1e-9 || got > wanted + 1e-9)
		fail_msg("%.12f is not %.12f", got, wanted);
}

/* A mount with three operations, in storage of the test's own. */
struct fixture {
	struct nfs_op ops[3];
	struct nfs_mount mount;
	struct nfs_mounts mounts;
};

static void fixture_init(struct fixture *fixture)
{
	static char mount[] = "/mnt", device[] = "server:/export", version[] = "4.2";

	*fixture = (struct fixture){
		.ops = { { .name = "READ", .ops = 10, .transmissions = 10 },
			 { .name = "WRITE", .ops = 100, .transmissions = 101, .sent_bytes = 1000 },
			 { .name = "READ_PLUS", .ops = 5, .transmissions = 5 } },
		.mount = { .mount = mount,
			   .device = device,
			   .version = version,
			   .age_s = 60,
			   .sends = 200,
			   .backlog = 40,
			   .has_errors = true,
			   .ops = fixture->ops,
			   .op_count = 3 },
		.mounts = { .items = &fixture->mount, .count = 1 },
	};
}

static void test_delta(void **state)
{
	struct fixture older, newer;
	struct nfs_mounts delta = { 0 };

	(void)state;
	fixture_init(&older);
	fixture_init(&newer);
	newer.mount.age_s += 5;
	newer.mount.sends += 30;
	newer.mount.backlog += 6;
	newer.ops[1].ops += 20;
	newer.ops[1].transmissions += 23;
	newer.ops[1].errors += 1;
	assert_int_equal(nfs_delta_compute(&delta, &older.mounts, &newer.mounts), 0);
	assert_int_equal(delta.count, 1);
	assert_string_equal(delta.items[0].mount, "/mnt");
	assert_string_equal(delta.items[0].device, "server:/export");
	assert_string_equal(delta.items[0].version, "4.2");
	assert_int_equal(delta.items[0].sends, 30);
	assert_int_equal(delta.items[0].backlog, 6);
	assert_true(delta.items[0].has_errors);
	assert_int_equal(delta.items[0].op_count, 3);
	assert_string_equal(delta.items[0].ops[1].name, "WRITE");
	assert_int_equal(delta.items[0].ops[1].ops, 20);
	assert_int_equal(delta.items[0].ops[1].transmissions, 23);
	assert_int_equal(delta.items[0].ops[1].errors, 1);
	assert_int_equal(delta.items[0].ops[0].ops, 0);
	nfs_mounts_free(&delta);
	assert_null(delta.items);
}

/* A mount that is new, remounted or counts anew has no delta. */
static void test_mounts_that_come_and_go(void **state)
{
	static char elsewhere[] = "other:/export";
	struct fixture older, newer;
	struct nfs_mounts none = { 0 }, delta = { 0 };

	(void)state;
	fixture_init(&older);
	fixture_init(&newer);
	assert_int_equal(nfs_delta_compute(&delta, &none, &newer.mounts), 0);
	assert_int_equal(delta.count, 0);
	nfs_mounts_free(&delta);

	newer.mount.age_s = older.mount.age_s - 1;
	assert_int_equal(nfs_delta_compute(&delta, &older.mounts, &newer.mounts), 0);
	assert_int_equal(delta.count, 0);
	nfs_mounts_free(&delta);

	fixture_init(&newer);
	newer.ops[2].ops--;
	assert_int_equal(nfs_delta_compute(&delta, &older.mounts, &newer.mounts), 0);
	assert_int_equal(delta.count, 0);
	nfs_mounts_free(&delta);

	fixture_init(&newer);
	newer.mount.device = elsewhere;
	assert_int_equal(nfs_delta_compute(&delta, &older.mounts, &newer.mounts), 0);
	assert_int_equal(delta.count, 0);
	nfs_mounts_free(&delta);
}

/* Two mounts over each other have the same names: their place in the list tells them apart. */
static void test_stacked_mounts(void **state)
{
	struct fixture older[2], newer[2];
	struct nfs_mount before[2], after[2];
	struct nfs_mounts old_mounts = { .items = before, .count = 2 }, new_mounts = { .items = after, .count = 2 };
	struct nfs_mounts delta = { 0 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		fixture_init(&older[i]);
		fixture_init(&newer[i]);
		older[i].mount.sends = 1000 * (i + 1);
		newer[i].mount.sends = 1000 * (i + 1) + 7 + i;
		before[i] = older[i].mount;
		after[i] = newer[i].mount;
	}
	assert_int_equal(nfs_delta_compute(&delta, &old_mounts, &new_mounts), 0);
	assert_int_equal(delta.count, 2);
	assert_int_equal(delta.items[0].sends, 7);
	assert_int_equal(delta.items[1].sends, 8);
	nfs_mounts_free(&delta);
}

static bool known(const struct nfs_stat *stat, enum nfs_figure figure)
{
	return stat->known & 1u << figure;
}

static void test_figures(void **state)
{
	struct nfs_op ops[] = {
		{ .name = "READ",
		  .ops = 4,
		  .transmissions = 5,
		  .sent_bytes = 100,
		  .received_bytes = 900,
		  .queue_ms = 2,
		  .rtt_ms = 8,
		  .execute_ms = 10,
		  .errors = 1 },
		{ .name = "WRITE" },
		{ .name = "READ_PLUS",
		  .ops = 6,
		  .transmissions = 6,
		  .sent_bytes = 200,
		  .received_bytes = 1800,
		  .queue_ms = 3,
		  .rtt_ms = 12,
		  .execute_ms = 20 },
	};
	struct nfs_mount delta = { .sends = 50, .backlog = 25, .has_errors = true, .ops = ops, .op_count = 3 };
	struct nfs_stat stat;

	(void)state;
	nfs_stat_compute(&stat, &delta, 2 * SECOND);
	assert_true(stat.active);
	assert_ptr_equal(stat.delta, &delta);
	assert_close(stat.figure[NFS_OPS], 25);
	assert_close(stat.figure[NFS_BACKLOG], 0.25); /* 25 waits over 50 requests over 2 s */
	assert_close(stat.figure[NFS_READ_OPS], 5);   /* READ and READ_PLUS */
	assert_close(stat.figure[NFS_READ_BYTES], 1500);
	assert_close(stat.figure[NFS_READ_SIZE], 300);
	assert_close(stat.figure[NFS_READ_RETRANS], 1);
	assert_close(stat.figure[NFS_READ_RTT], 2e6);
	assert_close(stat.figure[NFS_READ_EXE], 3e6);
	assert_close(stat.figure[NFS_READ_QUEUE], 0.5e6);
	assert_close(stat.figure[NFS_READ_ERRORS], 1);

	/* no writes: rates are 0, means are unknown */
	assert_true(known(&stat, NFS_WRITE_OPS));
	assert_close(stat.figure[NFS_WRITE_OPS], 0);
	assert_false(known(&stat, NFS_WRITE_SIZE));
	assert_false(known(&stat, NFS_WRITE_RTT));
	assert_false(known(&stat, NFS_WRITE_EXE));
	assert_false(known(&stat, NFS_WRITE_QUEUE));
}

static void test_what_can_not_be_known(void **state)
{
	struct nfs_op ops[] = { { .name = "READ", .ops = 4, .transmissions = 4 } };
	struct nfs_mount delta = { .ops = ops, .op_count = 1 };
	struct nfs_stat stat;

	(void)state;
	nfs_stat_compute(&stat, &delta, 0);
	assert_true(stat.active); /* a reply to a request of the interval before */
	assert_false(known(&stat, NFS_OPS));
	assert_false(known(&stat, NFS_READ_OPS));
	assert_false(known(&stat, NFS_READ_ERRORS)); /* an old kernel does not count them */
	assert_true(known(&stat, NFS_READ_RTT));
	nfs_stat_compute(&stat, &delta, SECOND);
	assert_true(known(&stat, NFS_OPS));
	assert_false(known(&stat, NFS_BACKLOG)); /* nothing was sent */
	ops[0].ops = ops[0].transmissions = 0;
	nfs_stat_compute(&stat, &delta, SECOND);
	assert_false(stat.active);
}

static void test_one_operation(void **state)
{
	struct nfs_op op = { .name = "GETATTR",
			     .ops = 8,
			     .transmissions = 10,
			     .sent_bytes = 800,
			     .received_bytes = 1600,
			     .queue_ms = 4,
			     .rtt_ms = 16,
			     .execute_ms = 24,
			     .errors = 2 };
	struct nfs_op_stat stat;

	(void)state;
	nfs_op_stat_compute(&stat, &op, 4 * SECOND);
	assert_close(stat.ops_per_second, 2);
	assert_close(stat.bytes_per_second, 600);
	assert_close(stat.bytes_per_op, 300);
	assert_close(stat.rtt_ns, 2e6);
	assert_close(stat.execute_ns, 3e6);
	assert_close(stat.queue_ns, 0.5e6);
	assert_int_equal(stat.ops, 8);
	assert_int_equal(stat.retrans, 2);
	assert_close(stat.retrans_ratio, 0.25);
	assert_close(stat.error_ratio, 0.25);
	op.ops = op.transmissions = 0;
	nfs_op_stat_compute(&stat, &op, 4 * SECOND);
	assert_close(stat.rtt_ns, 0);
	assert_close(stat.retrans_ratio, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delta),
		cmocka_unit_test(test_mounts_that_come_and_go),
		cmocka_unit_test(test_stacked_mounts),
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_what_can_not_be_known),
		cmocka_unit_test(test_one_operation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
