/* A directory of the test's own that stands for the machine's root. */
#ifndef TEST_TREE_H
#define TEST_TREE_H

struct tree {
	char root[64];
};

/* For cmocka: *state becomes a struct tree. */
int tree_make(void **state);
int tree_remove(void **state);
/* A file below it, its directories included. */
void tree_write(const struct tree *tree, const char *path, const char *text);
/* A symbolic link below it. */
void tree_link(const struct tree *tree, const char *path, const char *target);

#endif
