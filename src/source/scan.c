#include "scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

bool scan_word(const char **at, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(*at, word, length) != 0)
		return false;
	*at += length;
	return true;
}

bool scan_number(const char **at, uint64_t *value)
{
	const char *digit = skip_blanks(*at);
	uint64_t number = 0;

	if (!is_digit(*digit))
		return false;
	for (; is_digit(*digit); digit++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*digit - '0'), &number))
			number = UINT64_MAX;
	*at = digit;
	*value = number;
	return true;
}

bool scan_decimal(const char **at, double *value)
{
	const char *digit = *at;
	double number = 0, scale = 1;

	if (!is_digit(*digit))
		return false;
	for (; is_digit(*digit); digit++)
		number = number * 10 + (*digit - '0');
	if (*digit == '.')
		for (digit++; is_digit(*digit); digit++) {
			number = number * 10 + (*digit - '0');
			scale *= 10;
		}
	*at = digit;
	*value = number / scale;
	return true;
}

size_t scan_token(const char **at, const char **token)
{
	const char *start = skip_blanks(*at);
	size_t length = strcspn(start, " \t\n");

	if (length == 0)
		return 0;
	*token = start;
	*at = start + length;
	return length;
}

void scan_line(const char **at)
{
	const char *end = strchr(*at, '\n');

	*at = end ? end + 1 : *at + strlen(*at);
}

const char *scan_find(const char *text, const char *key)
{
	while (*text) {
		if (scan_word(&text, key))
			return text;
		scan_line(&text);
	}
	return NULL;
}

char *scan_unescape(const char *text, size_t length)
{
	char *to = malloc(length + 1);
	size_t written = 0;

	if (!to)
		return NULL;
	for (size_t i = 0; i < length; i++) {
		const char *c = text + i;

		if (*c == '\\' && i + 3 < length && c[1] >= '0' && c[1] <= '3' && c[2] >= '0' && c[2] <= '7' &&
		    c[3] >= '0' && c[3] <= '7') {
			to[written++] = (char)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0'));
			i += 3;
		} else {
			to[written++] = *c;
		}
	}
	to[written] = '\0';
	return to;
}

#define FILE_START 4096

int scan_fd(int fd, size_t enough, char **buffer, size_t *capacity)
{
	size_t length = 0, room;

	for (;;) {
		ssize_t got;

		if (length + 1 >= *capacity) {
			size_t grown = *capacity ? *capacity * 2 : FILE_START;
			char *moved = realloc(*buffer, grown);

			if (!moved)
				return -ENOMEM;
			*buffer = moved;
			*capacity = grown;
		}
		room = *capacity - length - 1;
		if (enough && room > enough - length)
			room = enough - length;
		got = pread(fd, *buffer + length, room, (off_t)length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		length += (size_t)got;
		(*buffer)[length] = '\0';
		if (got == 0 || (enough && length >= enough))
			return 0;
	}
}

int scan_file(int directory_fd, const char *path, char **buffer, size_t *capacity)
{
	int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	error = scan_fd(fd, 0, buffer, capacity);
	close(fd);
	return error;
}
