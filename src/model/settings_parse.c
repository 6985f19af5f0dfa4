/* What each kind of option does with its value, and the command line. */
#include "settings_table.h"

#include "iotopx/array.h"
#include "iotopx/filter.h"
#include "iotopx/page.h"
#include "iotopx/text.h"
#include "iotopx/units.h"
#include "iotopx/when.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1000000000ull
#define INTERVAL_MIN_NS (NS_PER_S / 10)
#define INTERVAL_MAX_NS (3600 * NS_PER_S)
#define PID_HIGHEST 4194304 /* PID_MAX_LIMIT of the kernel */
#define QUOTE_BYTES 128     /* of a bad value, at most so much is repeated */
#define QUOTE_SIZE (QUOTE_BYTES + 8)

_Static_assert(sizeof(enum view_mode) == sizeof(unsigned), "enums are set through unsigned");

static int refuse(char *why, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int refuse(char *why, size_t size, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(why, size, format, list);
	va_end(list);
	return -EINVAL;
}

size_t settings_put(char *to, size_t size, const char *text)
{
	size_t length = strlen(text);

	if (size == 0)
		return 0;
	if (length >= size)
		length = size - 1;
	memcpy(to, text, length);
	to[length] = '\0';
	return length;
}

size_t settings_quote(char *to, size_t size, const char *value)
{
	size_t length = strlen(value), used;
	bool cut = length > QUOTE_BYTES / 2;

	used = text_sanitize(to, size - 3, value, cut ? QUOTE_BYTES / 2 : length, TEXT_ASCII);
	return used + (cut ? settings_put(to + used, size - used, "...") : 0);
}

static int parse_switch(const char *value, bool *on, char *why, size_t why_size)
{
	static const char *const words[] = { "no", "yes", "off", "on", "false", "true", "0", "1" };

	for (size_t i = 0; value && i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(value, words[i]) == 0) {
			*on = i % 2;
			return 0;
		}
	return refuse(why, why_size, "must be yes or no");
}

static int set_flag(void *field, const struct settings_option *option, struct settings *settings, const char *value,
		    char *why, size_t why_size)
{
	bool on = true;

	(void)settings;
	if (value && parse_switch(value, &on, why, why_size) != 0)
		return -EINVAL;
	*(bool *)field = on != (option->kind == SETTING_NOT);
	return 0;
}

static size_t format_flag(const void *field, const struct settings_option *option, const struct settings *settings,
			  char *to, size_t size)
{
	(void)settings;
	return settings_put(to, size, *(const bool *)field != (option->kind == SETTING_NOT) ? "yes" : "no");
}

static int set_counted(void *field, const struct settings_option *option, struct settings *settings, const char *value,
		       char *why, size_t why_size)
{
	(void)option, (void)settings, (void)value, (void)why, (void)why_size;
	if (*(unsigned *)field < UINT_MAX)
		++*(unsigned *)field;
	return 0;
}

static int set_fixed(void *field, const struct settings_option *option, struct settings *settings, const char *value,
		     char *why, size_t why_size)
{
	(void)settings, (void)value, (void)why, (void)why_size;
	*(unsigned *)field = option->fixed;
	return 0;
}

/* "a, b or c" */
static void list_choices(char *to, size_t size, const char *const *choices)
{
	size_t used = 0;

	for (size_t i = 0; choices[i]; i++) {
		used += settings_put(to + used, size - used, i == 0 ? "" : choices[i + 1] ? ", " : " or ");
		used += settings_put(to + used, size - used, choices[i]);
	}
}

static int set_choice(void *field, const struct settings_option *option, struct settings *settings, const char *value,
		      char *why, size_t why_size)
{
	char names[256];

	(void)settings;
	for (unsigned i = 0; option->choices[i]; i++)
		if (strcmp(option->choices[i], value) == 0) {
			*(unsigned *)field = i;
			return 0;
		}
	list_choices(names, sizeof(names), option->choices);
	return refuse(why, why_size, "must be %s", names);
}

static size_t format_choice(const void *field, const struct settings_option *option, const struct settings *settings,
			    char *to, size_t size)
{
	(void)settings;
	return settings_put(to, size, option->choices[*(const unsigned *)field]);
}

static int set_number(void *field, const struct settings_option *option, struct settings *settings, const char *value,
		      char *why, size_t why_size)
{
	(void)settings;
	if (parse_u64(value, 1, UINT64_MAX, field) != 0)
		return refuse(why, why_size, "must be %s", option->accepts);
	return 0;
}

static int set_seconds(void *field, const struct settings_option *option, struct settings *settings, const char *value,
		       char *why, size_t why_size)
{
	if (parse_seconds_ns(value, INTERVAL_MIN_NS, INTERVAL_MAX_NS, field) != 0)
		return refuse(why, why_size, "must be %s", option->accepts);
	settings->interval_given = true;
	return 0;
}

static int set_age(void *field, const struct settings_option *option, struct settings *settings, const char *value,
		   char *why, size_t why_size)
{
	(void)settings;
	if (parse_age_ns(value, field) != 0)
		return refuse(why, why_size, "must be %s", option->accepts);
	return 0;
}

static size_t format_seconds(const void *field, const struct settings_option *option, const struct settings *settings,
			     char *to, size_t size)
{
	uint64_t ns = *(const uint64_t *)field;
	int used =
	    snprintf(to, size, "%llu.%09llu", (unsigned long long)(ns / NS_PER_S), (unsigned long long)(ns % NS_PER_S));
	size_t length = used < 0 ? 0 : (size_t)used < size ? (size_t)used : size - 1;

	(void)option, (void)settings;
	while (length && to[length - 1] == '0')
		to[--length] = '\0';
	if (length && to[length - 1] == '.')
		to[--length] = '\0';
	return length;
}

static int replace_text(char **field, const char *value)
{
	char *copy = *value ? strdup(value) : NULL;

	if (*value && !copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static int set_text(void *field, const struct settings_option *option, struct settings *settings, const char *value,
		    char *why, size_t why_size)
{
	(void)settings;
	if (!*value)
		return refuse(why, why_size, "must be %s", option->accepts);
	return replace_text(field, value);
}

static int set_moment(void *field, const struct settings_option *option, struct settings *settings, const char *value,
		      char *why, size_t why_size)
{
	(void)option, (void)settings;
	if (when_check(value) != 0)
		return refuse(why, why_size, "must be %s", WHEN_ACCEPTED);
	return replace_text(field, value);
}

static size_t format_text(const void *field, const struct settings_option *option, const struct settings *settings,
			  char *to, size_t size)
{
	const char *text = *(char *const *)field;

	(void)option, (void)settings;
	return settings_put(to, size, text ? text : "");
}

static int set_filter(void *field, const struct settings_option *option, struct settings *settings, const char *value,
		      char *why, size_t why_size)
{
	struct filter *filter = NULL;
	char error[SETTINGS_WHY_SIZE / 2] = "";
	int result = filter_parse(value, &filter, error, sizeof(error));

	(void)option, (void)settings;
	if (result == -EINVAL)
		return refuse(why, why_size,
			      "%s; accepted: user:NAME pid:N unit:TEXT container:TEXT and an extended "
			      "regular expression",
			      error);
	filter_free(filter);
	return result ? result : replace_text(field, value);
}

static void list_columns(char *to, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < column_count; i++) {
		used += settings_put(to + used, size - used, i ? ", " : "");
		used += settings_put(to + used, size - used, columns[i].key);
	}
}

/* The pages' columns have options of their own. */
static const struct {
	enum view_page page;
	const char *option;
} page_sorts[] = { { VIEW_DEVICES, "device-sort" }, { VIEW_NFS, "nfs-sort" } };

static int set_sort(void *field, const struct settings_option *option, struct settings *settings, const char *value,
		    char *why, size_t why_size)
{
	const struct column *column = column_find(value);
	char keys[SETTINGS_WHY_SIZE / 2];

	(void)option, (void)settings;
	for (size_t i = 0; !column && i < sizeof(page_sorts) / sizeof(*page_sorts); i++)
		if (page_column_find(page_get(page_sorts[i].page), value))
			return refuse(why, why_size, "is a column of another page: --%s sorts that",
				      page_sorts[i].option);
	if (!column) {
		list_columns(keys, sizeof(keys));
		return refuse(why, why_size, "must be one of %s", keys);
	}
	*(const struct column **)field = column;
	return 0;
}

static size_t format_sort(const void *field, const struct settings_option *option, const struct settings *settings,
			  char *to, size_t size)
{
	const struct column *column = *(const struct column *const *)field;

	(void)option, (void)settings;
	return settings_put(to, size, column ? column->key : "");
}

static int set_columns(void *field, const struct settings_option *option, struct settings *settings, const char *value,
		       char *why, size_t why_size)
{
	char bad[64] = "", quoted[QUOTE_SIZE], keys[SETTINGS_WHY_SIZE / 2];
	const struct column *list[VIEW_COLUMNS_MAX];
	size_t count = 0;

	(void)field, (void)option;
	if (columns_parse(value, list, VIEW_COLUMNS_MAX, &count, bad, sizeof(bad)) != 0 || count == 0) {
		settings_quote(quoted, sizeof(quoted), bad);
		list_columns(keys, sizeof(keys));
		return refuse(why, why_size, "'%s' is no column; must be keys joined by commas, out of %s", quoted,
			      keys);
	}
	memcpy(settings->view.columns, list, count * sizeof(*list));
	settings->view.column_count = count;
	settings->columns_given = true;
	return 0;
}

static size_t format_columns(const void *field, const struct settings_option *option, const struct settings *settings,
			     char *to, size_t size)
{
	const struct view *view = &settings->view;
	size_t used = 0;

	(void)field, (void)option;
	for (size_t i = 0; i < view->column_count; i++) {
		used += settings_put(to + used, size - used, i ? "," : "");
		used += settings_put(to + used, size - used, view->columns[i]->key);
	}
	return used;
}

static int set_pid(void *field, const struct settings_option *option, struct settings *settings, const char *value,
		   char *why, size_t why_size)
{
	struct pid_list *list = field;
	uint64_t number;
	pid_t *pid;

	(void)settings;
	if (parse_u64(value, 1, PID_HIGHEST, &number) != 0)
		return refuse(why, why_size, "must be %s", option->accepts);
	pid = array_append(list);
	if (!pid)
		return -ENOMEM;
	*pid = (pid_t)number;
	return 0;
}

static int set_user(void *field, const struct settings_option *option, struct settings *settings, const char *value,
		    char *why, size_t why_size)
{
	struct uid_list *list = field;
	const struct passwd *user;
	uint64_t number;
	uint32_t *uid;

	(void)settings;
	if (parse_u64(value, 0, UINT32_MAX - 1, &number) != 0) {
		user = *value ? getpwnam(value) : NULL;
		if (!user)
			return refuse(why, why_size, "no such user; must be %s", option->accepts);
		number = user->pw_uid;
	}
	uid = array_append(list);
	if (!uid)
		return -ENOMEM;
	*uid = (uint32_t)number;
	return 0;
}

static const struct {
	settings_setter *set;
	settings_formatter *format; /* NULL: never in a file */
} kinds[SETTING_KIND_COUNT] = {
	[SETTING_FLAG] = { set_flag, format_flag },
	[SETTING_NOT] = { set_flag, format_flag },
	[SETTING_COUNTED] = { set_counted, NULL },
	[SETTING_CHOICE] = { set_choice, format_choice },
	[SETTING_FIXED] = { set_fixed, NULL },
	[SETTING_NUMBER] = { set_number, NULL },
	[SETTING_SECONDS] = { set_seconds, format_seconds },
	[SETTING_AGE] = { set_age, NULL },
	[SETTING_MOMENT] = { set_moment, NULL },
	[SETTING_TEXT] = { set_text, NULL },
	[SETTING_FILTER] = { set_filter, format_text },
	[SETTING_SORT] = { set_sort, format_sort },
	[SETTING_COLUMNS] = { set_columns, format_columns },
	[SETTING_PAGE_SORT] = { settings_set_page_sort, settings_format_page_sort },
	[SETTING_PAGE_COLUMNS] = { settings_set_page_columns, settings_format_page_columns },
	[SETTING_PIDS] = { set_pid, NULL },
	[SETTING_USERS] = { set_user, NULL },
};

int settings_set(struct settings *settings, const struct settings_option *option, const char *value, char *why,
		 size_t why_size)
{
	int result = kinds[option->kind].set((char *)settings + option->field, option, settings, value, why, why_size);

	if (result == 0 && option->flags & SETTINGS_BATCH)
		settings->batch = true;
	return result;
}

size_t settings_format(const struct settings *settings, const struct settings_option *option, char *to, size_t size)
{
	if (!kinds[option->kind].format)
		return settings_put(to, size, "");
	return kinds[option->kind].format((const char *)settings + option->field, option, settings, to, size);
}

/* The command line. getopt's long options carry LONG_BASE + 2 * index, and 1 more for the --no- form. */
#define LONG_BASE 1000

struct parser {
	struct option *longs;
	char letters[3 + 2 * 128];
};

static int parser_init(struct parser *parser, char (*negated)[32])
{
	size_t used = 0, letters = 1;

	parser->longs = calloc(2 * settings_option_count + 1, sizeof(*parser->longs));
	if (!parser->longs)
		return -ENOMEM;
	parser->letters[0] = ':'; /* tells a missing value from an unknown option */
	for (size_t i = 0; i < settings_option_count; i++) {
		const struct settings_option *option = &settings_options[i];

		parser->longs[used++] = (struct option){ option->name, option->value ? required_argument : no_argument,
							 NULL, LONG_BASE + 2 * (int)i };
		if (option->flags & SETTINGS_PAIR) {
			snprintf(negated[i], sizeof(negated[i]), "no-%s", option->name);
			parser->longs[used++] =
			    (struct option){ negated[i], no_argument, NULL, LONG_BASE + 2 * (int)i + 1 };
		}
		if (option->letter) {
			parser->letters[letters++] = option->letter;
			if (option->value)
				parser->letters[letters++] = ':';
		}
	}
	parser->letters[letters] = '\0';
	return 0;
}

static const struct settings_option *option_of(int code, bool *negated)
{
	*negated = code >= LONG_BASE && (code - LONG_BASE) % 2;
	if (code >= LONG_BASE)
		return &settings_options[(code - LONG_BASE) / 2];
	for (size_t i = 0; code && i < settings_option_count; i++)
		if (settings_options[i].letter == code)
			return &settings_options[i];
	return NULL;
}

static void option_name(const struct settings_option *option, char *to, size_t size)
{
	if (option->letter)
		snprintf(to, size, "-%c (--%s)", option->letter, option->name);
	else
		snprintf(to, size, "--%s", option->name);
}

/* What getopt could not take: `code` is its answer, `word` the argument it looked at. */
static int report_unknown(int code, const char *word, char *error, size_t error_size)
{
	char name[64], quoted[QUOTE_SIZE], letter[2] = { 0 };
	bool negated;
	const struct settings_option *option = option_of(optopt, &negated);

	if (code == ':' && option) {
		option_name(option, name, sizeof(name));
		return refuse(error, error_size, "%s: the value %s is missing: must be %s", name, option->value,
			      option->accepts ? option->accepts : "one of those that --help tells");
	}
	if (option) {
		const char *value = strchr(word, '=');

		settings_quote(quoted, sizeof(quoted), value ? value + 1 : "");
		return refuse(error, error_size, "--%s%s: bad value '%s': it takes none", negated ? "no-" : "",
			      option->name, quoted);
	}
	letter[0] = (char)optopt;
	settings_quote(quoted, sizeof(quoted), optopt ? letter : word);
	return refuse(error, error_size, "unknown option '%s%s': --help lists the options", optopt ? "-" : "", quoted);
}

static int parse_one(struct settings *settings, int code, const char *word, char *error, size_t error_size)
{
	char name[64], quoted[QUOTE_SIZE], why[SETTINGS_WHY_SIZE] = "";
	bool negated;
	const struct settings_option *option = option_of(code, &negated);
	int result;

	if (code == '?' || code == ':' || !option)
		return report_unknown(code, word, error, error_size);
	result = settings_set(settings, option, negated ? "no" : optarg, why, sizeof(why));
	if (result != -EINVAL)
		return result;
	option_name(option, name, sizeof(name));
	settings_quote(quoted, sizeof(quoted), optarg ? optarg : "");
	return refuse(error, error_size, "%s: bad value '%s': %s", name, quoted, why);
}

/* Options that are of no use without, or together with, others. */
static int check_together(const struct settings *settings, char *error, size_t error_size)
{
	if (settings->format == FORMAT_OPENMETRICS && settings->view.page != VIEW_TASKS)
		return refuse(error, error_size, "--view: bad value '%s': must be tasks with --format openmetrics",
			      settings->view.page == VIEW_NFS ? "nfs" : "devices");
	if (settings->record && settings->replay)
		return refuse(error, error_size, "--record: a replay can't be recorded: must stand without --replay");
	if (settings->delayacct && settings->replay)
		return refuse(error, error_size, "--delayacct: the past is over: must stand without --replay");
	if (settings->retain_ns && !settings->record)
		return refuse(error, error_size, "--retain: it is about a recording: must stand with --record FILE");
	if ((settings->begin || settings->end) && !settings->replay)
		return refuse(error, error_size, "--%s: it is about a replay: must stand with --replay FILE",
			      settings->begin ? "begin" : "end");
	return 0;
}

int settings_parse(struct settings *settings, int argc, char **argv, char *error, size_t error_size)
{
	char(*negated)[32] = calloc(settings_option_count, sizeof(*negated));
	char quoted[QUOTE_SIZE];
	struct parser parser = { 0 };
	int result = negated ? parser_init(&parser, negated) : -ENOMEM, code;

	opterr = 0;
	optind = 0; /* glibc: begin anew */
	while (result == 0) {
		int at = optind ? optind : 1;

		code = getopt_long(argc, argv, parser.letters, parser.longs, NULL);
		if (code == -1)
			break;
		/* For "-" letters in one word optind stands still; the word itself is wanted for long options only. */
		result = parse_one(settings, code, argv[optind > at ? optind - 1 : at], error, error_size);
	}
	if (result == 0 && optind < argc) {
		settings_quote(quoted, sizeof(quoted), argv[optind]);
		result = refuse(error, error_size, "'%s' is no option: --help lists the options", quoted);
	}
	if (result == 0)
		result = check_together(settings, error, error_size);
	if (result == -ENOMEM)
		refuse(error, error_size, "out of memory");
	settings_apply_environment(settings);
	free(parser.longs);
	free(negated);
	return result;
}
