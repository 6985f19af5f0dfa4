/* Where batch output goes. */
#ifndef IOTOPX_APP_OUTPUT_H
#define IOTOPX_APP_OUTPUT_H

#include "iotopx/settings.h"

#include <stdbool.h>

/* A descriptor, or -1 where the file is replaced each time, which output_check looks at. What is in a file stays there.
 * 0, or -errno with the error told. */
int output_open(const struct settings *settings, bool stdout_closed, int *fd);
/* Whether the file can be replaced with the rights that are left. 0, or -errno with the error told. */
int output_check(const struct settings *settings);
/* Nothing more can go wrong before the first output: what was in the file of --output goes. 0 or -errno. */
int output_empty(const struct settings *settings, int fd);
/* Tells the error that ended the output. */
void output_complain(const struct settings *settings, int error);

#endif
