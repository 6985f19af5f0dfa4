#include "iotopx/nfs_read.h"
#include "iotopx/array.h"
#include "scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool token_is(const char *token, size_t length, const char *word)
{
	return length == strlen(word) && memcmp(token, word, length) == 0;
}

/* "device NAME mounted on POINT with fstype nfs4 statvers=1.1". 1 if it is an NFS mount, 0 if not, -ENOMEM. */
static int parse_device_line(const char *at, struct nfs_mount *mount)
{
	const char *device, *point, *type;
	size_t device_length, point_length, length;

	device_length = scan_token(&at, &device);
	if (!device_length || !scan_word(&at, " mounted on "))
		return 0;
	point_length = scan_token(&at, &point);
	if (!point_length || !scan_word(&at, " with fstype "))
		return 0;
	length = scan_token(&at, &type);
	if (!token_is(type, length, "nfs") && !token_is(type, length, "nfs4"))
		return 0;
	mount->device = scan_unescape(device, device_length);
	mount->mount = scan_unescape(point, point_length);
	mount->version = strdup("");
	return mount->device && mount->mount && mount->version ? 1 : -ENOMEM;
}

static int parse_options(const char *at, struct nfs_mount *mount)
{
	const char *list;
	size_t length = scan_token(&at, &list);

	for (size_t i = 0; i < length;) {
		size_t end = i;

		while (end < length && list[end] != ',')
			end++;
		if (end - i > 5 && memcmp(list + i, "vers=", 5) == 0) {
			char *version = strndup(list + i + 5, end - i - 5);

			if (!version)
				return -ENOMEM;
			free(mount->version);
			mount->version = version;
		}
		i = end + 1;
	}
	return 0;
}

static int parse_age(const char *at, struct nfs_mount *mount)
{
	scan_number(&at, &mount->age_s);
	return 0;
}

/* One line a connection (nconnect makes several). The fields before the number of requests sent differ by transport:
 * net/sunrpc/xprtsock.c and xprtrdma/transport.c print_stats. */
static int parse_transport(const char *at, struct nfs_mount *mount)
{
	static const struct {
		const char *name;
		size_t before;
	} transports[] = { { "tcp", 5 }, { "rdma", 5 }, { "local", 4 }, { "udp", 2 } };
	enum { SENDS, RECEIVES, BAD_XIDS, REQUESTS, BACKLOG, FIELDS };
	uint64_t value[FIELDS] = { 0 }, ignored;
	const char *name;
	size_t length = scan_token(&at, &name);

	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		if (!token_is(name, length, transports[i].name))
			continue;
		for (size_t skip = 0; skip < transports[i].before; skip++)
			if (!scan_number(&at, &ignored))
				return 0;
		for (size_t field = 0; field < FIELDS; field++)
			scan_number(&at, &value[field]);
		mount->sends += value[SENDS];
		mount->backlog += value[BACKLOG];
		return 0;
	}
	return 0;
}

/* "READ: 1920 1920 0 126213120 353280 369649 74491 444546 0" */
static int parse_op(const char *at, struct nfs_mount *mount)
{
	const char *name;
	size_t length = scan_token(&at, &name), count = 0;
	struct nfs_op *op;

	if (length < 2 || length > NFS_OP_NAME_SIZE || name[length - 1] != ':')
		return 0;
	op = array_append_raw((void **)&mount->ops, &mount->op_count, &mount->op_capacity, sizeof(*op));
	if (!op)
		return -ENOMEM;
	memcpy(op->name, name, length - 1);

	uint64_t *const fields[] = {
		&op->ops,      &op->transmissions, &op->timeouts,   &op->sent_bytes, &op->received_bytes,
		&op->queue_ms, &op->rtt_ms,        &op->execute_ms, &op->errors,
	};
	while (count < sizeof(fields) / sizeof(fields[0]) && scan_number(&at, fields[count]))
		count++;
	/* The version in the text stayed 1.1 when the errors came (5.3): count the fields. */
	if (count == sizeof(fields) / sizeof(fields[0]))
		mount->has_errors = true;
	return 0;
}

/* The lines of one mount, up to the next "device" or "no device" line. */
static int parse_mount(const char **at, struct nfs_mount *mount)
{
	static const struct {
		const char *key;
		int (*parse)(const char *at, struct nfs_mount *mount);
	} lines[] = { { "\topts:", parse_options }, { "\tage:", parse_age }, { "\txprt:", parse_transport } };
	bool in_ops = false;

	for (; **at == '\t' || **at == '\n'; scan_line(at)) {
		int error = 0;

		if (in_ops) {
			error = parse_op(*at, mount);
		} else if (scan_word(at, "\tper-op statistics")) {
			in_ops = true;
		} else {
			for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]) && !error; i++)
				if (scan_word(at, lines[i].key))
					error = lines[i].parse(*at, mount);
		}
		if (error)
			return error;
	}
	return 0;
}

int nfs_parse_mountstats(const char *text, struct nfs_mounts *mounts)
{
	struct nfs_mounts result = { 0 };
	int error = 0;

	while (*text && !error) {
		struct nfs_mount *mount;
		int is_nfs;

		if (!scan_word(&text, "device ")) {
			scan_line(&text);
			continue;
		}
		mount = array_append(&result);
		if (!mount) {
			error = -ENOMEM;
			break;
		}
		is_nfs = parse_device_line(text, mount);
		scan_line(&text);
		if (is_nfs > 0)
			error = parse_mount(&text, mount);
		else if (is_nfs == 0)
			result.count--;
		else
			error = is_nfs;
	}
	if (error || result.count == 0)
		nfs_mounts_free(&result);
	if (!error)
		*mounts = result;
	return error;
}
