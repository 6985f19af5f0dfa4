#include "iotopx/merger.h"
#include "cgroup_delta.h"
#include "iotopx/array.h"
#include "iotopx/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct merger {
	struct interval *sum; /* NULL: nothing added yet */
	uint32_t *slots;      /* of sum->tasks by info: open addressing, IDMAP_NONE free */
	size_t capacity;
	struct cgroup_index cgroups; /* of sum->cgroups */
	/* Shares of the time, added up with their weights. */
	uint64_t pressure_ns, cpu_ns, gap_ns;
	double some, full, cpu[4];
};

struct merger *merger_open(void)
{
	return calloc(1, sizeof(struct merger));
}

void merger_close(struct merger *merger)
{
	if (!merger)
		return;
	interval_unref(merger->sum);
	free(merger->slots);
	cgroup_index_free(&merger->cgroups);
	free(merger);
}

static size_t slot_of(const struct merger *merger, const struct task_info *info)
{
	uint64_t hash = (uint64_t)(uintptr_t)info * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(hash >> 20) & (merger->capacity - 1);

	while (merger->slots[at] != IDMAP_NONE && merger->sum->tasks[merger->slots[at]].info != info)
		at = (at + 1) & (merger->capacity - 1);
	return at;
}

static void index_tasks(struct merger *merger)
{
	memset(merger->slots, 0xff, merger->capacity * sizeof(*merger->slots));
	for (size_t i = 0; i < merger->sum->count; i++)
		merger->slots[slot_of(merger, merger->sum->tasks[i].info)] = (uint32_t)i;
}

