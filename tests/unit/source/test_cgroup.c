#include "iotopx/cgroup.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define ID3 "00000000000000001111111111111111222222222222222233333333aaaaaaaa"
#define UID "6b1e3a52-9f0c-4c7e-8a55-0d5c2b7a1f10"

static struct cgroup_cache *open_cache(const char *root, size_t max_bytes)
{
	struct cgroup_cache *cache = NULL;

	assert_int_equal(cgroup_cache_open(root, max_bytes, &cache), 0);
	return cache;
}

static const struct cgroup_ident *find(struct cgroup_cache *cache, const char *text)
{
	const struct cgroup_ident *ident = NULL;

	assert_int_equal(cgroup_cache_find(cache, text, strlen(text), &ident), 0);
	assert_non_null(ident);
	assert_non_null(ident->cgroup);
	assert_non_null(ident->unit);
	return ident;
}

static void test_one_cgroup_one_address(void **state)
{
	struct cgroup_cache *cache = open_cache("/nonexistent", CGROUP_BYTES_DEFAULT);
	const struct cgroup_ident *ident = find(cache, "0::/web.slice/shop.service\n");
	const struct cgroup_ident *below = find(cache, "0::/web.slice/shop.service/worker\n");
	size_t count = cgroup_cache_count(cache), bytes = cgroup_cache_bytes(cache);

	(void)state;
	assert_string_equal(ident->cgroup, "/web.slice/shop.service");
	assert_string_equal(ident->unit, "shop.service");
	assert_null(ident->container);
	/* again, and from another text that names the same cgroup */
	assert_ptr_equal(find(cache, "0::/web.slice/shop.service\n"), ident);
	assert_int_equal(cgroup_cache_bytes(cache), bytes);
	assert_ptr_equal(find(cache, "4:memory:/x\n1:name=systemd:/web.slice/shop.service\n0::/\n"), ident);
	assert_ptr_equal(find(cache, "0::/web.slice/shop.service (deleted)\n"), ident);
	assert_int_equal(cgroup_cache_count(cache), count);
	/* two cgroups, one unit */
	assert_ptr_not_equal(below, ident);
	assert_ptr_equal(below->unit, ident->unit);
	assert_string_equal(below->cgroup, "/web.slice/shop.service/worker");
	cgroup_cache_close(cache);
	cgroup_cache_close(NULL);
}

static void test_intern(void **state)
{
	struct cgroup_cache *cache = open_cache("/nonexistent", CGROUP_BYTES_DEFAULT);
	const struct cgroup_ident *ident = find(cache, "0::/a.slice\n");
	const char *word = cgroup_cache_intern(cache, "b.slice");

	(void)state;
	assert_ptr_equal(cgroup_cache_intern(cache, "a.slice"), ident->unit);
	assert_ptr_equal(cgroup_cache_intern(cache, "b.slice"), word);
	assert_ptr_equal(find(cache, "0::/b.slice\n")->unit, word);
	/* a string that is no cgroup yet becomes one */
	word = cgroup_cache_intern(cache, "/c.slice");
	assert_ptr_equal(find(cache, "0::/c.slice\n")->cgroup, word);
	assert_string_equal(cgroup_cache_intern(cache, ""), "");
	cgroup_cache_close(cache);
}

static void test_find_path(void **state)
{
	static const char text[] = "0::/system.slice/docker-"
				   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope\n";
	struct cgroup_cache *cache = open_cache("/nonexistent", CGROUP_BYTES_DEFAULT);
	const struct cgroup_ident *read = NULL, *found = NULL;
	char path[CGROUP_PATH_SIZE + 2];

	(void)state;
	assert_int_equal(cgroup_cache_find(cache, text, strlen(text), &read), 0);
	assert_int_equal(cgroup_cache_find_path(cache, read->cgroup, &found), 0);
	assert_ptr_equal(found, read);
	assert_int_equal(cgroup_cache_find_path(cache, "/system.slice", &found), 0);
	assert_string_equal(found->cgroup, "/system.slice");
	assert_string_equal(found->unit, "system.slice");
	assert_null(found->container);
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(cgroup_cache_find_path(cache, path, &found), -EINVAL);
	cgroup_cache_close(cache);
}

