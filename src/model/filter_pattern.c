#include "filter_pattern.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* glibc's regcomp writes out what is repeated: each + doubles its operand, each {n} copies it n times, those within
 * others again, so that forty bytes ask for gigabytes; and it calls itself for each parenthesis. Then it walks, from
 * each node, the ways that take no character. Where a loop is among them it keeps nothing of a walk for the next: a few
 * ? in each other below a {13,} take it minutes. */
#define NODES_MAX 1000u
#define STEPS_MAX 1e6
#define DEPTH_MAX 100u
#define MORE_ANY (SIZE_MAX / 2)

/* A part of an expression as it is written out: its nodes; the steps of a walk from its start that takes no character,
 * and how many of the walk's ways come out behind it; the most of both that a walk from anywhere in it has. */
struct weight {
	size_t nodes;
	double steps, ways;
	double most_steps, most_ways;
	bool asserts;
};

/* Between two parentheses: the branches before the last |, the branch so far, and its last piece, which a repetition
 * multiplies. */
struct level {
	struct weight branches, branch, last;
};

struct weighing {
	struct level levels[DEPTH_MAX + 1];
	size_t depth;
	const char *refusal;
};

static const struct weight nothing = { .ways = 1, .most_ways = 1 };
static const struct weight character = { .nodes = 1, .steps = 1, .most_steps = 1, .most_ways = 1 };
static const struct weight assertion = {
	.nodes = 1, .steps = 1, .ways = 2, .most_steps = 1, .most_ways = 2, .asserts = true
};

static const struct weight closing = { .nodes = 1, .steps = 1, .ways = 1, .most_steps = 1, .most_ways = 1 };

static struct weight in_row(struct weight first, struct weight second)
{
	return (struct weight){
		.nodes = first.nodes + second.nodes,
		.steps = first.steps + first.ways * second.steps,
		.ways = first.ways * second.ways,
		.most_steps = fmax(first.most_steps + first.most_ways * second.steps, second.most_steps),
		.most_ways = fmax(first.most_ways * second.ways, second.most_ways),
		.asserts = first.asserts || second.asserts,
	};
}

static struct weight either(struct weight one, struct weight other)
{
	const double steps = one.steps + other.steps + 1, ways = one.ways + other.ways;

	return (struct weight){
		.nodes = one.nodes + other.nodes + 1,
		.steps = steps,
		.ways = ways,
		.most_steps = fmax(fmax(one.most_steps, other.most_steps), steps),
		.most_ways = fmax(fmax(one.most_ways, other.most_ways), ways),
		.asserts = one.asserts || other.asserts,
	};
}

/* As often as one likes: what comes out may go in again, once. */
static struct weight looped(struct weight piece)
{
	const struct weight once = either(piece, nothing);

	return (struct weight){
		.nodes = once.nodes,
		.steps = once.steps,
		.ways = once.ways,
		.most_steps = once.most_steps + once.most_ways * once.steps,
		.most_ways = once.most_ways * once.ways,
		.asserts = once.asserts,
	};
}

static struct level *current(struct weighing *weighing)
{
	return &weighing->levels[weighing->depth];
}

/* All that stands in a level. */
static struct weight level_weight(const struct level *level)
{
	const struct weight branch = in_row(level->branch, level->last);

	return level->branches.nodes ? either(level->branches, branch) : branch;
}

static void set_last(struct weighing *weighing, struct weight piece)
{
	struct weight all;

	current(weighing)->last = piece;
	all = level_weight(current(weighing));
	if (all.nodes > NODES_MAX || (double)all.nodes * all.most_steps > STEPS_MAX)
		weighing->refusal = "too much repetition";
}

static void add_piece(struct weighing *weighing, struct weight piece)
{
	struct level *level = current(weighing);

	level->branch = in_row(level->branch, level->last);
	set_last(weighing, piece);
}

static void end_branch(struct weighing *weighing)
{
	struct level *level = current(weighing);

	*level = (struct level){ .branches = level_weight(level), .branch = nothing, .last = nothing };
	level->branches.nodes++;
}

