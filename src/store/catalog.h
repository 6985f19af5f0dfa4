/* Who and what a recording knows already: tasks, texts, users, devices and mounts are written once and named by their
 * ids afterwards.
 *
 * Once in an epoch, to be exact: with a new epoch everything begins anew, so that memory stays bounded, and rows of old
 * epochs can leave with their samples by comparing ids.
 */
#ifndef IOTOPX_STORE_CATALOG_H
#define IOTOPX_STORE_CATALOG_H

#include "parcel.h"

#include "iotopx/interval.h"
#include "iotopx/lookup.h"

struct catalog_task {
	struct task_info *info; /* a reference */
	int64_t id;
	unsigned tries; /* how often its command line was asked for */
	bool has_cmdline;
	bool has_lifetime; /* the two below can be told from what is recorded since `keyframe` */
	int64_t keyframe;
	uint64_t lifetime_read, lifetime_write;
};

/* The next ids, and where this epoch's begin. */
struct catalog_ids {
	int64_t task, text, device, mount, epoch;
};

struct catalog;

struct catalog *catalog_open(const struct lookup *lookup, struct catalog_ids next); /* NULL on ENOMEM */
void catalog_close(struct catalog *catalog);

/* Too much is known: time for a new epoch. */
bool catalog_is_full(const struct catalog *catalog);
/* Forgets everything and writes the epoch's row. 0 or -ENOMEM. */
int catalog_begin_epoch(struct catalog *catalog, struct parcel *parcel, int64_t session, int64_t sample);

/* Names of users that were not there yet. 0 or -ENOMEM. */
int catalog_complete_users(struct catalog *catalog, struct parcel *parcel);

/* Each writes what is new into the parcel. 0 or -ENOMEM. */
int catalog_text(struct catalog *catalog, struct parcel *parcel, const char *text, int64_t *id); /* NULL: CELL_NULL */
/* `lives`: it is kept in mind, and *entry is its entry (valid until the next call); else *entry may be NULL. */
int catalog_task(struct catalog *catalog, struct parcel *parcel, struct task_info *info, bool lives, int64_t *id,
		 struct catalog_task **entry);
int catalog_device(struct catalog *catalog, struct parcel *parcel, const struct device_delta *device, int64_t *id,
		   bool *is_new);
int catalog_mount(struct catalog *catalog, struct parcel *parcel, const struct nfs_mount *mount, int64_t *id);

#endif
