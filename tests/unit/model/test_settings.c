#include "settings_table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define S 1000000000ull
#define ARGS_MAX 24

/* Parses words ended by NULL after the program's name; `error` gets the line. */
static int parse(struct settings *settings, char *error, size_t size, const char *const *words)
{
	char *argv[ARGS_MAX + 1] = { strdup("iotopx") };
	int argc = 1, result;

	assert_int_equal(settings_init(settings), 0);
	for (; words[argc - 1]; argc++) {
		assert_true(argc < ARGS_MAX);
		argv[argc] = strdup(words[argc - 1]);
	}
	result = settings_parse(settings, argc, argv, error, size);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return result;
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void accept(struct settings *settings, const char *const *words)
{
	char error[1024] = "";
	int result = parse(settings, error, sizeof(error), words);

	if (result != 0)
		print_error("%s: %s\n", words[0], error);
	assert_int_equal(result, 0);
}

/* Refused with one line that holds all of `parts` (NULL-ended). */
static void refuse_with(const char *const *words, const char *const *parts)
{
	struct settings settings;
	char error[1024] = "";

	if (parse(&settings, error, sizeof(error), words) != -EINVAL)
		fail_msg("%s was accepted", words[0]);
	assert_null(strchr(error, '\n'));
	for (; *parts; parts++)
		if (!strstr(error, *parts))
			fail_msg("no '%s' in: %s", *parts, error);
	settings_free(&settings);
}

static void defaults_are_the_documented_ones(void **state)
{
	struct settings settings;
	char error[64];

	(void)state;
	assert_int_equal(parse(&settings, error, sizeof(error), (const char *const[]){ NULL }), 0);
	assert_int_equal(settings.interval_ns, S);
	assert_int_equal(settings.iterations, 0);
	assert_int_equal(settings.format, FORMAT_TEXT);
	assert_false(settings.batch || settings.snap || settings.delayacct || settings.require_all);
	assert_true(settings.view.threads);
	assert_false(settings.view.only_active || settings.read_only || settings.ascii);
	assert_int_equal(settings.view.mode, MODE_RATE);
	assert_non_null(settings.view.sort);
	assert_true(settings.view.column_count > 0);
	settings_free(&settings);
}

static void iotops_own_options_work(void **state)
{
	struct settings settings;

	(void)state;
	accept(&settings, WORDS("-obPak", "-n", "3", "-d", "0.5", "-p1", "-p", "2", "-u", "root", "-u7"));
	assert_true(settings.view.only_active && settings.batch);
	assert_false(settings.view.threads);
	assert_int_equal(settings.view.mode, MODE_ACCUMULATED);
	assert_int_equal(settings.view.units, UNIT_KIB);
	assert_int_equal(settings.iterations, 3);
	assert_int_equal(settings.interval_ns, S / 2);
	assert_int_equal(settings.pids.count, 2);
	assert_int_equal(settings.pids.items[1], 2);
	assert_int_equal(settings.uids.count, 2);
	assert_int_equal(settings.uids.items[0], 0);
	assert_int_equal(settings.uids.items[1], 7);
	settings_free(&settings);

	accept(&settings, WORDS("-qqq", "-t"));
	assert_int_equal(settings.quiet, 3);
	assert_true(settings.timestamps && settings.batch);
	settings_free(&settings);
	accept(&settings, WORDS("-h", "--version"));
	assert_true(settings.help && settings.version);
	settings_free(&settings);
}

static void long_options_work(void **state)
{
	struct settings settings;

	(void)state;
	accept(&settings, WORDS("--sort=write", "--snap", "--columns", "pid,io,command", "--group", "user", "--filter",
				"user:root dd", "--output=/x", "--si", "--delayacct", "--require-all"));
	assert_string_equal(settings.view.sort->key, "write");
	assert_true(settings.snap && settings.batch && settings.delayacct && settings.require_all);
	assert_int_equal(settings.view.column_count, 3);
	assert_string_equal(settings.view.columns[1]->key, "io");
	assert_int_equal(settings.view.group, GROUP_USER);
	assert_string_equal(settings.filter, "user:root dd");
	assert_string_equal(settings.output, "/x");
	assert_int_equal(settings.view.units, UNIT_SI);
	assert_null(settings.view.filter);
	settings_free(&settings);
}

static void pairs_undo_each_other(void **state)
{
	struct settings settings;
	char yes[64], no[64], error[1024];
	size_t pairs = 0;

	(void)state;
	for (size_t i = 0; i < settings_option_count; i++) {
		const struct settings_option *option = &settings_options[i];
		bool want = option->kind == SETTING_FLAG;

		if (!(option->flags & SETTINGS_PAIR))
			continue;
		pairs++;
		snprintf(yes, sizeof(yes), "--%s", option->name);
		snprintf(no, sizeof(no), "--no-%s", option->name);
		accept(&settings, WORDS(no, yes));
		assert_int_equal(*(bool *)((char *)&settings + option->field), want);
		settings_free(&settings);
		accept(&settings, WORDS(yes, no));
		assert_int_equal(*(bool *)((char *)&settings + option->field), !want);
		settings_free(&settings);
		snprintf(no, sizeof(no), "--no-%s=x", option->name);
		assert_int_equal(parse(&settings, error, sizeof(error), WORDS(no)), -EINVAL);
		settings_free(&settings);
	}
	assert_true(pairs >= 5);
}

static void every_column_is_a_sort_key(void **state)
{
	struct settings settings;

	(void)state;
	for (size_t i = 0; i < column_count; i++) {
		accept(&settings, WORDS("-s", columns[i].key));
		assert_ptr_equal(settings.view.sort, &columns[i]);
		settings_free(&settings);
	}
}

static void bad_values_are_named(void **state)
{
	static const char *const numbers[] = { "0", "-1", "abc", "", "1.5", " 1", "1x", "99999999999999999999", "0x1" };
	static const char *const seconds[] = {
		"abc", "0", "0.09", "3600.1", "-1", "1e3", "inf", "nan", "", "1,5", "."
	};
	static const char *const pids[] = { "x", "0", "-1", "4194305", "1 2", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		refuse_with(WORDS("-n", numbers[i]), WORDS("-n (--iter)", numbers[i], "1 or more"));
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++)
		refuse_with(WORDS("--delay", seconds[i]), WORDS("-d (--delay)", seconds[i], "0.1 to 3600"));
	for (size_t i = 0; i < sizeof(pids) / sizeof(*pids); i++)
		refuse_with(WORDS("-p", pids[i]), WORDS("-p (--pid)", pids[i], "1 to 4194304"));
	refuse_with(WORDS("-u", "no such user"), WORDS("-u (--user)", "no such user", "name of a user"));
	refuse_with(WORDS("-u", ""), WORDS("-u (--user)", "name of a user"));
	refuse_with(WORDS("--group", "cat"), WORDS("--group", "'cat'", "none, command, user, unit or container"));
	refuse_with(WORDS("--units", "x"), WORDS("--units", "'x'", "binary, si or kib"));
	refuse_with(WORDS("--filter", "(["), WORDS("--filter", "'(['", "regular expression"));
	refuse_with(WORDS("--output", ""), WORDS("--output", "name of a file"));
	refuse_with(WORDS("-b", "extra"), WORDS("'extra'", "--help"));
	refuse_with(WORDS("--nope"), WORDS("'--nope'", "--help"));
	refuse_with(WORDS("-bX"), WORDS("'-X'", "--help"));
	refuse_with(WORDS("--batch=yes"), WORDS("--batch", "'yes'"));
	refuse_with(WORDS("-b", "-n"), WORDS("-n (--iter)", "missing", "1 or more"));
	refuse_with(WORDS("--no-delay"), WORDS("'--no-delay'"));
	/* Nothing that a terminal would act on comes back. */
	refuse_with(WORDS("-d", "\x1b[2J\n"), WORDS("\\x1b[2J\\n"));
}

static void unknown_keys_list_the_keys(void **state)
{
	const char *parts[64] = { "'NOPE'" };
	size_t used = 1;

	(void)state;
	for (size_t i = 0; i < column_count; i++)
		parts[used++] = columns[i].key;
	refuse_with(WORDS("-s", "NOPE"), parts);
	parts[0] = "'nope'";
	refuse_with(WORDS("--columns", "read,nope"), parts);
	refuse_with(WORDS("--columns", ""), WORDS("--columns"));
	refuse_with(WORDS("--device-columns", "device,nope"), WORDS("--device-columns", "'nope'", "device, ", "util"));
	refuse_with(WORDS("--device-columns", "device,"), WORDS("--device-columns", "''"));
	refuse_with(WORDS("--nfs-sort", "util"), WORDS("--nfs-sort", "'util'", "mount, "));
	refuse_with(WORDS("--nfs-sort", "-"), WORDS("--nfs-sort", "''"));
}

static char *slurp(FILE *file)
{
	long length;
	char *text;

	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	length = ftell(file);
	assert_true(length >= 0);
	rewind(file);
	text = calloc(1, (size_t)length + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)length, file), length);
	fclose(file);
	return text;
}

