/* The live machine: collector, exit records and tracker behind one source. */
#include "live_state.h"
#include "iotopx/clock.h"
#include "iotopx/delayacct.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GAP_MIN_NS 1000000000u
#define PROBE_WAIT_MS 300 /* an exit record arrives within microseconds of the exit, where any arrives */
#define SAMPLE_KEEP_READINGS 1024u

static struct live *live_of(struct source *source)
{
	return (struct live *)source;
}

static void book_record(void *data, const struct taskstats_fields *fields, uint64_t time_ns, uint64_t window_ns)
{
	struct live *live = data;
	struct reading record;

	if ((pid_t)fields->pid == live->probe) {
		live->probe_seen = true;
		live->probe = 0;
		return; /* iotopx asking itself: nobody's I/O */
	}
	if (!live->tracker) /* before the baseline */
		return;
	if (live->own) /* bases are not kept: what it did since when can't be told */
		return;
	sweep_exit(live->sweep, fields, time_ns, window_ns, &record);
	/* A cgroup that there is no memory for is seen the next time; the exit is booked now, or counts as lost. */
	int unseen = live->books ? cgroup_books_see(live->books, record.cgroup) : 0;
	int error = tracker_exit(live->tracker, &record);

	if (error || unseen)
		live->tracker_error = error ? error : unseen;
}

static int drain(struct source *source)
{
	struct live *live = live_of(source);
	uint64_t begin = clock_read_ns(CLOCK_MONOTONIC);

	lookup_live_collect(live->lookup);
	if (!live->exits)
		live_regain_records(live);
	if (!live->exits)
		return 0;
	live->tracker_error = 0;
	uint64_t lost = exits_lost(live->exits);

	if (lost) {
		live->lost += live->tracker ? lost : 0;
		tracker_note_loss(live->tracker, begin);
	}
	long taken = exits_drain(live->exits, book_record, live);

	live->cost.exits_ns += clock_read_ns(CLOCK_MONOTONIC) - begin;
	if (taken < 0 && taken != -ENOMEM)
		live_lose_records(live, (int)taken);
	return taken == -ENOMEM ? -ENOMEM : live->tracker_error;
}

static size_t fds(struct source *source, struct pollfd *list, size_t max)
{
	struct live *live = live_of(source);
	size_t count = 0;

	if (count < max)
		list[count++] = (struct pollfd){ .fd = lookup_live_fd(live->lookup), .events = POLLIN };
	if (live->exits && count < max)
		list[count++] = (struct pollfd){ .fd = exits_fd(live->exits), .events = POLLIN };
	return count;
}

static int see_cgroups(struct live *live)
{
	int error = 0;

	for (size_t i = 0; live->books && i < live->sample.count && !error; i++)
		error = cgroup_books_see(live->books, live->sample.readings[i].cgroup);
	return error;
}

static int flush_baseline(void *data)
{
	struct live *live = data;
	int error = see_cgroups(live);

	if (error)
		return error;
	return tracker_base(live->tracker, &live->sample);
}

static int sweep(struct live *live)
{
	return sweep_take(live->sweep, &live->sample, flush_baseline, live);
}

/* All tasks, over a new socket if need be; or only one's own, where that can't be had. */
static int take_tasks(struct live *live)
{
	int error;

	live_regain_queries(live);
	if (live->own)
		return own_take(live->own, &live->sample);
	error = sweep(live);
	if (!error || !live_lose_queries(live))
		return error;
	if (live_regain_queries(live))
		error = sweep(live);
	if (!error || !live_lose_queries(live))
		return error;
	error = live_fall_back(live);
	return error ? error : own_take(live->own, &live->sample);
}

static int take_sample(struct live *live)
{
	struct sample *sample = &live->sample;
	size_t gone = sample->gone_count; /* of sweeps that failed: the tracker was not told */
	uint64_t begin;
	int error;

	sample_reset(sample);
	sample->gone_count = gone;
	live_follow_births(live);
	error = take_tasks(live);
	if (!error)
		error = see_cgroups(live);
	if (error)
		return error;
	begin = clock_read_ns(CLOCK_MONOTONIC);
	error = machine_read(live->machine, &sample->machine);
	if (error == -ENOMEM)
		return error;
	if (error)
		sample->machine.known = 0;
	sample->wall_ms = (int64_t)(clock_read_ns(CLOCK_REALTIME) / 1000000);
	live->cost.machine_ns += clock_read_ns(CLOCK_MONOTONIC) - begin;
	sample->baseline = !live->started;
	sample->delayacct = delayacct_read("");
	if (sample->delayacct < 0 || live->own)
		sample->delayacct = -1;
	return 0;
}

