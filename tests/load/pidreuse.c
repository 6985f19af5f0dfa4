/* pidreuse FILE BYTES ROUNDS MS: a child writes BYTES and ends after MS milliseconds, and at once another one under the
 * same PID does the same, ROUNDS times in all; a last one of that PID writes and lives on. "ready PID" names the PID:
 * the first child is alive then. Exit status 3: another process was faster and took the PID. */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct play {
	int fd;
	uint64_t bytes, ms, offset;
	const void *data;
	pid_t pid;
};

static pid_t spawn(struct play *play, int wait_fd, bool stay)
{
	pid_t pid = fork_as(play->pid);
	char byte;

	if (pid < 0 && errno == EEXIST) {
		fprintf(stderr, "PID %d was taken\n", (int)play->pid);
		_exit(3);
	}
	if (pid < 0)
		die("clone3");
	if (pid) {
		play->offset += play->bytes;
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (wait_fd >= 0 && read(wait_fd, &byte, 1) != 1)
		_exit(1);
	write_range(play->fd, play->data, 65536, (off_t)play->offset, play->bytes);
	if (!stay) {
		sleep_ms(play->ms);
		_exit(0);
	}
	/* The exec of a shell would change the name: this one just stays. */
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: %s FILE BYTES ROUNDS MS\n", argv[0]);
		return 2;
	}
	struct play play = { .bytes = number(argv[2]), .ms = number(argv[4]), .data = pattern(65536) };
	uint64_t rounds = number(argv[3]);
	int go[2];

	play.fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (play.fd < 0 || pipe2(go, O_CLOEXEC))
		die(argv[1]);
	play.pid = spawn(&play, go[0], false);
	say("ready %d\n", (int)play.pid);
	if (!await(NULL, 0))
		return 0;
	if (write(go[1], "", 1) != 1)
		die("pipe");
	waitpid(play.pid, NULL, 0);
	for (uint64_t i = 1; i < rounds; i++)
		waitpid(spawn(&play, -1, false), NULL, 0);
	spawn(&play, -1, true);
	/* The one that stays has written when its part of the file is there. */
	while (lseek(play.fd, 0, SEEK_END) < (off_t)play.offset)
		sleep_ms(1);
	say("done bytes=%" PRIu64 " members=%" PRIu64 " charged=%" PRIu64 "\n", play.offset, rounds + 1,
	    charged_write_bytes(0) + charged_write_bytes(play.pid));
	await(NULL, 0);
	kill(play.pid, SIGKILL);
	waitpid(play.pid, NULL, 0);
	return 0;
}
