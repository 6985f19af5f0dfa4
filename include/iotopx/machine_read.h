/* Reads the machine's counters from <root>/proc and <root>/sys. Missing files clear their bit in `known`. */
#ifndef IOTOPX_MACHINE_READ_H
#define IOTOPX_MACHINE_READ_H

#include "iotopx/machine.h"

struct machine_reader;

int machine_reader_open(const char *root, struct machine_reader **reader); /* keeps the files open */
void machine_reader_close(struct machine_reader *reader);
/* Fills *counters; its device array is reused. time_ns is set by CLOCK_MONOTONIC. */
int machine_read(struct machine_reader *reader, struct machine_counters *counters);

/* The parsers, pure: text of the file (NUL-terminated) into *counters, and its bit into `known`. 0 or -EINVAL. */
int machine_parse_vmstat(const char *text, struct machine_counters *counters);
int machine_parse_meminfo(const char *text, struct machine_counters *counters);
int machine_parse_pressure(const char *text, struct machine_counters *counters);
int machine_parse_cpu(const char *text, struct machine_counters *counters);
int machine_parse_diskstats(const char *text, struct machine_counters *counters); /* -ENOMEM too */
bool machine_device_in_memory(const char *name); /* loop, ram and zram, by name: not a disk */

#endif
