/* Lists of CPUs of every kind: from the file to the bytes that the kernel gets; and, as root, whether it takes them. */
#include "cpumask.h"
#include "taskstats_message.h"
#include "tree.h"

#include "iotopx/taskstats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <sys/wait.h>
#include <unistd.h>

#define CPUS_POSSIBLE "/sys/devices/system/cpu/possible"

static int read_of(const struct tree *tree, const char *text, char **list)
{
	char path[128];

	tree_write(tree, "possible", text);
	snprintf(path, sizeof(path), "%s/possible", tree->root);
	return cpumask_read(path, list);
}

/* The request that registers `list` carries it whole, its NUL at the end. */
static void check_request(const char *list)
{
	struct nl_msg *msg;

	assert_int_equal(message_build(20, MESSAGE_REGISTER, list, strlen(list) + 1, &msg), 0);
	struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct nlattr *attribute = genlmsg_attrdata(nlmsg_data(header), 0);
	assert_int_equal(header->nlmsg_len, NLMSG_HDRLEN + (int)GENL_HDRLEN + nla_total_size((int)strlen(list) + 1));
	assert_int_equal(nla_len(attribute), strlen(list) + 1);
	assert_memory_equal(nla_data(attribute), list, strlen(list) + 1);
	nlmsg_free(msg);
}

static void check_list(const struct tree *tree, const char *list)
{
	char *found = NULL, *text;

	assert_true(asprintf(&text, "%s\n", list) > 0);
	assert_int_equal(read_of(tree, text, &found), 0);
	assert_string_equal(found, list);
	check_request(found);
	free(found);
	free(text);
}

static void test_lists(void **state)
{
	static const char *const lists[] = { "0", "0-1", "0-511", "0,2-3,64-511", "0-8191", "8191", "0-127:16/32" };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		check_list(*state, lists[i]);
}

/* "0,2,4,...": every second CPU, `count` of them. The caller's. */
static char *every_second(unsigned count)
{
	char *list = NULL;
	size_t size;
	FILE *file = open_memstream(&list, &size);

	for (unsigned i = 0; i < count; i++)
		fprintf(file, "%s%u", i ? "," : "", 2 * i);
	fclose(file);
	return list;
}

/* Up to every second of 8192, the most that Debian's kernels are built for; and every length about that of 1024. */
static void test_long_lists(void **state)
{
	for (unsigned count = 1; count <= 4096; count = count / 100 == 5 ? count + 1 : count + count / 8 + 1) {
		char *list = every_second(count);

		check_list(*state, list);
		free(list);
	}
}

static char *line_of(size_t digits)
{
	char *line = malloc(digits + 2);

	assert_non_null(line);
	memset(line, '1', digits);
	memcpy(line + digits, "\n", 2);
	return line;
}

/* The longest that fits is taken, and what is one longer is refused. */
static void test_limit(void **state)
{
	char *line = line_of(CPUMASK_MAX - 1), *longer = line_of(CPUMASK_MAX), *list = NULL;

	assert_int_equal(read_of(*state, longer, &list), -EINVAL);
	assert_null(list);
	assert_int_equal(read_of(*state, line, &list), 0);
	assert_int_equal(strlen(list), CPUMASK_MAX - 1);
	check_request(list);
	free(list);
	free(line);
	free(longer);
}

/* Nothing, and lists that were cut: at the end of a page, within a number. */
static void test_no_list(void **state)
{
	static const char *const texts[] = { "", "\n", "\n0-1\n", "0-1", "0,2,4,6,8,1" };
	char *list = NULL;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(read_of(*state, texts[i], &list), -EINVAL);
	assert_int_equal(cpumask_read("/dev/zero", &list), -EINVAL);
	assert_int_equal(cpumask_read("/dev/null", &list), -EINVAL);
	assert_int_equal(cpumask_read("/nowhere/possible", &list), -ENOENT);
	assert_int_equal(cpumask_read("/", &list), -EISDIR);
	assert_null(list);
}

static void line_read(const char *path, char *to, size_t size)
{
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_non_null(fgets(to, (int)size, file));
	fclose(file);
	to[strcspn(to, "\n")] = '\0';
}

/* The kernel's TASKSTATS_CPUMASK_MAXLEN, with the NUL. */
static size_t kernel_limit(void)
{
	char highest[32];

	line_read("/sys/devices/system/cpu/kernel_max", highest, sizeof(highest));
	return 100 + 6 * (strtoul(highest, NULL, 10) + 1);
}

/* A line of `length` that names these CPUs again and again, leading zeros before the first. The caller's. */
static char *again_and_again(const char *cpus, size_t length)
{
	const size_t size = strlen(cpus), times = (length + 1) / (size + 1);
	char *line = line_of(length), *to = line + length - times * (size + 1) + 1;

	memset(line, '0', length);
	for (size_t i = 0; i < times; i++, to += size + 1) {
		memcpy(to, cpus, size);
		to[size] = i + 1 < times ? ',' : '\n';
	}
	return line;
}

struct watched {
	pid_t pid;
	bool seen;
};

static void watch(void *data, const struct taskstats_fields *fields, uint64_t time_ns, uint64_t window_ns)
{
	struct watched *watched = data;

	(void)time_ns, (void)window_ns;
	watched->seen |= (pid_t)fields->pid == watched->pid;
}

/* A child's exit record comes: it is sent before the child can be waited for. */
static bool told(struct exits *exits)
{
	struct watched child = { fork(), false };

	if (child.pid == 0)
		_exit(0);
	assert_true(child.pid > 0);
	assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
	assert_true(exits_drain(exits, watch, &child) >= 0);
	return child.seen;
}

static int register_line(struct taskstats *taskstats, const struct tree *tree, const char *line, struct exits **exits)
{
	char path[128];

	tree_write(tree, "possible", line);
	snprintf(path, sizeof(path), "%s/possible", tree->root);
	return exits_open(taskstats, path, netlink_socket_open(NETLINK_KIND_TASKSTATS), exits);
}

/* By a list as long as this kernel takes one, this machine's CPUs are registered; a byte more is the kernel's to
 * refuse, and so are CPUs that it can't have. */
static void test_kernel_takes(void **state)
{
	struct taskstats *taskstats = NULL;
	struct exits *exits = NULL;
	char error[256], possible[256];

	if (taskstats_open(&taskstats, error, sizeof(error)) != 0)
		skip();
	line_read(CPUS_POSSIBLE, possible, sizeof(possible));
	const int fd = netlink_socket_open(NETLINK_KIND_TASKSTATS);
	const bool here = exits_open(taskstats, CPUS_POSSIBLE, fd, &exits) == 0 && told(exits);
	exits_close(exits);
	exits = NULL;
	if (here) { /* not in another namespace */
		char *longest = again_and_again(possible, kernel_limit() - 1);
		char *longer = again_and_again(possible, kernel_limit());

		assert_int_equal(register_line(taskstats, *state, longer, &exits), -E2BIG);
		assert_true(register_line(taskstats, *state, "0-999999\n", &exits) < 0);
		assert_null(exits);
		assert_int_equal(register_line(taskstats, *state, longest, &exits), 0);
		assert_true(told(exits));
		exits_close(exits);
		free(longest);
		free(longer);
	}
	taskstats_close(taskstats);
	if (!here)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lists, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(test_long_lists, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(test_limit, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(test_no_list, tree_make, tree_remove),
		cmocka_unit_test_setup_teardown(test_kernel_takes, tree_make, tree_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
