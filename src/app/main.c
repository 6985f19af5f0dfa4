/* From the command line to a running front, and back: the only file that decides about exit statuses. */
#include "crash.h"
#include "front.h"
#include "guarded.h"
#include "output.h"
#include "privilege.h"
#include "recording.h"

#include "iotopx/live.h"
#include "iotopx/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <inttypes.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define LINE_SIZE 1024

/* The screen hides what was told before: it says the first of it again. */
static void tell_notice(void *data, const char *line)
{
	struct settings *settings = data;

	complain("%s", line);
	if (!settings->complaint)
		settings->complaint = strdup(line);
}

/* A standard descriptor that is closed would be given to the next file that is opened, and get output meant for
 * another. True if standard output was closed. */
static bool guard_descriptors(void)
{
	bool stdout_closed = fcntl(STDOUT_FILENO, F_GETFD) < 0;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_CLOEXEC) != fd)
			break;
	return stdout_closed;
}

/* The file first, the command line over it. 0 or an exit status. */
static int read_settings(struct settings *settings, int argc, char **argv)
{
	struct settings words;
	char error[LINE_SIZE] = "", path[4096];
	int result = settings_init(&words);

	/* Once for itself: what is wrong with it is told before any file is read, and it may name the file. */
	if (result == 0)
		result = settings_parse(&words, argc, argv, error, sizeof(error));
	if (result == 0 && !words.help && !words.version)
		settings_tell_passed_over(&words, tell_notice, settings);
	if (result == 0 && !words.help && !words.version && settings_path(&words, path, sizeof(path)) == 0) {
		result = settings_load(settings, path, tell_notice, settings);
		/* A file that was refused or can't be read is told and left alone. */
		result = result == -ENOMEM ? result : 0;
	}
	settings_free(&words);
	if (result == 0)
		result = settings_parse(settings, argc, argv, error, sizeof(error));
	if (result == 0)
		return 0;
	complain("%s", *error ? error : strerror(-result));
	return result == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;
}

/* --help and --version. */
static int print_and_leave(const struct settings *settings, bool stdout_closed)
{
	if (settings->version)
		printf("iotopx %s\n", IOTOPX_VERSION);
	else
		settings_help(stdout);
	if (!stdout_closed && fflush(stdout) == 0)
		return EXIT_SUCCESS;
	if (!stdout_closed && errno == EPIPE)
		return EXIT_SUCCESS;
	complain("standard output: %s", strerror(stdout_closed ? EBADF : errno));
	return EXIT_FAILURE;
}

