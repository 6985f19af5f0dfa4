/* An interval on its way into a recording: rows of integers and the new texts that they name. Holds no references, so
 * it may change threads. */
#ifndef IOTOPX_STORE_PARCEL_H
#define IOTOPX_STORE_PARCEL_H

#include "schema.h"

#include <stdint.h>

#define CELL_NULL INT64_MIN

struct parcel_text {
	int64_t id;
	char *text; /* owned */
};

struct parcel {
	struct parcel *next;
	struct {
		int64_t *items; /* enum schema_table, then its columns, and so on */
		size_t count, capacity;
	} cells;
	struct {
		struct parcel_text *items;
		size_t count, capacity;
	} texts;
	size_t text_bytes;
};

struct parcel *parcel_new(void);
void parcel_free(struct parcel *parcel);
size_t parcel_bytes(const struct parcel *parcel);

/* A row of NULLs; its cells, valid until the next row. NULL on ENOMEM. */
int64_t *parcel_row(struct parcel *parcel, enum schema_table table);
int parcel_text(struct parcel *parcel, int64_t id, const char *text); /* 0 or -ENOMEM */

#endif
