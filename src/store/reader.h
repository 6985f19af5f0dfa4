/* A recording's samples as intervals: the other way round than flatten.h. */
#ifndef IOTOPX_STORE_READER_H
#define IOTOPX_STORE_READER_H

#include "schema.h"

#include "iotopx/lookup.h"

struct reader;

/* 0 or -errno with a line in `error`. */
int reader_open(const char *path, struct reader **reader, char *error, size_t error_size);
void reader_close(struct reader *reader); /* NULL allowed */

/* One number by a statement with up to two parameters; -ENODATA where it has no row, or -errno. */
int reader_number(struct reader *reader, const char *sql, int64_t first, int64_t second, int64_t *number);
sqlite3 *reader_db(struct reader *reader);
const char *reader_host(const struct reader *reader);
const char *reader_error(const struct reader *reader); /* of the last failure */

/* Milliseconds that a clock can have shown. */
bool reader_is_time(int64_t ms);

/* The interval of a sample, refs 1. 0 or -errno. */
int reader_load(struct reader *reader, int64_t sample, struct interval **interval);

/* What the lookup of a replay says. */
struct lookup reader_lookup(struct reader *reader);

#endif
