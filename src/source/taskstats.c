#include "iotopx/taskstats.h"

#include "taskstats_message.h"

#include <errno.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECEIVE_BYTES (1 << 20)
#define RESEND_MAX 4

/* An answer of the batch at hand. */
struct slot {
	bool answered;
	int error;
	uint64_t begin_ns, end_ns;
	struct taskstats_fields fields;
};

struct taskstats {
	int fd;      /* owned; -1 none */
	int failure; /* of that, 0 none */
	int family;
	unsigned version;
	size_t payload_size;
	uint32_t sequence; /* of the next request */
	/* A request is the one that libnl built, with another sequence number and TID. */
	size_t request_size;
	size_t tid_offset;
	unsigned char *requests; /* MESSAGE_BATCH of them */
	struct slot slots[MESSAGE_BATCH];
	struct receiver receiver;
};

/* Requests on their way: number `base + i` fills slot `first + i`. */
struct flight {
	uint32_t base;
	size_t first, count;
};

static int requests_prepare(struct taskstats *taskstats)
{
	const uint32_t tid = 0;
	struct nl_msg *msg;
	int error = message_build(taskstats->family, MESSAGE_GET, &tid, sizeof(tid), &msg);

	if (error)
		return error;
	const struct nlmsghdr *header = nlmsg_hdr(msg);
	const struct nlattr *attribute = genlmsg_attrdata(nlmsg_data(header), 0);
	taskstats->tid_offset = (size_t)((const char *)nla_data(attribute) - (const char *)header);
	taskstats->request_size = NLMSG_ALIGN(header->nlmsg_len);
	taskstats->requests = malloc(MESSAGE_BATCH * taskstats->request_size);
	if (!taskstats->requests)
		error = -ENOMEM;
	for (size_t i = 0; !error && i < MESSAGE_BATCH; i++)
		memcpy(taskstats->requests + i * taskstats->request_size, header, taskstats->request_size);
	nlmsg_free(msg);
	return error;
}

/* Fills in and sends the requests of a flight; the answers wait in the socket when it returns. */
static int flight_send(struct taskstats *taskstats, struct flight *flight, const pid_t *tids)
{
	flight->base = taskstats->sequence;
	taskstats->sequence += (uint32_t)flight->count;
	for (size_t i = 0; i < flight->count; i++) {
		unsigned char *request = taskstats->requests + i * taskstats->request_size;
		const uint32_t sequence = flight->base + (uint32_t)i;

		memcpy(request + offsetof(struct nlmsghdr, nlmsg_seq), &sequence, sizeof(sequence));
		memcpy(request + taskstats->tid_offset, &tids[flight->first + i], sizeof(*tids));
	}
	const uint64_t begin_ns = clock_read_ns(CLOCK_MONOTONIC);
	int error = message_send(taskstats->fd, taskstats->requests, flight->count * taskstats->request_size);
	const uint64_t end_ns = clock_read_ns(CLOCK_MONOTONIC);
	for (size_t i = 0; i < flight->count; i++) {
		struct slot *slot = &taskstats->slots[flight->first + i];

		slot->answered = false;
		slot->begin_ns = begin_ns;
		slot->end_ns = end_ns;
	}
	return error;
}

/* Books one datagram; true if it answers a request of the flight that was still open. */
static bool flight_answer(struct taskstats *taskstats, const struct flight *flight, const void *bytes, size_t length)
{
	struct message message;

	/* What can't be parsed has no number: its request is asked again. */
	if (message_parse(bytes, length, &message) != 0)
		return false;
	const uint32_t index = message.sequence - flight->base;
	if (index >= flight->count)
		return false;
	struct slot *slot = &taskstats->slots[flight->first + index];
	if (slot->answered)
		return false;
	slot->answered = true;
	slot->error = message.error;
	if (message.payload) {
		slot->error = layout_decode(message.payload, message.payload_size, &slot->fields);
		taskstats->payload_size = message.payload_size;
	} else if (!slot->error) {
		slot->error = -EBADMSG; /* an acknowledgement that nobody asked for */
	}
	return true;
}

/* Takes the answers of a flight. The kernel gives them while the requests are being sent, so an empty queue means
 * that what is still missing did not fit into it. 0 or -errno. */
static int flight_collect(struct taskstats *taskstats, const struct flight *flight)
{
	size_t open = flight->count;

	while (open > 0) {
		int count = receiver_take(&taskstats->receiver, taskstats->fd, (unsigned)open);

		if (count == -EAGAIN)
			return 0;
		if (count == -ENOBUFS)
			continue; /* said once; what came before the overflow is still in the queue */
		if (count < 0)
			return count;
		for (int i = 0; i < count; i++)
			open -= flight_answer(taskstats, flight, taskstats->receiver.bytes[i],
					      taskstats->receiver.headers[i].msg_len);
	}
	return 0;
}

/* Asks again, alone, for what got lost. */
static int slot_resend(struct taskstats *taskstats, const pid_t *tids, size_t index)
{
	struct flight flight = { .first = index, .count = 1 };

	for (int attempt = 0; attempt < RESEND_MAX && !taskstats->slots[index].answered; attempt++) {
		int error = flight_send(taskstats, &flight, tids);
		if (!error)
			error = flight_collect(taskstats, &flight);
		if (error)
			return error;
	}
	if (!taskstats->slots[index].answered)
		taskstats->slots[index].error = -ENOBUFS;
	return 0;
}

