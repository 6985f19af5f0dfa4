/* The mounted v2 hierarchy: where it is, and which cgroups were there at the beginning. Private to this room. */
#ifndef IOTOPX_CGROUP_TREE_H
#define IOTOPX_CGROUP_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroup_tree {
	int fd;          /* the mount point, O_PATH */
	char *root;      /* owned: the cgroup that is mounted there, "/" in the normal case */
	uint64_t *found; /* owned: hashes of the paths that were there, ascending */
	size_t count, capacity;
};

/* 0, -ENOENT (no v2 hierarchy), -ENOMEM. */
int cgroup_tree_open(int root_fd, struct cgroup_tree *tree);
void cgroup_tree_close(struct cgroup_tree *tree);

/* A directory descriptor (O_PATH) of that cgroup and its inode, or -errno. */
int cgroup_tree_enter(const struct cgroup_tree *tree, const char *cgroup, uint64_t *inode);

bool cgroup_tree_was_there(const struct cgroup_tree *tree, const char *cgroup);
void cgroup_tree_forget(struct cgroup_tree *tree, const char *cgroup); /* it is gone: the next of that name is new */

#endif