static void help_names_everything_and_fits(void **state)
{
	FILE *file = tmpfile();
	char *text, name[64];

	(void)state;
	assert_non_null(file);
	settings_help(file);
	text = slurp(file);
	for (size_t i = 0; i < settings_option_count; i++) {
		snprintf(name, sizeof(name), "%s", settings_options[i].name);
		assert_non_null(strstr(text, name));
		assert_non_null(settings_options[i].help);
	}
	for (size_t i = 0; i < column_count; i++) {
		snprintf(name, sizeof(name), " %s ", columns[i].key);
		if (!strstr(text, name))
			fail_msg("--help lacks the column %s", columns[i].key);
	}
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (strlen(line) > 80)
			fail_msg("too long: %s", line);
	free(text);
}

static void table_is_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < settings_option_count; i++) {
		const struct settings_option *option = &settings_options[i];
		bool needs_value = option->kind >= SETTING_NUMBER || option->kind == SETTING_CHOICE;

		assert_int_equal(needs_value, option->value != NULL);
		assert_ptr_equal(settings_find(option->name, strlen(option->name)), option);
		for (size_t j = 0; j < i; j++)
			assert_true(!option->letter || option->letter != settings_options[j].letter);
	}
}

/* The settings file. */
struct place {
	char directory[64], path[128];
	char notices[4096];
};

