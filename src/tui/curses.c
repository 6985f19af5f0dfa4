/* The only file that knows curses: opens the terminal, sends what changed in a frame, decodes keys and the mouse. */
#include "terminal.h"

#include "iotopx/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>

#define ESCAPE_DELAY_MS 25
#define DOUBLE_CLICK_NS 400000000ull

struct terminal {
	SCREEN *screen;
	struct frame shown; /* what the terminal shows */
	bool stale;         /* ... or not any more */
	attr_t attributes[STYLE_COUNT];
	short pairs[STYLE_COUNT];
	bool color;
	uint64_t click_ns; /* the last click, 0 none: the second at a place is a double one */
	int click_row, click_column;
	bool second_click; /* of a double one that curses told as one event: to be delivered next */
};

/* A crash handler gets no argument: what it needs is kept here from open to close, ready to be written. */
static struct {
	volatile sig_atomic_t active;
	struct termios modes;
	char bytes[256];
	size_t length;
} emergency;

struct look {
	short color;      /* of 8, -1 the terminal's own */
	short color_many; /* of 256, -1 the same as `color` */
	attr_t attributes;
	attr_t mono;
};

/* Only foregrounds: the background is the user's, dark or light. */
static const struct look looks[STYLE_COUNT] = {
	[STYLE_NORMAL] = { -1, -1, A_NORMAL, A_NORMAL },
	[STYLE_LABEL] = { -1, -1, A_NORMAL, A_NORMAL },
	[STYLE_VALUE] = { -1, -1, A_BOLD, A_BOLD },
	[STYLE_HOST] = { COLOR_CYAN, -1, A_BOLD, A_BOLD },
	[STYLE_NOTICE] = { COLOR_YELLOW, 172, A_BOLD, A_BOLD },
	[STYLE_ERROR] = { COLOR_RED, -1, A_BOLD, A_BOLD },
	[STYLE_TITLE] = { COLOR_GREEN, 35, A_REVERSE, A_BOLD | A_UNDERLINE },
	[STYLE_SORT] = { COLOR_CYAN, 37, A_REVERSE, A_BOLD | A_REVERSE },
	[STYLE_ZERO] = { -1, 245, A_NORMAL, A_NORMAL },
	[STYLE_LOW] = { -1, -1, A_NORMAL, A_NORMAL },
	[STYLE_MIDDLE] = { COLOR_GREEN, 35, A_NORMAL, A_NORMAL },
	[STYLE_HIGH] = { COLOR_MAGENTA, 170, A_BOLD, A_BOLD },
	[STYLE_APPROXIMATE] = { COLOR_CYAN, 37, A_NORMAL, A_NORMAL },
	[STYLE_EXITED] = { -1, 245, A_DIM, A_DIM },
	[STYLE_STUCK] = { COLOR_RED, -1, A_BOLD, A_BOLD },
	[STYLE_TREE] = { -1, 245, A_NORMAL, A_NORMAL },
	[STYLE_KEY] = { COLOR_CYAN, -1, A_BOLD, A_BOLD },
	[STYLE_KEY_LABEL] = { -1, -1, A_NORMAL, A_NORMAL },
	[STYLE_READ] = { COLOR_GREEN, 35, A_NORMAL, A_NORMAL },
	[STYLE_WRITE] = { COLOR_MAGENTA, 170, A_NORMAL, A_NORMAL },
	[STYLE_HEADING] = { COLOR_CYAN, -1, A_BOLD, A_BOLD },
};

/* Without the "$<5>" that asks curses to wait: a terminal that needs the pause is rarer than one that claims to. */
static void emergency_add(const char *sequence)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): the value by which tigetstr says that there is none */
	if (!sequence || sequence == (char *)-1)
		return;
	while (*sequence && emergency.length < sizeof(emergency.bytes)) {
		if (sequence[0] == '$' && sequence[1] == '<' && strchr(sequence, '>'))
			sequence = strchr(sequence, '>') + 1;
		else
			emergency.bytes[emergency.length++] = *sequence++;
	}
}

static void emergency_prepare(const struct termios *before)
{
	emergency.modes = *before;
	emergency.length = 0;
	emergency_add(tigetstr("sgr0"));
	if (tigetstr("kmous"))
		emergency_add("\033[?1000l\033[?1006l");
	emergency_add(tigetstr("rmkx"));
	emergency_add(tigetstr("cnorm"));
	emergency_add(tigetstr("rmcup"));
	emergency.active = 1;
}

