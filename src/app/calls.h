/* The system calls that iotopx forbids itself (seccomp). */
#ifndef IOTOPX_APP_CALLS_H
#define IOTOPX_APP_CALLS_H

#include "privilege.h"

/* From now on the calls of calls_forbidden[] fail, in all threads; that can't be undone. 0 or -errno (-EINVAL: a
 * kernel without filters). */
int calls_forbid(enum privilege_part part);

#define CALLS_ARGUMENTS 3

/* For the tests: the name of a forbidden call, with first arguments that it is forbidden with, the others 0. NULL from
 * `index` on, and nothing is touched. */
const char *calls_name(enum privilege_part part, size_t index, unsigned long arguments[CALLS_ARGUMENTS]);

#endif