static void note(void *data, const char *line)
{
	struct place *place = data;
	size_t used = strlen(place->notices);

	snprintf(place->notices + used, sizeof(place->notices) - used, "%s\n", line);
}

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (!place)
		return -1;
	strcpy(place->directory, "/tmp/iotopx-settings-XXXXXX");
	if (!mkdtemp(place->directory))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/rc", place->directory);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	unlink(place->path);
	rmdir(place->directory);
	free(place);
	return 0;
}

static void put_file(const struct place *place, const char *text, size_t length)
{
	FILE *file = fopen(place->path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(place->path, 0600), 0);
}

static void load(struct place *place, struct settings *settings, const char *text)
{
	put_file(place, text, strlen(text));
	assert_int_equal(settings_init(settings), 0);
	place->notices[0] = '\0';
	assert_int_equal(settings_load(settings, place->path, note, place), 0);
}

static void file_sets_looks_and_views(void **state)
{
	struct place *place = *state;
	struct settings settings;

	load(place, &settings,
	     "# a comment\n\n  only = yes\r\ndelay=2.5\nsort = write\ncolor = no\ncolumns = pid,command\nunits = si\n"
	     "filter = user:root a=b\nexited = off\nthreads = off\nmode = average");
	assert_string_equal(place->notices, "");
	assert_true(settings.view.only_active && settings.no_color && settings.view.hide_exited);
	assert_false(settings.view.threads);
	assert_int_equal(settings.interval_ns, 5 * S / 2);
	assert_string_equal(settings.view.sort->key, "write");
	assert_int_equal(settings.view.column_count, 2);
	assert_int_equal(settings.view.units, UNIT_SI);
	assert_int_equal(settings.view.mode, MODE_AVERAGE);
	assert_string_equal(settings.filter, "user:root a=b");
	settings_free(&settings);
}

