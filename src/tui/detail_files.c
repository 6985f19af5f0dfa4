/* The files that a task has open: number, how, where in them it is, which. */
#include "detail.h"

#include "iotopx/open_files.h"
#include "iotopx/units.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* O_SYNC has the bit of O_DSYNC in it, and O_TMPFILE that of O_DIRECTORY: what is told takes its bits away. */
static const struct {
	unsigned flag;
	const char *name;
} flag_names[] = {
	{ O_APPEND, "append" },     { O_DIRECT, "direct" }, { O_SYNC, "sync" },   { O_DSYNC, "dsync" },
	{ O_NONBLOCK, "nonblock" }, { O_PATH, "path" },     { O_TMPFILE, "tmp" }, { O_DIRECTORY, "directory" },
};

/* "rw append direct": the flags that say how it does I/O. */
static void format_flags(char *to, size_t size, unsigned flags)
{
	static const char *const access[] = { [O_RDONLY] = "r", [O_WRONLY] = "w", [O_RDWR] = "rw", [3] = "?" };
	size_t used = (size_t)snprintf(to, size, "%s", access[flags & O_ACCMODE]);

	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]) && used < size; i++) {
		unsigned flag = flag_names[i].flag;

		if ((flags & flag) != flag)
			continue;
		flags &= ~flag;
		used += (size_t)snprintf(to + used, size - used, " %s", flag_names[i].name);
	}
}

static bool seeks(const struct open_file *file)
{
	return file->path[0] == '/' && strncmp(file->path, "/dev/pts/", 9) != 0 && strncmp(file->path, "/dev/null", 9) != 0;
}

static void draw_file(struct pane *pane, const struct open_file *file)
{
	char flags[96] = "-", position[32] = "", path[2048];

	if (file->known)
		format_flags(flags, sizeof(flags), file->flags);
	if (file->known && seeks(file))
		units_bytes(position, sizeof(position), (double)file->position, false,
			    pane->screen->settings->view.units);
	text_sanitize(path, sizeof(path), file->path, strlen(file->path), pane->frame->charset);
	int row = pane_line(pane);
	int column = frame_print(pane->frame, row, 1, pane->frame->columns, STYLE_NORMAL, "%5d  ", file->fd);

	column = frame_fit(pane->frame, row, column, 14, STYLE_NORMAL, flags, TEXT_CUT_END, false) + 1;
	column = frame_fit(pane->frame, row, column, 11, STYLE_VALUE, position, TEXT_CUT_END, true) + 2;
	frame_fit(pane->frame, row, column, pane->frame->columns - column,
		  file->path[0] == '/' ? STYLE_NORMAL : STYLE_ZERO, path, TEXT_CUT_MIDDLE, false);
}

static const char *why_none(const struct open_files *files)
{
	if (files->error == -EACCES || files->error == -EPERM)
		return "not permitted";
	if (files->error)
		return "it has exited";
	return "none";
}

void detail_draw_files(struct pane *pane, const struct task_info *info)
{
	const struct lookup *lookup = pane->screen->lookup;
	const struct open_files *files;
	char title[96] = "Open files now";

	if (!lookup->files)
		return;
	files = lookup->files(lookup->data, info);
	pane->screen->detail_files_ns = files ? files->read_ns : 1;
	if (files && files->count < files->total)
		snprintf(title, sizeof(title), "Open files now: %zu of %zu%s", files->count, files->total,
			 files->more ? " or more" : "");
	else if (files && files->count)
		snprintf(title, sizeof(title), "Open files now: %zu", files->count);
	pane_heading(pane, title);
	if (!files || !files->count) {
		frame_text(pane->frame, pane_line(pane), 1, pane->frame->columns, STYLE_ZERO,
			   !files ? frame_symbol(pane->frame, "asking…", "asking...") : why_none(files));
		return;
	}
	frame_text(pane->frame, pane_line(pane), 1, pane->frame->columns, STYLE_LABEL,
		   "   FD  MODE              POSITION  FILE");
	for (size_t i = 0; i < files->count; i++)
		draw_file(pane, &files->items[i]);
}
