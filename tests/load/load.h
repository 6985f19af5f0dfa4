/* What the load generators share. All of them speak the same way with the test that drives them: "ready PID" on stdout
 * when everything is set up, then they wait for a line on stdin; they work, print "done KEY=VALUE ..." with the exact
 * amounts, and wait again (or for the end of stdin) before they end. So a test can read /proc/PID/io while nothing
 * moves.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

_Noreturn void die(const char *what); /* with errno's text, exit 1 */
uint64_t number(const char *text);    /* dies on anything but digits */
uint64_t now_ns(void);                /* CLOCK_MONOTONIC */
void sleep_until_ns(uint64_t when);
void sleep_ms(uint64_t ms);

/* A line that goes out at once. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Takes one line from stdin, one byte a read; false at the end. */
bool await(char *line, size_t size);
void ready(void); /* "ready PID", then waits for a line; exits if there is none */

/* Page-aligned memory filled with a pattern; lives until the end. */
void *pattern(size_t bytes);
/* Writes [offset, offset + bytes) in blocks of at most `block`. Returns the number of calls. */
uint64_t write_range(int fd, const void *data, size_t block, off_t offset, uint64_t bytes);

/* write_bytes of /proc/PID/io, what the kernel charged to the process (0: the caller's): to all its threads, and to
 * children that have been waited for. Filesystems add a page of their own now and then, so it can be a little more than
 * what was written. */
uint64_t charged_write_bytes(pid_t pid);

/* clone3 with a wish for the PID (0: none). Like fork(); -1 and errno. */
pid_t fork_as(pid_t pid);

#endif
