#include "iotopx/cgroup.h"
#include "iotopx/hash.h"
#include "container_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_SIZE 16384 /* a path for each of v1's hierarchies; in practice some hundred bytes */
#define BLOCK_SIZE 16384
#define TABLE_START 64 /* a power of two */

/* A string that never moves, and the cgroup that it is the path (or the file's text) of, if any. */
struct entry {
	uint64_t hash;
	const char *text;
	size_t length;
	const struct cgroup_ident *ident;
};

/* Open addressing, at most half full. */
struct entries {
	struct entry *slots;
	size_t capacity, count;
};

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) char bytes[];
};

struct cgroup_cache {
	int root_fd; /* -1: no names of containers */
	size_t max_bytes, bytes;
	struct block *blocks;   /* the newest first: it has room */
	struct entries strings; /* every string handed out; a cgroup's path carries its ident */
	struct entries texts;   /* files as they were read: the quick way to an ident */
	size_t known;
	const struct cgroup_ident *top; /* "/": the nearest ancestor of all */
	struct cgroup_names names;      /* scratch: too large for the stack of a sweep */
};

/* Where it is, or the free slot where it belongs. */
static struct entry *find_slot(const struct entries *entries, const char *text, size_t length, uint64_t hash)
{
	size_t at = (size_t)hash & (entries->capacity - 1);

	while (entries->slots[at].text) {
		struct entry *entry = &entries->slots[at];

		if (entry->hash == hash && entry->length == length && memcmp(entry->text, text, length) == 0)
			break;
		at = (at + 1) & (entries->capacity - 1);
	}
	return &entries->slots[at];
}

static int reserve_slot(struct cgroup_cache *cache, struct entries *entries)
{
	struct entries grown = { .capacity = entries->capacity ? entries->capacity * 2 : TABLE_START };

	if (entries->count + 1 <= entries->capacity / 2)
		return 0;
	grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < entries->capacity; i++) {
		const struct entry *entry = &entries->slots[i];

		if (entry->text)
			*find_slot(&grown, entry->text, entry->length, entry->hash) = *entry;
	}
	grown.count = entries->count;
	cache->bytes += (grown.capacity - entries->capacity) * sizeof(*grown.slots);
	free(entries->slots);
	*entries = grown;
	return 0;
}

