/* numbered PID PROGRAM ARGUMENT...: the program as a child with that PID; each of the two ends with the other. Takes
 * CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. Exit status 3: another process has the PID. */
#include "load.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: %s PID PROGRAM ARGUMENT...\n", argv[0]);
		return 2;
	}
	pid_t pid = fork_as((pid_t)number(argv[1]));
	if (pid < 0 && errno == EEXIST) {
		fprintf(stderr, "PID %s is taken\n", argv[1]);
		return 3;
	}
	if (pid < 0)
		die("clone3");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execv(argv[2], argv + 2);
		die(argv[2]);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
