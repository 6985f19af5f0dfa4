/* Reading the open files of a task. Private to this room. May hang on a stuck process: for worker threads only. */
#ifndef IOTOPX_FILES_H
#define IOTOPX_FILES_H

#include "iotopx/open_files.h"
#include "iotopx/proc.h"

/* A new one (free it with free()), or NULL without memory. What went wrong is in its `error`. */
struct open_files *files_read(struct proc *proc, const struct task_id *id);

#endif
