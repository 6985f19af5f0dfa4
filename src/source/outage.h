/* A socket of the kernel's that failed for good, until a new one is in its place: why it failed, why there is none, and
 * when one may be asked for. Pure. All zero is a socket that works. */
#ifndef IOTOPX_SOURCE_OUTAGE_H
#define IOTOPX_SOURCE_OUTAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTAGE_REST_NS 1000000000u /* between two questions for a new one, however often it fails */

struct outage {
	int error;         /* -errno: it failed; 0: it works */
	int refusal;       /* -errno: why there is no new one yet; 0: nobody was asked */
	uint64_t asked_ns; /* when one was asked for last, in this outage or before; 0 never */
};

/* It failed. The first error of an outage is the one that is told. */
void outage_begin(struct outage *outage, int error);
/* True if a new one is needed and may be asked for now, which is taken as done. */
bool outage_may_ask(struct outage *outage, uint64_t now_ns);
/* The answer: 0, which ends it, or -errno. */
void outage_answer(struct outage *outage, int error);
/* "Bad file descriptor; no new socket: Operation not permitted". */
void outage_describe(const struct outage *outage, char *text, size_t size);

#endif
