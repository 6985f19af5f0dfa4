/* The recorder: rows are made here, a thread writes them. */
#include "iotopx/record.h"
#include "catalog.h"
#include "database.h"
#include "flatten.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ull
#define WAITING_MAX 256u
#define WAITING_BYTES_MAX (64u << 20)
#define RETRY_S 1           /* between two tries to write where that failed */
#define CLOSE_PATIENCE_S 10 /* a disk that hangs for longer keeps the thread */
#define EPOCH_SHARE 4       /* of the time that is kept ... */
#define EPOCH_MAX_NS (6 * 3600 * NS_PER_S)

struct recorder {
	struct recorder_options options; /* path and host are copies */
	struct catalog *catalog;
	int64_t sample, session; /* the next sample, this session */
	uint64_t epoch_end_ns;   /* 0: an epoch is due */
	uint64_t dropped;        /* since the last one that was taken */
	char notice[512];

	struct database *database; /* the thread's, once it runs */
	pthread_t thread;
	bool running;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct parcel *first, *last;
	size_t waiting, bytes;
	uint64_t lost;
	int error; /* of the last try, 0 if it went well */
	bool stop, overflowing;
};

static void free_parcels(struct parcel *parcel)
{
	while (parcel) {
		struct parcel *next = parcel->next;

		parcel_free(parcel);
		parcel = next;
	}
}

