#include "reader_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COLUMN_EXTRAS DELTA_COLUMNS /* in the joined rows of deltas */

static bool is_null(sqlite3_stmt *row, int column)
{
	return sqlite3_column_type(row, column) == SQLITE_NULL;
}

static uint64_t unsigned_at(sqlite3_stmt *row, int column)
{
	return (uint64_t)sqlite3_column_int64(row, column);
}

/* What is NULL is unknown. */
static void get_counters(sqlite3_stmt *row, int column, struct counters *counters)
{
	counters->known = 0;
	for (int counter = 0; counter < COUNTER_COUNT; counter++)
		if (!is_null(row, column + counter)) {
			counters->known |= COUNTER_BIT(counter);
			counters->value[counter] = unsigned_at(row, column + counter);
		}
}

static double share(sqlite3_stmt *row, int column, uint64_t elapsed_ns)
{
	double ratio = elapsed_ns ? (double)unsigned_at(row, column) * 1e3 / (double)elapsed_ns : 0;

	return ratio < 1 ? ratio : 1;
}

static void get_machine(sqlite3_stmt *row, struct machine_delta *machine, uint64_t length)
{
	double *percents[] = { &machine->io_some_avg10, &machine->io_full_avg10 };
	double *cpu[] = { &machine->cpu_user, &machine->cpu_system, &machine->cpu_iowait, &machine->cpu_steal };

	machine->known = (uint32_t)sqlite3_column_int64(row, SAMPLE_MACHINE_KNOWN);
	machine->elapsed_ns = is_null(row, SAMPLE_MACHINE_LENGTH) ? length : unsigned_at(row, SAMPLE_MACHINE_LENGTH);
	machine->actual_read_bytes = unsigned_at(row, SAMPLE_ACTUAL_READ);
	machine->actual_write_bytes = unsigned_at(row, SAMPLE_ACTUAL_WRITE);
	machine->dirty_bytes = unsigned_at(row, SAMPLE_DIRTY);
	machine->writeback_bytes = unsigned_at(row, SAMPLE_WRITEBACK);
	for (size_t i = 0; i < sizeof(percents) / sizeof(*percents); i++)
		*percents[i] = (double)sqlite3_column_int64(row, SAMPLE_PRESSURE + (int)i) / 100;
	if (machine->known & MACHINE_PRESSURE) {
		machine->io_some_ratio = share(row, SAMPLE_SOME_US, machine->elapsed_ns);
		machine->io_full_ratio = share(row, SAMPLE_FULL_US, machine->elapsed_ns);
	}
	for (size_t i = 0; i < sizeof(cpu) / sizeof(*cpu); i++)
		*cpu[i] = (double)sqlite3_column_int64(row, SAMPLE_CPU + (int)i) / 1e6;
}

static int64_t offset_of(const struct reader *reader, int64_t sample)
{
	int64_t offset = 0;

	for (size_t i = 0; i < reader->epochs.count && reader->epochs.items[i].first_sample <= sample; i++)
		offset = reader->epochs.items[i].offset_ns;
	return offset;
}

static int get_sample(struct reader *reader, int64_t sample, struct interval *interval)
{
	sqlite3_stmt *row = reader->sample;
	int64_t flags = sqlite3_column_int64(row, SAMPLE_FLAGS);
	uint64_t length = unsigned_at(row, SAMPLE_LENGTH);

	if (!reader_is_time(sqlite3_column_int64(row, SAMPLE_END_MS)) || length == 0 || length > TIME_MAX_NS) {
		snprintf(reader->error, sizeof(reader->error), "damaged: a sample of no time");
		return -EBADMSG;
	}
	interval->end_ns = unsigned_at(row, SAMPLE_END_NS) + (uint64_t)offset_of(reader, sample);
	interval->begin_ns = interval->end_ns - length;
	interval->end_wall_ms = sqlite3_column_int64(row, SAMPLE_END_MS);
	interval->all_tasks = (flags & SAMPLE_ALL_TASKS) != 0;
	interval->exits_known = (flags & SAMPLE_EXITS_KNOWN) != 0;
	interval->gap = (flags & SAMPLE_GAP) != 0;
	interval->unrecorded = unsigned_at(row, SAMPLE_DROPPED);
	interval->cgroup_io = (flags & SAMPLE_CGROUP_IO) != 0;
	interval->cgroup_pressure = (flags & SAMPLE_CGROUP_PRESSURE) != 0;
	interval->delayacct = is_null(row, SAMPLE_DELAYACCT) ? -1 : sqlite3_column_int(row, SAMPLE_DELAYACCT);
	interval->lost_exits = unsigned_at(row, SAMPLE_LOST_EXITS);
	interval->task_count = unsigned_at(row, SAMPLE_TASK_COUNT);
	interval->process_count = unsigned_at(row, SAMPLE_PROCESS_COUNT);
	interval->exited = unsigned_at(row, SAMPLE_EXITED);
	get_counters(row, SAMPLE_TOTAL, &interval->total);
	interval->total.approximate = (uint32_t)sqlite3_column_int64(row, SAMPLE_APPROXIMATE);
	get_machine(row, &interval->machine, length);
	return 0;
}

