/* replay.h: a sound SQLite file whose rows say anything. The input is a list of changes to a small recording, each of 8
 * bytes and more: table, row, column, kind, and the value. */
#include "fuzz.h"
#include "fuzz_read.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEMPLATE FUZZ_CORPUS "/replay/small.iotopx"
#define CHANGES_MAX 64
#define COLUMNS_MAX 64

enum kind {
	KIND_NUMBER,
	KIND_NEGATIVE,
	KIND_SMALL,
	KIND_ROW,
	KIND_NULL,
	KIND_TEXT,
	KIND_BLOB,
	KIND_REAL,
	KIND_DELETE,
	KIND_COPY,
	KIND_COUNT
};

static const char *const tables[] = { "sessions",      "epochs",        "texts",        "users",          "tasks",
				      "devices",       "mounts",        "samples",      "task_deltas",    "task_extras",
				      "cgroup_deltas", "device_deltas", "mount_deltas", "mount_op_deltas" };
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static struct {
	char *names[COLUMNS_MAX];
	int count;
} table_columns[TABLES];
static void *template_bytes;
static size_t template_size;

static void load_columns(sqlite3 *db, size_t table)
{
	sqlite3_stmt *rows = NULL;
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT name FROM pragma_table_info('%s')", tables[table]);
	REQUIRE(sqlite3_prepare_v2(db, sql, -1, &rows, NULL) == SQLITE_OK);
	while (sqlite3_step(rows) == SQLITE_ROW) {
		REQUIRE(table_columns[table].count < COLUMNS_MAX);
		table_columns[table].names[table_columns[table].count++] =
		    strdup((const char *)sqlite3_column_text(rows, 0));
	}
	REQUIRE(table_columns[table].count > 1);
	sqlite3_finalize(rows);
}

static void load_template(void)
{
	FILE *file = fopen(TEMPLATE, "rb");
	sqlite3 *db;

	REQUIRE(file && fseek(file, 0, SEEK_END) == 0);
	template_size = (size_t)ftell(file);
	template_bytes = malloc(template_size);
	rewind(file);
	REQUIRE(template_bytes && fread(template_bytes, 1, template_size, file) == template_size);
	fclose(file);
	REQUIRE(sqlite3_open_v2(TEMPLATE, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
	for (size_t table = 0; table < TABLES; table++)
		load_columns(db, table);
	sqlite3_close(db);
}

static void bind_value(sqlite3_stmt *statement, enum kind kind, struct bytes *bytes)
{
	const uint64_t number = bytes_take_number(bytes);
	double real;

	switch (kind) {
	case KIND_NEGATIVE:
		sqlite3_bind_int64(statement, 1, (int64_t)-number);
		break;
	case KIND_SMALL:
		sqlite3_bind_int64(statement, 1, (int64_t)(number % 40));
		break;
	case KIND_ROW: /* what a row of a sample is called */
		sqlite3_bind_int64(statement, 1, (int64_t)((number >> 8) % 5 << 20 | (number & 0xff)));
		break;
	case KIND_TEXT:
	case KIND_BLOB: {
		const size_t length = bytes->left < number % 80 ? bytes->left : number % 80;
		const char *text = length ? (const char *)bytes->at : "";

		if (kind == KIND_TEXT)
			sqlite3_bind_text(statement, 1, text, (int)length, SQLITE_TRANSIENT);
		else
			sqlite3_bind_blob(statement, 1, text, (int)length, SQLITE_TRANSIENT);
		bytes->at += length;
		bytes->left -= length;
		break;
	}
	case KIND_REAL:
		memcpy(&real, &number, sizeof(real));
		sqlite3_bind_double(statement, 1, real);
		break;
	case KIND_NULL:
		break;
	default:
		sqlite3_bind_int64(statement, 1, (int64_t)number);
	}
}

/* Many will not be taken: two rows of one id, or a text as one. */
static void change(sqlite3 *db, struct bytes *bytes)
{
	const size_t table = bytes_take(bytes) % TABLES;
	const unsigned row = bytes_take(bytes) % 24;
	const char *column = table_columns[table].names[bytes_take(bytes) % table_columns[table].count];
	const enum kind kind = (enum kind)(bytes_take(bytes) % KIND_COUNT);
	sqlite3_stmt *statement = NULL;
	char sql[512], where[256];

	snprintf(where, sizeof(where), "rowid = (SELECT rowid FROM %s LIMIT 1 OFFSET %u)", tables[table], row);
	if (kind == KIND_DELETE)
		snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE %s", tables[table], where);
	else if (kind == KIND_COPY)
		snprintf(sql, sizeof(sql), "INSERT INTO %s(rowid) VALUES(?)", tables[table]);
	else
		snprintf(sql, sizeof(sql), "UPDATE %s SET %s = ? WHERE %s", tables[table], column, where);
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK) {
		if (kind != KIND_DELETE)
			bind_value(statement, kind, bytes);
		sqlite3_step(statement);
	}
	sqlite3_finalize(statement);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = { data, size };
	char path[128];
	sqlite3 *db;

	if (!template_bytes)
		load_template();
	snprintf(path, sizeof(path), "%s/recording", fuzz_directory());
	fuzz_write(path, template_bytes, template_size);
	REQUIRE(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
	REQUIRE(sqlite3_exec(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN", NULL, NULL, NULL) ==
		SQLITE_OK);
	for (int i = 0; i < CHANGES_MAX && bytes.left > 0; i++)
		change(db, &bytes);
	REQUIRE(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
	sqlite3_close(db);
	fuzz_read_recording(path, (unsigned)size);
	return 0;
}
