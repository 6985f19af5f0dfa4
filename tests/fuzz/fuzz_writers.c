/* writer.h: an interval of tasks with any names and numbers, in every format. Names come first, each ended by a NUL,
 * then the numbers. JSON must be JSON and UTF-8, CSV must have as many fields in every record, text and OpenMetrics
 * must be clean lines. */
#include "fuzz.h"
#include "fuzz_interval.h"

#include "iotopx/writer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 8
#define TASKS_MAX 12
#define SECOND UINT64_C(1000000000)

/* What the input names. */
struct scene {
	char *names[NAMES];
	struct interval *interval;
};

static const char *find_user(void *data, uint32_t uid)
{
	const struct scene *scene = data;

	return scene->names[uid % NAMES];
}

static const char *find_cmdline(void *data, struct task_info *info)
{
	(void)data;
	return info->cmdline;
}

static struct prio find_prio(void *data, const struct task_info *info)
{
	(void)data;
	return (struct prio){ .io_class = (int8_t)(info->id.tid % 5 - 1), .level = (int8_t)(info->id.tid % 8) };
}

static void add_task(struct scene *scene, struct bytes *bytes, pid_t tid)
{
	struct task_delta *task = interval_add(scene->interval);
	const uint8_t who = bytes_take(bytes);

	REQUIRE(task);
	task->info = task_info_new();
	REQUIRE(task->info);
	task->info->id = task->info->process = (struct task_id){ tid, SECOND };
	task->info->uid = who;
	task->info->ppid = 1;
	snprintf(task->info->comm, sizeof(task->info->comm), "%s", scene->names[who % NAMES]);
	task->info->cmdline = who & 16 ? NULL : strdup(scene->names[(who + 1) % NAMES]);
	task->info->unit = who & 32 ? NULL : scene->names[(who + 2) % NAMES];
	task->info->container = who & 64 ? NULL : scene->names[(who + 3) % NAMES];
	task->info->cgroup = who & 128 ? NULL : scene->names[(who + 4) % NAMES];
	task->delta.known = (uint32_t)bytes_take_number(bytes) & COUNTERS_ALL;
	task->delta.approximate = (uint32_t)bytes_take_number(bytes) & task->delta.known;
	for (int counter = 0; counter < COUNTER_COUNT; counter++)
		if (counters_known(&task->delta, (enum counter)counter))
			task->delta.value[counter] = bytes_take_number(bytes);
	task->flags = bytes_take(bytes) & (DELTA_EXITED | DELTA_GROUP_DEAD | DELTA_BORN | DELTA_STUCK);
	task->exits = task->processes = (task->flags & DELTA_EXITED) != 0;
	task->state = (char)('A' + bytes_take(bytes) % 26);
	task->prio_class = task->prio_level = TASK_PRIO_UNKNOWN;
	task->lived_ns = bytes_take_number(bytes);
	task->age_ns = bytes_take_number(bytes);
	counters_add(&scene->interval->total, &task->delta);
}

static void make_scene(struct scene *scene, struct bytes *bytes)
{
	for (size_t i = 0; i < NAMES; i++)
		scene->names[i] = bytes_take_text(bytes, '\0');
	scene->interval = interval_new();
	REQUIRE(scene->interval);
	scene->interval->begin_ns = SECOND;
	scene->interval->end_ns = 3 * SECOND;
	scene->interval->end_wall_ms = INT64_C(1700000000123);
	scene->interval->all_tasks = scene->interval->exits_known = true;
	scene->interval->total.known = COUNTERS_ALL;
	for (pid_t tid = 1; tid <= TASKS_MAX && bytes->left > 0; tid++)
		add_task(scene, bytes, tid);
	scene->interval->task_count = scene->interval->process_count = scene->interval->count;
}

