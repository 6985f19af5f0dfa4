#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Noreturn void fuzz_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: required: %s\n", file, line, what);
	abort();
}

void *fuzz_copy(const void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	REQUIRE(copy);
	if (size)
		memcpy(copy, data, size);
	return copy;
}

char *fuzz_copy_text(const void *data, size_t size)
{
	char *copy = malloc(size + 1);

	REQUIRE(copy);
	if (size)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

void fuzz_copy_two(const uint8_t *data, size_t size, char **before, char **after)
{
	static const char between[] = "\n==\n";
	const uint8_t *found = memmem(data, size, between, strlen(between));
	const size_t length = found ? (size_t)(found - data) + 1 : size;
	const size_t rest = found ? length + strlen(between) - 1 : 0;

	*before = fuzz_copy_text(data, length);
	*after = fuzz_copy_text(data + rest, size - rest);
}

uint8_t bytes_take(struct bytes *bytes)
{
	if (bytes->left == 0)
		return 0;
	bytes->left--;
	return *bytes->at++;
}

uint64_t bytes_take_number(struct bytes *bytes)
{
	static const uint64_t odd[] = { 1023,
					1024,
					INT32_MAX,
					UINT32_MAX,
					(uint64_t)UINT32_MAX + 1,
					INT64_MAX,
					(uint64_t)1 << 63,
					UINT64_MAX - 1,
					UINT64_MAX,
					999999999,
					1000000000 };
	const size_t odd_count = sizeof(odd) / sizeof(odd[0]);
	const uint8_t kind = bytes_take(bytes);
	uint64_t number = 0;

	if (kind >= 256 - odd_count)
		return odd[kind - (256 - odd_count)];
	for (int i = 0; i < kind % 9; i++)
		number = number << 8 | bytes_take(bytes);
	return number;
}

char *bytes_take_text(struct bytes *bytes, char end)
{
	const uint8_t *found = bytes->left ? memchr(bytes->at, (unsigned char)end, bytes->left) : NULL;
	const size_t length = found ? (size_t)(found - bytes->at) : bytes->left;
	char *text = fuzz_copy_text(bytes->at, length);

	bytes->at += length + (found != NULL);
	bytes->left -= length + (found != NULL);
	return text;
}

/* One character; 0 bytes: it is none. */
static size_t decode(const unsigned char *at, size_t left, unsigned *code)
{
	static const struct {
		unsigned char mask, lead;
		unsigned least;
	} forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };

	for (size_t extra = 0; extra < 4; extra++) {
		unsigned value = at[0] & (unsigned char)~forms[extra].mask;

		if ((at[0] & forms[extra].mask) != forms[extra].lead)
			continue;
		if (extra >= left)
			return 0;
		for (size_t i = 1; i <= extra; i++) {
			if ((at[i] & 0xc0) != 0x80)
				return 0;
			value = value << 6 | (at[i] & 0x3fu);
		}
		if (value < forms[extra].least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
			return 0;
		*code = value;
		return extra + 1;
	}
	return 0;
}

bool fuzz_is_clean(const char *text, size_t length)
{
	/* Unicode's controls, marks of direction, separators of lines, zero width, blanks, and what is no character. */
	static const unsigned banned[][2] = { { 0x00, 0x1f },     { 0x7f, 0xa0 },     { 0xad, 0xad },
					      { 0x61c, 0x61c },   { 0x115f, 0x1160 }, { 0x1680, 0x1680 },
					      { 0x180e, 0x180e }, { 0x2000, 0x200f }, { 0x2028, 0x202f },
					      { 0x205f, 0x206f }, { 0x2800, 0x2800 }, { 0x3000, 0x3000 },
					      { 0x3164, 0x3164 }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 },
					      { 0xfff9, 0xfffb }, { 0xfffe, 0xffff }, { 0xe0000, 0xe007f } };
	unsigned code = 0;

	for (size_t at = 0, taken; at < length; at += taken) {
		taken = decode((const unsigned char *)text + at, length - at, &code);
		if (taken == 0)
			return false;
		for (size_t i = 0; i < sizeof(banned) / sizeof(banned[0]); i++)
			if (code >= banned[i][0] && code <= banned[i][1])
				return false;
	}
	return true;
}

static char directory[64];
static pid_t owner;

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status, (void)kind, (void)walk;
	return remove(path);
}

static void remove_directory(void)
{
	if (getpid() == owner)
		nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_directory(void)
{
	if (directory[0])
		return directory;
	snprintf(directory, sizeof(directory), "%s/iotopx-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	REQUIRE(mkdtemp(directory));
	owner = getpid();
	atexit(remove_directory);
	return directory;
}

void fuzz_make_parents(const char *path)
{
	char part[512];

	REQUIRE(strlen(path) < sizeof(part));
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		REQUIRE(mkdir(part, 0700) == 0 || errno == EEXIST);
	}
}

void fuzz_write(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	REQUIRE(fd >= 0);
	for (size_t at = 0; at < size;) {
		ssize_t written = write(fd, (const char *)data + at, size - at);

		REQUIRE(written > 0);
		at += (size_t)written;
	}
	close(fd);
}
