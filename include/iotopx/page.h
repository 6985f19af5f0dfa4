/* The pages beside the tasks: devices and NFS mounts. Each is a table of columns like THE table of tasks; the
 * screen, text, CSV and JSON read it. A page builds its rows from an interval, folded, filtered and sorted. Pure.
 */
#ifndef IOTOPX_PAGE_H
#define IOTOPX_PAGE_H

#include "iotopx/column.h"
#include "iotopx/device_stat.h"
#include "iotopx/interval.h"
#include "iotopx/nfs.h"
#include "iotopx/view.h"

struct page_row {
	const char *name;                 /* of the device (with its label), or the mount point: finds the row again */
	const struct device_stat *device; /* on the devices page, else NULL */
	const struct nfs_stat *mount;     /* on the NFS page, else NULL */
	unsigned char depth;              /* 1: a partition under its disk */
	bool has_children, expanded;
	bool active;
};

struct page_column {
	const char *key;
	const char *title;
	const char *short_title; /* for narrow terminals; may equal title */
	const char *help;        /* one sentence */
	enum column_kind kind;   /* LIFETIME: bytes that are a size; BYTES: bytes per second; COUNT: any other number */
	const char *field;       /* its whole name in machine formats, unit included; NULL: not there */
	unsigned char width;     /* cells on screen; of the last, variable one its minimum */
	unsigned char priority;  /* 0 never leaves; the highest leaves first on a narrow terminal */
	bool shown;              /* by default */
	struct value (*get)(const struct page_row *row);
};

struct page {
	enum view_page id;
	const char *key;   /* "nfs": what --view takes */
	const char *array; /* "mounts": the array's name in NDJSON */
	const char *title; /* on screen */
	const struct page_column *columns;
	size_t column_count;
	const char *sort; /* key of the default sort column */
};

extern const struct page page_devices, page_nfs;

const struct page *page_get(enum view_page id);                                       /* NULL for VIEW_TASKS */
const struct page_column *page_column_find(const struct page *page, const char *key); /* NULL if none */
/* True if the natural order is ascending: texts and ids. */
bool page_column_ascending(const struct page_column *column);

/* The cell as text, sanitised and unpadded; `-` for unknown, which sorts last. Returns bytes. */
size_t page_column_format(const struct page_column *column, struct value value, enum unit_style units,
			  enum text_charset charset, char *to, size_t size);

/* How the user wants a page to look. */
struct page_look {
	const struct page_column *columns[VIEW_COLUMNS_MAX]; /* in order; visible if they fit */
	size_t column_count;
	const struct page_column *sort;
	bool reversed; /* against the column's natural direction */
};

void page_look_init(struct page_look *look, const struct page *page); /* the built-in one */
bool page_look_shows(const struct page_look *look, const struct page_column *column);

struct page_view {
	const struct page_column *sort; /* NULL: the page's default */
	bool reversed;                  /* against the column's natural direction */
	bool only_active;
	const char *filter; /* substring of any text of the row, case ignored; NULL or "" matches all */
	bool expand_all;    /* partitions are rows too: machine formats */
	void *data;
	bool (*open)(void *data, const char *name); /* is this disk expanded? NULL: none is */
};

/* Zeroed is empty. Rows borrow from the interval and the lookup: valid until either goes or the next build. */
struct page_table {
	struct page_row *rows; /* owned */
	size_t count, capacity;
	size_t hidden; /* rows that the filter or only_active kept back */
	void *work;    /* private memory kept between builds */
};

/* 0 or -ENOMEM. An interval without figures (the baseline) gives rows of unknowns. `lookup` may be NULL. */
int page_table_build(struct page_table *table, const struct page *page, const struct interval *interval,
		     const struct page_view *view, const struct lookup *lookup);
void page_table_free(struct page_table *table);

#endif
