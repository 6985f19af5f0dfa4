/* A fixed machine for the tests of the screen: a sequence of intervals, and a screen without a terminal that is fed
 * with it. Nothing here depends on the clock, the host or the environment. */
#ifndef IOTOPX_TEST_SCENE_H
#define IOTOPX_TEST_SCENE_H

#include "state.h"

#define SCENE_LAST 12 /* intervals after the baseline, which is number 0 */

struct scene {
	struct settings settings;
	struct screen *screen;
	/* what the screen asked for */
	uint64_t interval_ns;
	int delayacct_asked; /* -1 nothing */
	int delayacct_error;
	char saved[64]; /* the path, shortened */
	int save_error;
	struct task_id signalled, prioritised[8];
	size_t prio_count;
	int signal, io_class, level;
	int act_error;
};

extern const char *scene_name_of_33; /* www-data, unless a test sets it */

void scene_open(struct scene *scene, int rows, int width, enum text_charset charset);
void scene_close(struct scene *scene);
struct interval *scene_interval(int number);    /* a new reference */
void scene_feed(struct scene *scene, int last); /* baseline and intervals up to and including `last` */
void scene_feed_one(struct scene *scene, int number);
void scene_press(struct scene *scene, int key);
void scene_type(struct scene *scene, const char *text); /* ASCII */
/* A row as text, trailing blanks cut. */
const char *scene_row(struct scene *scene, int row, char *to, size_t size);
bool scene_shows(struct scene *scene, const char *text); /* in some row */
int scene_row_of(struct scene *scene, const char *text); /* -1 in none */

#endif
