/* A sweep without the right to ask taskstats: the caller's own processes, from /proc alone. Blkio and swapin are
 * unknown, exits are not seen. */
#ifndef IOTOPX_SOURCE_OWN_H
#define IOTOPX_SOURCE_OWN_H

#include "iotopx/cgroup.h"
#include "iotopx/live.h"
#include "iotopx/proc.h"
#include "iotopx/sample.h"

struct own;

int own_open(struct proc *proc, struct cgroup_cache *cgroups, struct live_cost *cost, struct own **own); /* borrowed */
void own_close(struct own *own);
int own_take(struct own *own, struct sample *sample); /* as sweep_take, never in parts */
void own_forget(struct own *own);                     /* as sweep_forget */

#endif
