#include "settings_table.h"

#include "iotopx/units.h"
#include "iotopx/when.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(member) offsetof(struct settings, member)

static const char *const mode_names[] = { "rate", "accumulated", "average", NULL };
static const char *const group_names[] = { "none", "command", "user", "unit", "container", NULL };
static const char *const format_names[] = { "text", "csv", "json", "openmetrics", NULL };
static const char *const page_names[] = { "tasks", "devices", "nfs", NULL };
static const char *const unit_names[] = { "binary", "si", "kib", NULL };

_Static_assert(sizeof(mode_names) / sizeof(*mode_names) == MODE_COUNT + 1, "a name for each mode");
_Static_assert(sizeof(group_names) / sizeof(*group_names) == GROUP_COUNT + 1, "a name for each group");
_Static_assert(sizeof(format_names) / sizeof(*format_names) == FORMAT_COUNT + 1, "a name for each format");
_Static_assert(sizeof(page_names) / sizeof(*page_names) == VIEW_PAGE_COUNT + 1, "a name for each page");
_Static_assert(sizeof(unit_names) / sizeof(*unit_names) == UNIT_STYLE_COUNT + 1, "a name for each style");

/* In the order of --help. An option is added here and nowhere else (and told in the manual: a test asks for it). */
const struct settings_option settings_options[] = {
	{ .name = "only",
	  .letter = 'o',
	  .kind = SETTING_FLAG,
	  .flags = SETTINGS_FILE | SETTINGS_PAIR,
	  .field = FIELD(view.only_active),
	  .help = "show only tasks that did I/O or wait for it" },
	{ .name = "batch",
	  .letter = 'b',
	  .kind = SETTING_FLAG,
	  .field = FIELD(batch),
	  .help = "print to standard output instead of opening the screen" },
	{ .name = "iter",
	  .letter = 'n',
	  .kind = SETTING_NUMBER,
	  .field = FIELD(iterations),
	  .value = "NUM",
	  .accepts = "a number of intervals, 1 or more",
	  .help = "end after NUM intervals" },
	{ .name = "delay",
	  .letter = 'd',
	  .kind = SETTING_SECONDS,
	  .flags = SETTINGS_FILE,
	  .field = FIELD(interval_ns),
	  .value = "SEC",
	  .accepts = "seconds from 0.1 to 3600, such as 0.5",
	  .help = "length of an interval, fractions allowed" },
	{ .name = "pid",
	  .letter = 'p',
	  .kind = SETTING_PIDS,
	  .field = FIELD(pids),
	  .value = "PID",
	  .accepts = "a process or thread ID, 1 to 4194304",
	  .help = "show this process with all its threads, or this thread; may be repeated" },
	{ .name = "user",
	  .letter = 'u',
	  .kind = SETTING_USERS,
	  .field = FIELD(uids),
	  .value = "USER",
	  .accepts = "the name of a user, or a user ID",
	  .help = "show tasks of this user; may be repeated" },
	{ .name = "processes",
	  .letter = 'P',
	  .kind = SETTING_NOT,
	  .flags = SETTINGS_PAIR,
	  .field = FIELD(view.threads),
	  .help = "rows are processes, each the sum of its threads" },
	{ .name = "threads",
	  .kind = SETTING_FLAG,
	  .flags = SETTINGS_FILE | SETTINGS_PAIR,
	  .field = FIELD(view.threads),
	  .help = "rows are threads (the default)" },
	{ .name = "accumulated",
	  .letter = 'a',
	  .kind = SETTING_FIXED,
	  .field = FIELD(view.mode),
	  .fixed = MODE_ACCUMULATED,
	  .help = "show sums since iotopx started, not rates" },
	{ .name = "mode",
	  .kind = SETTING_CHOICE,
	  .flags = SETTINGS_FILE,
	  .field = FIELD(view.mode),
	  .value = "MODE",
	  .choices = mode_names,
	  .help = "rate, accumulated, or average since iotopx started" },
	{ .name = "kilobytes",
	  .letter = 'k',
	  .kind = SETTING_FIXED,
	  .field = FIELD(view.units),
	  .fixed = UNIT_KIB,
	  .help = "show everything in KiB" },
	{ .name = "si",
	  .kind = SETTING_FIXED,
	  .field = FIELD(view.units),
	  .fixed = UNIT_SI,
	  .help = "units of 1000, not of 1024" },
	{ .name = "units",
	  .kind = SETTING_CHOICE,
	  .flags = SETTINGS_FILE,
	  .field = FIELD(view.units),
	  .value = "STYLE",
	  .choices = unit_names,
	  .help = "binary (1024), si (1000) or kib" },
	{ .name = "time",
	  .letter = 't',
	  .kind = SETTING_FLAG,
	  .flags = SETTINGS_BATCH,
	  .field = FIELD(timestamps),
	  .help = "the time at the beginning of each line (implies -b)" },
	{ .name = "quiet",
	  .letter = 'q',
	  .kind = SETTING_COUNTED,
	  .flags = SETTINGS_BATCH,
	  .field = FIELD(quiet),
	  .help = "column names once only; -qq never; -qqq no totals either (implies -b)" },
	{ .name = "snap",
	  .kind = SETTING_FLAG,
	  .field = FIELD(snap),
	  .help = "let one interval pass unprinted before the first one (batch)" },
	{ .name = "sort",
	  .letter = 's',
	  .kind = SETTING_SORT,
	  .flags = SETTINGS_FILE,
	  .field = FIELD(view.sort),
	  .value = "KEY",
	  .help = "sort by this column (keys below)" },
	{ .name = "reverse",
	  .kind = SETTING_FLAG,
	  .flags = SETTINGS_FILE | SETTINGS_PAIR,
	  .field = FIELD(view.ascending),
	  .help = "reverse the order of the sort" },
	{ .name = "columns",
	  .kind = SETTING_COLUMNS,
	  .flags = SETTINGS_FILE,
	  .field = FIELD(view.columns),
	  .value = "LIST",
	  .help = "show these columns, in this order: keys joined by commas" },
	{ .name = "group",
	  .kind = SETTING_CHOICE,
	  .flags = SETTINGS_FILE,
	  .field = FIELD(view.group),
	  .value = "BY",
	  .choices = group_names,
	  .help = "one row for each command, user, unit or container; none" },
	{ .name = "tree",
	  .kind = SETTING_FLAG,
	  .flags = SETTINGS_FILE | SETTINGS_PAIR,
	  .field = FIELD(view.tree),
	  .help = "parents before their children, with the sums of their subtree" },
	{ .name = "filter",
	  .kind = SETTING_FILTER,
	  .flags = SETTINGS_FILE,
	  .field = FIELD(filter),
	  .value = "EXPR",
	  .help = "show tasks that match: user:NAME pid:N unit:TEXT container:TEXT and a regular expression on the "
		  "command" },
	{ .name = "exited",
	  .kind = SETTING_NOT,
	  .flags = SETTINGS_FILE | SETTINGS_PAIR | SETTINGS_OFF,
	  .field = FIELD(view.hide_exited),
	  .help = "hide tasks that exited" },
	{ .name = "full-command",
	  .letter = 'c',
	  .kind = SETTING_FLAG,
	  .flags = SETTINGS_FILE | SETTINGS_PAIR,
	  .field = FIELD(view.full_command),
	  .help = "show command lines rather than names" },
	{ .name = "ascii",
	  .kind = SETTING_FLAG,
	  .flags = SETTINGS_FILE | SETTINGS_PAIR,
	  .field = FIELD(ascii),
	  .help = "nothing but ASCII characters" },
	{ .name = "color",
	  .kind = SETTING_NOT,
	  .flags = SETTINGS_FILE | SETTINGS_PAIR | SETTINGS_OFF,
	  .field = FIELD(no_color),
	  .help = "no colours (also when NO_COLOR is set)" },
	{ .name = "keys",
	  .kind = SETTING_NOT,
	  .flags = SETTINGS_FILE | SETTINGS_PAIR | SETTINGS_OFF,
	  .field = FIELD(hide_keys),
	  .help = "hide the line of keys at the bottom of the screen" },
	{ .name = "format",
	  .kind = SETTING_CHOICE,
	  .flags = SETTINGS_BATCH,
	  .field = FIELD(format),
	  .value = "FORMAT",
	  .choices = format_names,
	  .help = "print text, csv, json (an object an interval) or openmetrics (counters; implies -b)" },
	{ .name = "view",
	  .kind = SETTING_CHOICE,
	  .field = FIELD(view.page),
	  .value = "PAGE",
	  .choices = page_names,
	  .help = "tasks, devices, or nfs: mounts" },
	{ .name = "device-columns",
	  .kind = SETTING_PAGE_COLUMNS,
	  .flags = SETTINGS_FILE,
	  .field = FIELD(looks[VIEW_DEVICES]),
	  .fixed = VIEW_DEVICES,
	  .value = "LIST",
	  .help = "columns of the page of devices, on the screen and in text" },
	{ .name = "device-sort",
	  .kind = SETTING_PAGE_SORT,
	  .flags = SETTINGS_FILE,
	  .field = FIELD(looks[VIEW_DEVICES]),
	  .fixed = VIEW_DEVICES,
	  .value = "KEY",
	  .help = "what that page is sorted by; -KEY reverses the order" },
	{ .name = "nfs-columns",
	  .kind = SETTING_PAGE_COLUMNS,
	  .flags = SETTINGS_FILE,
	  .field = FIELD(looks[VIEW_NFS]),
	  .fixed = VIEW_NFS,
	  .value = "LIST",
	  .help = "columns of the page of NFS mounts, on the screen and in text" },
	{ .name = "nfs-sort",
	  .kind = SETTING_PAGE_SORT,
	  .flags = SETTINGS_FILE,
	  .field = FIELD(looks[VIEW_NFS]),
	  .fixed = VIEW_NFS,
	  .value = "KEY",
	  .help = "what that page is sorted by; -KEY reverses the order" },
	{ .name = "output",
	  .kind = SETTING_TEXT,
	  .flags = SETTINGS_BATCH,
	  .field = FIELD(output),
	  .value = "FILE",
	  .accepts = "the name of a file to write",
	  .help = "print to FILE, which is overwritten; openmetrics replaces it each time (implies -b)" },
	{ .name = "record",
	  .kind = SETTING_TEXT,
	  .field = FIELD(record),
	  .value = "FILE",
	  .accepts = "the name of a file",
	  .help = "record into FILE what happens; without a terminal nothing else is done (see iotopx-recording(5))" },
	{ .name = "retain",
	  .kind = SETTING_AGE,
	  .field = FIELD(retain_ns),
	  .value = "AGE",
	  .accepts = "an age such as 90s, 30m, 12h, 7d or 4w",
	  .help = "let go of what is older than AGE in the recording" },
	{ .name = "replay",
	  .kind = SETTING_TEXT,
	  .field = FIELD(replay),
	  .value = "FILE",
	  .accepts = "the name of a recording",
	  .help = "show what was recorded instead of what happens; printed at once with -b or --format" },
	{ .name = "begin",
	  .kind = SETTING_MOMENT,
	  .field = FIELD(begin),
	  .value = "TIME",
	  .accepts = WHEN_ACCEPTED,
	  .help = "replay from TIME on: 03:10, 2026-11-22 03:10, or -2h before the recording's end" },
	{ .name = "end",
	  .kind = SETTING_MOMENT,
	  .field = FIELD(end),
	  .value = "TIME",
	  .accepts = WHEN_ACCEPTED,
	  .help = "replay until TIME" },
	{ .name = "delayacct",
	  .kind = SETTING_FLAG,
	  .field = FIELD(delayacct),
	  .help = "switch the kernel's delay accounting on for the run, and back at the end" },
	{ .name = "require-all",
	  .kind = SETTING_FLAG,
	  .field = FIELD(require_all),
	  .help = "fail rather than show one's own processes only" },
	{ .name = "read-only",
	  .kind = SETTING_FLAG,
	  .flags = SETTINGS_FILE | SETTINGS_PAIR,
	  .field = FIELD(read_only),
	  .help = "no signals, no I/O priorities (also with IOTOPX_READONLY=1)" },
	{ .name = "config",
	  .kind = SETTING_TEXT,
	  .field = FIELD(config),
	  .value = "FILE",
	  .accepts = "the name of a settings file",
	  .help = "settings file instead of ~/.config/iotopx/iotopxrc" },
	{ .name = "version", .kind = SETTING_FLAG, .field = FIELD(version), .help = "print the version and exit" },
	{ .name = "help", .letter = 'h', .kind = SETTING_FLAG, .field = FIELD(help), .help = "print this and exit" },
};

