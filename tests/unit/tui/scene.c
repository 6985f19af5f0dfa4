#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "scene.h"

#include "iotopx/open_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define MIB (1024.0 * 1024)
#define KIB 1024.0

/* What a task does each second; `swing` says by how many percent that moves from one interval to the next. */
struct actor {
	pid_t tid, pid, ppid;
	uint32_t uid;
	const char *comm, *cmdline, *unit, *container;
	double read, write, cancelled, read_char, write_char, read_calls, write_calls, waits, io;
	int swing;
	bool exits; /* a new one in each interval, with the next TID */
	bool stuck;
	bool approximate;
	bool idle;
};

static const struct actor actors[] = {
	{ 4211,
	  4211,
	  1,
	  0,
	  "fio",
	  "fio --name=w --rw=randwrite --bs=64k --size=1G",
	  "user.slice/user-0.slice",
	  NULL,
	  2.5 * MIB,
	  96.4 * MIB,
	  0,
	  2.6 * MIB,
	  97.0 * MIB,
	  640,
	  1543,
	  1200,
	  0.82,
	  25,
	  false,
	  false,
	  false,
	  false },
	{ 1893,
	  1893,
	  1,
	  113,
	  "postgres",
	  "postgres: writer process",
	  "postgresql.service",
	  NULL,
	  12.3 * MIB,
	  1.4 * MIB,
	  0,
	  48.2 * MIB,
	  6.1 * MIB,
	  5312,
	  812,
	  410,
	  0.31,
	  40,
	  false,
	  false,
	  false,
	  false },
	{ 1894,
	  1893,
	  1,
	  113,
	  "postgres-wal",
	  "postgres: writer process",
	  "postgresql.service",
	  NULL,
	  0,
	  18.7 * MIB,
	  0,
	  12 * KIB,
	  18.9 * MIB,
	  12,
	  2400,
	  96,
	  0.12,
	  30,
	  false,
	  false,
	  false,
	  false },
	{ 2750,
	  2750,
	  2700,
	  1000,
	  "rsync",
	  "rsync -a --delete /srv/data/ backup:/srv/data/",
	  "user@1000.service",
	  NULL,
	  31.9 * MIB,
	  0,
	  0,
	  32.0 * MIB,
	  31.8 * MIB,
	  1021,
	  1018,
	  220,
	  0.45,
	  20,
	  false,
	  false,
	  false,
	  false },
	{ 911,
	  911,
	  1,
	  0,
	  "systemd-journal",
	  "/lib/systemd/systemd-journald",
	  "systemd-journald.service",
	  NULL,
	  0,
	  148 * KIB,
	  16 * KIB,
	  90 * KIB,
	  152 * KIB,
	  80,
	  61,
	  3,
	  0.004,
	  10,
	  false,
	  false,
	  false,
	  false },
	{ 30001,
	  30001,
	  2700,
	  1000,
	  "dd",
	  "dd if=/dev/zero of=x bs=64k count=64",
	  "user@1000.service",
	  NULL,
	  0,
	  0.5 * MIB,
	  0,
	  2 * KIB,
	  0.5 * MIB,
	  9,
	  8,
	  1,
	  0,
	  0,
	  true,
	  false,
	  true,
	  false },
	{ 3391,
	  3391,
	  1,
	  33,
	  "nginx",
	  "nginx: worker process",
	  "docker-6f1a.scope",
	  "web",
	  220 * KIB,
	  0,
	  0,
	  5.5 * MIB,
	  5.4 * MIB,
	  880,
	  901,
	  14,
	  0.02,
	  15,
	  false,
	  false,
	  false,
	  false },
	{ 777,
	  777,
	  1,
	  0,
	  "tar",
	  "tar -C /mnt/frozen -cf - .",
	  "backup.service",
	  NULL,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  false,
	  true,
	  false,
	  false },
	{ 5120,
	  5120,
	  2700,
	  1000,
	  "日本語\x1b[31m\nname",
	  NULL,
	  "user@1000.service",
	  NULL,
	  0,
	  0,
	  0,
	  700,
	  3100,
	  7,
	  11,
	  0,
	  0,
	  0,
	  false,
	  false,
	  false,
	  false },
	{ 2, 2, 0, 0, "kthreadd", "", NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, false, false, false, true },
	{ 640, 640,   1,     0,     "cron", "/usr/sbin/cron -f", "cron.service", NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	  0,   false, false, false, true },
};

