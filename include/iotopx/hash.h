/* Hashes of short keys: FNV-1a, 64 bits. Nobody gains by making them collide, so speed and size decide. */
#ifndef IOTOPX_HASH_H
#define IOTOPX_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START 0xcbf29ce484222325u

/* Goes on from `hash`: the start, or what came before. */
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length);
/* A text with its end, so that "a" + "bc" is not "ab" + "c"; NULL is a text of its own. */
uint64_t hash_text(uint64_t hash, const char *text);

#endif
