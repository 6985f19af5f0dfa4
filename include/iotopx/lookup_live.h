/* lookup.h from the running machine: a worker thread reads command lines and asks NSS, so that a stuck process or a
 * dead directory server never stops the caller. Bounded queue; what does not fit is asked for again later. */
#ifndef IOTOPX_LOOKUP_LIVE_H
#define IOTOPX_LOOKUP_LIVE_H

#include "iotopx/lookup.h"
#include "iotopx/proc.h"

struct lookup_live;

int lookup_live_open(struct proc *proc, struct lookup_live **live);
void lookup_live_close(struct lookup_live *live); /* never waits for a stuck read */
struct lookup lookup_live_interface(struct lookup_live *live);
/* An eventfd that is readable when answers have come; lookup_live_collect takes them (caller's thread). */
int lookup_live_fd(const struct lookup_live *live);
void lookup_live_collect(struct lookup_live *live);
/* Waits until nothing is asked for or `timeout_ms` is over: for batch output. */
void lookup_live_wait(struct lookup_live *live, int timeout_ms);

#endif
