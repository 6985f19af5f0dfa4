#include "kernel.h"

#include "iotopx/array.h"
#include "iotopx/cgroup.h"
#include "iotopx/lookup_live.h"
#include "iotopx/machine_read.h"
#include "iotopx/proc.h"
#include "iotopx/taskstats.h"
#include "cgroup_books.h"
#include "forks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define QUEUE 1024
#define BIRTHS_AT_A_TIME 64 /* as many as recvmmsg takes */
#define PROBE 99999         /* the child that iotopx tries it with */
#define OLD_NS 1000000000000u
#define FIRST_TID 100000
#define UNITS 40

struct kernel kernel;

static struct {
	pid_t pid;
	uint64_t time_ns;
} births[QUEUE];
static struct taskstats_fields records[QUEUE];
static size_t birth_count, record_count;
static char handle; /* what is opened is this */

void kernel_boot(struct kernel_traits traits)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.traits = traits;
	kernel.now_ns = 2 * OLD_NS;
	birth_count = record_count = 0;
}

void kernel_count_from_now(void)
{
	memset(kernel.done, 0, sizeof(kernel.done));
	kernel.exits = 0;
}

static uint64_t now(void)
{
	return kernel.now_ns++;
}

static bool is_there(const struct kernel_task *task)
{
	return task->alive || task->zombie;
}

/* Numbers are those of the slots. */
static struct kernel_task *find(pid_t tid)
{
	size_t slot = (size_t)(tid - FIRST_TID);

	return tid >= FIRST_TID && slot < kernel.count && is_there(&kernel.tasks[slot]) ? &kernel.tasks[slot] : NULL;
}

static struct kernel_task *be_born(size_t slot, const struct kernel_task *leader, uint64_t age_ns)
{
	struct kernel_task *task = &kernel.tasks[slot];
	pid_t tid = FIRST_TID + (pid_t)slot;

	if (slot >= KERNEL_TASKS)
		abort();
	kernel.count = slot < kernel.count ? kernel.count : slot + 1;
	*task = (struct kernel_task){
		.alive = true,
		.tid = tid,
		.tgid = leader ? leader->tgid : tid,
		.start_ns = now() - age_ns,
		.state = 'S',
	};
	snprintf(task->comm, sizeof(task->comm), "task%d", tid % 10);
	kernel_run(task);
	return task;
}

static void tell_birth(pid_t pid)
{
	if (birth_count == QUEUE)
		abort();
	births[birth_count].pid = pid;
	births[birth_count++].time_ns = now();
}

struct kernel_task *kernel_fork(void)
{
	struct kernel_task *task = be_born(kernel.count, NULL, 0);

	tell_birth(task->tid);
	return task;
}

struct kernel_task *kernel_fork_old(void)
{
	return be_born(kernel.count, NULL, OLD_NS);
}

struct kernel_task *kernel_fork_again(const struct kernel_task *gone)
{
	struct kernel_task *task = be_born((size_t)(gone - kernel.tasks), NULL, 0);

	tell_birth(task->tid);
	return task;
}

struct kernel_task *kernel_thread(const struct kernel_task *of)
{
	return be_born(kernel.count, of, 0);
}

void kernel_pass(uint64_t ns)
{
	kernel.now_ns += ns;
}

void kernel_run(struct kernel_task *task)
{
	task->run_ns += 1000;
	kernel.tasks[task->tgid - FIRST_TID].clock_ns += 1000;
}

void kernel_work(struct kernel_task *task, enum counter counter, uint64_t bytes)
{
	task->value[counter] += bytes;
	kernel.done[counter] += bytes;
	kernel_run(task);
}

static bool is_last(const struct kernel_task *task)
{
	for (size_t i = 0; i < kernel.count; i++)
		if (kernel.tasks[i].alive && kernel.tasks[i].tgid == task->tgid)
			return false;
	return true;
}

static void fill(const struct kernel_task *task, struct taskstats_fields *fields)
{
	const struct kernel_task *leader = find(task->tgid);
	uint64_t start = leader ? leader->start_ns : task->start_ns;

	*fields = (struct taskstats_fields){
		.version = 14,
		.uid = (uint32_t)geteuid(),
		.pid = (uint32_t)task->tid,
		.ppid = 1,
		.tgid = (uint32_t)task->tgid,
		.tgetime_us = (now() - start) / 1000,
		.has_tgid = true,
		.has_wpcopy = true,
		.etime_us = (now() - task->start_ns) / 1000,
		.read_char = task->value[COUNTER_READ_CHAR] & ~UINT64_C(1023),
		.write_char = task->value[COUNTER_WRITE_CHAR] & ~UINT64_C(1023),
		.read_bytes = task->value[COUNTER_READ] & ~UINT64_C(1023),
		.write_bytes = task->value[COUNTER_WRITE] & ~UINT64_C(1023),
		.cancelled_write_bytes = task->value[COUNTER_CANCELLED] & ~UINT64_C(1023),
		.cpu_run_virtual_ns = task->run_ns,
		.wpcopy_count = 1,
	};
	memcpy(fields->comm, task->comm, sizeof(task->comm));
}

