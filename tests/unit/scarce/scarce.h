/* Memory that runs out at a chosen moment: the linker puts these in the place of malloc and its kin. */
#ifndef SCARCE_H
#define SCARCE_H

#include <stdbool.h>
#include <stddef.h>

/* The nth allocation from now on fails, and no other; 0: none does. */
void scarce_begin(size_t nth);
/* So many from the nth on do. */
void scarce_begin_drought(size_t nth, size_t length);
/* Allocations succeed again. True if one failed. */
bool scarce_end(void);
/* What libraries are to be given for their memory. */
void *scarce_malloc(size_t size);
void *scarce_realloc(void *old, size_t size);

#endif
