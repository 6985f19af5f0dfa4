/* Rows: an interval grouped, filtered and sorted as a view asks. */
#ifndef IOTOPX_TABLE_H
#define IOTOPX_TABLE_H

#include "iotopx/interval.h"
#include "iotopx/view.h"

enum row_kind { ROW_TASK, ROW_PROCESS, ROW_GROUP, ROW_EXITED_FOLD, ROW_OTHER };

/* Its place among the threads of one process that stand together (view.bracket). */
enum row_bracket { BRACKET_NONE, BRACKET_FIRST, BRACKET_MIDDLE, BRACKET_LAST };

/* Who a row is, to find it again in the next interval: compare with memcmp after zeroing. */
struct row_key {
	enum row_kind kind;
	pid_t tid;
	uint64_t start_ms; /* rounded start: two readings of one task agree */
	uint64_t hash;     /* of the group's key */
};

/* What the kernel tells of the cgroups that a unit's or a container's row stands for. */
struct row_cgroups {
	bool io_known, pressure_known;
	bool approximate; /* of some of them the I/O is not known */
	uint64_t read_bytes, write_bytes;
	uint64_t some_us, full_us; /* of the one that waited longest */
};

struct row {
	struct row_key key;
	struct task_info *info; /* borrowed: the task, the process's leader, or the group's first member */
	struct counters sum;    /* raw, for the interval */
	uint64_t busiest_blkio_ns, busiest_swapin_ns; /* of one thread */
	uint32_t flags;         /* enum delta_flag: EXITED only if nothing of the row lives */
	uint32_t exits;         /* tasks of the row that exited in the interval */
	uint32_t members;       /* threads of a process, processes of a group */
	char state;             /* D if any member is stuck */
	bool active;
	uint64_t lived_ns, age_ns;
	uint64_t lifetime_read, lifetime_write;
	unsigned char depth;    /* tree and expanded groups: 0 = top */
	bool last_child;        /* of its parent: for the tree's lines */
	enum row_bracket bracket;
	bool has_children;
	bool expanded;
	struct row_cgroups cgroups; /* groups of units and containers; unknown in all other rows */
	bool mixed_parents;     /* a fold of exited ones from several */
	bool same_info[5];      /* groups: members agree on [enum row_same] */
};
enum row_same { SAME_COMMAND, SAME_USER, SAME_UNIT, SAME_CONTAINER, SAME_PARENT };

/* What a column needs beside the row. */
struct row_context {
	double seconds;          /* that rates divide by */
	enum view_mode mode;
	enum view_group group;
	bool threads;
	bool full_command;
	bool baseline;           /* nothing measured yet: rates are unknown */
	bool process_prios;      /* priorities of all threads of a process: for the few rows that are seen */
	enum unit_style units;
	enum text_charset charset;
	const struct lookup *lookup;
};

/* Which groups, processes or tree nodes are open; NULL functions: none (groups), all (tree). */
struct expansion {
	void *data;
	bool (*open)(void *data, const struct row_key *key);
};

struct table {
	struct row *rows; /* owned; valid until the next build; borrows infos from the interval */
	size_t count, capacity;
	struct row_context context;
	struct counters filtered; /* sum of the rows that the filter let through, before only_active */
	bool is_filtered;
	void *work;               /* private memory kept between builds */
};

/* Builds, filters, groups and sorts. `interval` is that of the mode (the accumulator's for accumulated ones).
 * 0 or -ENOMEM. */
int table_build(struct table *table, const struct interval *interval, const struct view *view,
		const struct lookup *lookup, enum text_charset charset, const struct expansion *expansion);
void table_free(struct table *table);

/* Bytes written as shown: max(0, written - cancelled). The clamp lives here and nowhere else. */
uint64_t counters_write_shown(const struct counters *counters);

#endif
