#include "output.h"
#include "front.h"
#include "obstacle.h"
#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool same_file(const char *one, const char *other)
{
	struct stat a, b;

	if (stat(one, &a) != 0 || stat(other, &b) != 0)
		return strcmp(one, other) == 0;
	return S_ISREG(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Output would destroy it. */
static bool is_recording(const struct settings *settings)
{
	const char *const recordings[] = { settings->replay, settings->record };

	for (size_t i = 0; i < sizeof(recordings) / sizeof(*recordings); i++)
		if (recordings[i] && same_file(settings->output, recordings[i]))
			return true;
	return false;
}

int output_open(const struct settings *settings, bool stdout_closed, int *fd)
{
	int result = 0;

	if (!settings->output && stdout_closed) {
		complain("standard output: it is closed");
		return -EBADF;
	}
	*fd = STDOUT_FILENO;
	if (!settings->output)
		return 0;
	*fd = -1;
	if (is_recording(settings)) {
		complain("--output %.200s: it is the recording", settings->output);
		return -EEXIST;
	}
	if (settings->format == FORMAT_OPENMETRICS && replace_is_possible(settings->output))
		return 0;
	*fd = open(settings->output, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	if (*fd >= 0)
		return 0;
	result = -errno;
	complain("--output %.200s: %s%s", settings->output, strerror(-result), obstacle_hint(result, settings->output));
	return result;
}

int output_check(const struct settings *settings)
{
	int result = replace_check(settings->output);

	if (result != 0)
		complain("--output %.200s: %s%s", settings->output, strerror(-result),
			 permission_hint(result, settings->output));
	return result;
}

int output_empty(const struct settings *settings, int fd)
{
	struct stat status;

	if (!settings->output || fd < 0)
		return 0;
	if (is_recording(settings)) /* two names of one file, that neither of both was before */
		return -EEXIST;
	if (fstat(fd, &status) != 0)
		return -errno;
	return S_ISREG(status.st_mode) && ftruncate(fd, 0) != 0 ? -errno : 0;
}

void output_complain(const struct settings *settings, int error)
{
	if (settings->output)
		complain("--output %.200s: %s", settings->output, strerror(-error));
	else
		complain("standard output: %s", strerror(-error));
}