void terminal_emergency_restore(void)
{
	if (!emergency.active)
		return;
	emergency.active = 0;
	/* Nothing can be done about a failure here. */
	ssize_t written = write(STDOUT_FILENO, emergency.bytes, emergency.length);

	(void)written;
	tcsetattr(STDIN_FILENO, TCSANOW, &emergency.modes);
}

/* Curses takes signals that nobody else has; they are the loop's, which tells us. */
static const int loop_signals[] = { SIGINT, SIGTERM, SIGTSTP, SIGWINCH };
#define LOOP_SIGNALS (sizeof(loop_signals) / sizeof(loop_signals[0]))

static SCREEN *open_curses(void)
{
	struct sigaction before[LOOP_SIGNALS];
	SCREEN *opened;

	for (size_t i = 0; i < LOOP_SIGNALS; i++)
		sigaction(loop_signals[i], NULL, &before[i]);
	opened = newterm(NULL, stdout, stdin);
	for (size_t i = 0; i < LOOP_SIGNALS; i++)
		sigaction(loop_signals[i], &before[i], NULL);
	return opened;
}

static void prepare_styles(struct terminal *terminal, bool color)
{
	terminal->color = color && has_colors();
	if (terminal->color) {
		start_color();
		use_default_colors();
	}
	for (int style = 0; style < STYLE_COUNT; style++) {
		const struct look *look = &looks[style];
		short foreground = COLORS >= 256 && look->color_many >= 0 ? look->color_many : look->color;

		terminal->attributes[style] = terminal->color ? look->attributes : look->mono;
		terminal->pairs[style] = 0;
		if (terminal->color && foreground >= 0 && init_pair((short)(style + 1), foreground, -1) == OK)
			terminal->pairs[style] = (short)(style + 1);
	}
}

int terminal_open(bool color, struct terminal **terminal, char *error, size_t error_size)
{
	struct terminal *opened = calloc(1, sizeof(*opened));
	struct termios before;

	if (!opened)
		return -ENOMEM;
	if (tcgetattr(STDIN_FILENO, &before)) {
		snprintf(error, error_size, "the screen needs a terminal; -b prints without one");
		free(opened);
		return -ENOTTY;
	}
	set_escdelay(ESCAPE_DELAY_MS);
	opened->screen = open_curses();
	if (!opened->screen) {
		const char *name = getenv("TERM");

		snprintf(error, error_size, "the terminal type '%.64s' is not known; set TERM, or print with -b",
			 name ? name : "");
		free(opened);
		return -EINVAL;
	}
	emergency_prepare(&before);
	cbreak();
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	leaveok(stdscr, FALSE);
	curs_set(0);
	mousemask(BUTTON1_CLICKED | BUTTON1_PRESSED | BUTTON1_DOUBLE_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	mouseinterval(0); /* a click counts when the button goes down: nothing waits for it to come up */
	prepare_styles(opened, color);
	opened->stale = true;
	*terminal = opened;
	return 0;
}

void terminal_close(struct terminal *terminal)
{
	if (!terminal)
		return;
	curs_set(1);
	endwin();
	delscreen(terminal->screen);
	emergency.active = 0;
	frame_free(&terminal->shown);
	free(terminal);
}

void terminal_size(const struct terminal *terminal, int *rows, int *columns)
{
	(void)terminal;
	*rows = LINES;
	*columns = COLS;
}

void terminal_resize(struct terminal *terminal)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
	terminal->stale = true;
}

void terminal_redraw(struct terminal *terminal)
{
	terminal->stale = true;
}

void terminal_suspend(struct terminal *terminal)
{
	(void)terminal;
	curs_set(1);
	endwin();
	emergency.active = 0;
}

void terminal_resume(struct terminal *terminal)
{
	emergency.active = 1;
	reset_prog_mode();
	curs_set(0);
	terminal_resize(terminal);
}

static void send_cell(const struct terminal *terminal, int row, int column, const struct cell *cell)
{
	wchar_t text[4] = { 0 };
	cchar_t character;
	attr_t attributes = terminal->attributes[cell->style];
	short pair = terminal->pairs[cell->style];

	for (int i = 0; i < 3 && cell->code[i]; i++)
		text[i] = (wchar_t)cell->code[i];
	if (cell->selected) { /* one look for the whole row, readable whatever its cells are */
		attributes = A_REVERSE | (attributes & A_BOLD);
		pair = 0;
	}
	if (setcchar(&character, text, attributes, pair, NULL) == OK)
		mvadd_wch(row, column, &character);
}

