#include "cgroup_books.h"
#include "tree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* A hierarchy of the test's own, mounted on /cg of its tree, and the books of it. */
struct fixture {
	struct tree *tree;
	struct cgroup_cache *cache;
	struct cgroup_books *books;
};

static int setup(void **state)
{
	static struct fixture fixture;
	void *tree;

	if (tree_make(&tree) != 0)
		return -1;
	fixture = (struct fixture){ .tree = tree };
	*state = &fixture;
	tree_write(fixture.tree, "proc/self/mountinfo", "30 1 0:26 / /cg rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
	tree_write(fixture.tree, "cg/cgroup.controllers", "cpuset cpu io memory\n");
	tree_write(fixture.tree, "cg/web.slice/shop.service/cgroup.procs", "");
	if (cgroup_cache_open(fixture.tree->root, CGROUP_BYTES_DEFAULT, &fixture.cache))
		return -1;
	return cgroup_books_open(fixture.tree->root, fixture.cache, &fixture.books);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	void *tree = fixture->tree;

	cgroup_books_close(fixture->books);
	cgroup_cache_close(fixture->cache);
	return tree_remove(&tree);
}

static void set_io(const struct fixture *fixture, const char *cgroup, unsigned reads, unsigned writes)
{
	char path[256], text[256];

	snprintf(path, sizeof(path), "cg%s/io.stat", cgroup);
	snprintf(text, sizeof(text), "8:0 rbytes=%u wbytes=%u rios=1 wios=1 dbytes=0 dios=0\n", reads, writes);
	tree_write(fixture->tree, path, text);
}

/* As a sweep does that finds a task in it. */
static void see(const struct fixture *fixture, const char *cgroup)
{
	const struct cgroup_ident *ident;
	char text[256];

	snprintf(text, sizeof(text), "0::%s\n", cgroup);
	assert_int_equal(cgroup_cache_find(fixture->cache, text, strlen(text), &ident), 0);
	assert_int_equal(cgroup_books_see(fixture->books, ident->cgroup), 0);
}

static struct interval *sample(const struct fixture *fixture, bool baseline)
{
	struct interval *interval = interval_new();

	assert_non_null(interval);
	interval->baseline = baseline;
	assert_int_equal(cgroup_books_prepare(fixture->books), 0);
	cgroup_books_sample(fixture->books, interval);
	return interval;
}

static const struct cgroup_delta *find(const struct interval *interval, const char *unit)
{
	for (size_t i = 0; i < interval->cgroup_count; i++)
		if (strcmp(interval->cgroups[i].unit, unit) == 0)
			return &interval->cgroups[i];
	return NULL;
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_units(void **state)
{
	static const char shop[] = "/web.slice/shop.service", box[] = "/system.slice/docker-" ID ".scope";
	const struct fixture *fixture = *state;
	struct interval *interval;

	set_io(fixture, "", 100, 100);
	set_io(fixture, "/web.slice", 100, 100);
	set_io(fixture, shop, 100, 100);
	set_io(fixture, box, 0, 0);
	see(fixture, shop);
	see(fixture, shop);
	see(fixture, box);
	assert_int_equal(cgroup_books_see(fixture->books, NULL), 0);
	interval = sample(fixture, true);
	assert_int_equal(interval->cgroup_count, 0);
	assert_true(interval->cgroup_io);
	assert_false(interval->cgroup_pressure);
	interval_unref(interval);

	set_io(fixture, shop, 110, 120);
	set_io(fixture, "/web.slice", 115, 127); /* 5 and 7 of what is no more */
	set_io(fixture, "", 120, 130);
	set_io(fixture, box, 3, 0);
	interval = sample(fixture, false);
	assert_string_equal(find(interval, "shop.service")->cgroup, shop);
	assert_null(find(interval, "shop.service")->container);
	assert_true(find(interval, "shop.service")->io_known);
	assert_int_equal(find(interval, "shop.service")->read_bytes, 10);
	assert_int_equal(find(interval, "shop.service")->write_bytes, 20);
	assert_int_equal(find(interval, "web.slice")->read_bytes, 5);
	assert_int_equal(find(interval, "web.slice")->write_bytes, 7);
	assert_int_equal(find(interval, "docker-0123456789ab.scope")->read_bytes, 3);
	assert_string_equal(find(interval, "docker-0123456789ab.scope")->container, "0123456789ab");
	assert_int_equal(find(interval, "/")->write_bytes, 3);
	interval_unref(interval);

	/* who did nothing is not listed: it is 0 */
	interval = sample(fixture, false);
	assert_null(find(interval, "shop.service"));
	interval_unref(interval);
}

/* systemd gives the controller to a unit that asks for it. Of the others nothing is known, and their slice has what
 * they did. */
static void test_units_without_the_controller(void **state)
{
	static const char cron[] = "/system.slice/cron.service";
	const struct fixture *fixture = *state;
	struct interval *interval;

	set_io(fixture, "", 0, 0);
	set_io(fixture, "/system.slice", 0, 0);
	tree_write(fixture->tree, "cg/system.slice/cron.service/cgroup.procs", "");
	see(fixture, cron);
	interval_unref(sample(fixture, true));
	set_io(fixture, "/system.slice", 0, 50);
	set_io(fixture, "", 0, 50);
	interval = sample(fixture, false);
	assert_false(find(interval, "cron.service")->io_known);
	assert_int_equal(find(interval, "system.slice")->write_bytes, 50);
	assert_true(!find(interval, "/") || find(interval, "/")->write_bytes == 0);
	interval_unref(interval);
}

/* Names that come from v1's hierarchies: what is not listed may have done anything. */
static void test_cgroups_of_v1(void **state)
{
	static const char text[] = "1:name=systemd:/system.slice/cron.service\n0::/\n";
	const struct fixture *fixture = *state;
	const struct cgroup_ident *ident;
	struct interval *interval;

	set_io(fixture, "", 0, 0);
	see(fixture, "/");
	interval = sample(fixture, true);
	assert_true(interval->cgroup_io);
	interval_unref(interval);
	assert_int_equal(cgroup_cache_find(fixture->cache, text, strlen(text), &ident), 0);
	assert_string_equal(ident->unit, "cron.service");
	assert_int_equal(cgroup_books_see(fixture->books, ident->cgroup), 0);
	set_io(fixture, "", 0, 7);
	interval = sample(fixture, false);
	assert_false(interval->cgroup_io);
	assert_null(find(interval, "cron.service"));
	assert_int_equal(find(interval, "/")->write_bytes, 7);
	interval_unref(interval);
}

/* A unit that is stopped and started again: seen again, and counted from its new beginning. */
static void test_restarted(void **state)
{
	static const char shop[] = "/shop.service";
	const struct fixture *fixture = *state;
	struct interval *interval;
	char command[160];

	set_io(fixture, shop, 5, 5);
	see(fixture, shop);
	interval_unref(sample(fixture, true));
	snprintf(command, sizeof(command), "rm -r '%s/cg%s'", fixture->tree->root, shop);
	assert_int_equal(system(command), 0);
	interval = sample(fixture, false);
	assert_false(find(interval, "shop.service")->io_known);
	interval_unref(interval);
	set_io(fixture, shop, 2, 3);
	see(fixture, shop);
	interval = sample(fixture, false);
	assert_int_equal(find(interval, "shop.service")->write_bytes, 3);
	interval_unref(interval);
}

#define with_books(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_books(test_units),
		with_books(test_units_without_the_controller),
		with_books(test_cgroups_of_v1),
		with_books(test_restarted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
