/* A list of CPUs as the kernel prints and takes it ("0-511", "0,2-3"). Private to exits.c. */
#ifndef IOTOPX_SOURCE_CPUMASK_H
#define IOTOPX_SOURCE_CPUMASK_H

/* With its NUL, what an attribute of netlink carries, and more than any kernel takes: 100 + 6 × NR_CPUS bytes
 * (TASKSTATS_CPUMASK_MAXLEN), 49,252 where it is built for 8192. */
#define CPUMASK_MAX 65500u

/* The file's first line, whatever it says; *list is the caller's to free. 0, -errno, or -EINVAL where the line is
 * empty, has no end (sysfs cuts at a page: what is left would leave CPUs out) or doesn't fit into CPUMASK_MAX. */
int cpumask_read(const char *path, char **list);

#endif
