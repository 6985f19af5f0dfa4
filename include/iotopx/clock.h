/* Clocks of the system in nanoseconds. Nothing in model reads one: times come to it with the data. */
#ifndef IOTOPX_CLOCK_H
#define IOTOPX_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* How long the machine has been suspended since it booted; never too much, a little too little if this task was kept
 * from running between the two readings. CLOCK_MONOTONIC stands still meanwhile, /proc/PID/stat counts on. */
static inline uint64_t clock_asleep_ns(void)
{
	const uint64_t boot = clock_read_ns(CLOCK_BOOTTIME), monotonic = clock_read_ns(CLOCK_MONOTONIC);

	return boot > monotonic ? boot - monotonic : 0;
}

#endif