#define ACTORS (sizeof(actors) / sizeof(actors[0]))
#define DD_A_SECOND 3

const char *scene_name_of_33 = "www-data";

static const char *user_name(void *data, uint32_t uid)
{
	const struct {
		uint32_t uid;
		const char *name;
	} names[] = { { 0, "root" }, { 33, scene_name_of_33 }, { 113, "postgres" }, { 1000, "alexandra-long" } };

	(void)data;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].uid == uid)
			return names[i].name;
	return "65534";
}

static const char *command_line(void *data, struct task_info *info)
{
	(void)data;
	return info->cmdline;
}

static struct prio priority(void *data, const struct task_info *info)
{
	(void)data;
	return info->id.tid == 2750 ? (struct prio){ .io_class = 3 } : (struct prio){ .io_class = 2, .level = 4 };
}

/* The threads of postgres differ. */
static struct prio process_priority(void *data, const struct task_info *info)
{
	struct prio prio = priority(data, info);

	prio.mixed = info->process.tid == 1893;
	return prio;
}

static const struct open_files *open_files(void *data, const struct task_info *info)
{
	static struct open_files files;

	(void)data;
	files = (struct open_files){ .id = info->id, .read_ns = 7, .error = info->id.tid == 911 ? -EACCES : 0 };
	if (info->id.tid != 4211)
		return &files;
	files.count = 5;
	files.total = 6;
	files.items[0] = (struct open_file){ 0, true, O_RDONLY, 0, "/dev/null" };
	files.items[1] = (struct open_file){ 3, true, O_RDWR | O_DIRECT, 734003200, "/srv/data/w.0.0" };
	files.items[2] =
	    (struct open_file){ 12, true, O_WRONLY | O_APPEND | O_CREAT, 1234, "/var/log/\x1b[31mfio.log" };
	files.items[3] = (struct open_file){ 14, true, O_RDWR | O_TMPFILE | O_SYNC, 0, "/tmp/#2097 (deleted)" };
	files.items[4] = (struct open_file){ 1, false, 0, 0, "pipe:[31337]" };
	return &files;
}

static const struct lookup lookup = {
	.user = user_name,
	.cmdline = command_line,
	.prio = priority,
	.process_prio = process_priority,
	.files = open_files,
};

static struct task_info *make_info(const struct actor *actor, int offset)
{
	struct task_info *info = task_info_new();

	assert_non_null(info);
	info->id = (struct task_id){ actor->tid + offset, (uint64_t)actor->tid * 1000000u };
	info->process = (struct task_id){ actor->pid + offset, (uint64_t)actor->pid * 1000000u };
	info->ppid = actor->ppid;
	info->uid = actor->uid;
	snprintf(info->comm, sizeof(info->comm), "%s", actor->comm);
	info->unit = actor->unit;
	info->container = actor->container;
	info->cgroup = actor->unit;
	if (actor->cmdline)
		info->cmdline = strdup(actor->cmdline);
	return info;
}

/* The books: who lives has one info all through, and intervals refer to it. */
static struct task_info *living[ACTORS];

static struct task_info *living_info(const struct actor *actor)
{
	struct task_info **info = &living[actor - actors];

	if (!*info)
		*info = make_info(actor, 0);
	return *info;
}

