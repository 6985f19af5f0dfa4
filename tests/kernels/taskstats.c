/* taskstats TID FILE: asks the kernel for the taskstats of a task, writes the payload as it came into FILE, and prints
 * "version V size S". What the kernel sent, told without iotopx. */
#include <linux/taskstats.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int take(struct nl_msg *message, void *data)
{
	const char *path = data;
	struct nlattr *outer = nlmsg_find_attr(nlmsg_hdr(message), GENL_HDRLEN, TASKSTATS_TYPE_AGGR_PID);
	struct nlattr *payload = outer ? nla_find(nla_data(outer), nla_len(outer), TASKSTATS_TYPE_STATS) : NULL;
	FILE *file = fopen(path, "wb");
	uint16_t version;

	if (!payload || nla_len(payload) < (int)sizeof(version) || !file ||
	    fwrite(nla_data(payload), (size_t)nla_len(payload), 1, file) != 1 || fclose(file)) {
		fprintf(stderr, "no taskstats, or %s can't be written\n", path);
		exit(1);
	}
	memcpy(&version, nla_data(payload), sizeof(version));
	printf("version %u size %d\n", version, nla_len(payload));
	return NL_OK;
}

int main(int argc, char **argv)
{
	struct nl_sock *socket = nl_socket_alloc();
	struct nl_msg *message = nlmsg_alloc();
	int family, error;

	if (argc != 3 || !socket || !message) {
		fprintf(stderr, "usage: %s TID FILE\n", argv[0]);
		return 2;
	}
	if (genl_connect(socket) || (family = genl_ctrl_resolve(socket, TASKSTATS_GENL_NAME)) < 0 ||
	    !genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_REQUEST, TASKSTATS_CMD_GET,
			 TASKSTATS_GENL_VERSION) ||
	    nla_put_u32(message, TASKSTATS_CMD_ATTR_PID, (uint32_t)strtoul(argv[1], NULL, 10)) ||
	    nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, take, argv[2])) {
		fprintf(stderr, "no taskstats here\n");
		return 1;
	}
	if (nl_send_auto(socket, message) < 0 || (error = nl_recvmsgs_default(socket))) {
		fprintf(stderr, "no answer\n");
		return 1;
	}
	nlmsg_free(message);
	nl_socket_free(socket);
	return 0;
}
