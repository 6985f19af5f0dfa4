#include "flatten.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct flattening {
	struct catalog *catalog;
	const struct lookup *lookup;
	struct parcel *parcel;
	const struct interval *interval;
	int64_t sample;
};

static void put_counters(int64_t *cells, const struct counters *counters)
{
	for (int counter = 0; counter < COUNTER_COUNT; counter++)
		if (counters_known(counters, (enum counter)counter))
			cells[counter] = (int64_t)counters->value[counter];
}

/* The kernel's text has two decimals: so nothing is lost. The means over minutes are not kept: those over 10 s
 * are in each sample. */
static void put_pressure(int64_t *row, const struct machine_delta *machine)
{
	const double percents[] = { machine->io_some_avg10, machine->io_full_avg10 };
	const double ratios[] = { machine->io_some_ratio, machine->io_full_ratio };

	for (size_t i = 0; i < sizeof(percents) / sizeof(*percents); i++)
		row[SAMPLE_PRESSURE + (int)i] = llround(percents[i] * 100);
	/* All of the time stays all of it. */
	for (size_t i = 0; i < sizeof(ratios) / sizeof(*ratios); i++)
		row[SAMPLE_SOME_US + (int)i] = ratios[i] >= 1 ? (int64_t)(machine->elapsed_ns / 1000 + 1)
							      : llround(ratios[i] * (double)machine->elapsed_ns / 1e3);
}

static void put_machine(int64_t *row, const struct machine_delta *machine, uint64_t length)
{
	const double cpu[] = { machine->cpu_user, machine->cpu_system, machine->cpu_iowait, machine->cpu_steal };

	row[SAMPLE_MACHINE_KNOWN] = machine->known & ~(uint32_t)MACHINE_MINUTES;
	if (machine->elapsed_ns != length)
		row[SAMPLE_MACHINE_LENGTH] = (int64_t)machine->elapsed_ns;
	if (machine->known & MACHINE_VMSTAT) {
		row[SAMPLE_ACTUAL_READ] = (int64_t)machine->actual_read_bytes;
		row[SAMPLE_ACTUAL_WRITE] = (int64_t)machine->actual_write_bytes;
	}
	if (machine->known & MACHINE_MEMINFO) {
		row[SAMPLE_DIRTY] = (int64_t)machine->dirty_bytes;
		row[SAMPLE_WRITEBACK] = (int64_t)machine->writeback_bytes;
	}
	if (machine->known & MACHINE_PRESSURE)
		put_pressure(row, machine);
	if (machine->known & MACHINE_CPU)
		for (size_t i = 0; i < sizeof(cpu) / sizeof(*cpu); i++)
			row[SAMPLE_CPU + (int)i] = llround(cpu[i] * 1e6);
}

static int put_sample(const struct flattening *work, uint64_t dropped)
{
	const struct interval *interval = work->interval;
	uint64_t blkio = 0, swapin = 0, length = interval->end_ns - interval->begin_ns;
	int64_t *row = parcel_row(work->parcel, TABLE_SAMPLES);

	if (!row)
		return -ENOMEM;
	for (size_t i = 0; i < interval->count; i++) {
		const struct task_delta *task = &interval->tasks[i];

		blkio = task->busiest_blkio_ns > blkio ? task->busiest_blkio_ns : blkio;
		swapin = task->busiest_swapin_ns > swapin ? task->busiest_swapin_ns : swapin;
	}
	row[SAMPLE_ID] = work->sample;
	row[SAMPLE_END_MS] = interval->end_wall_ms;
	row[SAMPLE_END_NS] = (int64_t)interval->end_ns;
	row[SAMPLE_LENGTH] = (int64_t)length;
	row[SAMPLE_FLAGS] = (interval->all_tasks ? SAMPLE_ALL_TASKS : 0) |
			    (interval->exits_known ? SAMPLE_EXITS_KNOWN : 0) | (interval->gap ? SAMPLE_GAP : 0) |
			    (interval->cgroup_io ? SAMPLE_CGROUP_IO : 0) |
			    (interval->cgroup_pressure ? SAMPLE_CGROUP_PRESSURE : 0);
	row[SAMPLE_DELAYACCT] = interval->delayacct < 0 ? CELL_NULL : interval->delayacct;
	if (interval->exits_known)
		row[SAMPLE_LOST_EXITS] = (int64_t)interval->lost_exits;
	row[SAMPLE_DROPPED] = (int64_t)dropped;
	row[SAMPLE_TASK_COUNT] = (int64_t)interval->task_count;
	row[SAMPLE_PROCESS_COUNT] = (int64_t)interval->process_count;
	row[SAMPLE_EXITED] = (int64_t)interval->exited;
	row[SAMPLE_APPROXIMATE] = interval->total.approximate;
	put_counters(row + SAMPLE_TOTAL, &interval->total);
	row[SAMPLE_BUSIEST_BLKIO] = (int64_t)blkio;
	row[SAMPLE_BUSIEST_SWAPIN] = (int64_t)swapin;
	put_machine(row, &interval->machine, length);
	return 0;
}