static void test_bad_text(void **state)
{
	struct cgroup_cache *cache = open_cache("/nonexistent", CGROUP_BYTES_DEFAULT);
	const struct cgroup_ident *ident = NULL;
	size_t count = cgroup_cache_count(cache);

	(void)state;
	assert_int_equal(cgroup_cache_find(cache, "", 0, &ident), -EINVAL);
	assert_int_equal(cgroup_cache_find(cache, "nonsense\n", 9, &ident), -EINVAL);
	assert_null(ident);
	assert_int_equal(cgroup_cache_count(cache), count);
	cgroup_cache_close(cache);
}

/* Many cgroups: none is mixed up when the tables grow. */
static void test_many(void **state)
{
	enum { MANY = 5000 };
	struct cgroup_cache *cache = open_cache("/nonexistent", CGROUP_BYTES_DEFAULT);
	static const struct cgroup_ident *idents[MANY];
	char text[128], unit[64];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "0::/many.slice/run-%d.scope\n", i);
		idents[i] = find(cache, text);
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "0::/many.slice/run-%d.scope\n", i);
		snprintf(unit, sizeof(unit), "run-%d.scope", i);
		assert_ptr_equal(find(cache, text), idents[i]);
		assert_string_equal(idents[i]->unit, unit);
	}
	assert_int_equal(cgroup_cache_count(cache), MANY + 1); /* and the root */
	cgroup_cache_close(cache);
}

/* Beyond the limit a new cgroup counts as its nearest known ancestor, and memory stays where it is. */
static void test_bounded(void **state)
{
	enum { LIMIT = 64 << 10, MANY = 3000 };
	struct cgroup_cache *cache = open_cache("/nonexistent", LIMIT);
	const struct cgroup_ident *parent = find(cache, "0::/many.slice/app.service\n"), *ident;
	char text[128];
	size_t count;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "0::/many.slice/app.service/job-%d/deep/er\n", i);
		ident = find(cache, text);
		assert_true(ident == parent || strstr(text, ident->cgroup));
	}
	count = cgroup_cache_count(cache);
	assert_in_range(count, 50, MANY - 1);
	assert_true(cgroup_cache_bytes(cache) <= LIMIT);
	assert_ptr_equal(find(cache, "0::/many.slice/app.service/job-99999/deep/er\n"), parent);
	assert_ptr_equal(find(cache, "0::/many.slice/app.service\n"), parent);
	assert_string_equal(find(cache, "0::/unheard/of\n")->cgroup, "/");
	assert_string_equal(find(cache, "0::/many.slice/app.servicex\n")->cgroup, "/");
	assert_int_equal(cgroup_cache_count(cache), count);
	cgroup_cache_close(cache);
}

