/* Preloaded into a program: its CLOCK_REALTIME and CLOCK_BOOTTIME are ahead of the kernel's by the two numbers of
 * nanoseconds (int64_t each) in the file CLOCKS, which may be written at any moment. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead; /* of the wall clock, of the time since boot */
static int (*next)(clockid_t, struct timespec *);

__attribute__((constructor)) static void map_clocks(void)
{
	const char *path = getenv("CLOCKS");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *mapped = fd >= 0 ? mmap(NULL, 2 * sizeof(*ahead), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

	if (mapped == MAP_FAILED)
		abort();
	close(fd);
	next = (__extension__(int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime"));
	ahead = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int64_t add = 0;
	int result;

	if (!next)
		next = (__extension__(int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime"));
	result = next(clock, now);
	if (ahead && clock == CLOCK_REALTIME)
		add = ahead[0];
	else if (ahead && clock == CLOCK_BOOTTIME)
		add = ahead[1];
	add += now->tv_nsec;
	now->tv_sec += add / 1000000000 - (add % 1000000000 < 0);
	now->tv_nsec = add % 1000000000 + (add % 1000000000 < 0 ? 1000000000 : 0);
	return result;
}
