/* What the two halves of the live source share: live.c makes intervals, live_lost.c deals with sockets that fail. */
#ifndef IOTOPX_SOURCE_LIVE_STATE_H
#define IOTOPX_SOURCE_LIVE_STATE_H

#include "cgroup_books.h"
#include "forks.h"
#include "iotopx/live.h"
#include "iotopx/machine_read.h"
#include "iotopx/tracker.h"
#include "outage.h"
#include "own.h"
#include "sweep.h"

#define CPUS_POSSIBLE "/sys/devices/system/cpu/possible"
#define ERROR_SIZE 256

enum live_socket { LIVE_QUERIES, LIVE_RECORDS, LIVE_BIRTHS, LIVE_SOCKETS };

struct live {
	struct source source;
	struct proc *proc;
	struct taskstats *taskstats; /* NULL: own processes only, from the beginning */
	struct exits *exits;         /* NULL: no exit records here, or not any more */
	struct forks *forks;         /* NULL: births are not told here, or not any more */
	struct sweep *sweep;         /* with taskstats */
	struct own *own;             /* without, or while it has failed: own processes only */
	struct cgroup_cache *cgroups;
	struct cgroup_books *books; /* NULL: nothing is told of cgroups here */
	struct machine_reader *machine;
	struct lookup_live *lookup;
	struct tracker *tracker; /* NULL before the baseline */
	struct sample sample;
	struct live_cost cost;
	uint64_t interval_ns;
	uint64_t asleep_ns; /* of the machine, as far as told */
	bool require_all;
	bool started;
	int tracker_error; /* of the records being drained */
	uint64_t lost;     /* records, since the last interval */
	pid_t probe;       /* the child whose birth and record prove that such things are told; 0 none */
	bool probe_seen, probe_born;
	struct netlink_service sockets;
	struct outage outages[LIVE_SOCKETS];
	int records_missed; /* -errno: because of that, exit records of the interval under way may be missing; 0: none
			     */
	uint64_t
	    anew_ns; /* who is seen changed then: what those did who were not is not known; 0: not in this interval */
	char why[ERROR_SIZE];           /* why taskstats is not there */
	char lack[ERROR_SIZE * 2];      /* what is missing from the beginning; "" nothing */
	char trouble[ERROR_SIZE + 128]; /* ... and what was in the last interval, because a socket failed */
	char notice[ERROR_SIZE * 4];
};

/* The socket of exit records has failed with `error`. A new one may be there when this returns. */
void live_lose_records(struct live *live, int error);
/* Asks for a new one if one is needed, and it is time. */
void live_regain_records(struct live *live);

/* True if it was its socket that made a sweep fail. */
bool live_lose_queries(struct live *live);
/* Asks for a new one if one is needed, and it is time. True if it is there: all tasks can be seen again. */
bool live_regain_queries(struct live *live);
/* From now on own processes only. 0, or -errno where that can't or must not be (require_all). */
int live_fall_back(struct live *live);

/* Notices that births are not told any more, and asks for a new socket if it is time. */
void live_follow_births(struct live *live);

/* Says what was missing in the interval that ends, and another one begins. */
void live_tell(struct live *live);

#endif
