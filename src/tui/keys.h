/* Every key once: bindings[] is what a key does, the help screen, the last line and the manual. */
#ifndef IOTOPX_TUI_KEYS_H
#define IOTOPX_TUI_KEYS_H

#include "frame.h"
#include "input.h"

#include <stdbool.h>
#include <stddef.h>

struct screen;

/* Where a key counts. */
enum key_mode {
	KEYS_TABLE = 1 << 0,
	KEYS_HELP = 1 << 1,
	KEYS_MENU = 1 << 2,
	KEYS_CHOOSER = 1 << 3, /* the menu of columns */
	KEYS_PROMPT = 1 << 4,
	KEYS_CONFIRM = 1 << 5,
	KEYS_DETAIL = 1 << 6,
	KEYS_PAGE = 1 << 7, /* devices and NFS */
	KEYS_PAGE_DETAIL = 1 << 8,
};

enum key_section {
	SECTION_VIEW,
	SECTION_SORT,
	SECTION_FIND,
	SECTION_MOVE,
	SECTION_TIME,
	SECTION_ACT,
	SECTION_PROGRAM,
	SECTION_PANELS,
	SECTION_LINE,
	SECTION_COUNT,
};

#define BINDING_KEYS_MAX 12
#define RANK_TRAVEL 20

struct binding {
	int keys[BINDING_KEYS_MAX]; /* ended by 0 */
	unsigned modes;             /* enum key_mode */
	enum key_section section;
	unsigned char rank; /* on the last line: 1 stays longest, 0 is not there; from RANK_TRAVEL on in recordings */
	const char *label;  /* there: one word or two */
	const char *help;   /* one line */
	void (*run)(struct screen *screen, const struct input *input);
};

extern const struct binding bindings[];
extern const size_t binding_count;
extern const char *const key_section_titles[SECTION_COUNT];

/* The binding of a key in a mode, or NULL. */
const struct binding *binding_find(enum key_mode mode, int key);
/* "Ctrl-T", "PgUp", "F1", "o". Returns bytes. */
size_t key_name(int key, enum text_charset charset, char *to, size_t size);
/* All keys of a binding: "q Q F10 Ctrl-C", "1-9 0". Returns bytes. */
size_t binding_keys(const struct binding *binding, enum text_charset charset, char *to, size_t size);

#endif
