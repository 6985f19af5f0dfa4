#include "iotopx/proc.h"

#include "iotopx/array.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIST_BUFFER_SIZE ((size_t)64 << 10)
#define FILE_BUFFER_SIZE 1024
#define STATUS_BUFFER_SIZE 4096
#define PATH_SIZE 64

struct proc {
	int fd;
	/* getdents64 writes here: big, so that a few calls list the machine. */
	_Alignas(8) char buffer[LIST_BUFFER_SIZE];
};

int proc_open(const char *root, struct proc **proc)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/proc", root);

	if (length < 0 || (size_t)length >= sizeof(path))
		return -ENAMETOOLONG;
	struct proc *opened = malloc(sizeof(*opened));
	if (!opened)
		return -ENOMEM;
	opened->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (opened->fd < 0) {
		int error = -errno;
		free(opened);
		return error;
	}
	*proc = opened;
	return 0;
}

int proc_dup(const struct proc *proc, struct proc **copy)
{
	struct proc *opened = malloc(sizeof(*opened));

	if (!opened)
		return -ENOMEM;
	/* Not dup(): the position of a listing would be shared. */
	opened->fd = openat(proc->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (opened->fd < 0) {
		int error = -errno;
		free(opened);
		return error;
	}
	*copy = opened;
	return 0;
}

void proc_close(struct proc *proc)
{
	if (!proc)
		return;
	close(proc->fd);
	free(proc);
}

int proc_fd(const struct proc *proc)
{
	return proc->fd;
}

/* Lists */

static bool entry_pid(const char *name, pid_t *pid)
{
	int value = 0;

	if (*name < '1' || *name > '9')
		return false;
	for (; *name; name++) {
		if (*name < '0' || *name > '9' || value > (INT_MAX - 9) / 10)
			return false;
		value = value * 10 + (*name - '0');
	}
	*pid = value;
	return true;
}

/* What getdents64 writes is the kernel's linux_dirent64, which is glibc's struct dirent64. */
static int list_add(struct proc_list *list, const char *buffer, size_t length)
{
	for (size_t at = 0; at < length;) {
		const struct dirent64 *entry = (const struct dirent64 *)(const void *)(buffer + at);
		pid_t pid;

		at += entry->d_reclen;
		if (!entry_pid(entry->d_name, &pid))
			continue;
		int error = array_reserve(list, list->count + 1);
		if (error)
			return error;
		list->items[list->count++] = (struct proc_entry){ .pid = pid, .inode = entry->d_ino };
	}
	return 0;
}

/* A failed listing leaves the list empty. */
static int list_directory(struct proc *proc, int fd, struct proc_list *list)
{
	list->count = 0;
	for (;;) {
		long length = syscall(SYS_getdents64, fd, proc->buffer, sizeof(proc->buffer));
		int error = 0;

		if (length == 0)
			return 0;
		if (length < 0) {
			if (errno == EINTR)
				continue;
			error = -errno;
		} else {
			error = list_add(list, proc->buffer, (size_t)length);
		}
		if (error) {
			list->count = 0;
			return error;
		}
	}
}

int proc_list_processes(struct proc *proc, struct proc_list *list)
{
	if (lseek(proc->fd, 0, SEEK_SET) < 0)
		return -errno;
	return list_directory(proc, proc->fd, list);
}

/* Files of a task. Paths are put together by hand: snprintf would cost as much as the open. */

static char *append_text(char *to, const char *text)
{
	size_t length = strlen(text);

	memcpy(to, text, length + 1);
	return to + length;
}

static char *append_number(char *to, pid_t number)
{
	char digits[12];
	size_t at = sizeof(digits);
	unsigned value = (unsigned)number;

	do
		digits[--at] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	memcpy(to, digits + at, sizeof(digits) - at);
	to += sizeof(digits) - at;
	*to = '\0';
	return to;
}

/* "PID/NAME" if tid is 0, else "PID/task/TID/NAME". */
static void task_path(char path[PATH_SIZE], pid_t pid, pid_t tid, const char *name)
{
	char *end = append_number(path, pid);

	if (tid != 0) {
		end = append_text(end, "/task/");
		end = append_number(end, tid);
	}
	append_text(end, name);
}

/* One read: these files come whole. Bytes read (to[bytes] is 0) or -errno. */
static ssize_t file_read(struct proc *proc, const char *path, char *to, size_t size)
{
	ssize_t length;
	int fd = openat(proc->fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do
		length = read(fd, to, size - 1);
	while (length < 0 && errno == EINTR);
	if (length < 0)
		length = -errno;
	else
		to[length] = '\0';
	close(fd);
	/* A task that died between open and read may give an empty file. */
	return length == 0 ? -ESRCH : length;
}

static ssize_t task_read(struct proc *proc, pid_t pid, pid_t tid, const char *name, char *to, size_t size)
{
	char path[PATH_SIZE];

	if (pid <= 0 || tid < 0)
		return -EINVAL;
	task_path(path, pid, tid, name);
	return file_read(proc, path, to, size);
}

int proc_list_threads(struct proc *proc, pid_t pid, struct proc_list *list)
{
	char path[PATH_SIZE];

	if (pid <= 0)
		return -EINVAL;
	task_path(path, pid, 0, "/task");
	int fd = openat(proc->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int error = list_directory(proc, fd, list);
	close(fd);
	return error;
}

/* Decimal digits; NULL if there are none or too many, else what follows them. */
static const char *scan_u64(const char *text, uint64_t *value)
{
	uint64_t sum = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(sum, 10u, &sum) || __builtin_add_overflow(sum, (uint64_t)(*at - '0'), &sum))
			return NULL;
	if (at == text)
		return NULL;
	*value = sum;
	return at;
}

/* io */

static const struct {
	const char *name;
	enum counter counter;
} io_lines[] = {
	{ "rchar: ", COUNTER_READ_CHAR },
	{ "wchar: ", COUNTER_WRITE_CHAR },
	{ "syscr: ", COUNTER_READ_CALLS },
	{ "syscw: ", COUNTER_WRITE_CALLS },
	{ "read_bytes: ", COUNTER_READ },
	{ "write_bytes: ", COUNTER_WRITE },
	{ "cancelled_write_bytes: ", COUNTER_CANCELLED },
};

static int io_line(const char *line, const char **next, struct counters *counters)
{
	const char *end = strchr(line, '\n');

	if (!end)
		return -EBADMSG;
	*next = end + 1;
	for (size_t i = 0; i < sizeof(io_lines) / sizeof(io_lines[0]); i++) {
		const size_t length = strlen(io_lines[i].name);

		if (strncmp(line, io_lines[i].name, length) != 0)
			continue;
		if (scan_u64(line + length, &counters->value[io_lines[i].counter]) != end)
			return -EBADMSG;
		counters->known |= COUNTER_BIT(io_lines[i].counter);
		break;
	}
	return 0; /* a line that later kernels add is skipped */
}

int proc_read_io(struct proc *proc, pid_t pid, pid_t tid, struct counters *counters)
{
	char text[FILE_BUFFER_SIZE];
	ssize_t length = task_read(proc, pid, tid, "/io", text, sizeof(text));
	struct counters read = { .known = 0 };

	if (length < 0)
		return (int)length;
	for (const char *line = text; *line;) {
		int error = io_line(line, &line, &read);
		if (error)
			return error;
	}
	if (read.known != COUNTERS_IO)
		return -EBADMSG;
	*counters = read;
	return 0;
}

/* stat */

/* Fields after the name, counted as in proc(5): the state is 3. */
enum stat_field {
	STAT_PPID = 4,
	STAT_FLAGS = 9,
	STAT_MINFLT = 10,
	STAT_UTIME = 14,
	STAT_STIME = 15,
	STAT_START = 22,
	STAT_BLKIO = 42,
};

#define FLAG_EXITING 0x4u /* PF_EXITING in the kernel's include/linux/sched.h */
#define FLAG_FORKED 0x40u /* PF_FORKNOEXEC: AFORK of taskstats */

static int stat_fields(const char *at, struct proc_stat *stat)
{
	uint64_t values[STAT_BLKIO + 1];

	for (int field = STAT_PPID; field <= STAT_BLKIO; field++) {
		if (*at++ != ' ')
			return -EBADMSG;
		if (*at == '-')
			at++; /* none of those we keep is negative */
		at = scan_u64(at, &values[field]);
		if (!at)
			return -EBADMSG;
	}
	if (*at != ' ' && *at != '\n')
		return -EBADMSG;
	stat->ppid = (pid_t)values[STAT_PPID];
	stat->exiting = (values[STAT_FLAGS] & FLAG_EXITING) != 0;
	stat->forked = (values[STAT_FLAGS] & FLAG_FORKED) != 0;
	stat->minflt = values[STAT_MINFLT];
	stat->utime_ticks = values[STAT_UTIME];
	stat->stime_ticks = values[STAT_STIME];
	stat->start_ticks = values[STAT_START];
	stat->blkio_ticks = values[STAT_BLKIO];
	return 0;
}

int proc_read_stat(struct proc *proc, pid_t pid, pid_t tid, struct proc_stat *stat)
{
	char text[FILE_BUFFER_SIZE];
	ssize_t length = task_read(proc, pid, tid, "/stat", text, sizeof(text));
	struct proc_stat read = { .state = 0 };

	if (length < 0)
		return (int)length;
	/* The name may hold anything, ") R 1 (" and newlines included; only what follows has no parenthesis. */
	const char *name = memchr(text, '(', (size_t)length);
	const char *name_end = memrchr(text, ')', (size_t)length);
	if (!name || !name_end || name_end < name)
		return -EBADMSG;
	name++;
	size_t name_length = (size_t)(name_end - name);
	if (name_length >= sizeof(read.comm))
		name_length = sizeof(read.comm) - 1;
	memcpy(read.comm, name, name_length);
	if (name_end[1] != ' ' || name_end[2] < 'A' || name_end[2] > 'z')
		return -EBADMSG;
	read.state = name_end[2];
	int error = stat_fields(name_end + 3, &read);
	if (error)
		return error;
	*stat = read;
	return 0;
}

/* Small files */

int proc_read_schedstat(struct proc *proc, pid_t pid, pid_t tid, uint64_t *run_ns)
{
	char text[FILE_BUFFER_SIZE];
	ssize_t length = task_read(proc, pid, tid, "/schedstat", text, sizeof(text));
	uint64_t value;

	if (length < 0)
		return (int)length;
	const char *end = scan_u64(text, &value);
	if (!end || *end != ' ')
		return -EBADMSG;
	*run_ns = value;
	return 0;
}

/* "0.12 0.34 ..." */
int proc_read_load(struct proc *proc, unsigned *hundredths)
{
	char text[FILE_BUFFER_SIZE];
	ssize_t length = file_read(proc, "loadavg", text, sizeof(text));
	uint64_t whole, part;

	if (length < 0)
		return (int)length;
	const char *end = scan_u64(text, &whole);
	if (!end || *end != '.' || whole > UINT_MAX / 200)
		return -EBADMSG;
	const char *fraction = end + 1;
	end = scan_u64(fraction, &part);
	if (!end || end != fraction + 2)
		return -EBADMSG;
	*hundredths = (unsigned)(whole * 100 + part);
	return 0;
}

int proc_owner(struct proc *proc, pid_t pid, uint32_t *uid)
{
	char path[PATH_SIZE];
	struct stat status;

	if (pid <= 0)
		return -EINVAL;
	task_path(path, pid, 0, "");
	if (fstatat(proc->fd, path, &status, 0) != 0)
		return -errno;
	*uid = status.st_uid;
	return 0;
}

/* The first number of the line that begins with `label`. The kernel escapes newlines in the name here. */
static int status_number(const char *text, const char *label, uint64_t max, uint64_t *value)
{
	const char *line = strstr(text, label);
	uint64_t number;

	if (!line)
		return -EBADMSG;
	const char *end = scan_u64(line + strlen(label), &number);
	if (!end || (*end != '\t' && *end != '\n') || number > max)
		return -EBADMSG;
	*value = number;
	return 0;
}

int proc_read_status(struct proc *proc, pid_t pid, uint32_t *real_uid, pid_t *tgid)
{
	char text[STATUS_BUFFER_SIZE];
	ssize_t length = task_read(proc, pid, 0, "/status", text, sizeof(text));
	uint64_t uid, group;

	if (length < 0)
		return (int)length;
	int error = status_number(text, "\nUid:\t", UINT32_MAX, &uid);
	if (!error)
		error = status_number(text, "\nTgid:\t", INT_MAX, &group);
	if (error)
		return error;
	*real_uid = (uint32_t)uid;
	*tgid = (pid_t)group;
	return 0;
}

/* Bytes read into `to` until the end or `max`, or -errno. */
static ssize_t read_fully(int fd, char *to, size_t max)
{
	size_t length = 0;

	while (length < max) {
		ssize_t got = read(fd, to + length, max - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

int proc_read_cmdline(struct proc *proc, pid_t pid, size_t max, char **text)
{
	char path[PATH_SIZE];

	if (pid <= 0)
		return -EINVAL;
	char *line = malloc(max + 1);
	if (!line)
		return -ENOMEM;
	task_path(path, pid, 0, "/cmdline");
	int fd = openat(proc->fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -errno : read_fully(fd, line, max);
	if (fd >= 0)
		close(fd);
	if (length < 0) {
		free(line);
		return (int)length;
	}
	while (length > 0 && line[length - 1] == '\0')
		length--;
	for (ssize_t i = 0; i < length; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): read(2) has filled it */
		if (line[i] == '\0')
			line[i] = ' ';
	line[length] = '\0';
	char *fitted = realloc(line, (size_t)length + 1);
	*text = fitted ? fitted : line;
	return 0;
}
