#include "prompt.h"

#include <stdio.h>
#include <string.h>

void prompt_set(struct prompt *prompt, const char *text)
{
	size_t length = strlen(text);

	if (length >= sizeof(prompt->text)) {
		length = sizeof(prompt->text) - 1;
		while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
			length--;
	}
	memmove(prompt->text, text, length);
	prompt->text[length] = '\0';
	prompt->length = prompt->cursor = length;
}

static size_t encode(unsigned code, char *to)
{
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xc0 | (code >> 6));
		to[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		to[0] = (char)(0xe0 | (code >> 12));
		to[1] = (char)(0x80 | ((code >> 6) & 0x3f));
		to[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | (code >> 18));
	to[1] = (char)(0x80 | ((code >> 12) & 0x3f));
	to[2] = (char)(0x80 | ((code >> 6) & 0x3f));
	to[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

bool prompt_insert(struct prompt *prompt, unsigned code)
{
	char bytes[4];
	size_t length;

	if (code < 0x20 || code > 0x10ffff || text_code_width(code) < 0)
		return false;
	length = encode(code, bytes);
	if (prompt->length + length >= sizeof(prompt->text))
		return false;
	memmove(prompt->text + prompt->cursor + length, prompt->text + prompt->cursor,
		prompt->length - prompt->cursor + 1);
	memcpy(prompt->text + prompt->cursor, bytes, length);
	prompt->length += length;
	prompt->cursor += length;
	return true;
}

static size_t before(const struct prompt *prompt, size_t at)
{
	if (at)
		at--;
	while (at && ((unsigned char)prompt->text[at] & 0xc0) == 0x80)
		at--;
	return at;
}

static size_t after(const struct prompt *prompt, size_t at)
{
	if (at < prompt->length)
		at++;
	while (at < prompt->length && ((unsigned char)prompt->text[at] & 0xc0) == 0x80)
		at++;
	return at;
}

static bool cut(struct prompt *prompt, size_t from, size_t to)
{
	if (from >= to)
		return false;
	memmove(prompt->text + from, prompt->text + to, prompt->length - to + 1);
	prompt->length -= to - from;
	prompt->cursor = from;
	return true;
}

bool prompt_backspace(struct prompt *prompt)
{
	return cut(prompt, before(prompt, prompt->cursor), prompt->cursor);
}

bool prompt_delete(struct prompt *prompt)
{
	return cut(prompt, prompt->cursor, after(prompt, prompt->cursor));
}

bool prompt_delete_word(struct prompt *prompt)
{
	size_t from = prompt->cursor;

	while (from && prompt->text[from - 1] == ' ')
		from--;
	while (from && prompt->text[from - 1] != ' ')
		from--;
	return cut(prompt, from, prompt->cursor);
}

bool prompt_delete_left(struct prompt *prompt)
{
	return cut(prompt, 0, prompt->cursor);
}

bool prompt_delete_right(struct prompt *prompt)
{
	return cut(prompt, prompt->cursor, prompt->length);
}

void prompt_move(struct prompt *prompt, int characters)
{
	for (; characters < 0; characters++)
		prompt->cursor = before(prompt, prompt->cursor);
	for (; characters > 0; characters--)
		prompt->cursor = after(prompt, prompt->cursor);
}

void prompt_home(struct prompt *prompt)
{
	prompt->cursor = 0;
}

void prompt_end(struct prompt *prompt)
{
	prompt->cursor = prompt->length;
}

bool prompt_recall(struct prompt *prompt, int older)
{
	if (!prompt->history)
		return false;
	if (older > 0 ? prompt->history_at >= prompt->history->count : prompt->history_at == 0)
		return false;
	if (prompt->history_at == 0)
		memcpy(prompt->draft, prompt->text, prompt->length + 1);
	prompt->history_at = older > 0 ? prompt->history_at + 1 : prompt->history_at - 1;
	prompt_set(prompt, prompt->history_at ? prompt->history->text[prompt->history_at - 1] : prompt->draft);
	return true;
}

void prompt_remember(struct prompt_history *history, const char *text)
{
	size_t at = 0;

	if (!*text)
		return;
	while (at < history->count && strcmp(history->text[at], text) != 0)
		at++;
	if (at == history->count) {
		if (history->count < PROMPT_HISTORY)
			history->count++;
		at = history->count - 1;
	}
	memmove(history->text[1], history->text[0], at * sizeof(history->text[0]));
	snprintf(history->text[0], sizeof(history->text[0]), "%s", text);
}

void prompt_draw(const struct prompt *prompt, struct frame *frame, int row)
{
	char left[PROMPT_TEXT_SIZE];
	const char *shown = prompt->text;
	int column, room;
	size_t width;

	frame_fill(frame, row, 0, frame->columns, STYLE_NORMAL, ' ');
	column = frame_print(frame, row, 0, frame->columns - 2, STYLE_KEY, "%s", prompt->label);
	column = frame_fill(frame, row, column, column + 1, STYLE_NORMAL, ' ');
	memcpy(left, prompt->text, prompt->cursor);
	left[prompt->cursor] = '\0';
	room = frame->columns - column - 1;
	width = text_width(left);
	while (room > 0 && width > (size_t)room) { /* the part before the cursor scrolls out */
		size_t step = 1;

		while (((unsigned char)shown[step] & 0xc0) == 0x80)
			step++;
		shown += step;
		width = text_width(left + (shown - prompt->text));
	}
	frame->cursor_row = row;
	frame->cursor_column = column + (int)width;
	column = frame_text(frame, row, column, frame->columns, STYLE_VALUE, shown);
	if (prompt->error[0])
		frame_print(frame, row, column + 2, frame->columns, STYLE_ERROR, "%s", prompt->error);
}
