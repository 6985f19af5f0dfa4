/* day FILE [SAMPLES [TASKS]]: makes a recording of SAMPLES seconds (86400) that end at midnight of 2026-11-29 UTC, in
 * each of which TASKS (200) tasks moved, five of them for the last time. By chance, always the same one; written by the
 * recorder itself. Prints "done samples=N tasks=N". */
#include "iotopx/device_stat.h"
#include "iotopx/record.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
#define END_MS INT64_C(1795910400000)
#define EXITS 5u
#define POOL 2u      /* of those that live, one in so many moves */
#define WAITING 50   /* samples added between two looks at what is written; the recorder drops at 256 that wait */

struct living {
	struct task_info *info;
	uint64_t read, write;
};

struct day {
	uint64_t random, now_ns;
	int64_t wall_ms;
	size_t tasks;
	struct living *living; /* tasks * POOL */
	pid_t next_tid;
};

static const char *const commands[] = { "postgres", "java",  "nginx", "rsync",     "systemd-journal",
					"dockerd",  "fio",   "cron",  "node",      "python3" };
static const char *const units[] = { "postgresql.service", "shop.service", "nginx.service", "backup.service", NULL };
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static uint64_t below(struct day *day, uint64_t limit)
{
	day->random = day->random * 6364136223846793005u + 1442695040888963407u;
	return (day->random >> 33) % limit;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "day: %s\n", what);
	exit(EXIT_FAILURE);
}

static const char *find_user(void *data, uint32_t uid)
{
	(void)data;
	return uid == 0 ? "root" : uid == 113 ? "postgres" : "www-data";
}

static const char *find_cmdline(void *data, struct task_info *info)
{
	(void)data;
	return info->cmdline;
}

static struct prio find_prio(void *data, const struct task_info *info)
{
	(void)data, (void)info;
	return (struct prio){ .io_class = 2, .level = 4 };
}

static const struct device_info *find_device(void *data, unsigned major, unsigned minor)
{
	static const struct device_info disk = { .model = "ACME", .mounts = "/" };

	(void)data, (void)major, (void)minor;
	return &disk;
}

static const struct lookup made_up = {
	.user = find_user, .cmdline = find_cmdline, .prio = find_prio, .device = find_device
};

static void be_born(struct day *day, struct living *living)
{
	struct task_info *info = task_info_new();
	size_t command = below(day, COUNT(commands));
	char cmdline[96];

	if (!info)
		die("out of memory");
	info->id = (struct task_id){ day->next_tid++, day->now_ns - below(day, 100) * 10000000 };
	info->process = info->id;
	info->ppid = 1;
	info->uid = (uint32_t[]){ 0, 33, 113 }[command % 3];
	info->cgroup = info->unit = units[command % COUNT(units)];
	snprintf(info->comm, sizeof(info->comm), "%s", commands[command]);
	snprintf(cmdline, sizeof(cmdline), "/usr/bin/%s --worker=%d --quiet", commands[command], (int)info->id.tid);
	info->cmdline = strdup(cmdline);
	*living = (struct living){ .info = info };
}

/* Most move little, a few much: that's what makes a moment the worst. */
static uint64_t amount(struct day *day)
{
	return below(day, 4) ? 0 : below(day, UINT64_C(1) << (10 + below(day, 12)));
}

static void move(struct day *day, struct interval *interval, struct living *living, bool last)
{
	struct task_delta *task = interval_add(interval);
	uint64_t *value;

	if (!task)
		die("out of memory");
	task->info = task_info_ref(living->info);
	task->delta.known = COUNTERS_ALL;
	value = task->delta.value;
	value[COUNTER_READ] = amount(day) / 4096 * 4096;
	value[COUNTER_WRITE] = amount(day) / 4096 * 4096;
	value[COUNTER_READ_CHAR] = value[COUNTER_READ] + below(day, 5000);
	value[COUNTER_WRITE_CHAR] = value[COUNTER_WRITE] + below(day, 5000);
	value[COUNTER_READ_CALLS] = 1 + below(day, 200);
	value[COUNTER_WRITE_CALLS] = below(day, 100);
	value[COUNTER_BLKIO_COUNT] = value[COUNTER_READ] / 4096;
	value[COUNTER_BLKIO_DELAY] = value[COUNTER_BLKIO_COUNT] ? below(day, SECOND) : 0;
	task->busiest_blkio_ns = value[COUNTER_BLKIO_DELAY];
	task->age_ns = day->now_ns - living->info->id.start_ns;
	task->lived_ns = task->age_ns < SECOND ? task->age_ns : SECOND;
	task->state = last ? 'X' : 'S';
	task->flags = last ? DELTA_EXITED | DELTA_GROUP_DEAD : 0;
	task->exits = task->processes = last;
	task->lifetime_read = living->read += value[COUNTER_READ];
	task->lifetime_write = living->write += value[COUNTER_WRITE];
	counters_add(&interval->total, &task->delta);
	interval->exited += last;
	if (last) {
		task_info_unref(living->info);
		be_born(day, living);
	}
}

