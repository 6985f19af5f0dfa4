#include "iotopx/cgroup_name.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_DIGITS 64    /* what the container runtimes call their containers */
#define SHORT_DIGITS 12 /* what docker ps and podman ps show of it */
#define UUID_LENGTH 36

/* A piece of the text. */
struct piece {
	const char *text;
	size_t length;
};

static bool piece_is(struct piece piece, const char *word)
{
	return piece.length == strlen(word) && memcmp(piece.text, word, piece.length) == 0;
}

static bool piece_starts(struct piece piece, const char *word)
{
	size_t length = strlen(word);

	return piece.length >= length && memcmp(piece.text, word, length) == 0;
}

static bool piece_ends(struct piece piece, const char *word)
{
	size_t length = strlen(word);

	return piece.length >= length && memcmp(piece.text + piece.length - length, word, length) == 0;
}

static struct piece piece_skip(struct piece piece, size_t bytes)
{
	return (struct piece){ piece.text + bytes, piece.length - bytes };
}

static struct piece piece_cut(struct piece piece, const char *suffix)
{
	return piece_ends(piece, suffix) ? (struct piece){ piece.text, piece.length - strlen(suffix) } : piece;
}

static size_t hex_run(struct piece piece)
{
	size_t length = 0;

	while (length < piece.length && isxdigit((unsigned char)piece.text[length]))
		length++;
	return length;
}

static bool is_id(struct piece piece)
{
	return piece.length == ID_DIGITS && hex_run(piece) == ID_DIGITS;
}

static void copy_piece(char *to, size_t size, struct piece piece)
{
	size_t length = piece.length < size ? piece.length : size - 1;

	if (length)
		memcpy(to, piece.text, length);
	to[length] = '\0';
}

/* systemd writes what may not stand in a unit's name as \x2d, and "_" before names that cgroupfs has for itself. */
static size_t copy_unescaped(char *to, size_t size, struct piece piece)
{
	size_t written = 0;

	if (piece.length && piece.text[0] == '_')
		piece = piece_skip(piece, 1);
	while (piece.length && written + 1 < size) {
		if (piece.length >= 4 && piece.text[0] == '\\' && piece.text[1] == 'x' &&
		    hex_run(piece_skip(piece, 2)) >= 2) {
			char digits[3] = { piece.text[2], piece.text[3], '\0' };
			unsigned long code = strtoul(digits, NULL, 16);

			if (code != 0) {
				to[written++] = (char)code;
				piece = piece_skip(piece, 4);
				continue;
			}
		}
		to[written++] = *piece.text;
		piece = piece_skip(piece, 1);
	}
	to[written] = '\0';
	return written;
}

/* Ids of 64 digits within a name are cut to the 12 that people know. */
static void shorten_ids(char *text)
{
	char *to = text;

	while (*text) {
		struct piece rest = { text, strlen(text) };
		size_t run = hex_run(rest);
		size_t keep = run == ID_DIGITS ? SHORT_DIGITS : run;

		if (run == 0)
			keep = run = 1;
		memmove(to, text, keep);
		to += keep;
		text += run;
	}
	*to = '\0';
}

