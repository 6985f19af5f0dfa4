#include "database.h"

#include "iotopx/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUSY_MS 5000       /* how long a reader that holds the file is waited for */
#define PRUNE_SAMPLES 256  /* at a time */
#define FREE_PAGES_MAX 256 /* more than that are given back */
#define VACUUM_PAGES "64"
#define LOG_LIMIT "8388608"

struct database {
	sqlite3 *db;
	int fd; /* holds the lock; closed after SQLite's, or it would take SQLite's own locks away */
	sqlite3_stmt *text;
	sqlite3_stmt *inserts[TABLE_COUNT];
};

const char *database_error(struct database *database)
{
	return sqlite3_errmsg(database->db);
}

void database_close(struct database *database)
{
	if (!database)
		return;
	sqlite3_finalize(database->text);
	for (int i = 0; i < TABLE_COUNT; i++)
		sqlite3_finalize(database->inserts[i]);
	if (database->db) {
		/* Without a log a copy is whole, and may be read where nothing can be written. Not while it is read. */
		sqlite3_busy_timeout(database->db, 0);
		sqlite3_exec(database->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	}
	sqlite3_close(database->db);
	if (database->fd >= 0)
		close(database->fd);
	free(database);
}

static int open_locked(const char *path, char *error, size_t error_size)
{
	int result, fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);

	if (fd < 0) {
		result = -errno;
		snprintf(error, error_size, "%s", result == -ELOOP ? "it is a symbolic link" : strerror(-result));
		return result;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		result = errno == EWOULDBLOCK ? -EBUSY : -errno;
		snprintf(error, error_size, "%s",
			 result == -EBUSY ? "another iotopx is recording into it" : strerror(-result));
		close(fd);
		return result;
	}
	return fd;
}

/* A file without a name leaves nothing behind, and what can't make one looks at the rights first. */
static int check_directory(const char *path, char *error, size_t error_size)
{
	char directory[4096];
	const char *slash = strrchr(path, '/');
	int fd, result;

	snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0)
		return close(fd);
	if (errno != EACCES && errno != EPERM && errno != EROFS)
		return 0;
	result = -errno;
	snprintf(error, error_size, "its directory takes no new files, which a recording needs beside it: %s",
		 strerror(-result));
	return result;
}

/* SQLite keeps files beside the recording, and where it can't it speaks of a readonly database, after it has changed
 * something. 0, or -errno with the error told. */
static int check_beside(const char *path, char *error, size_t error_size)
{
	static const char *const ends[] = { "-journal", "-wal", "-shm" };
	int result = check_directory(path, error, error_size);

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends) && result == 0; i++) {
		char name[4096];
		int length = snprintf(name, sizeof(name), "%s%s", path, ends[i]), fd;

		if (length < 0 || (size_t)length >= sizeof(name))
			return -ENAMETOOLONG;
		fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
		if (fd >= 0)
			close(fd);
		else if (errno != ENOENT)
			result = -errno;
		if (result)
			snprintf(error, error_size, "the file beside it with %s after the name can't be written: %s",
				 ends[i], strerror(-result));
	}
	return result;
}

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t value = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

/* An empty file becomes a recording; somebody else's does not. */
static int make_schema(struct database *database, char *error, size_t error_size)
{
	int64_t present = number(database->db, "SELECT count(*) FROM sqlite_schema");
	int result;

	if (present < 0) { /* locked, or damaged */
		snprintf(error, error_size, "%s", sqlite3_errmsg(database->db));
		result = schema_error(sqlite3_errcode(database->db));
		return result ? result : -EIO;
	}
	if (number(database->db, "PRAGMA application_id") == SCHEMA_APPLICATION)
		return 0;
	if (present != 0) {
		snprintf(error, error_size, "not a recording of iotopx, but a database of something else");
		return -EMEDIUMTYPE;
	}
	result = schema_error(schema_create(database->db));
	if (result)
		snprintf(error, error_size, "%s", sqlite3_errmsg(database->db));
	return result;
}

static int prepare(struct database *database)
{
	int code = sqlite3_prepare_v2(database->db, "INSERT INTO texts VALUES(?, ?)", -1, &database->text, NULL);

	for (int i = 0; i < TABLE_COUNT && code == SQLITE_OK; i++)
		code = sqlite3_prepare_v2(database->db, schema_inserts[i].sql, -1, &database->inserts[i], NULL);
	return code;
}

