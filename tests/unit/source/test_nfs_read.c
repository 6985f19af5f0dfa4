#include "iotopx/nfs_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SECOND UINT64_C(1000000000)
#define CAPTURES TEST_DATA "/captures/nfs/"

static struct nfs_mounts parse(const char *text)
{
	struct nfs_mounts mounts = { 0 };

	assert_int_equal(nfs_parse_mountstats(text, &mounts), 0);
	return mounts;
}

static struct nfs_mounts parse_file(const char *path)
{
	static char text[65536];
	FILE *file = fopen(path, "r");
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	return parse(text);
}

static const struct nfs_op *op(const struct nfs_mount *mount, const char *name)
{
	for (size_t i = 0; i < mount->op_count; i++)
		if (strcmp(mount->ops[i].name, name) == 0)
			return &mount->ops[i];
	fail_msg("no %s", name);
	return NULL;
}

static void test_capture(void **state)
{
	struct nfs_mounts mounts = parse_file(CAPTURES "v42-1.mountstats");
	const struct nfs_mount *mount = mounts.items;
	const struct nfs_op *write;

	(void)state;
	assert_int_equal(mounts.count, 1); /* of ten mounts */
	assert_string_equal(mount->mount, "/mnt");
	assert_string_equal(mount->device, "127.0.0.1:/");
	assert_string_equal(mount->version, "4.2");
	assert_int_equal(mount->age_s, 7);
	assert_int_equal(mount->sends, 3589);
	assert_int_equal(mount->backlog, 0);
	assert_true(mount->has_errors);
	assert_int_equal(mount->op_count, 69);
	write = op(mount, "WRITE");
	assert_int_equal(write->ops, 1920);
	assert_int_equal(write->transmissions, 1920);
	assert_int_equal(write->timeouts, 0);
	assert_int_equal(write->sent_bytes, 126213120);
	assert_int_equal(write->received_bytes, 353280);
	assert_int_equal(write->queue_ms, 369649);
	assert_int_equal(write->rtt_ms, 74491);
	assert_int_equal(write->execute_ms, 444546);
	assert_int_equal(op(mount, "READ_PLUS")->ops, 1600);
	nfs_mounts_free(&mounts);
}

