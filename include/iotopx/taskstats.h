/* The netlink side of taskstats: queries in packed batches, and exit records. The only module with netlink headers. */
#ifndef IOTOPX_TASKSTATS_H
#define IOTOPX_TASKSTATS_H

#include "iotopx/layout.h"
#include "iotopx/netlink_socket.h"

#include <sys/types.h>

struct taskstats;

/* Opens the query socket, resolves the family and checks the layout against the caller's own task.
 * -EPERM no capability, -ENOENT no such family here, -EPROTONOSUPPORT too old, -EPROTO the self-check failed;
 * one line in `error` says what to do. */
int taskstats_open(struct taskstats **taskstats, char *error, size_t error_size);
void taskstats_close(struct taskstats *taskstats);
/* In the place of a socket that failed: `fd` is of NETLINK_KIND_TASKSTATS and taken over, whatever happens. 0 if it
 * answers, else -errno (that of opening one, if `fd` is that). taskstats_drop closes the old one first, so that its
 * number is free; until then every query fails. */
void taskstats_drop(struct taskstats *taskstats);
int taskstats_reopen(struct taskstats *taskstats, int fd);
/* Why the socket can't be asked any more (-errno), or 0. */
int taskstats_failure(const struct taskstats *taskstats);

/* Version and payload size that the kernel sent for the self-check. */
unsigned taskstats_version(const struct taskstats *taskstats);
size_t taskstats_payload_size(const struct taskstats *taskstats);

/* Queries `count` TIDs in packed batches and calls `each` once for every one, in order of `tids`: fields NULL and
 * error -ESRCH for a vanished one. [begin_ns, end_ns] is CLOCK_MONOTONIC around the batch that the kernel answered in.
 * Lost replies are asked for again. No allocation. Returns 0; -ENOMEM where the kernel had none; another -errno when
 * the socket itself failed. */
typedef void taskstats_reply(void *data, size_t index, pid_t tid, const struct taskstats_fields *fields, int error,
			     uint64_t begin_ns, uint64_t end_ns);
int taskstats_query(struct taskstats *taskstats, const pid_t *tids, size_t count, taskstats_reply *each, void *data);

/* Exit records: a socket of their own, registered for all possible CPUs of `cpumask_path`'s file
 * (/sys/devices/system/cpu/possible), receive buffer >= 16 MiB if permitted. `fd` is of NETLINK_KIND_TASKSTATS and
 * taken over, whatever happens; or the -errno of opening one, which is returned. */
struct exits;
int exits_open(struct taskstats *taskstats, const char *cpumask_path, int fd, struct exits **exits);
void exits_close(struct exits *exits);
int exits_fd(const struct exits *exits); /* to poll, asked anew each time: in a storm of records it is a timer */

/* Takes every waiting record. `time_ns` is when it was received, `window_ns` how long before that it may have been
 * sent (since the queue was last known to be empty). Returns the number of records, -ENOMEM where the kernel had none,
 * or another -errno: the socket failed for good. */
typedef void exits_record(void *data, const struct taskstats_fields *fields, uint64_t time_ns, uint64_t window_ns);
long exits_drain(struct exits *exits, exits_record *each, void *data);
/* Records lost since the last call: exact (SO_MEMINFO drops), at least 1 after an ENOBUFS. */
uint64_t exits_lost(struct exits *exits);

#endif
