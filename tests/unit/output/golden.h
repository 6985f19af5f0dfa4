/* Compares output with a file below tests/golden. UPDATE_GOLDEN=1 writes the file anew: read the difference before
 * committing it. */
#ifndef IOTOPX_TESTS_GOLDEN_H
#define IOTOPX_TESTS_GOLDEN_H

void golden_check(const char *name, const char *printed);

#endif
