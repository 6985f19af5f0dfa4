/* cgroup_name.h and cgroup.h: the text of /proc/PID/cgroup; and the files of the container runtimes that tell a
 * container's name, which begin with a bracket. */
#include "fuzz.h"

#include "container_name.h"
#include "iotopx/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static bool ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static void check_names(const struct cgroup_names *names)
{
	char text[CGROUP_PATH_SIZE], again[CGROUP_PATH_SIZE];

	REQUIRE(ends(names->path, sizeof(names->path)) && ends(names->unit, sizeof(names->unit)));
	REQUIRE(ends(names->id, sizeof(names->id)) && ends(names->pod, sizeof(names->pod)));
	REQUIRE(names->path[0] == '/' && names->unit[0]);
	REQUIRE((names->runtime == CONTAINER_NONE) == (names->id[0] == '\0'));
	const size_t length = cgroup_container_text(names, text, sizeof(text));
	REQUIRE(strlen(text) == length && (length > 0) == (names->runtime != CONTAINER_NONE));
	REQUIRE(cgroup_container_name(names->path, text, sizeof(text)) == strlen(text));
	REQUIRE(cgroup_container_name(names->path, again, sizeof(again)) == strlen(again) && strcmp(text, again) == 0);
	for (size_t size = 1; size < 6; size++)
		REQUIRE(cgroup_container_name(names->path, text, size) < size && strlen(text) < size);
}

/* What the cache hands out is what the parser says, at the same address each time. A full cache knows ancestors only.
 */
static void check_cache(const char *text, size_t length, const struct cgroup_names *names, size_t limit)
{
	const struct cgroup_ident *ident = NULL, *again = NULL;
	struct cgroup_cache *cache;

	REQUIRE(cgroup_cache_open(fuzz_directory(), limit, &cache) == 0);
	const int error = cgroup_cache_find(cache, text, length, &ident);
	REQUIRE((error == 0) == (names != NULL) || error == -EINVAL);
	if (error == 0) {
		REQUIRE(ident->cgroup && ident->unit && ident->cgroup[0] == '/');
		REQUIRE(cgroup_cache_find(cache, text, length, &again) == 0 && again->cgroup == ident->cgroup);
		REQUIRE(again->unit == ident->unit && again->container == ident->container);
		REQUIRE(cgroup_cache_find_path(cache, ident->cgroup, &again) == 0 && again->cgroup);
		if (limit == CGROUP_BYTES_DEFAULT)
			REQUIRE(strcmp(ident->cgroup, names->path) == 0 && strcmp(ident->unit, names->unit) == 0);
	}
	cgroup_cache_close(cache);
}

static void check_text(const uint8_t *data, size_t size)
{
	static struct cgroup_names names, again;
	char *text = fuzz_copy(data, size);
	const int error = cgroup_names_parse(text, size, &names);

	(void)cgroup_text_holds_when_exiting(text, size);
	REQUIRE(error == 0 || error == -EINVAL || error == -ENAMETOOLONG);
	REQUIRE(cgroup_names_parse(text, size, &again) == error);
	if (error == 0) {
		check_names(&names);
		REQUIRE(strcmp(names.unit, again.unit) == 0 && strcmp(names.id, again.id) == 0);
	}
	check_cache(text, size, error == 0 ? &names : NULL, CGROUP_BYTES_DEFAULT);
	check_cache(text, size, error == 0 ? &names : NULL, 512);
	free(text);
}

static void check_runtime_file(struct bytes bytes)
{
	static const char *const files[] = {
		"var/lib/docker/containers/" ID "/config.v2.json",
		"var/lib/containers/storage/overlay-containers/containers.json",
	};
	static int root_fd = -1;
	char path[512], name[CGROUP_ID_SIZE], again[CGROUP_ID_SIZE];

	if (root_fd < 0) {
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			snprintf(path, sizeof(path), "%s/%s", fuzz_directory(), files[i]);
			fuzz_make_parents(path);
		}
		root_fd = open(fuzz_directory(), O_PATH | O_DIRECTORY | O_CLOEXEC);
		REQUIRE(root_fd >= 0);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", fuzz_directory(), files[i]);
		fuzz_write(path, bytes.at, bytes.left);
	}
	for (int runtime = CONTAINER_DOCKER; runtime <= CONTAINER_OTHER; runtime++) {
		static struct cgroup_names names;

		snprintf(names.id, sizeof(names.id), "%s", ID);
		names.runtime = (enum container_runtime)runtime;
		if (!container_name_find(root_fd, &names, name, sizeof(name)))
			continue;
		REQUIRE(ends(name, sizeof(name)) && name[0]);
		REQUIRE(container_name_find(root_fd, &names, again, sizeof(again)) && strcmp(name, again) == 0);
		REQUIRE(!container_name_find(root_fd, &names, again, 2) || strlen(again) < 2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && (data[0] == '{' || data[0] == '['))
		check_runtime_file((struct bytes){ data, size });
	else
		check_text(data, size);
	return 0;
}
