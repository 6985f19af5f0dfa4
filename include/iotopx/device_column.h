/* The columns of the devices page: device_column.c holds the table, page.h its shape. */
#ifndef IOTOPX_DEVICE_COLUMN_H
#define IOTOPX_DEVICE_COLUMN_H

#include "iotopx/page.h"

extern const struct page_column device_columns[];
extern const size_t device_column_count;

#endif
