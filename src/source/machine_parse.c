#include "iotopx/machine_read.h"
#include "iotopx/array.h"
#include "scan.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static bool find_number(const char *text, const char *key, uint64_t *value)
{
	const char *at = scan_find(text, key);

	return at && scan_number(&at, value);
}

int machine_parse_vmstat(const char *text, struct machine_counters *counters)
{
	uint64_t in, out;

	if (!find_number(text, "pgpgin ", &in) || !find_number(text, "pgpgout ", &out))
		return -EINVAL;
	counters->pgpgin_kib = in;
	counters->pgpgout_kib = out;
	counters->known |= MACHINE_VMSTAT;
	return 0;
}

int machine_parse_meminfo(const char *text, struct machine_counters *counters)
{
	uint64_t dirty, writeback;

	if (!find_number(text, "Dirty:", &dirty) || !find_number(text, "Writeback:", &writeback))
		return -EINVAL;
	counters->dirty_bytes = dirty * 1024;
	counters->writeback_bytes = writeback * 1024;
	counters->known |= MACHINE_MEMINFO;
	return 0;
}

struct pressure_line {
	double avg10, avg60, avg300;
	uint64_t total_us;
};

static bool pressure_line(const char *text, const char *key, struct pressure_line *line)
{
	const char *at = scan_find(text, key);

	return at && scan_word(&at, " avg10=") && scan_decimal(&at, &line->avg10) && scan_word(&at, " avg60=") &&
	       scan_decimal(&at, &line->avg60) && scan_word(&at, " avg300=") && scan_decimal(&at, &line->avg300) &&
	       scan_word(&at, " total=") && scan_number(&at, &line->total_us);
}

int machine_parse_pressure(const char *text, struct machine_counters *counters)
{
	struct pressure_line some, full;

	if (!pressure_line(text, "some", &some) || !pressure_line(text, "full", &full))
		return -EINVAL;
	counters->io_some_avg10 = some.avg10;
	counters->io_some_avg60 = some.avg60;
	counters->io_some_avg300 = some.avg300;
	counters->io_some_us = some.total_us;
	counters->io_full_avg10 = full.avg10;
	counters->io_full_avg60 = full.avg60;
	counters->io_full_avg300 = full.avg300;
	counters->io_full_us = full.total_us;
	counters->known |= MACHINE_PRESSURE;
	return 0;
}

int machine_parse_cpu(const char *text, struct machine_counters *counters)
{
	enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, FIELDS };
	const char *at = scan_find(text, "cpu ");
	uint64_t field[FIELDS] = { 0 };
	size_t count = 0;

	while (at && count < FIELDS && scan_number(&at, &field[count]))
		count++;
	if (count <= SOFTIRQ) /* steal came with 2.6.11 */
		return -EINVAL;
	counters->cpu_user = field[USER] + field[NICE];
	counters->cpu_system = field[SYSTEM] + field[IRQ] + field[SOFTIRQ];
	counters->cpu_idle = field[IDLE];
	counters->cpu_iowait = field[IOWAIT];
	counters->cpu_steal = field[STEAL];
	counters->known |= MACHINE_CPU;
	return 0;
}

/* Partitions are a disk's name and a number, with a "p" between where the disk's name ends with a digit. */
static bool named_like_partition(const char *name)
{
	static const char *const disks[] = { "sd", "hd", "vd", "xvd" };
	static const char *const numbered[] = { "nvme", "mmcblk", "md", "nbd", "pmem", "rbd", "loop" };
	size_t length = strlen(name), stem = length;

	while (stem > 0 && isdigit((unsigned char)name[stem - 1]))
		stem--;
	if (stem == length || stem == 0)
		return false;
	for (size_t i = 0; i < sizeof(disks) / sizeof(disks[0]); i++)
		if (strncmp(name, disks[i], strlen(disks[i])) == 0)
			return true;
	for (size_t i = 0; i < sizeof(numbered) / sizeof(numbered[0]); i++)
		if (strncmp(name, numbered[i], strlen(numbered[i])) == 0)
			return name[stem - 1] == 'p' && stem >= 2 && isdigit((unsigned char)name[stem - 2]);
	return false;
}

bool machine_device_in_memory(const char *name)
{
	static const char *const prefixes[] = { "loop", "ram", "zram" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static bool parse_device(const char *at, struct device_counters *device)
{
	uint64_t major, minor;
	const char *name;
	size_t length, count = 0;
	uint64_t *fields[] = {
		&device->reads,           &device->reads_merged,    &device->read_sectors,  &device->read_ms,
		&device->writes,          &device->writes_merged,   &device->write_sectors, &device->write_ms,
		&device->in_flight,       &device->io_ms,           &device->weighted_ms,   &device->discards,
		&device->discards_merged, &device->discard_sectors, &device->discard_ms,    &device->flushes,
		&device->flush_ms,
	};

	if (!scan_number(&at, &major) || !scan_number(&at, &minor) || (length = scan_token(&at, &name)) == 0)
		return false;
	device->major = (unsigned)major;
	device->minor = (unsigned)minor;
	if (length >= sizeof(device->name))
		length = sizeof(device->name) - 1;
	memcpy(device->name, name, length);
	while (count < sizeof(fields) / sizeof(fields[0]) && scan_number(&at, fields[count]))
		count++;
	device->has_discards = count >= 15; /* since 4.18 */
	device->has_flushes = count >= 17;  /* since 5.5 */
	device->whole_disk = !machine_device_in_memory(device->name) && !named_like_partition(device->name);
	return count >= 11; /* partitions had 4 fields before 2.6.25 */
}

int machine_parse_diskstats(const char *text, struct machine_counters *counters)
{
	size_t count = 0;

	for (; *text; scan_line(&text)) {
		struct device_counters device = { 0 };

		if (!parse_device(text, &device))
			return -EINVAL;
		if (array_reserve_raw((void **)&counters->devices, &counters->device_capacity, count + 1,
				      sizeof(*counters->devices)))
			return -ENOMEM;
		counters->devices[count++] = device;
	}
	counters->device_count = count;
	counters->known |= MACHINE_DISKS;
	return 0;
}