/* As flatten.c tells them. */
static void get_lifetimes(const struct reader *reader, sqlite3_stmt *row, struct named_task *named)
{
	if (named->pass != reader->pass)
		named->lifetime_read = named->lifetime_write = 0;
	named->pass = reader->pass;
	named->lifetime_read += unsigned_at(row, DELTA_COUNTER + COUNTER_READ);
	named->lifetime_write += unsigned_at(row, DELTA_COUNTER + COUNTER_WRITE);
	if (!is_null(row, COLUMN_EXTRAS + EXTRA_LIFETIME_READ))
		named->lifetime_read = unsigned_at(row, COLUMN_EXTRAS + EXTRA_LIFETIME_READ);
	if (!is_null(row, COLUMN_EXTRAS + EXTRA_LIFETIME_WRITE))
		named->lifetime_write = unsigned_at(row, COLUMN_EXTRAS + EXTRA_LIFETIME_WRITE);
}

static uint64_t extra(sqlite3_stmt *row, int column, uint64_t otherwise)
{
	return is_null(row, COLUMN_EXTRAS + column) ? otherwise : unsigned_at(row, COLUMN_EXTRAS + column);
}

static void get_prio(sqlite3_stmt *row, struct named_task *named, struct task_delta *task)
{
	if (!is_null(row, DELTA_PRIO)) {
		int prio = sqlite3_column_int(row, DELTA_PRIO);

		task->prio_class = (int8_t)(prio / 8);
		task->prio_level = (int8_t)(prio % 8);
	}
	named->prio_class = task->prio_class;
	named->prio_level = task->prio_level;
}

static void get_task(const struct reader *reader, struct named_task *named, const struct interval *interval,
		     struct task_delta *task)
{
	sqlite3_stmt *row = reader->deltas;
	uint64_t length = interval->end_ns - interval->begin_ns, start = named->info->id.start_ns;

	task->info = task_info_ref(named->info);
	task->flags = (uint32_t)sqlite3_column_int64(row, DELTA_FLAGS);
	task->state = (char)sqlite3_column_int(row, DELTA_STATE);
	get_counters(row, DELTA_COUNTER, &task->delta);
	task->delta.approximate = (uint32_t)sqlite3_column_int64(row, DELTA_APPROXIMATE);
	task->exits = (uint32_t)extra(row, EXTRA_EXITS, (task->flags & DELTA_EXITED) != 0);
	task->processes = (uint32_t)extra(row, EXTRA_PROCESSES, (task->flags & DELTA_GROUP_DEAD) != 0);
	task->exit_code = (uint32_t)extra(row, EXTRA_EXIT_CODE, 0);
	task->age_ns = extra(row, EXTRA_AGE, interval->end_ns > start ? interval->end_ns - start : 0);
	task->lived_ns = extra(row, EXTRA_LIVED, task->age_ns < length ? task->age_ns : length);
	task->busiest_blkio_ns = extra(row, EXTRA_BUSIEST_BLKIO, task->delta.value[COUNTER_BLKIO_DELAY]);
	task->busiest_swapin_ns = extra(row, EXTRA_BUSIEST_SWAPIN, task->delta.value[COUNTER_SWAPIN_DELAY]);
	get_prio(row, named, task);
	get_lifetimes(reader, row, named);
	task->lifetime_read = named->lifetime_read;
	task->lifetime_write = named->lifetime_write;
}

static void bind_rows(sqlite3_stmt *statement, int64_t first, int64_t last)
{
	sqlite3_reset(statement);
	sqlite3_bind_int64(statement, 1, first << SCHEMA_SHIFT);
	sqlite3_bind_int64(statement, 2, ((last + 1) << SCHEMA_SHIFT) - 1);
}

/* Ends a statement: 0 at its end, else the error. */
static int done(struct reader *reader, sqlite3_stmt *statement, int code, int error)
{
	if (!error && code != SQLITE_DONE)
		error = reader_fail(reader, code);
	else if (error == -EBADMSG)
		snprintf(reader->error, sizeof(reader->error), "damaged: something that its rows name is not in it");
	sqlite3_reset(statement);
	return error;
}