static void broken_lines_are_told_and_skipped(void **state)
{
	struct place *place = *state;
	struct settings settings;

	load(place, &settings, "only = perhaps\nnope = 1\njust words\noutput = /etc/passwd\ndelay = 0\ndelay = 3\n");
	assert_int_equal(settings.interval_ns, 3 * S);
	assert_null(settings.output);
	assert_false(settings.batch || settings.view.only_active);
	assert_non_null(strstr(place->notices, "rc:1: only: bad value 'perhaps'"));
	assert_non_null(strstr(place->notices, "rc:2: unknown key 'nope'"));
	assert_non_null(strstr(place->notices, "rc:3: must be key = value"));
	assert_non_null(strstr(place->notices, "rc:4: output: command line only"));
	assert_non_null(strstr(place->notices, "rc:5: delay: bad value '0'"));
	assert_null(strstr(place->notices, "rc:6"));
	settings_free(&settings);
}

static void what_acts_is_never_in_the_file(void **state)
{
	static const char *const acting[] = { "output", "delayacct", "batch", "require-all", "config", "iter", "pid" };

	(void)state;
	for (size_t i = 0; i < sizeof(acting) / sizeof(*acting); i++) {
		const struct settings_option *option = settings_find(acting[i], strlen(acting[i]));

		assert_non_null(option);
		assert_false(option->flags & SETTINGS_FILE);
	}
}

static void bytes_of_any_kind_are_no_settings(void **state)
{
	struct place *place = *state;
	struct settings settings;
	char bytes[20000];

	srand(7);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(rand() % 4 ? rand() : "\n= #"[rand() % 4]);
	put_file(place, bytes, sizeof(bytes));
	assert_int_equal(settings_init(&settings), 0);
	assert_int_equal(settings_load(&settings, place->path, note, place), 0);
	assert_true(strlen(place->notices) > 0);
	settings_free(&settings);
	/* A line without an end is one that is too long, told once. */
	memset(bytes, 'a', sizeof(bytes));
	put_file(place, bytes, sizeof(bytes));
	place->notices[0] = '\0';
	assert_int_equal(settings_init(&settings), 0);
	assert_int_equal(settings_load(&settings, place->path, note, place), 0);
	assert_non_null(strstr(place->notices, "rc:1: too long"));
	assert_null(strstr(place->notices, "rc:2"));
	settings_free(&settings);
}

static void refused(struct place *place, const char *reason)
{
	struct settings settings;

	place->notices[0] = '\0';
	assert_int_equal(settings_init(&settings), 0);
	assert_int_not_equal(settings_load(&settings, place->path, note, place), 0);
	if (!strstr(place->notices, reason))
		fail_msg("no '%s' in: %s", reason, place->notices);
	assert_int_equal(settings.interval_ns, S);
	settings_free(&settings);
}

static void files_of_others_are_refused(void **state)
{
	struct place *place = *state;
	char target[160];

	put_file(place, "delay = 9\n", 10);
	assert_int_equal(chmod(place->path, 0602), 0);
	refused(place, "others may write");
	assert_int_equal(chmod(place->path, 0620), 0);
	refused(place, "others may write");
	unlink(place->path);
	assert_int_equal(mkfifo(place->path, 0600), 0);
	refused(place, "not a regular file");
	unlink(place->path);
	if (geteuid() != 0)
		return;
	put_file(place, "delay = 9\n", 10);
	assert_int_equal(chown(place->path, 1, 1), 0);
	refused(place, "does not belong to root");
	assert_int_equal(chown(place->path, 0, 0), 0);
	snprintf(target, sizeof(target), "%s/target", place->directory);
	assert_int_equal(rename(place->path, target), 0);
	assert_int_equal(symlink(target, place->path), 0);
	refused(place, "symbolic link");
	unlink(target);
}

