#include "json.h"

#include <ctype.h>
#include <string.h>

static bool peek(struct json *json, char *c)
{
	while (json->at < json->end && isspace((unsigned char)*json->at))
		json->at++;
	if (json->at == json->end)
		return false;
	*c = *json->at;
	return true;
}

bool json_cursor_open(struct json *json, char bracket)
{
	char c;

	if (!peek(json, &c) || c != bracket)
		return false;
	json->at++;
	return true;
}

bool json_cursor_next(struct json *json, bool *first)
{
	char c;

	if (!peek(json, &c) || c == '}' || c == ']')
		return false;
	if (*first) {
		*first = false;
		return true;
	}
	if (c != ',')
		return false;
	json->at++;
	return peek(json, &c) && c != '}' && c != ']';
}

bool json_cursor_key(struct json *json, char *to, size_t size)
{
	char c;

	if (!json_cursor_string(json, to, size) || !peek(json, &c) || c != ':')
		return false;
	json->at++;
	return true;
}

static bool hex4(struct json *json, unsigned *code)
{
	*code = 0;
	if (json->end - json->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = *json->at++;

		if (!isxdigit((unsigned char)c))
			return false;
		*code = *code * 16 + (unsigned)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return true;
}

/* Names are ASCII in practice: a surrogate pair becomes two marks, not one character. */
static size_t utf8(char *to, unsigned code)
{
	if (code >= 0xd800 && code < 0xe000)
		code = '?';
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xc0 | code >> 6);
		to[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	to[0] = (char)(0xe0 | code >> 12);
	to[1] = (char)(0x80 | (code >> 6 & 0x3f));
	to[2] = (char)(0x80 | (code & 0x3f));
	return 3;
}

/* What stands behind a backslash, as 1 to 3 bytes; 0: an error. */
static size_t escape(struct json *json, char *to)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *name;
	unsigned code;
	char c;

	if (json->at == json->end)
		return 0;
	c = *json->at++;
	if (c == 'u')
		return hex4(json, &code) && code ? utf8(to, code) : 0;
	name = c ? strchr(names, c) : NULL;
	if (!name)
		return 0;
	*to = values[name - names];
	return 1;
}

bool json_cursor_string(struct json *json, char *to, size_t size)
{
	size_t written = 0;
	char c;

	if (!peek(json, &c) || c != '"')
		return false;
	for (json->at++; json->at < json->end;) {
		char bytes[4];
		size_t count = 1;

		bytes[0] = *json->at++;
		if (bytes[0] == '"') {
			if (size)
				to[written] = '\0';
			return true;
		}
		if (bytes[0] == '\\' && (count = escape(json, bytes)) == 0)
			return false;
		if (written + count < size) {
			memcpy(to + written, bytes, count);
			written += count;
		}
	}
	return false;
}

/* A number, true, false or null: what matters is where it ends. */
static bool skip_word(struct json *json)
{
	const char *start = json->at;

	while (json->at < json->end &&
	       (isalnum((unsigned char)*json->at) || *json->at == '+' || *json->at == '-' || *json->at == '.'))
		json->at++;
	return json->at > start;
}

/* Counts brackets instead of recursing: the depth of a file is not ours to limit. */
bool json_cursor_skip(struct json *json)
{
	size_t depth = 0;
	char c;

	do {
		if (!peek(json, &c))
			return false;
		if (c == '"') {
			if (!json_cursor_string(json, NULL, 0))
				return false;
		} else if (c == '{' || c == '[') {
			depth++;
			json->at++;
		} else if (depth > 0 && strchr("}],:", c) && c) {
			if (c == '}' || c == ']')
				depth--;
			json->at++;
		} else if (!skip_word(json)) {
			return false;
		}
	} while (depth > 0);
	return true;
}

bool json_cursor_value(struct json *json, struct json *value)
{
	const char *start = json->at;

	if (!json_cursor_skip(json))
		return false;
	*value = (struct json){ start, json->at };
	return true;
}
