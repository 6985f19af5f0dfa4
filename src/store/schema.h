/* The tables of a recording: the only place that knows their columns. iotopx-recording(5) explains them. */
#ifndef IOTOPX_STORE_SCHEMA_H
#define IOTOPX_STORE_SCHEMA_H

#include "iotopx/interval.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define SCHEMA_APPLICATION 0x696f7478 /* "iotx" */
#define SCHEMA_VERSION 1

/* Rows of a sample have ids of their own: sample << SCHEMA_SHIFT, and on. */
#define SCHEMA_SHIFT 20
#define SCHEMA_ROWS_MAX (1u << SCHEMA_SHIFT)

/* Samples and what they name are numbered from 1; a file in which a number is above these was not written by us. */
#define SCHEMA_SAMPLE_MAX ((INT64_MAX >> SCHEMA_SHIFT) - 1)
#define SCHEMA_ID_MAX (INT64_MAX / 2)

/* Lifetimes are stored when they can't be told from the row before; and in the first row of a task after each sample
 * whose id is a multiple of this, so that a reader may begin there. */
#define SCHEMA_KEYFRAME 64

/* Ages and lived times that the times of the sample and of the start tell nearly enough are not stored. */
#define SCHEMA_AGE_SLACK_NS 50000000

enum schema_table {
	TABLE_EPOCHS,
	TABLE_USERS,
	TABLE_TASKS,
	TABLE_CMDLINES, /* no table: sets the command line of a task */
	TABLE_DEVICES,
	TABLE_MOUNTS,
	TABLE_SAMPLES,
	TABLE_TASK_DELTAS,
	TABLE_TASK_EXTRAS,
	TABLE_CGROUP_DELTAS,
	TABLE_DEVICE_DELTAS,
	TABLE_MOUNT_DELTAS,
	TABLE_MOUNT_OP_DELTAS,
	TABLE_COUNT,
};

