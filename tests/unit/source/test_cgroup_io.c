#include "iotopx/cgroup_io.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define CAPTURES TEST_DATA "/captures/cgroup/"

static const char *read_capture(const char *path)
{
	static char text[4096];
	FILE *file = fopen(path, "r");
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	return text;
}

/* A buffered writer of 64 MiB: nothing reached the disk when it ended, all of it after the writeback. */
static void test_captures(void **state)
{
	static const char *const kernels[] = { "6.1", "6.12" };

	(void)state;
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		struct cgroup_io_counters io;
		uint64_t some = 1, full = 1;
		char path[256];

		snprintf(path, sizeof(path), CAPTURES "io.stat-%s-before-writeback", kernels[i]);
		assert_int_equal(cgroup_io_parse(read_capture(path), NULL, NULL, &io), 0);
		assert_int_equal(io.read_bytes, 8192);
		assert_int_equal(io.reads, 2);
		assert_int_equal(io.write_bytes, 0);
		snprintf(path, sizeof(path), CAPTURES "io.stat-%s-after-writeback", kernels[i]);
		assert_int_equal(cgroup_io_parse(read_capture(path), NULL, NULL, &io), 0);
		assert_int_equal(io.write_bytes, 64 << 20);
		assert_true(io.writes > 0);
		snprintf(path, sizeof(path), CAPTURES "io.pressure-%s", kernels[i]);
		assert_int_equal(cgroup_io_parse_pressure(read_capture(path), &some, &full), 0);
		assert_int_equal(some, i == 0 ? 122 : 0);
		assert_int_equal(full, i == 0 ? 122 : 0);
	}
}

static bool is_253(void *data, unsigned major, unsigned minor)
{
	(void)minor;
	(*(unsigned *)data)++;
	return major == 253;
}

static void test_parse(void **state)
{
	struct cgroup_io_counters io = { .reads = 99 };
	unsigned asked = 0;

	(void)state;
	assert_int_equal(cgroup_io_parse("", NULL, NULL, &io), 0);
	assert_int_equal(io.reads, 0);
	/* devices add up; stacked ones are left out; keys of iocost are passed over */
	assert_int_equal(cgroup_io_parse("8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 cost.usage=7\n"
					 "253:1 rbytes=100 wbytes=100 rios=100 wios=100 dbytes=100 dios=100\n"
					 "259:0 rbytes=10 wbytes=20 rios=30 wios=40 dbytes=50 dios=60\n",
					 is_253, &asked, &io),
			 0);
	assert_int_equal(asked, 3);
	assert_int_equal(io.read_bytes, 11);
	assert_int_equal(io.write_bytes, 22);
	assert_int_equal(io.reads, 33);
	assert_int_equal(io.writes, 44);
	assert_int_equal(io.discard_bytes, 55);
	assert_int_equal(io.discards, 66);
	/* devices without figures and without a newline, as some kernels write them */
	assert_int_equal(cgroup_io_parse("7:1 7:0 253:0 8:0 rbytes=5\n8:16 \n", is_253, &asked, &io), 0);
	assert_int_equal(io.read_bytes, 5);
	assert_int_equal(cgroup_io_parse("8:0 253:0 rbytes=5\n", is_253, &asked, &io), 0);
	assert_int_equal(io.read_bytes, 0);
}

static void test_parse_bad(void **state)
{
	static const char *const texts[] = { "rbytes=1\n",      "8:0 rbytes=\n",   "8:0 rbytes=x\n",
					     "8:0 rbytes=1x\n", "8:0 rbytes= 1\n", "8:0 rios=1\nrbytes=2\n" };
	struct cgroup_io_counters io = { .reads = 99 };
	uint64_t some = 7, full = 8;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(cgroup_io_parse(texts[i], NULL, NULL, &io), -EINVAL);
	assert_int_equal(io.reads, 99);
	assert_int_equal(cgroup_io_parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n", &some, &full),
			 -EINVAL);
	assert_int_equal(some, 7);
	assert_int_equal(full, 8);
}

