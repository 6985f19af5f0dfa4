#include "iotopx/taskstats.h"

#include "cpumask.h"
#include "taskstats_message.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netlink/msg.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* A message takes 1280 bytes of it: some 25,000 exits while nobody reads. */
#define RECEIVE_BYTES (32 << 20)
/* From so many records in so much time on, a wake-up for each would cost more than what it brings: they gather for as
 * long, which is below the tolerance of their times, and the socket holds a hundred times more. */
#define STORM_RECORDS 50
#define STORM_NS 10000000u
#define ALARMS_MAX 64u

struct exits {
	int fd; /* owned, as `rest`; -1 none */
	int family;
	char *cpumask;
	uint64_t empty_ns; /* the queue was empty then, or later */
	uint32_t drops;    /* the socket's count at the last exits_lost */
	bool drops_known;  /* kernels before 4.12 don't tell */
	bool overflowed;   /* an ENOBUFS since the last exits_lost */
	unsigned alarms;   /* times in a row that it was said to be in error, and had nothing to say */
	int rest;          /* a timer, polled in the socket's place while records storm; -1 none */
	bool resting;
	long recent; /* records since recent_ns */
	uint64_t recent_ns;
	struct receiver receiver;
};

static int exits_command(struct exits *exits, enum message_request request)
{
	struct nl_msg *msg;
	int error = message_build(exits->family, request, exits->cpumask, strlen(exits->cpumask) + 1, &msg);

	if (error)
		return error;
	const struct nlmsghdr *header = nlmsg_hdr(msg);
	error = message_send(exits->fd, header, header->nlmsg_len);
	nlmsg_free(msg);
	return error;
}

/* Without NLM_F_ACK the kernel answers a refusal only, and a refused socket gets no records: so a refusal is the
 * first message, and looking at it takes no record away. */
static int exits_register(struct exits *exits)
{
	_Alignas(8) unsigned char bytes[MESSAGE_SIZE];
	struct message message;
	int error = exits_command(exits, MESSAGE_REGISTER);

	if (error)
		return error;
	ssize_t length = recv(exits->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
	if (length < 0)
		return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
	if (message_parse(bytes, (size_t)length, &message) != 0)
		return 0;
	return message.error;
}

/* Drops of the socket so far; false if the kernel doesn't tell. */
static bool exits_drops(const struct exits *exits, uint32_t *drops)
{
	uint32_t values[SK_MEMINFO_VARS];
	socklen_t size = sizeof(values);

	if (getsockopt(exits->fd, SOL_SOCKET, SO_MEMINFO, values, &size) != 0 ||
	    size < (SK_MEMINFO_DROPS + 1) * sizeof(values[0]))
		return false;
	*drops = values[SK_MEMINFO_DROPS];
	return true;
}

static void exits_free(struct exits *exits)
{
	close(exits->fd);
	if (exits->rest >= 0)
		close(exits->rest);
	free(exits->cpumask);
	free(exits);
}

int exits_open(struct taskstats *taskstats, const char *cpumask_path, int fd, struct exits **exits)
{
	struct exits *opened;

	if (fd < 0)
		return fd;
	opened = calloc(1, sizeof(*opened));
	if (!opened) {
		close(fd);
		return -ENOMEM;
	}
	opened->fd = fd;
	opened->family = taskstats_family(taskstats);
	opened->rest = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	receiver_init(&opened->receiver);
	message_make_room(fd, RECEIVE_BYTES);
	opened->drops_known = exits_drops(opened, &opened->drops);
	opened->empty_ns = clock_read_ns(CLOCK_MONOTONIC);
	int error = cpumask_read(cpumask_path, &opened->cpumask);
	if (!error)
		error = exits_register(opened);
	if (error) {
		exits_free(opened);
		return error;
	}
	*exits = opened;
	return 0;
}

void exits_close(struct exits *exits)
{
	if (!exits)
		return;
	/* The kernel would notice by itself at the next exit on each CPU; until then every exit would pay. */
	(void)exits_command(exits, MESSAGE_DEREGISTER);
	exits_free(exits);
}

int exits_fd(const struct exits *exits)
{
	return exits->resting ? exits->rest : exits->fd;
}

static long exits_deliver(struct exits *exits, int count, uint64_t time_ns, exits_record *each, void *data)
{
	struct taskstats_fields fields;
	long records = 0;

	for (int i = 0; i < count; i++) {
		if (exits_parse(exits->receiver.bytes[i], exits->receiver.headers[i].msg_len, &fields) != 0)
			continue;
		each(data, &fields, time_ns, time_ns - exits->empty_ns);
		records++;
	}
	return records;
}

static void rest_in_storm(struct exits *exits, long records, uint64_t now_ns)
{
	const struct itimerspec rest = { .it_value = { .tv_nsec = STORM_NS } };

	exits->recent += records;
	if (now_ns - exits->recent_ns >= STORM_NS) {
		exits->resting =
		    exits->rest >= 0 && exits->recent >= STORM_RECORDS && now_ns - exits->recent_ns < 10u * STORM_NS;
		exits->recent = 0;
		exits->recent_ns = now_ns;
	}
	if (exits->resting && timerfd_settime(exits->rest, 0, &rest, NULL) != 0)
		exits->resting = false;
}

/* A descriptor that wakes whoever polls it, for ever, and never has anything to read. 0 or -EIO. */
static int look_for_alarm(struct exits *exits)
{
	struct pollfd event = { .fd = exits->fd };

	if (poll(&event, 1, 0) <= 0 || !event.revents)
		exits->alarms = 0;
	else if (++exits->alarms > ALARMS_MAX)
		return -EIO;
	return 0;
}

long exits_drain(struct exits *exits, exits_record *each, void *data)
{
	long records = 0;

	for (;;) {
		const uint64_t begin_ns = clock_read_ns(CLOCK_MONOTONIC);
		int count = receiver_take(&exits->receiver, exits->fd, MESSAGE_BATCH);

		if (count == -ENOBUFS) {
			exits->overflowed = true;
			continue;
		}
		if (count < 0 && count != -EAGAIN)
			return count;
		if (count < 0 && records == 0 && look_for_alarm(exits) != 0)
			return -EIO;
		if (count > 0)
			records += exits_deliver(exits, count, clock_read_ns(CLOCK_MONOTONIC), each, data);
		if (count < (int)MESSAGE_BATCH) {
			/* It was found empty, after begin_ns. */
			exits->empty_ns = begin_ns;
			rest_in_storm(exits, records, begin_ns);
			return records;
		}
	}
}

uint64_t exits_lost(struct exits *exits)
{
	uint32_t drops;
	uint64_t lost;

	if (exits->drops_known && exits_drops(exits, &drops)) {
		/* Exact, and every ENOBUFS has its drops: the counter wraps, the difference does not. */
		lost = (uint32_t)(drops - exits->drops);
		exits->drops = drops;
	} else {
		lost = exits->overflowed;
	}
	exits->overflowed = false;
	return lost;
}
