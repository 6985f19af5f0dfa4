/* A recording being made: intervals in, a SQLite file out, whose schema is in iotopx-recording(5).
 *
 * Rows are made by the caller's thread, in memory; a thread of the recorder writes them, so that a slow or full disk
 * never stops the caller. What does not fit into its bounded queue is dropped and counted in the recording itself.
 */
#ifndef IOTOPX_RECORD_H
#define IOTOPX_RECORD_H

#include "iotopx/interval.h"
#include "iotopx/lookup.h"

#include <stddef.h>

struct recorder;

struct recorder_options {
	const char *path;            /* made with mode 0600 if it is not there; a recording goes on where it ended */
	const char *host;            /* what this machine is called */
	uint64_t interval_ns;        /* asked for; told to the reader of the recording */
	uint64_t retain_ns;          /* older samples leave; 0: none does */
	const struct lookup *lookup; /* borrowed: names, command lines, priorities, devices */
};

/* 0, or -errno with one line in `error`: -EBUSY another recorder has it, -EMEDIUMTYPE no recording, -EPROTO of a newer
 * iotopx, -EBADMSG damaged, or what the system said. */
int recorder_open(const struct recorder_options *options, struct recorder **recorder, char *error, size_t error_size);

/* Takes a copy of what happened; the baseline is left out. Never waits. 0, or -ENOMEM: this one counts as dropped. */
int recorder_add(struct recorder *recorder, const struct interval *interval);

/* What is wrong now, in one line, or NULL. Borrowed until the next call. */
const char *recorder_notice(struct recorder *recorder);

/* Writes what waits (for a second at most if that fails) and closes. The number of intervals lost. NULL allowed. */
uint64_t recorder_close(struct recorder *recorder);

#endif
