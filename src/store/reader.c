#include "reader_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MS 2000

sqlite3 *reader_db(struct reader *reader)
{
	return reader->db;
}

const char *reader_host(const struct reader *reader)
{
	return reader->host;
}

const char *reader_error(const struct reader *reader)
{
	return reader->error;
}

struct lookup reader_lookup(struct reader *reader)
{
	return names_lookup(reader->names);
}

int reader_fail(struct reader *reader, int code)
{
	int result = schema_error(code);

	if (result == -EBADMSG)
		snprintf(reader->error, sizeof(reader->error), "damaged: %s", sqlite3_errmsg(reader->db));
	else if (result)
		snprintf(reader->error, sizeof(reader->error), "%s", sqlite3_errmsg(reader->db));
	return result;
}

void reader_close(struct reader *reader)
{
	if (!reader)
		return;
	names_close(reader->names);
	sqlite3_finalize(reader->sample);
	sqlite3_finalize(reader->deltas);
	sqlite3_finalize(reader->cgroups);
	sqlite3_finalize(reader->devices);
	sqlite3_finalize(reader->mounts);
	sqlite3_finalize(reader->ops);
	sqlite3_close(reader->db);
	free(reader->epochs.items);
	free(reader);
}

int reader_number(struct reader *reader, const char *sql, int64_t first, int64_t second, int64_t *number)
{
	sqlite3_stmt *statement = NULL;
	int result, code = sqlite3_prepare_v2(reader->db, sql, -1, &statement, NULL);

	if (code == SQLITE_OK && sqlite3_bind_parameter_count(statement) > 0)
		sqlite3_bind_int64(statement, 1, first);
	if (code == SQLITE_OK && sqlite3_bind_parameter_count(statement) > 1)
		sqlite3_bind_int64(statement, 2, second);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	result = code == SQLITE_DONE ? -ENODATA : reader_fail(reader, code);
	if (code == SQLITE_ROW && sqlite3_column_type(statement, 0) == SQLITE_NULL)
		result = -ENODATA;
	if (code == SQLITE_ROW && result == 0)
		*number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return result;
}

static int64_t within(int64_t value, int64_t max)
{
	return value < 0 ? 0 : value > max ? max : value;
}

bool reader_is_time(int64_t ms)
{
	return ms >= 0 && ms <= TIME_MAX_MS;
}

/* Monotonic clocks begin anew with each boot: the sessions of another one are put where the wall clock says. */
struct session {
	int64_t start_ms, start_ns, offset_ns;
	char boot[64];
};

static void place_session(struct session *session, const struct session *before)
{
	if (!before->boot[0] || strcmp(session->boot, before->boot) == 0) {
		session->offset_ns = before->offset_ns;
		return;
	}
	int64_t passed_ns = within(session->start_ms - before->start_ms, TIME_MAX_NS / 1000000) * 1000000;

	session->offset_ns = before->start_ns + before->offset_ns + passed_ns - session->start_ns;
	if (session->offset_ns > TIME_MAX_NS || session->offset_ns < -TIME_MAX_NS)
		session->offset_ns = before->offset_ns;
}

static int add_epoch(struct reader *reader, sqlite3_stmt *row, struct session *last, int64_t *last_session)
{
	struct epoch *epoch;
	struct session session = { .start_ms = within(sqlite3_column_int64(row, 2), TIME_MAX_MS),
				   .start_ns = within(sqlite3_column_int64(row, 3), TIME_MAX_NS) };
	const unsigned char *boot = sqlite3_column_text(row, 4), *host = sqlite3_column_text(row, 5);

	snprintf(session.boot, sizeof(session.boot), "%s", boot ? (const char *)boot : "?");
	if (sqlite3_column_int64(row, 6) != *last_session) {
		place_session(&session, last);
		*last = session;
		*last_session = sqlite3_column_int64(row, 6);
		snprintf(reader->host, sizeof(reader->host), "%s", host ? (const char *)host : "");
	}
	epoch = array_append(&reader->epochs);
	if (!epoch)
		return SQLITE_NOMEM;
	*epoch = (struct epoch){ sqlite3_column_int64(row, 0), last->offset_ns };
	return names_set_offset(reader->names, sqlite3_column_int64(row, 1), last->offset_ns) ? SQLITE_NOMEM
											      : SQLITE_OK;
}