void terminal_show(struct terminal *terminal, const struct frame *frame)
{
	int rows = frame->rows < LINES ? frame->rows : LINES;
	int columns = frame->columns < COLS ? frame->columns : COLS;
	struct frame *shown = &terminal->shown;
	bool all = terminal->stale || shown->rows != frame->rows || shown->columns != frame->columns;

	if (all) {
		if (frame_resize(shown, frame->rows, frame->columns))
			return; /* no memory: shown again with the next change */
		clear();
	}
	for (int row = 0; row < rows; row++) {
		for (int column = 0; column < columns; column++) {
			const struct cell *cell = frame_cell(frame, row, column);

			/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): padding at worst sends a cell again */
			if (cell->code[0] && (all || memcmp(cell, frame_cell(shown, row, column), sizeof(*cell)) != 0))
				send_cell(terminal, row, column, cell);
		}
	}
	memcpy(shown->cells, frame->cells, (size_t)frame->rows * (size_t)frame->columns * sizeof(*frame->cells));
	terminal->stale = false;
	if (frame->cursor_row >= 0 && frame->cursor_row < rows && frame->cursor_column < columns) {
		curs_set(1);
		move(frame->cursor_row, frame->cursor_column);
	} else {
		curs_set(0);
	}
	refresh();
}

static const struct {
	int curses, input;
} special_keys[] = {
	{ KEY_UP, INPUT_UP },       { KEY_DOWN, INPUT_DOWN },           { KEY_LEFT, INPUT_LEFT },
	{ KEY_RIGHT, INPUT_RIGHT }, { KEY_PPAGE, INPUT_PAGE_UP },       { KEY_NPAGE, INPUT_PAGE_DOWN },
	{ KEY_HOME, INPUT_HOME },   { KEY_FIND, INPUT_HOME },           { KEY_END, INPUT_END },
	{ KEY_SELECT, INPUT_END },  { KEY_BACKSPACE, INPUT_BACKSPACE }, { KEY_DC, INPUT_DELETE },
	{ KEY_ENTER, INPUT_ENTER },
};

/* Curses would hold every click back until it knows that no second one comes; without that it knows only of those that
 * came together. */
static int click_key(struct terminal *terminal, const struct input *input)
{
	uint64_t now = clock_read_ns(CLOCK_MONOTONIC);
	bool second = terminal->click_ns && now - terminal->click_ns < DOUBLE_CLICK_NS &&
		      terminal->click_row == input->row && terminal->click_column == input->column;

	terminal->click_ns = second ? 0 : now;
	terminal->click_row = input->row;
	terminal->click_column = input->column;
	return second ? INPUT_DOUBLE_CLICK : INPUT_CLICK;
}

static int mouse_key(struct terminal *terminal, struct input *input)
{
	MEVENT event;

	if (getmouse(&event) != OK)
		return INPUT_NONE;
	input->row = event.y;
	input->column = event.x;
	if (event.bstate & BUTTON4_PRESSED)
		return INPUT_WHEEL_UP;
	if (event.bstate & BUTTON5_PRESSED)
		return INPUT_WHEEL_DOWN;
	terminal->second_click = (event.bstate & BUTTON1_DOUBLE_CLICKED) != 0;
	if (event.bstate & (BUTTON1_DOUBLE_CLICKED | BUTTON1_PRESSED | BUTTON1_CLICKED))
		return click_key(terminal, input);
	return INPUT_NONE;
}

static int special_key(struct terminal *terminal, wint_t code, struct input *input)
{
	if (code == KEY_MOUSE)
		return mouse_key(terminal, input);
	if (code >= KEY_F(1) && code <= KEY_F(12))
		return INPUT_F((int)(code - KEY_F0));
	for (size_t i = 0; i < sizeof(special_keys) / sizeof(special_keys[0]); i++)
		if ((wint_t)special_keys[i].curses == code)
			return special_keys[i].input;
	return INPUT_NONE;
}

