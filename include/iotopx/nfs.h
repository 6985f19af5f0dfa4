/* NFS mounts: the counters of /proc/self/mountstats, their deltas, and the figures that nfsiostat derives. Pure.
 *
 * Units: bytes as RPC moved them (headers included), times in ms as the kernel gives them, figures in ns and per
 * second. Reads are READ and READ_PLUS together: NFS 4.2 uses the latter, which nfsiostat does not count.
 * Time is the interval's own clock, where nfsiostat divides by the whole seconds of the mount's age.
 */
#ifndef IOTOPX_NFS_H
#define IOTOPX_NFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NFS_OP_NAME_SIZE 32

/* One operation's cumulative counters, or their delta. */
struct nfs_op {
	char name[NFS_OP_NAME_SIZE];
	uint64_t ops;           /* requests completed */
	uint64_t transmissions; /* requests sent: more than ops by what was retransmitted */
	uint64_t timeouts;      /* major timeouts */
	uint64_t sent_bytes, received_bytes;
	uint64_t queue_ms, rtt_ms, execute_ms;
	uint64_t errors; /* completed with a negative status; statvers 1.1 on */
};

/* One mount, cumulative (in a set of counters) or between two readings (in a set of deltas). */
struct nfs_mount {
	char *mount;   /* owned: the mount point, octal escapes undone */
	char *device;  /* owned: server:/export */
	char *version; /* owned: "4.2", from the options; "" unknown */
	uint64_t age_s;
	uint64_t sends;   /* RPC requests of all transports */
	uint64_t backlog; /* sum over sends of the requests that waited for a slot */
	bool has_errors;
	struct nfs_op *ops; /* owned */
	size_t op_count, op_capacity;
};

/* A zeroed one is empty. Owns its mounts. */
struct nfs_mounts {
	struct nfs_mount *items;
	size_t count, capacity;
	uint64_t time_ns; /* counters: CLOCK_MONOTONIC of the reading */
};

void nfs_mounts_free(struct nfs_mounts *mounts);
size_t nfs_mounts_bytes(const struct nfs_mounts *mounts); /* memory that they hold */

/* *delta (empty before) gets what moved from `older` to `newer`: mounts that are in both and whose age and counters
 * did not go down. 0 or -ENOMEM, *delta stays empty then. */
int nfs_delta_compute(struct nfs_mounts *delta, const struct nfs_mounts *older, const struct nfs_mounts *newer);

enum nfs_figure {
	NFS_OPS,          /* RPC requests per second */
	NFS_BACKLOG,      /* as nfsiostat's "rpc bklog" */
	NFS_READ_OPS,     /* per second */
	NFS_READ_BYTES,   /* bytes per second, RPC headers included */
	NFS_READ_SIZE,    /* bytes per operation */
	NFS_READ_RETRANS, /* retransmissions in the interval */
	NFS_READ_RTT,     /* mean ns from sending to the reply */
	NFS_READ_EXE,     /* mean ns from the request to its completion, queue included */
	NFS_READ_QUEUE,   /* mean ns in the queue */
	NFS_READ_ERRORS,  /* in the interval */
	NFS_WRITE_OPS,
	NFS_WRITE_BYTES,
	NFS_WRITE_SIZE,
	NFS_WRITE_RETRANS,
	NFS_WRITE_RTT,
	NFS_WRITE_EXE,
	NFS_WRITE_QUEUE,
	NFS_WRITE_ERRORS,
	NFS_FIGURE_COUNT,
};

struct nfs_stat {
	const struct nfs_mount *delta; /* borrowed */
	double figure[NFS_FIGURE_COUNT];
	uint32_t known; /* bit per enum nfs_figure */
	bool active;    /* any request was sent or completed */
};

void nfs_stat_compute(struct nfs_stat *stat, const struct nfs_mount *delta, uint64_t elapsed_ns);

/* One operation's line in the detail of a mount; means are 0 with ops 0. */
struct nfs_op_stat {
	double ops_per_second, bytes_per_second, bytes_per_op;
	double rtt_ns, execute_ns, queue_ns;
	double retrans_ratio, error_ratio; /* of the operations */
	uint64_t ops, retrans, errors;
};
void nfs_op_stat_compute(struct nfs_op_stat *stat, const struct nfs_op *delta, uint64_t elapsed_ns);

#endif
