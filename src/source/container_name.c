#include "container_name.h"
#include "json.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX (8u << 20) /* a storage list of thousands of containers */
#define ID_DIGITS 64

/* The file's bytes in *text (owned by the caller), or false. Never waits on a FIFO, never follows into a device. */
static bool slurp(int root_fd, const char *path, char **text, size_t *length)
{
	int fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat stat;
	char *buffer = NULL;
	size_t have = 0;

	if (fd < 0)
		return false;
	if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && stat.st_size > 0 && stat.st_size <= FILE_BYTES_MAX)
		buffer = malloc((size_t)stat.st_size);
	while (buffer && have < (size_t)stat.st_size) {
		ssize_t got = read(fd, buffer + have, (size_t)stat.st_size - have);

		if (got <= 0)
			break;
		have += (size_t)got;
	}
	close(fd);
	if (have == 0) {
		free(buffer);
		return false;
	}
	*text = buffer;
	*length = have;
	return true;
}

/* containers/ID/config.v2.json: the member "Name" of the outermost object; volumes further in have names too. */
static bool from_docker(int root_fd, const char *id, char *name, size_t size)
{
	char path[64 + CGROUP_ID_SIZE], key[32], *text;
	size_t length;
	bool found = false, first = true;
	struct json json;

	snprintf(path, sizeof(path), "var/lib/docker/containers/%s/config.v2.json", id);
	if (!slurp(root_fd, path, &text, &length))
		return false;
	json = (struct json){ text, text + length };
	if (json_cursor_open(&json, '{'))
		while (!found && json_cursor_next(&json, &first) && json_cursor_key(&json, key, sizeof(key))) {
			if (strcmp(key, "Name") == 0)
				found = json_cursor_string(&json, name, size);
			else if (!json_cursor_skip(&json))
				break;
		}
	free(text);
	return found && name[0];
}

/* {"id": "...", "names": ["first", ...], ...} */
static bool storage_entry(struct json entry, const char *id, char *name, size_t size)
{
	char key[32], value[ID_DIGITS + 2];
	bool first = true, right_id = false, has_name = false;
	struct json names;

	if (!json_cursor_open(&entry, '{'))
		return false;
	while (json_cursor_next(&entry, &first) && json_cursor_key(&entry, key, sizeof(key))) {
		if (strcmp(key, "id") == 0) {
			right_id = json_cursor_string(&entry, value, sizeof(value)) && strcmp(value, id) == 0;
			if (!right_id)
				return false;
		} else if (!json_cursor_value(&entry, &names)) {
			return false;
		} else if (strcmp(key, "names") == 0) {
			has_name = json_cursor_open(&names, '[') && json_cursor_string(&names, name, size) && name[0];
		}
	}
	return right_id && has_name;
}

static bool storage_file(int root_fd, const char *path, const char *id, char *name, size_t size)
{
	char *text;
	size_t length;
	bool found = false, first = true;
	struct json json, entry;

	if (!slurp(root_fd, path, &text, &length))
		return false;
	json = (struct json){ text, text + length };
	if (json_cursor_open(&json, '['))
		while (!found && json_cursor_next(&json, &first) && json_cursor_value(&json, &entry))
			found = storage_entry(entry, id, name, size);
	free(text);
	return found;
}

/* containers/storage, which podman and CRI-O share: one list for each storage driver. */
static bool from_storage(int root_fd, const char *id, char *name, size_t size)
{
	static const char *const files[] = {
		"var/lib/containers/storage/overlay-containers/containers.json",
		"var/lib/containers/storage/overlay-containers/volatile-containers.json",
		"var/lib/containers/storage/vfs-containers/containers.json",
		"var/lib/containers/storage/btrfs-containers/containers.json",
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (storage_file(root_fd, files[i], id, name, size))
			return true;
	return false;
}

/* The kubelet links each container's log as POD_NAMESPACE_CONTAINER-ID.log; none of the names holds an underscore. */
static bool log_link(const char *link, const char *id, char *name, size_t size)
{
	size_t length = strlen(link), tail = strlen(id) + strlen("-.log");
	const char *space, *container;

	if (length <= tail || link[length - tail] != '-' || memcmp(link + length - tail + 1, id, strlen(id)) != 0 ||
	    strcmp(link + length - strlen(".log"), ".log") != 0)
		return false;
	space = strchr(link, '_');
	container = space ? strchr(space + 1, '_') : NULL;
	if (!container || container > link + length - tail)
		return false;
	snprintf(name, size, "%.*s/%.*s/%.*s", (int)(container - space - 1), space + 1, (int)(space - link), link,
		 (int)(link + length - tail - container - 1), container + 1);
	return true;
}

static bool from_kubelet(int root_fd, const char *id, char *name, size_t size)
{
	int fd = openat(root_fd, "var/log/containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	bool found = false;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (!found && (entry = readdir(directory)))
		found = log_link(entry->d_name, id, name, size);
	closedir(directory);
	return found;
}

/* Where a runtime's containers may be named. An id without its runtime's name may be anyone's. */
static const struct {
	enum container_runtime runtime;
	bool (*find)(int root_fd, const char *id, char *name, size_t size);
} name_sources[] = {
	{ CONTAINER_DOCKER, from_docker },      { CONTAINER_DOCKER, from_kubelet }, { CONTAINER_PODMAN, from_storage },
	{ CONTAINER_CONTAINERD, from_kubelet }, { CONTAINER_CRIO, from_kubelet },   { CONTAINER_CRIO, from_storage },
	{ CONTAINER_OTHER, from_kubelet },      { CONTAINER_OTHER, from_docker },   { CONTAINER_OTHER, from_storage },
};

bool container_name_find(int root_fd, const struct cgroup_names *names, char *to, size_t size)
{
	char name[CGROUP_ID_SIZE * 3];

	if (root_fd < 0 || strlen(names->id) != ID_DIGITS || strspn(names->id, "0123456789abcdef") != ID_DIGITS)
		return false;
	for (size_t i = 0; i < sizeof(name_sources) / sizeof(name_sources[0]); i++)
		if (name_sources[i].runtime == names->runtime &&
		    name_sources[i].find(root_fd, names->id, name, sizeof(name)))
			return cgroup_container_name(name, to, size) > 0;
	return false;
}