static void add_task(struct interval *interval, const struct actor *actor, int number, int offset)
{
	/* A saw between -swing and +swing percent. */
	double factor = 1 + actor->swing / 100.0 * ((number * 7) % 11 - 5) / 5;
	struct task_delta *task = interval_add(interval);
	uint64_t *value = task->delta.value;

	assert_non_null(task);
	task->info = actor->exits ? make_info(actor, offset) : task_info_ref(living_info(actor));
	task->delta.known = COUNTERS_ALL;
	task->delta.approximate = actor->approximate ? COUNTERS_ROUNDED : 0;
	value[COUNTER_READ] = (uint64_t)(actor->read * factor) / 512 * 512;
	value[COUNTER_WRITE] = (uint64_t)(actor->write * factor) / 512 * 512;
	value[COUNTER_CANCELLED] = (uint64_t)(actor->cancelled * factor);
	value[COUNTER_READ_CHAR] = (uint64_t)(actor->read_char * factor);
	value[COUNTER_WRITE_CHAR] = (uint64_t)(actor->write_char * factor);
	value[COUNTER_READ_CALLS] = (uint64_t)(actor->read_calls * factor);
	value[COUNTER_WRITE_CALLS] = (uint64_t)(actor->write_calls * factor);
	value[COUNTER_BLKIO_COUNT] = (uint64_t)(actor->waits * factor);
	value[COUNTER_BLKIO_DELAY] = (uint64_t)(actor->io * factor * 1e9);
	task->busiest_blkio_ns = actor->stuck && number > 1 ? SECOND : value[COUNTER_BLKIO_DELAY];
	task->flags =
	    (actor->stuck ? DELTA_STUCK : 0u) | (actor->exits ? DELTA_EXITED | DELTA_GROUP_DEAD | DELTA_BORN : 0u);
	task->exits = task->processes = actor->exits;
	task->state = actor->stuck ? 'D' : 'S';
	task->lived_ns = SECOND;
	task->age_ns = (uint64_t)(number + 60) * SECOND;
	task->lifetime_read = value[COUNTER_READ] * (uint64_t)(number + 60);
	task->lifetime_write = value[COUNTER_WRITE] * (uint64_t)(number + 60);
	counters_add(&interval->total, &task->delta);
}

static void add_idle(struct interval *interval, struct task_info *info, uint64_t age_ns)
{
	interval->idle = realloc(interval->idle, (interval->idle_count + 1) * sizeof(*interval->idle));
	assert_non_null(interval->idle);
	interval->idle[interval->idle_count++] =
	    (struct task_idle){ .info = task_info_ref(info), .age_ns = age_ns, .known = COUNTERS_ALL, .state = 'S' };
	interval->idle_capacity = interval->idle_count;
}

static const struct {
	const char *name;
	unsigned major, minor;
	bool whole_disk;
	uint64_t reads, writes; /* a second */
	double read, write;
	uint64_t busy_ms;
} disks[] = {
	{ "nvme0n1", 259, 0, true, 1240, 2210, 46.2 * MIB, 60.1 * MIB, 874 },
	{ "nvme0n1p1", 259, 1, false, 0, 4, 0, 0.1 * MIB, 3 },
	{ "nvme0n1p2", 259, 2, false, 1240, 2206, 46.2 * MIB, 60.0 * MIB, 871 },
	{ "sda", 8, 0, true, 12, 0, 0.7 * MIB, 0, 51 },
	{ "sdb", 8, 16, true, 0, 0, 0, 0, 0 },
};

static void add_devices(struct machine_delta *machine, int number)
{
	machine->device_count = sizeof(disks) / sizeof(disks[0]);
	machine->devices = calloc(machine->device_count, sizeof(*machine->devices));
	assert_non_null(machine->devices);
	for (size_t i = 0; i < machine->device_count; i++) {
		struct device_delta *device = &machine->devices[i];

		snprintf(device->name, sizeof(device->name), "%s", disks[i].name);
		device->major = disks[i].major;
		device->minor = disks[i].minor;
		device->whole_disk = disks[i].whole_disk;
		device->reads = disks[i].reads;
		device->writes = disks[i].writes + (disks[i].writes ? (uint64_t)number : 0);
		device->read_bytes = (uint64_t)disks[i].read;
		device->write_bytes = (uint64_t)disks[i].write;
		device->read_ms = disks[i].reads * 2;
		device->write_ms = disks[i].writes * 3;
		device->io_ms = disks[i].busy_ms;
		device->weighted_ms = disks[i].busy_ms * 4;
	}
}

