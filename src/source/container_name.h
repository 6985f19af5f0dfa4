/* The name of a container, from the files that its runtime leaves on this machine. Private to this room. */
#ifndef IOTOPX_CONTAINER_NAME_H
#define IOTOPX_CONTAINER_NAME_H

#include "iotopx/cgroup_name.h"

#include <stdbool.h>

/* As people know it ("web", "shop/web-7d9c/nginx"); false: no file tells. `root_fd` is the directory that holds var. */
bool container_name_find(int root_fd, const struct cgroup_names *names, char *to, size_t size);

#endif