/* Columns, in their order in the tables. All are integers; texts are ids in `texts`. */
enum { EPOCH_ID, EPOCH_SESSION, EPOCH_SAMPLE, EPOCH_TASK, EPOCH_TEXT, EPOCH_COLUMNS };
enum { USER_UID, USER_NAME, USER_COLUMNS };
enum {
	TASK_ID,
	TASK_TID,
	TASK_START,
	TASK_PID,
	TASK_PROCESS_START,
	TASK_PPID,
	TASK_UID,
	TASK_LEADER,
	TASK_FLAGS,
	TASK_COMMAND,
	TASK_CMDLINE,
	TASK_CGROUP,
	TASK_UNIT,
	TASK_CONTAINER,
	TASK_COLUMNS,
};
enum { CMDLINE_TEXT, CMDLINE_TASK, CMDLINE_COLUMNS };
enum {
	DEVICE_ID,
	DEVICE_MAJOR,
	DEVICE_MINOR,
	DEVICE_NAME,
	DEVICE_FLAGS,
	DEVICE_LABEL,
	DEVICE_MODEL,
	DEVICE_MOUNTS,
	DEVICE_PARENT_MAJOR,
	DEVICE_PARENT_MINOR,
	DEVICE_COLUMNS,
};
enum { MOUNT_ID, MOUNT_POINT, MOUNT_EXPORT, MOUNT_VERSION, MOUNT_COLUMNS };
enum {
	SAMPLE_ID,
	SAMPLE_END_MS,
	SAMPLE_END_NS,
	SAMPLE_LENGTH,
	SAMPLE_FLAGS,
	SAMPLE_DELAYACCT,
	SAMPLE_LOST_EXITS,
	SAMPLE_DROPPED,
	SAMPLE_TASK_COUNT,
	SAMPLE_PROCESS_COUNT,
	SAMPLE_EXITED,
	SAMPLE_APPROXIMATE,
	SAMPLE_TOTAL,
	SAMPLE_BUSIEST_BLKIO = SAMPLE_TOTAL + COUNTER_COUNT,
	SAMPLE_BUSIEST_SWAPIN,
	SAMPLE_MACHINE_KNOWN,
	SAMPLE_MACHINE_LENGTH,
	SAMPLE_ACTUAL_READ,
	SAMPLE_ACTUAL_WRITE,
	SAMPLE_DIRTY,
	SAMPLE_WRITEBACK,
	SAMPLE_PRESSURE, /* some and full of 10 s: hundredths of a percent */
	SAMPLE_SOME_US = SAMPLE_PRESSURE + 2,
	SAMPLE_FULL_US,
	SAMPLE_CPU, /* user, system, iowait, steal: millionths */
	SAMPLE_COLUMNS = SAMPLE_CPU + 4,
};
enum {
	DELTA_ID,
	DELTA_TASK,
	DELTA_FLAGS,
	DELTA_APPROXIMATE,
	DELTA_STATE,
	DELTA_PRIO,
	DELTA_COUNTER,
	DELTA_COLUMNS = DELTA_COUNTER + COUNTER_COUNT,
};
enum {
	EXTRA_ID,
	EXTRA_EXITS,
	EXTRA_PROCESSES,
	EXTRA_EXIT_CODE,
	EXTRA_LIVED,
	EXTRA_AGE,
	EXTRA_LIFETIME_READ,
	EXTRA_LIFETIME_WRITE,
	EXTRA_BUSIEST_BLKIO,
	EXTRA_BUSIEST_SWAPIN,
	EXTRA_COLUMNS,
};
enum {
	CGROUP_DELTA_ID,
	CGROUP_DELTA_CGROUP,
	CGROUP_DELTA_UNIT,
	CGROUP_DELTA_CONTAINER,
	CGROUP_DELTA_READ, /* read and written are NULL where the I/O is not known, pressure likewise */
	CGROUP_DELTA_WRITE,
	CGROUP_DELTA_SOME,
	CGROUP_DELTA_FULL,
	CGROUP_DELTA_APPROXIMATE,
	CGROUP_DELTA_COLUMNS,
};
#define DEVICE_FIGURES 17
enum { DEVICE_DELTA_ID, DEVICE_DELTA_DEVICE, DEVICE_DELTA_FIGURE, DEVICE_DELTA_COLUMNS = 2 + DEVICE_FIGURES };
enum {
	MOUNT_DELTA_ID,
	MOUNT_DELTA_MOUNT,
	MOUNT_DELTA_AGE,
	MOUNT_DELTA_SENDS,
	MOUNT_DELTA_BACKLOG,
	MOUNT_DELTA_ERRORS,
	MOUNT_DELTA_COLUMNS
};
#define OP_FIGURES 9
enum { OP_DELTA_ID, OP_DELTA_MOUNT, OP_DELTA_NAME, OP_DELTA_FIGURE, OP_DELTA_COLUMNS = 3 + OP_FIGURES };

enum {
	SAMPLE_ALL_TASKS = 1,
	SAMPLE_EXITS_KNOWN = 2,
	SAMPLE_GAP = 4,
	SAMPLE_CGROUP_IO = 8,
	SAMPLE_CGROUP_PRESSURE = 16
};
enum { TASK_APPROXIMATE_PROCESS = 1, TASK_OWN = 2, TASK_UNIT_APPROXIMATE = 4 };
enum { DEVICE_WHOLE_DISK = 1, DEVICE_PARTITION = 2, DEVICE_STACKED = 4, DEVICE_HAS_INFO = 8 };

/* schema_sql.c: what makes them. */
extern const char schema_tables[], schema_views[];

struct schema_insert {
	const char *sql;
	int columns;
};
extern const struct schema_insert schema_inserts[TABLE_COUNT];

/* The figures of a device and of an operation, in the order of their columns. */
uint64_t *schema_device_figure(struct device_delta *delta, int figure);
uint64_t *schema_op_figure(struct nfs_op *op, int figure);
/* Those that a device may not have: NULL there. */
bool schema_device_has(const struct device_delta *delta, int figure);

/* Is the file a recording that this program can read? -ENODATA: it is empty and may become one; -EMEDIUMTYPE, -EPROTO,
 * -EBADMSG or what the system said, with a line in `error`. */
int schema_check_file(const char *path, int fd, char *error, size_t error_size);
/* What was written last is in a log beside the file: its writer lives, or was killed. */
bool schema_has_log(const char *path);

/* Makes tables and views in an empty database, before its log is. An SQLite result code. */
int schema_create(sqlite3 *db);

/* -errno for a result code. */
int schema_error(int code);

#endif
