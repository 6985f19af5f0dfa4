/* What is said between the monitor and its helpers: messages of fixed size over a socketpair, one datagram each. Both
 * sides check what they get; helper_requests[] in helper_serve.c is the whole list of what can be asked. */
#ifndef IOTOPX_APP_HELPER_MESSAGE_H
#define IOTOPX_APP_HELPER_MESSAGE_H

#include "privilege.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HELPER_NAME_SIZE 260
#define HELPER_ERROR_MAX 4095 /* as the kernel's */
#define HELPER_PRIO_LEVELS 8  /* HELPER_PRIO is asked for by class * levels + level */

enum helper_kind {
	HELPER_USER,      /* value: a uid. The answer has the name; -ENOENT: nobody has it */
	HELPER_DELAYACCT, /* value: 1 on, 0 off, 2 on until the monitor ends */
	HELPER_SIGNAL,    /* tid, start_ns: the process; value: the signal */
	HELPER_PRIO,      /* tid, start_ns: the thread; value: class * 8 + level */
	HELPER_SOCKET,    /* value: enum netlink_kind. The answer brings the descriptor */
	HELPER_KINDS,
};
#define HELPER_DELAYACCT_RUN 2

struct helper_request {
	uint32_t number; /* comes back in the answer */
	uint32_t kind;
	uint64_t start_ns;
	int32_t tid;
	uint32_t value;
	uint64_t until_ns; /* CLOCK_MONOTONIC: not done later, the user has been told that it was not; 0: whenever */
};

struct helper_answer {
	uint32_t number;
	uint32_t kind;
	int32_t error;      /* 0 or -errno */
	int32_t descriptor; /* sent along (SCM_RIGHTS): each side's own number, and to be closed by it; -1 none */
	char name[HELPER_NAME_SIZE];
};

/* What a helper remembers. */
struct helper_state {
	enum privilege_part part;
	const char *root; /* "" or a directory with a proc/ for delay accounting, for tests */
	bool restores;    /* delay accounting is to be switched off in the end */
};

/* Serves one channel until the other end is closed. */
void helper_serve(struct helper_state *state, int channel);
/* One request of `length` bytes. False: nothing is answered to that. */
bool helper_answer(struct helper_state *state, const void *bytes, size_t length, struct helper_answer *answer);
/* An answer on its way, with its descriptor, which stays the sender's: 0 or -errno. */
int helper_answer_send(int channel, const struct helper_answer *answer);
/* Its length, or -errno (-EAGAIN: none has come). A descriptor that came along is the caller's. */
ssize_t helper_answer_take(int channel, struct helper_answer *answer);
/* The monitor has ended. */
void helper_restore(struct helper_state *state);

#endif