static int64_t prio_of(const struct flattening *work, const struct task_delta *task)
{
	int io_class = task->prio_class, level = task->prio_level;

	if (io_class == TASK_PRIO_UNKNOWN && !(task->flags & DELTA_EXITED)) {
		struct prio prio = work->lookup->prio(work->lookup->data, task->info);

		io_class = prio.io_class;
		level = prio.level;
	}
	return io_class == TASK_PRIO_UNKNOWN ? CELL_NULL : io_class * 8 + level;
}

static uint64_t difference(uint64_t one, uint64_t other)
{
	return one > other ? one - other : other - one;
}

/* What a reader will think unless told otherwise. */
static uint64_t expected_age(const struct interval *interval, const struct task_info *info)
{
	return interval->end_ns > info->id.start_ns ? interval->end_ns - info->id.start_ns : 0;
}

static uint64_t expected_lived(const struct interval *interval, uint64_t age)
{
	uint64_t length = interval->end_ns - interval->begin_ns;

	return age < length ? age : length;
}

static bool lifetime_expected(struct catalog_task *entry, const struct task_delta *task, int64_t keyframe)
{
	const uint64_t *moved = task->delta.value;
	bool expected;

	if (!entry) /* not seen before nor again: it is what it did, or nothing is said of it */
		return task->lifetime_read == moved[COUNTER_READ] && task->lifetime_write == moved[COUNTER_WRITE];
	/* The first of a keyframe begins at what it did. */
	if (!entry->has_lifetime || entry->keyframe != keyframe)
		entry->lifetime_read = entry->lifetime_write = 0;
	expected = entry->lifetime_read + moved[COUNTER_READ] == task->lifetime_read &&
		   entry->lifetime_write + moved[COUNTER_WRITE] == task->lifetime_write;
	entry->has_lifetime = true;
	entry->keyframe = keyframe;
	entry->lifetime_read = task->lifetime_read;
	entry->lifetime_write = task->lifetime_write;
	return expected;
}

/* The row of what can't be guessed, if there is anything. */
static int put_extras(const struct flattening *work, const struct task_delta *task, struct catalog_task *entry,
		      int64_t id)
{
	uint64_t age = expected_age(work->interval, task->info), lived;
	bool age_differs = difference(age, task->age_ns) > SCHEMA_AGE_SLACK_NS;
	int64_t *row, cells[EXTRA_COLUMNS];
	bool any = false;

	for (int i = 0; i < EXTRA_COLUMNS; i++)
		cells[i] = CELL_NULL;
	lived = expected_lived(work->interval, age_differs ? task->age_ns : age);
	if (task->exits != ((task->flags & DELTA_EXITED) != 0))
		cells[EXTRA_EXITS] = task->exits;
	if (task->processes != ((task->flags & DELTA_GROUP_DEAD) != 0))
		cells[EXTRA_PROCESSES] = task->processes;
	if (task->exit_code)
		cells[EXTRA_EXIT_CODE] = task->exit_code;
	if (age_differs)
		cells[EXTRA_AGE] = (int64_t)task->age_ns;
	if (difference(lived, task->lived_ns) > SCHEMA_AGE_SLACK_NS)
		cells[EXTRA_LIVED] = (int64_t)task->lived_ns;
	if (!lifetime_expected(entry, task, work->sample / SCHEMA_KEYFRAME)) {
		cells[EXTRA_LIFETIME_READ] = (int64_t)task->lifetime_read;
		cells[EXTRA_LIFETIME_WRITE] = (int64_t)task->lifetime_write;
	}
	if (task->busiest_blkio_ns != task->delta.value[COUNTER_BLKIO_DELAY])
		cells[EXTRA_BUSIEST_BLKIO] = (int64_t)task->busiest_blkio_ns;
	if (task->busiest_swapin_ns != task->delta.value[COUNTER_SWAPIN_DELAY])
		cells[EXTRA_BUSIEST_SWAPIN] = (int64_t)task->busiest_swapin_ns;
	for (int i = EXTRA_ID + 1; i < EXTRA_COLUMNS; i++)
		any |= cells[i] != CELL_NULL;
	if (!any)
		return 0;
	row = parcel_row(work->parcel, TABLE_TASK_EXTRAS);
	if (!row)
		return -ENOMEM;
	cells[EXTRA_ID] = id;
	memcpy(row, cells, sizeof(cells));
	return 0;
}