static int plain_key(wint_t code)
{
	if (code == '\r' || code == '\n')
		return INPUT_ENTER;
	if (code == 127 || code == 8)
		return INPUT_BACKSPACE;
	return (int)code;
}

/* What other terminals send than the one that TERM names: an End that is not understood must not be an Escape and a
 * few keys that nobody pressed. */
static const struct {
	const char *sequence; /* after the Escape */
	int input;
} common_sequences[] = {
	{ "[A", INPUT_UP },       { "OA", INPUT_UP },         { "[B", INPUT_DOWN },    { "OB", INPUT_DOWN },
	{ "[C", INPUT_RIGHT },    { "OC", INPUT_RIGHT },      { "[D", INPUT_LEFT },    { "OD", INPUT_LEFT },
	{ "[H", INPUT_HOME },     { "OH", INPUT_HOME },       { "[1~", INPUT_HOME },   { "[7~", INPUT_HOME },
	{ "[F", INPUT_END },      { "OF", INPUT_END },        { "[4~", INPUT_END },    { "[8~", INPUT_END },
	{ "[5~", INPUT_PAGE_UP }, { "[6~", INPUT_PAGE_DOWN }, { "[3~", INPUT_DELETE }, { "OM", INPUT_ENTER },
	{ "OP", INPUT_F(1) },     { "OQ", INPUT_F(2) },       { "OR", INPUT_F(3) },    { "OS", INPUT_F(4) },
	{ "[11~", INPUT_F(1) },   { "[12~", INPUT_F(2) },     { "[13~", INPUT_F(3) },  { "[14~", INPUT_F(4) },
	{ "[[A", INPUT_F(1) },    { "[[B", INPUT_F(2) },      { "[[C", INPUT_F(3) },   { "[[D", INPUT_F(4) },
	{ "[[E", INPUT_F(5) },    { "[15~", INPUT_F(5) },     { "[17~", INPUT_F(6) },  { "[18~", INPUT_F(7) },
	{ "[19~", INPUT_F(8) },   { "[20~", INPUT_F(9) },     { "[21~", INPUT_F(10) },
};

/* The rest of a sequence that curses does not know, up to its final character; none is longer than this. */
static int unknown_sequence(char first)
{
	char sequence[32] = { first };
	size_t length = 1;
	wint_t code;

	while (length < sizeof(sequence) - 1 && get_wch(&code) == OK) {
		sequence[length++] = code < 0x7f ? (char)code : '?';
		if (code >= 0x40 && code <= 0x7e && !(code == '[' && length == 2))
			break;
	}
	for (size_t i = 0; i < sizeof(common_sequences) / sizeof(common_sequences[0]); i++)
		if (strcmp(common_sequences[i].sequence, sequence) == 0)
			return common_sequences[i].input;
	return INPUT_NONE;
}

/* Alone, or the beginning of something; curses has waited for that. */
static int escape_key(void)
{
	wint_t code;
	int kind = get_wch(&code);

	if (kind == OK && (code == '[' || code == 'O'))
		return unknown_sequence((char)code);
	if (kind == OK)
		unget_wch((wchar_t)code);
	else if (kind == KEY_CODE_YES)
		ungetch((int)code);
	return INPUT_ESCAPE;
}

/* Curses says the same for "nothing there" and "nobody there". A terminal that is gone stays readable for ever and
 * never has a byte. */
static int nothing_or_gone(void)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
	int waiting = 0;

	if (poll(&fd, 1, 0) <= 0)
		return 0;
	if (fd.revents & (POLLHUP | POLLERR | POLLNVAL))
		return -EIO;
	if (ioctl(STDIN_FILENO, FIONREAD, &waiting) || waiting == 0)
		return -EIO;
	return 0;
}

int terminal_read(struct terminal *terminal, struct input *input)
{
	wint_t code = 0;
	int kind;

	*input = (struct input){ 0 };
	if (terminal->second_click) {
		*input = (struct input){ .key = INPUT_DOUBLE_CLICK,
					 .row = terminal->click_row,
					 .column = terminal->click_column };
		terminal->second_click = false;
		terminal->click_ns = 0;
		return 1;
	}
	kind = get_wch(&code);
	if (kind == ERR)
		return nothing_or_gone();
	if (kind == KEY_CODE_YES)
		input->key = special_key(terminal, code, input);
	else
		input->key = code == INPUT_ESCAPE ? escape_key() : plain_key(code);
	return 1;
}
