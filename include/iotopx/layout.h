/* The taskstats payload by version and length: offsets, never the system header's struct. Pure.
 * Versions 15 and 16 share a size and differ in layout; 15 inserted max and min after each delay total. */
#ifndef IOTOPX_LAYOUT_H
#define IOTOPX_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct layout; /* a table of offsets */

struct taskstats_fields {
	unsigned version;
	uint32_t exit_code;
	uint8_t flags;
	char comm[33];
	uint32_t uid, gid, pid, ppid;
	uint32_t tgid;           /* valid if has_tgid (v12+) */
	uint64_t tgetime_us;     /* valid if has_tgid */
	bool has_tgid, has_wpcopy;
	uint64_t etime_us, btime_s;
	uint64_t minflt, majflt;
	uint64_t read_char, write_char, read_syscalls, write_syscalls;
	uint64_t read_bytes, write_bytes, cancelled_write_bytes;
	uint64_t cpu_count, cpu_run_virtual_ns;
	uint64_t blkio_count, blkio_delay_ns, swapin_count, swapin_delay_ns;
	uint64_t wpcopy_count;
};

#define TASKSTATS_FLAG_AFORK 0x01u
#define TASKSTATS_FLAG_AGROUP 0x20u

/* 0, or -EPROTONOSUPPORT for a version below 4 or a payload below 272 bytes. `payload` may be unaligned. */
int layout_decode(const void *payload, size_t length, struct taskstats_fields *fields);

#endif
