/* Memory that runs out where the I/O of cgroups is kept: each allocation fails in turn, alone and with those that
 * follow it. An interval that can't be prepared does not come, and the next one has it all; who could not be read is
 * unknown, and what it did is with those above it. Nothing counts twice. */
#include "scarce.h"
#include "cgroup_books.h"
#include "../source/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS 4
#define LATE 8         /* the last so many cgroups are seen from the second round on only */
#define MANY_LINES 100 /* of a file: more than a page */

/* Tasks are in those that are services, and in the root. */
static const char *const cgroups[] = {
	"",
	"/a.slice",
	"/a.slice/x.service",
	"/b.slice",
	"/b.slice/1",
	"/b.slice/1/2",
	"/b.slice/1/2/3",
	"/b.slice/1/2/3/4",
	"/b.slice/1/2/3/4/5",
	"/b.slice/1/2/3/4/5/6",
	"/b.slice/1/2/3/4/5/6/z.service",
};
#define CGROUPS (sizeof(cgroups) / sizeof(*cgroups))

struct trial {
	struct tree *tree;
	struct cgroup_cache *cache;
	struct cgroup_books *books;
	uint64_t own[CGROUPS]; /* what each did without those below it */
	uint64_t done, told;   /* by all, since the baseline; as intervals tell it */
	uint64_t told_of[CGROUPS];
	bool root_unknown;
};

static uint64_t with_those_below(const struct trial *trial, size_t which)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < CGROUPS; i++)
		if (strncmp(cgroups[i], cgroups[which], strlen(cgroups[which])) == 0)
			sum += trial->own[i];
	return sum;
}

static void write_files(const struct trial *trial, bool long_ones)
{
	static char text[MANY_LINES * 96];
	char path[128];

	for (size_t i = 0; i < CGROUPS; i++) {
		int used =
		    snprintf(text, sizeof(text), "8:0 rbytes=0 wbytes=%" PRIu64 " rios=0 wios=0 dbytes=0 dios=0\n",
			     with_those_below(trial, i));

		for (int line = 1; line < MANY_LINES && long_ones && i; line++)
			used += snprintf(text + used, sizeof(text) - (size_t)used,
					 "8:%d rbytes=0 wbytes=0 rios=0 wios=0 dbytes=0 dios=0\n", line);
		snprintf(path, sizeof(path), "cg%s/io.stat", cgroups[i]);
		tree_write(trial->tree, path, text);
	}
}

/* As a sweep does that finds tasks in them; one that fails is made again. */
static int see(const struct trial *trial, size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && !error; i++) {
		const struct cgroup_ident *ident;
		char text[64];

		if (*cgroups[i] && !strstr(cgroups[i], ".service"))
			continue;
		snprintf(text, sizeof(text), "0::%s\n", *cgroups[i] ? cgroups[i] : "/");
		error = cgroup_cache_find(trial->cache, text, strlen(text), &ident);
		if (!error)
			error = cgroup_books_see(trial->books, ident->cgroup);
	}
	return error;
}

static void take(struct trial *trial, const struct interval *interval)
{
	for (size_t i = 0; i < interval->cgroup_count; i++) {
		const struct cgroup_delta *cgroup = &interval->cgroups[i];
		const char *path = strcmp(cgroup->cgroup, "/") == 0 ? "" : cgroup->cgroup;

		trial->root_unknown |= !*path && !cgroup->io_known;
		trial->told += cgroup->write_bytes;
		for (size_t j = 0; j < CGROUPS; j++)
			if (strcmp(path, cgroups[j]) == 0)
				trial->told_of[j] += cgroup->write_bytes;
	}
}

static void sample(struct trial *trial, size_t count, bool baseline)
{
	struct interval interval = { .baseline = baseline };
	int error = see(trial, count);

	if (!error)
		error = cgroup_books_prepare(trial->books);
	if (error) {
		assert_int_equal(error, -ENOMEM);
		return;
	}
	cgroup_books_sample(trial->books, &interval);
	take(trial, &interval);
	free(interval.cgroups);
	if (baseline)
		trial->done = 0;
	/* Whatever came before: all is told, once. */
	if (trial->told > trial->done || (trial->told < trial->done && !trial->root_unknown))
		fail_msg("%" PRIu64 " told of %" PRIu64, trial->told, trial->done);
}

static void work(struct trial *trial, bool long_ones)
{
	for (size_t i = 0; i < CGROUPS; i++) {
		trial->own[i] += 1000 + i;
		trial->done += 1000 + i;
	}
	write_files(trial, long_ones);
}

static bool live_through(struct tree *tree, size_t nth, size_t length)
{
	struct trial trial = { .tree = tree };

	write_files(&trial, false);
	assert_int_equal(cgroup_cache_open(tree->root, CGROUP_BYTES_DEFAULT, &trial.cache), 0);
	assert_int_equal(cgroup_books_open(tree->root, trial.cache, &trial.books), 0);
	work(&trial, false);
	sample(&trial, CGROUPS - LATE, true);
	scarce_begin_drought(nth, length);
	for (int round = 0; round < ROUNDS; round++) {
		work(&trial, round > 1);
		sample(&trial, round ? CGROUPS : CGROUPS - LATE, false);
	}
	const bool hit = scarce_end();

	for (int round = 0; round < 4; round++) { /* until each has a base again */
		memset(trial.told_of, 0, sizeof(trial.told_of));
		work(&trial, true);
		sample(&trial, CGROUPS, false);
	}
	for (size_t i = 0; i < CGROUPS; i++)
		assert_int_equal(trial.told_of[i], 1000 + i);
	cgroup_books_close(trial.books);
	cgroup_cache_close(trial.cache);
	return hit;
}

static void nothing_is_lost(void **state)
{
	static const size_t lengths[] = { 1, 2, 5, 20 };
	struct tree *tree = *state;
	size_t tried = 0;

	tree_write(tree, "proc/self/mountinfo", "30 1 0:26 / /cg rw,nosuid shared:4 - cgroup2 cgroup2 rw\n");
	tree_write(tree, "cg/cgroup.controllers", "cpuset cpu io memory\n");
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		for (size_t nth = 1; live_through(tree, nth, lengths[i]); nth++)
			tried++;
	print_message("%zu droughts\n", tried);
	assert_true(tried > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_lost, tree_make, tree_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
