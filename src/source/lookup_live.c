#include "iotopx/lookup_live.h"

#include "iotopx/array.h"
#include "iotopx/clock.h"
#include "iotopx/device_info.h"
#include "files.h"
#include "prio.h"
#include "worker.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define CMDLINE_MAX 4096
#define CMDLINES_OPEN_MAX 4096u /* asked and not yet answered */
#define CMDLINE_THREADS_MAX 4
#define USERS_OPEN_MAX 256u
#define USER_THREADS_MAX 2
#define PASSWD_BUFFER_MAX ((size_t)1 << 20)
#define USER_NAME_SIZE 512
#define WAIT_STEP_MS 50
#define FILES_OPEN_MAX 8u
#define FILES_THREADS_MAX 2
#define FILES_VALID_NS 900000000u
#define EXEC_MOMENT_NS 2000000

/* A command line on its way. task_info is for one thread, so the worker gets the identity alone, and the reference
 * waits here. */
struct cmdline_request {
	struct task_info *info; /* owned reference; NULL: the request is free */
	uint32_t next_free;
};

/* Allocated one by one: their texts stay where they are. */
struct user {
	char number[12];
	char *name; /* owned; NULL: not known (yet) */
	uint32_t uid;
	bool asked;
};

struct lookup_live {
	int event_fd;
	struct worker *cmdline_worker;
	struct worker *user_worker;
	struct cmdline_request requests[CMDLINES_OPEN_MAX];
	uint32_t first_free; /* a list through next_free; CMDLINES_OPEN_MAX ends it */
	struct idmap by_tid; /* TID -> request on its way */
	size_t open;         /* questions of both kinds on their way */
	struct {
		struct user **items;
		size_t count, capacity;
	} users;
	struct idmap by_uid; /* uid + 1 -> users */
	struct prio_cache prios, process_prios;
	struct proc *proc; /* for the caller's thread */
	struct proc_list threads;
	struct worker *files_worker;
	struct open_files *files; /* what was last read, NULL nothing */
	struct task_id files_asked;
	uint64_t files_asked_ns;
	bool files_open;              /* ... and not answered yet */
	char *root;                   /* owned: of sysfs and the mount table */
	struct device_infos *devices; /* NULL until somebody asks */
};

/* On the workers' threads */

/* Kernel threads and zombies have no command line; kthreadd is 2. Another process has none for a moment only: while it
 * execs. */
static bool has_none(struct proc *proc, pid_t tid)
{
	struct proc_stat stat;

	return proc_read_stat(proc, tid, 0, &stat) != 0 || tid == 2 || stat.ppid == 2 || stat.state == 'Z';
}

static void run_cmdline(void *context, struct worker_job *job)
{
	const struct timespec moment = { .tv_nsec = EXEC_MOMENT_NS };
	struct proc *proc = context;
	char *text;

	if (proc_read_cmdline(proc, job->id.tid, CMDLINE_MAX, &text) != 0)
		return;
	if (!text[0] && !has_none(proc, job->id.tid)) {
		free(text);
		nanosleep(&moment, NULL);
		if (proc_read_cmdline(proc, job->id.tid, CMDLINE_MAX, &text) != 0)
			return;
	}
	/* Read first, then check: if the TID is still that task's, it was when the line was read. */
	if (proc_check_identity(proc, &job->id) != 0)
		free(text);
	else
		job->text = text;
}

static void free_cmdline_context(void *context)
{
	proc_close(context);
}

static const struct worker_ops cmdline_ops = { run_cmdline, free_cmdline_context };

static void run_user(void *context, struct worker_job *job)
{
	struct passwd entry, *found = NULL;

	(void)context;
	for (size_t size = 1024; size <= PASSWD_BUFFER_MAX; size *= 4) {
		char *buffer = malloc(size);

		if (!buffer)
			return;
		int error = getpwuid_r(job->uid, &entry, buffer, size, &found);
		if (error == 0 && found && found->pw_name[0])
			job->text = strdup(found->pw_name);
		free(buffer);
		if (error != ERANGE)
			return;
	}
}

static void free_user_context(void *context)
{
	(void)context;
}

static const struct worker_ops user_ops = { run_user, free_user_context };

static void run_service(void *context, struct worker_job *job)
{
	const struct name_service *names = context;
	char name[USER_NAME_SIZE];

	if (names->name(names->data, job->uid, name, sizeof(name)) == 0 && name[0])
		job->text = strdup(name);
}

static void free_service(void *context)
{
	struct name_service *names = context;

	names->free(names->data);
	free(names);
}

static const struct worker_ops service_ops = { run_service, free_service };

static void run_files(void *context, struct worker_job *job)
{
	job->files = files_read(context, &job->id);
}

