#include "iotopx/filter.h"
#include "filter_pattern.h"
#include "iotopx/array.h"
#include "iotopx/sample.h"
#include "iotopx/text.h"
#include "iotopx/units.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUOTE_SIZE 160 /* of what an error repeats */

enum term_kind { TERM_USER, TERM_PID, TERM_UNIT, TERM_CONTAINER, TERM_KIND_COUNT };

struct term {
	enum term_kind kind;
	char *text;      /* owned */
	uint64_t number; /* of pid: and of user: if numeric */
	bool numeric;
};

struct term_list {
	struct term *items;
	size_t count, capacity;
};

/* A PID or TID of -p, and the identity that bore it when it was first seen. */
struct pin {
	pid_t pid;
	bool pinned;
	bool process; /* the whole thread group */
	bool gone;
	struct task_id id;
};

struct pin_list {
	struct pin *items;
	size_t count, capacity;
};

struct uid_set {
	uint32_t *items;
	size_t count, capacity;
};

struct filter {
	struct term_list terms;
	char *pattern;   /* owned; NULL none */
	bool is_literal; /* no character of it means anything to a regex: a search does */
	bool has_regex;
	regex_t regex;
	struct pin_list pins;
	size_t pinned, gone;
	struct uid_set uids;
};

static const char *const term_keys[TERM_KIND_COUNT] = {
	[TERM_USER] = "user:",
	[TERM_PID] = "pid:",
	[TERM_UNIT] = "unit:",
	[TERM_CONTAINER] = "container:",
};

void filter_free(struct filter *filter)
{
	if (!filter)
		return;
	for (size_t i = 0; i < filter->terms.count; i++)
		free(filter->terms.items[i].text);
	free(filter->terms.items);
	if (filter->has_regex)
		regfree(&filter->regex);
	free(filter->pattern);
	free(filter->pins.items);
	free(filter->uids.items);
	free(filter);
}

/* Moves *at behind one word and, unless `word` is NULL, copies it with its quotes undone. Its start says whether a key
 * may stand there. 0, or -EINVAL for a quote that is not closed. */
static int take_word(const char **at, char *word)
{
	bool quoted = false;
	const char *from = *at;

	for (; *from && (quoted || (*from != ' ' && *from != '\t')); from++) {
		size_t length = 1;

		if (*from == '"') {
			quoted = !quoted;
			continue;
		}
		if (*from == '\\' && from[1] == '"')
			from++;
		else if (*from == '\\' && from[1] && !quoted)
			length = 2;
		if (word)
			word = mempcpy(word, from, length);
		from += length - 1;
	}
	if (word)
		*word = '\0';
	*at = from;
	return quoted ? -EINVAL : 0;
}

size_t filter_word_length(const char *expression)
{
	const char *at = expression;

	(void)take_word(&at, NULL);
	return (size_t)(at - expression);
}

static int term_kind_of(const char *word)
{
	for (int kind = 0; kind < TERM_KIND_COUNT; kind++)
		if (strncmp(word, term_keys[kind], strlen(term_keys[kind])) == 0)
			return kind;
	return -1;
}

/* A piece of the expression, as it may stand in an error. */
static const char *quote(const char *text, char *to, size_t size)
{
	text_sanitize(to, size, text, strlen(text), TEXT_UTF8);
	return to;
}

static int add_term(struct filter *filter, enum term_kind kind, const char *text, char *error, size_t error_size)
{
	struct term *term;
	char shown[QUOTE_SIZE];
	uint64_t number = 0;
	bool numeric = parse_u64(text, 0, UINT32_MAX, &number) == 0;

	if (*text == '\0') {
		snprintf(error, error_size, "filter: %s needs a value", term_keys[kind]);
		return -EINVAL;
	}
	if (kind == TERM_PID && (!numeric || number == 0 || number > INT32_MAX)) {
		snprintf(error, error_size, "filter: pid: needs a process ID, not '%s'",
			 quote(text, shown, sizeof(shown)));
		return -EINVAL;
	}
	term = array_append(&filter->terms);
	if (!term)
		return -ENOMEM;
	*term = (struct term){ .kind = kind, .number = number, .numeric = numeric };
	term->text = strdup(text);
	return term->text ? 0 : -ENOMEM;
}