const size_t settings_option_count = sizeof(settings_options) / sizeof(*settings_options);

int settings_init(struct settings *settings)
{
	const char *no_color = getenv("NO_COLOR");

	memset(settings, 0, sizeof(*settings));
	view_init(&settings->view);
	for (int page = 0; page < VIEW_PAGE_COUNT; page++)
		if (page_get((enum view_page)page))
			page_look_init(&settings->looks[page], page_get((enum view_page)page));
	settings->interval_ns = 1000000000;
	settings->no_color = no_color && *no_color;
	settings_apply_environment(settings);
	return 0;
}

void settings_apply_environment(struct settings *settings)
{
	const char *read_only = getenv("IOTOPX_READONLY");

	if (read_only && *read_only && strcmp(read_only, "0") != 0)
		settings->read_only = true;
}

void settings_free(struct settings *settings)
{
	char *texts[] = { settings->filter, settings->output, settings->record, settings->replay,
			  settings->begin,  settings->end,    settings->config, settings->complaint };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		free(texts[i]);
	free(settings->pids.items);
	free(settings->uids.items);
	memset(settings, 0, sizeof(*settings));
}

const struct settings_option *settings_find(const char *name, size_t length)
{
	for (size_t i = 0; i < settings_option_count; i++)
		if (strlen(settings_options[i].name) == length && memcmp(settings_options[i].name, name, length) == 0)
			return &settings_options[i];
	return NULL;
}

