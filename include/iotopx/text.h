/* Text that came from outside, made safe to show, and fitted into terminal cells.
 *
 * Every function takes bytes of any kind: invalid UTF-8, control characters, any length.
 * Widths are terminal cells (wide characters 2, combining 0). None of them allocates.
 */
#ifndef IOTOPX_TEXT_H
#define IOTOPX_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* What the output can show. Set once at start from the locale and the options. */
enum text_charset { TEXT_UTF8, TEXT_ASCII };

enum text_fit {
	TEXT_CUT_END,    /* keep the beginning */
	TEXT_CUT_MIDDLE, /* keep both ends, with an ellipsis between (… or ..) */
};

/* Writes `source` as valid, printable text: controls (C0, DEL, C1 in both encodings), bidi controls,
 * zero-width and format characters, blanks other than U+0020 and invalid bytes become visible escapes (\n as `\n`,
 * others as `\x1b`, `\u202e`); at most two combining marks stay on one character. In TEXT_ASCII everything above 0x7e is escaped.
 * Always NUL-terminated; never cuts a character or an escape. Returns bytes written without the NUL. */
size_t text_sanitize(char *to, size_t size, const char *source, size_t length, enum text_charset charset);

/* True if both say the same, or both are NULL. Raw bytes, not sanitised. */
bool text_same(const char *one, const char *other);

/* Cells that sanitised text takes. */
size_t text_width(const char *text);

/* Writes exactly `cells` cells of `text` (sanitised), cut or padded with blanks; right-aligned if asked.
 * Returns bytes written without the NUL. A wide character that would stick out becomes a blank. */
size_t text_fit(char *to, size_t size, const char *text, size_t cells, enum text_fit how, bool right_align,
		enum text_charset charset);

/* Decodes one character at `text` of `length` bytes into *code; returns its bytes, 0 if invalid or cut. */
size_t text_decode(const char *text, size_t length, unsigned *code);

/* Cells of one code point: 0, 1 or 2; -1 for one that must never reach a terminal. */
int text_code_width(unsigned code);

#endif
