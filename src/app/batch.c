/* Batch: intervals in one of the formats, through a queue, so that a slow reader costs intervals and nothing else. */
#include "front.h"
#include "output.h"
#include "queue.h"

#include "iotopx/accumulator.h"
#include "iotopx/array.h"
#include "iotopx/filter.h"
#include "iotopx/page.h"
#include "iotopx/replay.h"
#include "iotopx/table.h"
#include "iotopx/writer.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOKUP_PATIENCE_MS 100 /* how long a printed row waits for its command line */
#define LAST_WRITE_MS 500      /* how long what is rendered may take to be written when a signal ends it all */
#define SOURCE_FDS_MAX 8

struct blob {
	char *items;
	size_t count, capacity;
};

struct batch {
	const struct settings *settings;
	struct source *source;
	enum text_charset charset;
	int fd;
	struct view view; /* the settings' with the filter in force */
	struct filter *filter;
	struct accumulator *accumulator; /* NULL for rates */
	struct table table;
	const struct page *page; /* NULL: tasks */
	struct page_table page_table;
	bool wants_cmdlines; /* the format has them beside the names */
	struct blob blob;    /* what `stream` wrote */
	FILE *stream;
	struct writer *writer;
	struct queue *queue;
	struct loop *loop;
	const char *failed_at; /* by the loop */
	bool output_failed;    /* before anything was written */
	bool started;          /* the baseline is over */
	bool finishing;        /* nothing more will be rendered */
	bool skipping;         /* --snap: the next interval passes */
	uint64_t printed, dropped;
	char *notice; /* the last one told */
	char host[256];
};

static ssize_t blob_write(void *cookie, const char *bytes, size_t length)
{
	struct blob *blob = cookie;

	if (array_reserve(blob, blob->count + length) != 0)
		return 0; /* an error to stdio */
	memcpy(blob->items + blob->count, bytes, length);
	blob->count += length;
	return (ssize_t)length;
}

static bool batch_wants_idle(void *data)
{
	const struct batch *batch = data;

	/* At the beginning for the pins of -p, and to ask for users' names in time. */
	return !batch->started || (!batch->view.only_active && !batch->page && !batch->writer->ops->observe);
}

/* A row whose command line will be printed, if there is one. */
static bool wants_cmdline(const struct batch *batch, const struct row *row)
{
	if (!row->info || row->info->cmdline || row->flags & DELTA_EXITED)
		return false;
	return batch->view.full_command || row->key.kind == ROW_TASK || row->key.kind == ROW_PROCESS;
}

