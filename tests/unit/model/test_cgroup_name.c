#include "iotopx/cgroup_name.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UID "6b1e3a52-9f0c-4c7e-8a55-0d5c2b7a1f10"
#define UID_ "6b1e3a52_9f0c_4c7e_8a55_0d5c2b7a1f10"

static struct cgroup_names names; /* too large for a stack frame of each case */

static void parse(const char *text)
{
	memset(&names, 0x5a, sizeof(names));
	assert_int_equal(cgroup_names_parse(text, strlen(text), &names), 0);
}

/* Lines as the kernel writes them for the tasks of each runtime. */
static const struct {
	const char *text, *path, *unit;
	enum container_runtime runtime;
	const char *shown, *pod;
} cases[] = {
	/* systemd */
	{ "0::/system.slice/cron.service\n", "/system.slice/cron.service", "cron.service", CONTAINER_NONE, "", "" },
	{ "0::/init.scope\n", "/init.scope", "init.scope", CONTAINER_NONE, "", "" },
	{ "0::/\n", "/", "/", CONTAINER_NONE, "", "" },
	{ "0::/web.slice/shop.service", "/web.slice/shop.service", "shop.service", CONTAINER_NONE, "", "" },
	{ "0::/user.slice/user-1000.slice/session-3.scope\n", "/user.slice/user-1000.slice/session-3.scope",
	  "session-3.scope", CONTAINER_NONE, "", "" },
	{ "0::/user.slice/user-1000.slice/user@1000.service/init.scope\n",
	  "/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service", CONTAINER_NONE, "", "" },
	{ "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox\\x2desr-99.scope\n",
	  "/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox\\x2desr-99.scope",
	  "app-firefox-esr-99.scope", CONTAINER_NONE, "", "" },
	{ "0::/system.slice/postgresql.service/workers/one\n", "/system.slice/postgresql.service/workers/one",
	  "postgresql.service", CONTAINER_NONE, "", "" },
	{ "0::/machine.slice\n", "/machine.slice", "machine.slice", CONTAINER_NONE, "", "" },
	{ "0::/system.slice/old.service (deleted)\n", "/system.slice/old.service", "old.service", CONTAINER_NONE, "",
	  "" },
	{ "0::/made/by/hand\n", "/made/by/hand", "/made/by/hand", CONTAINER_NONE, "", "" },
	{ "0::/../other.slice\n", "/../other.slice", "other.slice", CONTAINER_NONE, "", "" },
	/* v1, hybrid */
	{ "12:blkio:/system.slice/ssh.service\n3:cpu,cpuacct:/\n1:name=systemd:/system.slice/ssh.service\n"
	  "0::/system.slice/ssh.service\n",
	  "/system.slice/ssh.service", "ssh.service", CONTAINER_NONE, "", "" },
	{ "4:memory:/user.slice\n1:name=systemd:/user.slice/user-0.slice/session-1.scope\n0::/\n",
	  "/user.slice/user-0.slice/session-1.scope", "session-1.scope", CONTAINER_NONE, "", "" },
	{ "9:name=systemd:/\n8:pids:/\n4:memory:/jobs/one\n0::/\n", "/jobs/one", "/jobs/one", CONTAINER_NONE, "", "" },
	{ "9:name=systemd:/\n8:pids:/\n0::/\n", "/", "/", CONTAINER_NONE, "", "" },
	{ "11:devices:/docker/" ID "\n1:name=systemd:/docker/" ID "\n0::/system.slice/containerd.service\n",
	  "/docker/" ID, "/docker/0123456789ab", CONTAINER_DOCKER, "0123456789ab", "" },
	/* docker */
	{ "0::/system.slice/docker-" ID ".scope\n", "/system.slice/docker-" ID ".scope", "docker-0123456789ab.scope",
	  CONTAINER_DOCKER, "0123456789ab", "" },
	{ "0::/docker/" ID "\n", "/docker/" ID, "/docker/0123456789ab", CONTAINER_DOCKER, "0123456789ab", "" },
	/* a service manager within it */
	{ "0::/system.slice/docker-" ID ".scope/init.scope\n", "/system.slice/docker-" ID ".scope/init.scope",
	  "docker-0123456789ab.scope", CONTAINER_DOCKER, "0123456789ab", "" },
	{ "0::/system.slice/docker-" ID ".scope/system.slice/nginx.service\n",
	  "/system.slice/docker-" ID ".scope/system.slice/nginx.service", "nginx.service", CONTAINER_DOCKER,
	  "0123456789ab", "" },
	/* podman */
	{ "0::/machine.slice/libpod-" ID ".scope/container\n", "/machine.slice/libpod-" ID ".scope/container",
	  "libpod-0123456789ab.scope", CONTAINER_PODMAN, "0123456789ab", "" },
	{ "0::/machine.slice/libpod-conmon-" ID ".scope\n", "/machine.slice/libpod-conmon-" ID ".scope",
	  "libpod-conmon-0123456789ab.scope", CONTAINER_NONE, "", "" },
	{ "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope\n",
	  "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", "libpod-0123456789ab.scope",
	  CONTAINER_PODMAN, "0123456789ab", "" },
	/* containerd and CRI-O under Kubernetes, both cgroup drivers */
	{ "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/cri-containerd-" ID
	  ".scope\n",
	  "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/cri-containerd-" ID ".scope",
	  "cri-containerd-0123456789ab.scope", CONTAINER_CONTAINERD, "6b1e3a52/0123456789ab", UID },
	{ "0::/kubepods/burstable/pod" UID "/" ID "\n", "/kubepods/burstable/pod" UID "/" ID,
	  "/kubepods/burstable/pod" UID "/0123456789ab", CONTAINER_OTHER, "6b1e3a52/0123456789ab", UID },
	{ "0::/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope\n",
	  "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope", "crio-0123456789ab.scope", CONTAINER_CRIO,
	  "6b1e3a52/0123456789ab", UID },
	{ "0::/kubepods.slice/kubepods-pod" UID_ ".slice/crio-conmon-" ID ".scope\n",
	  "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-conmon-" ID ".scope", "crio-conmon-0123456789ab.scope",
	  CONTAINER_NONE, "", "" },
	{ "0::/system.slice/containerd.service/kubepods-besteffort-pod" UID_ ".slice:cri-containerd:" ID "\n",
	  "/system.slice/containerd.service/kubepods-besteffort-pod" UID_ ".slice:cri-containerd:" ID,
	  "containerd.service", CONTAINER_CONTAINERD, "6b1e3a52/0123456789ab", UID },
	{ "0::/kubepods.slice/kubepods-pod0123456789abcdef0123456789abcdef.slice/cri-containerd-" ID ".scope\n",
	  "/kubepods.slice/kubepods-pod0123456789abcdef0123456789abcdef.slice/cri-containerd-" ID ".scope",
	  "cri-containerd-0123456789ab.scope", CONTAINER_CONTAINERD, "01234567/0123456789ab",
	  "0123456789abcdef0123456789abcdef" },
	/* docker within docker: the innermost one */
	{ "0::/docker/" ID "/docker/" ID2 "\n", "/docker/" ID "/docker/" ID2,
	  "/docker/0123456789ab/docker/fedcba987654", CONTAINER_DOCKER, "fedcba987654", "" },
	/* LXC, LXD, Incus */
	{ "0::/lxc.payload.mail/system.slice/postfix.service\n", "/lxc.payload.mail/system.slice/postfix.service",
	  "postfix.service", CONTAINER_LXC, "mail", "" },
	{ "10:memory:/lxc/mail\n", "/lxc/mail", "/lxc/mail", CONTAINER_LXC, "mail", "" },
	{ "0::/lxc.monitor.mail\n", "/lxc.monitor.mail", "/lxc.monitor.mail", CONTAINER_NONE, "", "" },
	/* nspawn and machined */
	{ "0::/machine.slice/systemd-nspawn@db.service/payload/system.slice/mysql.service\n",
	  "/machine.slice/systemd-nspawn@db.service/payload/system.slice/mysql.service", "mysql.service",
	  CONTAINER_NSPAWN, "db", "" },
	{ "0::/machine.slice/systemd-nspawn@db.service/payload/init.scope\n",
	  "/machine.slice/systemd-nspawn@db.service/payload/init.scope", "systemd-nspawn@db.service", CONTAINER_NSPAWN,
	  "db", "" },
	{ "0::/machine.slice/systemd-nspawn@db.service/supervisor\n",
	  "/machine.slice/systemd-nspawn@db.service/supervisor", "systemd-nspawn@db.service", CONTAINER_NONE, "", "" },
	{ "0::/machine.slice/machine-old\\x2dweb.scope\n", "/machine.slice/machine-old\\x2dweb.scope",
	  "machine-old-web.scope", CONTAINER_NSPAWN, "old-web", "" },
	{ "0::/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator\n",
	  "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator", "machine-qemu-1-vm.scope", CONTAINER_NONE,
	  "", "" },
};