static void make_devices(struct day *day, struct machine_delta *machine)
{
	machine->devices = calloc(2, sizeof(*machine->devices));
	if (!machine->devices)
		die("out of memory");
	for (unsigned i = 0; i < 2; i++, machine->device_count++) {
		struct device_delta *device = &machine->devices[i];

		snprintf(device->name, sizeof(device->name), "vd%c", 'a' + (int)i);
		device->major = 254;
		device->minor = i;
		device->whole_disk = true;
		device->reads = below(day, 5000);
		device->read_bytes = device->reads * 4096;
		device->writes = below(day, 5000);
		device->write_bytes = device->writes * 4096;
		device->io_ms = below(day, 1000);
	}
}

static struct interval *make_interval(struct day *day)
{
	struct interval *interval = interval_new();

	if (!interval)
		die("out of memory");
	interval->begin_ns = day->now_ns;
	interval->end_ns = day->now_ns += SECOND;
	interval->end_wall_ms = day->wall_ms += 1000;
	interval->all_tasks = interval->exits_known = true;
	interval->delayacct = 1;
	interval->total.known = COUNTERS_ALL;
	interval->task_count = interval->process_count = day->tasks * POOL;
	for (size_t i = 0; i < day->tasks; i++)
		move(day, interval, &day->living[i * POOL + below(day, POOL)], i < EXITS);
	interval->machine = (struct machine_delta){ .known = MACHINE_VMSTAT | MACHINE_MEMINFO | MACHINE_DISKS,
						    .elapsed_ns = SECOND,
						    .dirty_bytes = below(day, 1u << 30) };
	interval->machine.actual_read_bytes = interval->total.value[COUNTER_READ];
	interval->machine.actual_write_bytes = interval->total.value[COUNTER_WRITE];
	make_devices(day, &interval->machine);
	return interval;
}

/* The recorder drops what does not fit into its queue. */
static void await_written(sqlite3_stmt *newest, int64_t sample)
{
	for (bool there = false; !there; sqlite3_reset(newest)) {
		there = sqlite3_step(newest) == SQLITE_ROW && sqlite3_column_int64(newest, 0) >= sample;
		if (!there)
			usleep(1000);
	}
}

static uint64_t record(struct day *day, const char *path, int64_t samples)
{
	const struct recorder_options options = {
		.path = path, .host = "day", .interval_ns = SECOND, .lookup = &made_up
	};
	struct recorder *recorder;
	sqlite3_stmt *newest;
	sqlite3 *db;
	char error[512];

	if (recorder_open(&options, &recorder, error, sizeof(error)))
		die(error);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "SELECT max(id) FROM samples", -1, &newest, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	for (int64_t i = 1; i <= samples; i++) {
		struct interval *interval = make_interval(day);

		if (i % WAITING == 0)
			await_written(newest, i - WAITING);
		if (recorder_add(recorder, interval))
			die("out of memory");
		interval_unref(interval);
	}
	sqlite3_finalize(newest);
	sqlite3_close(db);
	return recorder_close(recorder);
}

int main(int argc, char **argv)
{
	int64_t samples = argc > 2 ? atoll(argv[2]) : 86400;
	struct day day = { .random = 7, .now_ns = 1000 * SECOND, .tasks = argc > 3 ? (size_t)atoll(argv[3]) : 200 };

	uint64_t lost;

	if (argc < 2 || samples <= 0 || day.tasks < EXITS) {
		fprintf(stderr, "usage: %s FILE [SAMPLES [TASKS]]\n", argv[0]);
		return 2;
	}
	day.wall_ms = END_MS - samples * 1000;
	day.next_tid = 100;
	day.living = calloc(day.tasks * POOL, sizeof(*day.living));
	if (!day.living)
		die("out of memory");
	for (size_t i = 0; i < day.tasks * POOL; i++)
		be_born(&day, &day.living[i]);
	lost = record(&day, argv[1], samples);
	if (lost) {
		fprintf(stderr, "day: %" PRIu64 " samples were lost\n", lost);
		return EXIT_FAILURE;
	}
	for (size_t i = 0; i < day.tasks * POOL; i++)
		task_info_unref(day.living[i].info);
	free(day.living);
	printf("done samples=%" PRId64 " tasks=%zu\n", samples, day.tasks);
	return EXIT_SUCCESS;
}
