/* Prints intervals with any writer, for the tests of the machine formats. */
#ifndef IOTOPX_TESTS_PRINTING_H
#define IOTOPX_TESTS_PRINTING_H

#include "iotopx/writer.h"

typedef int writer_opener(const struct writer_options *options, struct writer **writer);

/* One way to print. Zeroed: processes, all fields. */
struct printing {
	const char *name; /* of the golden file */
	writer_opener *open;
	const char *columns, *filter;
	bool threads;
	enum view_group group;
	enum view_page page;
	const char *page_columns[4]; /* keys, NULL-ended; none: the built-in look */
	size_t max_series;
};

/* What the intervals look like, new; the length in *length unless NULL. Does not take them. */
char *print_intervals(const struct printing *printing, struct interval *const *intervals, size_t count, size_t *length);
/* Of the fixed sequence. */
char *print_sequence(const struct printing *printing);

#endif
