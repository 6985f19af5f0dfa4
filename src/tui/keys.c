#include "keys.h"
#include "commands.h"

#include <stdio.h>
#include <string.h>

const char *const key_section_titles[SECTION_COUNT] = {
	[SECTION_VIEW] = "What is shown",
	[SECTION_SORT] = "Order",
	[SECTION_FIND] = "Find",
	[SECTION_MOVE] = "Move",
	[SECTION_TIME] = "Time",
	[SECTION_ACT] = "Act",
	[SECTION_PROGRAM] = "Program",
	[SECTION_PANELS] = "In a panel or menu",
	[SECTION_LINE] = "In a line to edit",
};

#define VIEWS (KEYS_TABLE | KEYS_PAGE)
#define PANELS (KEYS_HELP | KEYS_DETAIL | KEYS_PAGE_DETAIL)
#define MENUS (KEYS_MENU | KEYS_CHOOSER)

/* One entry a binding: keys, where they count, section of the help, rank and label on the last line, help, command.
 * Letters that iotop takes in both cases are taken in both. */
/* clang-format off */
const struct binding bindings[] = {
	{ { '?', 'h', INPUT_F(1) }, VIEWS, SECTION_PROGRAM, 2, "Help", "this help", command_help },
	{ { 'q', 'Q', INPUT_F(10), INPUT_CTRL('C') }, VIEWS, SECTION_PROGRAM, 1, "Quit", "quit", command_quit },

	{ { 'o', 'O' }, VIEWS, SECTION_VIEW, 3, "Active", "only tasks that did I/O, or all", command_only_active },
	{ { 'p', 'P' }, KEYS_TABLE, SECTION_VIEW, 4, "Threads", "processes or threads", command_threads },
	{ { 'a', 'A' }, KEYS_TABLE, SECTION_VIEW, 5, "Sums", "rates, sums since the start, average since the start", command_mode },
	{ { 'g' }, KEYS_TABLE, SECTION_VIEW, 8, "Group", "group by command, user, unit, container, or not", command_group },
	{ { 't', INPUT_F(5) }, KEYS_TABLE, SECTION_VIEW, 10, "Tree", "tree of processes; parents carry the sums of all below", command_tree },
	{ { '+' }, VIEWS, SECTION_VIEW, 0, NULL, "open the group or parent under the cursor", command_expand },
	{ { '-' }, VIEWS, SECTION_VIEW, 0, NULL, "close it", command_collapse },
	{ { 'c' }, KEYS_TABLE, SECTION_VIEW, 0, NULL, "full command line or name", command_full_command },
	{ { 'C', INPUT_F(2) }, VIEWS, SECTION_VIEW, 9, "Columns", "choose columns and their order", command_columns },
	{ { 'e' }, KEYS_TABLE, SECTION_VIEW, 0, NULL, "show or hide tasks that exited", command_exited },
	{ { 'b' }, VIEWS, SECTION_VIEW, 0, NULL, "units: of 1024, of 1000, all in KiB", command_units },

	{ { INPUT_TAB }, VIEWS, SECTION_VIEW, 14, "Devices", "tasks, devices, NFS mounts", command_next_page },

	{ { INPUT_LEFT, '<' }, VIEWS, SECTION_SORT, 0, NULL, "sort by the column to the left", command_sort_left },
	{ { INPUT_RIGHT, '>' }, VIEWS, SECTION_SORT, 0, NULL, "sort by the column to the right", command_sort_right },
	{ { '1', '2', '3', '4', '5', '6', '7', '8', '9', '0' }, VIEWS, SECTION_SORT, 0, NULL,
	  "sort by the first to tenth column; again: reverse", command_sort_number },
	{ { 's', INPUT_F(6) }, VIEWS, SECTION_SORT, 7, "Sort", "choose what to sort by", command_sort_menu },
	{ { 'r', 'R' }, VIEWS, SECTION_SORT, 0, NULL, "reverse the order", command_reverse },

	{ { '/', INPUT_F(4) }, VIEWS, SECTION_FIND, 6, "Filter",
	  "filter: a regex on the command, user: pid: unit: container:", command_filter },
	{ { 'u' }, KEYS_TABLE, SECTION_FIND, 13, "User", "one user's tasks only", command_user },
	{ { INPUT_ESCAPE }, VIEWS, SECTION_FIND, 0, NULL, "clear the filter", command_clear_filter },

	{ { INPUT_UP }, VIEWS, SECTION_MOVE, 0, NULL, "row up; the cursor stays on its task", command_up },
	{ { INPUT_DOWN }, VIEWS, SECTION_MOVE, 0, NULL, "row down", command_down },
	{ { INPUT_PAGE_UP }, VIEWS, SECTION_MOVE, 0, NULL, "page up", command_page_up },
	{ { INPUT_PAGE_DOWN }, VIEWS, SECTION_MOVE, 0, NULL, "page down", command_page_down },
	{ { INPUT_HOME }, VIEWS, SECTION_MOVE, 0, NULL, "first row, and let go of the task", command_home },
	{ { INPUT_END }, VIEWS, SECTION_MOVE, 0, NULL, "last row", command_end },
	{ { 'F' }, KEYS_TABLE, SECTION_MOVE, 0, NULL, "follow the task under the cursor, wherever it goes", command_follow },
	{ { INPUT_ENTER }, VIEWS, SECTION_MOVE, 11, "Detail", "all about the row: fields, history, threads, open files", command_detail },
	{ { INPUT_CLICK, INPUT_DOUBLE_CLICK }, VIEWS, SECTION_MOVE, 0, NULL,
	  "a title sorts, a row gets the cursor (twice: its detail), a key of the last line acts", command_click },
	{ { INPUT_WHEEL_UP }, VIEWS, SECTION_MOVE, 0, NULL, "scroll up", command_wheel_up },
	{ { INPUT_WHEEL_DOWN }, VIEWS, SECTION_MOVE, 0, NULL, "scroll down", command_wheel_down },

	{ { 'z', INPUT_SPACE }, VIEWS, SECTION_TIME, 12, "Pause", "hold the picture; collecting goes on (a recording: play, hold)", command_pause },
	{ { ',', '[' }, VIEWS, SECTION_TIME, 20, "Back", "one interval back in time; [ ten", command_step_back },
	{ { '.', ']' }, VIEWS, SECTION_TIME, 21, "Next", "one interval forward; ] ten", command_step_forward },
	{ { 'L' }, VIEWS, SECTION_TIME, 23, "End", "back to live; of a recording: its end", command_live },
	{ { 'j', 'J' }, VIEWS, SECTION_TIME, 22, "Jump", "jump in a recording: to a time, or max: most of the sort column", command_jump },
	{ { 'd' }, VIEWS, SECTION_TIME, 0, NULL, "seconds between two samples, 0.1 to 3600", command_interval },

	{ { 'i', 'I' }, KEYS_TABLE, SECTION_ACT, 0, NULL, "I/O priority of the task under the cursor", command_priority },
	{ { 'k', INPUT_F(9) }, KEYS_TABLE, SECTION_ACT, 0, NULL, "send it a signal; asks first", command_signal },
	{ { INPUT_CTRL('T') }, VIEWS, SECTION_ACT, 0, NULL,
	  "delay accounting on or off: IO, SWAPIN and BLKIO need it", command_delayacct },

	{ { 'W' }, VIEWS, SECTION_PROGRAM, 0, NULL, "save these settings", command_save },
	{ { 'D' }, VIEWS, SECTION_PROGRAM, 0, NULL, "back to the default settings", command_defaults },
	{ { INPUT_CTRL('L') }, VIEWS | PANELS | MENUS, SECTION_PROGRAM, 0, NULL, "draw the screen anew", command_redraw },

	{ { INPUT_ESCAPE, 'q', 'Q', INPUT_F(10), INPUT_CTRL('C') }, PANELS | MENUS, SECTION_PANELS, 1, "Back",
	  "back to the table", command_leave },
	{ { '?', 'h', INPUT_F(1) }, KEYS_HELP, SECTION_PANELS, 0, NULL, "leave the help", command_leave },
	{ { INPUT_UP, INPUT_DOWN, INPUT_PAGE_UP, INPUT_PAGE_DOWN, INPUT_HOME, INPUT_END, INPUT_WHEEL_UP, INPUT_WHEEL_DOWN },
	  PANELS, SECTION_PANELS, 2, "Scroll", "scroll", command_scroll },
	{ { INPUT_UP, INPUT_DOWN, INPUT_PAGE_UP, INPUT_PAGE_DOWN, INPUT_HOME, INPUT_END, INPUT_WHEEL_UP, INPUT_WHEEL_DOWN },
	  MENUS, SECTION_PANELS, 3, "Move", "another entry", command_menu_move },
	{ { INPUT_ENTER }, MENUS, SECTION_PANELS, 2, "Choose", "take the entry; of columns: done", command_menu_choose },
	{ { INPUT_SPACE }, KEYS_CHOOSER, SECTION_PANELS, 4, "Mark", "show or hide the column", command_menu_mark },
	{ { INPUT_LEFT, INPUT_RIGHT, '+', '-' }, KEYS_CHOOSER, SECTION_PANELS, 5, "Shift", "move the column: - to the left, + to the right",
	  command_menu_shift },
	{ { INPUT_CLICK, INPUT_DOUBLE_CLICK }, MENUS, SECTION_PANELS, 0, NULL, "take the entry", command_menu_click },
	{ { INPUT_CLICK, INPUT_DOUBLE_CLICK }, PANELS, SECTION_PANELS, 0, NULL, "a key of the last line acts", command_panel_click },
	{ { 'k', INPUT_F(9) }, KEYS_DETAIL, SECTION_PANELS, 4, "Signal", "send the task of the detail a signal", command_signal },
	{ { 'i', 'I' }, KEYS_DETAIL, SECTION_PANELS, 5, "Priority", "its I/O priority", command_priority },

	{ { INPUT_ENTER }, KEYS_PROMPT, SECTION_LINE, 1, "Accept", "accept", command_prompt_accept },
	{ { INPUT_ESCAPE, INPUT_CTRL('C') }, KEYS_PROMPT, SECTION_LINE, 2, "Back", "leave; a filter stays as it is", command_prompt_cancel },
	{ { INPUT_LEFT, INPUT_RIGHT, INPUT_HOME, INPUT_END, INPUT_CTRL('A'), INPUT_CTRL('E'), INPUT_CTRL('B'), INPUT_CTRL('F') },
	  KEYS_PROMPT, SECTION_LINE, 0, NULL, "move", command_prompt_edit },
	{ { INPUT_BACKSPACE, INPUT_DELETE, INPUT_CTRL('D') }, KEYS_PROMPT, SECTION_LINE, 0, NULL, "delete a character", command_prompt_edit },
	{ { INPUT_CTRL('W'), INPUT_CTRL('U'), INPUT_CTRL('K') }, KEYS_PROMPT, SECTION_LINE, 0, NULL,
	  "delete the word before, all before, all after", command_prompt_edit },
	{ { INPUT_UP, INPUT_DOWN }, KEYS_PROMPT, SECTION_LINE, 0, NULL, "filters entered before", command_prompt_edit },
	{ { 'y', 'Y' }, KEYS_CONFIRM, SECTION_LINE, 1, "Yes", "do what is asked", command_confirm },
	{ { 'n', 'N', 'q', INPUT_ESCAPE, INPUT_ENTER, INPUT_CTRL('C') }, KEYS_CONFIRM, SECTION_LINE, 2, "No", "don't", command_deny },
};
/* clang-format on */