static const struct worker_ops files_ops = { run_files, free_cmdline_context };

/* On the caller's thread */

static struct user *user_find(struct lookup_live *live, uint32_t uid)
{
	uint32_t slot = idmap_get(&live->by_uid, uid + 1);

	if (slot != IDMAP_NONE)
		return live->users.items[slot];
	struct user *user = calloc(1, sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	snprintf(user->number, sizeof(user->number), "%" PRIu32, uid);
	if (array_reserve(&live->users, live->users.count + 1) != 0 ||
	    idmap_set(&live->by_uid, uid + 1, (uint32_t)live->users.count) != 0) {
		free(user);
		return NULL;
	}
	live->users.items[live->users.count++] = user;
	return user;
}

static const char *live_user(void *data, uint32_t uid)
{
	struct lookup_live *live = data;
	struct user *user = uid == UINT32_MAX ? NULL : user_find(live, uid);

	if (!user)
		return "?";
	if (!user->asked && worker_ask(live->user_worker, &(struct worker_job){ .uid = uid }) == 0) {
		user->asked = true;
		live->open++;
	}
	return user->name ? user->name : user->number;
}

static const char *live_cmdline(void *data, struct task_info *info)
{
	struct lookup_live *live = data;
	const uint32_t number = live->first_free;

	if (info->cmdline)
		return info->cmdline[0] ? info->cmdline : NULL;
	if (info->id.tid <= 0 || number == CMDLINES_OPEN_MAX ||
	    idmap_get(&live->by_tid, (uint32_t)info->id.tid) != IDMAP_NONE)
		return NULL;
	if (idmap_set(&live->by_tid, (uint32_t)info->id.tid, number) != 0)
		return NULL;
	if (worker_ask(live->cmdline_worker, &(struct worker_job){ .number = number, .id = info->id }) != 0) {
		idmap_remove(&live->by_tid, (uint32_t)info->id.tid);
		return NULL;
	}
	struct cmdline_request *request = &live->requests[number];
	live->first_free = request->next_free;
	request->info = task_info_ref(info);
	live->open++;
	return NULL;
}

static struct prio live_prio(void *data, const struct task_info *info)
{
	struct lookup_live *live = data;

	return prio_get(&live->prios, &info->id);
}

static struct prio live_process_prio(void *data, const struct task_info *info)
{
	struct lookup_live *live = data;

