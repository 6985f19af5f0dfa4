/* A growing piece of output, private to this room: writers gather a line or a document here and write it at once. */
#ifndef IOTOPX_OUTPUT_BUFFER_H
#define IOTOPX_OUTPUT_BUFFER_H

#include <stddef.h>
#include <stdio.h>

/* An array of array.h; a zeroed one is empty, the owner frees `items`. */
struct buffer {
	char *items;
	size_t count, capacity;
};

/* Each 0 or -ENOMEM, the buffer unchanged. There is always room for a NUL behind. */
int buffer_put(struct buffer *buffer, const char *bytes, size_t length);
int buffer_text(struct buffer *buffer, const char *text);
int buffer_blanks(struct buffer *buffer, size_t count);
int buffer_format(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text from outside as text_sanitize shows it, in UTF-8; ends with a NUL that does not count. */
int buffer_sanitized(struct buffer *buffer, const char *text);

/* Writes it all to the stream. 0 or -errno. */
int buffer_write(const struct buffer *buffer, FILE *stream);
int stream_flush(FILE *stream); /* 0 or -errno */

#endif
