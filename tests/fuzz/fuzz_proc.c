/* proc.h: every file of a task with the same bytes in it. */
#include "fuzz.h"

#include "files.h"
#include "iotopx/proc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PID 7
#define CMDLINE_MAX 4096
#define SAME(one, other) (memcmp(&(one), &(other), sizeof(one)) == 0)

static struct proc *proc;
static char input[256];

static void link_to_input(const char *root, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/proc/%s", root, name);
	fuzz_make_parents(path);
	REQUIRE(symlink(input, path) == 0);
}

static void open_tree(void)
{
	static const char *const names[] = {
		"7/stat",     "7/io",          "7/status",    "7/schedstat",     "7/cmdline",         "7/fd/3",
		"7/fdinfo/3", "7/task/7/stat", "7/task/7/io", "7/task/7/cgroup", "7/task/7/schedstat"
	};
	const char *root = fuzz_directory();

	snprintf(input, sizeof(input), "%s/input", root);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		link_to_input(root, names[i]);
	REQUIRE(proc_open(root, &proc) == 0);
}

static bool said_no(int error)
{
	return error == -EBADMSG || error == -ESRCH;
}

static void check_stat(pid_t tid)
{
	struct proc_stat stat, again;

	memset(&stat, 0x5a, sizeof(stat));
	memset(&again, 0x5a, sizeof(again));
	const struct proc_stat before = stat;
	const int error = proc_read_stat(proc, PID, tid, &stat);
	if (error) {
		REQUIRE(said_no(error) && SAME(stat, before));
		return;
	}
	REQUIRE(stat.state >= 'A' && stat.state <= 'z');
	REQUIRE(memchr(stat.comm, '\0', sizeof(stat.comm)));
	REQUIRE(proc_read_stat(proc, PID, tid, &again) == 0 && stat.start_ticks == again.start_ticks);
}

static void check_io(pid_t tid)
{
	struct counters counters, before;

	memset(&counters, 0x5a, sizeof(counters));
	before = counters;
	const int error = proc_read_io(proc, PID, tid, &counters);
	if (error)
		REQUIRE(said_no(error) && SAME(counters, before));
	else
		REQUIRE(counters.known == COUNTERS_IO && counters.approximate == 0);
}

static void check_small(void)
{
	uint32_t uid = 4711;
	uint64_t run_ns = 4711;
	pid_t group = 4711;
	int error = proc_read_status(proc, PID, &uid, &group);

	REQUIRE(error == 0 ? group >= 0 : said_no(error) && uid == 4711 && group == 4711);
	error = proc_read_schedstat(proc, PID, 0, &run_ns);
	REQUIRE(error == 0 || (said_no(error) && run_ns == 4711));
	error = proc_check_identity(proc, &(struct task_id){ PID, 1000000000 });
	REQUIRE(error == 0 || said_no(error));
}

static void check_cmdline(size_t size)
{
	char *line = NULL;

	REQUIRE(proc_read_cmdline(proc, PID, CMDLINE_MAX, &line) == 0 && line);
	REQUIRE(strlen(line) <= CMDLINE_MAX && strlen(line) <= size);
	free(line);
	REQUIRE(proc_read_cmdline(proc, PID, 1, &line) == 0 && strlen(line) <= 1);
	free(line);
}

static void check_files(void)
{
	struct open_files *files = files_read(proc, &(struct task_id){ PID, 1000000000 });

	REQUIRE(files && files->count <= OPEN_FILES_MAX && files->text_used <= OPEN_FILES_TEXT);
	REQUIRE(files->error == 0 || files->count == 0);
	free(files);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!proc)
		open_tree();
	fuzz_write(input, data, size);
	check_stat(0);
	check_stat(PID);
	check_io(0);
	check_io(PID);
	check_small();
	check_cmdline(size);
	check_files();
	return 0;
}
