/* The kernel.task_delayacct sysctl. */
#ifndef IOTOPX_DELAYACCT_H
#define IOTOPX_DELAYACCT_H

#include <stdbool.h>

/* 1 on, 0 off; kernels before 5.14 have no sysctl: on unless booted with nodelayacct. -errno if it can't be read. */
int delayacct_read(const char *root);
/* 0 or -errno (-EPERM, -ENOENT: no sysctl here). */
int delayacct_write(const char *root, bool on);

#endif
