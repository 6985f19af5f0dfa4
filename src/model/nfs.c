#include "iotopx/nfs.h"
#include "iotopx/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void mount_free(struct nfs_mount *mount)
{
	free(mount->mount);
	free(mount->device);
	free(mount->version);
	free(mount->ops);
}

void nfs_mounts_free(struct nfs_mounts *mounts)
{
	for (size_t i = 0; i < mounts->count; i++)
		mount_free(&mounts->items[i]);
	free(mounts->items);
	*mounts = (struct nfs_mounts){ 0 };
}

static size_t text_bytes(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

size_t nfs_mounts_bytes(const struct nfs_mounts *mounts)
{
	size_t bytes = mounts->capacity * sizeof(*mounts->items);

	for (size_t i = 0; i < mounts->count; i++) {
		const struct nfs_mount *mount = &mounts->items[i];

		bytes += text_bytes(mount->mount) + text_bytes(mount->device) + text_bytes(mount->version) +
			 mount->op_capacity * sizeof(*mount->ops);
	}
	return bytes;
}

/* Two mounts may lie over each other on one mount point: the order tells them apart, so `hint` comes first. */
static const struct nfs_mount *find_mount(const struct nfs_mounts *mounts, const struct nfs_mount *wanted, size_t hint)
{
	for (size_t i = 0; i < mounts->count; i++) {
		const struct nfs_mount *mount = &mounts->items[(hint + i) % mounts->count];

		if (strcmp(mount->mount, wanted->mount) == 0 && strcmp(mount->device, wanted->device) == 0)
			return mount;
	}
	return NULL;
}

static const struct nfs_op *find_op(const struct nfs_mount *mount, const char *name, size_t hint)
{
	for (size_t i = 0; i < mount->op_count; i++) {
		const struct nfs_op *op = &mount->ops[(hint + i) % mount->op_count];

		if (strcmp(op->name, name) == 0)
			return op;
	}
	return NULL;
}

/* False if a counter went down: the mount began anew. */
static bool op_difference(struct nfs_op *delta, const struct nfs_op *older, const struct nfs_op *newer)
{
	const struct {
		uint64_t older, newer;
		uint64_t *difference;
	} fields[] = {
		{ older->ops, newer->ops, &delta->ops },
		{ older->transmissions, newer->transmissions, &delta->transmissions },
		{ older->timeouts, newer->timeouts, &delta->timeouts },
		{ older->sent_bytes, newer->sent_bytes, &delta->sent_bytes },
		{ older->received_bytes, newer->received_bytes, &delta->received_bytes },
		{ older->queue_ms, newer->queue_ms, &delta->queue_ms },
		{ older->rtt_ms, newer->rtt_ms, &delta->rtt_ms },
		{ older->execute_ms, newer->execute_ms, &delta->execute_ms },
		{ older->errors, newer->errors, &delta->errors },
	};

	memcpy(delta->name, newer->name, sizeof(delta->name));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (fields[i].newer < fields[i].older)
			return false;
		*fields[i].difference = fields[i].newer - fields[i].older;
	}
	return true;
}

/* 0; -ESTALE if counters went down; -ENOMEM. Whatever it allocated is mount_free's to release. */
static int mount_difference(struct nfs_mount *delta, const struct nfs_mount *older, const struct nfs_mount *newer)
{
	if (newer->age_s < older->age_s || newer->sends < older->sends || newer->backlog < older->backlog)
		return -ESTALE;
	*delta = (struct nfs_mount){
		.mount = strdup(newer->mount),
		.device = strdup(newer->device),
		.version = strdup(newer->version),
		.age_s = newer->age_s - older->age_s,
		.sends = newer->sends - older->sends,
		.backlog = newer->backlog - older->backlog,
		.has_errors = older->has_errors && newer->has_errors,
		.ops = calloc(newer->op_count ? newer->op_count : 1, sizeof(*delta->ops)),
		.op_capacity = newer->op_count,
	};
	if (!delta->mount || !delta->device || !delta->version || !delta->ops)
		return -ENOMEM;
	for (size_t i = 0; i < newer->op_count; i++) {
		const struct nfs_op *before = find_op(older, newer->ops[i].name, i);

		if (!before)
			continue;
		if (!op_difference(&delta->ops[delta->op_count++], before, &newer->ops[i]))
			return -ESTALE;
	}
	return 0;
}

int nfs_delta_compute(struct nfs_mounts *delta, const struct nfs_mounts *older, const struct nfs_mounts *newer)
{
	struct nfs_mounts result = { 0 };

	if (newer->count && array_reserve(&result, newer->count))
		return -ENOMEM;
	for (size_t i = 0; i < newer->count; i++) {
		const struct nfs_mount *before = find_mount(older, &newer->items[i], i);
		struct nfs_mount mount = { 0 };
		int error = before ? mount_difference(&mount, before, &newer->items[i]) : -ESTALE;

		if (!error) {
			result.items[result.count++] = mount;
			continue;
		}
		mount_free(&mount);
		if (error != -ESTALE) {
			nfs_mounts_free(&result);
			return error;
		}
	}
	*delta = result;
	return 0;
}

