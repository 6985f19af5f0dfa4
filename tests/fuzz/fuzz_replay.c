/* replay.h: a file of any bytes as a recording, read through, as recorded and in parts. What SQLite makes of it is
 * SQLite's; that iotopx gets along with whatever it makes of it is tried here. */
#include "fuzz_read.h"

#include "fuzz.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/recording", fuzz_directory());
	fuzz_write(path, data, size);
	fuzz_read_recording(path, (unsigned)size);
	return 0;
}
