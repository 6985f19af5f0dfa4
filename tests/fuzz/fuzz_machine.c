/* machine_read.h and cgroup_io.h: the machine's files and those of a cgroup. The input is an older and a newer text,
 * with a line "==" between them; each is given to every parser, and the difference is taken. */
#include "fuzz.h"

#include "iotopx/cgroup_io.h"
#include "iotopx/device_stat.h"
#include "iotopx/machine_read.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static const struct {
	int (*parse)(const char *text, struct machine_counters *counters);
	uint32_t known;
} parsers[] = {
	{ machine_parse_vmstat, MACHINE_VMSTAT },     { machine_parse_meminfo, MACHINE_MEMINFO },
	{ machine_parse_pressure, MACHINE_PRESSURE }, { machine_parse_cpu, MACHINE_CPU },
	{ machine_parse_diskstats, MACHINE_DISKS },
};

/* A bit is set by a success, and by nothing else. */
static void parse_all(const char *text, struct machine_counters *counters)
{
	for (size_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++) {
		const uint32_t before = counters->known;
		const int error = parsers[i].parse(text, counters);

		REQUIRE(error == 0 || error == -EINVAL);
		REQUIRE(counters->known == (error ? before : before | parsers[i].known));
	}
	REQUIRE(counters->device_count <= counters->device_capacity);
	for (size_t i = 0; i < counters->device_count; i++)
		REQUIRE(memchr(counters->devices[i].name, '\0', DEVICE_NAME_SIZE));
}

static bool share(double value)
{
	return value >= 0 && value <= 1;
}

static void check_devices(const struct machine_delta *delta)
{
	double util = -1;
	const struct device_delta *busiest = machine_busiest(delta, &util);

	REQUIRE(!busiest || (share(util) && busiest->whole_disk));
	for (size_t i = 0; i < delta->device_count; i++) {
		struct device_stat stat;

		device_stat_compute(&stat, &delta->devices[i], delta->elapsed_ns, NULL);
		for (int figure = 0; figure < DEVICE_FIGURE_COUNT; figure++)
			if (stat.known & (1u << figure))
				REQUIRE(isfinite(stat.figure[figure]) && stat.figure[figure] >= 0);
		REQUIRE(!(stat.known & (1u << DEVICE_UTIL)) || share(stat.figure[DEVICE_UTIL]));
		(void)device_parent(delta, &delta->devices[i], NULL);
	}
}

static void check_delta(const char *before, const char *after)
{
	struct machine_counters older = { .time_ns = SECOND }, newer = { .time_ns = 2 * SECOND };
	struct machine_delta delta = { 0 };

	parse_all(before, &older);
	parse_all(after, &newer);
	REQUIRE(machine_delta_compute(&delta, &older, &newer) == 0);
	REQUIRE(!(delta.known & MACHINE_MINUTES) == !(delta.known & MACHINE_PRESSURE));
	REQUIRE((delta.known & ~(older.known | newer.known | MACHINE_MINUTES)) == 0 && delta.elapsed_ns == SECOND);
	if (delta.known & MACHINE_PRESSURE)
		REQUIRE(share(delta.io_some_ratio) && share(delta.io_full_ratio));
	if (delta.known & MACHINE_CPU)
		REQUIRE(share(delta.cpu_user) && share(delta.cpu_system) && share(delta.cpu_iowait) &&
			share(delta.cpu_steal));
	check_devices(&delta);
	machine_delta_free(&delta);
	machine_counters_free(&older);
	machine_counters_free(&newer);
}

static bool is_odd(void *data, unsigned major, unsigned minor)
{
	(void)data, (void)major;
	return minor % 2 != 0;
}

static void check_cgroup(const char *text)
{
	struct cgroup_io_counters all = { .reads = 4711 }, some = { .reads = 4711 };
	uint64_t some_us = 4711, full_us = 4711;
	const int error = cgroup_io_parse(text, NULL, NULL, &all);

	REQUIRE(error == 0 || (error == -EINVAL && all.reads == 4711));
	REQUIRE(cgroup_io_parse(text, is_odd, NULL, &some) == error);
	const int pressure = cgroup_io_parse_pressure(text, &some_us, &full_us);
	REQUIRE(pressure == 0 || (pressure == -EINVAL && some_us == 4711 && full_us == 4711));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *before, *after;

	fuzz_copy_two(data, size, &before, &after);
	check_delta(before, after);
	check_cgroup(before);
	free(before);
	free(after);
	return 0;
}
