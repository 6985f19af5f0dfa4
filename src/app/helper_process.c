#include "helper_process.h"
#include "helper_message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_CHANNEL 3
#define STACK_SIZE ((size_t)512 << 10) /* NSS modules need more than the least */

/* In the helper */

struct channel {
	struct helper_state *state;
	int fd;
};

/* The end of one channel is the monitor's end, so the helper's too, whatever hangs in the other one. */
static void *serve_channel(void *data)
{
	const struct channel *channel = data;

	helper_serve(channel->state, channel->fd);
	helper_restore(channel->state);
	_exit(0);
}

/* Nothing of the monitor's stays open: not an output that somebody waits for to be closed, not its terminal. Standard
 * error stays, for the sanitizers. */
static void keep_channels(const int *channels, int count)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	/* First above all of the targets, so that none is overwritten before it is moved. */
	int moved[HELPER_CHANNELS_MAX];
	for (int i = 0; i < count; i++)
		moved[i] = fcntl(channels[i], F_DUPFD_CLOEXEC, FIRST_CHANNEL + HELPER_CHANNELS_MAX);
	for (int i = 0; i < count; i++)
		dup3(moved[i], FIRST_CHANNEL + i, O_CLOEXEC);
	/* Not there before 5.9; what then stays open is of no use to the helper. */
	(void)syscall(SYS_close_range, (unsigned)(FIRST_CHANNEL + count), ~0u, 0);
}

/* Signals of a terminal or a service manager go to the whole group: the monitor takes them, and closes the channels
 * when it is through. The handlers of crashes are the monitor's. */
static void reset_signals(void)
{
	static const int ignored[] = { SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGPIPE, SIGTSTP,
				       SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2, SIGALRM };
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		(void)signal(number, SIG_DFL); /* two can't be, some are the C library's */
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void run_helper(enum privilege_part part, const char *root, const int *channels, int count,
				 pid_t monitor)
{
	static const char *const names[PRIVILEGE_PARTS] = {
		[PRIVILEGE_ACTOR] = "iotopx-actor",
		[PRIVILEGE_NAMES] = "iotopx-namer",
		[PRIVILEGE_OPENER] = "iotopx-opener",
	};
	struct helper_state state = { .part = part, .root = root };
	struct channel served[HELPER_CHANNELS_MAX] = { { &state, FIRST_CHANNEL } };
	pthread_attr_t attributes;
	pthread_t thread;
	char error[128];

	keep_channels(channels, count);
	reset_signals();
	prctl(PR_SET_NAME, names[part]);
	/* Its monitor has given up as much as it could; a helper with rights is no better for refusing to work. */
	(void)privilege_drop(part, error, sizeof(error));
	/* The actor has something to put back, and never hangs: it ends by itself. */
	if (part != PRIVILEGE_ACTOR)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != monitor)
		_exit(0);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	for (int i = 1; i < count; i++) {
		served[i] = (struct channel){ &state, FIRST_CHANNEL + i };
		(void)pthread_create(&thread, &attributes, serve_channel, &served[i]);
	}
	serve_channel(&served[0]);
	_exit(0);
}

/* In the monitor */

static void close_channels(int *channels, int count)
{
	for (int i = 0; i < count; i++)
		close(channels[i]);
}

int helper_process_start(enum privilege_part part, const char *root, int channels, struct helper_process *process)
{
	struct helper_process started = { .started = true };
	int theirs[HELPER_CHANNELS_MAX], error = 0;
	pid_t monitor = getpid();

	while (started.count < channels && !error) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
			error = -errno;
			break;
		}
		started.channels[started.count] = pair[0];
		theirs[started.count++] = pair[1];
	}
	if (!error) {
		started.pid = fork();
		error = started.pid < 0 ? -errno : 0;
	}
	if (started.pid == 0 && !error)
		run_helper(part, root, theirs, started.count, monitor);
	close_channels(theirs, started.count);
	if (error) {
		close_channels(started.channels, started.count);
		return error;
	}
	started.pidfd = (int)syscall(SYS_pidfd_open, started.pid, 0);
	if (started.pidfd >= 0)
		(void)fcntl(started.pidfd, F_SETFD, FD_CLOEXEC);
	*process = started;
	return 0;
}

void helper_process_watch(struct helper_process *process)
{
	pid_t ended;

	if (!process->started || process->ended)
		return;
	do
		ended = waitpid(process->pid, NULL, WNOHANG);
	while (ended < 0 && errno == EINTR);
	process->ended = ended != 0;
}

int helper_process_stop(struct helper_process *process, int patience_ms)
{
	struct pollfd event = { .fd = process->pidfd, .events = POLLIN };

	if (!process->started)
		return 0;
	for (int i = 0; i < process->count; i++)
		(void)shutdown(process->channels[i], SHUT_RDWR); /* for who hangs in one, and for copies */
	close_channels(process->channels, process->count);
	if (!process->ended) /* without a descriptor: simply that long, at most */
		(void)poll(&event, 1, patience_ms);
	helper_process_watch(process);
	if (process->pidfd >= 0)
		close(process->pidfd);
	process->started = false;
	return process->ended ? 0 : -ETIMEDOUT;
}