static void test_runtimes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char shown[CGROUP_ID_SIZE];

		parse(cases[i].text);
		assert_string_equal(names.path, cases[i].path);
		assert_string_equal(names.unit, cases[i].unit);
		assert_int_equal(names.runtime, cases[i].runtime);
		assert_int_equal(cgroup_container_text(&names, shown, sizeof(shown)), strlen(cases[i].shown));
		assert_string_equal(shown, cases[i].shown);
		assert_string_equal(names.pod, cases[i].pod);
	}
}

static void test_full_id(void **state)
{
	(void)state;
	parse("0::/system.slice/docker-" ID ".scope\n");
	assert_string_equal(names.id, ID);
	parse("0::/lxc.payload.mail\n");
	assert_string_equal(names.id, "mail");
}

static void test_what_is_no_id(void **state)
{
	static const char *const paths[] = {
		"0::/0123456789abcdef\n",             /* too short */
		"0::/" ID "0\n",                      /* too long */
		"0::/system.slice/x" ID ".service\n", /* nothing between */
		"0::/g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
		"0::/kubepods/pod" UID "\n", /* the pod itself is no container */
		"0::/machine.slice/machine-.scope\n",
		"0::/lxc/_\n", /* no name */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		parse(paths[i]);
		assert_int_equal(names.runtime, CONTAINER_NONE);
		assert_string_equal(names.id, "");
		assert_string_equal(names.pod, "");
	}
}

