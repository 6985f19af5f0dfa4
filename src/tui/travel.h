/* Moving in a recording, where the host has one. */
#ifndef IOTOPX_TUI_TRAVEL_H
#define IOTOPX_TUI_TRAVEL_H

#include "iotopx/screen.h"

bool screen_travels(const struct screen *screen);
void travel_step(struct screen *screen, long steps);
void travel_end(struct screen *screen);
/* To the worst moment by the measure of the sort column, between two times. */
void travel_worst(struct screen *screen, int64_t begin_ms, int64_t end_ms);
int travel_counter(const struct screen *screen); /* that measure: replay.h */
void travel_play(struct screen *screen);         /* on, off */
/* Sums since the begin of the recording are made when they are looked at, not at each jump; begins that. */
void sums_freshen(struct screen *screen);

#endif