static void check_json(const char *text, size_t length)
{
	json_error_t error;

	REQUIRE(fuzz_is_clean(text, length - 1) && text[length - 1] == '\n');
	json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	REQUIRE(object && json_is_array(json_object_get(object, "tasks")));
	json_decref(object);
}

/* Every record ends with CR LF and has the fields of the first. */
static void check_csv(const char *text, size_t length)
{
	size_t fields = 0, first = 0;
	bool quoted = false;

	for (size_t i = 0; i < length; i++) {
		REQUIRE(text[i] != '\0');
		if (text[i] == '"') {
			quoted = !quoted;
		} else if (!quoted && text[i] == ',') {
			fields++;
		} else if (!quoted && text[i] == '\n') {
			REQUIRE(i > 0 && text[i - 1] == '\r' && (first == 0 || fields == first));
			first = fields;
			fields = 0;
		}
	}
	REQUIRE(!quoted && fields == 0 && text[length - 1] == '\n');
}

static void check_lines(const char *text, size_t length)
{
	for (size_t at = 0; at < length;) {
		const char *end = memchr(text + at, '\n', length - at);

		REQUIRE(end && fuzz_is_clean(text + at, (size_t)(end - text) - at));
		at = (size_t)(end - text) + 1;
	}
}

/* A label's value is between quotes, with a backslash before those within. */
static void check_openmetrics(const char *text, size_t length)
{
	static const char end[] = "# EOF\n";

	check_lines(text, length);
	REQUIRE(length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0);
	for (size_t at = 0; at < length; at = (size_t)(strchr(text + at, '\n') - text) + 1) {
		const char *line = text + at;
		bool quoted = false;

		if (*line == '#')
			continue;
		for (; *line != '\n'; line++) {
			if (quoted && *line == '\\') {
				line++;
				REQUIRE(*line == '\\' || *line == '"' || *line == 'n');
			} else if (*line == '"') {
				quoted = !quoted;
			}
		}
		REQUIRE(!quoted);
	}
}

static const struct {
	int (*open)(const struct writer_options *options, struct writer **writer);
	void (*check)(const char *text, size_t length);
} formats[] = {
	{ writer_text_open, check_lines },
	{ writer_json_open, check_json },
	{ writer_csv_open, check_csv },
	{ writer_openmetrics_open, check_openmetrics },
};

static void write_as(size_t format, const struct scene *scene, const struct lookup *lookup, enum view_group group)
{
	struct writer_options options = { .charset = TEXT_UTF8, .host = scene->names[0], .lookup = lookup };
	struct table table = { 0 };
	struct writer *writer;
	struct view view;
	char *text = NULL;
	size_t size = 0;

	options.stream = open_memstream(&text, &size);
	REQUIRE(options.stream && formats[format].open(&options, &writer) == 0);
	view_init(&view);
	view.group = group;
	view.threads = group == GROUP_NONE;
	view.full_command = true;
	if (writer->ops->observe)
		REQUIRE(writer->ops->observe(writer, scene->interval, &view) == 0);
	REQUIRE(table_build(&table, scene->interval, &view, lookup, TEXT_UTF8, NULL) == 0);
	REQUIRE(writer->ops->write(writer, scene->interval, &view, &table) == 0);
	REQUIRE(writer->ops->finish(writer) == 0);
	writer->ops->close(writer);
	table_free(&table);
	fclose(options.stream);
	formats[format].check(text, size);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = { data, size };
	struct scene scene;

	make_scene(&scene, &bytes);
	const struct lookup lookup = { .data = &scene, .user = find_user, .cmdline = find_cmdline, .prio = find_prio };
	fuzz_check_interval(scene.interval, &lookup, (unsigned)size);
	for (size_t format = 0; format < sizeof(formats) / sizeof(formats[0]); format++)
		write_as(format, &scene, &lookup, (enum view_group)((size + format) % GROUP_COUNT));
	interval_unref(scene.interval);
	for (size_t i = 0; i < NAMES; i++)
		free(scene.names[i]);
	return 0;
}