/* Waits for something to write, a time to try again, or the end. The lock is held. */
static void await_change(struct recorder *recorder, int seconds)
{
	struct timespec until;

	if (seconds == 0) {
		pthread_cond_wait(&recorder->changed, &recorder->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	while (!recorder->stop && pthread_cond_timedwait(&recorder->changed, &recorder->lock, &until) == 0)
		;
}

/* Moves what waits behind *work. The lock is held; the parcels count as waiting until they are written. */
static void take_waiting(struct recorder *recorder, struct parcel **work)
{
	while (*work)
		work = &(*work)->next;
	*work = recorder->first;
	recorder->first = recorder->last = NULL;
}

static void note_written(struct recorder *recorder, const struct parcel *work)
{
	for (; work; work = work->next) {
		recorder->waiting--;
		recorder->bytes -= parcel_bytes(work);
	}
	recorder->overflowing = false;
}

static int prune(struct recorder *recorder)
{
	struct timespec now;

	if (recorder->options.retain_ns == 0)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	return database_prune(recorder->database, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 -
						      (int64_t)(recorder->options.retain_ns / 1000000));
}

/* What could not be written stays and is tried again, for good while the recorder is open, once more when it closes.
 * The parcels behind it name what it says, so none is skipped. */
static void *write_parcels(void *data)
{
	struct recorder *recorder = data;
	struct parcel *work = NULL;
	int result, pruned = 0;

	pthread_mutex_lock(&recorder->lock);
	for (;;) {
		bool stopping = recorder->stop;

		take_waiting(recorder, &work);
		if (!work && stopping)
			break;
		if (!work && pruned <= 0) {
			await_change(recorder, 0);
			if (!recorder->first)
				continue;
			take_waiting(recorder, &work);
		}
		pthread_mutex_unlock(&recorder->lock);
		result = work ? database_write(recorder->database, work) : 0;
		pruned = result || stopping ? 0 : prune(recorder);
		pthread_mutex_lock(&recorder->lock);
		recorder->error = result ? result : pruned < 0 ? pruned : 0;
		if (result == 0) {
			note_written(recorder, work);
			free_parcels(work);
			work = NULL;
		} else if (stopping) {
			break;
		} else {
			await_change(recorder, RETRY_S);
		}
	}
	pthread_mutex_unlock(&recorder->lock);
	free_parcels(work);
	return NULL;
}

static int start_thread(struct recorder *recorder)
{
	pthread_condattr_t attributes;
	sigset_t all, before;
	int error;

	pthread_mutex_init(&recorder->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&recorder->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&recorder->thread, NULL, write_parcels, recorder);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	recorder->running = error == 0;
	return -error;
}

static void free_recorder(struct recorder *recorder)
{
	catalog_close(recorder->catalog);
	database_close(recorder->database);
	free_parcels(recorder->first);
	free((char *)recorder->options.path);
	free((char *)recorder->options.host);
	free(recorder);
}

static int open_recorder(struct recorder *recorder, char *error, size_t error_size)
{
	struct database_state state;
	int result = database_open(recorder->options.path, &recorder->database, &state, error, error_size);

	if (result == 0) {
		recorder->sample = state.sample;
		recorder->session = state.session;
		recorder->catalog = catalog_open(recorder->options.lookup, state.next);
		result = recorder->catalog
			     ? database_begin_session(recorder->database, state.session, recorder->options.interval_ns,
						      recorder->options.host)
			     : -ENOMEM;
	}
	return result ? result : start_thread(recorder);
}

int recorder_open(const struct recorder_options *options, struct recorder **recorder, char *error, size_t error_size)
{
	struct recorder *opened = calloc(1, sizeof(*opened));
	int result = -ENOMEM;

	*error = '\0';
	if (!opened)
		return -ENOMEM;
	opened->options = *options;
	opened->options.path = strdup(options->path);
	opened->options.host = strdup(options->host);
	if (opened->options.path && opened->options.host)
		result = open_recorder(opened, error, error_size);
	if (result) {
		if (!*error)
			snprintf(error, error_size, "%s", strerror(-result));
		free_recorder(opened);
		return result;
	}
	*recorder = opened;
	return 0;
}

static bool has_room(struct recorder *recorder)
{
	bool room;

	pthread_mutex_lock(&recorder->lock);
	room = recorder->waiting < WAITING_MAX && recorder->bytes < WAITING_BYTES_MAX;
	if (!room) {
		recorder->lost++;
		recorder->overflowing = true;
	}
	pthread_mutex_unlock(&recorder->lock);
	return room;
}

/* How long what is known stays known. Rows leave by whole epochs, so those are short where little is kept. */
static uint64_t epoch_length(const struct recorder *recorder)
{
	uint64_t share = recorder->options.retain_ns / EPOCH_SHARE;

	return share && share < EPOCH_MAX_NS ? share : EPOCH_MAX_NS;
}

static int make_parcel(struct recorder *recorder, struct parcel *parcel, const struct interval *interval)
{
	int error = 0;

	if (interval->end_ns >= recorder->epoch_end_ns || catalog_is_full(recorder->catalog)) {
		error = catalog_begin_epoch(recorder->catalog, parcel, recorder->session, recorder->sample);
		recorder->epoch_end_ns = interval->end_ns + epoch_length(recorder);
	}
	if (!error)
		error = catalog_complete_users(recorder->catalog, parcel);
	if (!error)
		error = flatten_interval(recorder->catalog, recorder->options.lookup, parcel, recorder->sample,
					 recorder->dropped, interval);
	return error;
}

/* Names and command lines take a while to come: they are asked for before they are needed. */
static void ask_early(const struct lookup *lookup, const struct interval *baseline)
{
	for (size_t i = 0; i < baseline->idle_count; i++)
		lookup->user(lookup->data, baseline->idle[i].info->uid);
	for (size_t i = 0; i < baseline->idle_count; i++)
		lookup->cmdline(lookup->data, baseline->idle[i].info);
}

int recorder_add(struct recorder *recorder, const struct interval *interval)
{
	struct parcel *parcel;

	if (interval->baseline) {
		ask_early(recorder->options.lookup, interval);
		return 0;
	}
	if (!has_room(recorder)) {
		recorder->dropped++;
		return 0;
	}
	parcel = parcel_new();
	if (!parcel || make_parcel(recorder, parcel, interval)) {
		/* What the catalog thinks is written may not be. */
		recorder->epoch_end_ns = 0;
		recorder->dropped++;
		parcel_free(parcel);
		pthread_mutex_lock(&recorder->lock);
		recorder->lost++;
		pthread_mutex_unlock(&recorder->lock);
		return -ENOMEM;
	}
	recorder->sample++;
	recorder->dropped = 0;
	pthread_mutex_lock(&recorder->lock);
	if (recorder->last)
		recorder->last->next = parcel;
	else
		recorder->first = parcel;
	recorder->last = parcel;
	recorder->waiting++;
	recorder->bytes += parcel_bytes(parcel);
	pthread_cond_signal(&recorder->changed);
	pthread_mutex_unlock(&recorder->lock);
	return 0;
}

const char *recorder_notice(struct recorder *recorder)
{
	int error;
	bool overflowing;

	pthread_mutex_lock(&recorder->lock);
	error = recorder->error;
	overflowing = recorder->overflowing;
	pthread_mutex_unlock(&recorder->lock);
	if (!error && !overflowing)
		return NULL;
	snprintf(recorder->notice, sizeof(recorder->notice), "recording into %.300s: %s; %s", recorder->options.path,
		 error ? strerror(-error) : "the disk is too slow",
		 overflowing ? "intervals are lost" : "it is tried again");
	return recorder->notice;
}

uint64_t recorder_close(struct recorder *recorder)
{
	struct timespec until;
	uint64_t lost;

	if (!recorder)
		return 0;
	pthread_mutex_lock(&recorder->lock);
	recorder->stop = true;
	pthread_cond_signal(&recorder->changed);
	pthread_mutex_unlock(&recorder->lock);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += CLOSE_PATIENCE_S;
	if (pthread_clockjoin_np(recorder->thread, NULL, CLOCK_MONOTONIC, &until) != 0) {
		pthread_mutex_lock(&recorder->lock);
		lost = recorder->lost + recorder->waiting;
		pthread_mutex_unlock(&recorder->lock);
		pthread_detach(recorder->thread); /* it keeps what it has */
		return lost;
	}
	lost = recorder->lost + recorder->waiting;
	pthread_cond_destroy(&recorder->changed);
	pthread_mutex_destroy(&recorder->lock);
	free_recorder(recorder);
	return lost;
}
