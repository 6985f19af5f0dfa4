/* floor ROUNDS: the least that asking the kernel about every task can cost: taskstats queries, 64 packed into one
 * sendmsg, answers by recvmmsg and thrown away, nothing else. The tasks are listed once, before the clock runs. Prints
 * "done tasks=N ns=CPU" for each round: user and system CPU time. */
#include "load.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64u
#define REPLY 1024u

struct request {
	struct nlmsghdr header;
	struct genlmsghdr generic;
	struct nlattr attribute;
	char payload[16]; /* a pid, or the family's name */
};

struct tasks {
	uint32_t *tids;
	size_t count, capacity;
};

static void add_task(struct tasks *tasks, uint32_t tid)
{
	if (tasks->count == tasks->capacity) {
		tasks->capacity = tasks->capacity ? tasks->capacity * 2 : 1024;
		tasks->tids = realloc(tasks->tids, tasks->capacity * sizeof(*tasks->tids));
		if (!tasks->tids)
			die("realloc");
	}
	tasks->tids[tasks->count++] = tid;
}

static void list_threads(struct tasks *tasks, const char *pid)
{
	char path[300];

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	DIR *dir = opendir(path);

	if (!dir)
		return; /* it ended */
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		if (entry->d_name[0] != '.')
			add_task(tasks, (uint32_t)number(entry->d_name));
	closedir(dir);
}

static void list_tasks(struct tasks *tasks)
{
	DIR *dir = opendir("/proc");

	if (!dir)
		die("/proc");
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			list_threads(tasks, entry->d_name);
	closedir(dir);
}

/* The kernel's macros are int and wake -Wsign-conversion. */
static size_t align(size_t length)
{
	return (length + NLA_ALIGNTO - 1) & ~(size_t)(NLA_ALIGNTO - 1);
}

static size_t fill(struct request *request, uint16_t family, uint8_t command, uint16_t type, const void *payload,
		   size_t length)
{
	*request = (struct request){
		.header = { .nlmsg_type = family, .nlmsg_flags = NLM_F_REQUEST },
		.generic = { .cmd = command, .version = 1 },
		.attribute = { .nla_type = type, .nla_len = (uint16_t)(sizeof(struct nlattr) + length) },
	};
	memcpy(request->payload, payload, length);
	request->header.nlmsg_len = (uint32_t)(offsetof(struct request, payload) + align(length));
	return request->header.nlmsg_len;
}

static uint16_t resolve_family(int fd)
{
	struct request request;
	char reply[4096];
	size_t length = fill(&request, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, TASKSTATS_GENL_NAME,
			     sizeof(TASKSTATS_GENL_NAME));
	ssize_t got;

	if (send(fd, &request, length, 0) < 0 || (got = recv(fd, reply, sizeof(reply), 0)) < 0)
		die("netlink");
	for (size_t at = sizeof(struct nlmsghdr) + sizeof(struct genlmsghdr);
	     at + sizeof(struct nlattr) <= (size_t)got;) {
		struct nlattr attribute;
		uint16_t id;

		memcpy(&attribute, reply + at, sizeof(attribute));
		if (attribute.nla_len < sizeof(attribute))
			break;
		memcpy(&id, reply + at + sizeof(attribute), sizeof(id));
		if (attribute.nla_type == CTRL_ATTR_FAMILY_ID)
			return id;
		at += align(attribute.nla_len);
	}
	errno = ENOENT;
	die("no taskstats here");
}

static void take_replies(int fd, size_t count)
{
	static char replies[BATCH][REPLY];
	static struct iovec parts[BATCH];
	static struct mmsghdr messages[BATCH];

	for (size_t i = 0; i < count; i++) {
		parts[i] = (struct iovec){ replies[i], REPLY };
		messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &parts[i], .msg_iovlen = 1 } };
	}
	for (size_t got = 0; got < count;) {
		int now = recvmmsg(fd, messages + got, (unsigned)(count - got), 0, NULL);

		if (now < 0)
			die("recvmmsg");
		got += (size_t)now;
	}
}

static void ask_all(int fd, uint16_t family, const struct tasks *tasks)
{
	char packed[BATCH * sizeof(struct request)];

	for (size_t at = 0; at < tasks->count; at += BATCH) {
		size_t count = tasks->count - at < BATCH ? tasks->count - at : BATCH, length = 0;

		for (size_t i = 0; i < count; i++) {
			struct request request;
			size_t size = fill(&request, family, TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_PID,
					   &tasks->tids[at + i], sizeof(uint32_t));

			memcpy(packed + length, &request, size);
			length += size;
		}
		if (send(fd, packed, length, 0) < 0)
			die("send");
		take_replies(fd, count);
	}
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
	int buffer = 1 << 20, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	struct tasks tasks = { 0 };

	if (argc != 2) {
		fprintf(stderr, "usage: %s ROUNDS\n", argv[0]);
		return 2;
	}
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)))
		die("netlink socket");
	uint16_t family = resolve_family(fd);

	list_tasks(&tasks);
	for (uint64_t rounds = number(argv[1]); rounds; rounds--) {
		uint64_t begin = cpu_ns();

		ask_all(fd, family, &tasks);
		say("done tasks=%zu ns=%" PRIu64 "\n", tasks.count, cpu_ns() - begin);
	}
	free(tasks.tids);
	close(fd);
	return 0;
}
