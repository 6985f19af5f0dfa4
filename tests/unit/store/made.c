#include "made.h"

#include "iotopx/array.h"
#include "iotopx/device_stat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static const char *const comms[] = { "fio",          "mysqld", "a\"b,c\nd",   "\xff\xfe\x80raw",
				     "kworker/0:1+", "'; --",  "\x1b[31mred", "\xe6\x97\xa5\xe6\x9c\xac" };
static const char *const units[] = { "db.service", "shop.service", NULL, "user@1000.service" };
static const char *const containers[] = { NULL, "web-1", NULL };
static const char *const cgroups[] = { "/system.slice/db.service", "/shop", NULL };
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static uint64_t below(struct made *made, uint64_t limit)
{
	made->random = made->random * 6364136223846793005u + 1442695040888963407u;
	return (made->random >> 33) % limit;
}

static const char *find_user(void *data, uint32_t uid)
{
	(void)data;
	return uid == 0 ? "root" : uid == 1000 ? "anna" : "4711";
}

static const char *find_cmdline(void *data, struct task_info *info)
{
	(void)data;
	return info->cmdline;
}

static struct prio find_prio(void *data, const struct task_info *info)
{
	(void)data;
	return (struct prio){ .io_class = (int8_t)(info->id.tid % 4), .level = (int8_t)(info->id.tid % 8) };
}

static const struct device_info *find_device(void *data, unsigned major, unsigned minor)
{
	static const struct device_info disk = { .model = "ACME \"SSD\"", .mounts = "/, /srv" };
	static const struct device_info part = { .partition = true, .parent_major = 8, .label = "p" };

	(void)data, (void)major;
	return minor == 0 ? &disk : minor == 1 ? &part : NULL;
}

const struct lookup made_lookup = {
	.user = find_user, .cmdline = find_cmdline, .prio = find_prio, .device = find_device
};

static struct task_info *make_task(struct made *made, struct task_info *leader)
{
	struct task_info *info = task_info_new();
	char cmdline[64];

	assert_non_null(info);
	info->id = (struct task_id){ made->next_tid++, made->now_ns - below(made, 100) * 10000000 };
	info->process = leader ? leader->id : info->id;
	info->leader = leader ? task_info_ref(leader) : NULL;
	info->ppid = (pid_t)below(made, 300);
	info->uid = below(made, 3) ? (uint32_t)below(made, 2) * 1000 : below(made, 2) ? UINT32_MAX : 4711;
	info->own = below(made, 20) == 0;
	info->unit_approximate = below(made, 9) == 0;
	info->approximate_process = below(made, 20) == 0;
	snprintf(info->comm, sizeof(info->comm), "%s", comms[below(made, COUNT(comms))]);
	info->unit = units[below(made, COUNT(units))];
	info->container = containers[below(made, COUNT(containers))];
	info->cgroup = cgroups[below(made, COUNT(cgroups))];
	if (below(made, 3)) {
		snprintf(cmdline, sizeof(cmdline), "/bin/x --n=%d %s", (int)info->id.tid, info->comm);
		info->cmdline = strdup(cmdline);
	}
	return info;
}

void made_open(struct made *made, uint64_t seed)
{
	memset(made, 0, sizeof(*made));
	made->random = seed;
	made->now_ns = 5000 * SECOND;
	made->wall_ms = 1800000000000;
	made->length_ns = SECOND;
	made->next_tid = 100;
	for (size_t i = 0; i < MADE_TASKS; i++) {
		made->tasks[i] = make_task(made, i % 4 == 3 ? made->tasks[i - 1] : NULL);
		made->lifetime_read[i] = below(made, 1u << 30);
		made->lifetime_write[i] = below(made, 1u << 30);
	}
}

void made_close(struct made *made)
{
	for (size_t i = 0; i < MADE_TASKS; i++)
		task_info_unref(made->tasks[i]);
}

