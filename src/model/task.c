#include "iotopx/task.h"

#include <stdlib.h>
#include <string.h>

void counters_add(struct counters *sum, const struct counters *part)
{
	uint32_t one_sided = sum->known ^ part->known;

	for (int counter = 0; counter < COUNTER_COUNT; counter++)
		sum->value[counter] += part->value[counter];
	sum->approximate |= part->approximate | one_sided;
	sum->known |= part->known;
}

bool counters_any(const struct counters *counters)
{
	for (int counter = 0; counter < COUNTER_COUNT; counter++)
		if (counters->value[counter])
			return true;
	return false;
}

struct task_info *task_info_new(void)
{
	struct task_info *info = calloc(1, sizeof(*info));

	if (!info)
		return NULL;
	info->refs = 1;
	info->uid = UINT32_MAX;
	return info;
}

struct task_info *task_info_copy(const struct task_info *info)
{
	struct task_info *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *info;
	copy->refs = 1;
	copy->cmdline = NULL;
	if (info->cmdline) {
		copy->cmdline = strdup(info->cmdline);
		if (!copy->cmdline) {
			free(copy);
			return NULL;
		}
	}
	if (copy->leader)
		task_info_ref(copy->leader);
	return copy;
}

struct task_info *task_info_ref(struct task_info *info)
{
	info->refs++;
	return info;
}

/* NOLINTNEXTLINE(misc-no-recursion): a leader has none itself, this goes one step deep */
void task_info_unref(struct task_info *info)
{
	if (!info || --info->refs > 0)
		return;
	task_info_unref(info->leader);
	free(info->cmdline);
	free(info);
}
