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

int tree_make(void **state)
{
	static struct tree tree;

	snprintf(tree.root, sizeof(tree.root), "/tmp/iotopx-tree-XXXXXX");
	*state = &tree;
	return mkdtemp(tree.root) ? 0 : -1;
}

int tree_remove(void **state)
{
	const struct tree *tree = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", tree->root);
	return system(command);
}

static void make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) != 0)
			assert_int_equal(errno, EEXIST);
		*slash = '/';
	}
}

void tree_write(const struct tree *tree, const char *path, const char *text)
{
	char full[512];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", tree->root, path);
	make_parents(full);
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

void tree_link(const struct tree *tree, const char *path, const char *target)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", tree->root, path);
	make_parents(full);
	assert_int_equal(symlink(target, full), 0);
}
