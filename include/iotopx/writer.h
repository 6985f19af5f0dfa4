/* Where intervals go when they do not go to a screen: text, CSV, JSON, OpenMetrics behind one interface. */
#ifndef IOTOPX_WRITER_H
#define IOTOPX_WRITER_H

#include "iotopx/interval.h"
#include "iotopx/page.h"
#include "iotopx/table.h"
#include "iotopx/view.h"

#include <stdio.h>

struct writer;

struct writer_options {
	FILE *stream;              /* borrowed */
	enum text_charset charset; /* of text; the machine formats are always UTF-8 */
	bool timestamps;           /* -t */
	unsigned quiet;            /* -q: no column names after the first; -qq: never; -qqq: no summary */
	bool chosen_columns;       /* JSON and CSV: only what the view's columns tell, not every field */
	const struct page_look *look; /* of a page, as text; borrowed; NULL: the built-in one */
	size_t max_series;         /* OpenMetrics; 0: OPENMETRICS_SERIES_DEFAULT */
	const char *host;
	const struct lookup *lookup;
};

struct writer_ops {
	/* Takes every interval as it is, also those that are never written: what sums up by itself wants it. NULL: not
	 * wanted. 0 or -ENOMEM. */
	int (*observe)(struct writer *writer, const struct interval *interval, const struct view *view);
	/* Writes one interval; `table` is built by the caller from view and interval, and is not looked at where
	 * `observe` is there. 0 or -errno (EPIPE, ENOSPC …). */
	int (*write)(struct writer *writer, const struct interval *interval, const struct view *view,
		     const struct table *table);
	/* The same for the pages of devices and mounts. NULL: the format has none. */
	int (*write_page)(struct writer *writer, const struct interval *interval, const struct view *view,
			  const struct page *page, const struct page_table *table);
	int (*finish)(struct writer *writer); /* the end of the output; 0 or -errno */
	void (*close)(struct writer *writer);
};

struct writer {
	const struct writer_ops *ops;
};

/* Each 0 or -ENOMEM. */
int writer_text_open(const struct writer_options *options, struct writer **writer);
/* NDJSON: an object an interval. */
int writer_json_open(const struct writer_options *options, struct writer **writer);
/* RFC 4180: one header; an interval is a row of totals, whose `members` is empty, and the rows after it. */
int writer_csv_open(const struct writer_options *options, struct writer **writer);
/* Counters since the start: an interval is a whole document. */
int writer_openmetrics_open(const struct writer_options *options, struct writer **writer);

/* So many series; what comes when all places are taken is booked to `other`. */
#define OPENMETRICS_SERIES_DEFAULT 200

#endif
