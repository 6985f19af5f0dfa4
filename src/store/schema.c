#include "schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VALUES_2 "(?,?)"
#define VALUES_4 "(?,?,?,?)"
#define VALUES_5 "(?,?,?,?,?)"
#define TEN "?,?,?,?,?,?,?,?,?,?"

_Static_assert(TASK_COLUMNS == 14 && DEVICE_COLUMNS == 10 && SAMPLE_COLUMNS == 39, "the inserts below have as many");
_Static_assert(DELTA_COLUMNS == 17 && EXTRA_COLUMNS == 10 && DEVICE_DELTA_COLUMNS == 19, "here too");
_Static_assert(CGROUP_DELTA_COLUMNS == 9 && MOUNT_DELTA_COLUMNS == 6 && OP_DELTA_COLUMNS == 12, "and here");

const struct schema_insert schema_inserts[TABLE_COUNT] = {
	[TABLE_EPOCHS] = { "INSERT INTO epochs VALUES" VALUES_5, EPOCH_COLUMNS },
	[TABLE_USERS] = { "INSERT OR REPLACE INTO users VALUES" VALUES_2, USER_COLUMNS },
	[TABLE_TASKS] = { "INSERT INTO tasks VALUES(" TEN ",?,?,?,?)", TASK_COLUMNS },
	[TABLE_CMDLINES] = { "UPDATE tasks SET cmdline = ? WHERE id = ?", CMDLINE_COLUMNS },
	[TABLE_DEVICES] = { "INSERT INTO devices VALUES(" TEN ")", DEVICE_COLUMNS },
	[TABLE_MOUNTS] = { "INSERT INTO mounts VALUES" VALUES_4, MOUNT_COLUMNS },
	[TABLE_SAMPLES] = { "INSERT INTO samples VALUES(" TEN "," TEN "," TEN ",?,?,?,?,?,?,?,?,?)", SAMPLE_COLUMNS },
	[TABLE_TASK_DELTAS] = { "INSERT INTO task_deltas VALUES(" TEN ",?,?,?,?,?,?,?)", DELTA_COLUMNS },
	[TABLE_TASK_EXTRAS] = { "INSERT INTO task_extras VALUES(" TEN ")", EXTRA_COLUMNS },
	[TABLE_CGROUP_DELTAS] = { "INSERT INTO cgroup_deltas VALUES(?,?,?,?,?,?,?,?,?)", CGROUP_DELTA_COLUMNS },
	[TABLE_DEVICE_DELTAS] = { "INSERT INTO device_deltas VALUES(" TEN ",?,?,?,?,?,?,?,?,?)", DEVICE_DELTA_COLUMNS },
	[TABLE_MOUNT_DELTAS] = { "INSERT INTO mount_deltas VALUES(?,?,?,?,?,?)", MOUNT_DELTA_COLUMNS },
	[TABLE_MOUNT_OP_DELTAS] = { "INSERT INTO mount_op_deltas VALUES(" TEN ",?,?)", OP_DELTA_COLUMNS },
};

uint64_t *schema_device_figure(struct device_delta *delta, int figure)
{
	uint64_t *figures[DEVICE_FIGURES] = { &delta->reads,           &delta->reads_merged,  &delta->read_bytes,
					      &delta->read_ms,         &delta->writes,        &delta->writes_merged,
					      &delta->write_bytes,     &delta->write_ms,      &delta->discards,
					      &delta->discards_merged, &delta->discard_bytes, &delta->discard_ms,
					      &delta->flushes,         &delta->flush_ms,      &delta->io_ms,
					      &delta->weighted_ms,     &delta->in_flight };

	return figures[figure];
}

bool schema_device_has(const struct device_delta *delta, int figure)
{
	if (figure >= 8 && figure < 12)
		return delta->has_discards;
	return figure < 12 || figure > 13 || delta->has_flushes;
}

uint64_t *schema_op_figure(struct nfs_op *op, int figure)
{
	uint64_t *figures[OP_FIGURES] = { &op->ops,        &op->transmissions,  &op->timeouts,
					  &op->sent_bytes, &op->received_bytes, &op->queue_ms,
					  &op->rtt_ms,     &op->execute_ms,     &op->errors };

	return figures[figure];
}

int schema_error(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EROFS;
	case SQLITE_CANTOPEN:
		return -EACCES;
	default:
		return -EIO;
	}
}

static uint32_t big_endian(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

bool schema_has_log(const char *path)
{
	char *real = realpath(path, NULL); /* SQLite has it beside what a link leads to */
	char name[4096];
	struct stat status;
	int length = snprintf(name, sizeof(name), "%s-wal", real ? real : path);

	free(real);
	return length > 0 && (size_t)length < sizeof(name) && stat(name, &status) == 0 && status.st_size > 0;
}

/* The offsets are those of the database file format, https://www.sqlite.org/fileformat.html */
int schema_check_file(const char *path, int fd, char *error, size_t error_size)
{
	unsigned char header[100];
	struct stat status;
	ssize_t length;
	uint64_t page, whole;

	if (fstat(fd, &status) != 0)
		return -errno;
	if (status.st_size == 0 && S_ISREG(status.st_mode))
		return -ENODATA;
	length = S_ISREG(status.st_mode) ? pread(fd, header, sizeof(header), 0) : 0;
	if (length < 0)
		return -errno;
	if (length < (ssize_t)sizeof(header) || memcmp(header, "SQLite format 3", 16) != 0) {
		snprintf(error, error_size, "not a recording of iotopx");
		return -EMEDIUMTYPE;
	}
	if (big_endian(header + 68) != SCHEMA_APPLICATION) {
		/* The program was killed before the tables were there, or they are in the log still. */
		if (big_endian(header + 68) == 0 && big_endian(header + 60) == 0 &&
		    (schema_has_log(path) || status.st_size <= 65536))
			return -ENODATA;
		snprintf(error, error_size, "not a recording of iotopx, but a database of something else");
		return -EMEDIUMTYPE;
	}
	if (big_endian(header + 60) > SCHEMA_VERSION) {
		snprintf(error, error_size, "made by a newer iotopx (schema %u, this one knows %d)",
			 big_endian(header + 60), SCHEMA_VERSION);
		return -EPROTO;
	}
	page = (uint32_t)header[16] << 8 | header[17];
	page = page == 1 ? 65536 : page;
	whole = page * big_endian(header + 28);
	/* While there is a log, the file may be shorter than it says. */
	if (!schema_has_log(path) && (uint64_t)status.st_size < whole) {
		snprintf(error, error_size, "cut off: %llu of its %llu bytes are there",
			 (unsigned long long)status.st_size, (unsigned long long)whole);
		return -EBADMSG;
	}
	return 0;
}

int schema_create(sqlite3 *db)
{
	char version[96];
	/* What makes the file shrink must be set before there is a table; it costs a page in a thousand. */
	int code = sqlite3_exec(db, "PRAGMA auto_vacuum = INCREMENTAL; BEGIN IMMEDIATE", NULL, NULL, NULL);

	snprintf(version, sizeof(version), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		 SCHEMA_APPLICATION, SCHEMA_VERSION);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, schema_tables, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, schema_views, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, version, NULL, NULL, NULL);
	if (code != SQLITE_OK)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return code;
}
