/* Keys that change something beyond the picture: tasks, the kernel, the settings file. */
#include "commands.h"
#include "state.h"

#include "iotopx/array.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void command_quit(struct screen *screen, const struct input *input)
{
	(void)input;
	screen->quit = true;
}

void command_redraw(struct screen *screen, const struct input *input)
{
	(void)input;
	if (screen->terminal)
		terminal_redraw(screen->terminal);
	screen->frame_stale = true;
}

void command_delayacct(struct screen *screen, const struct input *input)
{
	bool on;
	int error;

	(void)input;
	if (!screen->live || !screen->host.set_delayacct) {
		screen_error(screen, "delay accounting can't be changed here");
		return;
	}
	if (screen->settings->read_only) {
		screen_error(screen, "read-only: delay accounting stays as it is");
		return;
	}
	on = screen->live->delayacct != 1;
	error = screen->host.set_delayacct(screen->host.data, on);
	if (error)
		screen_error(screen, "delay accounting: %s", strerror(-error));
	else
		screen_message(screen, on ? "delay accounting is on; tasks that started before it stay unknown"
					  : "delay accounting is off");
}

void command_save(struct screen *screen, const struct input *input)
{
	char path[4096], shown[200];
	int error = settings_path(screen->settings, path, sizeof(path));

	(void)input;
	if (!error)
		error = screen->host.save(screen->host.data, screen->settings, path);
	if (error) {
		screen_error(screen, "not saved: %s", strerror(-error));
		return;
	}
	text_sanitize(shown, sizeof(shown), path, strlen(path), screen->frame.charset);
	screen_message(screen, "saved in %s", shown);
}

/* Looks and views; what acts, and the filter of -p and -u, was asked for by the command line. */
void command_defaults(struct screen *screen, const struct input *input)
{
	struct settings defaults;

	(void)input;
	if (settings_init(&defaults)) {
		screen_error(screen, "out of memory");
		return;
	}
	screen->settings->view = defaults.view;
	memcpy(screen->settings->looks, defaults.looks, sizeof(defaults.looks));
	screen->settings->view.page = screen->page.page ? screen->page.page->id : VIEW_TASKS;
	screen->settings->hide_keys = defaults.hide_keys;
	if (screen->host.set_interval && screen->settings->interval_ns != defaults.interval_ns)
		screen->host.set_interval(screen->host.data, defaults.interval_ns);
	screen->settings->interval_ns = defaults.interval_ns;
	free(screen->settings->filter);
	screen->settings->filter = NULL;
	settings_free(&defaults);
	screen->expansion.count = 0;
	screen->cursor = (struct cursor){ .row = 0 };
	screen_update_filter(screen);
	screen_view_changed(screen);
	screen_message(screen, "default settings (not saved: W)");
}

/* The row that an act is about: that of the detail, or the one under the cursor. */
static const struct row *acted_row(struct screen *screen)
{
	const struct row *row = screen_cursor_row(screen);

	if (screen->mode != KEYS_DETAIL)
		return row;
	for (size_t i = 0; i < screen->table.count; i++)
		if (memcmp(&screen->table.rows[i].key, &screen->detail_key, sizeof(screen->detail_key)) == 0)
			return &screen->table.rows[i];
	return NULL;
}

/* A living task or process, with its name for the question; else the reason is on the line. */
static const struct row *living_row(struct screen *screen)
{
	const struct row *row = acted_row(screen);

	if (screen->settings->read_only)
		screen_error(screen, "read-only: no signals and no priorities");
	else if (screen_in_past(screen))
		screen_error(screen, "this is the past; L goes back to live");
	else if (!row)
		screen_error(screen, "no task here");
	else if (row->key.kind != ROW_TASK && row->key.kind != ROW_PROCESS)
		screen_error(screen, "this row is not one task; g shows tasks");
	else if (row->flags & DELTA_EXITED)
		screen_error(screen, "it has exited");
	else
		return row;
	return NULL;
}

static void name_target(struct screen *screen, const char *comm, const char *what, const struct task_id *id)
{
	char name[TASK_COMM_SIZE * 6];

	text_sanitize(name, sizeof(name), comm, strlen(comm), screen->frame.charset);
	snprintf(screen->target.name, sizeof(screen->target.name), "%.48s (%s %d)", name, what, (int)id->tid);
	screen->target.id = *id;
}

static const struct {
	int number;
	const char *name, *meaning;
} signals[] = {
	{ SIGTERM, "TERM", "end" },
	{ SIGKILL, "KILL", "end at once, without cleaning up" },
	{ SIGINT, "INT", "interrupt" },
	{ SIGHUP, "HUP", "hang up; many daemons read their settings anew" },
	{ SIGQUIT, "QUIT", "end with a core" },
	{ SIGSTOP, "STOP", "stop" },
	{ SIGCONT, "CONT", "go on" },
	{ SIGUSR1, "USR1", "" },
	{ SIGUSR2, "USR2", "" },
};

static void signal_chosen(struct screen *screen, int value)
{
	screen->pending_signal = signals[value].number;
	screen_enter(screen, KEYS_CONFIRM);
	screen_message(screen, "Send SIG%s to %s? y/n", signals[value].name, screen->target.name);
}

