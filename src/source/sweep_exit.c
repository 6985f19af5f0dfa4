#include "sweep_state.h"

#define CGROUP_READS_PER_SWEEP 2000u /* for exited processes; more than that get their parent's, approximate */

static const struct cgroup_ident *read_cgroup(struct sweep *sweep, pid_t pid)
{
	const struct cgroup_ident *ident = NULL;

	if (sweep->cgroup_reads >= CGROUP_READS_PER_SWEEP)
		return NULL;
	sweep->cgroup_reads++;
	if (cgroup_cache_read_exiting(sweep->cgroups, proc_fd(sweep->proc), pid, &ident))
		return NULL;
	return ident;
}

/* The process that the record is about, if it is known. */
static struct watched *exit_process(struct sweep *sweep, const struct reading *record, pid_t tgid)
{
	uint64_t age = record->process_age_ns ? record->process_age_ns : record->age_ns;
	uint64_t start = record->time_ns > age ? record->time_ns - age : 0;
	uint64_t slack = READING_START_TOLERANCE_NS + record->window_ns;
	struct watched *process = watch_find(&sweep->watch, tgid);

	if (!process || process->start_ns + slack + READING_LATE_NS < start || start + slack < process->start_ns)
		return NULL;
	return process;
}

/* Rule 9 of the accounting. Its own cgroup, which a zombie still tells on v2; where it was last seen; where its parent
 * is, which is a guess. Whose parent is init may be anybody's orphan. */
static const struct cgroup_ident *exit_cgroup(struct sweep *sweep, const struct reading *record, bool *approximate)
{
	pid_t tgid = record->tgid ? record->tgid : record->tid;
	struct watched *process = exit_process(sweep, record, tgid), *parent;
	const struct cgroup_ident *ident = NULL;

	*approximate = false;
	if (process) {
		struct watched_thread *thread = watched_thread_find(process, record->tid);

		if (thread)
			thread->flags |= THREAD_RECORD;
		if (record->flags & READING_GROUP_DEAD)
			process->flags |= PROCESS_EXITED;
		/* Its process lives on. Many threads may end: one look is enough until the next sweep. */
		if (process->ident && record->tid != tgid && process->exit_grouped == sweep->number)
			return process->ident;
		process->exit_grouped = sweep->number;
	}
	ident = read_cgroup(sweep, tgid);
	if (ident && process)
		process->ident = ident;
	if (ident)
		return ident;
	if (process && process->ident)
		return process->ident;
	*approximate = true;
	if (record->ppid <= 1)
		return NULL;
	ident = read_cgroup(sweep, record->ppid);
	if (ident)
		return ident;
	parent = watch_find(&sweep->watch, record->ppid);
	return parent ? parent->ident : NULL;
}

void sweep_exit(struct sweep *sweep, const struct taskstats_fields *fields, uint64_t time_ns, uint64_t window_ns,
		struct reading *record)
{
	const struct cgroup_ident *ident;
	bool approximate;

	reading_from_fields(record, fields, time_ns, window_ns);
	if (record->tgid == sweep->self || record->ppid == sweep->self)
		record->flags |= READING_OWN;
	ident = exit_cgroup(sweep, record, &approximate);
	reading_set_cgroup(record, ident, approximate);
	sweep->cost->exits++;
}