static void test_bad_text(void **state)
{
	static const char *const texts[] = { "", "\n", "garbage\n", "0:", "0::\n", "0::relative\n", ":::\n" };
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(cgroup_names_parse(texts[i], strlen(texts[i]), &names), -EINVAL);
	parse("garbage\n0::/a.slice\n");
	assert_string_equal(names.unit, "a.slice");
	/* the length counts, not a NUL */
	assert_int_equal(cgroup_names_parse("0::/a.slice/b.service", 11, &names), 0);
	assert_string_equal(names.path, "/a.slice");

	text = malloc(CGROUP_PATH_SIZE + 16);
	assert_non_null(text);
	memcpy(text, "0::/", 4);
	memset(text + 4, 'x', CGROUP_PATH_SIZE);
	assert_int_equal(cgroup_names_parse(text, CGROUP_PATH_SIZE + 3, &names), -ENAMETOOLONG);
	assert_int_equal(cgroup_names_parse(text, CGROUP_PATH_SIZE + 2, &names), 0);
	assert_int_equal(strlen(names.path), CGROUP_PATH_SIZE - 1);
	free(text);
}

/* Text that ends where its memory ends, without a NUL: the sanitizers see a byte too many. And a NUL ends it. */
static void test_bounds(void **state)
{
	static const char text[] = "7:cpu:\n0::/a.service";

	(void)state;
	for (size_t length = 1; length < sizeof(text); length++) {
		char *copy = malloc(length);

		assert_non_null(copy);
		memcpy(copy, text, length);
		assert_int_equal(cgroup_names_parse(copy, length, &names), length > 10 ? 0 : -EINVAL);
		assert_true(cgroup_text_holds_when_exiting(copy, length));
		free(copy);
	}
	assert_int_equal(cgroup_names_parse("0::/a.slice/\0.service\n", 22, &names), 0);
	assert_string_equal(names.path, "/a.slice/");
	assert_string_equal(names.unit, "a.slice");
}

static void test_escapes(void **state)
{
	(void)state;
	parse("0::/dev-disk-by\\x2dlabel-swap.swap\n");
	assert_string_equal(names.unit, "dev-disk-by-label-swap.swap");
	parse("0::/bad\\x2.service\n");
	assert_string_equal(names.unit, "bad\\x2.service");
	parse("0::/nul\\x00.service\n");
	assert_string_equal(names.unit, "nul\\x00.service");
	parse("0::/_cpu.service\n"); /* an escape of systemd's for names that cgroupfs has itself */
	assert_string_equal(names.unit, "cpu.service");
	parse("0::/.service\n"); /* a suffix alone is no unit */
	assert_string_equal(names.unit, "/.service");
}

static void test_container_names(void **state)
{
	static const struct {
		const char *name, *shown;
	} pairs[] = {
		{ "/web", "web" },
		{ "web", "web" },
		{ "/k8s_nginx_web-7d9c_shop_" UID "_0", "shop/web-7d9c/nginx" },
		{ "k8s_POD_web-7d9c_shop_" UID "_0", "shop/web-7d9c/POD" },
		{ "k8s_a_b_c", "c/b/a" },
		{ "k8s_two_parts", "k8s_two_parts" },
		{ "k8s_", "k8s_" },
		{ "", "" },
		{ "/", "" },
	};
	char shown[64];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_int_equal(cgroup_container_name(pairs[i].name, shown, sizeof(shown)), strlen(pairs[i].shown));
		assert_string_equal(shown, pairs[i].shown);
	}
	assert_int_equal(cgroup_container_name("/a-long-name", shown, 4), 3);
	assert_string_equal(shown, "a-l");
}

/* v2 keeps a dying task's cgroup, v1 says "/". Where nothing but v1 could tell, nothing is known. */
static void test_exiting(void **state)
{
	static const struct {
		const char *text;
		bool holds;
	} texts[] = {
		{ "0::/\n", true },
		{ "0::/system.slice/cron.service\n", true },
		{ "0::/system.slice/cron.service (deleted)\n", true },
		{ "2:cpu:/\n1:name=systemd:/\n0::/\n", false },
		{ "2:cpu:/\n1:name=systemd:/\n", false },
		{ "2:cpu:/\n1:name=systemd:/\n0::/system.slice/cron.service\n", true },
		{ "2:cpu:/docker/abc\n1:name=systemd:/\n0::/\n", true },
		{ "broken\n0::/\n", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(cgroup_text_holds_when_exiting(texts[i].text, strlen(texts[i].text)), texts[i].holds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runtimes), cmocka_unit_test(test_full_id), cmocka_unit_test(test_what_is_no_id),
		cmocka_unit_test(test_bad_text), cmocka_unit_test(test_escapes), cmocka_unit_test(test_container_names),
		cmocka_unit_test(test_exiting),  cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
