/* The help: every binding of the key table and every column, in one or two columns of text. */
#include "state.h"

#include <stdio.h>
#include <string.h>

#define KEYS_WIDTH 14
#define TWO_COLUMNS 110
#define LINES_MAX 256

struct help_line {
	char left[80];
	const char *right; /* a piece of a longer text */
	int right_length;
	bool heading;
};

struct help {
	struct help_line lines[LINES_MAX];
	size_t count;
	int width; /* of the text to the right */
};

static struct help_line *add_line(struct help *help, const char *left)
{
	struct help_line *line = &help->lines[help->count < LINES_MAX ? help->count++ : LINES_MAX - 1];

	*line = (struct help_line){ .right = "" };
	snprintf(line->left, sizeof(line->left), "%s", left);
	return line;
}

static void add_heading(struct help *help, const char *title)
{
	if (help->count)
		add_line(help, "");
	add_line(help, title)->heading = true;
}

/* How much of `text` (ASCII) goes on a line of that width. */
static int piece_of(const char *text, int width)
{
	int length = (int)strlen(text), at = width;

	if (length <= width)
		return length;
	while (at > 0 && text[at] != ' ')
		at--;
	return at > 0 ? at : width;
}

static void add_entry(struct help *help, const char *left, const char *right)
{
	struct help_line *line = add_line(help, left);

	if (text_width(left) > KEYS_WIDTH) /* the keys get a line of their own */
		line = add_line(help, "");
	for (;;) {
		line->right = right;
		line->right_length = piece_of(right, help->width);
		right += line->right_length;
		while (*right == ' ')
			right++;
		if (!*right)
			return;
		line = add_line(help, "");
	}
}

static void add_section(struct help *help, enum key_section section, enum text_charset charset)
{
	add_heading(help, key_section_titles[section]);
	for (size_t i = 0; i < binding_count; i++) {
		char keys[80];

		if (bindings[i].section != section)
			continue;
		binding_keys(&bindings[i], charset, keys, sizeof(keys));
		add_entry(help, keys, bindings[i].help);
	}
}

static void add_signs(struct help *help, enum text_charset charset)
{
	static const struct {
		const char *sign, *meaning;
	} signs[] = {
		{ "-", "not known (never 0): not measured, not permitted, or not there" },
		{ "~", "near the truth: rounded by the kernel, clamped, or a lower bound" },
		{ "!be/4", "the threads of the process differ in I/O priority" },
		{ "D command", "waits for a disk that does not answer; D under IO: since so short a time that it can't "
			       "be told yet" },
		{ "* command", "iotopx itself, or a helper process of it: its I/O counts like any other's" },
		{ "gap R, gap W", "Actual minus Total: what the disks did beyond what tasks asked for" },
	};

	add_heading(help, "Signs");
	add_entry(help, charset == TEXT_UTF8 ? "† command" : "x command",
		  "exited in this interval; with a number: so many of one command, user and parent");
	add_entry(help, charset == TEXT_UTF8 ? "┌ │ └ command" : ". | ` command",
		  "threads of one process; processes come by the sum of their threads (of IO and SWAPIN: the largest)");
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		add_entry(help, signs[i].sign, signs[i].meaning);
}

static void add_columns(struct help *help, const struct row_context *context)
{
	add_heading(help, "Columns");
	for (size_t i = 0; i < column_count; i++)
		add_entry(help, column_title(&columns[i], context, false), columns[i].help);
}

static void draw_line(struct frame *frame, int row, int column, int limit, const struct help_line *line)
{
	if (line->heading) {
		frame_text(frame, row, column, limit, STYLE_HEADING, line->left);
		return;
	}
	frame_text(frame, row, column + 1, limit, STYLE_KEY, line->left);
	if (line->right_length)
		frame_print(frame, row, column + KEYS_WIDTH + 2, limit, STYLE_NORMAL, "%.*s", line->right_length,
			    line->right);
}

void help_draw(struct screen *screen, int first, int limit)
{
	struct frame *frame = &screen->frame;
	bool two = frame->columns >= TWO_COLUMNS;
	int half = two ? frame->columns / 2 : frame->columns;
	struct help help = { .width = half - KEYS_WIDTH - 3 };
	size_t lines, rows = limit > first ? (size_t)(limit - first) : 0;

	if (help.width < 8)
		help.width = 8;
	for (int section = 0; section < SECTION_COUNT; section++)
		add_section(&help, (enum key_section)section, frame->charset);
	add_signs(&help, frame->charset);
	add_columns(&help, &screen->table.context);
	lines = two ? (help.count + 1) / 2 : help.count;
	screen->help_lines = lines;
	if (screen->help_top + rows > lines)
		screen->help_top = lines > rows ? lines - rows : 0;
	for (size_t i = 0; i < rows && screen->help_top + i < lines; i++) {
		size_t at = screen->help_top + i;
		int row = first + (int)i;

		draw_line(frame, row, 0, half, &help.lines[at]);
		if (two && lines + at < help.count)
			draw_line(frame, row, half, frame->columns, &help.lines[lines + at]);
	}
}
