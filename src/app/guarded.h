/* The live machine as a source whose process has given up its rights: opened with them, then without (privilege.h),
 * and with helpers for what still takes them (helper.h). */
#ifndef IOTOPX_APP_GUARDED_H
#define IOTOPX_APP_GUARDED_H

#include "iotopx/actions.h"
#include "iotopx/settings.h"
#include "iotopx/source.h"

/* Before any thread is made. 0 or -errno, told. */
int guarded_open(const struct settings *settings, struct source **source);
/* What the keys act with. */
struct actions guarded_actions(struct source *source);
/* The machine itself, for its costs. */
const struct source *guarded_inner(const struct source *source);

#endif
