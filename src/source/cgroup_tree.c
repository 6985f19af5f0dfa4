#include "cgroup_tree.h"
#include "iotopx/array.h"
#include "iotopx/hash.h"
#include "mounts.h"
#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 64 /* a descriptor each; what is nested deeper counts as new */

/* Without its end: a path is hashed in pieces. */
static uint64_t hash_more(uint64_t hash, const char *text)
{
	return hash_bytes(hash, text, strlen(text));
}

static bool leads_out(const char *path)
{
	for (const char *at = path; (at = strstr(at, "..")); at += 2)
		if ((at == path || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
			return true;
	return false;
}

/* The plain v2 mount; else one that shows a part of the hierarchy. *point and tree->root are new. */
static int find_mount(int root_fd, struct cgroup_tree *tree, char **point)
{
	char *text = NULL;
	size_t capacity = 0;
	const char *at;
	struct mount_line line, best = { 0 };
	int error = scan_file(root_fd, "proc/self/mountinfo", &text, &capacity);

	if (error) {
		free(text);
		return error == -ENOMEM ? error : -ENOENT;
	}
	for (at = text; *at;) {
		if (!mounts_parse_line(&at, &line) || !mount_field_is(line.type, "cgroup2"))
			continue;
		if (!best.root.length || (mount_field_is(line.root, "/") && !mount_field_is(best.root, "/")))
			best = line;
	}
	error = best.root.length ? 0 : -ENOENT;
	if (!error) {
		tree->root = scan_unescape(best.root.text, best.root.length);
		*point = scan_unescape(best.point.text, best.point.length);
		if (!tree->root || !*point)
			error = -ENOMEM;
		else if (leads_out(tree->root))
			error = -ENOENT;
	}
	free(text);
	return error;
}

static int add_found(struct cgroup_tree *tree, uint64_t hash)
{
	if (array_reserve_raw((void **)&tree->found, &tree->capacity, tree->count + 1, sizeof(*tree->found)))
		return -ENOMEM;
	tree->found[tree->count++] = hash;
	return 0;
}

/* Takes the descriptor. What can't be read is left out.
 * NOLINTNEXTLINE(misc-no-recursion): `depth` ends it */
static int walk(struct cgroup_tree *tree, int fd, uint64_t hash, unsigned depth)
{
	DIR *directory = fdopendir(fd);
	struct dirent *entry;
	int error = 0;

	if (!directory) {
		close(fd);
		return 0;
	}
	while (!error && (entry = readdir(directory))) {
		uint64_t below;
		int next;

		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		below = hash_more(hash_more(hash, "/"), entry->d_name);
		error = add_found(tree, below);
		next = error || depth == DEPTH_MAX ? -1 : openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (next >= 0)
			error = walk(tree, next, below, depth + 1);
	}
	closedir(directory);
	return error;
}

static int ascending(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return a < b ? -1 : a > b ? 1 : 0;
}

static int look_around(struct cgroup_tree *tree)
{
	uint64_t hash = hash_more(HASH_START, strcmp(tree->root, "/") == 0 ? "" : tree->root);
	int fd = openat(tree->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = add_found(tree, hash_more(HASH_START, tree->root));

	if (fd >= 0 && !error)
		error = walk(tree, fd, hash, 0);
	else if (fd >= 0)
		close(fd);
	if (tree->count)
		qsort(tree->found, tree->count, sizeof(*tree->found), ascending);
	return error;
}

int cgroup_tree_open(int root_fd, struct cgroup_tree *tree)
{
	char *point = NULL;
	int error;

	*tree = (struct cgroup_tree){ .fd = -1 };
	error = find_mount(root_fd, tree, &point);
	if (!error) {
		tree->fd = openat(root_fd, point[1] ? point + 1 : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		error = tree->fd >= 0 ? look_around(tree) : -ENOENT;
	}
	free(point);
	if (error)
		cgroup_tree_close(tree);
	return error;
}

void cgroup_tree_close(struct cgroup_tree *tree)
{
	if (tree->fd >= 0)
		close(tree->fd);
	free(tree->root);
	free(tree->found);
	*tree = (struct cgroup_tree){ .fd = -1 };
}

/* The cgroup's path below the mount point, NULL if it is not there. */
static const char *path_below(const struct cgroup_tree *tree, const char *cgroup)
{
	size_t length = strcmp(tree->root, "/") == 0 ? 0 : strlen(tree->root);

	if (strncmp(cgroup, tree->root, length) != 0 || (cgroup[length] != '/' && cgroup[length] != '\0') ||
	    leads_out(cgroup))
		return NULL;
	cgroup += length;
	while (*cgroup == '/')
		cgroup++;
	return *cgroup ? cgroup : ".";
}

int cgroup_tree_enter(const struct cgroup_tree *tree, const char *cgroup, uint64_t *inode)
{
	const char *path = path_below(tree, cgroup);
	struct stat stat;
	int fd, error;

	if (!path)
		return -ENOENT;
	fd = openat(tree->fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &stat) != 0) {
		error = -errno;
		close(fd);
		return error;
	}
	*inode = stat.st_ino;
	return fd;
}

static uint64_t *find(const struct cgroup_tree *tree, const char *cgroup)
{
	uint64_t hash = hash_more(HASH_START, cgroup);

	return tree->count ? bsearch(&hash, tree->found, tree->count, sizeof(hash), ascending) : NULL;
}

bool cgroup_tree_was_there(const struct cgroup_tree *tree, const char *cgroup)
{
	return find(tree, cgroup) != NULL;
}

void cgroup_tree_forget(struct cgroup_tree *tree, const char *cgroup)
{
	uint64_t *hash = find(tree, cgroup);

	if (!hash)
		return;
	tree->count--;
	memmove(hash, hash + 1, (size_t)(tree->found + tree->count - hash) * sizeof(*hash));
}