/* A hierarchy, mounted on /cg of its tree. */
static int mount_make(void **state)
{
	const struct tree *tree;

	if (tree_make(state) != 0)
		return -1;
	tree = *state;
	tree_write(tree, "proc/self/mountinfo",
		   "29 1 0:25 / /sys rw - sysfs sysfs rw\n"
		   "30 1 0:26 / /cg rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
	tree_write(tree, "proc/pressure/io",
		   "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
		   "full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
	tree_write(tree, "cg/cgroup.controllers", "cpuset cpu io memory\n");
	return 0;
}

/* Bytes read and written so far by the cgroup with all below it, and the time it waited. */
static void set_io(const struct tree *tree, const char *cgroup, unsigned reads, unsigned writes, unsigned waited_us)
{
	char path[256], text[256];

	snprintf(path, sizeof(path), "cg%s/io.stat", cgroup);
	snprintf(text, sizeof(text), "8:0 rbytes=%u wbytes=%u rios=%u wios=%u dbytes=0 dios=0\n", reads, writes,
		 reads / 4, writes / 4);
	tree_write(tree, path, text);
	snprintf(path, sizeof(path), "cg%s/io.pressure", cgroup);
	snprintf(text, sizeof(text),
		 "some avg10=0.00 avg60=0.00 avg300=0.00 total=%u\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=%u\n",
		 waited_us, waited_us / 2);
	tree_write(tree, path, text);
}

static struct cgroup_io *open_io(const struct tree *tree)
{
	struct cgroup_io *io = NULL;

	assert_int_equal(cgroup_io_open(tree->root, &io), 0);
	return io;
}

static const struct cgroup_io_delta *find(const struct cgroup_io_deltas *deltas, const char *cgroup)
{
	for (size_t i = 0; i < deltas->count; i++)
		if (deltas->items[i].cgroup == cgroup)
			return &deltas->items[i];
	return NULL;
}

static void assert_unknown(const struct cgroup_io_deltas *deltas, const char *cgroup)
{
	const struct cgroup_io_delta *delta = find(deltas, cgroup);

	assert_non_null(delta);
	assert_false(delta->known);
}

static void assert_io(const struct cgroup_io_deltas *deltas, const char *cgroup, uint64_t reads, uint64_t writes)
{
	const struct cgroup_io_delta *delta = find(deltas, cgroup);

	if (reads == 0 && writes == 0) {
		assert_true(!delta || (delta->io.read_bytes == 0 && delta->io.write_bytes == 0));
		return;
	}
	assert_non_null(delta);
	assert_true(delta->known);
	assert_int_equal(delta->io.read_bytes, reads);
	assert_int_equal(delta->io.write_bytes, writes);
}

static void test_old_and_new(void **state)
{
	static const char old[] = "/old.slice", new[] = "/new.slice";
	const struct tree *tree = *state;
	struct cgroup_io_deltas deltas = { 0 };
	struct cgroup_io *io;
	bool added;

	set_io(tree, old, 1000, 2000, 50);
	io = open_io(tree);
	assert_true(cgroup_io_has_stat(io));
	set_io(tree, new, 400, 800, 20);
	assert_int_equal(cgroup_io_watch(io, old, NULL), 0);
	assert_int_equal(cgroup_io_watch(io, new, &added), 0);
	assert_true(added);
	assert_int_equal(cgroup_io_watch(io, new, &added), 0);
	assert_false(added);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_io(&deltas, old, 0, 0);
	assert_io(&deltas, new, 400, 800);
	assert_int_equal(find(&deltas, new)->io.reads, 100);
	assert_true(find(&deltas, new)->has_pressure);
	assert_int_equal(find(&deltas, new)->some_us, 20);
	assert_int_equal(find(&deltas, new)->full_us, 10);

	/* those that did nothing are not listed */
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_int_equal(deltas.count, 0);
	set_io(tree, old, 1000, 2012, 60);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_int_equal(deltas.count, 1);
	assert_io(&deltas, old, 0, 12);
	assert_int_equal(find(&deltas, old)->some_us, 10);
	free(deltas.items);
	cgroup_io_close(io);
	cgroup_io_close(NULL);
}

/* Each its own: what is below it is taken off, once. The names that sort between tell the order's pitfalls. */
static void test_hierarchy(void **state)
{
	static const char top[] = "/", a[] = "/a", a_b[] = "/a-b", a_below[] = "/a/b", deep[] = "/a/b/c/d",
			  lone[] = "/l/m";
	const char *const order[] = { deep, a_b, top, a_below, lone, a };
	const struct tree *tree = *state;
	struct cgroup_io_deltas deltas = { 0 };
	struct cgroup_io *io = open_io(tree);

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		set_io(tree, order[i], 0, 0, 0);
		assert_int_equal(cgroup_io_watch(io, order[i], NULL), 0);
	}
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_int_equal(deltas.count, 0);
	set_io(tree, deep, 1, 10, 0);
	set_io(tree, a_below, 3, 30, 0); /* 2 its own */
	set_io(tree, a, 6, 60, 0);       /* 3 */
	set_io(tree, a_b, 4, 40, 0);     /* 4 */
	set_io(tree, lone, 5, 50, 0);    /* 5 */
	set_io(tree, top, 21, 210, 0);   /* 6 */
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_io(&deltas, deep, 1, 10);
	assert_io(&deltas, a_below, 2, 20);
	assert_io(&deltas, a, 3, 30);
	assert_io(&deltas, a_b, 4, 40);
	assert_io(&deltas, lone, 5, 50);
	assert_io(&deltas, top, 6, 60);
	free(deltas.items);
	cgroup_io_close(io);
}

/* A child that was read before its parent's share of the same bytes came: nothing is negative, nothing counts twice. */
static void test_readings_one_after_the_other(void **state)
{
	static const char parent[] = "/p", child[] = "/p/c";
	const struct tree *tree = *state;
	struct cgroup_io_deltas deltas = { 0 };
	struct cgroup_io *io = open_io(tree);

	set_io(tree, parent, 0, 0, 0);
	set_io(tree, child, 0, 0, 0);
	assert_int_equal(cgroup_io_watch(io, parent, NULL), 0);
	assert_int_equal(cgroup_io_watch(io, child, NULL), 0);
	set_io(tree, child, 100, 0, 0);
	set_io(tree, parent, 60, 0, 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_io(&deltas, child, 100, 0);
	assert_io(&deltas, parent, 0, 0);
	set_io(tree, parent, 107, 0, 0); /* the rest of the child's, and 7 of its own */
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_io(&deltas, child, 0, 0);
	assert_io(&deltas, parent, 7, 0);
	free(deltas.items);
	cgroup_io_close(io);
}

static void move(const struct tree *tree, const char *from, const char *to)
{
	char old[256], new[256];

	snprintf(old, sizeof(old), "%s/%s", tree->root, from);
	snprintf(new, sizeof(new), "%s/%s", tree->root, to);
	assert_int_equal(rename(old, new), 0);
}

static void test_gone_and_made_again(void **state)
{
	static const char parent[] = "/p", child[] = "/p/c";
	const struct tree *tree = *state;
	struct cgroup_io_deltas deltas = { 0 };
	struct cgroup_io *io;

	set_io(tree, parent, 100, 0, 0);
	set_io(tree, child, 50, 0, 0);
	io = open_io(tree);
	assert_int_equal(cgroup_io_watch(io, parent, NULL), 0);
	assert_int_equal(cgroup_io_watch(io, child, NULL), 0);

	/* replaced between two samples: the new one's figures are smaller, and all its own */
	move(tree, "cg/p/c", "gone1");
	set_io(tree, child, 30, 0, 0);
	set_io(tree, parent, 140, 0, 0); /* 10 of the old one before its end, 30 of the new one */
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_io(&deltas, child, 30, 0);
	assert_io(&deltas, parent, 10, 0);

	/* gone: what it did last is its parent's */
	move(tree, "cg/p/c", "gone2");
	set_io(tree, parent, 145, 0, 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_io(&deltas, child, 0, 0);
	assert_io(&deltas, parent, 5, 0);

	/* there again: it has to be watched again, and counts from 0 though the first of its name did not */
	set_io(tree, child, 9, 0, 0);
	set_io(tree, parent, 154, 0, 0);
	assert_int_equal(cgroup_io_watch(io, child, NULL), 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_io(&deltas, child, 9, 0);
	assert_io(&deltas, parent, 0, 0);
	free(deltas.items);
	cgroup_io_close(io);
}

/* `most` 0: as many as before. */
static void limit_descriptors(rlim_t most)
{
	static struct rlimit before;
	struct rlimit limit;

	if (!most) {
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		return;
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = most;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Who can't be read for a while is not gone: what it had done before is not new when it can be again. */
static void test_no_descriptors(void **state)
{
	static const char early[] = "/early", late[] = "/late";
	const struct tree *tree = *state;
	struct cgroup_io_deltas deltas = { 0 };
	struct cgroup_io *io;

	set_io(tree, early, 100, 0, 0);
	set_io(tree, late, 200, 0, 0);
	io = open_io(tree);
	assert_int_equal(cgroup_io_watch(io, early, NULL), 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	limit_descriptors(1);
	assert_int_equal(cgroup_io_watch(io, late, NULL), 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_unknown(&deltas, early);
	assert_unknown(&deltas, late);
	limit_descriptors(0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_unknown(&deltas, early);
	assert_unknown(&deltas, late);
	set_io(tree, early, 101, 0, 0);
	set_io(tree, late, 202, 0, 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_io(&deltas, early, 1, 0);
	assert_io(&deltas, late, 2, 0);
	free(deltas.items);
	cgroup_io_close(io);
}

/* A counter that goes down without the cgroup being another one: a disk was pulled. No figure, no phantom after. */
static void test_counter_going_down(void **state)
{
	static const char cgroup[] = "/x", below[] = "/x/y", top[] = "/";
	const struct tree *tree = *state;
	struct cgroup_io_deltas deltas = { 0 };
	struct cgroup_io *io = open_io(tree);

	set_io(tree, cgroup, 100, 100, 0);
	assert_int_equal(cgroup_io_watch(io, cgroup, NULL), 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_io(&deltas, cgroup, 100, 100);
	set_io(tree, cgroup, 60, 200, 4);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_int_equal(deltas.count, 1);
	assert_false(deltas.items[0].known);
	assert_true(deltas.items[0].has_pressure);
	set_io(tree, cgroup, 61, 202, 4);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_io(&deltas, cgroup, 1, 2);

	/* what is below it is not its grandparent's for that */
	set_io(tree, "/", 100, 0, 0);
	set_io(tree, below, 0, 0, 0);
	assert_int_equal(cgroup_io_watch(io, top, NULL), 0);
	assert_int_equal(cgroup_io_watch(io, below, NULL), 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	set_io(tree, below, 7, 0, 0);
	set_io(tree, cgroup, 50, 202, 4);
	set_io(tree, "/", 109, 0, 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_false(find(&deltas, cgroup)->known);
	assert_io(&deltas, below, 7, 0);
	assert_io(&deltas, top, 2, 0);
	free(deltas.items);
	cgroup_io_close(io);
}

static void test_stacked_devices(void **state)
{
	static const char cgroup[] = "/x";
	const struct tree *tree = *state;
	struct cgroup_io_deltas deltas = { 0 };
	struct cgroup_io *io = open_io(tree);

	tree_write(tree, "sys/dev/block/252:0/dm/name", "vg-root\n");
	tree_write(tree, "sys/dev/block/8:0/slaves/.keep", "");
	tree_write(tree, "cg/x/io.stat", "252:0 rbytes=5 wbytes=7\n8:0 rbytes=5 wbytes=7\n7:0 rbytes=1\n");
	assert_int_equal(cgroup_io_watch(io, cgroup, NULL), 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_io(&deltas, cgroup, 5, 7);
	free(deltas.items);
	cgroup_io_close(io);
}

static void test_many(void **state)
{
	enum { MANY = 300 };
	static char names[MANY][32];
	const struct tree *tree = *state;
	struct cgroup_io_deltas deltas = { 0 };
	struct cgroup_io *io = open_io(tree);

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "/m/%u", i);
		set_io(tree, names[i], i + 1, 0, 0);
		assert_int_equal(cgroup_io_watch(io, names[i], NULL), 0);
	}
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_int_equal(deltas.count, MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_io(&deltas, names[i], i + 1, 0);
	/* half of them go */
	for (unsigned i = 0; i < MANY; i += 2) {
		char from[64], to[64];

		snprintf(from, sizeof(from), "cg/m/%u", i);
		snprintf(to, sizeof(to), "gone-%u", i);
		move(tree, from, to);
	}
	/* the last time they are told of: nobody knows what they did */
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_int_equal(deltas.count, MANY / 2);
	for (size_t i = 0; i < deltas.count; i++)
		assert_false(deltas.items[i].known);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_int_equal(deltas.count, 0);
	for (unsigned i = 1; i < MANY; i += 2) {
		set_io(tree, names[i], i + 3, 0, 0);
		assert_int_equal(cgroup_io_watch(io, names[i], NULL), 0);
	}
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_int_equal(deltas.count, MANY / 2);
	assert_io(&deltas, names[1], 2, 0);
	free(deltas.items);
	cgroup_io_close(io);
}

static void test_paths_that_lead_nowhere(void **state)
{
	static const char out[] = "/../proc", missing[] = "/missing", dots[] = "/..a";
	const struct tree *tree = *state;
	struct cgroup_io_deltas deltas = { 0 };
	struct cgroup_io *io = open_io(tree);

	tree_write(tree, "proc/io.stat", "8:0 rbytes=1\n");
	set_io(tree, dots, 3, 0, 0);
	assert_int_equal(cgroup_io_watch(io, out, NULL), 0);
	assert_int_equal(cgroup_io_watch(io, missing, NULL), 0);
	assert_int_equal(cgroup_io_watch(io, dots, NULL), 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_int_equal(deltas.count, 3);
	assert_io(&deltas, dots, 3, 0);
	assert_false(find(&deltas, out)->known);
	assert_false(find(&deltas, missing)->known);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_int_equal(deltas.count, 0);
	free(deltas.items);
	cgroup_io_close(io);
}

/* A part of the hierarchy, as a container sees it bound. */
static void test_part_of_the_hierarchy(void **state)
{
	static const char inside[] = "/pod/x", outside[] = "/podx/x", top[] = "/pod";
	const struct tree *tree = *state;
	struct cgroup_io_deltas deltas = { 0 };
	struct cgroup_io *io;

	tree_write(tree, "proc/self/mountinfo", "30 1 0:26 /pod /cg rw - cgroup2 cgroup2 rw\n");
	set_io(tree, "", 1000, 0, 0);
	io = open_io(tree);
	set_io(tree, "/x", 5, 0, 0);
	assert_int_equal(cgroup_io_watch(io, inside, NULL), 0);
	assert_int_equal(cgroup_io_watch(io, outside, NULL), 0);
	assert_int_equal(cgroup_io_watch(io, top, NULL), 0);
	set_io(tree, "", 1008, 0, 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_io(&deltas, inside, 5, 0);
	assert_io(&deltas, top, 3, 0);
	assert_false(find(&deltas, outside)->known);
	free(deltas.items);
	cgroup_io_close(io);
}

static void test_what_is_not_there(void **state)
{
	static const char cgroup[] = "/x";
	const struct tree *tree = *state;
	struct cgroup_io_deltas deltas = { 0 };
	struct cgroup_io *io = NULL;

	/* no io controller: pressure alone */
	tree_write(tree, "cg/cgroup.controllers", "cpu iox memory\n");
	io = open_io(tree);
	assert_false(cgroup_io_has_stat(io));
	set_io(tree, cgroup, 5, 5, 8);
	assert_int_equal(cgroup_io_watch(io, cgroup, NULL), 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_int_equal(deltas.count, 1);
	assert_false(deltas.items[0].known);
	assert_int_equal(deltas.items[0].some_us, 8);
	free(deltas.items);
	cgroup_io_close(io);
	io = NULL;

	tree_write(tree, "proc/pressure/io", "");
	assert_int_equal(cgroup_io_open(tree->root, &io), -EOPNOTSUPP);
	tree_write(tree, "proc/self/mountinfo", "31 1 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
	assert_int_equal(cgroup_io_open(tree->root, &io), -ENOENT);
	assert_int_equal(cgroup_io_open("/nonexistent", &io), -ENOENT);
	assert_null(io);
}

/* The controller is not switched on for every cgroup: unknown, not 0, until it is. Its parent has the bytes. */
static void test_without_the_controller(void **state)
{
	static const char slice[] = "/s", service[] = "/s/x";
	const struct tree *tree = *state;
	struct cgroup_io_deltas deltas = { 0 };
	struct cgroup_io *io = open_io(tree);

	set_io(tree, slice, 0, 0, 0);
	tree_write(tree, "cg/s/x/cgroup.procs", "");
	assert_int_equal(cgroup_io_watch(io, service, NULL), 0);
	assert_int_equal(cgroup_io_watch(io, slice, NULL), 0);
	set_io(tree, slice, 10, 20, 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_int_equal(deltas.count, 2);
	assert_io(&deltas, slice, 10, 20);
	assert_false(find(&deltas, service)->known);
	set_io(tree, service, 100, 200, 0); /* of before it was looked at: a base */
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_false(find(&deltas, service)->known);
	set_io(tree, service, 101, 200, 0);
	set_io(tree, slice, 13, 20, 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_io(&deltas, service, 1, 0);
	assert_io(&deltas, slice, 2, 0);
	free(deltas.items);
	cgroup_io_close(io);
}

/* This machine, whatever it has. */
static void test_live(void **state)
{
	static const char top[] = "/";
	struct cgroup_io_deltas deltas = { 0 };
	struct cgroup_io *io = NULL;
	int error = cgroup_io_open("", &io);

	(void)state;
	if (error) {
		assert_true(error == -ENOENT || error == -EOPNOTSUPP);
		skip();
	}
	assert_int_equal(cgroup_io_watch(io, top, NULL), 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	assert_int_equal(cgroup_io_sample(io, &deltas), 0);
	for (size_t i = 0; i < deltas.count; i++)
		assert_ptr_equal(deltas.items[i].cgroup, top);
	free(deltas.items);
	cgroup_io_close(io);
}

static size_t open_descriptors(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* The kernel's own cgroups: their files stay open, and tell when their cgroup has gone. */
static void test_live_cgroups(void **state)
{
	static const char *const mounts[] = { "/sys/fs/cgroup/unified", "/sys/fs/cgroup" };
	struct cgroup_io_deltas deltas = { 0 };
	struct cgroup_io *io = NULL;
	size_t before = 0;
	char path[128] = "", cgroup[64];

	(void)state;
	snprintf(cgroup, sizeof(cgroup), "/iotopx-unit-test-%d", (int)getpid());
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]) && !path[0]; i++) {
		snprintf(path, sizeof(path), "%s/cgroup.controllers", mounts[i]);
		if (access(path, R_OK) == 0)
			snprintf(path, sizeof(path), "%s%s", mounts[i], cgroup);
		else
			path[0] = '\0';
	}
	if (!path[0] || cgroup_io_open("", &io) != 0)
		skip();
	rmdir(path);
	if (mkdir(path, 0755) != 0) {
		cgroup_io_close(io);
		skip();
	}
	for (int round = 0; round < 3; round++) {
		before = open_descriptors();
		assert_int_equal(cgroup_io_watch(io, cgroup, NULL), 0);
		assert_true(open_descriptors() > before);
		assert_int_equal(cgroup_io_sample(io, &deltas), 0);
		assert_true(open_descriptors() > before);
		assert_int_equal(rmdir(path), 0);
		if (round == 1) { /* another one of that name at once */
			assert_int_equal(mkdir(path, 0755), 0);
			assert_int_equal(cgroup_io_sample(io, &deltas), 0);
			assert_true(open_descriptors() > before);
			assert_int_equal(rmdir(path), 0);
		}
		assert_int_equal(cgroup_io_sample(io, &deltas), 0);
		assert_int_equal(open_descriptors(), before);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	rmdir(path);
	free(deltas.items);
	cgroup_io_close(io);
}

#define with_tree(test) cmocka_unit_test_setup_teardown(test, mount_make, tree_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captures),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_bad),
		with_tree(test_old_and_new),
		with_tree(test_hierarchy),
		with_tree(test_readings_one_after_the_other),
		with_tree(test_gone_and_made_again),
		with_tree(test_no_descriptors),
		with_tree(test_counter_going_down),
		with_tree(test_stacked_devices),
		with_tree(test_many),
		with_tree(test_paths_that_lead_nowhere),
		with_tree(test_part_of_the_hierarchy),
		with_tree(test_what_is_not_there),
		with_tree(test_without_the_controller),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_live_cgroups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
