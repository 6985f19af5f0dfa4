/* One helper as a process: forking it, stripping it, noticing that it has ended. */
#ifndef IOTOPX_APP_HELPER_PROCESS_H
#define IOTOPX_APP_HELPER_PROCESS_H

#include "privilege.h"

#include <stdbool.h>
#include <sys/types.h>

#define HELPER_CHANNELS_MAX 2 /* questions to the namer at a time: one may hang */

/* All zero is one that was not started. */
struct helper_process {
	bool started, ended;
	bool unanswered; /* what was asked last, all the patience long */
	pid_t pid;
	int pidfd; /* to wait for its end; -1 on kernels before 5.3 */
	int count;
	int channels[HELPER_CHANNELS_MAX];
};

int helper_process_start(enum privilege_part part, const char *root, int channels, struct helper_process *process);
/* Takes note of its end, without waiting. */
void helper_process_watch(struct helper_process *process);
/* Closes the channels, which ends it. Waits for that up to `patience_ms`: 0 or -ETIMEDOUT. */
int helper_process_stop(struct helper_process *process, int patience_ms);

#endif