/* What was recorded between the last keyframe and the sample, as far as lifetimes need it. */
static int catch_up(struct reader *reader, int64_t sample)
{
	int64_t keyframe = sample / SCHEMA_KEYFRAME * SCHEMA_KEYFRAME;
	int64_t first = keyframe;
	struct named_task *named;
	int code = SQLITE_DONE, error = 0;

	if (reader->loaded >= keyframe && reader->loaded < sample) {
		first = reader->loaded + 1;
	} else {
		reader->pass++;
		names_trim(reader->names);
	}
	if (first >= sample)
		return 0;
	bind_rows(reader->deltas, first, sample - 1);
	while (!error && (code = sqlite3_step(reader->deltas)) == SQLITE_ROW) {
		error = names_task(reader->names, sqlite3_column_int64(reader->deltas, DELTA_TASK), &named);
		if (!error)
			get_lifetimes(reader, reader->deltas, named);
	}
	return done(reader, reader->deltas, code, error);
}

static int load_tasks(struct reader *reader, int64_t sample, struct interval *interval)
{
	struct named_task *named;
	struct task_delta *task;
	int code = SQLITE_DONE, error = catch_up(reader, sample);

	reader->loaded = 0;
	if (error)
		return error;
	bind_rows(reader->deltas, sample, sample);
	while (!error && (code = sqlite3_step(reader->deltas)) == SQLITE_ROW) {
		error = names_task(reader->names, sqlite3_column_int64(reader->deltas, DELTA_TASK), &named);
		if (error)
			break;
		task = interval_add(interval);
		if (task)
			get_task(reader, named, interval, task);
		else
			error = -ENOMEM;
	}
	error = done(reader, reader->deltas, code, error);
	if (!error)
		reader->loaded = sample;
	return error;
}

static int get_cgroup(struct reader *reader, sqlite3_stmt *row, struct cgroup_delta *cgroup)
{
	int error = names_column(reader->names, row, CGROUP_DELTA_CGROUP, &cgroup->cgroup);

	if (!error)
		error = names_column(reader->names, row, CGROUP_DELTA_UNIT, &cgroup->unit);
	if (!error)
		error = names_column(reader->names, row, CGROUP_DELTA_CONTAINER, &cgroup->container);
	if (!cgroup->unit)
		cgroup->unit = "";
	cgroup->io_known = !is_null(row, CGROUP_DELTA_READ);
	cgroup->read_bytes = unsigned_at(row, CGROUP_DELTA_READ);
	cgroup->write_bytes = unsigned_at(row, CGROUP_DELTA_WRITE);
	cgroup->pressure_known = !is_null(row, CGROUP_DELTA_SOME);
	cgroup->some_us = unsigned_at(row, CGROUP_DELTA_SOME);
	cgroup->full_us = unsigned_at(row, CGROUP_DELTA_FULL);
	cgroup->approximate = sqlite3_column_int(row, CGROUP_DELTA_APPROXIMATE) != 0;
	return error;
}

static int load_cgroups(struct reader *reader, int64_t sample, struct interval *interval)
{
	int code = SQLITE_DONE, error = 0;

	bind_rows(reader->cgroups, sample, sample);
	while (!error && (code = sqlite3_step(reader->cgroups)) == SQLITE_ROW) {
		struct cgroup_delta *cgroup = interval_add_cgroup(interval);

		error = cgroup ? get_cgroup(reader, reader->cgroups, cgroup) : -ENOMEM;
	}
	return done(reader, reader->cgroups, code, error);
}

/* The place of a device in the interval: found, or added as one that did nothing. */
static int device_place(struct reader *reader, int64_t id, struct machine_delta *machine, size_t *capacity,
			struct device_delta **place)
{
	struct device_delta named = { 0 };
	int error = names_device(reader->names, id, &named);

	if (error)
		return error;
	for (size_t i = 0; i < machine->device_count; i++) {
		*place = &machine->devices[i];
		if ((*place)->major == named.major && (*place)->minor == named.minor &&
		    strcmp((*place)->name, named.name) == 0)
			return 0;
	}
	*place = array_append_raw((void **)&machine->devices, &machine->device_count, capacity, sizeof(named));
	if (!*place)
		return -ENOMEM;
	**place = named;
	return 0;
}