const size_t binding_count = sizeof(bindings) / sizeof(bindings[0]);

const struct binding *binding_find(enum key_mode mode, int key)
{
	if (key == INPUT_NONE)
		return NULL;
	for (size_t i = 0; i < binding_count; i++) {
		if (!(bindings[i].modes & (unsigned)mode))
			continue;
		for (size_t at = 0; at < BINDING_KEYS_MAX && bindings[i].keys[at]; at++)
			if (bindings[i].keys[at] == key)
				return &bindings[i];
	}
	return NULL;
}

static const struct {
	int key;
	const char *ascii, *unicode;
} key_names[] = {
	{ INPUT_UP, "Up", "↑" },
	{ INPUT_DOWN, "Down", "↓" },
	{ INPUT_LEFT, "Left", "←" },
	{ INPUT_RIGHT, "Right", "→" },
	{ INPUT_PAGE_UP, "PgUp", NULL },
	{ INPUT_PAGE_DOWN, "PgDn", NULL },
	{ INPUT_HOME, "Home", NULL },
	{ INPUT_END, "End", NULL },
	{ INPUT_BACKSPACE, "Backspace", NULL },
	{ INPUT_DELETE, "Del", NULL },
	{ INPUT_ENTER, "Enter", NULL },
	{ INPUT_ESCAPE, "Esc", NULL },
	{ INPUT_TAB, "Tab", NULL },
	{ INPUT_SPACE, "Space", NULL },
	{ INPUT_CLICK, "click", NULL },
	{ INPUT_DOUBLE_CLICK, "double click", NULL },
	{ INPUT_WHEEL_UP, "wheel up", NULL },
	{ INPUT_WHEEL_DOWN, "wheel down", NULL },
};

