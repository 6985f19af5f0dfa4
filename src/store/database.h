/* The file itself, as its writer sees it: opened, locked, parcels written into it, the old let go. */
#ifndef IOTOPX_STORE_DATABASE_H
#define IOTOPX_STORE_DATABASE_H

#include "catalog.h"
#include "parcel.h"

struct database;

struct database_state {
	struct catalog_ids next;
	int64_t sample, session; /* the next ones */
};

/* 0 or -errno with a line in `error`. */
int database_open(const char *path, struct database **database, struct database_state *state, char *error,
		  size_t error_size);
void database_close(struct database *database); /* NULL allowed */

/* A new session of this machine. 0 or -errno. */
int database_begin_session(struct database *database, int64_t session, uint64_t interval_ns, const char *host);

/* All of them, or none. 0, or -errno: -ENOSPC no room. */
int database_write(struct database *database, const struct parcel *first);
/* Lets go of some samples that ended before `before_ms`. 0: nothing is left to do, 1: call again, or -errno. */
int database_prune(struct database *database, int64_t before_ms);

/* What SQLite has to say about the last failure. Borrowed until the next call. */
const char *database_error(struct database *database);

#endif