static void missing_file_is_no_error(void **state)
{
	struct place *place = *state;
	struct settings settings;

	assert_int_equal(settings_init(&settings), 0);
	assert_int_equal(settings_load(&settings, place->path, note, place), 0);
	assert_string_equal(place->notices, "");
	settings_free(&settings);
}

static void saved_settings_come_back(void **state)
{
	struct place *place = *state;
	struct settings settings, again;
	char *text, one[SETTINGS_VALUE_SIZE], two[SETTINGS_VALUE_SIZE];

	accept(&settings, WORDS("--only", "-d", "0.25", "-s", "write", "--columns", "pid,write,command", "--no-color",
				"--group", "unit", "--filter", "unit:a b", "-n", "3", "--no-exited", "--device-columns",
				"device,util,read", "--device-sort", "-read", "--nfs-sort", "mount"));
	assert_int_equal(settings_save(&settings, place->path), 0);
	assert_int_equal(settings_init(&again), 0);
	assert_int_equal(settings_load(&again, place->path, note, place), 0);
	assert_string_equal(place->notices, "");
	for (size_t i = 0; i < settings_option_count; i++) {
		if (!(settings_options[i].flags & SETTINGS_FILE))
			continue;
		settings_format(&settings, &settings_options[i], one, sizeof(one));
		settings_format(&again, &settings_options[i], two, sizeof(two));
		assert_string_equal(one, two);
	}
	assert_int_equal(again.iterations, 0);
	text = slurp(fopen(place->path, "r"));
	assert_non_null(strstr(text, "\ndelay = 0.25\n"));
	assert_non_null(strstr(text, "\ndevice-columns = device,util,read\n"));
	assert_non_null(strstr(text, "\ndevice-sort = -read\n"));
	assert_null(strstr(text, "\nnfs-columns ="));
	assert_null(strstr(text, "\nunits ="));
	free(text);
	assert_int_equal(again.looks[VIEW_DEVICES].column_count, 3);
	assert_string_equal(again.looks[VIEW_DEVICES].columns[2]->key, "read");
	assert_true(again.looks[VIEW_DEVICES].reversed);
	settings_free(&settings);
	settings_free(&again);
}

/* What a line can hold comes back too; what it can't is left out, and takes nothing with it. */
static void odd_filters_are_saved(void **state)
{
	static const struct {
		const char *filter;
		bool kept;
	} filters[] = {
		{ "a\rb", true }, { "\x1b]31m\xff", true }, { "#a = b", true }, { "a\nb", false }, { "ab\r", false }
	};
	struct place *place = *state;

	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		struct settings settings, again;

		accept(&settings, WORDS("--filter", filters[i].filter, "--si"));
		assert_int_equal(settings_save(&settings, place->path), 0);
		assert_int_equal(settings_init(&again), 0);
		assert_int_equal(settings_load(&again, place->path, note, place), 0);
		assert_string_equal(place->notices, "");
		assert_int_equal(again.view.units, UNIT_SI);
		if (filters[i].kept)
			assert_string_equal(again.filter, filters[i].filter);
		else
			assert_null(again.filter);
		settings_free(&settings);
		settings_free(&again);
	}
}

static void defaults_save_as_nothing(void **state)
{
	struct place *place = *state;
	struct settings settings;
	char *text;

	assert_int_equal(settings_init(&settings), 0);
	assert_int_equal(settings_save(&settings, place->path), 0);
	text = slurp(fopen(place->path, "r"));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_int_equal(line[0], '#');
	free(text);
	settings_free(&settings);
}

static void save_fails_without_a_trace(void **state)
{
	struct place *place = *state;
	struct settings settings;

	assert_int_equal(settings_init(&settings), 0);
	settings.config = strdup("given by hand");
	assert_int_not_equal(settings_save(&settings, "/proc/nowhere/rc"), 0);
	assert_int_equal(mkdir(place->path, 0700), 0);
	assert_int_equal(settings_save(&settings, place->path), -EISDIR);
	assert_int_equal(rmdir(place->path), 0);
	assert_int_equal(rmdir(place->directory), 0); /* nothing is left in it */
	assert_int_equal(mkdir(place->directory, 0700), 0);
	settings_free(&settings);
}

