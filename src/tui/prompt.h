/* A line to edit at the bottom of the screen. Bytes are UTF-8; the cursor stands between characters. */
#ifndef IOTOPX_TUI_PROMPT_H
#define IOTOPX_TUI_PROMPT_H

#include "frame.h"

#include <stdbool.h>
#include <stddef.h>

#define PROMPT_TEXT_SIZE 512
#define PROMPT_HISTORY 16

struct screen;

struct prompt {
	char label[48];
	char text[PROMPT_TEXT_SIZE];
	size_t length, cursor;                              /* bytes */
	char error[200];                                    /* why the text can't be used; "" none */
	void (*changed)(struct screen *screen);             /* after each edit; may set `error`; NULL: nothing */
	bool (*done)(struct screen *screen, bool accepted); /* false: go on editing */
	struct prompt_history *history;                     /* NULL: none */
	size_t history_at;                                  /* 0: the text itself */
	char draft[PROMPT_TEXT_SIZE];                       /* ... as it was left for an older one */
};

/* What was entered before, newest first. */
struct prompt_history {
	char text[PROMPT_HISTORY][PROMPT_TEXT_SIZE];
	size_t count;
};

void prompt_set(struct prompt *prompt, const char *text); /* cut to fit, cursor at its end */
bool prompt_insert(struct prompt *prompt, unsigned code); /* false: not a printable character, or no room */
/* The edits; each false if there was nothing to do. */
bool prompt_backspace(struct prompt *prompt);
bool prompt_delete(struct prompt *prompt);
bool prompt_delete_word(struct prompt *prompt);  /* before the cursor */
bool prompt_delete_left(struct prompt *prompt);  /* all before it */
bool prompt_delete_right(struct prompt *prompt); /* all from it on */
void prompt_move(struct prompt *prompt, int characters);
void prompt_home(struct prompt *prompt);
void prompt_end(struct prompt *prompt);
bool prompt_recall(struct prompt *prompt, int older); /* 1 older, -1 newer */
void prompt_remember(struct prompt_history *history, const char *text);

/* In one row; leaves the terminal's cursor at the place of the edit. */
void prompt_draw(const struct prompt *prompt, struct frame *frame, int row);

#endif