void kernel_exit(struct kernel_task *task)
{
	struct kernel_task *leader = find(task->tgid);

	task->alive = false;
	kernel.exits++;
	if (kernel.traits.exits) {
		if (record_count == QUEUE)
			abort();
		fill(task, &records[record_count]);
		records[record_count].flags = is_last(task) ? TASKSTATS_FLAG_AGROUP : 0;
		record_count++;
	}
	task->zombie = task == leader;
}

void kernel_cancel(struct kernel_task *zombie, uint64_t bytes)
{
	zombie->value[COUNTER_CANCELLED] += bytes;
	kernel.done[COUNTER_CANCELLED] += bytes;
}

void kernel_reap(struct kernel_task *zombie)
{
	zombie->zombie = false;
}

size_t kernel_alive(void)
{
	size_t count = 0;

	for (size_t i = 0; i < kernel.count; i++)
		count += kernel.tasks[i].alive;
	return count;
}

int kernel_unit(pid_t pid)
{
	return pid % UNITS;
}

/* What the live source asks. */

int __wrap_taskstats_open(struct taskstats **taskstats, char *error, size_t error_size);
void __wrap_taskstats_close(struct taskstats *taskstats);
int __wrap_taskstats_query(struct taskstats *taskstats, const pid_t *tids, size_t count, taskstats_reply *each,
			   void *data);
int __wrap_taskstats_failure(const struct taskstats *taskstats);
int __wrap_netlink_socket_open(enum netlink_kind kind);
int __wrap_exits_open(struct taskstats *taskstats, const char *cpumask_path, int fd, struct exits **exits);
void __wrap_exits_close(struct exits *exits);
int __wrap_exits_fd(const struct exits *exits);
long __wrap_exits_drain(struct exits *exits, exits_record *each, void *data);
uint64_t __wrap_exits_lost(struct exits *exits);
int __wrap_forks_open(int fd, struct forks **forks);
void __wrap_forks_close(struct forks *forks);
int __wrap_forks_take(struct forks *forks, forks_birth *each, void *data);
pid_t __wrap_fork(void);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
int __wrap_proc_list_processes(struct proc *proc, struct proc_list *list);
int __wrap_proc_list_threads(struct proc *proc, pid_t pid, struct proc_list *list);
int __wrap_proc_read_io(struct proc *proc, pid_t pid, pid_t tid, struct counters *counters);
int __wrap_proc_read_stat(struct proc *proc, pid_t pid, pid_t tid, struct proc_stat *stat);
int __wrap_proc_read_schedstat(struct proc *proc, pid_t pid, pid_t tid, uint64_t *run_ns);
int __wrap_proc_owner(struct proc *proc, pid_t pid, uint32_t *uid);
int __wrap_proc_read_load(struct proc *proc, unsigned *hundredths);
int __wrap_proc_process_clock(pid_t pid, uint64_t *ns);
int __wrap_cgroup_cache_read(struct cgroup_cache *cache, int proc_fd, pid_t pid, pid_t tid,
			     const struct cgroup_ident **ident);
int __wrap_cgroup_cache_read_exiting(struct cgroup_cache *cache, int proc_fd, pid_t pid,
				     const struct cgroup_ident **ident);
int __wrap_machine_read(struct machine_reader *reader, struct machine_counters *counters);
int __wrap_cgroup_books_open(const char *root, struct cgroup_cache *cache, struct cgroup_books **books);
void __wrap_cgroup_books_close(struct cgroup_books *books);
int __wrap_cgroup_books_see(struct cgroup_books *books, const char *cgroup);
int __wrap_cgroup_books_prepare(struct cgroup_books *books);
void __wrap_cgroup_books_sample(struct cgroup_books *books, struct interval *interval);
int __wrap_lookup_live_open(struct proc *proc, const char *root, const struct name_service *names,
			    struct lookup_live **live);
void __wrap_lookup_live_close(struct lookup_live *live);
struct lookup __wrap_lookup_live_interface(struct lookup_live *live);
void __wrap_lookup_live_refresh(struct lookup_live *live);
int __wrap_lookup_live_fd(const struct lookup_live *live);
void __wrap_lookup_live_collect(struct lookup_live *live);