/* A sample as large as the first one is not needed again: idle tasks give no readings. */
static void trim_sample(struct live *live)
{
	struct machine_counters machine = live->sample.machine;

	if (live->sample.capacity <= SAMPLE_KEEP_READINGS || live->sample.count * 4 > live->sample.capacity)
		return;
	live->sample.machine = (struct machine_counters){ 0 };
	sample_free(&live->sample);
	live->sample.machine = machine;
}

static void sample_cgroups(struct live *live, struct interval *interval)
{
	uint64_t begin = clock_read_ns(CLOCK_MONOTONIC);

	if (live->books)
		cgroup_books_sample(live->books, interval);
	live->cost.machine_ns += clock_read_ns(CLOCK_MONOTONIC) - begin;
}

static int book_sample(struct live *live, bool list_idle, struct interval **interval)
{
	uint64_t begin = clock_read_ns(CLOCK_MONOTONIC);
	int error;

	live->sample.anew_ns = live->anew_ns;
	live->sample.all_tasks = !live->own && !live->anew_ns;
	live->sample.exits_known = live->exits && live->sample.all_tasks;
	live->sample.exits_missed = live->records_missed != 0;
	live->sample.lost_exits = live->lost + (live->exits ? exits_lost(live->exits) : 0);
	live->lost = 0;
	error = tracker_sample(live->tracker, &live->sample, list_idle, interval);
	live->sample.gone_count = 0;
	live->cost.track_ns += clock_read_ns(CLOCK_MONOTONIC) - begin;
	return error;
}

/* iotopx was stopped, or the machine was too busy for it, or suspended: then the interval's own clock stood still. */
static bool after_gap(struct live *live, const struct interval *interval)
{
	const uint64_t asleep = clock_asleep_ns();
	const uint64_t slept = asleep > live->asleep_ns ? asleep - live->asleep_ns : 0;

	if (!live->started || slept)
		live->asleep_ns = asleep;
	if (!live->started || !live->interval_ns)
		return false;
	return slept > GAP_MIN_NS || interval->end_ns - interval->begin_ns > 3 * live->interval_ns + GAP_MIN_NS;
}

/* Once the books have made an interval it is delivered: what it needs beside them is prepared before. */
static int make_interval(struct live *live, bool list_idle, struct interval **interval)
{
	int error = take_sample(live);

	if (!error)
		error = drain(&live->source);
	if (!error && live->books)
		error = cgroup_books_prepare(live->books);
	if (!error)
		error = book_sample(live, list_idle, interval);
	if (!error)
		sample_cgroups(live, *interval);
	return error;
}

static void forget_sweep(struct live *live)
{
	if (live->own)
		own_forget(live->own);
	else
		sweep_forget(live->sweep);
}

/* The books begin with the baseline sweep, however long what is opened beside them took since the source was. Records
 * of before are of nobody's interest. */
static int begin_books(struct live *live)
{
	live->tracker = tracker_open(clock_read_ns(CLOCK_MONOTONIC), TRACKER_LIMITS_DEFAULT);
	return live->tracker ? 0 : -ENOMEM;
}

/* Records are drained on both sides of the sweep, and all of them are booked before its readings: what died before a
 * reading is then known to be dead. */
static int next(struct source *source, bool list_idle, struct interval **interval)
{
	struct live *live = live_of(source);
	int error = drain(source);

	if (!error && !live->tracker)
		error = begin_books(live);
	if (error)
		return error;
	error = make_interval(live, list_idle, interval);
	if (error) {
		forget_sweep(live);
		return error;
	}
	live_tell(live);
	trim_sample(live);
	lookup_live_refresh(live->lookup);
	(*interval)->gap = after_gap(live, *interval);
	live->started = true;
	return 0;
}

static const char *notice(struct source *source)
{
	struct live *live = live_of(source);

	if (!live->lack[0])
		return live->trouble[0] ? live->trouble : NULL;
	snprintf(live->notice, sizeof(live->notice), "%s%s%s", live->lack, live->trouble[0] ? "; " : "", live->trouble);
	return live->notice;
}

static void set_interval(struct source *source, uint64_t interval_ns)
{
	live_of(source)->interval_ns = interval_ns;
}

static void close_live(struct source *source)
{
	struct live *live = live_of(source);

	lookup_live_close(live->lookup);
	exits_close(live->exits);
	forks_close(live->forks);
	taskstats_close(live->taskstats);
	sweep_close(live->sweep);
	own_close(live->own);
	machine_reader_close(live->machine);
	tracker_close(live->tracker);
	cgroup_books_close(live->books);
	cgroup_cache_close(live->cgroups);
	sample_free(&live->sample);
	proc_close(live->proc);
	free(live);
}

