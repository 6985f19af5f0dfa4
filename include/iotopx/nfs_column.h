/* The columns of the NFS page: nfs_column.c holds the table, page.h its shape. */
#ifndef IOTOPX_NFS_COLUMN_H
#define IOTOPX_NFS_COLUMN_H

#include "iotopx/page.h"

extern const struct page_column nfs_columns[];
extern const size_t nfs_column_count;

#endif
