#include "iotopx/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR_BYTES 512 /* of diskstats, whatever the device's own block size is */

/* Half of what 32 bits hold from the top quarter to the bottom one: a wrap, everything else is a new beginning. */
#define WRAP_TOP (3u << 30)
#define WRAP_BOTTOM (1u << 30)

/* The kernel prints the times with 32 bits on every machine (genhd.c), the other fields so on 32-bit ones. False if
 * the counter began anew. */
static bool wrapping_difference(uint64_t older, uint64_t newer, uint64_t *difference)
{
	if (newer >= older) {
		*difference = newer - older;
		return true;
	}
	if (older > UINT32_MAX || older < WRAP_TOP || newer >= WRAP_BOTTOM)
		return false;
	*difference = (uint64_t)UINT32_MAX + 1 - older + newer;
	return true;
}

static bool device_difference(struct device_delta *delta, const struct device_counters *older,
			      const struct device_counters *newer)
{
	const struct {
		uint64_t older, newer;
		uint64_t *difference;
	} fields[] = {
		{ older->reads, newer->reads, &delta->reads },
		{ older->reads_merged, newer->reads_merged, &delta->reads_merged },
		{ older->read_sectors, newer->read_sectors, &delta->read_bytes },
		{ older->read_ms, newer->read_ms, &delta->read_ms },
		{ older->writes, newer->writes, &delta->writes },
		{ older->writes_merged, newer->writes_merged, &delta->writes_merged },
		{ older->write_sectors, newer->write_sectors, &delta->write_bytes },
		{ older->write_ms, newer->write_ms, &delta->write_ms },
		{ older->discards, newer->discards, &delta->discards },
		{ older->discards_merged, newer->discards_merged, &delta->discards_merged },
		{ older->discard_sectors, newer->discard_sectors, &delta->discard_bytes },
		{ older->discard_ms, newer->discard_ms, &delta->discard_ms },
		{ older->flushes, newer->flushes, &delta->flushes },
		{ older->flush_ms, newer->flush_ms, &delta->flush_ms },
		{ older->io_ms, newer->io_ms, &delta->io_ms },
		{ older->weighted_ms, newer->weighted_ms, &delta->weighted_ms },
	};

	*delta = (struct device_delta){
		.major = newer->major,
		.minor = newer->minor,
		.whole_disk = newer->whole_disk,
		.has_discards = older->has_discards && newer->has_discards,
		.has_flushes = older->has_flushes && newer->has_flushes,
		.in_flight = newer->in_flight,
	};
	memcpy(delta->name, newer->name, sizeof(delta->name));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (!wrapping_difference(fields[i].older, fields[i].newer, fields[i].difference))
			return false;
	delta->read_bytes *= SECTOR_BYTES;
	delta->write_bytes *= SECTOR_BYTES;
	delta->discard_bytes *= SECTOR_BYTES;
	return true;
}

static bool same_device(const struct device_counters *one, const struct device_counters *other)
{
	return one->major == other->major && one->minor == other->minor && strcmp(one->name, other->name) == 0;
}

/* Devices keep their order, so `hint` is nearly always right. */
static const struct device_counters *find_device(const struct machine_counters *machine,
						 const struct device_counters *device, size_t hint)
{
	if (hint < machine->device_count && same_device(&machine->devices[hint], device))
		return &machine->devices[hint];
	for (size_t i = 0; i < machine->device_count; i++)
		if (same_device(&machine->devices[i], device))
			return &machine->devices[i];
	return NULL;
}

