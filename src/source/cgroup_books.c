#include "cgroup_books.h"
#include "iotopx/array.h"
#include "iotopx/cgroup_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct cgroup_books {
	struct cgroup_io *io;
	struct cgroup_cache *cache; /* borrowed */
	const char *last;           /* seen: tasks of one cgroup come together */
	bool incomplete;            /* tasks were seen in cgroups that v2 does not have */
	struct cgroup_io_deltas deltas;
	struct {
		struct cgroup_delta *items;
		size_t count, capacity;
	} rows; /* of the next interval, which takes them over */
};

int cgroup_books_open(const char *root, struct cgroup_cache *cache, struct cgroup_books **books)
{
	struct cgroup_books *opened = calloc(1, sizeof(*opened));
	int error;

	if (!opened)
		return -ENOMEM;
	opened->cache = cache;
	error = cgroup_io_open(root, &opened->io);
	if (error) {
		free(opened);
		return error;
	}
	*books = opened;
	return 0;
}

void cgroup_books_close(struct cgroup_books *books)
{
	if (!books)
		return;
	cgroup_io_close(books->io);
	free(books->deltas.items);
	free(books->rows.items);
	free(books);
}

static int watch_path(struct cgroup_books *books, const char *path)
{
	const struct cgroup_ident *ident;
	int error = cgroup_cache_find_path(books->cache, path, &ident);

	/* Where the cache is full another one stands in. */
	if (!error && strcmp(ident->cgroup, path) == 0)
		error = cgroup_io_watch(books->io, ident->cgroup, NULL);
	return error == -ENOMEM ? error : 0;
}

/* From the top down: if memory runs out in between, what is below the last one counts there until it is watched. */
static int watch_above(struct cgroup_books *books, const char *cgroup)
{
	char path[CGROUP_PATH_SIZE];
	size_t length = strlen(cgroup);
	int error;

	if (length >= sizeof(path) || length < 2)
		return 0;
	memcpy(path, cgroup, length + 1);
	error = watch_path(books, "/");
	for (char *slash = strchr(path + 1, '/'); slash && !error; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		error = watch_path(books, path);
		*slash = '/';
	}
	return error;
}

int cgroup_books_see(struct cgroup_books *books, const char *cgroup)
{
	const struct cgroup_ident *ident;
	int error;

	if (!cgroup || cgroup == books->last)
		return 0;
	error = cgroup_cache_find_path(books->cache, cgroup, &ident);
	if (error)
		return error == -ENOMEM ? error : 0;
	if (!ident->v2)
		books->incomplete = true;
	else if (!cgroup_io_watches(books->io, ident->cgroup))
		error = watch_above(books, ident->cgroup);
	if (!error && ident->v2)
		error = cgroup_io_watch(books->io, ident->cgroup, NULL);
	if (!error)
		books->last = cgroup;
	return error;
}

int cgroup_books_prepare(struct cgroup_books *books)
{
	size_t most = cgroup_io_count(books->io);

	return array_reserve(&books->deltas, most) || array_reserve(&books->rows, most) ? -ENOMEM : 0;
}

/* The cache has handed the path out, so that it need not learn it. */
static void add_row(struct cgroup_books *books, const struct cgroup_io_delta *from)
{
	const struct cgroup_ident *ident;

	if (cgroup_cache_find_path(books->cache, from->cgroup, &ident))
		return;
	books->rows.items[books->rows.count++] = (struct cgroup_delta){
		.cgroup = from->cgroup,
		.unit = ident->unit,
		.container = ident->container,
		.io_known = from->known,
		.pressure_known = from->has_pressure,
		.read_bytes = from->known ? from->io.read_bytes : 0,
		.write_bytes = from->known ? from->io.write_bytes : 0,
		.some_us = from->some_us,
		.full_us = from->full_us,
	};
}

void cgroup_books_sample(struct cgroup_books *books, struct interval *interval)
{
	books->last = NULL; /* the next sighting may be of one that left the watch */
	interval->cgroup_io = !books->incomplete && cgroup_io_has_stat(books->io);
	interval->cgroup_pressure = !books->incomplete && cgroup_io_has_pressure(books->io);
	if (cgroup_io_sample(books->io, &books->deltas) || interval->baseline)
		return;
	for (size_t i = 0; i < books->deltas.count; i++)
		add_row(books, &books->deltas.items[i]);
	if (books->rows.count == 0)
		return;
	interval->cgroups = books->rows.items;
	interval->cgroup_count = books->rows.count;
	interval->cgroup_capacity = books->rows.capacity;
	memset(&books->rows, 0, sizeof(books->rows));
}