int __wrap_taskstats_open(struct taskstats **taskstats, char *error, size_t error_size)
{
	snprintf(error, error_size, "no permission");
	*taskstats = (struct taskstats *)&handle;
	return kernel.traits.taskstats ? 0 : -EPERM;
}

void __wrap_taskstats_close(struct taskstats *taskstats)
{
	(void)taskstats;
}

int __wrap_taskstats_query(struct taskstats *taskstats, const pid_t *tids, size_t count, taskstats_reply *each,
			   void *data)
{
	(void)taskstats;
	for (size_t i = 0; i < count; i++) {
		const struct kernel_task *task = find(tids[i]);
		uint64_t begin = now();
		struct taskstats_fields fields;

		if (task)
			fill(task, &fields);
		each(data, i, tids[i], task ? &fields : NULL, task ? 0 : -ESRCH, begin, now());
	}
	return 0;
}

int __wrap_taskstats_failure(const struct taskstats *taskstats)
{
	(void)taskstats;
	return 0;
}

int __wrap_netlink_socket_open(enum netlink_kind kind)
{
	(void)kind;
	return -EPERM; /* nobody looks at it here */
}

int __wrap_exits_open(struct taskstats *taskstats, const char *cpumask_path, int fd, struct exits **exits)
{
	(void)taskstats, (void)cpumask_path, (void)fd;
	*exits = kernel.traits.exits ? (struct exits *)&handle : NULL;
	return kernel.traits.exits ? 0 : -EINVAL;
}

void __wrap_exits_close(struct exits *exits)
{
	(void)exits;
}

/* Always readable: whoever waits for a record looks at once. */
int __wrap_exits_fd(const struct exits *exits)
{
	static int fd;

	(void)exits;
	fd = fd ? fd : open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd;
}

long __wrap_exits_drain(struct exits *exits, exits_record *each, void *data)
{
	size_t count = record_count;

	(void)exits;
	for (size_t i = 0; i < count; i++)
		each(data, &records[i], now(), 1000);
	record_count = 0;
	return (long)count;
}

uint64_t __wrap_exits_lost(struct exits *exits)
{
	(void)exits;
	return 0;
}

int __wrap_forks_open(int fd, struct forks **forks)
{
	(void)fd;
	*forks = (struct forks *)&handle;
	return kernel.traits.births ? 0 : -EPERM;
}

void __wrap_forks_close(struct forks *forks)
{
	(void)forks;
}

/* What was taken from the socket with one that could not be told is gone. */
int __wrap_forks_take(struct forks *forks, forks_birth *each, void *data)
{
	int error = 0;

	(void)forks;
	while (birth_count && !error) {
		size_t taken = birth_count < BIRTHS_AT_A_TIME ? birth_count : BIRTHS_AT_A_TIME;

		for (size_t i = 0; i < taken && !error; i++)
			error = each(data, births[i].pid, births[i].time_ns);
		birth_count -= taken;
		memmove(births, births + taken, birth_count * sizeof(*births));
	}
	return error;
}

/* The machine never sleeps: its clocks agree. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	uint64_t ns = now();

	(void)clock;
	*time = (struct timespec){ .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u) };
	return 0;
}

/* Only the probe forks. */
pid_t __wrap_fork(void)
{
	tell_birth(PROBE);
	records[record_count++] = (struct taskstats_fields){ .version = 14, .pid = PROBE, .tgid = PROBE };
	return PROBE;
}

pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
	(void)status, (void)options;
	return pid;
}

static int list_entry(struct proc_list *list, const struct kernel_task *task)
{
	struct proc_entry *entry = array_append(list);

	if (!entry)
		return -ENOMEM;
	*entry = (struct proc_entry){ .pid = task->tid, .inode = task->start_ns };
	return 0;
}

int __wrap_proc_list_processes(struct proc *proc, struct proc_list *list)
{
	int error = 0;

	(void)proc;
	list->count = 0;
	for (size_t i = 0; i < kernel.count && !error; i++)
		if (is_there(&kernel.tasks[i]) && kernel.tasks[i].tid == kernel.tasks[i].tgid)
			error = list_entry(list, &kernel.tasks[i]);
	return error;
}

int __wrap_proc_list_threads(struct proc *proc, pid_t pid, struct proc_list *list)
{
	int error = 0;

	(void)proc;
	list->count = 0;
	for (size_t i = 0; i < kernel.count && !error; i++)
		if (is_there(&kernel.tasks[i]) && kernel.tasks[i].tgid == pid)
			error = list_entry(list, &kernel.tasks[i]);
	return error ? error : list->count ? 0 : -ENOENT;
}

