/* The monitor's side of the helpers. */
#include "helper.h"
#include "helper_message.h"
#include "helper_process.h"

#include "iotopx/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMER_PATIENCE_MS 50
#define OPENER_PATIENCE_MS 250 /* no more: exit records wait meanwhile */
#define LATE_PATIENCE_MS 20    /* for an answer that was waited for in vain before */
#define NS_PER_MS 1000000u

struct helper {
	struct helper_process actor, namer, opener;
	uint32_t number;     /* of the last request to the actor or the opener */
	bool runs_delayacct; /* the actor has something to put back */
	const char *notice;
};

/* Shared by threads that may hang in a question for ever, so it outlives the helper: its channels are its own. */
struct namer_client {
	pthread_mutex_t lock;
	int channels[HELPER_CHANNELS_MAX];
	bool busy[HELPER_CHANNELS_MAX];
	uint32_t number;
};

/* Asking */

static bool answer_is_valid(const struct helper_request *request, const struct helper_answer *answer, ssize_t length)
{
	bool brings = request->kind == HELPER_SOCKET && answer->error == 0;

	return length == (ssize_t)sizeof(*answer) && answer->number == request->number &&
	       answer->kind == request->kind && answer->error <= 0 && answer->error >= -HELPER_ERROR_MAX &&
	       brings == (answer->descriptor >= 0) && memchr(answer->name, '\0', sizeof(answer->name));
}

/* Milliseconds until `end_ns`; -1, which waits for ever, where that is 0. */
static int left_ms(uint64_t end_ns)
{
	uint64_t now = clock_read_ns(CLOCK_MONOTONIC);

	if (!end_ns)
		return -1;
	return now < end_ns ? (int)((end_ns - now) / NS_PER_MS) + 1 : 0;
}

