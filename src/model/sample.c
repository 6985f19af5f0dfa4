#include "iotopx/sample.h"
#include "iotopx/array.h"

#include <errno.h>
#include <stdlib.h>

void sample_reset(struct sample *sample)
{
	struct sample kept = *sample;

	*sample = (struct sample){
		.readings = kept.readings,
		.capacity = kept.capacity,
		.gone = kept.gone,
		.gone_capacity = kept.gone_capacity,
		.machine = kept.machine,
		.delayacct = -1,
	};
	sample->machine.known = 0;
}

void sample_free(struct sample *sample)
{
	free(sample->readings);
	free(sample->gone);
	machine_counters_free(&sample->machine);
	*sample = (struct sample){ 0 };
}

struct reading *sample_add(struct sample *sample)
{
	return array_append_raw((void **)&sample->readings, &sample->count, &sample->capacity,
				sizeof(*sample->readings));
}

int sample_add_gone(struct sample *sample, pid_t tid)
{
	pid_t *slot = array_append_raw((void **)&sample->gone, &sample->gone_count, &sample->gone_capacity,
				       sizeof(*sample->gone));

	if (!slot)
		return -ENOMEM;
	*slot = tid;
	return 0;
}