	return prio_get_process(&live->process_prios, &info->process, live->proc, &live->threads);
}

static bool same_task(const struct task_id *one, const struct task_id *other)
{
	return one->tid == other->tid && one->start_ns == other->start_ns;
}

/* One task is looked at at a time. A question that hangs is no reason not to ask about another task. */
static const struct open_files *live_files(void *data, const struct task_info *info)
{
	struct lookup_live *live = data;
	bool same = same_task(&live->files_asked, &info->id);
	uint64_t now = clock_read_ns(CLOCK_MONOTONIC);

	if ((!same || (!live->files_open && now - live->files_asked_ns > FILES_VALID_NS)) && info->id.tid > 0 &&
	    worker_ask(live->files_worker, &(struct worker_job){ .id = info->id }) == 0) {
		live->files_asked = info->id;
		live->files_asked_ns = now;
		live->files_open = true;
	}
	return live->files && same_task(&live->files->id, &info->id) ? live->files : NULL;
}

/* Who never looks at devices never reads the mount table. */
static const struct device_info *live_device(void *data, unsigned major, unsigned minor)
{
	struct lookup_live *live = data;

	if (!live->devices && device_infos_open(live->root, &live->devices) != 0)
		return NULL;
	return device_infos_get(live->devices, major, minor);
}

void lookup_live_refresh(struct lookup_live *live)
{
	if (live->devices)
		device_infos_refresh(live->devices);
}

/* Answers */

/* None (gone, or a kernel thread) becomes an empty one, so that it is not asked for again. */
static void collect_cmdline(struct lookup_live *live, struct worker_job *job)
{
	struct cmdline_request *request = &live->requests[job->number];
	struct task_info *info = request->info;

	if (!info->cmdline) {
		info->cmdline = job->text ? job->text : strdup("");
		job->text = NULL;
	}
	free(job->text);
	idmap_remove(&live->by_tid, (uint32_t)info->id.tid);
	task_info_unref(info);
	*request = (struct cmdline_request){ .next_free = live->first_free };
	live->first_free = job->number;
	live->open--;
}

static void collect_user(struct lookup_live *live, const struct worker_job *job)
{
	live->users.items[idmap_get(&live->by_uid, job->uid + 1)]->name = job->text;
	live->open--;
}

/* The answer about a task that nobody looks at any more is late. */
static void collect_files(struct lookup_live *live, struct worker_job *job)
{
	bool wanted = same_task(&job->id, &live->files_asked);

	if (wanted)
		live->files_open = false;
	if (!wanted || !job->files) {
		free(job->files);
		return;
	}
	free(live->files);
	live->files = job->files;
}

void lookup_live_collect(struct lookup_live *live)
{
	struct worker_job job;
	uint64_t answers;

	ssize_t length = read(live->event_fd, &answers, sizeof(answers));
	(void)length; /* empty: asked without need */
	while (worker_take(live->cmdline_worker, &job))
		collect_cmdline(live, &job);
	while (worker_take(live->user_worker, &job))
		collect_user(live, &job);
	while (worker_take(live->files_worker, &job))
		collect_files(live, &job);
}

static int64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

void lookup_live_wait(struct lookup_live *live, int timeout_ms)
{
	const int64_t end_ms = now_ms() + timeout_ms;

	lookup_live_collect(live);
	while (live->open > 0) {
		struct pollfd event = { .fd = live->event_fd, .events = POLLIN };
		const int64_t left_ms = end_ms - now_ms();

		if (left_ms <= 0)
			return;
		/* In steps, because taking is also what gets a stuck queue going. */
		(void)poll(&event, 1, left_ms < WAIT_STEP_MS ? (int)left_ms : WAIT_STEP_MS);
		lookup_live_collect(live);
	}
}

/* Opening and closing */

/* A worker that reads /proc has a handle of its own. */
static int open_reader(struct lookup_live *live, const struct worker_ops *ops, struct proc *proc, size_t capacity,
		       unsigned threads_max, struct worker **worker)
{
	struct proc *copy;
	int error = proc_dup(proc, &copy);

	if (error)
		return error;
	error = worker_open(ops, copy, capacity, threads_max, live->event_fd, worker);
	if (error)
		proc_close(copy);
	return error;
}

static int open_users(struct lookup_live *live, const struct name_service *names)
{
	struct name_service *copy = NULL;
	int error;

	if (!names)
		return worker_open(&user_ops, NULL, USERS_OPEN_MAX, USER_THREADS_MAX, live->event_fd,
				   &live->user_worker);
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *names;
	error = worker_open(&service_ops, copy, USERS_OPEN_MAX, USER_THREADS_MAX, live->event_fd, &live->user_worker);
	if (error)
		free(copy);
	return error;
}

static int open_workers(struct lookup_live *live, struct proc *proc, const struct name_service *names)
{
	int error;

	live->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (live->event_fd < 0)
		return -errno;
	error = open_reader(live, &cmdline_ops, proc, CMDLINES_OPEN_MAX, CMDLINE_THREADS_MAX, &live->cmdline_worker);
	if (!error)
		error = open_reader(live, &files_ops, proc, FILES_OPEN_MAX, FILES_THREADS_MAX, &live->files_worker);
	if (!error)
		error = proc_dup(proc, &live->proc);
	if (error)
		return error;
	return open_users(live, names); /* the last: from here on `names` has its owner */
}

int lookup_live_open(struct proc *proc, const char *root, const struct name_service *names, struct lookup_live **live)
{
	struct lookup_live *opened = calloc(1, sizeof(*opened));

	if (!opened)
		return -ENOMEM;
	opened->event_fd = -1;
	opened->root = strdup(root);
	if (!opened->root) {
		lookup_live_close(opened);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < CMDLINES_OPEN_MAX; i++)
		opened->requests[i].next_free = i + 1;
	int error = open_workers(opened, proc, names);
	if (error) {
		lookup_live_close(opened);
		return error;
	}
	*live = opened;
	return 0;
}

void lookup_live_close(struct lookup_live *live)
{
	if (!live)
		return;
	worker_close(live->cmdline_worker);
	worker_close(live->user_worker);
	worker_close(live->files_worker);
	if (live->event_fd >= 0)
		close(live->event_fd);
	for (uint32_t i = 0; i < CMDLINES_OPEN_MAX; i++)
		task_info_unref(live->requests[i].info);
	for (size_t i = 0; i < live->users.count; i++) {
		free(live->users.items[i]->name);
		free(live->users.items[i]);
	}
	free(live->users.items);
	idmap_free(&live->by_uid);
	idmap_free(&live->by_tid);
	device_infos_close(live->devices);
	proc_close(live->proc);
	free(live->threads.items);
	free(live->files);
	free(live->root);
	free(live);
}

struct lookup lookup_live_interface(struct lookup_live *live)
{
	return (struct lookup){
		.data = live,
		.user = live_user,
		.cmdline = live_cmdline,
		.prio = live_prio,
		.process_prio = live_process_prio,
		.files = live_files,
		.device = live_device,
	};
}

int lookup_live_fd(const struct lookup_live *live)
{
	return live->event_fd;
}