static void test_names_of_containers(void **state)
{
	static const struct {
		const char *text, *container;
	} cases[] = {
		{ "0::/system.slice/docker-" ID ".scope\n", "web" },
		{ "0::/system.slice/docker-" ID3 ".scope\n", "000000000000" },
		{ "0::/machine.slice/libpod-" ID2 ".scope/container\n", "quoted \"name\"\xc3\xa9" },
		{ "0::/machine.slice/libpod-" ID ".scope/container\n", "0123456789ab" },
		{ "0::/kubepods/burstable/pod" UID "/" ID2 "\n", "shop/web-7d9c/nginx" },
		{ "0::/kubepods.slice/kubepods-pod" UID ".slice/cri-containerd-" ID2 ".scope\n",
		  "shop/web-7d9c/nginx" },
		{ "0::/kubepods.slice/kubepods-pod" UID ".slice/cri-containerd-" ID ".scope\n",
		  "6b1e3a52/0123456789ab" },
		{ "0::/lxc.payload.mail\n", "mail" },
		{ "0::/system.slice/cron.service\n", NULL },
	};
	const struct tree *tree = *state;
	struct cgroup_cache *cache;

	tree_write(tree, "var/lib/docker/containers/" ID "/config.v2.json",
		   "{\"StreamConfig\":{},\"MountPoints\":{\"/data\":{\"Name\":\"volume\",\"a\":[1,{\"Name\":\"x\"}]}},"
		   "\"Path\":\"Name\",\"Name\":\"/web\",\"Pid\":-1.5e3,\"Managed\":false}");
	tree_write(tree, "var/lib/containers/storage/overlay-containers/containers.json",
		   "[{\"id\":\"" ID "\",\"names\":[],\"layer\":\"1\"},\n"
		   " {\"names\":[\"quoted \\\"name\\\"\\u00e9\",\"second\"], \"id\" : \"" ID2
		   "\", \"flags\":{\"a\":null}}]\n");
	tree_write(tree, "var/log/containers/web-7d9c_shop_nginx-" ID2 ".log", "");
	tree_write(tree, "var/log/containers/notes.txt", "");
	tree_write(tree, "var/log/containers/-" ID ".log", ""); /* no names in it */
	cache = open_cache(tree->root, CGROUP_BYTES_DEFAULT);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct cgroup_ident *ident = find(cache, cases[i].text);

		if (cases[i].container)
			assert_string_equal(ident->container, cases[i].container);
		else
			assert_null(ident->container);
	}
	cgroup_cache_close(cache);
}

/* Files cut or damaged anywhere give no name and no harm. */
static void test_damaged_files(void **state)
{
	static const char whole[] = "{\"a\":{\"b\":[1,2,{\"c\":\"\\u00e9\\n\"}]},\"d\":true,\"Name\":\"/web\"}";
	static const char *const broken[] = {
		"",
		"[",
		"{",
		"}",
		"{]",
		"{\"Name\"",
		"{\"Name\":",
		"{\"Name\":7}",
		"{\"Name\":\"\"}",
		"{\"Name\":\"a",
		"{\"a\":}",
		"{\"a\":,}",
		"{\"a\":1,}",
		"{\"a\":[[[[[[",
		"{\"a\":\"\\q\"}",
		"{\"a\":\"\\u12",
		"{\"a\" \"b\"}",
		"null",
		"{\"a\":\x01}",
		"\"Name\":\"x\"",
	};
	const struct tree *tree = *state;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]) + sizeof(whole) - 2; i++) {
		size_t cut = i - sizeof(broken) / sizeof(broken[0]);
		struct cgroup_cache *cache;
		char text[sizeof(whole)];

		if (i < sizeof(broken) / sizeof(broken[0]))
			snprintf(text, sizeof(text), "%s", broken[i]);
		else
			snprintf(text, sizeof(text), "%.*s", (int)cut, whole);
		/* the name's own closing quote is the last but one byte */
		tree_write(tree, "var/lib/docker/containers/" ID "/config.v2.json", text);
		cache = open_cache(tree->root, CGROUP_BYTES_DEFAULT);
		assert_string_equal(find(cache, "0::/docker/" ID "\n")->container, "0123456789ab");
		cgroup_cache_close(cache);
	}
}

