/* Preloaded into a program: its look-ups of user names hang, as on a machine whose directory server is gone. */
#include <pwd.h>
#include <unistd.h>

int getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size, struct passwd **result)
{
	(void)uid;
	(void)entry;
	(void)buffer;
	(void)size;
	*result = NULL;
	for (;;)
		pause();
}

struct passwd *getpwuid(uid_t uid)
{
	(void)uid;
	for (;;)
		pause();
}