static bool terminal_is_ours(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static enum text_charset output_charset(const struct settings *settings)
{
	return settings->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0 ? TEXT_ASCII : TEXT_UTF8;
}

/* What is written beside the screen. */
struct outputs {
	int fd;        /* of batch output */
	bool replaces; /* ... is replaced each time instead */
	uint64_t lost; /* intervals that should have been recorded */
};

/* Printed, -n alone divides the window, and -d alone is the length of an interval. One part more is there to pass
 * unprinted. */
static int open_replay(const struct settings *settings, bool printed, struct source **source)
{
	const bool divides = printed && settings->iterations && !settings->interval_given;
	const struct replay_options options = {
		.path = settings->replay,
		.begin = settings->begin,
		.end = settings->end,
		.parts = divides ? settings->iterations + settings->snap : 0,
		.merge_ns = printed && settings->interval_given ? settings->interval_ns : 0,
	};
	char error[LINE_SIZE] = "";
	int result = replay_open(&options, source, error, sizeof(error));

	if (result != 0) {
		complain("--replay %.200s: %s", settings->replay, *error ? error : strerror(-result));
		return result;
	}
	/* It is open; to read on takes no rights. */
	result = privilege_drop(PRIVILEGE_REPLAY, error, sizeof(error));
	if (result == 0)
		return 0;
	complain("%s%s", settings->require_all ? "--require-all: " : "more rights than needed: ", error);
	if (!settings->require_all)
		return 0;
	(*source)->ops->close(*source);
	return result;
}

/* For the benchmark: where the time of the sweeps went. */
static void print_cost(const struct live_cost *cost)
{
	const struct {
		const char *name;
		uint64_t value;
	} lines[] = {
		{ "membership_ns", cost->membership_ns },
		{ "queries_ns", cost->queries_ns },
		{ "exact_ns", cost->exact_ns },
		{ "exits_ns", cost->exits_ns },
		{ "machine_ns", cost->machine_ns },
		{ "track_ns", cost->track_ns },
		{ "sweeps", cost->sweeps },
		{ "listings", cost->listings },
		{ "clocks", cost->clocks },
		{ "gets", cost->gets },
		{ "io_reads", cost->io_reads },
		{ "dir_reads", cost->dir_reads },
		{ "exits", cost->exits },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		fprintf(stderr, "%s %" PRIu64 "\n", lines[i].name, lines[i].value);
}

/* What is written under a name that the user gave is written with what the user is, not with capabilities: the threads
 * that do it are made (queue.c) or begin like that. 0 or -errno, told. */
static int open_files(const struct settings *settings, struct outputs *outputs, struct source *guarded,
		      struct source **source)
{
	int result = privilege_set_aside(), other;

	*source = guarded;
	if (result != 0)
		complain("capabilities: %s", strerror(-result));
	if (result == 0 && outputs->replaces)
		result = output_check(settings);
	if (result == 0 && settings->record)
		result = recording_open(settings, guarded, &outputs->lost, source);
	other = privilege_take_up();
	return result ? result : other;
}

/* The source, and the machine's own in it: NULL if it is a replay. 0 or -errno, told. */
static int open_source(const struct settings *settings, struct outputs *outputs, struct source **source,
		       struct source **live)
{
	int result;

	*live = NULL;
	if (settings->replay) {
		result = open_replay(settings, settings->batch, source);
		if (result == 0 && outputs->replaces && (result = output_check(settings)) != 0)
			(*source)->ops->close(*source);
		return result;
	}
	result = guarded_open(settings, live);
	if (result != 0)
		return result;
	result = open_files(settings, outputs, *live, source);
	if (result != 0)
		(*live)->ops->close(*live);
	return result;
}

enum front { FRONT_SCREEN, FRONT_BATCH, FRONT_SILENT, FRONT_NONE };

/* A recorder needs no terminal, and prints only what it is asked to. */
static enum front choose_front(const struct settings *settings)
{
	if (settings->batch)
		return FRONT_BATCH;
	if (terminal_is_ours())
		return FRONT_SCREEN;
	return settings->record ? FRONT_SILENT : FRONT_NONE;
}

static int run_front(enum front front, struct settings *settings, struct source *source, struct source *live, int fd)
{
	if (front == FRONT_SCREEN && settings->replay)
		return interactive_replay(settings, source);
	if (front == FRONT_SCREEN)
		return interactive_run(settings, source, guarded_actions(live));
	if (front == FRONT_SILENT)
		return silent_run(settings, source);
	return batch_run(settings, source, output_charset(settings), fd);
}

static int run(struct settings *settings, bool stdout_closed)
{
	enum front front = choose_front(settings);
	struct source *source, *live;
	struct outputs outputs = { .fd = -1 };
	int status;

	if (front == FRONT_NONE) {
		complain("the screen needs a terminal, and iotopx in its foreground: use -b to print instead");
		return EXIT_USAGE;
	}
	if (settings->read_only && settings->delayacct) {
		complain("--delayacct: not with --read-only or IOTOPX_READONLY, under which nothing is changed");
		return EXIT_USAGE;
	}
	if (front == FRONT_BATCH && output_open(settings, stdout_closed, &outputs.fd) != 0)
		return EXIT_FAILURE;
	status = loop_block_signals();
	if (status != 0) {
		complain("%s", strerror(-status));
		return EXIT_FAILURE;
	}
	crash_guard();
	outputs.replaces = front == FRONT_BATCH && outputs.fd < 0;
	if (open_source(settings, &outputs, &source, &live) != 0)
		return EXIT_FAILURE;
	status = run_front(front, settings, source, live, outputs.fd);
	if (live && getenv("IOTOPX_COST"))
		print_cost(live_cost(guarded_inner(live)));
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): open_source gave one, whether live or not */
	source->ops->close(source); /* switches delay accounting back */
	return outputs.lost && status == EXIT_SUCCESS ? EXIT_FAILURE : status;
}

/* Who got capabilities with iotopx's file gets no use of them where a file or a variable of theirs decides what is
 * read: an error message about a line of /etc/shadow would tell it. */
static int distrust_user(void)
{
	if (getauxval(AT_SECURE)) {
		unsetenv("TERMINFO");
		unsetenv("TERMINFO_DIRS");
	}
	return geteuid() == 0 ? 0 : privilege_set_aside();
}

int main(int argc, char **argv)
{
	bool stdout_closed = guard_descriptors();
	struct settings settings;
	int status;

	/* Characters only: numbers look the same everywhere. */
	setlocale(LC_CTYPE, "");
	if (distrust_user() != 0 || settings_init(&settings) != 0)
		return EXIT_FAILURE;
	status = read_settings(&settings, argc, argv);
	if (status == 0)
		status = settings.help || settings.version ? print_and_leave(&settings, stdout_closed)
							   : run(&settings, stdout_closed);
	settings_free(&settings);
	return status;
}
