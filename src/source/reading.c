#include "reading.h"

#include <string.h>

static uint64_t microseconds(uint64_t us)
{
	return us > UINT64_MAX / 1000 ? UINT64_MAX : us * 1000;
}

/* Rule 12 of the accounting: a leader that has touched memory has copied pages on write; a count of 0 says that nobody
 * counted. Threads share their process's memory, so zeros prove nothing for them. */
static uint32_t delay_flags(const struct taskstats_fields *fields, bool leader)
{
	if (!fields->has_wpcopy)
		return 0;
	if (fields->wpcopy_count > 0)
		return READING_DELAYS_PROVEN;
	return leader && fields->minflt > 0 ? READING_NO_DELAYS : 0;
}

void reading_from_fields(struct reading *reading, const struct taskstats_fields *fields, uint64_t time_ns,
			 uint64_t window_ns)
{
	memset(reading, 0, sizeof(*reading));
	reading->tid = (pid_t)fields->pid;
	reading->tgid = fields->has_tgid ? (pid_t)fields->tgid : 0;
	reading->ppid = (pid_t)fields->ppid;
	reading->uid = fields->uid;
	reading->exit_code = fields->exit_code;
	reading->time_ns = time_ns;
	reading->window_ns = window_ns;
	reading->age_ns = microseconds(fields->etime_us);
	reading->process_age_ns = fields->has_tgid ? microseconds(fields->tgetime_us) : 0;
	memcpy(reading->comm, fields->comm, sizeof(reading->comm) - 1);
	reading->flags = delay_flags(fields, fields->has_tgid && fields->tgid == fields->pid);
	if (fields->flags & TASKSTATS_FLAG_AFORK)
		reading->flags |= READING_FORKED;
	if (fields->has_tgid)
		reading->flags |= READING_HAS_GROUP_FLAG;
	if (fields->flags & TASKSTATS_FLAG_AGROUP)
		reading->flags |= READING_GROUP_DEAD;
	reading->counters = (struct counters){
		.value = {
			[COUNTER_READ] = fields->read_bytes,
			[COUNTER_WRITE] = fields->write_bytes,
			[COUNTER_CANCELLED] = fields->cancelled_write_bytes,
			[COUNTER_READ_CHAR] = fields->read_char,
			[COUNTER_WRITE_CHAR] = fields->write_char,
			[COUNTER_READ_CALLS] = fields->read_syscalls,
			[COUNTER_WRITE_CALLS] = fields->write_syscalls,
			[COUNTER_BLKIO_COUNT] = fields->blkio_count,
			[COUNTER_BLKIO_DELAY] = fields->blkio_delay_ns,
			[COUNTER_SWAPIN_COUNT] = fields->swapin_count,
			[COUNTER_SWAPIN_DELAY] = fields->swapin_delay_ns,
		},
		.known = COUNTERS_ALL,
	};
}

void reading_exact_io(struct reading *reading, struct proc *proc, pid_t pid)
{
	struct counters exact;

	if (proc_read_io(proc, pid, reading->tid, &exact))
		return;
	for (int counter = 0; counter < COUNTER_BLKIO_COUNT; counter++)
		reading->counters.value[counter] = exact.value[counter];
	reading->flags |= READING_EXACT_IO;
}

void reading_set_cgroup(struct reading *reading, const struct cgroup_ident *ident, bool approximate)
{
	if (!ident)
		return;
	reading->cgroup = ident->cgroup;
	reading->unit = ident->unit;
	reading->container = ident->container;
	reading->unit_approximate = approximate;
}
