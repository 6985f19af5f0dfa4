/* Reading the kernel's text files by hand: no locale, no allocation, numbers of any length. Private to this room. */
#ifndef IOTOPX_SCAN_H
#define IOTOPX_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each advances *at over what it took, and leaves it where it is if that is not there. */
bool scan_word(const char **at, const char *word);  /* exactly this text */
bool scan_number(const char **at, uint64_t *value); /* blanks, then digits; UINT64_MAX on overflow */
bool scan_decimal(const char **at, double *value);  /* digits with an optional fraction */
void scan_line(const char **at);                    /* to the beginning of the next line */

/* Blanks, then what is none: its length, 0 if there is none on this line. */
size_t scan_token(const char **at, const char **token);

/* The kernel writes blanks, tabs, newlines and backslashes in names as \ooo. The plain name, owned by the caller; NULL
 * on ENOMEM. */
char *scan_unescape(const char *text, size_t length);

/* The file from its beginning, NUL-terminated, into *buffer, which is grown as need be and stays the caller's. Stops
 * after `enough` bytes; 0: all of it. 0 or -errno. */
int scan_fd(int fd, size_t enough, char **buffer, size_t *capacity);
int scan_file(int directory_fd, const char *path, char **buffer, size_t *capacity);

/* The rest of the line that begins with `key`, or NULL. */
const char *scan_find(const char *text, const char *key);

#endif
