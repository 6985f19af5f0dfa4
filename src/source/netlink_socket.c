#include "iotopx/netlink_socket.h"

#include <errno.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	int protocol;
	unsigned groups;
	bool connects;
} kinds[NETLINK_KINDS] = {
	[NETLINK_KIND_TASKSTATS] = { NETLINK_GENERIC, 0, true },
	[NETLINK_KIND_BIRTHS] = { NETLINK_CONNECTOR, 1u << (CN_IDX_PROC - 1), false },
};

int netlink_socket_open(enum netlink_kind kind)
{
	const struct sockaddr_nl own = { .nl_family = AF_NETLINK, .nl_groups = kinds[kind].groups };
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, kinds[kind].protocol);
	int error;

	if (fd < 0) /* EPROTONOSUPPORT means something else where taskstats is opened */
		return errno == EPROTONOSUPPORT ? -EAFNOSUPPORT : -errno;
	if (bind(fd, (const struct sockaddr *)&own, sizeof(own)) == 0 &&
	    (!kinds[kind].connects || connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) == 0))
		return fd;
	error = -errno;
	close(fd);
	return error;
}
