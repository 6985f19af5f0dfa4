/* Where intervals go when they do not go to a screen: text, CSV, JSON, OpenMetrics behind one interface. */
#ifndef IOTOPX_WRITER_H
#define IOTOPX_WRITER_H

#include "iotopx/interval.h"
#include "iotopx/table.h"
#include "iotopx/view.h"

#include <stdio.h>

struct writer;

struct writer_options {
	FILE *stream;                 /* borrowed */
	enum text_charset charset;
	bool timestamps;              /* -t */
	unsigned quiet;               /* -q: no column names after the first; -qq: never; -qqq: no summary */
	const char *host;
	const struct lookup *lookup;
};

struct writer_ops {
	/* Writes one interval; `table` is built by the caller from view and interval. 0 or -errno (EPIPE, ENOSPC …). */
	int (*write)(struct writer *writer, const struct interval *interval, const struct view *view,
		     const struct table *table);
	int (*finish)(struct writer *writer); /* the end of the output; 0 or -errno */
	void (*close)(struct writer *writer);
};

struct writer {
	const struct writer_ops *ops;
};

int writer_text_open(const struct writer_options *options, struct writer **writer);

#endif
