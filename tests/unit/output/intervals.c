#include "intervals.h"

#include "iotopx/device_stat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SECOND UINT64_C(1000000000)
#define MIB UINT64_C(1048576)

static const char *find_user(void *data, uint32_t uid)
{
	(void)data;
	return uid == 0 ? "root" : uid == 33 ? "www-data" : uid == 1000 ? "maximilian.maier" : "1001";
}

static const char *find_cmdline(void *data, struct task_info *info)
{
	(void)data;
	return info->cmdline;
}

static struct prio find_prio(void *data, const struct task_info *info)
{
	(void)data;
	if (info->id.tid == 300)
		return (struct prio){ .io_class = 3 };
	if (info->id.tid == 4194304)
		return (struct prio){ .io_class = TASK_PRIO_UNKNOWN };
	return (struct prio){ .io_class = 2, .level = 4, .mixed = info->id.tid == 200 };
}

static const struct device_info *find_device(void *data, unsigned major, unsigned minor)
{
	static const struct device_info infos[] = {
		{ .model = "ACME \"SSD\", 1 TB" },
		{ .partition = true, .parent_major = 8, .mounts = "/, /srv" },
		{ .label = "vg-root", .stacked = true },
	};

	(void)data;
	if (major == 8 && minor < 2)
		return &infos[minor];
	return major == 253 ? &infos[2] : NULL;
}

const struct lookup test_lookup = {
	.user = find_user, .cmdline = find_cmdline, .prio = find_prio, .device = find_device
};

static const struct actor fio = { 100, 100, 1, 0, "fio", "fio --name=w --rw=randread", "bench.service" };
static const struct actor db = { 200, 200, 1, 1000, "mysqld", "/usr/sbin/mysqld --datadir=/srv", "db.service" };
static const struct actor db_thread = { 201, 200, 1, 1000, "ib_page_flush", NULL, "db.service", &db };
static const struct actor backup = { 300, 300, 1, 0, "backup", "backup /home", "cron.service" };
static const struct actor evil = { 4194304, 4194304, 1, 1001, "ev\x1b[31m\x9b\xe2\x80\xae日", NULL, NULL };
static const struct actor dd_one = { 400, 400, 250, 33, "dd", NULL, "www.service" };
static const struct actor dd_two = { 401, 401, 250, 33, "dd", NULL, "www.service" };

static struct task_info *make_info(const struct actor *actor)
{
	struct task_info *info = task_info_new();

	assert_non_null(info);
	info->id = (struct task_id){ actor->tid, SECOND };
	info->process = (struct task_id){ actor->pid, SECOND };
	info->leader = actor->leader ? make_info(actor->leader) : NULL;
	info->ppid = actor->ppid;
	info->uid = actor->uid;
	info->unit = actor->unit;
	info->container = actor->container;
	info->cgroup = actor->cgroup;
	info->cmdline = actor->cmdline ? strdup(actor->cmdline) : NULL;
	snprintf(info->comm, sizeof(info->comm), "%s", actor->comm);
	return info;
}

struct task_delta *add_actor(struct interval *interval, const struct actor *actor)
{
	struct task_delta *task = interval_add(interval);

	assert_non_null(task);
	task->info = make_info(actor);
	task->delta.known = COUNTERS_ALL;
	task->lived_ns = interval->end_ns - interval->begin_ns;
	task->age_ns = 90 * SECOND;
	return task;
}

static void count(struct task_delta *task, enum counter counter, uint64_t value)
{
	task->delta.value[counter] = value;
}

static void waits(struct task_delta *task, uint64_t times, uint64_t ns)
{
	count(task, COUNTER_BLKIO_COUNT, times);
	count(task, COUNTER_BLKIO_DELAY, ns);
	task->busiest_blkio_ns = ns;
}

static void add_reader(struct interval *interval)
{
	struct task_delta *task = add_actor(interval, &fio);

	count(task, COUNTER_READ, 500 * 4096);
	count(task, COUNTER_READ_CHAR, 500 * 4096);
	count(task, COUNTER_READ_CALLS, 500);
	waits(task, 500, SECOND / 4);
}

