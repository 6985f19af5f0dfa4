#include "parcel.h"

#include "iotopx/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct parcel *parcel_new(void)
{
	return calloc(1, sizeof(struct parcel));
}

void parcel_free(struct parcel *parcel)
{
	if (!parcel)
		return;
	for (size_t i = 0; i < parcel->texts.count; i++)
		free(parcel->texts.items[i].text);
	free(parcel->texts.items);
	free(parcel->cells.items);
	free(parcel);
}

size_t parcel_bytes(const struct parcel *parcel)
{
	return sizeof(*parcel) + parcel->cells.capacity * sizeof(int64_t) +
	       parcel->texts.capacity * sizeof(struct parcel_text) + parcel->text_bytes;
}

int64_t *parcel_row(struct parcel *parcel, enum schema_table table)
{
	size_t columns = (size_t)schema_inserts[table].columns, first = parcel->cells.count;

	if (array_reserve(&parcel->cells, first + 1 + columns))
		return NULL;
	parcel->cells.items[first] = (int64_t)table;
	for (size_t i = 0; i < columns; i++)
		parcel->cells.items[first + 1 + i] = CELL_NULL;
	parcel->cells.count += 1 + columns;
	return &parcel->cells.items[first + 1];
}

int parcel_text(struct parcel *parcel, int64_t id, const char *text)
{
	char *copy = strdup(text);
	struct parcel_text *item = copy ? array_append(&parcel->texts) : NULL;

	if (!item) {
		free(copy);
		return -ENOMEM;
	}
	*item = (struct parcel_text){ .id = id, .text = copy };
	parcel->text_bytes += strlen(text) + 1;
	return 0;
}