/* -EBADMSG: no number can follow those that are there, or they can't be told. */
static int read_state(sqlite3 *db, struct database_state *state)
{
	int64_t *const ids[] = { &state->session,    &state->next.epoch, &state->next.device,
				 &state->next.mount, &state->next.task,  &state->next.text };

	state->sample = number(db, "SELECT coalesce(max(id), 0) + 1 FROM samples");
	state->session = number(db, "SELECT coalesce(max(id), 0) + 1 FROM sessions");
	state->next.epoch = number(db, "SELECT coalesce(max(id), 0) + 1 FROM epochs");
	state->next.device = number(db, "SELECT coalesce(max(id), 0) + 1 FROM devices");
	state->next.mount = number(db, "SELECT coalesce(max(id), 0) + 1 FROM mounts");
	/* Those before the newest epoch may all have left. */
	state->next.task = number(db, "SELECT max(coalesce((SELECT max(id) FROM tasks), 0) + 1, "
				      "coalesce((SELECT max(first_task) FROM epochs), 1))");
	state->next.text = number(db, "SELECT max(coalesce((SELECT max(id) FROM texts), 0) + 1, "
				      "coalesce((SELECT max(first_text) FROM epochs), 1))");
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		if (*ids[i] < 1 || *ids[i] > SCHEMA_ID_MAX)
			return -EBADMSG;
	return state->sample < 1 || state->sample > SCHEMA_SAMPLE_MAX ? -EBADMSG : 0;
}

static int open_database(struct database *database, const char *path, struct database_state *state, char *error,
			 size_t error_size)
{
	int result = schema_check_file(path, database->fd, error, error_size), code;

	if (result && result != -ENODATA)
		return result;
	code = sqlite3_open_v2(path, &database->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code == SQLITE_OK) {
		sqlite3_busy_timeout(database->db, BUSY_MS);
		result = make_schema(database, error, error_size);
		if (result)
			return result;
		/* Killed, it loses nothing that was committed; losing power may cost the last seconds. */
		code = sqlite3_exec(database->db,
				    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
				    "PRAGMA journal_size_limit = " LOG_LIMIT,
				    NULL, NULL, NULL);
	}
	if (code == SQLITE_OK)
		code = prepare(database);
	if (code != SQLITE_OK) {
		snprintf(error, error_size, "%s", database->db ? sqlite3_errmsg(database->db) : "out of memory");
		return schema_error(code);
	}
	result = read_state(database->db, state);
	if (result)
		snprintf(error, error_size, "damaged: its rows are numbered out of range");
	return result;
}

int database_open(const char *path, struct database **database, struct database_state *state, char *error,
		  size_t error_size)
{
	struct database *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened)
		return -ENOMEM;
	opened->fd = open_locked(path, error, error_size);
	result = opened->fd < 0 ? opened->fd : check_beside(path, error, error_size);
	if (result == 0)
		result = open_database(opened, path, state, error, error_size);
	if (result) {
		database_close(opened);
		return result;
	}
	*database = opened;
	return 0;
}

static void read_boot_id(char *to, size_t size)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, to, size - 1);

	if (fd >= 0)
		close(fd);
	to[length > 0 ? length : 0] = '\0';
	to[strcspn(to, "\n")] = '\0';
}