static const struct source_ops live_ops = {
	.next = next,
	.fds = fds,
	.drain = drain,
	.notice = notice,
	.set_interval = set_interval,
	.close = close_live,
};

/* A child that ends at once: its PID once it is reaped, or 0. */
static pid_t die_once(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return child > 0 ? child : 0;
}

static bool record_arrives(struct live *live)
{
	struct pollfd poll_exits = { .fd = exits_fd(live->exits), .events = POLLIN };
	uint64_t deadline = clock_read_ns(CLOCK_MONOTONIC) + (uint64_t)PROBE_WAIT_MS * 1000000u;

	if (!live->probe)
		return true; /* can't tell: trust the registration */
	while (!live->probe_seen) {
		uint64_t now = clock_read_ns(CLOCK_MONOTONIC);

		if (now >= deadline)
			break;
		poll(&poll_exits, 1, (int)((deadline - now) / 1000000u) + 1);
		exits_drain(live->exits, book_record, live);
	}
	return live->probe_seen;
}

static int note_birth(void *data, pid_t pid, uint64_t time_ns)
{
	struct live *live = data;

	(void)time_ns;
	live->probe_born |= pid == live->probe;
	return 0;
}

/* It is told before fork returns. Where that can't be told, /proc tells who is born. */
static bool birth_arrives(struct live *live)
{
	return live->probe && forks_take(live->forks, note_birth, live) == 0 && live->probe_born;
}

/* In some namespaces a registration succeeds and nothing ever comes: only a birth and a death of our own tell. */
static void open_events(struct live *live)
{
	int error =
	    exits_open(live->taskstats, CPUS_POSSIBLE, netlink_socket_open(NETLINK_KIND_TASKSTATS), &live->exits);

	if (forks_open(netlink_socket_open(NETLINK_KIND_BIRTHS), &live->forks))
		live->forks = NULL;
	live->probe = live->exits || live->forks ? die_once() : 0;
	if (live->forks && !birth_arrives(live)) {
		forks_close(live->forks);
		live->forks = NULL;
	}
	if (live->forks)
		sweep_follow(live->sweep, live->forks);
	if (!error && !record_arrives(live)) {
		exits_close(live->exits);
		live->exits = NULL;
		error = -ENODATA;
	}
	live->probe = 0;
	if (error)
		snprintf(live->lack, sizeof(live->lack),
			 "no exit records here (%s): what short-lived processes did is not seen",
			 error == -ENODATA ? "another namespace" : strerror(-error));
}

static int open_collector(struct live *live, const struct live_options *options, char *error, size_t error_size)
{
	int result = taskstats_open(&live->taskstats, live->why, sizeof(live->why));

	if (!result)
		return sweep_open(live->proc, live->taskstats, live->cgroups, &live->cost, &live->sweep);
	live->taskstats = NULL;
	if (result == -EPROTONOSUPPORT || options->require_all) {
		snprintf(error, error_size, "%s", live->why);
		return result;
	}
	snprintf(live->lack, sizeof(live->lack), "own processes only: %s", live->why);
	return own_open(live->proc, live->cgroups, &live->cost, &live->own);
}

static int open_parts(struct live *live, const struct live_options *options, char *error, size_t error_size)
{
	int result = proc_open("", &live->proc);

	if (!result)
		result = cgroup_cache_open("", CGROUP_BYTES_DEFAULT, &live->cgroups);
	if (!result)
		result = machine_reader_open("", &live->machine);
	if (result) {
		snprintf(error, error_size, "/proc can't be read: %s", strerror(-result));
		return result;
	}
	result = cgroup_books_open("", live->cgroups, &live->books);
	if (result == -ENOMEM)
		return result;
	result = open_collector(live, options, error, error_size);
	if (result)
		return result;
	if (live->taskstats)
		open_events(live); /* before the look-ups: it forks, and those run in threads */
	return lookup_live_open(live->proc, "", options->names.name ? &options->names : NULL, &live->lookup);
}

int live_open(const struct live_options *options, struct source **source, char *error, size_t error_size)
{
	struct live *live = calloc(1, sizeof(*live));
	int result;

	if (!live)
		return -ENOMEM;
	live->interval_ns = options->interval_ns;
	live->require_all = options->require_all;
	live->sockets = options->sockets;
	snprintf(error, error_size, "out of memory");
	result = open_parts(live, options, error, error_size);
	if (result) {
		close_live(&live->source);
		return result;
	}
	live->source = (struct source){
		.ops = &live_ops,
		.lookup = lookup_live_interface(live->lookup),
		.live = true,
	};
	*source = &live->source;
	return 0;
}

const struct live_cost *live_cost(const struct source *source)
{
	return &((const struct live *)source)->cost;
}
