/* What the query socket and the exit socket share: sockets, messages and the receiver. Private to taskstats*.c and
 * exits.c, the only files that know netlink. */
#ifndef IOTOPX_TASKSTATS_MESSAGE_H
#define IOTOPX_TASKSTATS_MESSAGE_H

#include "iotopx/taskstats.h"
#include "iotopx/clock.h"

#include <sys/socket.h>
#include <sys/uio.h>

struct nl_msg;

#define MESSAGE_BATCH 64u
/* A datagram holds one message, 600 to 1500 bytes long. Not a power of two: the buffers would share cache sets. */
#define MESSAGE_SIZE 2112u

/* The family's id, or -errno. */
int message_family(void);
/* So many bytes may wait to be received, or as many as are permitted. */
void message_make_room(int fd, int receive_bytes);
/* What can be asked, and what goes with it. (The kernel's names stay in taskstats_message.c: its header has a
 * struct taskstats of its own.) */
enum message_request {
	MESSAGE_GET,        /* a TID, 32 bits */
	MESSAGE_REGISTER,   /* a list of CPUs as text with its NUL */
	MESSAGE_DEREGISTER, /* the same */
};
/* Builds a request; *msg is the caller's. 0 or -errno. */
int message_build(int family, enum message_request request, const void *data, size_t size, struct nl_msg **msg);
/* Sends whole bytes; the kernel has answered when it returns. 0, -ENOMEM (it had no room for them), or another -errno:
 * the socket is of no use any more. */
int message_send(int fd, const void *bytes, size_t size);

/* The header of the message at `bytes` (aligned to 4). */
struct message {
	uint32_t sequence;
	int error;           /* what the kernel says instead of data, 0 none */
	const void *payload; /* the task's struct taskstats within the message, or NULL */
	size_t payload_size;
};

/* 0, or -EBADMSG if it is cut or broken, or -ENOMSG if it is neither taskstats nor an error. */
int message_parse(const void *bytes, size_t length, struct message *message);

/* An exit record: the dead thread's part of the message, whether or not its group's stands beside it. Pure.
 * 0, -EBADMSG, -ENOMSG (not an exit record) or -EPROTONOSUPPORT; *fields untouched on failure. */
int exits_parse(const void *bytes, size_t length, struct taskstats_fields *fields);

/* Buffers for many datagrams a call. */
struct receiver {
	struct mmsghdr headers[MESSAGE_BATCH];
	struct iovec vectors[MESSAGE_BATCH];
	unsigned refusals; /* ENOBUFS in a row */
	_Alignas(8) unsigned char bytes[MESSAGE_BATCH][MESSAGE_SIZE];
};

void receiver_init(struct receiver *receiver);
/* Takes up to `max` waiting datagrams, without waiting: how many, or -errno (-EAGAIN: none; -ENOBUFS: some were lost,
 * take on; -ENOMEM: later again). All others say that the socket is of no use any more: -EIO if ENOBUFS is all it ever
 * says, -EPROTO if it came to an end, which those of netlink never do. */
int receiver_take(struct receiver *receiver, int fd, unsigned max);

int taskstats_family(const struct taskstats *taskstats);

#endif
