#include "taskstats_message.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <string.h>

#define REFUSALS_MAX 64u /* an overflow is said once; a socket that says nothing else is broken */

/* libnl's own error numbers, as far as they say something that the caller can act on. */
static int message_errno(int error)
{
	switch (-error) {
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_AF_NOSUPPORT:
	case NLE_PROTO_MISMATCH:
		return -EAFNOSUPPORT;
	default:
		return -EIO;
	}
}

int message_family(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	int family;

	if (!sock)
		return -ENOMEM;
	family = genl_connect(sock);
	if (family >= 0)
		family = genl_ctrl_resolve(sock, TASKSTATS_GENL_NAME);
	nl_socket_free(sock);
	return family < 0 ? message_errno(family) : family;
}

void message_make_room(int fd, int receive_bytes)
{
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_bytes, sizeof(receive_bytes)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
}

static const int request_attributes[] = {
	[MESSAGE_GET] = TASKSTATS_CMD_ATTR_PID,
	[MESSAGE_REGISTER] = TASKSTATS_CMD_ATTR_REGISTER_CPUMASK,
	[MESSAGE_DEREGISTER] = TASKSTATS_CMD_ATTR_DEREGISTER_CPUMASK,
};

int message_build(int family, enum message_request request, const void *data, size_t size, struct nl_msg **msg)
{
	struct nl_msg *built = nlmsg_alloc_size((size_t)(NLMSG_HDRLEN + (int)GENL_HDRLEN + nla_total_size((int)size)));

	if (!built)
		return -ENOMEM;
	if (!genlmsg_put(built, NL_AUTO_PORT, 0, family, 0, NLM_F_REQUEST, TASKSTATS_CMD_GET, TASKSTATS_GENL_VERSION) ||
	    nla_put(built, request_attributes[request], (int)size, data) < 0) {
		nlmsg_free(built);
		return -EMSGSIZE;
	}
	*msg = built;
	return 0;
}

int message_send(int fd, const void *bytes, size_t size)
{
	ssize_t sent;

	do
		sent = send(fd, bytes, size, 0);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == ENOBUFS || errno == EAGAIN ? -ENOMEM : -errno;
	return (size_t)sent == size ? 0 : -EMSGSIZE;
}

/* nla_find, kept from stepping over the end where a nested length is no multiple of 4. */
static const struct nlattr *message_find(const struct nlattr *head, int length, int type)
{
	return nla_find(head, length & ~(NLA_ALIGNTO - 1), type);
}

/* AGGR_PID { PID, STATS }; padding attributes may stand anywhere. */
static int message_parse_stats(struct nlmsghdr *header, struct message *message)
{
	if (!genlmsg_valid_hdr(header, 0))
		return -EBADMSG;
	const struct genlmsghdr *genl = genlmsg_hdr(header);
	if (genl->cmd != TASKSTATS_CMD_NEW)
		return -ENOMSG;
	const struct nlattr *task =
	    message_find(genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), TASKSTATS_TYPE_AGGR_PID);
	if (!task)
		return -ENOMSG;
	const struct nlattr *stats = message_find(nla_data(task), nla_len(task), TASKSTATS_TYPE_STATS);
	if (!stats)
		return -EBADMSG;
	message->payload = nla_data(stats);
	message->payload_size = (size_t)nla_len(stats);
	return 0;
}

int message_parse(const void *bytes, size_t length, struct message *message)
{
	struct nlmsghdr *header = (struct nlmsghdr *)bytes; /* libnl's readers take no const */
	struct message parsed = { .error = 0 };

	if (length > INT32_MAX || !nlmsg_ok(header, (int)length))
		return -EBADMSG;
	parsed.sequence = header->nlmsg_seq;
	if (header->nlmsg_type == NLMSG_ERROR) {
		if (!nlmsg_valid_hdr(header, (int)sizeof(struct nlmsgerr)))
			return -EBADMSG;
		const struct nlmsgerr *answer = nlmsg_data(header);
		parsed.error = answer->error;
	} else if (header->nlmsg_type < NLMSG_MIN_TYPE) {
		return -ENOMSG;
	} else {
		int error = message_parse_stats(header, &parsed);
		if (error)
			return error;
	}
	*message = parsed;
	return 0;
}

int exits_parse(const void *bytes, size_t length, struct taskstats_fields *fields)
{
	struct message message;
	int error = message_parse(bytes, length, &message);

	if (error)
		return error;
	if (!message.payload)
		return -ENOMSG;
	return layout_decode(message.payload, message.payload_size, fields);
}

void receiver_init(struct receiver *receiver)
{
	memset(receiver->headers, 0, sizeof(receiver->headers));
	receiver->refusals = 0;
	for (size_t i = 0; i < MESSAGE_BATCH; i++) {
		receiver->vectors[i] = (struct iovec){ receiver->bytes[i], MESSAGE_SIZE };
		receiver->headers[i].msg_hdr.msg_iov = &receiver->vectors[i];
		receiver->headers[i].msg_hdr.msg_iovlen = 1;
	}
}

int receiver_take(struct receiver *receiver, int fd, unsigned max)
{
	int count;

	do
		count = recvmmsg(fd, receiver->headers, max, MSG_DONTWAIT, NULL);
	while (count < 0 && errno == EINTR);
	if (count >= 0 || errno != ENOBUFS)
		receiver->refusals = 0;
	else if (++receiver->refusals > REFUSALS_MAX)
		return -EIO;
	if (count > 0 && receiver->headers[0].msg_len == 0)
		return -EPROTO;
	return count < 0 ? -errno : count;
}
