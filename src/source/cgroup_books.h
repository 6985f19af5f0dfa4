/* Which cgroups are watched, and what an interval says of them. Private to this room.
 *
 * A cgroup is watched from the moment a task in it is seen, and with it all above it: those have the bytes of what they
 * have lost (writeback after its cgroup was removed) and of cgroups without an io.stat of their own.
 */
#ifndef IOTOPX_CGROUP_BOOKS_H
#define IOTOPX_CGROUP_BOOKS_H

#include "iotopx/cgroup.h"
#include "iotopx/interval.h"

struct cgroup_books;

/* `cache` is borrowed and outlives the books. -ENOENT, -EOPNOTSUPP: there is nothing to tell on this machine; -ENOMEM.
 */
int cgroup_books_open(const char *root, struct cgroup_cache *cache, struct cgroup_books **books);
void cgroup_books_close(struct cgroup_books *books); /* NULL allowed */

/* A task of this cgroup was seen: an interned path of the cache, or NULL. Cheap when known. 0 or -ENOMEM. */
int cgroup_books_see(struct cgroup_books *books, const char *cgroup);
/* Takes the memory that the next sample may need. 0 or -ENOMEM. */
int cgroup_books_prepare(struct cgroup_books *books);
/* What happened since the last call goes into the interval, which has no cgroups yet; nothing into the baseline. Only
 * after cgroup_books_prepare, and nothing seen in between. */
void cgroup_books_sample(struct cgroup_books *books, struct interval *interval);

#endif