static void add_mount(struct machine_delta *machine)
{
	struct nfs_mount *mount = calloc(1, sizeof(*mount));

	assert_non_null(mount);
	machine->known |= MACHINE_NFS;
	machine->nfs.items = mount;
	machine->nfs.count = machine->nfs.capacity = 1;
	mount->mount = strdup("/srv/home");
	mount->device = strdup("filer:/export/home");
	mount->version = strdup("4.2");
	mount->sends = 410;
	mount->ops = calloc(2, sizeof(*mount->ops));
	assert_non_null(mount->ops);
	mount->op_count = mount->op_capacity = 2;
	mount->ops[0] = (struct nfs_op){ .name = "READ_PLUS",
					 .ops = 300,
					 .transmissions = 301,
					 .sent_bytes = 60000,
					 .received_bytes = 24000000,
					 .queue_ms = 30,
					 .rtt_ms = 900,
					 .execute_ms = 960 };
	mount->ops[1] = (struct nfs_op){ .name = "WRITE",
					 .ops = 100,
					 .transmissions = 100,
					 .sent_bytes = 9000000,
					 .received_bytes = 20000,
					 .queue_ms = 10,
					 .rtt_ms = 500,
					 .execute_ms = 520 };
}

static void add_machine(struct interval *interval, int number)
{
	struct machine_delta *machine = &interval->machine;

	machine->known =
	    MACHINE_VMSTAT | MACHINE_MEMINFO | MACHINE_PRESSURE | MACHINE_MINUTES | MACHINE_CPU | MACHINE_DISKS;
	machine->elapsed_ns = interval->end_ns - interval->begin_ns;
	machine->actual_read_bytes = (uint64_t)(46.9 * MIB) + (uint64_t)(number % 5) * 1048576u;
	machine->actual_write_bytes = (uint64_t)(61.0 * MIB) + (uint64_t)(number % 3) * 20971520u;
	machine->dirty_bytes = (uint64_t)(412.5 * MIB);
	machine->writeback_bytes = (uint64_t)(38.2 * MIB);
	machine->io_some_avg10 = 34.5;
	machine->io_full_avg10 = 21.0;
	machine->io_some_avg60 = 12.25;
	machine->io_full_avg60 = 8.5;
	machine->io_some_avg300 = 4.75;
	machine->io_full_avg300 = 3;
	machine->io_some_ratio = 0.625;
	machine->io_full_ratio = 0.5;
	machine->cpu_user = 0.31;
	machine->cpu_system = 0.172;
	machine->cpu_iowait = 0.128;
	machine->cpu_steal = 0.02;
	add_devices(machine, number);
	add_mount(machine);
}

struct interval *scene_interval(int number)
{
	struct interval *interval = interval_new();

	assert_non_null(interval);
	interval->begin_ns = (uint64_t)(100 + number) * SECOND;
	interval->end_ns = interval->begin_ns + SECOND;
	interval->end_wall_ms = 1764396000000 + number * 1000; /* 06:00:00 UTC */
	interval->baseline = number == 0;
	interval->all_tasks = interval->exits_known = true;
	interval->delayacct = 1;
	interval->task_count = 312;
	interval->process_count = 187;
	for (size_t i = 0; i < ACTORS; i++) {
		if (number == 0 || actors[i].idle) {
			if (!actors[i].exits)
				add_idle(interval, living_info(&actors[i]), (uint64_t)(number + 60) * SECOND);
			continue;
		}
		for (int one = 0; one < (actors[i].exits ? DD_A_SECOND : 1); one++)
			add_task(interval, &actors[i], number, actors[i].exits ? number * DD_A_SECOND + one : 0);
	}
	if (number) {
		add_machine(interval, number);
		interval->exited = DD_A_SECOND;
	}
	return interval;
}

