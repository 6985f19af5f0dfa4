#include "iotopx/lookup.h"
#include "iotopx/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define UID_TEXT_SIZE 12

/* A uid as text must stay valid for good and has no owner here, so the texts are kept: the same uid, the same text,
 * for ever. The only state without a parameter in the program; it holds nothing but constants computed late. */
static const char *uid_text(uint32_t uid)
{
	static struct idmap map;
	static struct {
		char **items;
		size_t count, capacity;
	} texts;
	uint32_t slot;
	char **item;

	/* The map has no key 0, and (uid_t)-1 is nobody's. */
	if (uid == UINT32_MAX)
		return "?";
	slot = idmap_get(&map, uid + 1);
	if (slot != IDMAP_NONE)
		return texts.items[slot];
	item = array_append(&texts);
	if (!item)
		return "?";
	*item = malloc(UID_TEXT_SIZE);
	if (!*item || idmap_set(&map, uid + 1, (uint32_t)(texts.count - 1)) < 0) {
		free(*item);
		texts.count--;
		return "?";
	}
	snprintf(*item, UID_TEXT_SIZE, "%" PRIu32, uid);
	return *item;
}

static const char *nothing_user(void *data, uint32_t uid)
{
	(void)data;
	return uid_text(uid);
}

static const char *nothing_cmdline(void *data, struct task_info *info)
{
	(void)data;
	/* A replay's tasks may carry theirs. */
	return info->cmdline;
}

static struct prio nothing_prio(void *data, const struct task_info *info)
{
	(void)data;
	(void)info;
	return (struct prio){ .io_class = TASK_PRIO_UNKNOWN, .level = TASK_PRIO_UNKNOWN };
}

const struct lookup lookup_nothing = {
	.user = nothing_user,
	.cmdline = nothing_cmdline,
	.prio = nothing_prio,
};
