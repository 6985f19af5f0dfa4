/* The sockets through which the kernel tells of tasks, as descriptors. They are opened here; or where the right to was
 * kept, and handed over from there (struct netlink_service): then any time later, too.
 *
 * The kernel looks at the rights of who opened a socket at every request (file_ns_capable, net/netlink), beside those
 * of who sends it: who opens needs CAP_NET_ADMIN, too.
 */
#ifndef IOTOPX_NETLINK_SOCKET_H
#define IOTOPX_NETLINK_SOCKET_H

enum netlink_kind {
	NETLINK_KIND_TASKSTATS, /* generic netlink, connected to the kernel: it hears nobody else */
	NETLINK_KIND_BIRTHS,    /* process events, in their group */
	NETLINK_KINDS,
};

/* A bound descriptor, closed on exec, the caller's; or -errno. */
int netlink_socket_open(enum netlink_kind kind);

/* Who is asked for one. `open` as above; it answers soon. */
struct netlink_service {
	void *data;
	int (*open)(void *data, enum netlink_kind kind);
};

#endif
