/* A source that records what another delivers: fronts need not know. */
#ifndef IOTOPX_APP_RECORDING_H
#define IOTOPX_APP_RECORDING_H

#include "iotopx/source.h"

#include "iotopx/settings.h"

/* Takes `inner` over, which is closed with it (and not touched on failure). *lost is the number of intervals that were
 * not recorded once it is closed, and told by then. 0 or -errno, told. */
int recording_open(const struct settings *settings, struct source *inner, uint64_t *lost, struct source **source);

#endif