/* Room for so many tasks more, and for their places. 0 or -ENOMEM. */
static int reserve_tasks(struct merger *merger, size_t more)
{
	struct interval *sum = merger->sum;
	size_t capacity = merger->capacity ? merger->capacity : 256;
	uint32_t *slots;

	if (array_reserve_raw((void **)&sum->tasks, &sum->capacity, sum->count + more, sizeof(*sum->tasks)))
		return -ENOMEM;
	while (capacity < (sum->count + more + 1) * 2)
		capacity *= 2;
	if (capacity == merger->capacity)
		return 0;
	slots = realloc(merger->slots, capacity * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	merger->slots = slots;
	merger->capacity = capacity;
	index_tasks(merger);
	return 0;
}

static int reserve_cgroups(struct merger *merger, size_t more)
{
	struct interval *sum = merger->sum;

	if (array_reserve_raw((void **)&sum->cgroups, &sum->cgroup_capacity, sum->cgroup_count + more,
			      sizeof(*sum->cgroups)))
		return -ENOMEM;
	return cgroup_index_reserve(&merger->cgroups, sum->cgroups, more);
}

/* After reserve_cgroups, or when there are no more than there were. */
static void index_cgroups(struct merger *merger)
{
	cgroup_index_reset(&merger->cgroups);
	for (size_t i = 0; i < merger->sum->cgroup_count; i++)
		(void)cgroup_index_insert(&merger->cgroups, merger->sum->cgroups, (uint32_t)i);
}

static void add_part(struct task_delta *task, const struct task_delta *part)
{
	counters_add(&task->delta, &part->delta);
	task->busiest_blkio_ns += part->busiest_blkio_ns;
	task->busiest_swapin_ns += part->busiest_swapin_ns;
	task->lived_ns += part->lived_ns;
	task->exits += part->exits;
	task->processes += part->processes;
	task->exit_code = part->exit_code;
	task->flags = (task->flags & ~(uint32_t)DELTA_STUCK) | part->flags;
	task->state = part->state;
	if (part->prio_class != TASK_PRIO_UNKNOWN) {
		task->prio_class = part->prio_class;
		task->prio_level = part->prio_level;
	}
	task->age_ns = part->age_ns;
	task->lifetime_read = part->lifetime_read;
	task->lifetime_write = part->lifetime_write;
}

static void add_tasks(struct merger *merger, const struct interval *interval)
{
	struct interval *sum = merger->sum;

	for (size_t i = 0; i < sum->count; i++)
		sum->tasks[i].flags &= ~(uint32_t)DELTA_STUCK; /* it is about the end of the interval */
	for (size_t i = 0; i < interval->count; i++) {
		size_t slot = slot_of(merger, interval->tasks[i].info);
		struct task_delta *task;

		if (merger->slots[slot] != IDMAP_NONE) {
			add_part(&sum->tasks[merger->slots[slot]], &interval->tasks[i]);
			continue;
		}
		task = interval_add(sum);
		*task = interval->tasks[i];
		task_info_ref(task->info);
		merger->slots[slot] = (uint32_t)(sum->count - 1);
	}
}

/* Without memory there are more than that for a while. */
static void keep_cap(struct merger *merger)
{
	if (merger->sum->count <= MERGER_TASKS_MAX)
		return;
	(void)interval_fold(merger->sum, MERGER_TASKS_MAX / 2);
	index_tasks(merger);
	index_cgroups(merger);
}

static void add_device(struct device_delta *sum, const struct device_delta *part)
{
	sum->reads += part->reads;
	sum->reads_merged += part->reads_merged;
	sum->read_bytes += part->read_bytes;
	sum->read_ms += part->read_ms;
	sum->writes += part->writes;
	sum->writes_merged += part->writes_merged;
	sum->write_bytes += part->write_bytes;
	sum->write_ms += part->write_ms;
	sum->discards += part->discards;
	sum->discards_merged += part->discards_merged;
	sum->discard_bytes += part->discard_bytes;
	sum->discard_ms += part->discard_ms;
	sum->flushes += part->flushes;
	sum->flush_ms += part->flush_ms;
	sum->io_ms += part->io_ms;
	sum->weighted_ms += part->weighted_ms;
	sum->in_flight = part->in_flight;
	sum->has_discards |= part->has_discards;
	sum->has_flushes |= part->has_flushes;
}

static struct device_delta *find_device(struct machine_delta *machine, const struct device_delta *device)
{
	for (size_t i = 0; i < machine->device_count; i++)
		if (machine->devices[i].major == device->major && machine->devices[i].minor == device->minor)
			return &machine->devices[i];
	return NULL;
}

static int reserve_devices(struct machine_delta *sum, const struct machine_delta *part)
{
	size_t missing = 0;
	struct device_delta *grown;

	for (size_t i = 0; i < part->device_count; i++)
		missing += !find_device(sum, &part->devices[i]);
	if (!missing)
		return 0;
	grown = realloc(sum->devices, (sum->device_count + missing) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	sum->devices = grown;
	return 0;
}

static void add_devices(struct machine_delta *sum, const struct machine_delta *part)
{
	for (size_t i = 0; i < part->device_count; i++) {
		struct device_delta *device = find_device(sum, &part->devices[i]);

		if (device)
			add_device(device, &part->devices[i]);
		else
			sum->devices[sum->device_count++] = part->devices[i];
	}
}

static struct nfs_mount *find_mount(struct nfs_mounts *mounts, const struct nfs_mount *mount)
{
	for (size_t i = 0; i < mounts->count; i++)
		if (strcmp(mounts->items[i].mount, mount->mount) == 0 &&
		    strcmp(mounts->items[i].device, mount->device) == 0)
			return &mounts->items[i];
	return NULL;
}

static struct nfs_op *find_op(struct nfs_mount *mount, const struct nfs_op *wanted)
{
	for (size_t i = 0; i < mount->op_count; i++)
		if (strcmp(mount->ops[i].name, wanted->name) == 0)
			return &mount->ops[i];
	return NULL;
}

static struct nfs_mount *make_mount(struct nfs_mounts *mounts, const struct nfs_mount *like)
{
	struct nfs_mount *mount = array_append(mounts);

	if (!mount)
		return NULL;
	mount->mount = strdup(like->mount);
	mount->device = strdup(like->device);
	mount->version = strdup(like->version);
	mount->has_errors = true;
	if (mount->mount && mount->device && mount->version)
		return mount;
	free(mount->mount);
	free(mount->device);
	free(mount->version);
	mounts->count--;
	return NULL;
}

/* What is not there yet comes with nothing done. */
static int make_mounts(struct nfs_mounts *sum, const struct nfs_mounts *part)
{
	for (size_t i = 0; i < part->count; i++) {
		const struct nfs_mount *from = &part->items[i];
		struct nfs_mount *mount = find_mount(sum, from);

		if (!mount)
			mount = make_mount(sum, from);
		for (size_t j = 0; mount && j < from->op_count; j++) {
			struct nfs_op *op = find_op(mount, &from->ops[j]);

			if (!op)
				op = array_append_raw((void **)&mount->ops, &mount->op_count, &mount->op_capacity,
						      sizeof(*mount->ops));
			if (!op)
				return -ENOMEM;
			memcpy(op->name, from->ops[j].name, sizeof(op->name));
		}
		if (!mount)
			return -ENOMEM;
	}
	return 0;
}

static void add_op(struct nfs_op *op, const struct nfs_op *part)
{
	op->ops += part->ops;
	op->transmissions += part->transmissions;
	op->timeouts += part->timeouts;
	op->sent_bytes += part->sent_bytes;
	op->received_bytes += part->received_bytes;
	op->queue_ms += part->queue_ms;
	op->rtt_ms += part->rtt_ms;
	op->execute_ms += part->execute_ms;
	op->errors += part->errors;
}

static void add_mounts(struct nfs_mounts *sum, const struct nfs_mounts *part)
{
	for (size_t i = 0; i < part->count; i++) {
		const struct nfs_mount *from = &part->items[i];
		struct nfs_mount *mount = find_mount(sum, from);

		mount->age_s += from->age_s;
		mount->sends += from->sends;
		mount->backlog += from->backlog;
		mount->has_errors &= from->has_errors;
		for (size_t j = 0; j < from->op_count; j++)
			add_op(find_op(mount, &from->ops[j]), &from->ops[j]);
	}
}

static void add_shares(struct merger *merger, const struct machine_delta *part)
{
	double weight = (double)part->elapsed_ns;

	if (part->known & MACHINE_PRESSURE) {
		merger->pressure_ns += part->elapsed_ns;
		merger->some += part->io_some_ratio * weight;
		merger->full += part->io_full_ratio * weight;
	}
	if (part->known & MACHINE_CPU) {
		merger->cpu_ns += part->elapsed_ns;
		merger->cpu[0] += part->cpu_user * weight;
		merger->cpu[1] += part->cpu_system * weight;
		merger->cpu[2] += part->cpu_iowait * weight;
		merger->cpu[3] += part->cpu_steal * weight;
	}
}

/* Levels are those of the last interval, what moved is added, shares are weighed. */
static void add_machine(struct merger *merger, const struct machine_delta *part)
{
	struct machine_delta *sum = &merger->sum->machine, before = *sum;

	*sum = *part;
	sum->devices = before.devices;
	sum->device_count = before.device_count;
	sum->nfs = before.nfs;
	sum->known = before.known | part->known;
	sum->elapsed_ns = before.elapsed_ns + part->elapsed_ns;
	sum->actual_read_bytes += before.actual_read_bytes;
	sum->actual_write_bytes += before.actual_write_bytes;
	add_shares(merger, part);
	if (merger->pressure_ns) {
		sum->io_some_ratio = merger->some / (double)merger->pressure_ns;
		sum->io_full_ratio = merger->full / (double)merger->pressure_ns;
	}
	if (merger->cpu_ns) {
		sum->cpu_user = merger->cpu[0] / (double)merger->cpu_ns;
		sum->cpu_system = merger->cpu[1] / (double)merger->cpu_ns;
		sum->cpu_iowait = merger->cpu[2] / (double)merger->cpu_ns;
		sum->cpu_steal = merger->cpu[3] / (double)merger->cpu_ns;
	}
	add_devices(sum, part);
	add_mounts(&sum->nfs, &part->nfs);
}

static uint64_t gap_of(const struct interval *interval)
{
	return interval->gap ? interval_measured_ns(interval) : 0;
}

static void add_head(struct merger *merger, const struct interval *part)
{
	struct interval *sum = merger->sum;

	merger->gap_ns += gap_of(part);
	sum->measured_ns = interval_measured_ns(sum) + interval_measured_ns(part);
	sum->end_ns = part->end_ns;
	sum->end_wall_ms = part->end_wall_ms;
	sum->all_tasks &= part->all_tasks;
	sum->exits_known &= part->exits_known;
	sum->delayacct = part->delayacct;
	sum->cgroup_io &= part->cgroup_io;
	sum->cgroup_pressure &= part->cgroup_pressure;
	sum->lost_exits += part->lost_exits;
	sum->task_count = part->task_count;
	sum->process_count = part->process_count;
	sum->exited += part->exited;
	sum->unrecorded += part->unrecorded;
	sum->gap = merger->gap_ns * 2 > interval_measured_ns(sum); /* an hour with a long breath in it is none */
	counters_add(&sum->total, &part->total);
}

/* The first one is taken over as it is: then nothing of it is approximate that was not. */
static int begin(struct merger *merger, const struct interval *interval)
{
	merger->sum = history_copy_interval(interval);
	cgroup_index_reset(&merger->cgroups);
	if (!merger->sum || reserve_tasks(merger, 1) || reserve_cgroups(merger, merger->sum->cgroup_count)) {
		interval_unref(merger->sum);
		merger->sum = NULL;
		return -ENOMEM;
	}
	index_tasks(merger);
	index_cgroups(merger);
	merger->pressure_ns = merger->cpu_ns = 0;
	merger->gap_ns = gap_of(interval);
	merger->some = merger->full = 0;
	memset(merger->cpu, 0, sizeof(merger->cpu));
	add_shares(merger, &interval->machine);
	return 0;
}

/* All the memory that adding it takes. */
static int reserve(struct merger *merger, const struct interval *interval)
{
	struct machine_delta *machine = &merger->sum->machine;
	int error = reserve_tasks(merger, interval->count);

	if (!error)
		error = reserve_cgroups(merger, interval->cgroup_count);
	if (!error)
		error = reserve_devices(machine, &interval->machine);
	return error ? error : make_mounts(&machine->nfs, &interval->machine.nfs);
}

int merger_add(struct merger *merger, const struct interval *interval)
{
	if (!merger->sum)
		return begin(merger, interval);
	if (reserve(merger, interval))
		return -ENOMEM;
	add_tasks(merger, interval);
	(void)cgroup_deltas_add(merger->sum, &merger->cgroups, interval);
	add_machine(merger, &interval->machine);
	add_head(merger, interval);
	keep_cap(merger);
	return 0;
}

struct interval *merger_take(struct merger *merger)
{
	struct interval *sum = merger->sum;

	merger->sum = NULL;
	return sum;
}