static int compute_devices(struct machine_delta *delta, const struct machine_counters *older,
			   const struct machine_counters *newer)
{
	struct device_delta *devices;
	size_t count = 0;

	if (newer->device_count == 0)
		return 0;
	devices = calloc(newer->device_count, sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	for (size_t i = 0; i < newer->device_count; i++) {
		const struct device_counters *before = find_device(older, &newer->devices[i], i);

		if (before && device_difference(&devices[count], before, &newer->devices[i]))
			count++;
	}
	if (count == 0) {
		free(devices);
		devices = NULL;
	}
	delta->devices = devices;
	delta->device_count = count;
	return 0;
}

static void compute_actual(struct machine_delta *delta, const struct machine_counters *older,
			   const struct machine_counters *newer)
{
	uint64_t in, out;

	if (!wrapping_difference(older->pgpgin_kib, newer->pgpgin_kib, &in) ||
	    !wrapping_difference(older->pgpgout_kib, newer->pgpgout_kib, &out)) {
		delta->known &= ~(uint32_t)MACHINE_VMSTAT;
		return;
	}
	delta->actual_read_bytes = in * 1024;
	delta->actual_write_bytes = out * 1024;
}

static double share(uint64_t us, uint64_t elapsed_ns)
{
	double ratio = (double)us * 1e3 / (double)elapsed_ns;

	return ratio < 1 ? ratio : 1;
}

static void compute_pressure(struct machine_delta *delta, const struct machine_counters *older,
			     const struct machine_counters *newer)
{
	if (delta->elapsed_ns == 0 || newer->io_some_us < older->io_some_us || newer->io_full_us < older->io_full_us) {
		delta->known &= ~(uint32_t)MACHINE_PRESSURE;
		return;
	}
	delta->io_some_avg10 = newer->io_some_avg10;
	delta->io_some_avg60 = newer->io_some_avg60;
	delta->io_some_avg300 = newer->io_some_avg300;
	delta->io_full_avg10 = newer->io_full_avg10;
	delta->io_full_avg60 = newer->io_full_avg60;
	delta->io_full_avg300 = newer->io_full_avg300;
	delta->known |= MACHINE_MINUTES;
	delta->io_some_ratio = share(newer->io_some_us - older->io_some_us, delta->elapsed_ns);
	delta->io_full_ratio = share(newer->io_full_us - older->io_full_us, delta->elapsed_ns);
}

/* Idle and iowait are known to go down by a tick now and then (an idle CPU's figure is an estimate): that is no time.
 */
static double ticks(uint64_t older, uint64_t newer)
{
	return newer > older ? (double)(newer - older) : 0;
}

static void compute_cpu(struct machine_delta *delta, const struct machine_counters *older,
			const struct machine_counters *newer)
{
	double user = ticks(older->cpu_user, newer->cpu_user);
	double system = ticks(older->cpu_system, newer->cpu_system);
	double idle = ticks(older->cpu_idle, newer->cpu_idle);
	double iowait = ticks(older->cpu_iowait, newer->cpu_iowait);
	double steal = ticks(older->cpu_steal, newer->cpu_steal);
	double all = user + system + idle + iowait + steal;

	if (all <= 0) {
		delta->known &= ~(uint32_t)MACHINE_CPU;
		return;
	}
	delta->cpu_user = user / all;
	delta->cpu_system = system / all;
	delta->cpu_iowait = iowait / all;
	delta->cpu_steal = steal / all;
}

int machine_delta_compute(struct machine_delta *delta, const struct machine_counters *older,
			  const struct machine_counters *newer)
{
	struct machine_delta result = {
		.known = (older->known | MACHINE_MEMINFO) & newer->known,
		.elapsed_ns = newer->time_ns > older->time_ns ? newer->time_ns - older->time_ns : 0,
	};
	int error = 0;

	if (result.known & MACHINE_MEMINFO) {
		result.dirty_bytes = newer->dirty_bytes;
		result.writeback_bytes = newer->writeback_bytes;
	}
	if (result.known & MACHINE_VMSTAT)
		compute_actual(&result, older, newer);
	if (result.known & MACHINE_PRESSURE)
		compute_pressure(&result, older, newer);
	if (result.known & MACHINE_CPU)
		compute_cpu(&result, older, newer);
	if (result.known & MACHINE_DISKS)
		error = compute_devices(&result, older, newer);
	if (!error && (result.known & MACHINE_NFS))
		error = nfs_delta_compute(&result.nfs, &older->nfs, &newer->nfs);
	if (error) {
		machine_delta_free(&result);
		return error;
	}
	*delta = result;
	return 0;
}

void machine_delta_free(struct machine_delta *delta)
{
	free(delta->devices);
	nfs_mounts_free(&delta->nfs);
	*delta = (struct machine_delta){ 0 };
}

size_t machine_delta_bytes(const struct machine_delta *delta)
{
	return delta->device_count * sizeof(*delta->devices) + nfs_mounts_bytes(&delta->nfs);
}

void machine_counters_free(struct machine_counters *counters)
{
	free(counters->devices);
	nfs_mounts_free(&counters->nfs);
	*counters = (struct machine_counters){ 0 };
}

const struct device_delta *machine_busiest(const struct machine_delta *delta, double *util)
{
	const struct device_delta *busiest = NULL;

	if (delta->elapsed_ns == 0)
		return NULL;
	for (size_t i = 0; i < delta->device_count; i++) {
		const struct device_delta *device = &delta->devices[i];

		if (device->whole_disk && device->io_ms > (busiest ? busiest->io_ms : 0))
			busiest = device;
	}
	if (busiest)
		*util = share(busiest->io_ms * 1000, delta->elapsed_ns);
	return busiest;
}
