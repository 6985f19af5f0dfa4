/* The side of the helpers: what is asked for is checked here once more, as if the asker were an enemy. */
#include "helper_message.h"

#include "iotopx/actions.h"
#include "iotopx/clock.h"
#include "iotopx/delayacct.h"
#include "iotopx/netlink_socket.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PASSWD_BUFFER_MAX ((size_t)1 << 20)
#define PRIO_VALUE_MAX (3 * HELPER_PRIO_LEVELS) /* class idle has one level */

static int serve_user(struct helper_state *state, const struct helper_request *request, struct helper_answer *answer)
{
	struct passwd entry, *found = NULL;
	int error = ERANGE;

	(void)state;
	for (size_t size = 1024; size <= PASSWD_BUFFER_MAX && error == ERANGE; size *= 4) {
		char *buffer = malloc(size);

		if (!buffer)
			return -ENOMEM;
		error = getpwuid_r(request->value, &entry, buffer, size, &found);
		if (error == 0 && found && strlen(found->pw_name) >= sizeof(answer->name))
			error = ENAMETOOLONG;
		else if (error == 0 && found)
			snprintf(answer->name, sizeof(answer->name), "%s", found->pw_name);
		free(buffer);
	}
	return error == 0 && !answer->name[0] ? -ENOENT : -error;
}

static int serve_delayacct(struct helper_state *state, const struct helper_request *request,
			   struct helper_answer *answer)
{
	int found, error;

	(void)answer;
	if (request->value != HELPER_DELAYACCT_RUN)
		return delayacct_write(state->root, request->value == 1);
	found = delayacct_read(state->root);
	if (found != 0)
		return found < 0 ? found : 0;
	error = delayacct_write(state->root, true);
	if (!error)
		state->restores = true;
	return error;
}

static int serve_signal(struct helper_state *state, const struct helper_request *request, struct helper_answer *answer)
{
	const struct actions direct = actions_direct();
	const struct task_id process = { .tid = request->tid, .start_ns = request->start_ns };

	(void)state, (void)answer;
	return direct.send_signal(direct.data, &process, (int)request->value);
}

static int serve_prio(struct helper_state *state, const struct helper_request *request, struct helper_answer *answer)
{
	const struct actions direct = actions_direct();
	const struct task_id thread = { .tid = request->tid, .start_ns = request->start_ns };

	(void)state, (void)answer;
	return direct.set_prio(direct.data, &thread, (int)request->value / HELPER_PRIO_LEVELS,
			       (int)request->value % HELPER_PRIO_LEVELS);
}

static int serve_socket(struct helper_state *state, const struct helper_request *request, struct helper_answer *answer)
{
	(void)state;
	answer->descriptor = netlink_socket_open((enum netlink_kind)request->value);
	return answer->descriptor < 0 ? answer->descriptor : 0;
}

/* All that can be asked, and who does it. With --read-only there is no actor. */
static const struct {
	enum privilege_part part;
	bool task; /* it is about a task: tid and start_ns are given, and 0 otherwise */
	uint32_t value_min, value_max;
	int (*run)(struct helper_state *state, const struct helper_request *request, struct helper_answer *answer);
} helper_requests[HELPER_KINDS] = {
	[HELPER_USER] = { PRIVILEGE_NAMES, false, 0, UINT32_MAX - 1, serve_user },
	[HELPER_DELAYACCT] = { PRIVILEGE_ACTOR, false, 0, HELPER_DELAYACCT_RUN, serve_delayacct },
	[HELPER_SIGNAL] = { PRIVILEGE_ACTOR, true, 1, 31, serve_signal },
	[HELPER_PRIO] = { PRIVILEGE_ACTOR, true, HELPER_PRIO_LEVELS, PRIO_VALUE_MAX, serve_prio },
	[HELPER_SOCKET] = { PRIVILEGE_OPENER, false, 0, NETLINK_KINDS - 1, serve_socket },
};

static bool request_is_valid(const struct helper_state *state, const struct helper_request *request)
{
	if (request->kind >= HELPER_KINDS || helper_requests[request->kind].part != state->part)
		return false;
	if (request->value < helper_requests[request->kind].value_min ||
	    request->value > helper_requests[request->kind].value_max)
		return false;
	return helper_requests[request->kind].task ? request->tid > 0 : request->tid == 0 && request->start_ns == 0;
}

bool helper_answer(struct helper_state *state, const void *bytes, size_t length, struct helper_answer *answer)
{
	struct helper_request request;

	if (length != sizeof(request))
		return false;
	memcpy(&request, bytes, sizeof(request));
	memset(answer, 0, sizeof(*answer));
	answer->number = request.number;
	answer->kind = request.kind;
	answer->descriptor = -1;
	if (!request_is_valid(state, &request))
		answer->error = -EINVAL;
	else if (request.until_ns && clock_read_ns(CLOCK_MONOTONIC) > request.until_ns)
		answer->error = -ETIMEDOUT;
	else
		answer->error = helper_requests[request.kind].run(state, &request, answer);
	if (answer->error) {
		answer->name[0] = '\0';
		answer->descriptor = -1;
	}
	return true;
}

void helper_serve(struct helper_state *state, int channel)
{
	char bytes[sizeof(struct helper_request) + 1]; /* one more: what is longer must not look right */
	struct helper_answer answer;
	int error;

	for (;;) {
		ssize_t length = recv(channel, bytes, sizeof(bytes), 0);

		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return;
		if (!helper_answer(state, bytes, (size_t)length, &answer))
			continue;
		error = helper_answer_send(channel, &answer);
		if (answer.descriptor >= 0)
			close(answer.descriptor);
		if (error)
			return;
	}
}

void helper_restore(struct helper_state *state)
{
	if (state->restores)
		(void)delayacct_write(state->root, false);
	state->restores = false;
}