static int put_task(const struct flattening *work, const struct task_delta *task, int64_t id)
{
	bool lives = !(task->flags & (DELTA_EXITED | DELTA_FOLDED | DELTA_OTHER));
	struct catalog_task *entry = NULL;
	int64_t known, *row;
	int error = catalog_task(work->catalog, work->parcel, task->info, lives, &known, &entry);

	row = error ? NULL : parcel_row(work->parcel, TABLE_TASK_DELTAS);
	if (!row)
		return -ENOMEM;
	row[DELTA_ID] = id;
	row[DELTA_TASK] = known;
	row[DELTA_FLAGS] = task->flags;
	row[DELTA_APPROXIMATE] = task->delta.approximate;
	if (task->state)
		row[DELTA_STATE] = (unsigned char)task->state;
	row[DELTA_PRIO] = prio_of(work, task);
	put_counters(row + DELTA_COUNTER, &task->delta);
	return put_extras(work, task, entry, id);
}

static int put_cgroup(const struct flattening *work, const struct cgroup_delta *cgroup, int64_t id)
{
	int64_t texts[3], *row;
	int error = catalog_text(work->catalog, work->parcel, cgroup->cgroup, &texts[0]);

	if (!error)
		error = catalog_text(work->catalog, work->parcel, cgroup->unit, &texts[1]);
	if (!error)
		error = catalog_text(work->catalog, work->parcel, cgroup->container, &texts[2]);
	row = error ? NULL : parcel_row(work->parcel, TABLE_CGROUP_DELTAS);
	if (!row)
		return -ENOMEM;
	row[CGROUP_DELTA_ID] = id;
	row[CGROUP_DELTA_CGROUP] = texts[0];
	row[CGROUP_DELTA_UNIT] = texts[1];
	row[CGROUP_DELTA_CONTAINER] = texts[2];
	if (cgroup->io_known) {
		row[CGROUP_DELTA_READ] = (int64_t)cgroup->read_bytes;
		row[CGROUP_DELTA_WRITE] = (int64_t)cgroup->write_bytes;
	}
	if (cgroup->pressure_known) {
		row[CGROUP_DELTA_SOME] = (int64_t)cgroup->some_us;
		row[CGROUP_DELTA_FULL] = (int64_t)cgroup->full_us;
	}
	row[CGROUP_DELTA_APPROXIMATE] = cgroup->approximate;
	return 0;
}

static bool device_moved(struct device_delta *device)
{
	for (int figure = 0; figure < DEVICE_FIGURES; figure++)
		if (*schema_device_figure(device, figure))
			return true;
	return false;
}

