#include "forks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BATCH 64u
#define MESSAGE_SIZE 128u
/* An event takes some 800 bytes of it: beyond 600 births a listing of /proc costs less than their telling. */
#define RECEIVE_BYTES (512 << 10)
#define REFUSALS_MAX 64u /* in one taking: more is no overflow, but a broken socket */

/* A datagram: a netlink header, a connector's header, and one event. */
#define EVENT_AT (NLMSG_HDRLEN + sizeof(struct cn_msg))
#define FORK_AT (EVENT_AT + offsetof(struct proc_event, event_data))
#define FORK_END (FORK_AT + sizeof(((struct proc_event *)NULL)->event_data.fork))

struct forks {
	int fd; /* owned */
	struct mmsghdr headers[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_nl senders[BATCH];
	_Alignas(8) unsigned char bytes[BATCH][MESSAGE_SIZE];
};

/* What the kernel takes since 6.6 (struct proc_input): listen, and to which events. Its header is newer than many a
 * machine's. */
struct listen_input {
	uint32_t op, event_mask;
};

/* The kernel drops all others before they are queued: threads, exits, names. A filter reads big-endian words. */
static int filter_births(int fd)
{
	const size_t what = EVENT_AT + offsetof(struct proc_event, what);
	const size_t pid = EVENT_AT + offsetof(struct proc_event, event_data.fork.child_pid);
	const size_t tgid = EVENT_AT + offsetof(struct proc_event, event_data.fork.child_tgid);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)what),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(PROC_EVENT_FORK), 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)pid),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)tgid),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { .len = sizeof(code) / sizeof(*code), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 ? 0 : -errno;
}

static int command(int fd, const void *data, size_t size)
{
	const struct cn_msg cn = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = (uint16_t)size };
	const struct nlmsghdr header = { .nlmsg_type = NLMSG_DONE, .nlmsg_len = (uint32_t)(EVENT_AT + size) };
	const struct iovec parts[] = {
		{ (void *)&header, NLMSG_HDRLEN },
		{ (void *)&cn, sizeof(cn) },
		{ (void *)data, size },
	};

	return writev(fd, parts, 3) == (ssize_t)(EVENT_AT + size) ? 0 : -errno;
}

/* Kernels before 6.6 take the bare word only and pass over what comes after; later ones narrow it to the mask. */
static int listen_to_births(int fd)
{
	const uint32_t word = PROC_CN_MCAST_LISTEN;
	const struct listen_input narrow = { .op = PROC_CN_MCAST_LISTEN, .event_mask = PROC_EVENT_FORK };
	int error = command(fd, &word, sizeof(word));

	return error ? error : command(fd, &narrow, sizeof(narrow));
}

static int subscribe(int fd)
{
	const int receive_bytes = RECEIVE_BYTES;
	int error;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof(receive_bytes)) != 0)
		return -errno;
	error = filter_births(fd);
	return error ? error : listen_to_births(fd);
}

static void prepare_batch(struct forks *forks)
{
	for (size_t i = 0; i < BATCH; i++) {
		forks->vectors[i] = (struct iovec){ forks->bytes[i], MESSAGE_SIZE };
		forks->headers[i].msg_hdr = (struct msghdr){ .msg_iov = &forks->vectors[i], .msg_iovlen = 1 };
	}
}

int forks_open(int fd, struct forks **forks)
{
	struct forks *opened = NULL;
	int error = fd < 0 ? fd : subscribe(fd);

	if (!error && !(opened = calloc(1, sizeof(*opened))))
		error = -ENOMEM;
	if (error) {
		if (fd >= 0)
			close(fd);
		return error;
	}
	opened->fd = fd;
	prepare_batch(opened);
	*forks = opened;
	return 0;
}

void forks_close(struct forks *forks)
{
	const uint32_t word = PROC_CN_MCAST_IGNORE;

	if (!forks)
		return;
	/* Before 6.6 the kernel would count a listener for ever. */
	(void)command(forks->fd, &word, sizeof(word));
	close(forks->fd);
	free(forks);
}

bool forks_parse(const void *bytes, size_t length, pid_t *pid, uint64_t *time_ns)
{
	const unsigned char *at = bytes;
	struct nlmsghdr header;
	struct cn_msg cn;
	struct proc_event event = { .what = PROC_EVENT_NONE };

	if (length < FORK_END)
		return false;
	memcpy(&header, at, sizeof(header));
	memcpy(&cn, at + NLMSG_HDRLEN, sizeof(cn));
	memcpy(&event, at + EVENT_AT, FORK_END - EVENT_AT);
	if (header.nlmsg_type != NLMSG_DONE || cn.id.idx != CN_IDX_PROC || cn.id.val != CN_VAL_PROC ||
	    event.what != PROC_EVENT_FORK || event.event_data.fork.child_pid <= 0 ||
	    event.event_data.fork.child_pid != event.event_data.fork.child_tgid)
		return false;
	*pid = event.event_data.fork.child_pid;
	*time_ns = event.timestamp_ns;
	return true;
}

static int take_event(const struct forks *forks, size_t index, forks_birth *each, void *data)
{
	pid_t pid;
	uint64_t time_ns;

	if (forks->senders[index].nl_pid != 0 || /* not the kernel */
	    !forks_parse(forks->bytes[index], forks->headers[index].msg_len, &pid, &time_ns))
		return 0;
	return each(data, pid, time_ns);
}

int forks_take(struct forks *forks, forks_birth *each, void *data)
{
	unsigned refusals = 0;

	for (;;) {
		int count, error = 0;

		for (size_t i = 0; i < BATCH; i++) {
			forks->headers[i].msg_hdr.msg_name = &forks->senders[i];
			forks->headers[i].msg_hdr.msg_namelen = sizeof(forks->senders[i]);
		}
		count = recvmmsg(forks->fd, forks->headers, BATCH, MSG_DONTWAIT, NULL);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && errno == ENOBUFS && refusals++ < REFUSALS_MAX)
			continue;
		if (count < 0 && errno != EAGAIN)
			return -errno;
		if (count > 0 && forks->headers[0].msg_len == 0)
			return -EPROTO; /* an end, which sockets of netlink don't come to */
		for (int i = 0; i < count && !error; i++)
			error = take_event(forks, (size_t)i, each, data);
		if (error)
			return error;
		if (count < (int)BATCH)
			return refusals ? -ENOBUFS : 0;
	}
}
