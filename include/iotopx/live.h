/* The live machine as a source: collector and tracker together. */
#ifndef IOTOPX_LIVE_H
#define IOTOPX_LIVE_H

#include "iotopx/lookup_live.h"
#include "iotopx/netlink_socket.h"
#include "iotopx/source.h"

struct live_options {
	bool require_all;               /* fail rather than fall back to own processes */
	uint64_t interval_ns;           /* asked for; to tell a gap */
	struct name_service names;      /* of users; taken over on success. All NULL: getpwuid_r */
	struct netlink_service sockets; /* where a new one is asked for when one fails. NULL: opened here */
};

/* 0 and *source, or -errno with one line in `error`. The first source_ops.next is the baseline.
 *
 * A socket of the kernel's that fails for good is replaced: at once, and while that does not succeed at each interval,
 * but never twice within a second. Until then, and in the interval in which it is,
 *   queries: if the first try succeeds nothing is missing: the sweep is done again. Else own processes only (with
 *            require_all: an error). Nothing is booked twice, and nothing to an interval that it does not belong to: in
 *            the first of those intervals and in the last nothing is known of who lived before;
 *   exit records: exits_known is false;
 *   births:  /proc is listed instead; nothing is missing, so nothing is said. */
int live_open(const struct live_options *options, struct source **source, char *error, size_t error_size);

/* What a sweep cost, for the benchmark: phases in ns, counts since open. */
struct live_cost {
	uint64_t membership_ns, queries_ns, exact_ns, exits_ns, machine_ns, track_ns;
	uint64_t sweeps, listings, clocks, gets, io_reads, dir_reads, exits;
};
const struct live_cost *live_cost(const struct source *source);

#endif