/* Who wonders why their file does nothing under sudo is told; who has none is not. */
static void what_root_passes_over_is_told(void **state)
{
	struct place *place = *state;
	struct settings settings;
	char path[256];

	if (geteuid() != 0)
		return;
	assert_int_equal(settings_init(&settings), 0);
	unsetenv("XDG_CONFIG_HOME");
	setenv("HOME", place->directory, 1);
	setenv("SUDO_UID", "1000", 1);
	place->notices[0] = '\0';
	settings_tell_passed_over(&settings, note, place);
	assert_string_equal(place->notices, "");
	snprintf(path, sizeof(path), "%s/.config", place->directory);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/.config/iotopx", place->directory);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/.config/iotopx/iotopxrc", place->directory);
	assert_int_equal(symlink("/nowhere", path), 0);
	settings_tell_passed_over(&settings, note, place);
	assert_non_null(strstr(place->notices, path));
	assert_non_null(strstr(place->notices, "is ignored: under sudo"));
	/* A directory of another's, without sudo. */
	unsetenv("SUDO_UID");
	place->notices[0] = '\0';
	assert_int_equal(chown(place->directory, 1, 1), 0);
	settings_tell_passed_over(&settings, note, place);
	assert_non_null(strstr(place->notices, "is ignored: others could"));
	assert_int_equal(chown(place->directory, 0, 0), 0);
	/* What is read is not passed over, and neither is anything where a file was named. */
	place->notices[0] = '\0';
	settings_tell_passed_over(&settings, note, place);
	setenv("SUDO_UID", "1000", 1);
	settings.config = strdup("/else/where");
	settings_tell_passed_over(&settings, note, place);
	assert_string_equal(place->notices, "");
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	unsetenv("SUDO_UID");
	settings_free(&settings);
}

static void root_trusts_no_path_of_a_user(void **state)
{
	struct place *place = *state;
	struct settings settings;
	char path[4096], expected[256];

	assert_int_equal(settings_init(&settings), 0);
	unsetenv("SUDO_UID");
	setenv("XDG_CONFIG_HOME", place->directory, 1);
	snprintf(expected, sizeof(expected), "%s/iotopx/iotopxrc", place->directory);
	assert_int_equal(settings_path(&settings, path, sizeof(path)), 0);
	assert_string_equal(path, expected);
	if (geteuid() == 0) {
		setenv("HOME", "/tmp", 1);
		setenv("SUDO_UID", "1000", 1);
		assert_int_equal(settings_path(&settings, path, sizeof(path)), 0);
		assert_string_equal(path, "/root/.config/iotopx/iotopxrc");
		unsetenv("SUDO_UID");
		assert_int_equal(chown(place->directory, 1, 1), 0);
		assert_int_equal(settings_path(&settings, path, sizeof(path)), 0);
		assert_string_equal(path, "/root/.config/iotopx/iotopxrc");
		assert_int_equal(settings_save(&settings, expected), -EPERM);
		assert_int_equal(rmdir(place->directory), 0); /* and nothing was made in it */
		assert_int_equal(mkdir(place->directory, 0700), 0);
		/* A directory of root's in one of a user's is no safer: it can be moved. */
		assert_int_equal(chown(place->directory, 1, 1), 0);
		snprintf(path, sizeof(path), "%s/iotopx", place->directory);
		assert_int_equal(mkdir(path, 0700), 0);
		assert_int_equal(settings_save(&settings, expected), -EPERM);
		assert_int_equal(rmdir(path), 0);
		assert_int_equal(chown(place->directory, 0, 0), 0);
	}
	settings.config = strdup("/else/where");
	assert_int_equal(settings_path(&settings, path, sizeof(path)), 0);
	assert_string_equal(path, "/else/where");
	settings_free(&settings);
	unsetenv("XDG_CONFIG_HOME");
}

