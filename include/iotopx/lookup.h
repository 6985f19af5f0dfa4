/* Facts about a task that no counter carries and that may be slow to get: user names, command lines, I/O priority.
 * An interface, so that the model never touches the system: live fills it from the machine, a replay from its file.
 * No function blocks. */
#ifndef IOTOPX_LOOKUP_H
#define IOTOPX_LOOKUP_H

#include "iotopx/task.h"

struct prio {
	int8_t io_class; /* 0 none (derived from nice), 1 rt, 2 be, 3 idle; TASK_PRIO_UNKNOWN */
	int8_t level;    /* 0..7; of class none: the level derived from nice */
	bool mixed;      /* threads of the row differ */
};

struct device_info;
struct open_files;

struct lookup {
	void *data;
	/* The name, or the uid as decimal text while unknown. Never NULL; valid until the lookup is closed. */
	const char *(*user)(void *data, uint32_t uid);
	/* The command line or NULL: gone, or not there yet. Raw bytes. Valid as long as `info`. */
	const char *(*cmdline)(void *data, struct task_info *info);
	/* The I/O priority of one thread. */
	struct prio (*prio)(void *data, const struct task_info *info);
	/* That of a process: its leader's, and whether threads differ from it. NULL: there is only `prio`. */
	struct prio (*process_prio)(void *data, const struct task_info *info);
	/* What a task has open (open_files.h): as last read, NULL if not yet. Each call asks for news, which come
	 * within a second or so; valid until the next call. NULL: nobody knows. */
	const struct open_files *(*files)(void *data, const struct task_info *info);
	/* Model, mount points, names of a block device (device_stat.h). The function and its result may be NULL. Valid
	 * until the next interval. */
	const struct device_info *(*device)(void *data, unsigned major, unsigned minor);
};

/* A lookup that knows nothing: uids as numbers, no command lines, unknown priorities. */
extern const struct lookup lookup_nothing;

#endif