int database_begin_session(struct database *database, int64_t session, uint64_t interval_ns, const char *host)
{
	struct timespec wall, monotonic;
	sqlite3_stmt *insert = NULL;
	char boot[64];
	int code =
	    sqlite3_prepare_v2(database->db, "INSERT INTO sessions VALUES(?, ?, ?, ?, ?, ?, ?)", -1, &insert, NULL);

	if (code != SQLITE_OK)
		return schema_error(code);
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	read_boot_id(boot, sizeof(boot));
	sqlite3_bind_int64(insert, 1, session);
	sqlite3_bind_int64(insert, 2, (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000);
	sqlite3_bind_int64(insert, 3, (int64_t)monotonic.tv_sec * 1000000000 + monotonic.tv_nsec);
	sqlite3_bind_int64(insert, 4, (int64_t)interval_ns);
	sqlite3_bind_text(insert, 5, host, -1, SQLITE_STATIC);
	sqlite3_bind_text(insert, 6, boot, -1, SQLITE_STATIC);
	sqlite3_bind_text(insert, 7, IOTOPX_VERSION, -1, SQLITE_STATIC);
	code = sqlite3_step(insert);
	sqlite3_finalize(insert);
	return schema_error(code);
}

static int step_once(sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);

	sqlite3_reset(statement);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static bool is_utf8(const char *text, size_t length)
{
	unsigned code;

	for (size_t at = 0, bytes; at < length; at += bytes) {
		bytes = text_decode(text + at, length - at, &code);
		if (bytes == 0)
			return false;
	}
	return true;
}

/* Bytes that are no text are a blob: nothing is lost, and every reader of SQLite gets along. */
static int insert_text(struct database *database, const struct parcel_text *text)
{
	int length = (int)strlen(text->text);

	sqlite3_bind_int64(database->text, 1, text->id);
	if (is_utf8(text->text, (size_t)length))
		sqlite3_bind_text(database->text, 2, text->text, length, SQLITE_STATIC);
	else
		sqlite3_bind_blob(database->text, 2, text->text, length, SQLITE_STATIC);
	return step_once(database->text);
}

static int insert_rows(struct database *database, const struct parcel *parcel)
{
	int code = SQLITE_OK;

	for (size_t i = 0; i < parcel->texts.count && code == SQLITE_OK; i++)
		code = insert_text(database, &parcel->texts.items[i]);
	for (size_t at = 0; at < parcel->cells.count && code == SQLITE_OK;) {
		enum schema_table table = (enum schema_table)parcel->cells.items[at];
		const int64_t *cells = &parcel->cells.items[at + 1];
		sqlite3_stmt *insert = database->inserts[table];

		for (int i = 0; i < schema_inserts[table].columns; i++) {
			/* cppcheck-suppress objectIndex ; takes the pointer `items` for the array, here and below */
			if (cells[i] == CELL_NULL)
				sqlite3_bind_null(insert, i + 1);
			else
				/* cppcheck-suppress objectIndex */
				sqlite3_bind_int64(insert, i + 1, cells[i]);
		}
		code = step_once(insert);
		at += 1 + (size_t)schema_inserts[table].columns;
	}
	return code;
}

/* 0 or -errno; whatever fails, no transaction stays open. */
static int end_transaction(struct database *database, int code)
{
	if (code == SQLITE_OK)
		code = sqlite3_exec(database->db, "COMMIT", NULL, NULL, NULL);
	if (code != SQLITE_OK && !sqlite3_get_autocommit(database->db))
		sqlite3_exec(database->db, "ROLLBACK", NULL, NULL, NULL);
	return schema_error(code);
}

int database_write(struct database *database, const struct parcel *first)
{
	int code = sqlite3_exec(database->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (code != SQLITE_OK)
		return schema_error(code);
	for (const struct parcel *parcel = first; parcel && code == SQLITE_OK; parcel = parcel->next)
		code = insert_rows(database, parcel);
	return end_transaction(database, code);
}

static int run(struct database *database, const char *format, int64_t value)
{
	char sql[256];

	/* cppcheck-suppress wrongPrintfScanfArgNum ; it does not know PRId64 */
	snprintf(sql, sizeof(sql), format, value);
	return sqlite3_exec(database->db, sql, NULL, NULL, NULL);
}

/* What is named only by samples before the oldest one that is left. */
static int prune_catalogs(struct database *database)
{
	static const char oldest[] = "SELECT coalesce(max(id), 0) FROM epochs WHERE first_sample <= "
				     "(SELECT min(id) FROM samples)";
	int64_t epoch = number(database->db, oldest);
	int64_t task, text;
	int code;

	if (epoch <= 0 || number(database->db, "SELECT min(id) FROM epochs") >= epoch)
		return SQLITE_OK;
	code = run(database, "DELETE FROM epochs WHERE id < %" PRId64, epoch);
	task = number(database->db, "SELECT min(first_task) FROM epochs");
	text = number(database->db, "SELECT min(first_text) FROM epochs");
	if (code == SQLITE_OK)
		code = run(database, "DELETE FROM tasks WHERE id < %" PRId64, task);
	if (code == SQLITE_OK)
		code = run(database, "DELETE FROM texts WHERE id < %" PRId64, text);
	if (code == SQLITE_OK)
		code = run(database, "DELETE FROM devices WHERE name < %" PRId64, text);
	if (code == SQLITE_OK)
		code = run(database, "DELETE FROM mounts WHERE mount < %" PRId64, text);
	if (code == SQLITE_OK)
		code = run(database, "DELETE FROM users WHERE name < %" PRId64, text);
	return code == SQLITE_OK
		   ? sqlite3_exec(database->db, "DELETE FROM sessions WHERE id < (SELECT min(session) FROM epochs)",
				  NULL, NULL, NULL)
		   : code;
}

static int prune_samples(struct database *database, int64_t before_sample)
{
	static const char *const of_samples[] = { "task_deltas",   "task_extras",  "cgroup_deltas",
						  "device_deltas", "mount_deltas", "mount_op_deltas" };
	int code = run(database, "DELETE FROM samples WHERE id < %" PRId64, before_sample);

	for (size_t i = 0; i < sizeof(of_samples) / sizeof(*of_samples) && code == SQLITE_OK; i++) {
		char format[96];

		snprintf(format, sizeof(format), "DELETE FROM %s WHERE id < %%" PRId64, of_samples[i]);
		code = run(database, format, before_sample << SCHEMA_SHIFT);
	}
	return code == SQLITE_OK ? prune_catalogs(database) : code;
}

int database_prune(struct database *database, int64_t before_ms)
{
	int64_t oldest = number(database->db, "SELECT min(id) FROM samples"), limit;
	char sql[128];
	int code;

	if (oldest <= 0)
		return 0;
	/* The first that stays: by its id, so that a clock that was set does not matter. */
	snprintf(sql, sizeof(sql), "SELECT min(id) FROM samples WHERE end_ms >= %" PRId64, before_ms);
	limit = number(database->db, sql);
	if (limit <= oldest)
		return 0;
	if (limit > oldest + PRUNE_SAMPLES)
		limit = oldest + PRUNE_SAMPLES;
	code = sqlite3_exec(database->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (code != SQLITE_OK)
		return schema_error(code);
	code = end_transaction(database, prune_samples(database, limit));
	if (code == 0 && number(database->db, "PRAGMA freelist_count") > FREE_PAGES_MAX)
		code = schema_error(
		    sqlite3_exec(database->db, "PRAGMA incremental_vacuum(" VACUUM_PAGES ")", NULL, NULL, NULL));
	return code ? code : 1;
}