static int put_device(const struct flattening *work, struct device_delta device, int64_t row_id)
{
	int64_t id, *row;
	bool is_new;

	if (catalog_device(work->catalog, work->parcel, &device, &id, &is_new))
		return -ENOMEM;
	/* Idle ones are there since the last keyframe. */
	if (!is_new && work->sample % SCHEMA_KEYFRAME != 0 && !device_moved(&device))
		return 0;
	row = parcel_row(work->parcel, TABLE_DEVICE_DELTAS);
	if (!row)
		return -ENOMEM;
	row[DEVICE_DELTA_ID] = row_id;
	row[DEVICE_DELTA_DEVICE] = id;
	for (int figure = 0; figure < DEVICE_FIGURES; figure++)
		if (schema_device_has(&device, figure))
			row[DEVICE_DELTA_FIGURE + figure] = (int64_t)*schema_device_figure(&device, figure);
	return 0;
}

static int put_devices(const struct flattening *work)
{
	const struct machine_delta *machine = &work->interval->machine;

	for (size_t i = 0; i < machine->device_count && i < SCHEMA_ROWS_MAX; i++)
		if (put_device(work, machine->devices[i], (work->sample << SCHEMA_SHIFT) + (int64_t)i))
			return -ENOMEM;
	return 0;
}

static int put_op(const struct flattening *work, int64_t mount, struct nfs_op op, int64_t id)
{
	int64_t name, *row;
	bool moved = false;

	for (int figure = 0; figure < OP_FIGURES; figure++)
		moved |= *schema_op_figure(&op, figure) != 0;
	if (!moved)
		return 0;
	if (catalog_text(work->catalog, work->parcel, op.name, &name))
		return -ENOMEM;
	row = parcel_row(work->parcel, TABLE_MOUNT_OP_DELTAS);
	if (!row)
		return -ENOMEM;
	row[OP_DELTA_ID] = id;
	row[OP_DELTA_MOUNT] = mount;
	row[OP_DELTA_NAME] = name;
	for (int figure = 0; figure < OP_FIGURES; figure++)
		row[OP_DELTA_FIGURE + figure] = (int64_t)*schema_op_figure(&op, figure);
	return 0;
}

/* The operations of a mount follow it: they are found by its id, in the order of their own. */
static int put_mounts(const struct flattening *work)
{
	const struct nfs_mounts *mounts = &work->interval->machine.nfs;
	int64_t first = work->sample << SCHEMA_SHIFT, op_id = first;

	for (size_t i = 0; i < mounts->count && i < SCHEMA_ROWS_MAX; i++) {
		const struct nfs_mount *mount = &mounts->items[i];
		int64_t id, *row;

		if (catalog_mount(work->catalog, work->parcel, mount, &id))
			return -ENOMEM;
		row = parcel_row(work->parcel, TABLE_MOUNT_DELTAS);
		if (!row)
			return -ENOMEM;
		row[MOUNT_DELTA_ID] = first + (int64_t)i;
		row[MOUNT_DELTA_MOUNT] = id;
		row[MOUNT_DELTA_AGE] = (int64_t)mount->age_s;
		row[MOUNT_DELTA_SENDS] = (int64_t)mount->sends;
		row[MOUNT_DELTA_BACKLOG] = (int64_t)mount->backlog;
		row[MOUNT_DELTA_ERRORS] = mount->has_errors;
		for (size_t op = 0; op < mount->op_count && op_id < first + SCHEMA_ROWS_MAX; op++)
			if (put_op(work, id, mount->ops[op], op_id++))
				return -ENOMEM;
	}
	return 0;
}

int flatten_interval(struct catalog *catalog, const struct lookup *lookup, struct parcel *parcel, int64_t sample,
		     uint64_t dropped, const struct interval *interval)
{
	const struct flattening work = { catalog, lookup, parcel, interval, sample };
	int error = interval->count > SCHEMA_ROWS_MAX ? -ENOMEM : put_sample(&work, dropped);

	for (size_t i = 0; i < interval->count && !error; i++)
		error = put_task(&work, &interval->tasks[i], (sample << SCHEMA_SHIFT) + (int64_t)i);
	for (size_t i = 0; i < interval->cgroup_count && i < SCHEMA_ROWS_MAX && !error; i++)
		error = put_cgroup(&work, &interval->cgroups[i], (sample << SCHEMA_SHIFT) + (int64_t)i);
	if (!error && interval->machine.known & MACHINE_DISKS)
		error = put_devices(&work);
	if (!error && interval->machine.known & MACHINE_NFS)
		error = put_mounts(&work);
	return error;
}
