/* The interactive screen: intervals and keys in, a terminal picture out. Owns the terminal from open to close.
 * It never sweeps, sleeps or blocks: the loop feeds it. */
#ifndef IOTOPX_SCREEN_H
#define IOTOPX_SCREEN_H

#include "iotopx/actions.h"
#include "iotopx/interval.h"
#include "iotopx/settings.h"
#include "iotopx/source.h"

struct screen;

enum screen_place { JUMP_END, JUMP_TIME, JUMP_WORST };

struct screen_jump {
	enum screen_place where;
	int64_t ms;               /* JUMP_TIME */
	int64_t begin_ms, end_ms; /* JUMP_WORST: in between ... */
	int counter;              /* ... by that measure; replay.h says which */
};

/* What the screen asks of the loop. */
struct screen_host {
	void *data;
	void (*set_interval)(void *data, uint64_t interval_ns); /* from the d key */
	int (*set_delayacct)(void *data, bool on);              /* 0 or -errno, reported on the line */
	/* settings_save, with the rights of who uses the screen. 0 or -errno, reported on the line. */
	int (*save)(void *data, const struct settings *settings, const char *path);
	struct actions actions;

	/* Of a recording alone, else NULL. Those that move bring what is there by screen_show or screen_interval before
	 * they return: 0, -ENODATA there is nothing, or -errno. */
	int (*step)(void *data, long steps);
	int (*jump)(void *data, const struct screen_jump *jump);
	void (*play)(void *data, bool on); /* on by itself, or hold */
	/* How much there was of a counter, or of another one, in each of `count` parts of the recording (replay_load).
	 * 0 or -errno. */
	int (*load)(void *data, int *counter, double *values, size_t count);
	/* The intervals of the recording up to the one shown, in their order, as many as go without keeping the user
	 * waiting: *at is where to go on, 0 at first; *done is the part that is behind. 1: there are more, 0: that was
	 * all, or the first of `each` that is not 0. */
	int (*each_before)(void *data, int64_t *at, int (*each)(void *to, const struct interval *interval), void *to,
			   double *done);
	int64_t begin_ms, end_ms; /* of the recording; times ago are told from its end */
	const char *host_name;    /* of the machine that was recorded */
};

/* `settings` is borrowed and changed by keys (W saves it). 0 or -errno with a line in `error`; the terminal is
 * untouched on failure. */
int screen_open(struct settings *settings, const struct lookup *lookup, const struct screen_host *host,
		struct screen **screen, char *error, size_t error_size);
void screen_close(struct screen *screen); /* the terminal is as before */

/* A new interval (own reference is taken) and the source's notice, NULL for none. Does not draw. */
int screen_interval(struct screen *screen, struct interval *interval, const char *notice);
/* The same for a place in a recording that does not follow the one before: `before` are the intervals right before it,
 * oldest first, for the graphs. */
int screen_show(struct screen *screen, struct interval *interval, struct interval *const *before, size_t count,
		const char *notice);
/* It plays no more: the recording is at its end. */
void screen_held(struct screen *screen);
/* True if the view shows idle tasks too, so that the source should list them. */
bool screen_wants_idle(const struct screen *screen);
/* Reads what the terminal has sent. 0, 1: the user quits, -EIO: the terminal is gone. Does not draw. */
int screen_input(struct screen *screen);
void screen_resize(struct screen *screen);  /* after SIGWINCH */
void screen_suspend(struct screen *screen); /* before stopping for SIGTSTP */
void screen_resume(struct screen *screen);  /* after SIGCONT */
void screen_draw(struct screen *screen);    /* only what changed */
/* Something that takes long (the host's each_before) is done piece by piece, while nobody presses a key: is there more,
 * and the next piece. Does not draw. */
bool screen_has_work(const struct screen *screen);
void screen_work(struct screen *screen);

/* For signal handlers of crashes: puts the terminal back with async-signal-safe calls only. */
void screen_emergency_restore(void);

#endif
