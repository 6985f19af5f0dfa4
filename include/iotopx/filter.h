/* Which tasks a view shows. Never touches the books: totals stay machine-wide.
 *
 * An expression is terms separated by blanks, all of which must match:
 *   user:NAME|UID   pid:N (its threads too)   unit:TEXT   container:TEXT (substring, case ignored)
 *   anything else: POSIX extended regex; the name or the command line must match it;
 *   several such words form one regex with their blanks. "quoted text" keeps blanks and colons.
 */
#ifndef IOTOPX_FILTER_H
#define IOTOPX_FILTER_H

#include "iotopx/lookup.h"
#include "iotopx/task.h"

#include <stddef.h>

struct filter;

/* *filter is new and owned by the caller; NULL for an empty expression. -EINVAL with one line in `error`. */
int filter_parse(const char *expression, struct filter **filter, char *error, size_t error_size);
/* Bytes of the word that the expression begins with, its quotes included; an open quote takes the rest. */
size_t filter_word_length(const char *expression);
void filter_free(struct filter *filter);

/* From -p and -u: each list is ORed within, ANDed with the rest. A PID or TID is pinned to the identity that
 * filter_pin finds; a user by uid. *filter may be NULL before. 0 or -ENOMEM. */
int filter_add_pid(struct filter **filter, pid_t pid);
int filter_add_uid(struct filter **filter, uint32_t uid);

/* Pins not yet pinned PIDs to living tasks of this list; call for each task of each interval, cheap when all are
 * pinned. */
void filter_pin(struct filter *filter, const struct task_info *info);
/* PIDs given with filter_add_pid: how many are there, and how many are known to have exited (filter_exited told). */
size_t filter_pid_count(const struct filter *filter);
void filter_exited(struct filter *filter, const struct task_info *info, bool whole_process);
size_t filter_pids_gone(const struct filter *filter);

/* True if it asks who the task is, not only where it belongs (unit:, container:). */
bool filter_asks_who(const struct filter *filter);

bool filter_match(const struct filter *filter, struct task_info *info, const struct lookup *lookup);

#endif
