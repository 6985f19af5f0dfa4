/* Preloaded into a program: its Nth allocation fails, and no other; N is in MALLOCFAIL, or in the file that
 * MALLOCFAIL_LEFT names (8 bytes, mapped), where a test puts it while the program runs. Whether it came to that is told
 * by the file that MALLOCFAIL_TOLD names, which is made then. What the C library and libseccomp allocate for themselves
 * is not counted: the one aborts at some (nss_database.c), the other frees twice (seccomp_load), and nobody can help
 * it. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static uint64_t from_start, *left = &from_start;
static struct {
	uintptr_t begin, end;
} spared[2];
static size_t spared_count;

/* The object that __libc_malloc is in, and libseccomp's. */
static int find_libraries(struct dl_phdr_info *info, size_t size, void *data)
{
	uintptr_t begin = UINTPTR_MAX, end = 0, inside = (uintptr_t)__libc_malloc;

	(void)size, (void)data;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		begin = from < begin ? from : begin;
		end = from + info->dlpi_phdr[i].p_memsz > end ? from + info->dlpi_phdr[i].p_memsz : end;
	}
	if (spared_count < sizeof(spared) / sizeof(spared[0]) &&
	    ((inside >= begin && inside < end) || strstr(info->dlpi_name, "libseccomp"))) {
		spared[spared_count].begin = begin;
		spared[spared_count++].end = end;
	}
	return 0;
}

__attribute__((constructor)) static void prepare(void)
{
	const char *number = getenv("MALLOCFAIL"), *path = getenv("MALLOCFAIL_LEFT");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

	dl_iterate_phdr(find_libraries, NULL);
	from_start = number ? strtoull(number, NULL, 10) : 0;
	if (fd < 0)
		return;
	void *map = mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map != MAP_FAILED)
		left = map;
	close(fd);
}

static bool fails(const void *caller)
{
	for (size_t i = 0; i < spared_count; i++)
		if ((uintptr_t)caller >= spared[i].begin && (uintptr_t)caller < spared[i].end)
			return false;
	if (__atomic_load_n(left, __ATOMIC_RELAXED) == 0 || __atomic_sub_fetch(left, 1, __ATOMIC_RELAXED) != 0)
		return false;
	const char *told = getenv("MALLOCFAIL_TOLD");
	int fd = told ? open(told, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd >= 0)
		close(fd);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

/* In the library's place, so that the caller is seen. */
char *strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}