/* A leader that calls and a thread that writes: one row of a process, two of threads. */
static void add_database(struct interval *interval)
{
	struct task_delta *task = add_actor(interval, &db);

	count(task, COUNTER_READ_CHAR, 12345);
	count(task, COUNTER_READ_CALLS, 7);
	count(task, COUNTER_SWAPIN_COUNT, 3);
	count(task, COUNTER_SWAPIN_DELAY, SECOND / 100);
	task->busiest_swapin_ns = SECOND / 100;
	task = add_actor(interval, &db_thread);
	count(task, COUNTER_WRITE, 48 * MIB);
	count(task, COUNTER_CANCELLED, 16 * MIB);
	count(task, COUNTER_WRITE_CHAR, 48 * MIB);
	count(task, COUNTER_WRITE_CALLS, 123456);
	waits(task, 40, SECOND / 2);
	task->delta.approximate = COUNTER_BIT(COUNTER_BLKIO_DELAY);
}

/* Lived for 20 ms; its calls are known to 1024 only; it was forked while delays were not counted. */
static void add_exited(struct interval *interval, const struct actor *actor)
{
	struct task_delta *task = add_actor(interval, actor);

	count(task, COUNTER_WRITE, 4 * MIB);
	count(task, COUNTER_WRITE_CHAR, 4 * MIB);
	task->flags = DELTA_EXITED | DELTA_GROUP_DEAD | DELTA_BORN | DELTA_NO_DELAYS;
	task->exits = task->processes = 1;
	task->lived_ns = SECOND / 50;
	task->age_ns = SECOND / 50;
	task->delta.known = COUNTERS_IO;
	task->delta.approximate = COUNTERS_ROUNDED;
	interval->exited++;
}

static void add_stuck(struct interval *interval)
{
	struct task_delta *task = add_actor(interval, &backup);

	task->flags = DELTA_STUCK;
	task->state = 'D';
	waits(task, 0, SECOND);
}

static void add_evil(struct interval *interval)
{
	struct task_delta *task = add_actor(interval, &evil);

	count(task, COUNTER_WRITE, MIB);
	count(task, COUNTER_CANCELLED, 3 * MIB);
	task->delta.known = COUNTERS_ALL & ~COUNTERS_DELAY;
}

static void add_device(struct machine_delta *machine, const struct device_delta *device)
{
	machine->devices = realloc(machine->devices, (machine->device_count + 1) * sizeof(*device));
	assert_non_null(machine->devices);
	machine->devices[machine->device_count++] = *device;
}

/* A disk, its partition, and what lies on that; a disk that rests. */
static void add_devices(struct machine_delta *machine)
{
	const struct device_delta disk = { .name = "sda",
					   .major = 8,
					   .whole_disk = true,
					   .reads = 500,
					   .read_bytes = 500 * 4096,
					   .read_ms = 250,
					   .writes = 3,
					   .write_bytes = 20 * MIB,
					   .write_ms = 10,
					   .io_ms = 260,
					   .weighted_ms = 260,
					   .in_flight = 2,
					   .has_discards = true };
	struct device_delta partition = disk;

	add_device(machine, &disk);
	strcpy(partition.name, "sda1");
	partition.minor = 1;
	partition.whole_disk = false;
	add_device(machine, &partition);
	add_device(machine, &(struct device_delta){ .name = "dm-0", .major = 253, .reads = 1, .read_bytes = 512 });
	add_device(machine, &(struct device_delta){ .name = "vda", .major = 254, .whole_disk = true });
	machine->known |= MACHINE_DISKS;
}

static void add_mount(struct machine_delta *machine)
{
	struct nfs_mount *mount = calloc(1, sizeof(*mount));

	assert_non_null(mount);
	*mount = (struct nfs_mount){ .mount = strdup("/mnt/a, b"),
				     .device = strdup("nas:/export"),
				     .version = strdup("4.2"),
				     .sends = 21,
				     .has_errors = true };
	mount->ops = calloc(1, sizeof(*mount->ops));
	assert_non_null(mount->ops);
	mount->ops[0] = (struct nfs_op){ .name = "READ",
					 .ops = 20,
					 .transmissions = 21,
					 .sent_bytes = 2000,
					 .received_bytes = 40960,
					 .rtt_ms = 100,
					 .execute_ms = 120 };
	mount->op_count = mount->op_capacity = 1;
	machine->nfs = (struct nfs_mounts){ .items = mount, .count = 1, .capacity = 1 };
	machine->known |= MACHINE_NFS;
}

