/* The fields of the rows of devices and mounts. */
#include "fields.h"

#include <errno.h>

static struct field_value get_page_column(struct fields *fields, const struct field *field)
{
	struct value value;

	if (!fields->page_row)
		return field_null();
	value = field->page_column->get(fields->page_row);
	if (value.type == VALUE_UNKNOWN)
		return field_null();
	return value.type == VALUE_TEXT ? field_text(fields, value.text) : field_real(value.number);
}

/* Whose bytes are counted a second time in the rows of a sum over devices. */
static struct field_value get_disk(struct fields *fields, const struct field *field)
{
	const struct device_stat *stat = fields->page_row ? fields->page_row->device : NULL;
	const struct device_delta *disk = NULL;

	(void)field;
	if (stat)
		disk = device_parent(&fields->interval->machine, stat->delta, stat->info);
	return field_text(fields, disk ? disk->name : NULL);
}

static struct field_value get_stacked(struct fields *fields, const struct field *field)
{
	const struct device_stat *stat = fields->page_row ? fields->page_row->device : NULL;

	(void)field;
	return stat && stat->info ? field_bool(stat->info->stacked) : field_null();
}

int fields_add_page(struct fields *fields)
{
	for (size_t i = 0; i < fields->page->column_count; i++) {
		const struct page_column *column = &fields->page->columns[i];
		struct field *field;

		if (!column->field)
			continue;
		field = field_append(&fields->row_fields, column->field, "", get_page_column);
		if (!field)
			return -ENOMEM;
		field->page_column = column;
	}
	if (fields->page->id != VIEW_DEVICES)
		return 0;
	return field_append(&fields->row_fields, "partition_of", "", get_disk) &&
		       field_append(&fields->row_fields, "stacked", "", get_stacked)
		   ? 0
		   : -ENOMEM;
}
