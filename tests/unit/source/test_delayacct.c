#include "iotopx/delayacct.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSCTL "/proc/sys/kernel/task_delayacct"
#define RELEASE "/proc/sys/kernel/osrelease"
#define CMDLINE "/proc/cmdline"

static void root_path(const char *root, const char *path, char *to, size_t size)
{
	snprintf(to, size, "%s%s", root, path);
}

static void root_text(const char *root, const char *path, const char *text)
{
	char name[PATH_MAX];

	root_path(root, path, name, sizeof(name));
	FILE *file = fopen(name, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
	static const char *const directories[] = { "/proc", "/proc/sys", "/proc/sys/kernel" };
	char name[PATH_MAX];
	char *root = strdup("/tmp/iotopx-delayacct-XXXXXX");

	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < 3; i++) {
		root_path(root, directories[i], name, sizeof(name));
		assert_int_equal(mkdir(name, 0755), 0);
	}
	*state = root;
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)kind, (void)place;
	return remove(path);
}

static int teardown(void **state)
{
	nftw(*state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return 0;
}

static void test_read(void **state)
{
	const char *root = *state;

	root_text(root, SYSCTL, "0\n");
	assert_int_equal(delayacct_read(root), 0);
	root_text(root, SYSCTL, "1\n");
	assert_int_equal(delayacct_read(root), 1);
	root_text(root, SYSCTL, "1");
	assert_int_equal(delayacct_read(root), 1);
	root_text(root, SYSCTL, "");
	assert_int_equal(delayacct_read(root), -EINVAL);
	root_text(root, SYSCTL, "2\n");
	assert_int_equal(delayacct_read(root), -EINVAL);
	root_text(root, SYSCTL, "10\n");
	assert_int_equal(delayacct_read(root), -EINVAL);
}

/* Before 5.14 it was on unless the kernel was booted without. */
static void test_read_old_kernel(void **state)
{
	const char *root = *state;

	assert_int_equal(delayacct_read(root), 1);
	root_text(root, RELEASE, "5.10.0-23-amd64\n");
	assert_int_equal(delayacct_read(root), 1);
	root_text(root, CMDLINE, "BOOT_IMAGE=/vmlinuz root=/dev/sda1 xnodelayacct nodelayacct=0\n");
	assert_int_equal(delayacct_read(root), 1);
	root_text(root, CMDLINE, "root=/dev/sda1 nodelayacct quiet\n");
	assert_int_equal(delayacct_read(root), 0);
	root_text(root, CMDLINE, "root=/dev/sda1 nodelayacct\n");
	assert_int_equal(delayacct_read(root), 0);
}

/* Since 5.14 a kernel that has no switch has no delay accounting. */
static void test_read_built_without(void **state)
{
	const char *root = *state;

	root_text(root, CMDLINE, "root=/dev/sda1\n");
	root_text(root, RELEASE, "5.13.19\n");
	assert_int_equal(delayacct_read(root), 1);
	root_text(root, RELEASE, "5.14.0\n");
	assert_int_equal(delayacct_read(root), 0);
	root_text(root, RELEASE, "6.1.0\n");
	assert_int_equal(delayacct_read(root), 0);
	root_text(root, RELEASE, "4.19.0\n");
	assert_int_equal(delayacct_read(root), 1);
}

static void test_write(void **state)
{
	const char *root = *state;
	char name[PATH_MAX];

	assert_int_equal(delayacct_write(root, true), -ENOENT);
	root_path(root, SYSCTL, name, sizeof(name));
	assert_int_equal(access(name, F_OK), -1);
	root_text(root, SYSCTL, "0\n");
	assert_int_equal(delayacct_write(root, true), 0);
	assert_int_equal(delayacct_read(root), 1);
	assert_int_equal(delayacct_write(root, false), 0);
	assert_int_equal(delayacct_read(root), 0);
}

static void test_write_refused(void **state)
{
	const char *root = *state;
	char name[PATH_MAX];

	root_text(root, SYSCTL, "0\n");
	root_path(root, SYSCTL, name, sizeof(name));
	assert_int_equal(chmod(name, 0444), 0);
	if (geteuid() == 0) {
		/* Root may write anything: be someone else for a moment. */
		assert_int_equal(chmod(root, 0755), 0);
		assert_int_equal(seteuid(65534), 0);
		assert_int_equal(delayacct_write(root, true), -EPERM);
		assert_int_equal(seteuid(0), 0);
	} else {
		assert_int_equal(delayacct_write(root, true), -EPERM);
	}
	assert_int_equal(delayacct_read(root), 0);
}

static void test_long_root(void **state)
{
	char root[PATH_MAX + 8];

	(void)state;
	memset(root, 'x', sizeof(root) - 1);
	root[sizeof(root) - 1] = '\0';
	assert_int_equal(delayacct_read(root), -ENAMETOOLONG);
	assert_int_equal(delayacct_write(root, true), -ENAMETOOLONG);
}

#define ROOT_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOT_TEST(test_read),  ROOT_TEST(test_read_old_kernel), ROOT_TEST(test_read_built_without),
		ROOT_TEST(test_write), ROOT_TEST(test_write_refused),   cmocka_unit_test(test_long_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
