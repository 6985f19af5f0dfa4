/* The helpers: small processes, forked before the monitor gives up its rights (privilege.h), that do what takes more.
 *
 * The actor sends signals, sets I/O priorities and switches delay accounting; the namer asks for users' names, which
 * takes sockets, may take long, and runs what the system has for it (NSS); the opener opens sockets of netlink in the
 * place of those that failed, and hands them over. None knows more requests than those of helper_message.h. They end
 * with the monitor, however it ends: what the actor switched on for the run it switches off then. A helper that ends
 * before leaves the monitor without what it did.
 */
#ifndef IOTOPX_APP_HELPER_H
#define IOTOPX_APP_HELPER_H

#include "iotopx/actions.h"
#include "iotopx/lookup_live.h"
#include "iotopx/netlink_socket.h"

#include <stdbool.h>
#include <stddef.h>

struct helper;

struct helper_options {
	bool read_only;   /* no actor: what it would do is -EPERM. The opener is there: it changes nothing */
	const char *root; /* "", or for tests a directory with the proc/ of delay accounting; borrowed for good */
};

/* Forks them; before any thread is made. 0 or -errno. */
int helper_start(const struct helper_options *options, struct helper **helper);
/* Returns when the actor has put back what it has to, or does not for a second: then false. */
bool helper_stop(struct helper *helper);

/* From the loop: each waits for the answer, which comes at once, for at most HELPER_PATIENCE_MS; after one that did not
 * come hardly at all, until it does. -ETIMEDOUT: it is not done, now or later. -ECHILD: the helper has ended. */
#define HELPER_PATIENCE_MS 1000
int helper_set_delayacct(struct helper *helper, bool on);
int helper_run_delayacct(struct helper *helper); /* on until the monitor ends, if it is off */
struct actions helper_actions(struct helper *helper);

/* For live_open. It answers within a quarter of a second. When the opener has ended the monitor tries itself, which it
 * can where the kernel has no filter of system calls. */
struct netlink_service helper_sockets(struct helper *helper);

/* For lookup_live_open. It stays valid without the helper. */
int helper_names(struct helper *helper, struct name_service *names); /* 0 or -errno */

/* Notices helpers that have ended, without waiting: a system call each, so once an interval and not for every record.
 */
void helper_watch(struct helper *helper);
/* What is missing since a helper ended, or NULL; borrowed. */
const char *helper_notice(const struct helper *helper);

#endif
