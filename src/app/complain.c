#include "front.h"
#include "obstacle.h"

#include "iotopx/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void complain(const char *format, ...)
{
	/* Names of files are in it, and what a damaged file had SQLite say: any bytes. */
	char line[1024], clean[2048];
	va_list list;

	va_start(list, format);
	vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	text_sanitize(clean, sizeof(clean), line, strlen(line), MB_CUR_MAX > 1 ? TEXT_UTF8 : TEXT_ASCII);
	fprintf(stderr, "iotopx: %s\n", clean);
}

void complain_failed(const char *what, int error)
{
	complain("%s%s%s", what ? what : "", what ? ": " : "", strerror(-error));
}

void complain_of_notice(char **told, const char *notice)
{
	if (notice && *told && strcmp(*told, notice) == 0)
		return;
	if (notice)
		complain("%s", notice);
	free(*told);
	*told = notice ? strdup(notice) : NULL;
}

/* What root could do before it gave up CAP_DAC_OVERRIDE, and is expected to be able to. */
const char *permission_hint(int error, const char *path)
{
	return error == -EACCES && geteuid() == 0
		   ? ": iotopx gives up root's right to write where others are the owners (CAP_DAC_OVERRIDE)"
		   : obstacle_hint(error, path);
}