static void make_delta(struct made *made, struct task_delta *task, size_t slot)
{
	bool exits = !made->calm && slot % 4 != 2 && below(made, 8) == 0;

	task->info = task_info_ref(made->tasks[slot]);
	task->delta.known = made->calm || below(made, 4) ? COUNTERS_ALL : COUNTERS_IO;
	task->delta.approximate = !made->calm && below(made, 3) == 0 ? COUNTERS_ROUNDED : 0;
	for (int counter = 0; counter < COUNTER_COUNT; counter++)
		if (counters_known(&task->delta, (enum counter)counter) && below(made, 3))
			task->delta.value[counter] = below(made, UINT64_C(1) << below(made, 33));
	/* Of ten that move, most do so in the page cache, pipes and sockets. */
	if (made->calm && slot > 3)
		for (int counter = 0; counter < COUNTER_COUNT; counter++)
			if (counter < COUNTER_READ_CHAR || counter > COUNTER_WRITE_CALLS)
				task->delta.value[counter] = 0;
	if (made->calm)
		task->delta.value[COUNTER_SWAPIN_COUNT] = task->delta.value[COUNTER_SWAPIN_DELAY] =
		    task->delta.value[COUNTER_CANCELLED] = 0;
	task->busiest_blkio_ns = task->delta.value[COUNTER_BLKIO_DELAY] + (!made->calm && below(made, 5) == 0);
	task->busiest_swapin_ns = task->delta.value[COUNTER_SWAPIN_DELAY];
	task->age_ns = made->now_ns - task->info->id.start_ns;
	task->lived_ns = task->age_ns < made->length_ns ? task->age_ns : made->length_ns;
	task->state = "SDR"[below(made, 3)];
	task->lifetime_read = made->lifetime_read[slot] += task->delta.value[COUNTER_READ];
	task->lifetime_write = made->lifetime_write[slot] += task->delta.value[COUNTER_WRITE];
	if (!made->calm && below(made, 20) == 0) /* one that no delta explains */
		task->lifetime_write = made->lifetime_write[slot] += 4096;
	if (task->state == 'D')
		task->flags |= DELTA_STUCK;
	if (!exits)
		return;
	task->flags = DELTA_EXITED | (below(made, 2) ? DELTA_GROUP_DEAD : 0u) | (below(made, 2) ? DELTA_BORN : 0u);
	task->exits = 1;
	task->processes = (task->flags & DELTA_GROUP_DEAD) != 0;
	task->exit_code = (uint32_t)below(made, 3) * 256;
	task->state = 'X';
	task->age_ns /= 3;
	task->lived_ns /= 2;
	task_info_unref(made->tasks[slot]);
	made->tasks[slot] = make_task(made, slot % 4 == 3 ? made->tasks[slot - 1] : NULL);
	made->lifetime_read[slot] = made->lifetime_write[slot] = 0;
}

static void make_fold(struct made *made, struct task_delta *task)
{
	struct task_info *info = task_info_new();

	assert_non_null(info);
	snprintf(info->comm, sizeof(info->comm), "sh");
	info->uid = 1000;
	info->unit = units[0];
	task->info = info;
	task->flags = DELTA_FOLDED | DELTA_EXITED | (below(made, 2) ? DELTA_OTHER : 0u);
	task->exits = 200;
	task->processes = 190;
	task->delta.known = COUNTERS_ALL;
	task->delta.value[COUNTER_WRITE] = below(made, 1u << 30);
	task->lived_ns = task->age_ns = 123456789;
}

static void make_machine(struct made *made, struct machine_delta *machine)
{
	*machine = (struct machine_delta){
		.known = made->calm || below(made, 4) ? 63 : MACHINE_VMSTAT,
		.elapsed_ns = made->length_ns + below(made, 3) * 1000,
		.actual_read_bytes = below(made, 1u << 28) * 1024,
		.actual_write_bytes = below(made, 1u << 28) * 1024,
	};
	if (machine->known & MACHINE_MEMINFO) {
		machine->dirty_bytes = below(made, 1u << 30);
		machine->writeback_bytes = below(made, 1u << 20);
	}
	if (machine->known & MACHINE_PRESSURE) {
		uint64_t us = below(made, 1200000);
		double ratio = (double)us * 1e3 / (double)machine->elapsed_ns;

		machine->io_some_avg10 = (double)below(made, 10000) / 100;
		machine->io_full_avg10 = (double)below(made, 10000) / 100;
		machine->io_some_ratio = ratio < 1 ? ratio : 1;
	}
	if (machine->known & MACHINE_CPU) {
		machine->cpu_user = (double)below(made, 100) / 200;
		machine->cpu_iowait = (double)below(made, 100) / 200;
	}
}

