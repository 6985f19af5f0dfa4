/* What the text of /proc/PID/cgroup says: the cgroup's path, the systemd unit, the container. Pure.
 *
 * Understands v2 ("0::/..."), hybrid and v1 hierarchies. The path is v2's; on v1 and where v2 is only a stub (it
 * says "/"), that of systemd's own hierarchy, else of the first controller that is not at the root.
 */
#ifndef IOTOPX_CGROUP_NAME_H
#define IOTOPX_CGROUP_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum container_runtime {
	CONTAINER_NONE,
	CONTAINER_DOCKER,
	CONTAINER_PODMAN,
	CONTAINER_CONTAINERD,
	CONTAINER_CRIO,
	CONTAINER_LXC,    /* LXD and Incus too */
	CONTAINER_NSPAWN, /* and what else registers with systemd-machined */
	CONTAINER_OTHER,  /* an id of 64 hex digits without a runtime's name beside it */
};

#define CGROUP_PATH_SIZE 4096
#define CGROUP_ID_SIZE 256

struct cgroup_names {
	char path[CGROUP_PATH_SIZE];
	bool v2; /* `path` is one of v2's hierarchy */
	/* The innermost .service, .scope or .slice, systemd's escapes undone and ids of 64 digits cut to 12:
	 * "shop.service", "session-3.scope", "user@1000.service" also for that manager's init.scope. Where there is
	 * none, the path itself (it begins with "/"). */
	char unit[CGROUP_PATH_SIZE];
	enum container_runtime runtime;
	char id[CGROUP_ID_SIZE];  /* the container's full id, or its name (LXC, nspawn); "" for CONTAINER_NONE */
	char pod[CGROUP_ID_SIZE]; /* uid of its Kubernetes pod, with dashes; "" none */
};

/* `text` needs no NUL. 0, or -EINVAL if no line of it is one; a path that is too long is -ENAMETOOLONG. */
int cgroup_names_parse(const char *text, size_t length, struct cgroup_names *names);

/* A task that is exiting stays in its cgroup of v2, but has left those of v1, which say "/" from then on
 * (proc_cgroup_show in the kernel). False if the text may be such a one's and tells nothing for that reason. */
bool cgroup_text_holds_when_exiting(const char *text, size_t length);

/* How a container is shown while no name is known: the id cut to 12 digits, "UID/ID" with the uid's first 8 in a pod, names
 * as they are; "" for none. Returns bytes. */
size_t cgroup_container_text(const struct cgroup_names *names, char *to, size_t size);

/* Kubernetes names of containers are machine-made: "k8s_nginx_web-7d9c_shop_UID_0" becomes "shop/web-7d9c/nginx"
 * (namespace/pod/container); other names lose a leading "/". Returns bytes. */
size_t cgroup_container_name(const char *name, char *to, size_t size);

#endif
