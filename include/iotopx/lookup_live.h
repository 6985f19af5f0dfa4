/* lookup.h from the running machine: a worker thread reads command lines and asks NSS, so that a stuck process or a
 * dead directory server never stops the caller. Bounded queue; what does not fit is asked for again later. */
#ifndef IOTOPX_LOOKUP_LIVE_H
#define IOTOPX_LOOKUP_LIVE_H

#include "iotopx/lookup.h"
#include "iotopx/proc.h"

struct lookup_live;

/* Who is asked for the names of users. `name` is called on threads of this module, more than one at a time, and may
 * hang: 0 and the name, or -errno. `free` comes when the last of them is done with it, which may be never. */
struct name_service {
	void *data;
	int (*name)(void *data, uint32_t uid, char *name, size_t size);
	void (*free)(void *data);
};

/* `root` is "" or a directory that holds proc/ and sys/: what is said about block devices comes from there. `names` is
 * taken over on success; NULL: getpwuid_r on those threads. */
int lookup_live_open(struct proc *proc, const char *root, const struct name_service *names, struct lookup_live **live);
void lookup_live_close(struct lookup_live *live); /* never waits for a stuck read */
struct lookup lookup_live_interface(struct lookup_live *live);
/* Call it once an interval: what was said about devices is no longer valid, and is looked at anew when asked for. */
void lookup_live_refresh(struct lookup_live *live);
/* An eventfd that is readable when answers have come; lookup_live_collect takes them (caller's thread). */
int lookup_live_fd(const struct lookup_live *live);
void lookup_live_collect(struct lookup_live *live);
/* Waits until nothing is asked for or `timeout_ms` is over: for batch output. */
void lookup_live_wait(struct lookup_live *live, int timeout_ms);

#endif
