/* Just enough JSON to find a name in a file of a container runtime: a cursor over the text, no allocation. Private to
 * this room. The prefix is not just json_, which belongs to jansson. */
#ifndef IOTOPX_JSON_H
#define IOTOPX_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct json {
	const char *at, *end;
};

/* Each takes what it names and moves on; false (wherever it stopped) where the text is something else. */
bool json_cursor_open(struct json *json, char bracket);         /* { or [ */
bool json_cursor_next(struct json *json, bool *first);          /* another member or element? Starts with *first true */
bool json_cursor_key(struct json *json, char *to, size_t size); /* a member's name and the colon */
bool json_cursor_string(struct json *json, char *to, size_t size); /* unescaped; cut to size */
bool json_cursor_skip(struct json *json);                          /* any value */
bool json_cursor_value(struct json *json, struct json *value);     /* any value, as a cursor of its own */

#endif