size_t key_name(int key, enum text_charset charset, char *to, size_t size)
{
	int length = -1;

	for (size_t i = 0; i < sizeof(key_names) / sizeof(key_names[0]); i++)
		if (key_names[i].key == key)
			length = snprintf(to, size, "%s",
					  charset == TEXT_UTF8 && key_names[i].unicode ? key_names[i].unicode
										       : key_names[i].ascii);
	if (length < 0 && key > INPUT_F0)
		length = snprintf(to, size, "F%d", key - INPUT_F0);
	else if (length < 0 && key < 0x20)
		length = snprintf(to, size, "Ctrl-%c", key + '@');
	else if (length < 0)
		length = snprintf(to, size, "%c", key);
	return length < 0 ? 0 : (size_t)length < size ? (size_t)length : size - 1;
}

static bool is_run(const int *keys)
{
	return keys[0] && keys[1] == keys[0] + 1 && keys[2] == keys[0] + 2 && keys[0] < 0x7f;
}

size_t binding_keys(const struct binding *binding, enum text_charset charset, char *to, size_t size)
{
	size_t used = 0;

	to[0] = '\0';
	for (size_t at = 0; at < BINDING_KEYS_MAX && binding->keys[at]; at++) {
		if (used && used + 1 < size)
			to[used++] = ' ';
		used += key_name(binding->keys[at], charset, to + used, size - used);
		if (!is_run(binding->keys + at))
			continue;
		while (binding->keys[at + 1] == binding->keys[at] + 1) /* "1-9" */
			at++;
		if (used + 1 < size)
			to[used++] = '-';
		used += key_name(binding->keys[at], charset, to + used, size - used);
	}
	return used;
}
