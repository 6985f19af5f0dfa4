#include "iotopx/text.h"

#include <stdio.h>
#include <string.h>

/* More than this on one character is no writing, but an attempt to scribble over the rows around. */
#define MARKS_MAX 2

/* A growing string in the caller's buffer. What no longer fits is left out whole, and so is all that follows. */
struct output {
	char *to;
	size_t size;
	size_t used;
	bool full;
};

static void put(struct output *output, const char *bytes, size_t length)
{
	if (output->full)
		return;
	if (output->used + length >= output->size) {
		output->full = true;
		return;
	}
	memcpy(output->to + output->used, bytes, length);
	output->used += length;
}

static void put_blanks(struct output *output, size_t count)
{
	while (count-- > 0 && !output->full)
		put(output, " ", 1);
}

static size_t finish(struct output *output)
{
	if (output->size > 0)
		output->to[output->used] = '\0';
	return output->used;
}

size_t text_decode(const char *text, size_t length, unsigned *code)
{
	static const unsigned smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned first, value;
	size_t bytes;

	if (length == 0)
		return 0;
	first = (unsigned char)text[0];
	if (first < 0x80) {
		*code = first;
		return 1;
	}
	if (first >= 0xc2 && first < 0xe0)
		bytes = 2;
	else if (first >= 0xe0 && first < 0xf0)
		bytes = 3;
	else if (first >= 0xf0 && first < 0xf5)
		bytes = 4;
	else
		return 0;
	if (bytes > length)
		return 0;
	value = first & (0x7fu >> bytes);
	for (size_t i = 1; i < bytes; i++) {
		unsigned next = (unsigned char)text[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (next & 0x3f);
	}
	/* Overlong forms and surrogates are not UTF-8: some terminal would decode them into a control. */
	if (value < smallest[bytes] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return 0;
	*code = value;
	return bytes;
}

static void put_escape(struct output *output, unsigned code, bool is_byte)
{
	char escape[16];
	int length;

	if (code == '\n')
		length = snprintf(escape, sizeof(escape), "\\n");
	else if (code == '\t')
		length = snprintf(escape, sizeof(escape), "\\t");
	else if (code == '\r')
		length = snprintf(escape, sizeof(escape), "\\r");
	else if (is_byte || code < 0x80)
		length = snprintf(escape, sizeof(escape), "\\x%02x", code);
	else if (code < 0x10000)
		length = snprintf(escape, sizeof(escape), "\\u%04x", code);
	else
		length = snprintf(escape, sizeof(escape), "\\U%08x", code);
	put(output, escape, (size_t)length);
}

size_t text_sanitize(char *to, size_t size, const char *source, size_t length, enum text_charset charset)
{
	struct output output = { .to = to, .size = size };
	/* A mark without a character of this text before it would sit on whatever stands left of the text. */
	int marks = MARKS_MAX;

	for (size_t at = 0; at < length && !output.full;) {
		unsigned code = 0;
		size_t bytes = text_decode(source + at, length - at, &code);
		int width = bytes > 0 ? text_code_width(code) : -1;

		if (bytes == 0) {
			put_escape(&output, (unsigned char)source[at], true);
			marks = MARKS_MAX;
			at++;
			continue;
		}
		if (width < 0 || (charset == TEXT_ASCII && code > 0x7e) || (width == 0 && marks >= MARKS_MAX)) {
			put_escape(&output, code, false);
			marks = MARKS_MAX;
		} else {
			put(&output, source + at, bytes);
			marks = width == 0 ? marks + 1 : 0;
		}
		at += bytes;
	}
	return finish(&output);
}

/* One character of a text that should be sanitised already; what is not safe after all is shown as `?`. */
struct glyph {
	const char *bytes;
	size_t length; /* of `bytes` */
	size_t taken;  /* of the text */
	size_t width;
};

static struct glyph next_glyph(const char *text, size_t length, enum text_charset charset)
{
	struct glyph glyph = { .bytes = "?", .length = 1, .taken = 1, .width = 1 };
	unsigned code = 0;
	size_t bytes = text_decode(text, length, &code);
	int width;

	if (bytes == 0)
		return glyph;
	glyph.taken = bytes;
	width = text_code_width(code);
	if (width < 0)
		return glyph;
	glyph.width = (size_t)width;
	/* A `?` for each cell keeps the text's width the same in both character sets. */
	if (charset == TEXT_ASCII && code > 0x7e) {
		glyph.bytes = "??";
		glyph.length = glyph.width;
		return glyph;
	}
	glyph.bytes = text;
	glyph.length = bytes;
	return glyph;
}

size_t text_width(const char *text)
{
	size_t length = strlen(text);
	size_t width = 0;

	for (size_t at = 0; at < length;) {
		struct glyph glyph = next_glyph(text + at, length - at, TEXT_UTF8);

		width += glyph.width;
		at += glyph.taken;
	}
	return width;
}

/* The beginning of the text in exactly `cells` cells; the text is at least that wide. */
static void put_head(struct output *output, const char *text, size_t length, size_t cells, enum text_charset charset)
{
	size_t used = 0;

	for (size_t at = 0; at < length;) {
		struct glyph glyph = next_glyph(text + at, length - at, charset);

		if (used + glyph.width > cells)
			break;
		put(output, glyph.bytes, glyph.length);
		used += glyph.width;
		at += glyph.taken;
	}
	put_blanks(output, cells - used);
}

/* The end of the text in exactly `cells` cells. */
static void put_tail(struct output *output, const char *text, size_t length, size_t cells, size_t width,
		     enum text_charset charset)
{
	size_t skipped = 0;
	size_t at = 0;

	/* Past what is cut off, with the marks that sit on the last character of it. */
	while (at < length) {
		struct glyph glyph = next_glyph(text + at, length - at, charset);

		if (width - skipped <= cells && glyph.width > 0)
			break;
		skipped += glyph.width;
		at += glyph.taken;
	}
	put_blanks(output, cells - (width - skipped));
	put_head(output, text + at, length - at, width - skipped, charset);
}

size_t text_fit(char *to, size_t size, const char *text, size_t cells, enum text_fit how, bool right_align,
		enum text_charset charset)
{
	struct output output = { .to = to, .size = size };
	const char *ellipsis = charset == TEXT_UTF8 ? "\xe2\x80\xa6" : "..";
	size_t ellipsis_width = charset == TEXT_UTF8 ? 1 : 2;
	size_t length = strlen(text);
	size_t width = text_width(text);

	if (width <= cells) {
		if (right_align)
			put_blanks(&output, cells - width);
		put_head(&output, text, length, width, charset);
		if (!right_align)
			put_blanks(&output, cells - width);
	} else if (how == TEXT_CUT_MIDDLE && cells >= ellipsis_width + 2) {
		size_t tail = (cells - ellipsis_width) / 2;

		put_head(&output, text, length, cells - ellipsis_width - tail, charset);
		put(&output, ellipsis, strlen(ellipsis));
		put_tail(&output, text, length, tail, width, charset);
	} else {
		put_head(&output, text, length, cells, charset);
	}
	return finish(&output);
}

bool text_same(const char *one, const char *other)
{
	return one == other || (one && other && strcmp(one, other) == 0);
}