static int batch_query(struct taskstats *taskstats, const pid_t *tids, size_t count)
{
	struct flight flight = { .first = 0, .count = count };
	int error = flight_send(taskstats, &flight, tids);

	if (!error)
		error = flight_collect(taskstats, &flight);
	for (size_t i = 0; !error && i < count; i++)
		if (!taskstats->slots[i].answered)
			error = slot_resend(taskstats, tids, i);
	return error;
}

int taskstats_query(struct taskstats *taskstats, const pid_t *tids, size_t count, taskstats_reply *each, void *data)
{
	for (size_t done = 0; done < count;) {
		size_t batch = count - done < MESSAGE_BATCH ? count - done : MESSAGE_BATCH;
		int error = batch_query(taskstats, tids + done, batch);

		if (error && error != -ENOMEM)
			taskstats->failure = error;
		if (error)
			return error;
		for (size_t i = 0; i < batch; i++) {
			const struct slot *slot = &taskstats->slots[i];

			each(data, done + i, tids[done + i], slot->error ? NULL : &slot->fields, slot->error,
			     slot->begin_ns, slot->end_ns);
		}
		done += batch;
	}
	return 0;
}

struct self_check {
	int error;
	uint32_t pid;
	unsigned version;
};

static void self_check_reply(void *data, size_t index, pid_t tid, const struct taskstats_fields *fields, int error,
			     uint64_t begin_ns, uint64_t end_ns)
{
	struct self_check *check = data;

	(void)index, (void)tid, (void)begin_ns, (void)end_ns;
	check->error = error;
	if (fields) {
		check->pid = fields->pid;
		check->version = fields->version;
	}
}

/* A layout that is not what it seems would show as another number in the place of our own TID. */
static int self_check(struct taskstats *taskstats, char *error, size_t error_size)
{
	struct self_check check = { .error = -EPROTO };
	const pid_t self = gettid();
	int result = taskstats_query(taskstats, &self, 1, self_check_reply, &check);

	if (!result)
		result = check.error;
	taskstats->version = check.version;
	if (result == -EPERM || result == -EACCES) {
		snprintf(error, error_size, "taskstats: no permission (needs root or CAP_NET_ADMIN): run with sudo");
		return -EPERM;
	}
	if (result == -EPROTONOSUPPORT) {
		snprintf(error, error_size,
			 "taskstats: this kernel's format is too old (version 4 or later is needed)");
		return result;
	}
	if (result) {
		snprintf(error, error_size, "taskstats: the kernel does not answer: %s", strerror(-result));
		return result;
	}
	if (check.pid != (uint32_t)self) {
		snprintf(error, error_size,
			 "taskstats: self-check failed: asked for task %d, got %u (version %u, %zu bytes): "
			 "this kernel's format is not known",
			 (int)self, (unsigned)check.pid, check.version, taskstats->payload_size);
		return -EPROTO;
	}
	return 0;
}

static int taskstats_connect(struct taskstats *taskstats, char *error, size_t error_size)
{
	int result;

	taskstats->fd = netlink_socket_open(NETLINK_KIND_TASKSTATS);
	if (taskstats->fd < 0) {
		snprintf(error, error_size, "taskstats: no netlink socket: %s", strerror(-taskstats->fd));
		return taskstats->fd;
	}
	message_make_room(taskstats->fd, RECEIVE_BYTES);
	taskstats->family = message_family();
	if (taskstats->family == -ENOENT) {
		snprintf(error, error_size,
			 "taskstats: not available here (a kernel without CONFIG_TASKSTATS, or another network "
			 "namespace): run it on the host");
		return -ENOENT;
	}
	if (taskstats->family < 0) {
		snprintf(error, error_size, "taskstats: can't ask for the TASKSTATS family: %s",
			 strerror(-taskstats->family));
		return taskstats->family;
	}
	result = requests_prepare(taskstats);
	if (result)
		snprintf(error, error_size, "taskstats: %s", strerror(-result));
	return result;
}

int taskstats_open(struct taskstats **taskstats, char *error, size_t error_size)
{
	struct taskstats *opened = calloc(1, sizeof(*opened));

	if (!opened) {
		snprintf(error, error_size, "taskstats: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	receiver_init(&opened->receiver);
	opened->fd = -1;
	opened->sequence = 1;
	int result = taskstats_connect(opened, error, error_size);
	if (!result)
		result = self_check(opened, error, error_size);
	if (result) {
		taskstats_close(opened);
		return result;
	}
	*taskstats = opened;
	return 0;
}

void taskstats_close(struct taskstats *taskstats)
{
	if (!taskstats)
		return;
	taskstats_drop(taskstats);
	free(taskstats->requests);
	free(taskstats);
}

void taskstats_drop(struct taskstats *taskstats)
{
	if (taskstats->fd >= 0)
		close(taskstats->fd);
	taskstats->fd = -1;
	taskstats->receiver.refusals = 0;
}

int taskstats_reopen(struct taskstats *taskstats, int fd)
{
	struct self_check check = { .error = -EPROTO };
	const pid_t self = gettid();
	int error;

	taskstats_drop(taskstats);
	if (fd < 0)
		return fd;
	taskstats->fd = fd;
	message_make_room(fd, RECEIVE_BYTES);
	error = taskstats_query(taskstats, &self, 1, self_check_reply, &check);
	error = error ? error : check.error;
	taskstats->failure = error ? error : 0;
	return error;
}

int taskstats_failure(const struct taskstats *taskstats)
{
	return taskstats->failure;
}

unsigned taskstats_version(const struct taskstats *taskstats)
{
	return taskstats->version;
}

size_t taskstats_payload_size(const struct taskstats *taskstats)
{
	return taskstats->payload_size;
}

int taskstats_family(const struct taskstats *taskstats)
{
	return taskstats->family;
}