/* Something the lookup was asked for is still on its way. */
static bool lookups_pending(const struct batch *batch)
{
	const struct lookup *lookup = &batch->source->lookup;

	if (!batch->source->live || (!batch->view.full_command && !batch->wants_cmdlines))
		return false;
	for (size_t i = 0; i < batch->table.count; i++) {
		const struct row *row = &batch->table.rows[i];

		if (wants_cmdline(batch, row) && !lookup->cmdline(lookup->data, row->info))
			return true;
	}
	return false;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Command lines come from a worker: gives it a moment, and takes exit records meanwhile. */
static void await_lookups(struct batch *batch)
{
	struct source *source = batch->source;
	uint64_t quarter_ms = batch->settings->interval_ns / 4000000;
	int64_t left = quarter_ms < LOOKUP_PATIENCE_MS ? (int64_t)quarter_ms : LOOKUP_PATIENCE_MS;
	int64_t end = now_ms() + left;

	while (lookups_pending(batch) && (left = end - now_ms()) > 0) {
		struct pollfd fds[SOURCE_FDS_MAX];
		size_t count = source->ops->fds(source, fds, SOURCE_FDS_MAX);

		if (poll(fds, count, (int)left) <= 0 || source->ops->drain(source) != 0)
			break;
	}
}

static int enqueue(struct batch *batch)
{
	struct blob blob;

	if (fflush(batch->stream) != 0)
		return -ENOMEM;
	blob = batch->blob;
	memset(&batch->blob, 0, sizeof(batch->blob));
	return blob.count ? queue_put(batch->queue, blob.items, blob.count) : 0;
}

static int write_tasks(struct batch *batch, const struct interval *interval)
{
	struct view view = batch->view;
	int result = 0;

	view_add_columns(&view, interval);
	/* Who observes makes tables of its own. */
	if (!batch->writer->ops->observe)
		result = table_build(&batch->table, interval, &view, &batch->source->lookup, batch->charset, NULL);
	if (result != 0)
		return result;
	await_lookups(batch);
	return batch->writer->ops->write(batch->writer, interval, &view, &batch->table);
}

static int write_page(struct batch *batch, const struct interval *interval)
{
	const struct page_look *look = &batch->settings->looks[batch->page->id];
	/* By what it was asked to, if the page has such a column. */
	const struct page_column *asked = page_column_find(batch->page, batch->view.sort->key);
	const struct page_view view = {
		.sort = asked ? asked : look->sort,
		.reversed = batch->view.ascending != (!asked && look->reversed),
		.only_active = batch->view.only_active,
		.filter = batch->settings->filter,
		.expand_all = true,
	};
	int result = page_table_build(&batch->page_table, batch->page, interval, &view, &batch->source->lookup);

	if (result != 0)
		return result;
	return batch->writer->ops->write_page(batch->writer, interval, &batch->view, batch->page, &batch->page_table);
}

/* `interval` is the one that just ended, `sum` that of the mode. Pages are of the interval in every mode. */
static int print_interval(struct batch *batch, const struct interval *interval, const struct interval *sum)
{
	int result = batch->page ? write_page(batch, interval) : write_tasks(batch, sum);

	return result ? result : enqueue(batch);
}

/* Ties -p to the tasks that live now, and notes those that exited. */
static void follow_pins(struct batch *batch, const struct interval *interval)
{
	if (!batch->filter || filter_pid_count(batch->filter) == 0)
		return;
	for (size_t i = 0; i < interval->idle_count; i++)
		filter_pin(batch->filter, interval->idle[i].info);
	for (size_t i = 0; i < interval->count; i++)
		filter_pin(batch->filter, interval->tasks[i].info);
	for (size_t i = 0; i < interval->count; i++) {
		const struct task_delta *task = &interval->tasks[i];

		if (task->flags & DELTA_EXITED)
			filter_exited(batch->filter, task->info, (task->flags & DELTA_GROUP_DEAD) != 0);
	}
}

static bool task_exists(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return access(path, F_OK) == 0;
}

static bool pins_are_gone(const struct batch *batch)
{
	const struct pid_list *pids = &batch->settings->pids;

	if (pids->count == 0 || !batch->source->live)
		return false;
	if (filter_pids_gone(batch->filter) == filter_pid_count(batch->filter))
		return true;
	/* Where exit records can't be had, or one was lost. */
	for (size_t i = 0; i < pids->count; i++)
		if (task_exists(pids->items[i]))
			return false;
	return true;
}

static int finish(struct batch *batch, struct loop *loop)
{
	int result = batch->writer->ops->finish(batch->writer);

	batch->finishing = true;
	loop_stop_sweeping(loop);
	return result ? result : enqueue(batch);
}

static void begin(struct batch *batch, const struct interval *baseline)
{
	const struct lookup *lookup = &batch->source->lookup;

	batch->started = true;
	for (size_t i = 0; i < baseline->idle_count; i++)
		lookup->user(lookup->data, baseline->idle[i].info->uid);
	for (size_t i = 0; i < baseline->count; i++)
		lookup->user(lookup->data, baseline->tasks[i].info->uid);
	/* As many as may be asked for at a time. */
	for (size_t i = 0; i < baseline->idle_count && batch->wants_cmdlines; i++)
		lookup->cmdline(lookup->data, baseline->idle[i].info);
}

/* Every interval counts, printed or not. 0 or -errno. */
static int take_interval(struct batch *batch, const struct interval *interval)
{
	const struct writer_ops *ops = batch->writer->ops;
	int result = ops->observe ? ops->observe(batch->writer, interval, &batch->view) : 0;

	return result == 0 && batch->accumulator ? accumulator_add(batch->accumulator, interval) : result;
}

static int batch_interval(void *data, struct loop *loop, struct interval *interval, const char *notice)
{
	struct batch *batch = data;
	const struct interval *shown = interval;
	int result;

	complain_of_notice(&batch->notice, notice);
	follow_pins(batch, interval);
	if (interval->baseline) {
		begin(batch, interval);
		return 0;
	}
	result = take_interval(batch, interval);
	if (result != 0)
		return result;
	if (batch->accumulator)
		shown = accumulator_interval(batch->accumulator);
	if (batch->skipping) {
		batch->skipping = false;
		return 0;
	}
	if (queue_has_room(batch->queue)) {
		result = print_interval(batch, interval, shown);
		if (result != 0)
			return result;
		batch->printed++;
	} else {
		batch->dropped++;
	}
	if ((batch->settings->iterations && batch->printed >= batch->settings->iterations) || pins_are_gone(batch))
		return finish(batch, loop);
	/* The past can wait for its reader. */
	if (!batch->source->live && !queue_has_room(batch->queue))
		loop_hold(loop, true);
	return 0;
}

static int batch_end(void *data, struct loop *loop)
{
	return finish(data, loop);
}

enum { FD_QUEUE, FD_OUTPUT, FD_COUNT };

static size_t batch_fds(void *data, struct pollfd *fds, size_t max)
{
	struct batch *batch = data;

	(void)max;
	fds[FD_QUEUE] = (struct pollfd){ .fd = queue_fd(batch->queue), .events = POLLIN };
	fds[FD_OUTPUT] = (struct pollfd){ .fd = batch->fd }; /* a reader or a terminal that goes away */
	return FD_COUNT;
}

static int batch_ready(void *data, struct pollfd *fds, size_t count)
{
	struct batch *batch = data;

	(void)count;
	if (fds[FD_QUEUE].revents)
		queue_collect(batch->queue);
	if (queue_error(batch->queue) != 0)
		return queue_error(batch->queue);
	if (fds[FD_OUTPUT].revents & (POLLERR | POLLHUP))
		return LOOP_END;
	if (queue_has_room(batch->queue))
		loop_hold(batch->loop, false);
	return batch->finishing && queue_waiting(batch->queue) == 0 ? LOOP_END : 0;
}

static int batch_signal(void *data, int number)
{
	(void)data;
	if (number == SIGTSTP)
		raise(SIGSTOP);
	return 0;
}

static int make_filter(struct batch *batch)
{
	const struct settings *settings = batch->settings;
	char error[256];
	int result = 0;

	/* The expression was checked with the options. */
	if (settings->filter)
		result = filter_parse(settings->filter, &batch->filter, error, sizeof(error));
	for (size_t i = 0; result == 0 && i < settings->pids.count; i++)
		result = filter_add_pid(&batch->filter, settings->pids.items[i]);
	for (size_t i = 0; result == 0 && i < settings->uids.count; i++)
		result = filter_add_uid(&batch->filter, settings->uids.items[i]);
	batch->view.filter = batch->filter;
	return result;
}

static int (*const writer_openers[FORMAT_COUNT])(const struct writer_options *options, struct writer **writer) = {
	[FORMAT_TEXT] = writer_text_open,
	[FORMAT_CSV] = writer_csv_open,
	[FORMAT_JSON] = writer_json_open,
	[FORMAT_OPENMETRICS] = writer_openmetrics_open,
};

/* What machines read has every exited task by itself, no tree (its sums contain each other) and its own units. */
static void set_machine_view(struct batch *batch)
{
	const struct settings *settings = batch->settings;

	if (settings->format == FORMAT_TEXT)
		return;
	batch->view.fold_exited = batch->view.tree = false;
	batch->view.units = UNIT_BINARY;
	batch->wants_cmdlines =
	    !batch->page && settings->format != FORMAT_OPENMETRICS && batch->view.group == GROUP_NONE;
}

static int batch_open(struct batch *batch)
{
	const cookie_io_functions_t functions = { .write = blob_write };
	struct writer_options options = {
		.charset = batch->charset,
		.timestamps = batch->settings->timestamps,
		.quiet = batch->settings->quiet,
		.chosen_columns = batch->settings->columns_given,
		.look = batch->page ? &batch->settings->looks[batch->page->id] : NULL,
		.host = batch->host,
		.lookup = &batch->source->lookup,
	};
	int result = make_filter(batch);

	if (result != 0)
		return result;
	set_machine_view(batch);
	if (batch->settings->replay)
		snprintf(batch->host, sizeof(batch->host), "%s", replay_host(batch->source));
	else
		gethostname(batch->host, sizeof(batch->host) - 1);
	batch->stream = options.stream = fopencookie(&batch->blob, "w", functions);
	if (!batch->stream)
		return -ENOMEM;
	if (batch->view.mode != MODE_RATE) {
		batch->accumulator = accumulator_open(ACCUMULATOR_ENTRIES_DEFAULT);
		if (!batch->accumulator)
			return -ENOMEM;
	}
	result = writer_openers[batch->settings->format](&options, &batch->writer);
	if (result != 0)
		return result;
	return batch->fd < 0 ? queue_open_file(batch->settings->output, &batch->queue)
			     : queue_open(batch->fd, &batch->queue);
}

static void batch_close(struct batch *batch)
{
	queue_close(batch->queue);
	if (batch->writer)
		batch->writer->ops->close(batch->writer);
	if (batch->stream)
		fclose(batch->stream);
	accumulator_close(batch->accumulator);
	table_free(&batch->table);
	page_table_free(&batch->page_table);
	filter_free(batch->filter);
	free(batch->blob.items);
	free(batch->notice);
}

/* Says which processes of -p are not there. False if none is. */
static bool check_pins(const struct settings *settings)
{
	size_t missing = 0;

	for (size_t i = 0; i < settings->pids.count; i++)
		if (!task_exists(settings->pids.items[i])) {
			complain("-p %d: no such process", (int)settings->pids.items[i]);
			missing++;
		}
	return settings->pids.count == 0 || missing < settings->pids.count;
}

static int run_loop(struct batch *batch)
{
	/* The past is told at once. */
	uint64_t interval_ns = batch->source->live ? batch->settings->interval_ns : 1;
	struct loop_options options = {
		.first_ns = interval_ns,
		.interval_ns = interval_ns,
		.source = batch->source,
		.front = { .data = batch,
			   .wants_idle = batch_wants_idle,
			   .interval = batch_interval,
			   .fds = batch_fds,
			   .ready = batch_ready,
			   .end = batch_end,
			   .signal = batch_signal },
	};
	int result = loop_open(&options, &batch->loop);

	if (result != 0)
		return result;
	result = loop_run(batch->loop);
	batch->failed_at = loop_failed_at(batch->loop);
	loop_close(batch->loop);
	return result;
}

/* A signal ends the loop with what was just rendered still in the queue: a reader that reads gets it. */
static void await_writes(struct batch *batch)
{
	int64_t end = now_ms() + LAST_WRITE_MS, left;

	while (queue_waiting(batch->queue) && (left = end - now_ms()) > 0) {
		struct pollfd event = { .fd = queue_fd(batch->queue), .events = POLLIN };

		if (poll(&event, 1, (int)left) > 0)
			queue_collect(batch->queue);
	}
	batch->dropped += queue_waiting(batch->queue);
}

static void complain_end(const struct batch *batch, int error)
{
	const char *notice = batch->settings->replay ? batch->source->ops->notice(batch->source) : NULL;

	if (notice) /* it is the file that is at fault */
		complain("--replay %.200s: %s", batch->settings->replay, notice);
	else if (batch->output_failed || (batch->queue && queue_error(batch->queue) == error))
		output_complain(batch->settings, error);
	else
		complain_failed(batch->failed_at ? batch->failed_at : "what is to be printed", error);
}

int batch_run(const struct settings *settings, struct source *source, enum text_charset charset, int fd)
{
	struct batch batch = { .settings = settings,
			       .source = source,
			       .charset = charset,
			       .fd = fd,
			       .view = settings->view,
			       .page = page_get(settings->view.page),
			       .skipping = settings->snap };
	int result;

	if (source->live && !check_pins(settings))
		return EXIT_FAILURE;
	result = batch_open(&batch);
	if (result == 0) {
		result = output_empty(settings, fd);
		batch.output_failed = result != 0;
	}
	if (result == 0)
		result = run_loop(&batch);
	if (result == 0)
		await_writes(&batch);
	if (batch.dropped)
		complain("%llu intervals were not written: the reader was too slow", (unsigned long long)batch.dropped);
	if (result == -EPIPE)
		result = 0;
	if (result != 0)
		complain_end(&batch, result);
	batch_close(&batch);
	return result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
