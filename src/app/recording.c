#include "recording.h"
#include "front.h"

#include "iotopx/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct recording {
	struct source source;
	struct source *inner;
	struct recorder *recorder;
	uint64_t *lost; /* the caller's */
	char *name;
	char notice[768];
};

static struct recording *recording_of(struct source *source)
{
	return (struct recording *)source;
}

static int recording_next(struct source *source, bool list_idle, struct interval **interval)
{
	struct recording *recording = recording_of(source);
	int result = recording->inner->ops->next(recording->inner, list_idle, interval);

	/* One that there was no memory for is counted there. */
	if (result == 0)
		(void)recorder_add(recording->recorder, *interval);
	return result;
}

static size_t recording_fds(struct source *source, struct pollfd *fds, size_t max)
{
	struct recording *recording = recording_of(source);

	return recording->inner->ops->fds(recording->inner, fds, max);
}

static int recording_drain(struct source *source)
{
	struct recording *recording = recording_of(source);

	return recording->inner->ops->drain(recording->inner);
}

/* What is wrong with the recording comes first: nobody may look at it for days. */
static const char *recording_notice(struct source *source)
{
	struct recording *recording = recording_of(source);
	const char *wrong = recorder_notice(recording->recorder);
	const char *other = recording->inner->ops->notice(recording->inner);

	if (!wrong || !other)
		return wrong ? wrong : other;
	snprintf(recording->notice, sizeof(recording->notice), "%s; %s", wrong, other);
	return recording->notice;
}

static int recording_set_delayacct(struct source *source, bool on)
{
	struct recording *recording = recording_of(source);

	return recording->inner->ops->set_delayacct(recording->inner, on);
}

static void recording_set_interval(struct source *source, uint64_t interval_ns)
{
	struct recording *recording = recording_of(source);

	if (recording->inner->ops->set_interval)
		recording->inner->ops->set_interval(recording->inner, interval_ns);
}

static void recording_close(struct source *source)
{
	struct recording *recording = recording_of(source);

	*recording->lost = recorder_close(recording->recorder);
	if (*recording->lost)
		complain("--record %.200s: %llu intervals were not recorded", recording->name,
			 (unsigned long long)*recording->lost);
	recording->inner->ops->close(recording->inner);
	free(recording->name);
	free(recording);
}

static const struct source_ops recording_ops = {
	.next = recording_next,
	.fds = recording_fds,
	.drain = recording_drain,
	.notice = recording_notice,
	.set_delayacct = recording_set_delayacct,
	.set_interval = recording_set_interval,
	.close = recording_close,
};

int recording_open(const struct settings *settings, struct source *inner, uint64_t *lost, struct source **source)
{
	char host[256] = "", error[512] = "";
	struct recorder_options options = { .path = settings->record,
					    .host = host,
					    .interval_ns = settings->interval_ns,
					    .retain_ns = settings->retain_ns,
					    .lookup = &inner->lookup };
	struct recording *recording = calloc(1, sizeof(*recording));
	int result = -ENOMEM;

	gethostname(host, sizeof(host) - 1);
	if (recording)
		recording->name = strdup(settings->record);
	if (recording && recording->name)
		result = recorder_open(&options, &recording->recorder, error, sizeof(error));
	if (result) {
		complain("--record %.200s: %s%s", settings->record, *error ? error : strerror(-result),
			 permission_hint(result, settings->record));
		free(recording ? recording->name : NULL);
		free(recording);
		return result;
	}
	recording->source = (struct source){ .ops = &recording_ops, .lookup = inner->lookup, .live = inner->live };
	recording->inner = inner;
	recording->lost = lost;
	*source = &recording->source;
	return 0;
}
