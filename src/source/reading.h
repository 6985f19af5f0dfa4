/* From what the kernel says about a task to a reading. */
#ifndef IOTOPX_SOURCE_READING_H
#define IOTOPX_SOURCE_READING_H

#include "iotopx/cgroup.h"
#include "iotopx/proc.h"
#include "iotopx/sample.h"
#include "iotopx/taskstats.h"

void reading_from_fields(struct reading *reading, const struct taskstats_fields *fields, uint64_t time_ns,
			 uint64_t window_ns);
/* Replaces the rounded I/O counters by exact ones, if they can be read. */
void reading_exact_io(struct reading *reading, struct proc *proc, pid_t pid);
void reading_set_cgroup(struct reading *reading, const struct cgroup_ident *ident, bool approximate);

#endif
