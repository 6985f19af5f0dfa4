/* The table of options and what its kinds can do; shared by the parts of settings.h alone (and its test). */
#ifndef IOTOPX_MODEL_SETTINGS_TABLE_H
#define IOTOPX_MODEL_SETTINGS_TABLE_H

#include "iotopx/settings.h"

#include <stddef.h>

enum settings_kind {
	SETTING_FLAG,    /* a bool; true when given */
	SETTING_NOT,     /* a bool that is false when given: the table names what people see, the field its opposite */
	SETTING_COUNTED, /* each time one more */
	SETTING_CHOICE,  /* an enum, by the names in `choices` */
	SETTING_FIXED,   /* an enum that gets `fixed` */
	SETTING_NUMBER,
	SETTING_SECONDS, /* into ns */
	SETTING_AGE,     /* into ns; with a unit */
	SETTING_MOMENT,  /* a text that when.h takes */
	SETTING_TEXT,
	SETTING_FILTER,
	SETTING_SORT,
	SETTING_COLUMNS,
	SETTING_PAGE_SORT,    /* of the page `fixed`, as are ... */
	SETTING_PAGE_COLUMNS, /* ... these */
	SETTING_PIDS,
	SETTING_USERS,
	SETTING_KIND_COUNT,
};

enum settings_option_flag {
	SETTINGS_FILE = 1 << 0,  /* a look or a view: may stand in the settings file */
	SETTINGS_PAIR = 1 << 1,  /* --NAME has a --no-NAME beside it */
	SETTINGS_BATCH = 1 << 2, /* implies --batch */
	SETTINGS_OFF = 1 << 3,   /* on by default: --help shows the --no- form */
};

struct settings_option {
	const char *name; /* long option, and the key in the file */
	char letter;      /* 0 none */
	enum settings_kind kind;
	unsigned flags;             /* enum settings_option_flag */
	size_t field;               /* its place in struct settings */
	const char *value;          /* what --help calls the value; NULL: it takes none */
	const char *accepts;        /* completes "...: " after a bad value; NULL: the kind says more */
	const char *const *choices; /* NULL-ended, in the enum's order */
	unsigned fixed;             /* the enum's value, or which page */
	const char *help;
};

extern const struct settings_option settings_options[];
extern const size_t settings_option_count;

#define SETTINGS_WHY_SIZE 768
#define SETTINGS_VALUE_SIZE 4096

/* Sets the option from text: "yes" and "no" for flags, NULL for an option without a value. 0, -ENOMEM, or -EINVAL
 * with what is accepted in `why`. */
int settings_set(struct settings *settings, const struct settings_option *option, const char *value, char *why,
		 size_t why_size);

/* The value as settings_set would take it: for the file. Returns bytes. */
size_t settings_format(const struct settings *settings, const struct settings_option *option, char *to, size_t size);

/* What a kind does. `field` is the option's place in the settings; the rest as of settings_set and settings_format. */
typedef int settings_setter(void *field, const struct settings_option *option, struct settings *settings,
			    const char *value, char *why, size_t why_size);
typedef size_t settings_formatter(const void *field, const struct settings_option *option,
				  const struct settings *settings, char *to, size_t size);

settings_setter settings_set_page_sort, settings_set_page_columns;
settings_formatter settings_format_page_sort, settings_format_page_columns;

/* A copy of the text, cut if need be, always ended. Returns its length. */
size_t settings_put(char *to, size_t size, const char *text);
/* A copy of a user's word that is safe to print on one line. */
size_t settings_quote(char *to, size_t size, const char *value);

/* Environment that acts like an option; asked before and after the command line, so that nothing undoes it. */
void settings_apply_environment(struct settings *settings);

const struct settings_option *settings_find(const char *name, size_t length); /* NULL if none */

#endif