static int compile(struct filter *filter, char *error, size_t error_size)
{
	char reason[128], shown[QUOTE_SIZE];
	const char *refusal;
	int code;

	filter->is_literal = strpbrk(filter->pattern, "\\^$.[]|()*+?{}") == NULL;
	if (filter->is_literal)
		return 0;
	refusal = filter_pattern_refusal(filter->pattern);
	if (refusal) {
		snprintf(error, error_size, "filter: '%s': %s", quote(filter->pattern, shown, sizeof(shown)), refusal);
		return -EINVAL;
	}
	code = regcomp(&filter->regex, filter->pattern, REG_EXTENDED | REG_NOSUB);
	if (code == 0) {
		filter->has_regex = true;
		return 0;
	}
	regerror(code, &filter->regex, reason, sizeof(reason));
	snprintf(error, error_size, "filter: '%s' is no regular expression: %s",
		 quote(filter->pattern, shown, sizeof(shown)), reason);
	return -EINVAL;
}

/* Splits the expression. `word` and filter->pattern have room for all of it. */
static int parse_words(struct filter *filter, const char *expression, char *word, char *error, size_t error_size)
{
	const char *at = expression;
	char shown[QUOTE_SIZE];
	bool after_word = false;
	size_t used = 0;

	while (*at) {
		size_t blanks = strspn(at, " \t");
		const char *begin = at + blanks;
		int kind = term_kind_of(begin);
		int failed;

		if (*begin == '\0')
			break;
		at = begin;
		if (take_word(&at, word) < 0) {
			snprintf(error, error_size, "filter: a quote is not closed in '%s'",
				 quote(expression, shown, sizeof(shown)));
			return -EINVAL;
		}
		if (kind >= 0) {
			failed =
			    add_term(filter, (enum term_kind)kind, word + strlen(term_keys[kind]), error, error_size);
			if (failed < 0)
				return failed;
			after_word = false;
			continue;
		}
		/* Words side by side keep the blanks between them; a term between them counts as one. */
		if (used > 0 && after_word) {
			memcpy(filter->pattern + used, begin - blanks, blanks);
			used += blanks;
		} else if (used > 0) {
			filter->pattern[used++] = ' ';
		}
		memcpy(filter->pattern + used, word, strlen(word));
		used += strlen(word);
		after_word = true;
	}
	filter->pattern[used] = '\0';
	if (used == 0) {
		free(filter->pattern);
		filter->pattern = NULL;
	}
	return 0;
}

int filter_parse(const char *expression, struct filter **filter, char *error, size_t error_size)
{
	size_t size = strlen(expression) + 1;
	struct filter *parsed = calloc(1, sizeof(*parsed));
	char *word = calloc(1, size);
	int result = -ENOMEM;

	if (!parsed || !word)
		goto out;
	parsed->pattern = malloc(size);
	if (!parsed->pattern)
		goto out;
	result = parse_words(parsed, expression, word, error, error_size);
	if (result == 0 && parsed->pattern)
		result = compile(parsed, error, error_size);
	if (result < 0)
		goto out;
	if (!parsed->pattern && parsed->terms.count == 0) {
		*filter = NULL;
		goto out;
	}
	*filter = parsed;
	parsed = NULL;
out:
	if (result == -ENOMEM)
		snprintf(error, error_size, "filter: out of memory");
	free(word);
	filter_free(parsed);
	return result;
}

/* A filter to add to: the given one, or a new one in *owned too. NULL on ENOMEM. */
static struct filter *filter_ensure(struct filter *filter, struct filter **owned)
{
	*owned = NULL;
	if (filter)
		return filter;
	*owned = calloc(1, sizeof(**owned));
	return *owned;
}

int filter_add_pid(struct filter **filter, pid_t pid)
{
	struct filter *created;
	struct filter *target = filter_ensure(*filter, &created);
	struct pin *pin;

	if (!target)
		return -ENOMEM;
	for (size_t i = 0; i < target->pins.count; i++)
		if (target->pins.items[i].pid == pid)
			return 0;
	pin = array_append(&target->pins);
	if (!pin) {
		filter_free(created);
		return -ENOMEM;
	}
	pin->pid = pid;
	*filter = target;
	return 0;
}

int filter_add_uid(struct filter **filter, uint32_t uid)
{
	struct filter *created;
	struct filter *target = filter_ensure(*filter, &created);
	uint32_t *item;

	if (!target)
		return -ENOMEM;
	item = array_append(&target->uids);
	if (!item) {
		filter_free(created);
		return -ENOMEM;
	}
	*item = uid;
	*filter = target;
	return 0;
}