static int open_proc(void)
{
	int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void test_read_from_tree(void **state)
{
	const struct tree *tree = *state;
	struct cgroup_cache *cache = open_cache("/nonexistent", CGROUP_BYTES_DEFAULT);
	const struct cgroup_ident *ident = NULL;
	char *text = malloc(40000), *at = text;
	int fd;

	assert_non_null(text);
	tree_write(tree, "7/cgroup", "0::/a.slice\n");
	tree_write(tree, "7/task/8/cgroup", "0::/a.slice/threads\n");
	tree_write(tree, "9/cgroup", "");
	/* longer than what is read: the line that is cut does not count, though it is that of v2 */
	at += sprintf(at, "7:memory:/long.slice\n");
	while (at < text + 16384 - 40)
		at += sprintf(at, "9:cpu:/\n");
	sprintf(at, "0::/cut.slice/yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy.service\n");
	tree_write(tree, "10/cgroup", text);
	fd = open(tree->root, O_PATH | O_DIRECTORY);
	assert_int_equal(cgroup_cache_read(cache, fd, 7, 0, &ident), 0);
	assert_string_equal(ident->unit, "a.slice");
	assert_int_equal(cgroup_cache_read(cache, fd, 7, 7, &ident), 0);
	assert_string_equal(ident->cgroup, "/a.slice");
	assert_int_equal(cgroup_cache_read(cache, fd, 7, 8, &ident), 0);
	assert_string_equal(ident->cgroup, "/a.slice/threads");
	assert_int_equal(cgroup_cache_read(cache, fd, 10, 0, &ident), 0);
	assert_string_equal(ident->unit, "long.slice");
	ident = NULL;
	assert_int_equal(cgroup_cache_read(cache, fd, 7, 9, &ident), -ENOENT);
	assert_int_equal(cgroup_cache_read(cache, fd, 9, 0, &ident), -EINVAL);
	assert_null(ident);
	close(fd);
	free(text);
	cgroup_cache_close(cache);
}

/* A real task: living, a zombie, and gone. */
static void test_zombie(void **state)
{
	struct cgroup_cache *cache = open_cache("", CGROUP_BYTES_DEFAULT);
	const struct cgroup_ident *own = NULL, *ident = NULL;
	siginfo_t info;
	int fd = open_proc(), error;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0); /* dead, not reaped */
	assert_int_equal(cgroup_cache_read(cache, fd, getpid(), 0, &own), 0);
	assert_int_equal(cgroup_cache_read(cache, fd, pid, 0, &ident), 0);
	/* v2 keeps a zombie's cgroup; v1 moves it to the root of each hierarchy */
	assert_true(ident == own || strcmp(ident->cgroup, "/") == 0);
	error = cgroup_cache_read_exiting(cache, fd, pid, &ident);
	assert_true(error == -ENODATA || (error == 0 && (ident == own || strcmp(ident->cgroup, "/") != 0)));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	error = cgroup_cache_read(cache, fd, pid, 0, &ident);
	assert_true(error == -ENOENT || error == -ESRCH);
	close(fd);
	cgroup_cache_close(cache);
}

/* Where there is a v2 hierarchy and the right to change it. */
static bool make_cgroup(char *path, size_t size)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		char procs[256];

		snprintf(procs, sizeof(procs), "%s/cgroup.procs", mounts[i]);
		if (access(procs, W_OK) != 0)
			continue;
		snprintf(path, size, "%s/iotopx-test-%d.slice", mounts[i], getpid());
		if (mkdir(path, 0755) == 0)
			return true;
	}
	return false;
}

static void test_task_that_moves(void **state)
{
	struct cgroup_cache *cache = open_cache("", CGROUP_BYTES_DEFAULT);
	const struct cgroup_ident *before = NULL, *after = NULL;
	char path[200], procs[256], unit[64];
	int fd = open_proc();
	FILE *file;
	pid_t pid;

	(void)state;
	if (!make_cgroup(path, sizeof(path))) {
		close(fd);
		cgroup_cache_close(cache);
		skip();
	}
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	assert_int_equal(cgroup_cache_read(cache, fd, pid, 0, &before), 0);
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	file = fopen(procs, "w");
	assert_non_null(file);
	fprintf(file, "%d\n", pid);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(cgroup_cache_read(cache, fd, pid, 0, &after), 0);
	snprintf(unit, sizeof(unit), "iotopx-test-%d.slice", getpid());
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(rmdir(path), 0);
	assert_ptr_not_equal(before, after);
	/* within a container of v1 its hierarchies say more */
	if (!after->container)
		assert_string_equal(after->unit, unit);
	close(fd);
	cgroup_cache_close(cache);
}

#define with_tree(test) cmocka_unit_test_setup_teardown(test, tree_make, tree_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_cgroup_one_address),
		cmocka_unit_test(test_intern),
		cmocka_unit_test(test_find_path),
		cmocka_unit_test(test_bad_text),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_bounded),
		with_tree(test_names_of_containers),
		with_tree(test_damaged_files),
		with_tree(test_read_from_tree),
		cmocka_unit_test(test_zombie),
		cmocka_unit_test(test_task_that_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
