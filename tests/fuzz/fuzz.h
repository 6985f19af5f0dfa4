/* What the fuzz targets share. Each target takes any bytes and requires more of a module than that it survives. */
#ifndef IOTOPX_TESTS_FUZZ_H
#define IOTOPX_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry: 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(what) ((what) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #what))
_Noreturn void fuzz_fail(const char *file, int line, const char *what);

/* Memory that ends where the bytes end, so that a byte too many is seen. Never NULL; freed by the caller. */
void *fuzz_copy(const void *data, size_t size);
char *fuzz_copy_text(const void *data, size_t size); /* with a NUL behind them */
/* Two texts: what stands before a line "==" and after it; both are all of it where there is none. */
void fuzz_copy_two(const uint8_t *data, size_t size, char **before, char **after);

/* The input taken apart. Where it is at its end, everything is 0 and "". */
struct bytes {
	const uint8_t *at;
	size_t left;
};
uint8_t bytes_take(struct bytes *bytes);
uint64_t bytes_take_number(struct bytes *bytes);      /* a byte says how many follow, or which of the odd ones */
char *bytes_take_text(struct bytes *bytes, char end); /* up to `end`, or all; freed by the caller */

/* What may reach a terminal or a file for people, told without the module that makes it so: valid UTF-8 without
 * controls of either set, marks of direction, or characters without a width of their own but combining ones. */
bool fuzz_is_clean(const char *text, size_t length);

/* A directory in memory that goes with the process, and a file of it that holds the bytes, and no others. */
const char *fuzz_directory(void);
void fuzz_make_parents(const char *path);
void fuzz_write(const char *path, const void *data, size_t size);

#endif