int __wrap_proc_read_io(struct proc *proc, pid_t pid, pid_t tid, struct counters *counters)
{
	const struct kernel_task *task = find(tid);

	(void)proc, (void)pid;
	if (!task)
		return -ESRCH;
	*counters = (struct counters){ .known = COUNTERS_IO };
	for (int counter = 0; counter < COUNTER_BLKIO_COUNT; counter++)
		counters->value[counter] = task->value[counter];
	return 0;
}

int __wrap_proc_read_stat(struct proc *proc, pid_t pid, pid_t tid, struct proc_stat *stat)
{
	const struct kernel_task *task = find(tid ? tid : pid);

	(void)proc;
	if (!task)
		return -ESRCH;
	*stat = (struct proc_stat){
		.state = task->zombie ? 'Z' : task->state,
		.exiting = task->zombie,
		.ppid = 1,
		.start_ticks = task->start_ns / (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK)),
	};
	memcpy(stat->comm, task->comm, sizeof(stat->comm));
	return 0;
}

int __wrap_proc_read_schedstat(struct proc *proc, pid_t pid, pid_t tid, uint64_t *run_ns)
{
	const struct kernel_task *task = find(tid);

	(void)proc, (void)pid;
	if (!task)
		return -ESRCH;
	*run_ns = task->run_ns;
	return 0;
}

int __wrap_proc_owner(struct proc *proc, pid_t pid, uint32_t *uid)
{
	(void)proc;
	*uid = (uint32_t)geteuid();
	return find(pid) ? 0 : -ESRCH;
}

/* A busy one: whoever looks for tasks that hang looks at all. */
int __wrap_proc_read_load(struct proc *proc, unsigned *hundredths)
{
	(void)proc;
	*hundredths = 1000;
	return 0;
}

int __wrap_proc_process_clock(pid_t pid, uint64_t *ns)
{
	const struct kernel_task *leader = find(pid);

	if (!leader || leader->tgid != pid)
		return -ESRCH;
	*ns = leader->clock_ns;
	return 0;
}

int __wrap_cgroup_cache_read(struct cgroup_cache *cache, int proc_fd, pid_t pid, pid_t tid,
			     const struct cgroup_ident **ident)
{
	char text[64];

	(void)proc_fd, (void)tid;
	snprintf(text, sizeof(text), "0::/slice/%d.service\n", kernel_unit(pid));
	return find(pid) ? cgroup_cache_find(cache, text, strlen(text), ident) : -ENOENT;
}

int __wrap_cgroup_cache_read_exiting(struct cgroup_cache *cache, int proc_fd, pid_t pid,
				     const struct cgroup_ident **ident)
{
	return __wrap_cgroup_cache_read(cache, proc_fd, pid, 0, ident);
}

int __wrap_machine_read(struct machine_reader *reader, struct machine_counters *counters)
{
	(void)reader;
	counters->time_ns = now();
	counters->known = 0;
	return 0;
}

int __wrap_cgroup_books_open(const char *root, struct cgroup_cache *cache, struct cgroup_books **books)
{
	(void)root, (void)cache;
	*books = (struct cgroup_books *)&handle;
	return 0;
}

void __wrap_cgroup_books_close(struct cgroup_books *books)
{
	(void)books;
}

int __wrap_cgroup_books_see(struct cgroup_books *books, const char *cgroup)
{
	(void)books, (void)cgroup;
	return 0;
}

int __wrap_cgroup_books_prepare(struct cgroup_books *books)
{
	void *volatile memory = malloc(1);

	(void)books;
	kernel.cgroups_prepared = memory != NULL;
	free(memory);
	return kernel.cgroups_prepared ? 0 : -ENOMEM;
}

void __wrap_cgroup_books_sample(struct cgroup_books *books, struct interval *interval)
{
	(void)books, (void)interval;
	if (!kernel.cgroups_prepared)
		abort();
	kernel.cgroups_prepared = false;
	kernel.cgroup_samples++;
}

int __wrap_lookup_live_open(struct proc *proc, const char *root, const struct name_service *names,
			    struct lookup_live **live)
{
	(void)proc, (void)root, (void)names;
	*live = (struct lookup_live *)&handle;
	return 0;
}

void __wrap_lookup_live_close(struct lookup_live *live)
{
	(void)live;
}

struct lookup __wrap_lookup_live_interface(struct lookup_live *live)
{
	(void)live;
	return lookup_nothing;
}

void __wrap_lookup_live_refresh(struct lookup_live *live)
{
	(void)live;
}

int __wrap_lookup_live_fd(const struct lookup_live *live)
{
	(void)live;
	return -1;
}

void __wrap_lookup_live_collect(struct lookup_live *live)
{
	(void)live;
}
