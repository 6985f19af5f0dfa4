/* Reads a recording as a replay does, whatever is in it: for the targets that make files. `choice` says
 * how it is gone through. */
#ifndef IOTOPX_TESTS_FUZZ_READ_H
#define IOTOPX_TESTS_FUZZ_READ_H

void fuzz_read_recording(const char *path, unsigned choice);

#endif
