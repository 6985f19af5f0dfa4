/* What keys do. Each takes the screen and the input that asked for it. */
#ifndef IOTOPX_TUI_COMMANDS_H
#define IOTOPX_TUI_COMMANDS_H

#include "input.h"

struct screen;

#define COMMAND(name) void command_##name(struct screen *screen, const struct input *input)

/* commands_view.c: how the interval is looked at */
COMMAND(only_active);
COMMAND(threads);
COMMAND(mode);
COMMAND(group);
COMMAND(tree);
COMMAND(expand);
COMMAND(collapse);
COMMAND(full_command);
COMMAND(exited);
COMMAND(units);
COMMAND(reverse);
COMMAND(sort_left);
COMMAND(sort_right);
COMMAND(sort_number);
COMMAND(sort_menu);
COMMAND(columns);
COMMAND(next_page);
COMMAND(pause);
COMMAND(step_back);
COMMAND(step_forward);
COMMAND(live);
COMMAND(jump);

/* commands_move.c: the cursor, the mouse, panels */
COMMAND(up);
COMMAND(down);
COMMAND(page_up);
COMMAND(page_down);
COMMAND(home);
COMMAND(end);
COMMAND(wheel_up);
COMMAND(wheel_down);
COMMAND(click);
COMMAND(follow);
COMMAND(detail);
COMMAND(help);
COMMAND(leave);
COMMAND(scroll);
COMMAND(menu_move);
COMMAND(menu_choose);
COMMAND(menu_mark);
COMMAND(menu_shift);
COMMAND(menu_click);
COMMAND(panel_click);

/* commands_ask.c: lines to edit and questions */
COMMAND(interval);
COMMAND(filter);
COMMAND(clear_filter);
COMMAND(user);
COMMAND(prompt_edit);
COMMAND(prompt_accept);
COMMAND(prompt_cancel);
COMMAND(confirm);
COMMAND(deny);

/* commands_act.c: what changes something outside the screen */
COMMAND(quit);
COMMAND(priority);
COMMAND(signal);
COMMAND(delayacct);
COMMAND(save);
COMMAND(defaults);
COMMAND(redraw);

#undef COMMAND

#endif
