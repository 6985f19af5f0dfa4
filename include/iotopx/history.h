/* The last intervals, in memory, under a byte cap: what stepping back in time and graphs read. */
#ifndef IOTOPX_HISTORY_H
#define IOTOPX_HISTORY_H

#include "iotopx/interval.h"

struct history;

#define HISTORY_BYTES_DEFAULT (16u << 20)

struct history *history_open(size_t max_bytes); /* NULL on ENOMEM */
void history_close(struct history *history);
/* A copy that shares nothing but the infos: what happened, without the idle tasks. Refs 1, NULL on ENOMEM. */
struct interval *history_copy_interval(const struct interval *interval);
/* Keeps its own copy without idle tasks; when the cap is near, older intervals first fold their smallest tasks
 * into `other`, then leave. 0 or -ENOMEM. */
int history_add(struct history *history, const struct interval *interval);
size_t history_bytes(const struct history *history); /* what the cap is compared with */
size_t history_count(const struct history *history);
/* 0 is the newest. NULL beyond the end. Borrowed until the next history_add. */
const struct interval *history_get(const struct history *history, size_t steps_back);

#endif
