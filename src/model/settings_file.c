/* The settings file: where it is, who may write it, reading and saving. */
#include "settings_table.h"
#include "iotopx/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_SIZE (SETTINGS_VALUE_SIZE + 64)
#define NOTICE_SIZE 768
#define PATH_QUOTED_SIZE 512 /* of a path on one line: whole, unless it is very long */

static void quote_path(char *to, size_t size, const char *path)
{
	text_sanitize(to, size, path, strlen(path), TEXT_ASCII);
}

/* Root follows a path from the environment only where no one else could have put or moved something: every directory
 * on it that exists belongs to root, and no one else may write in it (or the sticky bit keeps root's things there). */
static bool path_is_roots(const char *path)
{
	char part[4096];
	struct stat status;
	bool nearest = true;
	char *slash;

	if (path[0] != '/' || strlen(path) >= sizeof(part))
		return false;
	snprintf(part, sizeof(part), "%s", path);
	for (; part[0]; *slash = '\0') {
		slash = strrchr(part, '/');
		if (lstat(part, &status) != 0)
			continue;
		if (!S_ISDIR(status.st_mode) || status.st_uid != 0)
			return false;
		if (status.st_mode & (S_IWGRP | S_IWOTH) && (nearest || !(status.st_mode & S_ISVTX)))
			return false;
		nearest = false;
	}
	return true;
}

static bool parent_is_roots(const char *path)
{
	char parent[4096];
	const char *slash = strrchr(path, '/');

	snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - path) : 0, path);
	return path_is_roots(parent);
}

static const char *environment_path(const char *name)
{
	const char *path = getenv(name);

	if (!path || path[0] != '/')
		return NULL;
	if (geteuid() == 0 && (getenv("SUDO_UID") || !path_is_roots(path)))
		return NULL;
	return path;
}

int settings_path(const struct settings *settings, char *path, size_t size)
{
	const char *base = environment_path("XDG_CONFIG_HOME"), *dot = "";
	const struct passwd *user;
	int used;

	if (settings->config) {
		used = snprintf(path, size, "%s", settings->config);
		return used < 0 || (size_t)used >= size ? -ENAMETOOLONG : 0;
	}
	if (!base) {
		base = environment_path("HOME");
		dot = "/.config";
	}
	if (!base) {
		user = getpwuid(geteuid());
		base = user ? user->pw_dir : NULL;
	}
	if (!base)
		return -ENOENT;
	used = snprintf(path, size, "%s%s/iotopx/iotopxrc", base, dot);
	return used < 0 || (size_t)used >= size ? -ENAMETOOLONG : 0;
}

void settings_tell_passed_over(const struct settings *settings, settings_notice *notice, void *data)
{
	static const struct {
		const char *variable, *dot;
	} places[] = { { "XDG_CONFIG_HOME", "" }, { "HOME", "/.config" } };
	char path[4096], used[4096], line[NOTICE_SIZE], quoted[PATH_QUOTED_SIZE];
	struct stat status;

	if (settings_path(settings, used, sizeof(used)) != 0)
		used[0] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places) && !settings->config; i++) {
		const char *base = getenv(places[i].variable);

		if (environment_path(places[i].variable))
			return; /* it is read, and what comes after it is nobody's business */
		if (!base || base[0] != '/' ||
		    (size_t)snprintf(path, sizeof(path), "%s%s/iotopx/iotopxrc", base, places[i].dot) >= sizeof(path) ||
		    strcmp(path, used) == 0 || lstat(path, &status) != 0)
			continue;
		quote_path(quoted, sizeof(quoted), path);
		snprintf(line, sizeof(line), "settings file %s is ignored: %s", quoted,
			 getenv("SUDO_UID") ? "under sudo only root's own is read" : "others could have put it there");
		notice(data, line);
	}
}

/* NULL: it may be trusted. */
static const char *distrust(const struct stat *status)
{
	if (!S_ISREG(status->st_mode))
		return "not a regular file";
	if (status->st_uid != 0 && (geteuid() == 0 || status->st_uid != geteuid()))
		return geteuid() == 0 ? "it does not belong to root" : "it belongs to another user";
	if (status->st_mode & (S_IWGRP | S_IWOTH))
		return "others may write to it";
	return NULL;
}

/* Opens a file that may be trusted; reports a refusal. *file NULL: nothing to read. */
static int open_trusted(const char *path, FILE **file, settings_notice *notice, void *data)
{
	/* O_NONBLOCK: a FIFO must not stop us. A link is followed only for those who harm no one but themselves. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (geteuid() == 0 ? O_NOFOLLOW : 0));
	int error = errno;
	const char *reason = NULL;
	char line[NOTICE_SIZE], quoted[PATH_QUOTED_SIZE];
	struct stat status;

	*file = NULL;
	/* A directory that may not be searched: no one can say that there is a file. */
	if (fd < 0 && (error == ENOENT || error == ENOTDIR || (error == EACCES && stat(path, &status) != 0)))
		return 0;
	if (fd < 0)
		reason = error == ELOOP ? "it is a symbolic link" : strerror(error);
	else if (fstat(fd, &status) != 0)
		reason = strerror(errno);
	else
		reason = distrust(&status);
	if (!reason && (*file = fdopen(fd, "r")) != NULL)
		return 0;
	if (fd >= 0)
		close(fd);
	if (!reason)
		return -ENOMEM;
	quote_path(quoted, sizeof(quoted), path);
	snprintf(line, sizeof(line), "settings file %s is ignored: %s", quoted, reason);
	notice(data, line);
	return fd < 0 ? -error : -EACCES;
}

