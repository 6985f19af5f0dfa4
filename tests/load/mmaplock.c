/* mmaplock FILE: a process whose memory map stays locked. FILE lies on a filesystem that the test freezes before it
 * says go: one thread's write fault waits for the thaw, and another one that changes the same mapping waits for the
 * first while it holds the lock. Whoever reads /proc/PID/cmdline then hangs too. */
#include "load.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void *touch(void *map)
{
	*(volatile char *)map = 1;
	return NULL;
}

static void *protect(void *map)
{
	mprotect(map, 4096, PROT_READ);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t toucher, protector;
	int fd = argc == 2 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd < 0 || ftruncate(fd, 4096)) {
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return 2;
	}
	void *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		die("mmap");
	ready();
	if (pthread_create(&toucher, NULL, touch, map))
		die("pthread_create");
	sleep_ms(200);
	if (pthread_create(&protector, NULL, protect, map))
		die("pthread_create");
	pthread_join(toucher, NULL);
	pthread_join(protector, NULL);
	return 0;
}
