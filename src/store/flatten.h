/* An interval as rows: the other way round than read.h. */
#ifndef IOTOPX_STORE_FLATTEN_H
#define IOTOPX_STORE_FLATTEN_H

#include "catalog.h"

/* `dropped`: intervals lost before it. 0 or -ENOMEM: the parcel is of no use then, nor is what the catalog knows. */
int flatten_interval(struct catalog *catalog, const struct lookup *lookup, struct parcel *parcel, int64_t sample,
		     uint64_t dropped, const struct interval *interval);

#endif
