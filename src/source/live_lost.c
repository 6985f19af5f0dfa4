/* What the live source does when a socket fails: a new one, and until it is there what can be told without. */
#include "live_state.h"
#include "iotopx/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool may_ask(struct live *live, enum live_socket which)
{
	return outage_may_ask(&live->outages[which], clock_read_ns(CLOCK_MONOTONIC));
}

static int new_socket(struct live *live, enum netlink_kind kind)
{
	return live->sockets.open ? live->sockets.open(live->sockets.data, kind) : netlink_socket_open(kind);
}

void live_lose_records(struct live *live, int error)
{
	exits_close(live->exits); /* first: the number of its descriptor may come again */
	live->exits = NULL;
	outage_begin(&live->outages[LIVE_RECORDS], error);
	tracker_note_loss(live->tracker, clock_read_ns(CLOCK_MONOTONIC));
	live_regain_records(live);
}

/* What the old socket still held, and what came before the new one was registered, is lost, and nobody knows how much
 * that is. */
void live_regain_records(struct live *live)
{
	struct outage *outage = &live->outages[LIVE_RECORDS];
	int lost = outage->error, error;

	if (!may_ask(live, LIVE_RECORDS))
		return;
	error = exits_open(live->taskstats, CPUS_POSSIBLE, new_socket(live, NETLINK_KIND_TASKSTATS), &live->exits);
	outage_answer(outage, error);
	if (error)
		return;
	live->records_missed = lost;
	tracker_note_loss(live->tracker, clock_read_ns(CLOCK_MONOTONIC));
}

bool live_lose_queries(struct live *live)
{
	int failure = taskstats_failure(live->taskstats);

	if (!failure)
		return false;
	outage_begin(&live->outages[LIVE_QUERIES], failure);
	live->sample.count = 0; /* but who is gone will not be told again */
	sweep_distrust(live->sweep);
	return true;
}

/* Other tasks are seen from now on. What those did meanwhile that were not seen does not belong to the interval in
 * which they are again. */
static void see_others(struct live *live)
{
	live->anew_ns = clock_read_ns(CLOCK_MONOTONIC);
}

bool live_regain_queries(struct live *live)
{
	int error;

	if (!may_ask(live, LIVE_QUERIES))
		return false;
	taskstats_drop(live->taskstats);
	error = taskstats_reopen(live->taskstats, new_socket(live, NETLINK_KIND_TASKSTATS));
	outage_answer(&live->outages[LIVE_QUERIES], error);
	if (error)
		return false;
	if (live->own) {
		own_close(live->own);
		live->own = NULL;
		sweep_distrust(live->sweep);
		see_others(live);
	}
	return true;
}

int live_fall_back(struct live *live)
{
	const struct outage *outage = &live->outages[LIVE_QUERIES];
	int error;

	if (live->require_all) {
		snprintf(live->trouble, sizeof(live->trouble), "--require-all: taskstats failed: %s; no new socket",
			 strerror(-outage->error));
		return outage->refusal ? outage->refusal : outage->error;
	}
	error = own_open(live->proc, live->cgroups, &live->cost, &live->own);
	if (!error)
		see_others(live);
	return error;
}

void live_follow_births(struct live *live)
{
	struct outage *outage = &live->outages[LIVE_BIRTHS];
	int error;

	if (live->forks && sweep_forks_failure(live->sweep)) {
		outage_begin(outage, sweep_forks_failure(live->sweep));
		forks_close(live->forks);
		live->forks = NULL;
	}
	if (!may_ask(live, LIVE_BIRTHS))
		return;
	/* In the namespaces that it was found to work in, so that no birth need be seen to trust it. */
	error = forks_open(new_socket(live, NETLINK_KIND_BIRTHS), &live->forks);
	outage_answer(outage, error);
	if (!error)
		sweep_follow(live->sweep, live->forks);
}

void live_tell(struct live *live)
{
	char why[ERROR_SIZE];

	live->trouble[0] = '\0';
	if (live->outages[LIVE_QUERIES].error) {
		outage_describe(&live->outages[LIVE_QUERIES], why, sizeof(why));
		snprintf(live->trouble, sizeof(live->trouble), "own processes only: taskstats failed: %s", why);
	} else if (live->anew_ns) {
		snprintf(live->trouble, sizeof(live->trouble), "own processes only: taskstats is there again");
	} else if (live->outages[LIVE_RECORDS].error) {
		outage_describe(&live->outages[LIVE_RECORDS], why, sizeof(why));
		snprintf(live->trouble, sizeof(live->trouble),
			 "no exit records: %s: what short-lived processes do is not seen", why);
	} else if (live->records_missed) {
		snprintf(live->trouble, sizeof(live->trouble), "exits lost, how many is not known: %s",
			 strerror(-live->records_missed));
	}
	live->records_missed = 0;
	live->anew_ns = 0;
}
