/* THE table of columns. Terminal, text, CSV, JSON, OpenMetrics, --help, the help screen, the manual and the
 * recording's views read it; adding a column is adding one entry. */
#ifndef IOTOPX_COLUMN_H
#define IOTOPX_COLUMN_H

#include "iotopx/lookup.h"
#include "iotopx/task.h"
#include "iotopx/text.h"

#include <stddef.h>

struct row;
struct row_context;

enum value_type { VALUE_UNKNOWN, VALUE_NUMBER, VALUE_TEXT };

/* What a cell holds, before it is formatted. Unknown is a value of its own, never 0. */
struct value {
	enum value_type type;
	bool approximate;
	double number;
	const char *text; /* raw bytes, borrowed from the row */
};

/* Decides alignment, sort direction, unit and quoting. */
enum column_kind {
	COLUMN_ID,       /* a number that is a name: right-aligned, ascending */
	COLUMN_TEXT,     /* left-aligned, ascending */
	COLUMN_BYTES,    /* rate or sum, by mode; descending like all below */
	COLUMN_LIFETIME, /* bytes that never become a rate */
	COLUMN_COUNT,    /* rate or sum, by mode */
	COLUMN_RATIO,    /* 0..1, shown in percent */
	COLUMN_DURATION, /* ns */
	COLUMN_PRIO,
	COLUMN_GRAPH,
	COLUMN_KIND_COUNT,
};

struct column {
	const char *key;         /* what --sort and --columns take */
	const char *title;
	const char *short_title; /* for narrow terminals; may equal title */
	const char *help;        /* one sentence */
	enum column_kind kind;
	int counter;             /* the counter it shows, or -1 */
	const char *field;       /* its name in machine formats (without _per_second), NULL: not there */
	unsigned char width;     /* cells on screen; COMMAND's is its minimum */
	unsigned char priority;  /* 0 never leaves; the highest leaves first on a narrow terminal */
	bool shown;              /* by default */
	bool of_cgroups;         /* only groups of units and containers have it */
	struct value (*get)(const struct row *row, const struct row_context *context);
};

extern const struct column columns[];
extern const size_t column_count;

const struct column *column_find(const char *key); /* NULL if none */
/* "read,write,command" into a list, in that order. 0, or -EINVAL with *bad set to the first unknown key
 * (a copy in bad_key, cut to its size). Duplicates are dropped. */
int columns_parse(const char *text, const struct column **list, size_t max, size_t *count, char *bad_key,
		  size_t bad_size);

/* The title at hand: TID in thread view, else PID; the key's short form if asked. */
const char *column_title(const struct column *column, const struct row_context *context, bool short_form);

/* The cell as text, sanitised and unpadded: unit by kind and mode, `-` for unknown, `~` before an approximate
 * value. Returns bytes. */
size_t column_format(const struct column *column, struct value value, const struct row_context *context, char *to,
		     size_t size);

#endif
