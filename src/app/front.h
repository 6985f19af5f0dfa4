/* The two fronts of the loop: the screen and batch output. */
#ifndef IOTOPX_APP_FRONT_H
#define IOTOPX_APP_FRONT_H

#include "loop.h"

#include "iotopx/actions.h"
#include "iotopx/settings.h"
#include "iotopx/source.h"
#include "iotopx/text.h"

/* Both run the loop to its end on an opened source and return the exit status; what went wrong is on stderr. */

/* `fd` is where the output goes, or -1: each output replaces the file that is to be written. */
int batch_run(const struct settings *settings, struct source *source, enum text_charset charset, int fd);
/* `actions` is what the keys act with. */
int interactive_run(struct settings *settings, struct source *source, struct actions actions);
/* The same on a replay: nothing moves by itself. */
int interactive_replay(struct settings *settings, struct source *replay);
/* Only lets intervals happen, for who records them. */
int silent_run(const struct settings *settings, struct source *source);

/* To follow an error about a file that can't be written now that rights are given up; "" where nothing explains it. */
const char *permission_hint(int error, const char *path);

/* One line on stderr, after "iotopx: ". */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same about an errno (negative), with what failed before it, where that has a name. */
void complain_failed(const char *what, int error);
/* The same about a source's notice, unless it was the last one told. *told is the caller's to free; NULL at first. */
void complain_of_notice(char **told, const char *notice);

#endif
