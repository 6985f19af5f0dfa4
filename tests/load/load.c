#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Noreturn void die(const char *what)
{
	perror(what);
	_exit(1);
}

uint64_t number(const char *text)
{
	char *end;

	errno = 0;
	uint64_t value = strtoull(text, &end, 10);
	if (errno || end == text || *end) {
		fprintf(stderr, "not a number: %s\n", text);
		_exit(2);
	}
	return value;
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void sleep_until_ns(uint64_t when)
{
	struct timespec until = { .tv_sec = (time_t)(when / 1000000000u), .tv_nsec = (long)(when % 1000000000u) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

void sleep_ms(uint64_t ms)
{
	sleep_until_ns(now_ns() + ms * 1000000u);
}

void say(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	int length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(line) || write(STDOUT_FILENO, line, (size_t)length) != length)
		_exit(1);
}

bool await(char *line, size_t size)
{
	size_t length = 0;
	char byte;

	for (;;) {
		ssize_t got = read(STDIN_FILENO, &byte, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		if (byte == '\n')
			break;
		if (length + 1 < size)
			line[length++] = byte;
	}
	if (size)
		line[length] = '\0';
	return true;
}

void ready(void)
{
	say("ready %d\n", (int)getpid());
	if (!await(NULL, 0))
		_exit(0);
}

void *pattern(size_t bytes)
{
	void *data;

	errno = posix_memalign(&data, 4096, bytes);
	if (errno)
		die("posix_memalign");
	memset(data, 0x5a, bytes);
	return data;
}

uint64_t write_range(int fd, const void *data, size_t block, off_t offset, uint64_t bytes)
{
	uint64_t calls = 0;

	while (bytes) {
		size_t part = bytes < block ? (size_t)bytes : block;

		if (pwrite(fd, data, part, offset) != (ssize_t)part)
			die("pwrite");
		calls++;
		offset += (off_t)part;
		bytes -= part;
	}
	return calls;
}

uint64_t charged_write_bytes(pid_t pid)
{
	char text[512], path[32];

	snprintf(path, sizeof(path), "/proc/%d/io", (int)(pid ? pid : getpid()));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (length < 0)
		die(path);
	close(fd);
	text[length] = '\0';
	const char *line = strstr(text, "\nwrite_bytes: ");

	return line ? strtoull(line + strlen("\nwrite_bytes: "), NULL, 10) : 0;
}

pid_t fork_as(pid_t pid)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	if (pid) {
		args.set_tid = (uint64_t)(uintptr_t)&pid;
		args.set_tid_size = 1;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}
