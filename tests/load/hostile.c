/* A process under a name and a command line of any bytes, which reads now and then so that it is active.
 *
 * Told on stdin, bytes in hexadecimal: "comm BYTES" names it; "title BYTES" writes over its arguments as setproctitle
 * does in sshd (NULs behind the title), "fill BYTES" over all of them and the environment as postgres does, without a
 * NUL until the end. Each is answered with "ok". Ends at the end of stdin. */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

extern char **environ;

static struct area {
	char *begin;
	size_t size;
} arguments, everything;

/* The kernel puts arguments and environment into one piece of the stack. */
static void find_areas(char **argv)
{
	char *end = argv[0];

	arguments.begin = everything.begin = argv[0];
	for (char **word = argv; *word; word++)
		end = *word + strlen(*word) + 1;
	arguments.size = (size_t)(end - argv[0]);
	for (char **word = environ; *word; word++)
		end = *word + strlen(*word) + 1;
	everything.size = (size_t)(end - argv[0]);
}

static size_t take_bytes(const char *digits, char *bytes, size_t size)
{
	size_t length = 0;
	unsigned byte;

	for (; length < size && sscanf(digits, "%2x", &byte) == 1; digits += 2)
		bytes[length++] = (char)byte;
	return length;
}

static void obey(char *line)
{
	static char bytes[4096];
	char *digits = strchr(line, ' ');

	if (!digits)
		errx(1, "what is '%s'?", line);
	*digits++ = '\0';
	const size_t length = take_bytes(digits, bytes, sizeof(bytes) - 1);
	bytes[length] = '\0';
	if (strcmp(line, "comm") == 0) {
		prctl(PR_SET_NAME, bytes);
	} else if (strcmp(line, "title") == 0 && length < arguments.size) {
		memset(arguments.begin, 0, arguments.size);
		memcpy(arguments.begin, bytes, length);
	} else if (strcmp(line, "fill") == 0 && length > 0) {
		for (size_t i = 0; i + 1 < everything.size; i++)
			everything.begin[i] = bytes[i % length];
	} else {
		errx(1, "no room, or no such thing: '%s'", line);
	}
	puts("ok");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	static char line[16384];

	(void)argc;
	if (zero < 0)
		err(1, "/dev/zero");
	find_areas(argv);
	setvbuf(stdin, NULL, _IONBF, 0);
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
	for (;;) {
		char bytes[64];

		if (read(zero, bytes, sizeof(bytes)) < 0)
			err(1, "read");
		if (poll(&input, 1, 20) <= 0)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			return 0;
		line[strcspn(line, "\n")] = '\0';
		obey(line);
	}
}
