/* Looks at an interval as everything does that shows one: a table by some group and in some mode, as `choice` says, all
 * cells of all columns, the pages of devices and mounts, the sums. What comes out must be clean. For the targets that
 * make intervals. */
#ifndef IOTOPX_TESTS_FUZZ_INTERVAL_H
#define IOTOPX_TESTS_FUZZ_INTERVAL_H

#include "iotopx/interval.h"
#include "iotopx/lookup.h"

void fuzz_check_interval(const struct interval *interval, const struct lookup *lookup, unsigned choice);

#endif
