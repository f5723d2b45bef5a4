/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis ctr port-forward. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "ctr.h"
#include "monitor/forward.h"
#include "pod/sandbox.h"

// clang-format off
const struct opt ctr_port_opts[] = {
	OPT(0, "address", "IP", OPT_STR, struct port_args, address, "listen here (default: 127.0.0.1 and ::1)"),
	OPT_END,
};
// clang-format on

/* "8080:80", ":80" (any port of ours), "80". */
static int parse_port(const char *text, const char *address, struct forward_port *p, struct err *e)
{
	const char *colon = strchr(text, ':');
	own(str) char *left = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	const char *right = colon ? colon + 1 : text;
	int64_t ours = 0, theirs;

	if ((*left && str_to_i64(left, 0, 65535, &ours) < 0) ||
	    str_to_i64(right, 1, 65535, &theirs) < 0)
		return err_set(e, ERR_USAGE,
			       "port '%.40s': expected PORT, OURS:PORT, or :PORT for any of ours",
			       text);
	*p = (struct forward_port){ .address = address,
				    .ours = (uint16_t)ours,
				    .theirs = (uint16_t)theirs };
	return 0;
}

static void say_ready(const struct forward *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct forward_port *p = &f->ports[i];
		bool v6 = p->address && strchr(p->address, ':');

		printf("%s%s%s:%u -> %u\n", v6 ? "[" : "", p->address ? p->address : "127.0.0.1",
		       v6 ? "]" : "", p->ours, p->theirs);
	}
	fflush(stdout);
}

static void say_refused(const struct forward *f, const struct forward_port *p, int err)
{
	(void)f;
	fprintf(stderr, "caddis: port %u of the sandbox: %s\n", p->theirs, strerror(err));
}

/* The sandbox of a container, or a sandbox by itself. */
static int find_sandbox(struct cli *cli, const char *key, struct sandbox *out, struct err *e)
{
	own(container) struct container c = { 0 };
	char id[ID_SIZE];
	struct err second;

	if (record_find(&cli->store, RECORD_CONTAINER, key, id, e) == 0) {
		if (container_load(&cli->store, id, &c, e) < 0)
			return -1;
		snprintf(id, sizeof(id), "%s", c.record.sandbox_id);
	} else if (e->kind != ERR_NOT_FOUND ||
		   record_find(&cli->store, RECORD_SANDBOX, key, id, &second) < 0) {
		return -1;
	}
	if (sandbox_load(&cli->store, id, out, e) < 0)
		return -1;
	return out->ready ? 0 : err_set(e, ERR_STATE, "sandbox %.12s is not ready", id);
}

static int open_netns(struct cli *cli, const struct sandbox *sb, int *fd, struct err *e)
{
	own(str) char *path = sandbox_ns_path(&cli->store, sb->id, "net");

	if (sb->record.config.linux_.security_context.namespace_options.network == CRI_NS_NODE)
		return 0;
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	return *fd < 0 ? err_sys(e, "sandbox %.12s: its network", sb->id) : 0;
}

int ctr_port_main(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct port_args *a = args;
	own(sandbox) struct sandbox sb = { 0 };
	own(fd) int netns = -1;
	struct forward f = { .ready = say_ready, .refused = say_refused };
	struct err e;
	int rc = 0;

	f.n = n - 1;
	f.ports = xcalloc(f.n, sizeof(*f.ports));
	for (size_t i = 0; i < f.n && rc == 0; i++)
		rc = parse_port(operands[i + 1], a->address, &f.ports[i], &e);
	if (rc == 0)
		rc = find_sandbox(cli, operands[0], &sb, &e);
	if (rc == 0)
		rc = open_netns(cli, &sb, &netns, &e);
	if (rc == 0) {
		f.netns = netns;
		rc = forward_run(&f, &e);
	}
	free(f.ports);
	return rc < 0 ? cli_error(cli, &e) : cli_done(cli, 0);
}