void command_signal(struct screen *screen, const struct input *input)
{
	const struct row *row = living_row(screen);

	(void)input;
	if (!row)
		return;
	if (!screen->host.actions.send_signal) {
		screen_error(screen, "no signals here");
		return;
	}
	name_target(screen, task_info_command(row->info), "process", &row->info->process);
	if (row->info->process.tid <= 0) {
		screen_error(screen, "its process is not known");
		return;
	}
	menu_start(&screen->menu, "Signal");
	snprintf(screen->menu.title, sizeof(screen->menu.title), "Signal to %.48s", screen->target.name);
	screen->menu.chosen = signal_chosen;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		char text[96];

		snprintf(text, sizeof(text), "%-5s %s", signals[i].name, signals[i].meaning);
		if (menu_add(&screen->menu, text, (int)i, false, screen->frame.charset))
			return;
	}
	screen_enter(screen, KEYS_MENU);
}

void command_confirm(struct screen *screen, const struct input *input)
{
	int error =
	    screen->host.actions.send_signal(screen->host.actions.data, &screen->target.id, screen->pending_signal);

	(void)input;
	screen_leave(screen);
	if (error)
		screen_error(screen, "%s: %s", screen->target.name, strerror(-error));
	else
		screen_message(screen, "sent to %s", screen->target.name);
}

void command_deny(struct screen *screen, const struct input *input)
{
	(void)input;
	screen_leave(screen);
	screen_message(screen, "nothing sent");
}

/* Threads of a process that the latest interval lists, each once: idle ones too where they were asked for. */
struct thread_ids {
	struct task_id *items;
	size_t count, capacity;
};

static int add_thread(struct thread_ids *threads, const struct task_info *info, const struct task_id *process)
{
	struct task_id *added;

	if (info->process.tid != process->tid || info->process.start_ns != process->start_ns || info->id.tid <= 0)
		return 0;
	added = array_append(threads);
	if (!added)
		return -ENOMEM;
	*added = info->id;
	return 0;
}

static int threads_of(const struct screen *screen, const struct task_id *process, struct thread_ids *threads)
{
	const struct interval *interval = screen->live;
	int error = 0;

	for (size_t i = 0; i < interval->count && !error; i++)
		if (!(interval->tasks[i].flags & (DELTA_EXITED | DELTA_FOLDED | DELTA_OTHER)))
			error = add_thread(threads, interval->tasks[i].info, process);
	for (size_t i = 0; i < interval->idle_count && !error; i++)
		error = add_thread(threads, interval->idle[i].info, process);
	return error;
}

#define PRIO_VALUE(io_class, level) ((io_class)*8 + (level))

static void set_process_prio(struct screen *screen, int io_class, int level)
{
	const struct actions *actions = &screen->host.actions;
	struct thread_ids threads = { 0 };
	size_t done = 0;
	int error = threads_of(screen, &screen->target.id, &threads);

	for (size_t i = 0; i < threads.count; i++) {
		int result = actions->set_prio(actions->data, &threads.items[i], io_class, level);

		done += result == 0;
		if (result && result != -ESRCH)
			error = result;
	}
	free(threads.items);
	if (error)
		screen_error(screen, "%s: %s", screen->target.name, strerror(-error));
	else if (done == 0)
		screen_error(screen, "%s: it has exited", screen->target.name);
	else
		screen_message(screen, "%s: priority set, %zu thread%s", screen->target.name, done,
			       done == 1 ? "" : "s");
}

static void process_prio_chosen(struct screen *screen, int value)
{
	set_process_prio(screen, value / 8, value % 8);
}

static void thread_prio_chosen(struct screen *screen, int value)
{
	int error = screen->host.actions.set_prio(screen->host.actions.data, &screen->target.id, value / 8, value % 8);

	if (error)
		screen_error(screen, "%s: %s", screen->target.name, strerror(-error));
	else
		screen_message(screen, "%s: priority set", screen->target.name);
}

static int add_prios(struct menu *menu)
{
	static const char *const classes[] = { "none", "real time", "best effort", "idle" };
	static const int order[] = { 2, 3, 1 };
	int error = 0;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		for (int level = 0; level < (order[i] == 3 ? 1 : 8) && !error; level++) {
			char text[64];

			if (order[i] == 3)
				snprintf(text, sizeof(text), "%s: only when nobody else wants the disk", classes[3]);
			else
				snprintf(text, sizeof(text), "%s %d%s", classes[order[i]], level,
					 level == 0   ? " (first)"
					 : level == 7 ? " (last)"
						      : "");
			error = menu_add(menu, text, PRIO_VALUE(order[i], level), false, TEXT_ASCII);
		}
	}
	return error;
}

void command_priority(struct screen *screen, const struct input *input)
{
	const struct row *row = living_row(screen);
	bool process;

	(void)input;
	if (!row)
		return;
	if (!screen->host.actions.set_prio) {
		screen_error(screen, "no priorities here");
		return;
	}
	process = row->key.kind == ROW_PROCESS;
	name_target(screen, process ? task_info_command(row->info) : row->info->comm, process ? "process" : "thread",
		    process ? &row->info->process : &row->info->id);
	menu_start(&screen->menu, "I/O priority");
	snprintf(screen->menu.title, sizeof(screen->menu.title), "I/O priority of %.40s", screen->target.name);
	screen->menu.chosen = process ? process_prio_chosen : thread_prio_chosen;
	screen->want_idle = process; /* by the time a choice is made, all its threads are listed */
	if (add_prios(&screen->menu) == 0)
		screen_enter(screen, KEYS_MENU);
}
