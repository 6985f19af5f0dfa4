#include "outage.h"

#include <stdio.h>
#include <string.h>

void outage_begin(struct outage *outage, int error)
{
	if (outage->error)
		return;
	outage->error = error;
	outage->refusal = 0;
}

bool outage_may_ask(struct outage *outage, uint64_t now_ns)
{
	if (!outage->error || (outage->asked_ns && now_ns - outage->asked_ns < OUTAGE_REST_NS))
		return false;
	outage->asked_ns = now_ns;
	return true;
}

void outage_answer(struct outage *outage, int error)
{
	outage->refusal = error;
	if (!error)
		outage->error = 0;
}

void outage_describe(const struct outage *outage, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s", strerror(-outage->error), outage->refusal ? "; no new socket: " : "",
		 outage->refusal ? strerror(-outage->refusal) : "");
}