static int read_epochs(struct reader *reader)
{
	static const char sql[] = "SELECT e.first_sample, e.first_task, s.start_ms, s.start_ns, s.boot, s.host, s.id "
				  "FROM epochs e JOIN sessions s ON s.id = e.session ORDER BY e.id";
	struct session last = { .boot = "" };
	int64_t last_session = -1;
	sqlite3_stmt *row = NULL;
	int code = sqlite3_prepare_v2(reader->db, sql, -1, &row, NULL);

	while (code == SQLITE_OK && (code = sqlite3_step(row)) == SQLITE_ROW)
		code = add_epoch(reader, row, &last, &last_session);
	sqlite3_finalize(row);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int prepare(struct reader *reader)
{
	const struct {
		sqlite3_stmt **statement;
		const char *sql;
	} statements[] = {
		{ &reader->sample, "SELECT * FROM samples WHERE id = ?" },
		{ &reader->deltas, "SELECT d.*, e.* FROM task_deltas d LEFT JOIN task_extras e ON e.id = d.id "
				   "WHERE d.id BETWEEN ? AND ? ORDER BY d.id" },
		{ &reader->cgroups, "SELECT * FROM cgroup_deltas WHERE id BETWEEN ? AND ? ORDER BY id" },
		{ &reader->devices, "SELECT * FROM device_deltas WHERE id BETWEEN ? AND ? ORDER BY id" },
		{ &reader->mounts, "SELECT * FROM mount_deltas WHERE id BETWEEN ? AND ? ORDER BY id" },
		{ &reader->ops, "SELECT * FROM mount_op_deltas WHERE id BETWEEN ? AND ? ORDER BY id" },
	};
	int code = SQLITE_OK;

	for (size_t i = 0; i < sizeof(statements) / sizeof(*statements) && code == SQLITE_OK; i++)
		code = sqlite3_prepare_v2(reader->db, statements[i].sql, -1, statements[i].statement, NULL);
	return code;
}

/* Read only; where the files beside it can't be made, as if nobody else had it: unless one may have what it has not. */
static int open_file(struct reader *reader, const char *path)
{
	int64_t ignored;
	char *uri;
	int result;

	if (sqlite3_open_v2(path, &reader->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_NOMEM)
		return -ENOMEM;
	sqlite3_busy_timeout(reader->db, BUSY_MS);
	result = reader_number(reader, "SELECT count(*) FROM sqlite_schema", 0, 0, &ignored);
	if (result != -EACCES && result != -EROFS && result != -EIO)
		return result;
	if (schema_has_log(path)) {
		if (result != -EIO)
			snprintf(
			    reader->error, sizeof(reader->error),
			    "what was recorded last may be in the file beside it with -wal after the name, and reading "
			    "that takes a place that can be written to: copy both");
		return result;
	}
	uri = sqlite3_mprintf("file:%s?immutable=1", path);
	if (!uri || strpbrk(path, "?#%")) { /* those mean something in there */
		sqlite3_free(uri);
		return uri ? result : -ENOMEM;
	}
	sqlite3_close(reader->db);
	reader->db = NULL;
	result = schema_error(
	    sqlite3_open_v2(uri, &reader->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL));
	sqlite3_free(uri);
	return result;
}

static int check_file(const char *path, char *error, size_t error_size)
{
	int result, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool empty;

	if (fd < 0)
		return -errno;
	/* Before SQLite has it: closing it later would take SQLite's locks away. */
	result = schema_check_file(path, fd, error, error_size);
	empty = lseek(fd, 0, SEEK_END) == 0;
	close(fd);
	if (result != -ENODATA)
		return result;
	snprintf(error, error_size, "not a recording of iotopx%s",
		 empty ? ": nothing is in it" : ", or one that has only just begun");
	return -EMEDIUMTYPE;
}

static int open_reader(struct reader *reader, const char *path)
{
	int result = open_file(reader, path), code;

	if (result)
		return result;
	code = prepare(reader);
	if (code != SQLITE_OK)
		return reader_fail(reader, code);
	reader->names = names_open(reader->db);
	if (!reader->names)
		return -ENOMEM;
	code = read_epochs(reader);
	return code == SQLITE_OK ? 0 : reader_fail(reader, code);
}

int reader_open(const char *path, struct reader **reader, char *error, size_t error_size)
{
	struct reader *opened;
	int result;

	*error = '\0';
	result = check_file(path, error, error_size);
	opened = result ? NULL : calloc(1, sizeof(*opened));
	if (!result)
		result = opened ? open_reader(opened, path) : -ENOMEM;
	if (result == 0) {
		*reader = opened;
		return 0;
	}
	if (!*error)
		snprintf(error, error_size, "%s", opened && *opened->error ? opened->error : strerror(-result));
	reader_close(opened);
	return result;
}
