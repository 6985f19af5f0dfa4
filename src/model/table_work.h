/* What building a table keeps from one build to the next, and what its two halves share: table.c makes rows of parts
 * and groups of rows, table_order.c puts them in order. */
#ifndef IOTOPX_MODEL_TABLE_WORK_H
#define IOTOPX_MODEL_TABLE_WORK_H

#include "iotopx/table.h"
#include "iotopx/hash.h"

#define NODE_NONE UINT32_MAX

/* What a row's place goes by. */
struct sort_key {
	double number; /* of the sort column; NaN unknown */
	const char *text;
	double traffic; /* what decides between equals; then who did anything, then who is older */
	bool active;
	pid_t tid;
	uint64_t start_ms, hash;
};

/* Of threads that stand together. */
struct bracket {
	struct sort_key key;
	uint32_t id;    /* its place before sorting */
	uint32_t count; /* rows */
};

/* A row under way. */
struct node {
	struct row row;
	uint32_t parent;      /* its group, or its parent in the tree */
	uint32_t first_child; /* sorted by table_order */
	uint32_t next;        /* sibling */
	uint32_t children;
	uint64_t fold_hash; /* of the exited rows that it stands for, 0 none */
	bool matched;       /* the filter lets it through */
	bool hidden;
	bool has_cgroups; /* of a group: one at least is in row.cgroups */
	struct sort_key sort;
	uint32_t bracket; /* id */
};

struct table_work {
	struct node *items;
	size_t count, capacity;
	uint32_t *slots; /* hash of row keys: open addressing, NODE_NONE free */
	size_t slot_capacity;
	uint32_t *order;
	size_t order_capacity;
	struct {
		struct bracket *items;
		size_t count, capacity;
	} brackets;
	struct {
		struct task_info **items; /* of rows that no task stands behind: owned references */
		size_t count, capacity;
	} infos;
	uint32_t *places; /* for brackets: where each begins, and the order that they make */
	size_t place_capacity;
};

/* What is being built. */
struct build {
	struct table_work *work;
	const struct view *view;
	const struct lookup *lookup;
	bool threads; /* rows are threads */
};

uint64_t table_hash_new(enum row_kind kind);
uint64_t table_group_hash(const struct task_info *info, enum view_group group); /* what a group goes by */

/* Empties the slots and makes room for so many nodes. 0 or -ENOMEM. */
int table_slots_reserve(struct table_work *work, size_t need);
struct node *table_node_find(const struct table_work *work, const struct row_key *key); /* NULL if there is none */
/* The node of that key; a new one if there is none. Room was made by table_slots_reserve. NULL on ENOMEM. */
struct node *table_node_of(struct table_work *work, const struct row_key *key, bool *is_new);
/* Adds `from`, a row or a part made into one, to a row that is not empty. */
void table_row_merge(struct row *into, const struct row *from);
/* How many rows a row stands for: a process is one, however many threads it has. */
uint32_t table_row_tasks(const struct row *row);

/* table_group.c: groups of the rows that are not hidden, and what their cgroups did. 0 or -ENOMEM. */
int table_make_groups(const struct build *build, const struct interval *interval);
void table_forget_infos(struct table_work *work); /* of the rows that it made of cgroups alone */

/* Fills table->rows with the nodes that are not hidden, sorted, children after their parent where it is open.
 * 0 or -ENOMEM. */
int table_order(struct table *table, struct table_work *work, const struct view *view,
		const struct expansion *expansion);

/* qsort_r's comparison of keys: unknown last whatever the direction, except that it ties with 0. */
int table_compare_keys(const struct sort_key *a, const struct sort_key *b, bool ascending);

/* table_bracket.c: puts the first `shown` of work->order, which are sorted, in the order of view->bracket and marks the
 * rows. 0 or -ENOMEM. */
int table_bracket(struct table_work *work, const struct view *view, size_t shown, bool ascending);

#endif