/* `times` in a row, then up to `more`, each inside the one before, or a loop for MORE_ANY. */
static void repeat_piece(struct weighing *weighing, size_t times, size_t more)
{
	const struct weight piece = current(weighing)->last;
	struct weight repeated = nothing, tail = nothing;

	if (piece.asserts && times + more > 1)
		weighing->refusal = "^, $ and \\b can't be repeated";
	if (more == MORE_ANY) {
		tail = looped(piece);
		more = 0;
	}
	/* A piece without nodes, as in "{9}" alone, weighs as much however often it stands there. */
	for (; more > 0 && piece.nodes > 0 && tail.nodes <= NODES_MAX; more--)
		tail = either(in_row(piece, tail), nothing);
	for (; times > 0 && piece.nodes > 0 && repeated.nodes <= NODES_MAX; times--)
		repeated = in_row(repeated, piece);
	set_last(weighing, in_row(repeated, tail));
}

static void open_group(struct weighing *weighing)
{
	if (weighing->depth == DEPTH_MAX)
		weighing->refusal = "too many parentheses in each other";
	else
		weighing->levels[++weighing->depth] = (struct level){ .branch = nothing, .last = nothing };
}

/* One too many is a character like others. */
static void close_group(struct weighing *weighing)
{
	struct weight group = character;

	if (weighing->depth > 0) {
		group = in_row(level_weight(current(weighing)), closing);
		weighing->depth--;
	}
	add_piece(weighing, group);
}

/* Behind a bracket expression, whose first ] and whose [:names:] are part of it. */
static const char *skip_bracket(const char *at)
{
	at += *at == '^';
	at += *at == ']';
	while (*at && *at != ']') {
		if (*at == '[' && at[1] && strchr(".=:", at[1])) {
			const char end[] = { at[1], ']', '\0' };
			const char *found = strstr(at + 2, end);

			at = found ? found + 2 : at + strlen(at);
		} else {
			at++;
		}
	}
	return at + (*at == ']');
}

static const char *scan_count(const char *at, size_t *count)
{
	for (*count = 0; *at >= '0' && *at <= '9'; at++)
		*count = *count > NODES_MAX ? *count : *count * 10 + (size_t)(*at - '0');
	return at;
}

/* "{n}", "{n,}" or "{n,m}" at `at`: the end of it, NULL if it is none of them. */
static const char *scan_interval(const char *at, size_t *times, size_t *more)
{
	size_t to;

	at = scan_count(at + 1, times);
	*more = 0;
	if (*at == ',' && at[1] == '}') {
		*more = MORE_ANY;
		at++;
	} else if (*at == ',') {
		at = scan_count(at + 1, &to);
		*more = to > *times ? to - *times : 0;
	}
	return *at == '}' ? at + 1 : NULL;
}

static const char *weigh_one(struct weighing *weighing, const char *at)
{
	const char *behind;
	size_t times, more;

	switch (*at) {
	case '\\':
		if (at[1] >= '1' && at[1] <= '9')
			weighing->refusal = "back-references are not understood";
		add_piece(weighing, at[1] && strchr("bB<>`'", at[1]) ? assertion : character);
		return at + (at[1] ? 2 : 1);
	case '[':
		add_piece(weighing, character);
		return skip_bracket(at + 1);
	case '(':
		open_group(weighing);
		break;
	case ')':
		close_group(weighing);
		break;
	case '|':
		end_branch(weighing);
		break;
	case '^':
	case '$':
		add_piece(weighing, assertion);
		break;
	case '*':
		repeat_piece(weighing, 0, MORE_ANY);
		break;
	case '?':
		repeat_piece(weighing, 0, 1);
		break;
	case '+':
		repeat_piece(weighing, 1, MORE_ANY);
		break;
	case '{':
		behind = scan_interval(at, &times, &more);
		if (behind) {
			repeat_piece(weighing, times, more);
			return behind;
		}
		add_piece(weighing, character);
		break;
	default:
		add_piece(weighing, character);
	}
	return at + 1;
}

const char *filter_pattern_refusal(const char *pattern)
{
	struct weighing weighing = { .levels[0] = { .branch = nothing, .last = nothing } };

	while (*pattern && !weighing.refusal)
		pattern = weigh_one(&weighing, pattern);
	/* Those that stay open are regcomp's to refuse; it has taken what stands in them by then. */
	while (weighing.depth > 0 && !weighing.refusal)
		close_group(&weighing);
	return weighing.refusal;
}
