/* The texts and tasks of a recording in memory: one text for one content, one info for one task. */
#ifndef IOTOPX_STORE_NAMES_H
#define IOTOPX_STORE_NAMES_H

#include "schema.h"

#include "iotopx/array.h"
#include "iotopx/device_stat.h"
#include "iotopx/lookup.h"

struct named_task {
	int64_t id;
	struct task_info *info; /* a reference */
	int8_t prio_class, prio_level;
	uint64_t pass; /* the lifetimes are of this one */
	uint64_t lifetime_read, lifetime_write;
};

struct names;

/* `offset_ns` of a task's epoch is added to its times. */
struct names *names_open(sqlite3 *db); /* NULL: no memory, or the tables are not as they must be */
void names_close(struct names *names);
/* Times of tasks from `first_task` on lie `offset_ns` later. In ascending order. 0 or -ENOMEM. */
int names_set_offset(struct names *names, int64_t first_task, int64_t offset_ns);

/* Forgets tasks if there are too many; those handed out are no longer valid. */
void names_trim(struct names *names);

/* Each 0 or -errno; -EBADMSG: the recording has no such thing. Borrowed: texts until the end, a task until names_trim
 * or the next one. */
int names_text(struct names *names, int64_t id, const char **text);
int names_column(struct names *names, sqlite3_stmt *row, int column, const char **text); /* NULL if it is NULL */
int names_task(struct names *names, int64_t id, struct named_task **task);
/* `delta` gets name and numbers, and the lookup knows the rest from now on. */
int names_device(struct names *names, int64_t id, struct device_delta *delta);
int names_mount(struct names *names, int64_t id, struct nfs_mount *mount);

struct lookup names_lookup(struct names *names);

#endif