/* --help: the text begins at HELP_INDENT and ends before HELP_WIDTH. */
#define HELP_INDENT 27
#define HELP_WIDTH 79

static void print_wrapped(FILE *to, size_t at, const char *text)
{
	for (bool first = true; *text; first = false) {
		size_t word = strcspn(text, " ");

		if (first || at + 1 + word > HELP_WIDTH) {
			if (!first || at >= HELP_INDENT) {
				fputc('\n', to);
				at = 0;
			}
			fprintf(to, "%*s", (int)(HELP_INDENT - at), "");
			at = HELP_INDENT;
		} else {
			fputc(' ', to);
			at++;
		}
		fprintf(to, "%.*s", (int)word, text);
		at += word;
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', to);
}

static void print_option(FILE *to, const struct settings_option *option)
{
	bool off = option->flags & SETTINGS_OFF, pair = option->flags & SETTINGS_PAIR;
	char left[64], letter[8] = "    ", help[256];
	int used;

	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	used = snprintf(left, sizeof(left), "  %s--%s%s%s%s", letter, off ? "no-" : "", option->name,
			option->value ? " " : "", option->value ? option->value : "");
	fputs(left, to);
	snprintf(help, sizeof(help), pair ? "%s (undone by --%s%s)" : "%s", option->help, off ? "" : "no-",
		 option->name);
	print_wrapped(to, (size_t)used, help);
}

void settings_help(FILE *to)
{
	fputs("Usage: iotopx [OPTION]...\n"
	      "Who does I/O on this machine, how much, and through which layer.\n\nOptions:\n",
	      to);
	for (size_t i = 0; i < settings_option_count; i++)
		print_option(to, &settings_options[i]);
	fputs("\nColumns, for --sort and --columns (* shown by default):\n", to);
	for (size_t i = 0; i < column_count; i++) {
		char left[64];
		int used = snprintf(left, sizeof(left), "  %c %-10s %s", columns[i].shown ? '*' : ' ', columns[i].key,
				    columns[i].title);

		fputs(left, to);
		print_wrapped(to, (size_t)used, columns[i].help);
	}
	for (int id = 0; id < VIEW_PAGE_COUNT; id++) {
		const struct page *page = page_get((enum view_page)id);
		char keys[1024] = "";
		size_t used = 0;

		for (size_t i = 0; page && i < page->column_count && used < sizeof(keys) - 32; i++)
			used += (size_t)snprintf(keys + used, sizeof(keys) - used, "%s%s", i ? ", " : "",
						 page->columns[i].key);
		if (page)
			print_wrapped(to, (size_t)fprintf(to, "\nColumns of %s:", page->key), keys);
	}
	fputs("\nOn the screen, ? shows the keys. Only root sees every task. See iotopx(8).\n", to);
}
