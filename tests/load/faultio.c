/* Preloaded into a program: FAULT="CALL ERROR EVERY" makes every EVERY-th CALL fail with the errno ERROR, before the
 * kernel sees it; ERROR 0 makes a read give half of what it was asked for. CALL: open, read, pread, recv, recvmmsg,
 * send, poll. Which one is to fail is counted over all threads.
 *
 * A call has more names than one: that of files at a directory, and those that _FORTIFY_SOURCE puts in its place. The
 * test asks that all of those a program uses are here. */
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char wanted[16];
static int error;
static unsigned every, calls;

__attribute__((constructor)) static void read_order(void)
{
	const char *order = getenv("FAULT");

	if (!order || sscanf(order, "%15s %d %u", wanted, &error, &every) != 3 || every == 0)
		abort();
}

int __open_2(const char *path, int flags);
int __openat_2(int fd, const char *path, int flags);
ssize_t __read_chk(int fd, void *to, size_t size, size_t room);
ssize_t __pread_chk(int fd, void *to, size_t size, off_t offset, size_t room);
ssize_t __recv_chk(int fd, void *to, size_t size, size_t room, int flags);
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room);

static bool fails(const char *call)
{
	if (strcmp(call, wanted) != 0 || __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) % every != 0)
		return false;
	errno = error;
	return true;
}

#define NEXT(name) (__extension__(__typeof__(&(name))) dlsym(RTLD_NEXT, #name))

int open(const char *path, int flags, ...)
{
	va_list rest;
	mode_t mode;

	va_start(rest, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
	va_end(rest);
	return fails("open") ? -1 : NEXT(open)(path, flags, mode);
}

int __open_2(const char *path, int flags)
{
	return fails("open") ? -1 : NEXT(__open_2)(path, flags);
}

int openat(int fd, const char *path, int flags, ...)
{
	va_list rest;
	mode_t mode;

	va_start(rest, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
	va_end(rest);
	return fails("open") ? -1 : NEXT(openat)(fd, path, flags, mode);
}

int __openat_2(int fd, const char *path, int flags)
{
	return fails("open") ? -1 : NEXT(__openat_2)(fd, path, flags);
}

ssize_t read(int fd, void *to, size_t size)
{
	if (!fails("read"))
		return NEXT(read)(fd, to, size);
	return error ? -1 : NEXT(read)(fd, to, size > 1 ? size / 2 : size);
}

ssize_t __read_chk(int fd, void *to, size_t size, size_t room)
{
	if (!fails("read"))
		return NEXT(__read_chk)(fd, to, size, room);
	return error ? -1 : NEXT(__read_chk)(fd, to, size > 1 ? size / 2 : size, room);
}

ssize_t pread(int fd, void *to, size_t size, off_t offset)
{
	if (!fails("pread"))
		return NEXT(pread)(fd, to, size, offset);
	return error ? -1 : NEXT(pread)(fd, to, size > 1 ? size / 2 : size, offset);
}

ssize_t __pread_chk(int fd, void *to, size_t size, off_t offset, size_t room)
{
	if (!fails("pread"))
		return NEXT(__pread_chk)(fd, to, size, offset, room);
	return error ? -1 : NEXT(__pread_chk)(fd, to, size > 1 ? size / 2 : size, offset, room);
}

ssize_t recv(int fd, void *to, size_t size, int flags)
{
	return fails("recv") ? -1 : NEXT(recv)(fd, to, size, flags);
}

ssize_t __recv_chk(int fd, void *to, size_t size, size_t room, int flags)
{
	return fails("recv") ? -1 : NEXT(__recv_chk)(fd, to, size, room, flags);
}

int recvmmsg(int fd, struct mmsghdr *headers, unsigned count, int flags, struct timespec *timeout)
{
	return fails("recvmmsg") ? -1 : NEXT(recvmmsg)(fd, headers, count, flags, timeout);
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
	return fails("send") ? -1 : NEXT(send)(fd, bytes, size, flags);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	return fails("poll") ? -1 : NEXT(poll)(fds, count, timeout);
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
	return fails("poll") ? -1 : NEXT(__poll_chk)(fds, count, timeout, room);
}