/* Types of systemd units that have processes. */
static bool is_unit(struct piece piece)
{
	static const char *const types[] = { ".service", ".scope", ".slice", ".socket", ".mount", ".swap" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (piece_ends(piece, types[i]) && piece.length > strlen(types[i]))
			return true;
	return false;
}

/* What stands before the id in a component's name. With the systemd driver "PREFIX-ID.scope"; where a runtime was
 * given a systemd path but makes plain cgroups, "SLICE:PREFIX:ID". */
static const struct {
	const char *prefix;
	enum container_runtime runtime;
} id_prefixes[] = {
	{ "docker", CONTAINER_DOCKER },      { "libpod", CONTAINER_PODMAN }, { "cri-containerd", CONTAINER_CONTAINERD },
	{ "nerdctl", CONTAINER_CONTAINERD }, { "crio", CONTAINER_CRIO },
};

static enum container_runtime runtime_of(struct piece prefix)
{
	for (size_t i = 0; i < sizeof(id_prefixes) / sizeof(id_prefixes[0]); i++)
		if (piece_is(prefix, id_prefixes[i].prefix))
			return id_prefixes[i].runtime;
	/* The monitor beside a container is not in it. */
	if (piece_ends(prefix, "conmon"))
		return CONTAINER_NONE;
	return CONTAINER_OTHER;
}

static struct piece last_part(struct piece piece, char separator)
{
	size_t start = piece.length;

	while (start > 0 && piece.text[start - 1] != separator)
		start--;
	return piece_skip(piece, start);
}

/* Is this component a container named by an id? */
static enum container_runtime find_id(struct piece part, struct piece before, struct piece *id)
{
	struct piece bare = piece_cut(part, ".scope"), prefix;
	size_t lead;

	if (is_id(bare)) {
		*id = bare;
		return piece_is(before, "docker") ? CONTAINER_DOCKER : CONTAINER_OTHER;
	}
	if (bare.length <= ID_DIGITS + 1 || !is_id(piece_skip(bare, bare.length - ID_DIGITS)))
		return CONTAINER_NONE;
	lead = bare.length - ID_DIGITS - 1;
	prefix = (struct piece){ bare.text, lead };
	if (bare.text[lead] == ':')
		prefix = last_part(prefix, ':');
	else if (bare.text[lead] != '-')
		return CONTAINER_NONE;
	*id = piece_skip(bare, bare.length - ID_DIGITS);
	return runtime_of(prefix);
}

/* ... or by a name? `next` is the component below it. */
static enum container_runtime find_name(struct piece part, struct piece before, struct piece next, struct piece *name)
{
	if (piece_starts(part, "lxc.payload.") && part.length > strlen("lxc.payload.")) {
		*name = piece_skip(part, strlen("lxc.payload."));
		return CONTAINER_LXC;
	}
	if (piece_is(before, "lxc") || piece_is(before, "lxc.payload")) {
		*name = part;
		return CONTAINER_LXC;
	}
	if (piece_starts(part, "systemd-nspawn@") && piece_ends(part, ".service")) {
		if (piece_is(next, "supervisor"))
			return CONTAINER_NONE;
		*name = piece_cut(piece_skip(part, strlen("systemd-nspawn@")), ".service");
		return CONTAINER_NSPAWN;
	}
	if (piece_is(before, "machine.slice") && piece_starts(part, "machine-") && piece_ends(part, ".scope")) {
		*name = piece_cut(piece_skip(part, strlen("machine-")), ".scope");
		/* libvirt's virtual machines register there too */
		return piece_starts(*name, "qemu\\x2d") ? CONTAINER_NONE : CONTAINER_NSPAWN;
	}
	return CONTAINER_NONE;
}

/* The uid of a Kubernetes pod: "pod" and a UUID, with underscores in slices; 32 digits for static pods. */
static bool find_pod(struct piece part, struct piece *uid)
{
	for (size_t i = 0; i + 3 < part.length; i++) {
		struct piece rest = piece_skip(part, i);
		size_t length = 0;

		if (!piece_starts(rest, "pod") || (i > 0 && part.text[i - 1] != '-'))
			continue;
		rest = piece_skip(rest, 3);
		while (length < rest.length && (isxdigit((unsigned char)rest.text[length]) ||
						rest.text[length] == '-' || rest.text[length] == '_'))
			length++;
		if (length != UUID_LENGTH && length != 32)
			continue;
		*uid = (struct piece){ rest.text, length };
		return true;
	}
	return false;
}

static bool next_part(struct piece *path, struct piece *part)
{
	const char *slash;

	while (path->length && *path->text == '/')
		*path = piece_skip(*path, 1);
	if (!path->length)
		return false;
	slash = memchr(path->text, '/', path->length);
	*part = (struct piece){ path->text, slash ? (size_t)(slash - path->text) : path->length };
	*path = piece_skip(*path, part->length);
	return true;
}

/* What a path says, as pieces of it. */
struct findings {
	struct piece unit, container, pod;
	enum container_runtime runtime;
};

static void look_at(struct findings *found, struct piece part, struct piece before, struct piece next)
{
	struct piece container = { 0 };
	enum container_runtime runtime = find_id(part, before, &container);

	if (runtime == CONTAINER_NONE && !container.length)
		runtime = find_name(part, before, next, &container);
	if (runtime != CONTAINER_NONE) {
		found->runtime = runtime;
		found->container = container;
	}
	find_pod(part, &found->pod);
	if (!is_unit(part))
		return;
	/* A user's or a container's service manager sits in an init.scope of its own; only the machine's is at the top.
	 */
	if (piece_is(part, "init.scope") && before.length)
		return;
	found->unit = part;
}

static void search(struct piece path, struct findings *found)
{
	struct piece part, before = { 0 }, next, rest;

	while (next_part(&path, &part)) {
		rest = path;
		if (!next_part(&rest, &next))
			next = (struct piece){ 0 };
		look_at(found, part, before, next);
		before = part;
	}
}

/* How well a line answers the question, 0: not a line. */
static unsigned rank_line(struct piece line, struct piece *path)
{
	struct findings found = { 0 };
	const char *first = memchr(line.text, ':', line.length), *second;
	struct piece controllers;
	unsigned rank;

	if (!first)
		return 0;
	line = piece_skip(line, (size_t)(first + 1 - line.text));
	second = memchr(line.text, ':', line.length);
	if (!second || second + 1 == line.text + line.length || second[1] != '/')
		return 0;
	controllers = (struct piece){ line.text, (size_t)(second - line.text) };
	*path = piece_skip(line, (size_t)(second + 1 - line.text));
	*path = piece_cut(*path, " (deleted)");
	rank = controllers.length == 0 ? 3 : piece_is(controllers, "name=systemd") ? 2 : 1;
	if (path->length > 1)
		rank += 10;
	search(*path, &found);
	if (found.runtime != CONTAINER_NONE)
		rank += 20;
	return rank;
}

static int choose_path(const char *text, size_t length, struct piece *chosen, bool *v2)
{
	unsigned best = 0;

	while (length > 0) {
		const char *newline = memchr(text, '\n', length);
		size_t line = newline ? (size_t)(newline - text) : length;
		size_t step = newline ? line + 1 : line;
		struct piece path;
		unsigned rank = line ? rank_line((struct piece){ text, line }, &path) : 0;

		if (rank > best) {
			best = rank;
			*chosen = path;
			*v2 = piece_starts((struct piece){ text, line }, "0::");
		}
		text += step;
		length -= step;
	}
	return best ? 0 : -EINVAL;
}

bool cgroup_text_holds_when_exiting(const char *text, size_t length)
{
	struct piece rest = { text, length };
	bool has_v1 = false;

	while (rest.length > 0) {
		const char *newline = memchr(rest.text, '\n', rest.length);
		struct piece line = { rest.text, newline ? (size_t)(newline - rest.text) : rest.length }, path;

		rest = piece_skip(rest, newline ? line.length + 1 : line.length);
		if (!line.length || !rank_line(line, &path))
			continue;
		if (path.length > 1)
			return true;
		has_v1 |= !piece_starts(line, "0::");
	}
	return !has_v1;
}

int cgroup_names_parse(const char *text, size_t length, struct cgroup_names *names)
{
	struct findings found = { 0 };
	struct piece path;
	bool v2 = false;
	/* The kernel writes no NUL; what stands behind one is not text. */
	int error = choose_path(text, strnlen(text, length), &path, &v2);

	if (error)
		return error;
	if (path.length >= sizeof(names->path))
		return -ENAMETOOLONG;
	search(path, &found);
	names->v2 = v2;
	copy_piece(names->path, sizeof(names->path), path);
	if (found.unit.length)
		copy_unescaped(names->unit, sizeof(names->unit), found.unit);
	else
		copy_piece(names->unit, sizeof(names->unit), path);
	shorten_ids(names->unit);
	copy_unescaped(names->id, sizeof(names->id), found.container);
	names->runtime = names->id[0] ? found.runtime : CONTAINER_NONE; /* "machine-.scope" */
	if (names->runtime == CONTAINER_NONE)
		found.pod = (struct piece){ 0 };
	copy_piece(names->pod, sizeof(names->pod), found.pod);
	for (char *dash = names->pod; *dash; dash++)
		if (*dash == '_')
			*dash = '-';
	return 0;
}

static size_t printed(int length, size_t size)
{
	if (length < 0)
		return 0;
	return (size_t)length < size ? (size_t)length : size - 1;
}

size_t cgroup_container_text(const struct cgroup_names *names, char *to, size_t size)
{
	int digits = is_id((struct piece){ names->id, strlen(names->id) }) ? SHORT_DIGITS : (int)sizeof(names->id);

	if (names->runtime == CONTAINER_NONE)
		return printed(snprintf(to, size, "%s", ""), size);
	if (names->pod[0])
		return printed(snprintf(to, size, "%.8s/%.*s", names->pod, digits, names->id), size);
	return printed(snprintf(to, size, "%.*s", digits, names->id), size);
}

size_t cgroup_container_name(const char *name, char *to, size_t size)
{
	/* k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT: none of them holds an underscore */
	struct piece parts[4] = { 0 };
	const char *at;
	size_t count = 0;

	if (*name == '/')
		name++;
	if (strncmp(name, "k8s_", 4) != 0)
		return printed(snprintf(to, size, "%s", name), size);
	at = name + strlen("k8s");
	while (*at == '_' && count < sizeof(parts) / sizeof(parts[0])) {
		size_t length = strcspn(at + 1, "_");

		parts[count++] = (struct piece){ at + 1, length };
		at += length + 1;
	}
	if (count < 3)
		return printed(snprintf(to, size, "%s", name), size);
	return printed(snprintf(to, size, "%.*s/%.*s/%.*s", (int)parts[2].length, parts[2].text, (int)parts[1].length,
				parts[1].text, (int)parts[0].length, parts[0].text),
		       size);
}
