/* What iotopx gives up when it is set up: capabilities, new privileges, and system calls that it has no use for. What
 * it then can't do any more is done by small processes that were forked before (helper.h). */
#ifndef IOTOPX_APP_PRIVILEGE_H
#define IOTOPX_APP_PRIVILEGE_H

#include <stddef.h>
#include <stdint.h>

/* Who gives up. privilege_parts[] in privilege.c says what each keeps, calls.c what each may not call. */
enum privilege_part {
	PRIVILEGE_MONITOR, /* collects, shows, writes */
	PRIVILEGE_REPLAY,  /* reads a file that may be anybody's */
	PRIVILEGE_ACTOR,   /* signals, I/O priorities, delay accounting */
	PRIVILEGE_NAMES,   /* asks for users' names, which takes sockets */
	PRIVILEGE_OPENER,  /* opens netlink sockets */
	PRIVILEGE_PARTS,
};

/* The capabilities that a part keeps, as a bitmap. */
uint64_t privilege_kept(enum privilege_part part);

/* For good, and before any thread is made: capabilities but those of the part (out of those that are there), the right
 * to get new ones by an exec, and the system calls of calls.h. What can be given up is, whatever fails. 0, or -errno
 * with one line in `error`. */
int privilege_drop(enum privilege_part part, char *error, size_t error_size);

/* The calling thread's capabilities without effect, and in effect again. A user who got them with iotopx's file has no
 * use of them where files that the user names are opened. 0 or -errno. */
int privilege_set_aside(void);
int privilege_take_up(void);

#endif
