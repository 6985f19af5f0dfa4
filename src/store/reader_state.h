/* What the parts of the reader share: reader.c opens a recording and answers questions, reader_load.c makes an interval
 * of a sample. */
#ifndef IOTOPX_STORE_READER_STATE_H
#define IOTOPX_STORE_READER_STATE_H

#include "names.h"
#include "reader.h"

struct reader {
	sqlite3 *db;
	struct names *names;
	sqlite3_stmt *sample, *deltas, *cgroups, *devices, *mounts, *ops;
	struct {
		struct epoch {
			int64_t first_sample, offset_ns;
		} * items;
		size_t count, capacity;
	} epochs;
	uint64_t pass;  /* lifetimes add up within one */
	int64_t loaded; /* the last sample whose lifetimes are added, 0 none */
	char host[256];
	char error[256];
};

/* No clock of a recording is beyond: what is, nobody recorded. So sums and differences of times are numbers. */
#define TIME_MAX_MS INT64_C(253402300800000) /* the year 10000 */
#define TIME_MAX_NS (INT64_MAX / 8)

/* The errno of what SQLite said, which is kept for reader_error. */
int reader_fail(struct reader *reader, int code);

#endif