static uint64_t retransmitted(const struct nfs_op *op)
{
	return op->transmissions > op->ops ? op->transmissions - op->ops : 0;
}

/* The sum of the mount's operations with these names. */
static struct nfs_op sum_ops(const struct nfs_mount *mount, const char *const *names, size_t count)
{
	struct nfs_op sum = { 0 };

	for (size_t i = 0; i < count; i++) {
		const struct nfs_op *op = find_op(mount, names[i], 0);

		if (!op)
			continue;
		sum.ops += op->ops;
		sum.transmissions += op->transmissions;
		sum.timeouts += op->timeouts;
		sum.sent_bytes += op->sent_bytes;
		sum.received_bytes += op->received_bytes;
		sum.queue_ms += op->queue_ms;
		sum.rtt_ms += op->rtt_ms;
		sum.execute_ms += op->execute_ms;
		sum.errors += op->errors;
	}
	return sum;
}

static void set(struct nfs_stat *stat, unsigned figure, double value)
{
	stat->figure[figure] = value;
	stat->known |= 1u << figure;
}

/* `first` is NFS_READ_OPS or NFS_WRITE_OPS: both have the same figures in the same order. */
static void set_direction(struct nfs_stat *stat, unsigned first, const struct nfs_op *op, double seconds)
{
	enum { OPS, BYTES, SIZE, RETRANS, RTT, EXE, QUEUE, ERRORS };
	double bytes = (double)(op->sent_bytes + op->received_bytes), ops = (double)op->ops;

	if (seconds > 0) {
		set(stat, first + OPS, ops / seconds);
		set(stat, first + BYTES, bytes / seconds);
	}
	set(stat, first + RETRANS, (double)retransmitted(op));
	if (stat->delta->has_errors)
		set(stat, first + ERRORS, (double)op->errors);
	if (op->ops == 0)
		return;
	set(stat, first + SIZE, bytes / ops);
	set(stat, first + RTT, (double)op->rtt_ms * 1e6 / ops);
	set(stat, first + EXE, (double)op->execute_ms * 1e6 / ops);
	set(stat, first + QUEUE, (double)op->queue_ms * 1e6 / ops);
}

void nfs_stat_compute(struct nfs_stat *stat, const struct nfs_mount *delta, uint64_t elapsed_ns)
{
	static const char *const reads[] = { "READ", "READ_PLUS" }, *const writes[] = { "WRITE" };
	struct nfs_op read = sum_ops(delta, reads, sizeof(reads) / sizeof(reads[0]));
	struct nfs_op write = sum_ops(delta, writes, sizeof(writes) / sizeof(writes[0]));
	double seconds = (double)elapsed_ns / 1e9;

	*stat = (struct nfs_stat){ .delta = delta, .active = delta->sends > 0 };
	for (size_t i = 0; i < delta->op_count && !stat->active; i++)
		stat->active = delta->ops[i].ops > 0;
	if (seconds > 0)
		set(stat, NFS_OPS, (double)delta->sends / seconds);
	if (seconds > 0 && delta->sends > 0)
		set(stat, NFS_BACKLOG, (double)delta->backlog / (double)delta->sends / seconds);
	set_direction(stat, NFS_READ_OPS, &read, seconds);
	set_direction(stat, NFS_WRITE_OPS, &write, seconds);
}

void nfs_op_stat_compute(struct nfs_op_stat *stat, const struct nfs_op *delta, uint64_t elapsed_ns)
{
	double bytes = (double)(delta->sent_bytes + delta->received_bytes), ops = (double)delta->ops;
	double seconds = (double)elapsed_ns / 1e9;

	*stat = (struct nfs_op_stat){
		.ops = delta->ops,
		.retrans = retransmitted(delta),
		.errors = delta->errors,
	};
	if (elapsed_ns > 0) {
		stat->ops_per_second = ops / seconds;
		stat->bytes_per_second = bytes / seconds;
	}
	if (delta->ops == 0)
		return;
	stat->bytes_per_op = bytes / ops;
	stat->rtt_ns = (double)delta->rtt_ms * 1e6 / ops;
	stat->execute_ns = (double)delta->execute_ms * 1e6 / ops;
	stat->queue_ns = (double)delta->queue_ms * 1e6 / ops;
	stat->retrans_ratio = (double)stat->retrans / ops;
	stat->error_ratio = (double)stat->errors / ops;
}