static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t\r");
	length = strlen(text);
	while (length && strchr(" \t\r\n", text[length - 1]))
		text[--length] = '\0';
	return text;
}

/* One line of the file, "key = value". 0, or -EINVAL with the reason in `why`. */
static int load_line(struct settings *settings, char *line, char *why, size_t why_size)
{
	const struct settings_option *option;
	char *equals = strchr(line, '='), *key, *value, quoted[160];
	char reason[SETTINGS_WHY_SIZE] = "";
	int result;

	key = trim(line);
	if (*key == '\0' || *key == '#')
		return 0;
	if (!equals) {
		snprintf(why, why_size, "must be key = value");
		return -EINVAL;
	}
	*equals = '\0';
	key = trim(line);
	value = trim(equals + 1);
	settings_quote(quoted, sizeof(quoted), key);
	option = settings_find(key, strlen(key));
	if (!option || !(option->flags & SETTINGS_FILE)) {
		snprintf(why, why_size, option ? "%s: command line only" : "unknown key '%s'", quoted);
		return -EINVAL;
	}
	result = settings_set(settings, option, value, reason, sizeof(reason));
	if (result == -EINVAL) {
		char bad[160];

		settings_quote(bad, sizeof(bad), value);
		snprintf(why, why_size, "%s: bad value '%s': %s", option->name, bad, reason);
	}
	return result;
}

/* Reads one line without its end. False at the end of the file; *whole is false if it was too long or held a NUL. */
static bool read_line(FILE *file, char *line, size_t size, bool *whole)
{
	size_t used = 0;
	int c;

	*whole = true;
	while ((c = getc(file)) != EOF && c != '\n') {
		if (used + 1 >= size || c == '\0')
			*whole = false;
		else
			line[used++] = (char)c;
	}
	line[used] = '\0';
	return c != EOF || used > 0 || !*whole;
}

int settings_load(struct settings *settings, const char *path, settings_notice *notice, void *data)
{
	char line[LINE_SIZE], why[SETTINGS_WHY_SIZE + 400], text[sizeof(why) + PATH_QUOTED_SIZE + 32],
	    quoted[PATH_QUOTED_SIZE];
	FILE *file;
	int result = open_trusted(path, &file, notice, data);
	bool whole;

	if (!file)
		return result;
	quote_path(quoted, sizeof(quoted), path);
	for (unsigned number = 1; result == 0 && read_line(file, line, sizeof(line), &whole); number++) {
		if (whole)
			result = load_line(settings, line, why, sizeof(why));
		else
			result = -EINVAL, snprintf(why, sizeof(why), "too long, or not text");
		if (result != -EINVAL)
			continue;
		result = 0;
		snprintf(text, sizeof(text), "%s:%u: %s (skipped)", quoted, number, why);
		notice(data, text);
	}
	if (result == 0 && ferror(file))
		result = -EIO;
	fclose(file);
	settings->interval_given = false;
	settings->columns_given = false; /* a matter of the command line: what programs read does not follow looks */
	settings_apply_environment(settings);
	return result;
}

/* Creates the directories above `path` where they are missing. */
static int make_parents(const char *path)
{
	char part[4096];

	if (strlen(path) >= sizeof(part))
		return -ENAMETOOLONG;
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* Would it be the same when read again? Ends are trimmed, which blanks survive: they mean nothing there. */
static bool fits_line(const char *value)
{
	size_t length = strlen(value);

	return !strchr(value, '\n') && value[0] != '\r' && (length == 0 || value[length - 1] != '\r');
}

static void write_differences(FILE *file, const struct settings *settings, const struct settings *defaults)
{
	char value[SETTINGS_VALUE_SIZE], usual[SETTINGS_VALUE_SIZE];

	fputs("# Settings of iotopx: key = value. Options on the command line win.\n", file);
	for (size_t i = 0; i < settings_option_count; i++) {
		const struct settings_option *option = &settings_options[i];

		if (!(option->flags & SETTINGS_FILE))
			continue;
		settings_format(settings, option, value, sizeof(value));
		settings_format(defaults, option, usual, sizeof(usual));
		if (strcmp(value, usual) == 0 || !fits_line(value))
			continue;
		fprintf(file, "\n# %s\n# (default: %s)\n%s = %s\n", option->help, *usual ? usual : "none", option->name,
			value);
	}
}

static int write_file(int fd, const struct settings *settings)
{
	FILE *file = fdopen(fd, "w");
	struct settings defaults;
	int result;

	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	result = settings_init(&defaults);
	if (result == 0) {
		write_differences(file, settings, &defaults);
		settings_free(&defaults);
	}
	if (result == 0 && (fflush(file) != 0 || fsync(fd) != 0))
		result = errno ? -errno : -EIO;
	if (fclose(file) != 0 && result == 0)
		result = -errno;
	return result;
}

int settings_save(const struct settings *settings, const char *path)
{
	char temporary[4096];
	int used = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path), result, fd;

	if (used < 0 || (size_t)used >= sizeof(temporary))
		return -ENAMETOOLONG;
	if (geteuid() == 0 && !settings->config && !parent_is_roots(path))
		return -EPERM;
	result = make_parents(path);
	if (result != 0)
		return result;
	fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return -errno;
	result = write_file(fd, settings);
	if (result == 0 && rename(temporary, path) != 0)
		result = -errno;
	if (result != 0)
		unlink(temporary);
	return result;
}