static void set_interval(void *data, uint64_t interval_ns)
{
	((struct scene *)data)->interval_ns = interval_ns;
}

static int set_delayacct(void *data, bool on)
{
	struct scene *scene = data;

	scene->delayacct_asked = on;
	return scene->delayacct_error;
}

static int save(void *data, const struct settings *settings, const char *path)
{
	struct scene *scene = data;

	assert_ptr_equal(settings, &scene->settings);
	snprintf(scene->saved, sizeof(scene->saved), "%.60s", path);
	return scene->save_error;
}

static int set_prio(void *data, const struct task_id *thread, int io_class, int level)
{
	struct scene *scene = data;

	if (scene->act_error)
		return scene->act_error;
	assert_true(scene->prio_count < 8);
	scene->prioritised[scene->prio_count++] = *thread;
	scene->io_class = io_class;
	scene->level = level;
	return 0;
}

static int send_signal(void *data, const struct task_id *process, int signal)
{
	struct scene *scene = data;

	scene->signalled = *process;
	scene->signal = signal;
	return scene->act_error;
}

void scene_open(struct scene *scene, int rows, int width, enum text_charset charset)
{
	struct screen_host host = {
		.data = scene,
		.set_interval = set_interval,
		.set_delayacct = set_delayacct,
		.save = save,
		.actions = { .data = scene, .set_prio = set_prio, .send_signal = send_signal },
	};

	setenv("TZ", "UTC", 1);
	*scene = (struct scene){ .delayacct_asked = -1 };
	assert_int_equal(settings_init(&scene->settings), 0);
	scene->settings.view.threads = false;
	assert_int_equal(screen_create(&scene->settings, &lookup, &host, charset, &scene->screen), 0);
	assert_int_equal(screen_set_size(scene->screen, rows, width), 0);
	strcpy(scene->screen->host_name, "web01");
	screen_compose(scene->screen);
}

void scene_close(struct scene *scene)
{
	screen_destroy(scene->screen);
	settings_free(&scene->settings);
	for (size_t i = 0; i < ACTORS; i++) {
		task_info_unref(living[i]);
		living[i] = NULL;
	}
}

void scene_feed_one(struct scene *scene, int number)
{
	struct interval *interval = scene_interval(number);

	assert_int_equal(screen_interval(scene->screen, interval, NULL), 0);
	interval_unref(interval);
	screen_compose(scene->screen);
}

void scene_feed(struct scene *scene, int last)
{
	for (int number = 0; number <= last; number++)
		scene_feed_one(scene, number);
}

void scene_press(struct scene *scene, int key)
{
	screen_key(scene->screen, &(struct input){ .key = key });
	screen_compose(scene->screen);
}

void scene_type(struct scene *scene, const char *text)
{
	for (; *text; text++)
		scene_press(scene, *text);
}

static size_t encode(uint32_t code, char *to)
{
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xc0 | (code >> 6));
		to[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	to[0] = (char)(0xe0 | (code >> 12));
	to[1] = (char)(0x80 | ((code >> 6) & 0x3f));
	to[2] = (char)(0x80 | (code & 0x3f));
	return 3;
}

const char *scene_row(struct scene *scene, int row, char *to, size_t size)
{
	const struct frame *frame = &scene->screen->frame;
	size_t used = 0;

	for (int column = 0; column < frame->columns; column++) {
		const struct cell *cell = frame_cell(frame, row, column);

		for (int i = 0; i < 3 && cell->code[i] && used + 4 < size; i++)
			used += encode(cell->code[i], to + used);
	}
	while (used && to[used - 1] == ' ')
		used--;
	to[used] = '\0';
	return to;
}

int scene_row_of(struct scene *scene, const char *text)
{
	char line[4096];

	for (int row = 0; row < scene->screen->frame.rows; row++)
		if (strstr(scene_row(scene, row, line, sizeof(line)), text))
			return row;
	return -1;
}

bool scene_shows(struct scene *scene, const char *text)
{
	return scene_row_of(scene, text) >= 0;
}
