/* Cells of a character, from a table of our own: the C library's wcwidth depends on the locale. */
#include "iotopx/text.h"

#include <stdint.h>

#include "text_width_table.h"

int text_code_width(unsigned code)
{
	static const signed char widths[] = { 1, 2, 0, -1 };
	size_t low = 0;
	size_t high = sizeof(width_changes) / sizeof(*width_changes);

	if (code >= 0x20 && code < 0x7f)
		return 1;
	if (code > 0x10ffff)
		return -1;
	/* The last entry that begins at or before the code; the first one begins at 0. */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (width_changes[middle] >> 2 <= code)
			low = middle;
		else
			high = middle;
	}
	return widths[width_changes[low] & 3];
}
