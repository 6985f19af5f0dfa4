/* filter.h: an expression in the first line, a name in the second, a command line in the third. */
#include "fuzz.h"

#include "iotopx/filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *find_user(void *data, uint32_t uid)
{
	(void)data;
	return uid == 0 ? "root" : "1000";
}

static const char *find_cmdline(void *data, struct task_info *info)
{
	(void)data;
	return info->cmdline;
}

static const struct lookup lookup = { .user = find_user, .cmdline = find_cmdline };

static struct filter *parse(const char *expression, int *result)
{
	struct filter *filter = NULL;
	char error[200] = "";

	*result = filter_parse(expression, &filter, error, sizeof(error));
	REQUIRE(*result == 0 || (*result == -EINVAL && !filter && error[0]));
	REQUIRE(memchr(error, '\0', sizeof(error)));
	return filter;
}

static void check(const char *expression, struct task_info *info)
{
	int result, again;
	struct filter *filter = parse(expression, &result), *same = parse(expression, &again);

	REQUIRE(result == again && !filter == !same);
	REQUIRE(filter_match(filter, info, &lookup) == filter_match(same, info, &lookup));
	REQUIRE(filter || !filter_asks_who(filter));
	/* With a pin on another task nothing matches; with one on this it is as it was. */
	if (filter && result == 0) {
		const bool matched = filter_match(filter, info, &lookup);

		REQUIRE(filter_add_pid(&same, info->id.tid + 1) == 0 && !filter_match(same, info, &lookup));
		REQUIRE(filter_add_pid(&same, info->id.tid) == 0 && filter_add_uid(&same, info->uid) == 0);
		filter_pin(same, info);
		REQUIRE(filter_match(same, info, &lookup) == matched);
		filter_exited(same, info, true);
		REQUIRE(filter_pid_count(same) == 2 && filter_pids_gone(same) == 1);
	}
	filter_free(filter);
	filter_free(same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = { data, size };
	char *expression = bytes_take_text(&bytes, '\n'), *comm = bytes_take_text(&bytes, '\n');
	struct task_info *info = task_info_new();

	REQUIRE(info);
	info->id = info->process = (struct task_id){ 4711, 1000000000 };
	info->uid = 1000;
	info->unit = "shop.service";
	info->container = "web-1";
	snprintf(info->comm, sizeof(info->comm), "%s", comm);
	info->cmdline = bytes_take_text(&bytes, '\0');
	check(expression, info);
	task_info_unref(info);
	free(comm);
	free(expression);
	return 0;
}