/* Two readings five seconds apart by the mount's age, and what nfsiostat said of them: in its units, to its digits. */
static void test_agrees_with_nfsiostat(void **state)
{
	static const struct {
		const char *older, *newer;
		enum nfs_figure figure;
		double factor; /* ours times this is nfsiostat's */
		const char *printed;
	} cases[] = {
		{ "v41-1", "v41-2", NFS_OPS, 1, "757.600" },
		{ "v41-1", "v41-2", NFS_BACKLOG, 1, "0.000" },
		{ "v41-1", "v41-2", NFS_READ_OPS, 1, "368.600" },
		{ "v41-1", "v41-2", NFS_READ_BYTES, 1.0 / 1024, "23692.629" },
		{ "v41-1", "v41-2", NFS_READ_SIZE, 1.0 / 1024, "64.277" },
		{ "v41-1", "v41-2", NFS_READ_RETRANS, 1, "0.000" },
		{ "v41-1", "v41-2", NFS_READ_RTT, 1e-6, "2.424" },
		{ "v41-1", "v41-2", NFS_READ_EXE, 1e-6, "3.040" },
		{ "v41-1", "v41-2", NFS_READ_QUEUE, 1e-6, "0.472" },
		{ "v41-1", "v41-2", NFS_READ_ERRORS, 1, "0.000" },
		{ "v41-1", "v41-2", NFS_WRITE_OPS, 1, "372.000" },
		{ "v41-1", "v41-2", NFS_WRITE_BYTES, 1.0 / 1024, "23947.500" },
		{ "v41-1", "v41-2", NFS_WRITE_SIZE, 1.0 / 1024, "64.375" },
		{ "v41-1", "v41-2", NFS_WRITE_RTT, 1e-6, "26.476" },
		{ "v41-1", "v41-2", NFS_WRITE_EXE, 1e-6, "158.562" },
		{ "v41-1", "v41-2", NFS_WRITE_QUEUE, 1e-6, "131.934" },
		{ "v42-1", "v42-2", NFS_OPS, 1, "749.200" },
		{ "v42-1", "v42-2", NFS_WRITE_OPS, 1, "347.800" },
		{ "v42-1", "v42-2", NFS_WRITE_BYTES, 1.0 / 1024, "22389.625" },
		{ "v42-1", "v42-2", NFS_WRITE_RTT, 1e-6, "25.926" },
		/* READ_PLUS: nfsiostat says 0.000 here; (3520 - 1600) / 5 is right */
		{ "v42-1", "v42-2", NFS_READ_OPS, 1, "384.000" },
		{ "v42-1", "v42-2", NFS_READ_SIZE, 1.0 / 1024, "64.293" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nfs_mounts older, newer, delta = { 0 };
		struct nfs_stat stat;
		char path[256], text[64];

		snprintf(path, sizeof(path), CAPTURES "%s.mountstats", cases[i].older);
		older = parse_file(path);
		snprintf(path, sizeof(path), CAPTURES "%s.mountstats", cases[i].newer);
		newer = parse_file(path);
		assert_int_equal(nfs_delta_compute(&delta, &older, &newer), 0);
		assert_int_equal(delta.count, 1);
		nfs_stat_compute(&stat, delta.items, 5 * SECOND);
		assert_true(stat.known & 1u << cases[i].figure);
		snprintf(text, sizeof(text), "%.3f", stat.figure[cases[i].figure] * cases[i].factor);
		assert_string_equal(text, cases[i].printed);
		nfs_mounts_free(&older);
		nfs_mounts_free(&newer);
		nfs_mounts_free(&delta);
	}
}

static void test_names(void **state)
{
	struct nfs_mounts mounts =
	    parse("device nas:/my\\040files mounted on /mnt/a\\040b\\134c with fstype nfs statvers=1.1\n"
		  "\topts:\trw,mountvers=3,vers=3,rsize=4096\n"
		  "\tage:\t12\n"
		  "no device mounted on /x with fstype tmpfs\n"
		  "device nas:/b mounted on /mnt/b with fstype nfs4 statvers=1.1\n"
		  "device nfsd mounted on /proc/fs/nfsd with fstype nfsd\n"
		  "device sunrpc mounted on /run/rpc_pipefs with fstype rpc_pipefs\n");

	(void)state;
	assert_int_equal(mounts.count, 2);
	assert_string_equal(mounts.items[0].device, "nas:/my files");
	assert_string_equal(mounts.items[0].mount, "/mnt/a b\\c");
	assert_string_equal(mounts.items[0].version, "3");
	assert_int_equal(mounts.items[0].age_s, 12);
	assert_string_equal(mounts.items[1].mount, "/mnt/b");
	assert_string_equal(mounts.items[1].version, "");
	assert_int_equal(mounts.items[1].op_count, 0);
	nfs_mounts_free(&mounts);
}

static void test_transports(void **state)
{
	static const struct {
		const char *lines;
		uint64_t sends, backlog;
	} cases[] = {
		{ "\txprt:\ttcp 832 1 2 0 11 100 99 0 55 7 2 3 4\n", 100, 7 },
		/* two connections */
		{ "\txprt:\ttcp 832 1 2 0 11 100 99 0 55 7 2 3 4\n\txprt:\ttcp 833 1 2 0 11 50 49 0 5 1 2 3 4\n", 150,
		  8 },
		{ "\txprt:\tudp 832 1 100 99 0 55 7 2 3 4\n", 100, 7 },
		{ "\txprt:\trdma 0 1 2 0 11 100 99 0 55 7 9 9 9 9 9 9 9 9 9 9 9 9 9\n", 100, 7 },
		{ "\txprt:\tlocal 1 2 0 11 100 99 0 55 7 2 3 4\n", 100, 7 },
		{ "\txprt:\tpigeon 1 2 3 4 5 6 7 8 9\n", 0, 0 },
		{ "\txprt:\ttcp 832\n", 0, 0 },
		{ "\txprt:\n", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		struct nfs_mounts mounts;

		snprintf(text, sizeof(text), "device a:/ mounted on /a with fstype nfs statvers=1.1\n%s",
			 cases[i].lines);
		mounts = parse(text);
		assert_int_equal(mounts.count, 1);
		assert_int_equal(mounts.items[0].sends, cases[i].sends);
		assert_int_equal(mounts.items[0].backlog, cases[i].backlog);
		nfs_mounts_free(&mounts);
	}
}

/* The eight fields of kernels before 5.3; blank lines end nothing; garbage is passed over. */
static void test_old_kernel(void **state)
{
	struct nfs_mounts mounts = parse("device a:/ mounted on /a with fstype nfs statvers=1.0\n"
					 "\tper-op statistics\n"
					 "\t        NULL: 0 0 0 0 0 0 0 0\n"
					 "\t        READ: 1 2 3 4 5 6 7 8\n"
					 "\n"
					 "\tA_NAME_THAT_IS_LONGER_THAN_ANY_OF_NFS: 1 1 1 1 1 1 1 1\n"
					 "\tgarbage\n"
					 "\n"
					 "garbage\n"
					 "device ");

	(void)state;
	assert_int_equal(mounts.count, 1);
	assert_false(mounts.items[0].has_errors);
	assert_int_equal(mounts.items[0].op_count, 2);
	assert_int_equal(op(&mounts.items[0], "READ")->execute_ms, 8);
	nfs_mounts_free(&mounts);
	mounts = parse("");
	assert_int_equal(mounts.count, 0);
	assert_null(mounts.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capture),    cmocka_unit_test(test_agrees_with_nfsiostat),
		cmocka_unit_test(test_names),      cmocka_unit_test(test_transports),
		cmocka_unit_test(test_old_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
