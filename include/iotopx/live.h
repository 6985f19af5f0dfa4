/* The live machine as a source: collector and tracker together. */
#ifndef IOTOPX_LIVE_H
#define IOTOPX_LIVE_H

#include "iotopx/source.h"

struct live_options {
	const char *root;        /* "" or a directory that holds proc/ and sys/, for tests */
	bool require_all;        /* fail rather than fall back to own processes */
	bool delayacct;          /* switch it on now, restore at close */
	uint64_t interval_ns;    /* asked for; to tell a gap */
};

/* 0 and *source, or -errno with one line in `error`. The first source_ops.next is the baseline. */
int live_open(const struct live_options *options, struct source **source, char *error, size_t error_size);

/* What a sweep cost, for the benchmark: phases in ns, counts since open. */
struct live_cost {
	uint64_t membership_ns, queries_ns, exact_ns, exits_ns, machine_ns, track_ns;
	uint64_t sweeps, clocks, gets, io_reads, dir_reads, exits;
};
const struct live_cost *live_cost(const struct source *source);

#endif