static void make_devices(struct made *made, struct machine_delta *machine)
{
	machine->device_count = made->calm ? 2 : 3;
	machine->devices = calloc(machine->device_count, sizeof(*machine->devices));
	assert_non_null(machine->devices);
	for (unsigned i = 0; i < machine->device_count; i++) {
		struct device_delta *device = &machine->devices[i];

		snprintf(device->name, sizeof(device->name), "sda%.0u", i);
		device->major = 8;
		device->minor = i;
		device->whole_disk = i == 0;
		device->has_discards = i < 2;
		device->has_flushes = i == 0;
		if (!made->calm && below(made, 3) == 0)
			continue; /* idle */
		device->reads = below(made, 1000);
		device->read_bytes = device->reads * 4096;
		device->read_ms = below(made, 500);
		device->writes = below(made, 1000);
		device->write_bytes = device->writes * 8192;
		device->write_ms = below(made, 500);
		device->io_ms = below(made, 1000);
		device->weighted_ms = below(made, 2000);
		device->in_flight = below(made, 3);
		if (device->has_discards && !made->calm)
			device->discards = below(made, 3);
		if (device->has_flushes)
			device->flushes = below(made, 3);
	}
}

static void make_mounts(struct made *made, struct nfs_mounts *mounts)
{
	struct nfs_mount *mount = array_append(mounts);
	struct nfs_op *op;

	assert_non_null(mount);
	*mount = (struct nfs_mount){ .mount = strdup("/mnt/na s"),
				     .device = strdup("nas:/export"),
				     .version = strdup("4.2"),
				     .age_s = 1,
				     .sends = below(made, 100),
				     .backlog = below(made, 10),
				     .has_errors = true };
	op = array_append_raw((void **)&mount->ops, &mount->op_count, &mount->op_capacity, sizeof(*op));
	assert_non_null(op);
	*op = (struct nfs_op){ .name = "WRITE", .ops = 1 + below(made, 100), .sent_bytes = below(made, 1u << 30) };
}

static void make_cgroups(struct made *made, struct interval *interval)
{
	interval->cgroup_io = interval->cgroup_pressure = true;
	for (size_t i = 0; i < 2; i++) {
		struct cgroup_delta *cgroup = interval_add_cgroup(interval);

		assert_non_null(cgroup);
		cgroup->cgroup = i ? cgroups[0] : NULL;
		cgroup->unit = units[i];
		cgroup->container = containers[i];
		cgroup->approximate = i == 0;
		cgroup->io_known = below(made, 2) != 0;
		cgroup->pressure_known = below(made, 2) != 0;
		if (cgroup->io_known)
			cgroup->write_bytes = below(made, 1u << 30);
		if (cgroup->pressure_known)
			cgroup->some_us = below(made, 1000000);
	}
}

struct interval *made_next(struct made *made)
{
	struct interval *interval = interval_new();

	assert_non_null(interval);
	interval->begin_ns = made->now_ns;
	made->length_ns = SECOND + (made->calm ? below(made, 1000000) : below(made, SECOND));
	made->now_ns += made->length_ns;
	made->wall_ms += (int64_t)(made->length_ns / 1000000);
	interval->end_ns = made->now_ns;
	interval->end_wall_ms = made->wall_ms;
	interval->all_tasks = true;
	interval->exits_known = made->calm || below(made, 5) != 0;
	interval->delayacct = made->calm ? 1 : (int)below(made, 3) - 1;
	interval->lost_exits = interval->exits_known && !made->calm ? below(made, 2) : 0;
	interval->task_count = 300 + below(made, 10);
	interval->process_count = 200;
	interval->gap = !made->calm && below(made, 9) == 0;
	for (size_t i = 0; i < (made->calm ? 10 : MADE_TASKS); i++)
		if (made->calm || below(made, 2)) {
			struct task_delta *task = interval_add(interval);

			assert_non_null(task);
			make_delta(made, task, i);
		}
	if (!made->calm && below(made, 3) == 0)
		make_fold(made, interval_add(interval));
	for (size_t i = 0; i < interval->count; i++) {
		interval->exited += interval->tasks[i].exits;
		counters_add(&interval->total, &interval->tasks[i].delta);
	}
	make_machine(made, &interval->machine);
	if (interval->machine.known & MACHINE_DISKS)
		make_devices(made, &interval->machine);
	if ((interval->machine.known & MACHINE_NFS) && !made->calm)
		make_mounts(made, &interval->machine.nfs);
	if (!made->calm)
		make_cgroups(made, interval);
	return interval;
}

void made_path(char *path, size_t size)
{
	char directory[] = "/tmp/iotopx-record-XXXXXX";

	assert_non_null(mkdtemp(directory));
	snprintf(path, size, "%s/recording", directory);
}

void made_remove(const char *path)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
	char name[256];

	for (size_t i = 0; i < COUNT(endings); i++) {
		snprintf(name, sizeof(name), "%s%s", path, endings[i]);
		unlink(name);
	}
	snprintf(name, sizeof(name), "%s", path);
	*strrchr(name, '/') = '\0';
	rmdir(name);
}