/* Whoever sets it to a word means it; only nothing and 0 say no. */
static void environment_of_any_word(void **state)
{
	static const struct {
		const char *value;
		bool read_only;
	} cases[] = { { "1", true },  { "yes", true }, { "true", true }, { "00", true },
		      { "no", true }, { " ", true },   { "0", false },   { "", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct settings settings;

		setenv("IOTOPX_READONLY", cases[i].value, 1);
		accept(&settings, WORDS("-b"));
		assert_int_equal(settings.read_only, cases[i].read_only);
		settings_free(&settings);
	}
	unsetenv("IOTOPX_READONLY");
}

static void environment_cannot_be_undone(void **state)
{
	struct place *place = *state;
	struct settings settings;

	setenv("IOTOPX_READONLY", "1", 1);
	accept(&settings, WORDS("--no-read-only"));
	assert_true(settings.read_only);
	settings_free(&settings);
	load(place, &settings, "read-only = no\n");
	assert_true(settings.read_only);
	settings_free(&settings);
	unsetenv("IOTOPX_READONLY");
	setenv("NO_COLOR", "1", 1);
	accept(&settings, WORDS("-b"));
	assert_true(settings.no_color);
	settings_free(&settings);
	unsetenv("NO_COLOR");
}

/* True if the manual has `word` in bold as roff spells it: dashes are escaped. */
static bool manual_has(const char *manual, const char *word)
{
	char spelled[128];
	size_t used = 0;

	for (; *word && used + 3 < sizeof(spelled); word++) {
		if (*word == '-')
			spelled[used++] = '\\';
		spelled[used++] = *word;
	}
	spelled[used] = '\0';
	for (const char *at = strstr(manual, spelled); at; at = strstr(at + 1, spelled))
		if (strchr(" \n\\,\"]", at[used]) && (at == manual || strchr(" \nB[\"", at[-1])))
			return true;
	return false;
}

static void manual_tells_every_option(void **state)
{
	FILE *file = fopen(TEST_DATA "/../man/iotopx.8", "r");
	char *manual, word[80];
	unsigned missing = 0;

	(void)state;
	assert_non_null(file);
	manual = slurp(file);
	for (size_t i = 0; i < settings_option_count; i++) {
		const struct settings_option *option = &settings_options[i];

		snprintf(word, sizeof(word), "--%s", option->name);
		if (!manual_has(manual, word))
			missing++, print_error("the manual lacks %s\n", word);
		snprintf(word, sizeof(word), "-%c", option->letter);
		if (option->letter && !manual_has(manual, word))
			missing++, print_error("the manual lacks %s\n", word);
		snprintf(word, sizeof(word), "--no-%s", option->name);
		if (option->flags & SETTINGS_PAIR && !manual_has(manual, word))
			missing++, print_error("the manual lacks %s\n", word);
	}
	free(manual);
	assert_int_equal(missing, 0);
}

int main(void)
{
#define AT_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_the_documented_ones),
		cmocka_unit_test(iotops_own_options_work),
		cmocka_unit_test(long_options_work),
		cmocka_unit_test(pairs_undo_each_other),
		cmocka_unit_test(every_column_is_a_sort_key),
		cmocka_unit_test(bad_values_are_named),
		cmocka_unit_test(unknown_keys_list_the_keys),
		cmocka_unit_test(help_names_everything_and_fits),
		cmocka_unit_test(table_is_sound),
		AT_PLACE(file_sets_looks_and_views),
		AT_PLACE(broken_lines_are_told_and_skipped),
		cmocka_unit_test(what_acts_is_never_in_the_file),
		AT_PLACE(bytes_of_any_kind_are_no_settings),
		AT_PLACE(files_of_others_are_refused),
		AT_PLACE(missing_file_is_no_error),
		AT_PLACE(saved_settings_come_back),
		AT_PLACE(odd_filters_are_saved),
		AT_PLACE(defaults_save_as_nothing),
		AT_PLACE(save_fails_without_a_trace),
		AT_PLACE(root_trusts_no_path_of_a_user),
		AT_PLACE(what_root_passes_over_is_told),
		AT_PLACE(environment_cannot_be_undone),
		cmocka_unit_test(environment_of_any_word),
		cmocka_unit_test(manual_tells_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