/* Those since the last keyframe are there: who has no row in this sample did nothing. */
static int load_devices(struct reader *reader, int64_t sample, struct machine_delta *machine)
{
	sqlite3_stmt *row = reader->devices;
	size_t capacity = 0;
	int code = SQLITE_DONE, error = 0;

	bind_rows(row, sample / SCHEMA_KEYFRAME * SCHEMA_KEYFRAME, sample);
	while (!error && (code = sqlite3_step(row)) == SQLITE_ROW) {
		struct device_delta *device;

		error =
		    device_place(reader, sqlite3_column_int64(row, DEVICE_DELTA_DEVICE), machine, &capacity, &device);
		if (error)
			break;
		/* The first figures of each: see schema_device_figure. */
		device->has_discards = !is_null(row, DEVICE_DELTA_FIGURE + 8);
		device->has_flushes = !is_null(row, DEVICE_DELTA_FIGURE + 12);
		for (int figure = 0; figure < DEVICE_FIGURES; figure++)
			if (sqlite3_column_int64(row, DEVICE_DELTA_ID) >> SCHEMA_SHIFT == sample)
				*schema_device_figure(device, figure) = unsigned_at(row, DEVICE_DELTA_FIGURE + figure);
	}
	return done(reader, row, code, error);
}

static int load_ops(struct reader *reader, int64_t sample, int64_t id, struct nfs_mount *mount)
{
	int code = SQLITE_DONE, error = 0;

	bind_rows(reader->ops, sample, sample);
	while (!error && (code = sqlite3_step(reader->ops)) == SQLITE_ROW) {
		const char *name;
		struct nfs_op *op;

		if (sqlite3_column_int64(reader->ops, OP_DELTA_MOUNT) != id)
			continue;
		op = array_append_raw((void **)&mount->ops, &mount->op_count, &mount->op_capacity, sizeof(*mount->ops));
		error =
		    op ? names_text(reader->names, sqlite3_column_int64(reader->ops, OP_DELTA_NAME), &name) : -ENOMEM;
		if (error)
			break;
		snprintf(op->name, sizeof(op->name), "%s", name);
		for (int figure = 0; figure < OP_FIGURES; figure++)
			*schema_op_figure(op, figure) = unsigned_at(reader->ops, OP_DELTA_FIGURE + figure);
	}
	return done(reader, reader->ops, code, error);
}

static int load_mounts(struct reader *reader, int64_t sample, struct nfs_mounts *mounts)
{
	int code = SQLITE_DONE, error = 0;

	bind_rows(reader->mounts, sample, sample);
	while (!error && (code = sqlite3_step(reader->mounts)) == SQLITE_ROW) {
		sqlite3_stmt *row = reader->mounts;
		int64_t id = sqlite3_column_int64(row, MOUNT_DELTA_MOUNT);
		struct nfs_mount *mount = array_append(mounts);

		error = mount ? names_mount(reader->names, id, mount) : -ENOMEM;
		if (error)
			break;
		mount->age_s = unsigned_at(row, MOUNT_DELTA_AGE);
		mount->sends = unsigned_at(row, MOUNT_DELTA_SENDS);
		mount->backlog = unsigned_at(row, MOUNT_DELTA_BACKLOG);
		mount->has_errors = sqlite3_column_int(row, MOUNT_DELTA_ERRORS) != 0;
		error = load_ops(reader, sample, id, mount);
	}
	return done(reader, reader->mounts, code, error);
}

/* As of one moment, whatever the recorder does meanwhile. */
int reader_load(struct reader *reader, int64_t sample, struct interval **interval)
{
	struct interval *loaded = interval_new();
	int code, error = 0;

	if (!loaded)
		return -ENOMEM;
	if (sample < 1 || sample > SCHEMA_SAMPLE_MAX) { /* its rows would have no ids */
		snprintf(reader->error, sizeof(reader->error), "damaged: a sample that can't have been recorded");
		interval_unref(loaded);
		return -EBADMSG;
	}
	sqlite3_exec(reader->db, "BEGIN", NULL, NULL, NULL);
	sqlite3_reset(reader->sample);
	sqlite3_bind_int64(reader->sample, 1, sample);
	code = sqlite3_step(reader->sample);
	if (code == SQLITE_ROW)
		error = get_sample(reader, sample, loaded);
	else
		error = code == SQLITE_DONE ? -ENODATA : reader_fail(reader, code); /* gone meanwhile */
	sqlite3_reset(reader->sample);
	if (!error)
		error = load_tasks(reader, sample, loaded);
	if (!error)
		error = load_cgroups(reader, sample, loaded);
	if (!error)
		error = load_devices(reader, sample, &loaded->machine);
	if (!error)
		error = load_mounts(reader, sample, &loaded->machine.nfs);
	sqlite3_exec(reader->db, "COMMIT", NULL, NULL, NULL);
	if (error) {
		interval_unref(loaded);
		return error;
	}
	*interval = loaded;
	return 0;
}
