#include "iotopx/device_stat.h"

#include <ctype.h>
#include <string.h>

static void set(struct device_stat *stat, enum device_figure figure, double value)
{
	stat->figure[figure] = value;
	stat->known |= 1u << figure;
}

/* What is nothing to divide by is not known. */
static void set_mean(struct device_stat *stat, enum device_figure figure, double sum, uint64_t count)
{
	if (count > 0)
		set(stat, figure, sum / (double)count);
}

static void set_rates(struct device_stat *stat, const struct device_delta *delta, double seconds)
{
	double util = (double)delta->io_ms / (seconds * 1e3);

	set(stat, DEVICE_READS, (double)delta->reads / seconds);
	set(stat, DEVICE_WRITES, (double)delta->writes / seconds);
	set(stat, DEVICE_READ_BYTES, (double)delta->read_bytes / seconds);
	set(stat, DEVICE_WRITE_BYTES, (double)delta->write_bytes / seconds);
	set(stat, DEVICE_READ_MERGES, (double)delta->reads_merged / seconds);
	set(stat, DEVICE_WRITE_MERGES, (double)delta->writes_merged / seconds);
	if (delta->has_discards) {
		set(stat, DEVICE_DISCARDS, (double)delta->discards / seconds);
		set(stat, DEVICE_DISCARD_BYTES, (double)delta->discard_bytes / seconds);
	}
	if (delta->has_flushes)
		set(stat, DEVICE_FLUSHES, (double)delta->flushes / seconds);
	set(stat, DEVICE_QUEUE, (double)delta->weighted_ms / (seconds * 1e3));
	/* The kernel counts in ticks of its own: a busy disk can pass the whole interval by one. */
	set(stat, DEVICE_UTIL, util < 1 ? util : 1);
}

static void set_means(struct device_stat *stat, const struct device_delta *delta)
{
	set_mean(stat, DEVICE_READ_WAIT, (double)delta->read_ms * 1e6, delta->reads);
	set_mean(stat, DEVICE_WRITE_WAIT, (double)delta->write_ms * 1e6, delta->writes);
	set_mean(stat, DEVICE_READ_SIZE, (double)delta->read_bytes, delta->reads);
	set_mean(stat, DEVICE_WRITE_SIZE, (double)delta->write_bytes, delta->writes);
	set_mean(stat, DEVICE_REQUEST_SIZE, (double)delta->read_bytes + (double)delta->write_bytes,
		 delta->reads + delta->writes);
	if (delta->has_discards)
		set_mean(stat, DEVICE_DISCARD_WAIT, (double)delta->discard_ms * 1e6, delta->discards);
	if (delta->has_flushes)
		set_mean(stat, DEVICE_FLUSH_WAIT, (double)delta->flush_ms * 1e6, delta->flushes);
}

void device_stat_compute(struct device_stat *stat, const struct device_delta *delta, uint64_t elapsed_ns,
			 const struct device_info *info)
{
	*stat = (struct device_stat){
		.delta = delta,
		.info = info,
		.active = delta->reads || delta->writes || delta->discards || delta->flushes || delta->in_flight ||
			  delta->io_ms,
	};
	set(stat, DEVICE_IN_FLIGHT, (double)delta->in_flight);
	if (elapsed_ns == 0)
		return;
	set_rates(stat, delta, (double)elapsed_ns / 1e9);
	set_means(stat, delta);
}

const struct device_delta *device_find(const struct machine_delta *machine, unsigned major, unsigned minor)
{
	for (size_t i = 0; i < machine->device_count; i++)
		if (machine->devices[i].major == major && machine->devices[i].minor == minor)
			return &machine->devices[i];
	return NULL;
}

/* sda1: sda. nvme0n1p2: nvme0n1, with a "p" because the disk's own name ends with a digit. */
static const struct device_delta *parent_by_name(const struct machine_delta *machine, const char *name)
{
	size_t stem = strlen(name), length = stem;

	while (stem > 0 && isdigit((unsigned char)name[stem - 1]))
		stem--;
	if (stem == 0 || stem == length)
		return NULL;
	if (stem > 1 && name[stem - 1] == 'p' && isdigit((unsigned char)name[stem - 2]))
		stem--;
	for (size_t i = 0; i < machine->device_count; i++) {
		const char *disk = machine->devices[i].name;

		if (strlen(disk) == stem && memcmp(disk, name, stem) == 0)
			return &machine->devices[i];
	}
	return NULL;
}

const struct device_delta *device_parent(const struct machine_delta *machine, const struct device_delta *delta,
					 const struct device_info *info)
{
	if (info)
		return info->partition ? device_find(machine, info->parent_major, info->parent_minor) : NULL;
	return delta->whole_disk ? NULL : parent_by_name(machine, delta->name);
}
