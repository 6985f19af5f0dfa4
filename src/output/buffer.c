#include "buffer.h"

#include "iotopx/array.h"
#include "iotopx/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#define ESCAPE_MAX 4 /* bytes of an escape for each that it stands for */

int buffer_put(struct buffer *buffer, const char *bytes, size_t length)
{
	int error = array_reserve(buffer, buffer->count + length + 1);

	if (error < 0)
		return error;
	memcpy(buffer->items + buffer->count, bytes, length);
	buffer->count += length;
	return 0;
}

int buffer_text(struct buffer *buffer, const char *text)
{
	return buffer_put(buffer, text, strlen(text));
}

int buffer_blanks(struct buffer *buffer, size_t count)
{
	int error = array_reserve(buffer, buffer->count + count + 1);

	if (error < 0)
		return error;
	memset(buffer->items + buffer->count, ' ', count);
	buffer->count += count;
	return 0;
}

int buffer_format(struct buffer *buffer, const char *format, ...)
{
	char text[256];
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (length < 0 || (size_t)length >= sizeof(text))
		return -EOVERFLOW;
	return buffer_put(buffer, text, (size_t)length);
}

/* Nearly all text is: it need not be looked at one character at a time. */
static bool is_plain(const char *text, size_t length)
{
	unsigned strange = 0;

	for (size_t i = 0; i < length; i++)
		strange |= text[i] < ' ' || text[i] > '~';
	return !strange;
}

int buffer_sanitized(struct buffer *buffer, const char *text)
{
	size_t length = strlen(text), room = ESCAPE_MAX * length + 1;
	int error = array_reserve(buffer, buffer->count + room);

	if (error < 0)
		return error;
	if (is_plain(text, length)) {
		memcpy(buffer->items + buffer->count, text, length + 1);
		buffer->count += length;
		return 0;
	}
	buffer->count += text_sanitize(buffer->items + buffer->count, room, text, length, TEXT_UTF8);
	return 0;
}

int buffer_write(const struct buffer *buffer, FILE *stream)
{
	errno = 0;
	if (fwrite(buffer->items, 1, buffer->count, stream) != buffer->count)
		return errno ? -errno : -EIO;
	return 0;
}

int stream_flush(FILE *stream)
{
	errno = 0;
	if (fflush(stream) != 0)
		return errno ? -errno : -EIO;
	return 0;
}