static void *allocate(struct cgroup_cache *cache, size_t size)
{
	size_t aligned = (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
	struct block *block = cache->blocks;

	if (!block || block->size - block->used < aligned) {
		size_t room = aligned > BLOCK_SIZE ? aligned : BLOCK_SIZE;

		block = malloc(sizeof(*block) + room);
		if (!block)
			return NULL;
		*block = (struct block){ .next = cache->blocks, .size = room };
		cache->blocks = block;
		cache->bytes += sizeof(*block) + room;
	}
	block->used += aligned;
	return block->bytes + block->used - aligned;
}

/* The entry of that text, a new one without an ident if need be; NULL on ENOMEM. Valid until the next one. */
static struct entry *enter(struct cgroup_cache *cache, struct entries *entries, const char *text, size_t length)
{
	uint64_t hash = hash_bytes(HASH_START, text, length);
	struct entry *entry;
	char *copy;

	if (reserve_slot(cache, entries))
		return NULL;
	entry = find_slot(entries, text, length, hash);
	if (entry->text)
		return entry;
	copy = allocate(cache, length + 1);
	if (!copy)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	*entry = (struct entry){ .hash = hash, .text = copy, .length = length };
	entries->count++;
	return entry;
}

const char *cgroup_cache_intern(struct cgroup_cache *cache, const char *text)
{
	const struct entry *entry = enter(cache, &cache->strings, text, strlen(text));

	return entry ? entry->text : NULL;
}

static const struct cgroup_ident *find_ident(const struct entries *entries, const char *text, size_t length)
{
	if (!entries->count)
		return NULL;
	return find_slot(entries, text, length, hash_bytes(HASH_START, text, length))->ident;
}

/* Nothing is left behind but strings on failure. */
static int add_ident(struct cgroup_cache *cache, const struct cgroup_names *names, const char *container,
		     const struct cgroup_ident **ident)
{
	struct cgroup_ident *added = allocate(cache, sizeof(*added));
	struct entry *path;

	if (!added)
		return -ENOMEM;
	added->v2 = names->v2;
	added->unit = cgroup_cache_intern(cache, names->unit);
	added->container = container[0] ? cgroup_cache_intern(cache, container) : NULL;
	path = enter(cache, &cache->strings, names->path, strlen(names->path));
	if (!added->unit || (container[0] && !added->container) || !path)
		return -ENOMEM;
	added->cgroup = path->text;
	path->ident = added;
	cache->known++;
	*ident = added;
	return 0;
}

int cgroup_cache_open(const char *root, size_t max_bytes, struct cgroup_cache **cache)
{
	static const char top[] = "0::/\n";
	struct cgroup_cache *opened = calloc(1, sizeof(*opened));
	char path[4096];
	int error;

	if (!opened)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/", root);
	opened->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	error = cgroup_names_parse(top, strlen(top), &opened->names);
	if (!error)
		error = add_ident(opened, &opened->names, "", &opened->top);
	if (error) {
		cgroup_cache_close(opened);
		return error;
	}
	opened->max_bytes = max_bytes;
	*cache = opened;
	return 0;
}

void cgroup_cache_close(struct cgroup_cache *cache)
{
	if (!cache)
		return;
	while (cache->blocks) {
		struct block *block = cache->blocks;

		cache->blocks = block->next;
		free(block);
	}
	free(cache->strings.slots);
	free(cache->texts.slots);
	if (cache->root_fd >= 0)
		close(cache->root_fd);
	free(cache);
}

static const struct cgroup_ident *nearest_ancestor(const struct cgroup_cache *cache, const char *path)
{
	size_t length = strlen(path);

	while (length > 1) {
		const struct cgroup_ident *ident = find_ident(&cache->strings, path, length);

		if (ident)
			return ident;
		while (length > 1 && path[length - 1] != '/')
			length--;
		if (length > 1)
			length--;
	}
	return cache->top;
}

/* What one more entry of `length` bytes may take, the growth of its table included. */
static bool has_room(const struct cgroup_cache *cache, const struct entries *entries, size_t length)
{
	size_t growth = entries->count + 3 > entries->capacity / 2 ? entries->capacity * sizeof(*entries->slots) : 0;
	size_t left = cache->blocks ? cache->blocks->size - cache->blocks->used : 0;
	size_t block = left < length ? sizeof(struct block) + (length > BLOCK_SIZE ? length : BLOCK_SIZE) : 0;

	return cache->bytes + growth + block <= cache->max_bytes;
}

static int learn(struct cgroup_cache *cache, const struct cgroup_names *names, const struct cgroup_ident **ident)
{
	char container[CGROUP_ID_SIZE * 3];
	/* the three strings and the ident, each with the waste of its alignment */
	size_t need = strlen(names->path) + strlen(names->unit) + sizeof(container) + sizeof(struct cgroup_ident) + 64;

	if (!has_room(cache, &cache->strings, need)) {
		*ident = nearest_ancestor(cache, names->path);
		return 0;
	}
	if (!container_name_find(cache->root_fd, names, container, sizeof(container)))
		cgroup_container_text(names, container, sizeof(container));
	return add_ident(cache, names, container, ident);
}

int cgroup_cache_find(struct cgroup_cache *cache, const char *text, size_t length, const struct cgroup_ident **ident)
{
	const struct cgroup_ident *found = find_ident(&cache->texts, text, length);
	struct entry *entry;
	int error;

	if (found) {
		*ident = found;
		return 0;
	}
	error = cgroup_names_parse(text, length, &cache->names);
	if (error)
		return error == -ENAMETOOLONG ? -EINVAL : error;
	found = find_ident(&cache->strings, cache->names.path, strlen(cache->names.path));
	if (!found) {
		error = learn(cache, &cache->names, &found);
		if (error)
			return error;
	}
	/* An ancestor stands in for this call only: memory is short, not the cgroup. */
	if (strcmp(found->cgroup, cache->names.path) == 0 && has_room(cache, &cache->texts, length + 64)) {
		entry = enter(cache, &cache->texts, text, length);
		if (!entry)
			return -ENOMEM;
		entry->ident = found;
	}
	*ident = found;
	return 0;
}

int cgroup_cache_find_path(struct cgroup_cache *cache, const char *cgroup, const struct cgroup_ident **ident)
{
	char text[CGROUP_PATH_SIZE + 8];
	int length;

	*ident = find_ident(&cache->strings, cgroup, strlen(cgroup));
	if (*ident)
		return 0;
	length = snprintf(text, sizeof(text), "0::%s\n", cgroup);
	if (length < 0 || (size_t)length >= sizeof(text))
		return -EINVAL;
	return cgroup_cache_find(cache, text, (size_t)length, ident);
}

/* Bytes of the file's text, or -errno. */
static ssize_t read_text(int proc_fd, pid_t pid, pid_t tid, char *text)
{
	char path[64];
	size_t length;
	ssize_t got;
	int fd, error;

	if (tid && tid != pid)
		snprintf(path, sizeof(path), "%d/task/%d/cgroup", pid, tid);
	else
		snprintf(path, sizeof(path), "%d/cgroup", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* The kernel makes the whole text in one go: one read is enough. */
	do {
		got = read(fd, text, TEXT_SIZE);
	} while (got < 0 && errno == EINTR);
	error = got < 0 ? -errno : 0;
	close(fd);
	if (error)
		return error;
	length = (size_t)got;
	if (length == TEXT_SIZE) /* cut: the last line may be half a path */
		while (length > 0 && text[length - 1] != '\n')
			length--;
	return (ssize_t)length;
}

int cgroup_cache_read(struct cgroup_cache *cache, int proc_fd, pid_t pid, pid_t tid, const struct cgroup_ident **ident)
{
	char text[TEXT_SIZE];
	ssize_t length = read_text(proc_fd, pid, tid, text);

	return length < 0 ? (int)length : cgroup_cache_find(cache, text, (size_t)length, ident);
}

int cgroup_cache_read_exiting(struct cgroup_cache *cache, int proc_fd, pid_t pid, const struct cgroup_ident **ident)
{
	char text[TEXT_SIZE];
	ssize_t length = read_text(proc_fd, pid, 0, text);

	if (length < 0)
		return (int)length;
	if (!cgroup_text_holds_when_exiting(text, (size_t)length))
		return -ENODATA;
	return cgroup_cache_find(cache, text, (size_t)length, ident);
}

size_t cgroup_cache_count(const struct cgroup_cache *cache)
{
	return cache->known;
}

size_t cgroup_cache_bytes(const struct cgroup_cache *cache)
{
	return cache->bytes;
}
