/* Processes that are born, from the kernel's process events connector: who knows them all need not list /proc.
 *
 * Only births are told. A process that is gone tells so itself: its CPU clock is no more. The kernel speaks to the
 * initial network, PID and user namespace alone; elsewhere it refuses, or listens and says nothing, so that a birth of
 * one's own must be seen before one trusts it. Its PIDs are those of the initial namespace.
 */
#ifndef IOTOPX_SOURCE_FORKS_H
#define IOTOPX_SOURCE_FORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct forks;

/* `fd` is of NETLINK_KIND_BIRTHS and taken over, whatever happens; or the -errno of opening one, which is returned. 0,
 * or -errno where births can't be had. */
int forks_open(int fd, struct forks **forks);
void forks_close(struct forks *forks); /* NULL is fine */

/* 0 or -errno, which ends the taking. `time_ns`: CLOCK_MONOTONIC, when the process was there. */
typedef int forks_birth(void *data, pid_t pid, uint64_t time_ns);
/* Tells the births since the last call, in their order. 0, -ENOBUFS when there were more than the socket holds (the
 * rest has been told; what was lost, only a listing tells), or -errno. */
int forks_take(struct forks *forks, forks_birth *each, void *data);

/* One datagram: true if it tells the birth of a process. Outputs untouched if not. */
bool forks_parse(const void *bytes, size_t length, pid_t *pid, uint64_t *time_ns);

#endif
