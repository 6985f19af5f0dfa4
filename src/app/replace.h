/* A file that is always whole: what is written goes to a temporary file beside it, which then takes its place. */
#ifndef IOTOPX_APP_REPLACE_H
#define IOTOPX_APP_REPLACE_H

#include <stdbool.h>
#include <stddef.h>

/* False for what can't be replaced but only written to: pipes, terminals, devices. */
bool replace_is_possible(const char *path);
/* Whether it could be done now, without capabilities; leaves nothing behind. 0 or -errno. */
int replace_check(const char *path);
/* 0 or -errno, the file as it was. */
int replace_file(const char *path, const char *bytes, size_t length);

#endif
