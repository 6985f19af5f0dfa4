/* The terminal: frames out, keys in. Behind it stands curses.c, the only file that knows curses. */
#ifndef IOTOPX_TUI_TERMINAL_H
#define IOTOPX_TUI_TERMINAL_H

#include "frame.h"
#include "input.h"

#include <stddef.h>

struct terminal;

/* On standard input and output. 0 or -errno with a line in `error`; the terminal is untouched on failure. */
int terminal_open(bool color, struct terminal **terminal, char *error, size_t error_size);
void terminal_close(struct terminal *terminal); /* the terminal is as before */

void terminal_size(const struct terminal *terminal, int *rows, int *columns);
void terminal_resize(struct terminal *terminal); /* asks the kernel for the new size */
/* 1: *input is filled. 0: nothing more for now. -EIO: the terminal is gone. Never waits, but 25 ms after an Escape. */
int terminal_read(struct terminal *terminal, struct input *input);
void terminal_show(struct terminal *terminal, const struct frame *frame); /* sends what changed */
void terminal_redraw(struct terminal *terminal);                          /* forgets what is shown */
void terminal_suspend(struct terminal *terminal);
void terminal_resume(struct terminal *terminal);

void terminal_emergency_restore(void); /* async-signal-safe */

#endif
