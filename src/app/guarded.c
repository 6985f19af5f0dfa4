#include "guarded.h"
#include "front.h"
#include "helper.h"
#include "privilege.h"

#include "iotopx/live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_SIZE 512
#define NOTICE_COUNT 3

struct guarded {
	struct source source;
	struct source *inner;
	struct helper *helper;
	char kept[ERROR_SIZE]; /* what could not be given up; empty: all could */
	char notice[NOTICE_COUNT * ERROR_SIZE];
};

static struct guarded *guarded_of(struct source *source)
{
	return (struct guarded *)source;
}

static int guarded_next(struct source *source, bool list_idle, struct interval **interval)
{
	struct guarded *guarded = guarded_of(source);

	helper_watch(guarded->helper);
	return guarded->inner->ops->next(guarded->inner, list_idle, interval);
}

static size_t guarded_fds(struct source *source, struct pollfd *fds, size_t max)
{
	struct guarded *guarded = guarded_of(source);

	return guarded->inner->ops->fds(guarded->inner, fds, max);
}

static int guarded_drain(struct source *source)
{
	struct guarded *guarded = guarded_of(source);

	return guarded->inner->ops->drain(guarded->inner);
}

static const char *guarded_notice(struct source *source)
{
	struct guarded *guarded = guarded_of(source);
	const char *parts[NOTICE_COUNT] = { helper_notice(guarded->helper), guarded->kept[0] ? guarded->kept : NULL,
					    guarded->inner->ops->notice(guarded->inner) };
	size_t used = 0;

	guarded->notice[0] = '\0';
	for (size_t i = 0; i < NOTICE_COUNT; i++)
		if (parts[i] && used < sizeof(guarded->notice))
			used += (size_t)snprintf(guarded->notice + used, sizeof(guarded->notice) - used, "%s%s",
						 used ? "; " : "", parts[i]);
	return used ? guarded->notice : NULL;
}

static int guarded_set_delayacct(struct source *source, bool on)
{
	return helper_set_delayacct(guarded_of(source)->helper, on);
}

static void guarded_set_interval(struct source *source, uint64_t interval_ns)
{
	struct guarded *guarded = guarded_of(source);

	guarded->inner->ops->set_interval(guarded->inner, interval_ns);
}

static void close_helper(struct helper *helper)
{
	if (helper && !helper_stop(helper))
		complain("kernel.task_delayacct was not switched off again: the helper that does it is gone");
}

static void guarded_close(struct source *source)
{
	struct guarded *guarded = guarded_of(source);

	if (guarded->inner)
		guarded->inner->ops->close(guarded->inner);
	close_helper(guarded->helper);
	free(guarded);
}

static const struct source_ops guarded_ops = {
	.next = guarded_next,
	.fds = guarded_fds,
	.drain = guarded_drain,
	.notice = guarded_notice,
	.set_delayacct = guarded_set_delayacct,
	.set_interval = guarded_set_interval,
	.close = guarded_close,
};

static int open_inner(struct guarded *guarded, const struct settings *settings)
{
	struct live_options options = { .require_all = settings->require_all,
					.interval_ns = settings->interval_ns,
					.sockets = helper_sockets(guarded->helper) };
	char error[ERROR_SIZE] = "";
	int result = helper_names(guarded->helper, &options.names);

	if (result == 0)
		result = live_open(&options, &guarded->inner, error, sizeof(error));
	if (result == 0)
		return 0;
	if (options.names.free)
		options.names.free(options.names.data);
	complain("%s", *error ? error : strerror(-result));
	return result;
}

static int run_delayacct(struct guarded *guarded)
{
	int result = helper_run_delayacct(guarded->helper);

	if (result != 0)
		complain("--delayacct: kernel.task_delayacct can't be switched on: %s", strerror(-result));
	return result;
}

/* A kernel that can't do a part of it is no reason not to look at it, unless everything is asked for. */
static int drop(struct guarded *guarded, const struct settings *settings)
{
	char error[ERROR_SIZE / 2];
	int result = privilege_drop(PRIVILEGE_MONITOR, error, sizeof(error));

	if (result == 0)
		return 0;
	if (settings->require_all) {
		complain("--require-all: %s", error);
		return result;
	}
	snprintf(guarded->kept, sizeof(guarded->kept), "more rights than needed: %s", error);
	return 0;
}

int guarded_open(const struct settings *settings, struct source **source)
{
	const struct helper_options options = { .read_only = settings->read_only, .root = "" };
	struct guarded *guarded = calloc(1, sizeof(*guarded));
	int result = guarded ? helper_start(&options, &guarded->helper) : -ENOMEM;

	if (result != 0) {
		complain("no helper process can be started: %s", strerror(-result));
		free(guarded);
		return result;
	}
	result = privilege_take_up();
	if (result != 0)
		complain("capabilities: %s", strerror(-result));
	else
		result = open_inner(guarded, settings);
	if (result == 0 && settings->delayacct)
		result = run_delayacct(guarded);
	if (result == 0)
		result = drop(guarded, settings);
	if (result != 0) {
		guarded_close(&guarded->source);
		return result;
	}
	guarded->source = (struct source){ .ops = &guarded_ops, .lookup = guarded->inner->lookup, .live = true };
	*source = &guarded->source;
	return 0;
}

struct actions guarded_actions(struct source *source)
{
	return helper_actions(guarded_of(source)->helper);
}

const struct source *guarded_inner(const struct source *source)
{
	return ((const struct guarded *)source)->inner;
}
