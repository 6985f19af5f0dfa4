#include "scarce.h"

#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);

static size_t before, dry; /* allocations that succeed first, and that fail then */
static bool failed;

void scarce_begin_drought(size_t nth, size_t length)
{
	before = nth ? nth - 1 : 0;
	dry = nth ? length : 0;
	failed = false;
}

void scarce_begin(size_t nth)
{
	scarce_begin_drought(nth, 1);
}

bool scarce_end(void)
{
	dry = 0;
	return failed;
}

static bool fails(void)
{
	if (dry == 0)
		return false;
	if (before > 0) {
		before--;
		return false;
	}
	dry--;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strndup(const char *text, size_t size)
{
	size_t length = strnlen(text, size);
	char *copy = __wrap_malloc(length + 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *__wrap_strdup(const char *text)
{
	return __wrap_strndup(text, strlen(text));
}

void *scarce_malloc(size_t size)
{
	return __wrap_malloc(size);
}

void *scarce_realloc(void *old, size_t size)
{
	return __wrap_realloc(old, size);
}