static void fill_machine(struct machine_delta *machine, uint64_t read, uint64_t written)
{
	machine->known = MACHINE_VMSTAT | MACHINE_MEMINFO;
	machine->elapsed_ns = 2 * SECOND;
	machine->actual_read_bytes = read;
	machine->actual_write_bytes = written;
	machine->dirty_bytes = 100 * MIB + 4096;
	machine->writeback_bytes = 2 * MIB;
}

static void add_cgroup(struct interval *interval, const char *cgroup, const char *unit, uint64_t read, uint64_t written)
{
	struct cgroup_delta *delta = interval_add_cgroup(interval);

	assert_non_null(delta);
	*delta = (struct cgroup_delta){ .cgroup = cgroup,
					.unit = unit,
					.io_known = true,
					.read_bytes = read,
					.write_bytes = written,
					.pressure_known = true,
					.some_us = 500000,
					.full_us = 250000 };
}

/* One that wrote as much of what others had left dirty, one that nothing but the writeback tells of, and one whose own
 * I/O the kernel does not tell. */
static void add_cgroups(struct interval *interval)
{
	add_cgroup(interval, "/system.slice/bench.service", "bench.service", 500 * 4096, 0);
	add_cgroup(interval, "/system.slice/db.service", "db.service", 4096, 12 * MIB);
	add_cgroup(interval, "/system.slice/mail.service", "mail.service", 0, 8 * MIB);
	add_cgroup(interval, "/system.slice/www.service", "www.service", 0, 0);
	interval->cgroups[interval->cgroup_count - 1].io_known = false;
}

struct interval *make_empty(unsigned number)
{
	struct interval *interval = interval_new();

	assert_non_null(interval);
	interval->begin_ns = (100 + 2 * number) * SECOND;
	interval->end_ns = interval->begin_ns + 2 * SECOND;
	interval->end_wall_ms = INT64_C(1700000000123) + 2000 * (int64_t)number;
	interval->all_tasks = interval->exits_known = true;
	interval->delayacct = 1;
	return interval;
}

void sum_up(struct interval *interval)
{
	interval->total = (struct counters){ .known = COUNTERS_ALL };
	for (size_t i = 0; i < interval->count; i++)
		counters_add(&interval->total, &interval->tasks[i].delta);
}

struct interval *make_interval(unsigned number)
{
	struct interval *interval = make_empty(number);

	if (number == 0) {
		add_reader(interval);
		add_database(interval);
		add_exited(interval, &dd_one);
		add_exited(interval, &dd_two);
		add_stuck(interval);
		add_evil(interval);
		fill_machine(&interval->machine, 501 * 4096, 20 * MIB);
		add_devices(&interval->machine);
		add_mount(&interval->machine);
		interval->machine.known |= MACHINE_PRESSURE | MACHINE_MINUTES;
		interval->machine.io_some_ratio = 0.25;
		interval->machine.io_full_ratio = 0.125;
		interval->machine.io_some_avg10 = 12.5;
		interval->machine.io_full_avg300 = 0.25;
		interval->machine.known |= MACHINE_CPU;
		interval->machine.cpu_user = 0.5;
		interval->machine.cpu_steal = 0.0625;
		interval->cgroup_io = interval->cgroup_pressure = true;
		add_cgroups(interval);
	} else if (number == 1) {
		add_reader(interval);
		interval->lost_exits = 17;
		interval->gap = true;
		interval->cgroup_io = true;
		fill_machine(&interval->machine, 0, 0);
	} else {
		add_stuck(interval);
		interval->all_tasks = interval->exits_known = false;
		interval->delayacct = 0;
	}
	sum_up(interval);
	return interval;
}