/* An answer that came too late for its question is passed over. */
static int ask(int channel, const struct helper_request *request, struct helper_answer *answer, int patience_ms)
{
	uint64_t end_ns = patience_ms < 0 ? 0 : clock_read_ns(CLOCK_MONOTONIC) + (uint64_t)patience_ms * NS_PER_MS;
	struct pollfd event = { .fd = channel, .events = POLLIN };

	if (send(channel, request, sizeof(*request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == EAGAIN ? -EAGAIN : -ECHILD;
	for (;;) {
		int ready = poll(&event, 1, left_ms(end_ns));
		ssize_t length;

		if (ready == 0)
			return -ETIMEDOUT;
		if (ready < 0 && errno != EINTR)
			return -errno;
		length = helper_answer_take(channel, answer);
		if (length == 0 || (length < 0 && length != -EINTR && length != -EAGAIN))
			return -ECHILD;
		if (length > 0 && answer_is_valid(request, answer, length))
			return answer->error;
		if (length > 0 && answer->descriptor >= 0)
			close(answer->descriptor);
	}
}

/* True if it has answered what it had not: it does not hang, or not any more. */
static bool is_awake(struct helper_process *process)
{
	struct pollfd event = { .fd = process->channels[0], .events = POLLIN };

	process->unanswered = process->unanswered && poll(&event, 1, LATE_PATIENCE_MS) == 0;
	return !process->unanswered;
}

static int ask_process(struct helper *helper, struct helper_process *process, struct helper_request request,
		       struct helper_answer *answer, int patience_ms)
{
	if (!process->started)
		return -EPERM;
	if (process->ended)
		return -ECHILD;
	if (!is_awake(process))
		return -ETIMEDOUT;
	request.number = ++helper->number;
	request.until_ns = clock_read_ns(CLOCK_MONOTONIC) + (uint64_t)patience_ms * NS_PER_MS;
	int error = ask(process->channels[0], &request, answer, patience_ms);

	process->unanswered = error == -ETIMEDOUT;
	return error;
}

static int ask_actor(struct helper *helper, struct helper_request request)
{
	struct helper_answer answer = { 0 };

	return ask_process(helper, &helper->actor, request, &answer, HELPER_PATIENCE_MS);
}

int helper_set_delayacct(struct helper *helper, bool on)
{
	return ask_actor(helper, (struct helper_request){ .kind = HELPER_DELAYACCT, .value = on });
}

int helper_run_delayacct(struct helper *helper)
{
	int error =
	    ask_actor(helper, (struct helper_request){ .kind = HELPER_DELAYACCT, .value = HELPER_DELAYACCT_RUN });

	helper->runs_delayacct = error == 0;
	return error;
}

static int helper_set_prio(void *data, const struct task_id *thread, int io_class, int level)
{
	if (io_class < 0 || level < 0 || level >= HELPER_PRIO_LEVELS)
		return -EINVAL;
	return ask_actor(data, (struct helper_request){ .kind = HELPER_PRIO,
							.tid = thread->tid,
							.start_ns = thread->start_ns,
							.value = (uint32_t)(io_class * HELPER_PRIO_LEVELS + level) });
}

static int helper_send_signal(void *data, const struct task_id *process, int signal)
{
	if (process->tid <= 0)
		return -ESRCH;
	return ask_actor(data, (struct helper_request){ .kind = HELPER_SIGNAL,
							.tid = process->tid,
							.start_ns = process->start_ns,
							.value = (uint32_t)signal });
}

struct actions helper_actions(struct helper *helper)
{
	return (struct actions){ .data = helper, .set_prio = helper_set_prio, .send_signal = helper_send_signal };
}

static int open_socket(void *data, enum netlink_kind kind)
{
	struct helper *helper = data;
	struct helper_answer answer = { 0 };
	int error =
	    ask_process(helper, &helper->opener, (struct helper_request){ .kind = HELPER_SOCKET, .value = kind },
			&answer, OPENER_PATIENCE_MS);

	if (error == -ECHILD)
		return netlink_socket_open(kind);
	return error ? error : answer.descriptor;
}

struct netlink_service helper_sockets(struct helper *helper)
{
	return (struct netlink_service){ .data = helper, .open = open_socket };
}

/* Names, on the threads that ask for them */

static int take_channel(struct namer_client *client, uint32_t *number)
{
	int found = -1;

	pthread_mutex_lock(&client->lock);
	for (int i = 0; i < HELPER_CHANNELS_MAX && found < 0; i++)
		if (!client->busy[i] && client->channels[i] >= 0)
			found = i;
	if (found >= 0)
		client->busy[found] = true;
	*number = ++client->number;
	pthread_mutex_unlock(&client->lock);
	return found;
}

static int name_user(void *data, uint32_t uid, char *name, size_t size)
{
	struct namer_client *client = data;
	struct helper_request request = { .kind = HELPER_USER, .value = uid };
	struct helper_answer answer = { 0 };
	int taken = take_channel(client, &request.number), error;

	if (taken < 0)
		return -EAGAIN;
	error = ask(client->channels[taken], &request, &answer, -1);
	pthread_mutex_lock(&client->lock);
	client->busy[taken] = false;
	pthread_mutex_unlock(&client->lock);
	if (error)
		return error;
	if (strlen(answer.name) >= size)
		return -ENAMETOOLONG;
	memcpy(name, answer.name, strlen(answer.name) + 1);
	return 0;
}

static void free_client(void *data)
{
	struct namer_client *client = data;

	for (int i = 0; i < HELPER_CHANNELS_MAX; i++)
		if (client->channels[i] >= 0)
			close(client->channels[i]);
	pthread_mutex_destroy(&client->lock);
	free(client);
}

int helper_names(struct helper *helper, struct name_service *names)
{
	struct namer_client *client = calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;
	pthread_mutex_init(&client->lock, NULL);
	for (int i = 0; i < HELPER_CHANNELS_MAX; i++)
		client->channels[i] = fcntl(helper->namer.channels[i], F_DUPFD_CLOEXEC, 0);
	*names = (struct name_service){ .data = client, .name = name_user, .free = free_client };
	return 0;
}

/* Starting, watching, ending */

int helper_start(const struct helper_options *options, struct helper **helper)
{
	struct helper *started = calloc(1, sizeof(*started));
	int error;

	if (!started)
		return -ENOMEM;
	error = helper_process_start(PRIVILEGE_NAMES, options->root, HELPER_CHANNELS_MAX, &started->namer);
	if (!error && !options->read_only)
		error = helper_process_start(PRIVILEGE_ACTOR, options->root, 1, &started->actor);
	if (!error)
		error = helper_process_start(PRIVILEGE_OPENER, options->root, 1, &started->opener);
	if (error) {
		helper_stop(started);
		return error;
	}
	*helper = started;
	return 0;
}

bool helper_stop(struct helper *helper)
{
	bool restored;

	helper_watch(helper);
	restored = !(helper->runs_delayacct && helper->actor.ended);
	/* It may hang in a question: then it is killed when this process ends. */
	(void)helper_process_stop(&helper->namer, NAMER_PATIENCE_MS);
	(void)helper_process_stop(&helper->opener, OPENER_PATIENCE_MS);
	if (helper_process_stop(&helper->actor, HELPER_PATIENCE_MS) == -ETIMEDOUT)
		restored = !helper->runs_delayacct;
	free(helper);
	return restored;
}

void helper_watch(struct helper *helper)
{
	static const char *const notices[2][2] = {
		{ NULL, "the helper that looks up users has ended: new ones are numbers" },
		{ "the helper that acts has ended: no signals, priorities and delay accounting",
		  "the helpers have ended: no signals, priorities and delay accounting, no new users' names" },
	};

	helper_process_watch(&helper->actor);
	helper_process_watch(&helper->namer);
	helper_process_watch(&helper->opener);
	helper->notice = notices[helper->actor.ended][helper->namer.ended];
	if (helper->actor.ended && helper->runs_delayacct)
		helper->notice = "the helper that acts has ended: delay accounting stays on; no signals and priorities";
	else if (helper->opener.ended && !helper->notice)
		helper->notice = "the helper that opens sockets has ended: one that fails is not replaced";
}

const char *helper_notice(const struct helper *helper)
{
	return helper->notice;
}
