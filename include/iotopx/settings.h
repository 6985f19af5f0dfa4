/* Every option once: settings_options[] is the command line, the settings file, --help, the manual and completions.
 * What acts (output, record, replay, delayacct, batch) is command line only; looks and views may stand in the file. */
#ifndef IOTOPX_SETTINGS_H
#define IOTOPX_SETTINGS_H

#include "iotopx/page.h"
#include "iotopx/view.h"

#include <stdio.h>
#include <sys/types.h>

enum output_format { FORMAT_TEXT, FORMAT_CSV, FORMAT_JSON, FORMAT_OPENMETRICS, FORMAT_COUNT };

struct pid_list {
	pid_t *items;
	size_t count, capacity;
};
struct uid_list {
	uint32_t *items;
	size_t count, capacity;
};

struct settings {
	/* looks and views: command line, file, and keys */
	struct view view;         /* view.filter stays NULL here: the filter is text below */
	struct page_look looks[VIEW_PAGE_COUNT]; /* of the pages beside the tasks */
	uint64_t interval_ns;     /* 0.1 s to 3600 s; default 1 s */
	char *filter;             /* owned; NULL none */
	bool ascii, no_color;
	bool hide_keys;           /* the last line */
	bool read_only;           /* no signals, no I/O priorities; also by IOTOPX_READONLY */

	/* what acts: command line only */
	bool batch;
	uint64_t iterations;      /* 0: no end */
	bool snap;                /* let one interval pass unprinted first */
	unsigned quiet;
	bool timestamps;
	bool delayacct;
	bool require_all;
	enum output_format format;
	bool columns_given;       /* --columns: then machine formats have those fields only */
	bool interval_given;      /* -d: then a replay has intervals of that length */
	char *output, *record, *replay, *begin, *end, *config; /* owned; NULL not given */
	uint64_t retain_ns;       /* 0 keep all */
	struct pid_list pids;
	struct uid_list uids;
	bool help, version;

	char *complaint; /* owned; the first that was told about the settings file, for the screen; NULL none */
};

int settings_init(struct settings *settings); /* defaults; 0 or -ENOMEM */
void settings_free(struct settings *settings);

/* Command line into *settings. 0, or -EINVAL with one line in `error`: option, value, what is accepted. */
int settings_parse(struct settings *settings, int argc, char **argv, char *error, size_t error_size);
void settings_help(FILE *to);

/* The settings file, read before the command line. Reports broken lines ("FILE:12: ...", skipped) and refusals (not
 * root's, writable by others, a symlink) through `notice`. A missing file is no error. 0 or -errno. */
typedef void settings_notice(void *data, const char *line);
int settings_load(struct settings *settings, const char *path, settings_notice *notice, void *data);
/* Tells of files that $XDG_CONFIG_HOME or $HOME lead to and root does not follow: a user's, under sudo. */
void settings_tell_passed_over(const struct settings *settings, settings_notice *notice, void *data);
/* The path in force: --config, else $XDG_CONFIG_HOME/iotopx/iotopxrc or ~/.config/...; root's own under sudo. */
int settings_path(const struct settings *settings, char *path, size_t size);
/* Only what differs from the defaults, commented, atomically. 0 or -errno. */
int settings_save(const struct settings *settings, const char *path);

#endif
