/* The interactive screen: intervals and keys in, a terminal picture out. Owns the terminal from open to close.
 * It never sweeps, sleeps or blocks: the loop feeds it. */
#ifndef IOTOPX_SCREEN_H
#define IOTOPX_SCREEN_H

#include "iotopx/actions.h"
#include "iotopx/interval.h"
#include "iotopx/settings.h"
#include "iotopx/source.h"

struct screen;

/* What the screen asks of the loop. */
struct screen_host {
	void *data;
	void (*set_interval)(void *data, uint64_t interval_ns); /* from the d key */
	int (*set_delayacct)(void *data, bool on);              /* 0 or -errno, reported on the line */
	struct actions actions;
};

/* `settings` is borrowed and changed by keys (W saves it). 0 or -errno with a line in `error`; the terminal is
 * untouched on failure. */
int screen_open(struct settings *settings, const struct lookup *lookup, const struct screen_host *host,
		struct screen **screen, char *error, size_t error_size);
void screen_close(struct screen *screen); /* the terminal is as before */

/* A new interval (own reference is taken) and the source's notice, NULL for none. Does not draw. */
int screen_interval(struct screen *screen, struct interval *interval, const char *notice);
/* True if the view shows idle tasks too, so that the source should list them. */
bool screen_wants_idle(const struct screen *screen);
/* Reads what the terminal has sent. 0, 1: the user quits, -EIO: the terminal is gone. Does not draw. */
int screen_input(struct screen *screen);
void screen_resize(struct screen *screen);  /* after SIGWINCH */
void screen_suspend(struct screen *screen); /* before stopping for SIGTSTP */
void screen_resume(struct screen *screen);  /* after SIGCONT */
void screen_draw(struct screen *screen);    /* only what changed */

/* For signal handlers of crashes: puts the terminal back with async-signal-safe calls only. */
void screen_emergency_restore(void);

#endif
