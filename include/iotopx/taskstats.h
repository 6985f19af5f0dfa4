/* The netlink side of taskstats: queries in packed batches, and exit records. The only module with netlink headers. */
#ifndef IOTOPX_TASKSTATS_H
#define IOTOPX_TASKSTATS_H

#include "iotopx/layout.h"

#include <sys/types.h>

struct taskstats;

/* Opens the query socket, resolves the family and checks the layout against the caller's own task.
 * -EPERM no capability, -ENOENT no such family here, -EPROTONOSUPPORT too old, -EPROTO the self-check failed;
 * one line in `error` says what to do. */
int taskstats_open(struct taskstats **taskstats, char *error, size_t error_size);
void taskstats_close(struct taskstats *taskstats);

/* Version and payload size that the kernel sent for the self-check. */
unsigned taskstats_version(const struct taskstats *taskstats);
size_t taskstats_payload_size(const struct taskstats *taskstats);

/* Queries `count` TIDs in packed batches and calls `each` once for every one, in order of `tids`: fields NULL and
 * error -ESRCH for a vanished one. [begin_ns, end_ns] is CLOCK_MONOTONIC around the batch that the kernel answered in. Lost replies
 * are asked for again. No allocation. Returns 0, or -errno when the socket itself failed. */
typedef void taskstats_reply(void *data, size_t index, pid_t tid, const struct taskstats_fields *fields, int error,
			     uint64_t begin_ns, uint64_t end_ns);
int taskstats_query(struct taskstats *taskstats, const pid_t *tids, size_t count, taskstats_reply *each, void *data);

/* Exit records: a socket of their own, registered for all possible CPUs of `cpumask_path`'s file
 * (/sys/devices/system/cpu/possible), receive buffer >= 16 MiB if permitted. *fd for poll. */
struct exits;
int exits_open(struct taskstats *taskstats, const char *cpumask_path, struct exits **exits);
void exits_close(struct exits *exits);
int exits_fd(const struct exits *exits);

/* Takes every waiting record. `time_ns` is when it was received, `window_ns` how long before that it may have been
 * sent (since the queue was last known to be empty). Returns the number of records, or -errno. */
typedef void exits_record(void *data, const struct taskstats_fields *fields, uint64_t time_ns, uint64_t window_ns);
long exits_drain(struct exits *exits, exits_record *each, void *data);
/* Records lost since the last call: exact (SO_MEMINFO drops), at least 1 after an ENOBUFS. */
uint64_t exits_lost(struct exits *exits);

#endif