void filter_pin(struct filter *filter, const struct task_info *info)
{
	if (!filter || filter->pinned == filter->pins.count)
		return;
	for (size_t i = 0; i < filter->pins.count; i++) {
		struct pin *pin = &filter->pins.items[i];

		if (pin->pinned || (info->process.tid != pin->pid && info->id.tid != pin->pid))
			continue;
		pin->process = info->process.tid == pin->pid;
		pin->id = pin->process ? info->process : info->id;
		pin->pinned = true;
		filter->pinned++;
	}
}

static bool same_task(const struct task_id *one, const struct task_id *other)
{
	uint64_t apart =
	    one->start_ns > other->start_ns ? one->start_ns - other->start_ns : other->start_ns - one->start_ns;

	return one->tid == other->tid && apart <= READING_START_TOLERANCE_NS;
}

/* One that was never seen still goes by its number. */
static bool pin_matches(const struct pin *pin, const struct task_info *info)
{
	if (!pin->pinned)
		return info->process.tid == pin->pid || info->id.tid == pin->pid;
	return same_task(&pin->id, pin->process ? &info->process : &info->id);
}

size_t filter_pid_count(const struct filter *filter)
{
	return filter ? filter->pins.count : 0;
}

void filter_exited(struct filter *filter, const struct task_info *info, bool whole_process)
{
	for (size_t i = 0; filter && i < filter->pins.count; i++) {
		struct pin *pin = &filter->pins.items[i];

		if (pin->gone || !pin->pinned || !pin_matches(pin, info) || (pin->process && !whole_process))
			continue;
		pin->gone = true;
		filter->gone++;
	}
}

size_t filter_pids_gone(const struct filter *filter)
{
	return filter ? filter->gone : 0;
}

static bool contains(const char *text, const char *part)
{
	return text && strcasestr(text, part) != NULL;
}

static bool term_matches(const struct term *term, const struct task_info *info, const struct lookup *lookup)
{
	switch (term->kind) {
	case TERM_USER:
		if (info->uid == UINT32_MAX)
			return false;
		return (term->numeric && term->number == info->uid) ||
		       strcmp(lookup->user(lookup->data, info->uid), term->text) == 0;
	case TERM_PID:
		return (uint64_t)info->process.tid == term->number || (uint64_t)info->id.tid == term->number;
	case TERM_UNIT:
		return contains(info->unit, term->text);
	case TERM_CONTAINER:
		return contains(info->container, term->text);
	case TERM_KIND_COUNT:
		break;
	}
	return false;
}

static bool pattern_matches(const struct filter *filter, const char *text)
{
	if (filter->is_literal)
		return strstr(text, filter->pattern) != NULL;
	return regexec(&filter->regex, text, 0, NULL, 0) == 0;
}

/* The cheap name first: the command line may have to be read. */
static bool command_matches(const struct filter *filter, struct task_info *info, const struct lookup *lookup)
{
	const char *line;

	if (!filter->pattern || pattern_matches(filter, info->comm))
		return true;
	line = lookup->cmdline ? lookup->cmdline(lookup->data, info) : NULL;
	return line && *line && pattern_matches(filter, line);
}

static bool any_pin(const struct filter *filter, const struct task_info *info)
{
	for (size_t i = 0; i < filter->pins.count; i++)
		if (pin_matches(&filter->pins.items[i], info))
			return true;
	return filter->pins.count == 0;
}

static bool any_uid(const struct filter *filter, const struct task_info *info)
{
	for (size_t i = 0; i < filter->uids.count; i++)
		if (filter->uids.items[i] == info->uid)
			return true;
	return filter->uids.count == 0;
}

bool filter_asks_who(const struct filter *filter)
{
	if (!filter)
		return false;
	for (size_t i = 0; i < filter->terms.count; i++)
		if (filter->terms.items[i].kind != TERM_UNIT && filter->terms.items[i].kind != TERM_CONTAINER)
			return true;
	return filter->pattern || filter->pins.count || filter->uids.count;
}

bool filter_match(const struct filter *filter, struct task_info *info, const struct lookup *lookup)
{
	if (!filter)
		return true;
	if (!any_pin(filter, info) || !any_uid(filter, info))
		return false;
	for (size_t i = 0; i < filter->terms.count; i++)
		if (!term_matches(&filter->terms.items[i], info, lookup))
			return false;
	return command_matches(filter, info, lookup);
}
