/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that every container of a sandbox sees: /etc/hosts, /etc/hostname, /etc/resolv.conf. */
#include "base/fd.h"
#include "base/file.h"
#include "pod/sandbox.h"

#include <fcntl.h>
#include <sys/stat.h>

#define RESOLV_MAX (64 * 1024)

/* World-readable whatever the umask: users in the container read it. */
static int put_file(int dir, const char *name, const struct buf *b, struct err *e)
{
	if (file_replace(dir, name, b->s ? b->s : "", b->len, FILE_NOSYNC, e) < 0)
		return -1;
	return fchmodat(dir, name, 0644, 0) < 0 ? err_sys(e, "%s", name) : 0;
}

static void add_words(struct buf *b, const char *keyword, const struct strv *words)
{
	if (!words->n)
		return;
	buf_add(b, keyword);
	for (size_t i = 0; i < words->n; i++)
		buf_addf(b, " %s", words->v[i]);
	buf_addc(b, '\n');
}

static bool has_dns(const struct cri_dns *dns)
{
	return dns->servers.n || dns->searches.n || dns->options.n;
}

static void add_dns(struct buf *resolv, const struct cri_dns *dns)
{
	add_words(resolv, "search", &dns->searches);
	for (size_t i = 0; i < dns->servers.n; i++)
		buf_addf(resolv, "nameserver %s\n", dns->servers.v[i]);
	add_words(resolv, "options", &dns->options);
}

/* A resolver on the host's loopback is not there in another network namespace. */
static bool loopback_resolver(const char *line)
{
	line += strspn(line, " \t");
	if (!str_starts(line, "nameserver"))
		return false;
	line += strlen("nameserver");
	line += strspn(line, " \t");
	return str_starts(line, "127.") || str_starts(line, "::1");
}

/* The lines of a resolv.conf of the host; loopback: how many resolvers are there only for it. */
static void read_resolv(const char *path, struct strv *lines, size_t *loopback)
{
	own(buf) struct buf text = { 0 };
	own(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	/* Often a symlink, so file_load() would refuse it; the host's /etc is trusted. */
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > RESOLV_MAX)
		return;
	buf_reserve(&text, RESOLV_MAX);
	ssize_t n = read_full(fd, text.s, RESOLV_MAX);

	if (n <= 0)
		return;
	text.s[n] = '\0';
	strv_split(lines, text.s, '\n');
	for (size_t i = 0; i < lines->n; i++)
		*loopback += loopback_resolver(lines->v[i]);
}

static bool has_resolver(const struct strv *lines, size_t loopback)
{
	size_t n = 0;

	for (size_t i = 0; i < lines->n; i++)
		n += str_starts(lines->v[i] + strspn(lines->v[i], " \t"), "nameserver");
	return n > loopback;
}

static void host_resolv(struct buf *out, bool host_network)
{
	own(strv) struct strv lines = { 0 }, upstream = { 0 };
	const struct strv *chosen = &lines;
	size_t loopback = 0;

	read_resolv("/etc/resolv.conf", &lines, &loopback);
	/* Where systemd-resolved listens on 127.0.0.53, this file has the servers that it asks. */
	if (!host_network && loopback && !has_resolver(&lines, loopback)) {
		loopback = 0;
		read_resolv("/run/systemd/resolve/resolv.conf", &upstream, &loopback);
		if (has_resolver(&upstream, loopback))
			chosen = &upstream;
	}
	for (size_t i = 0; i < chosen->n; i++)
		if (chosen->v[i][0] && (host_network || !loopback_resolver(chosen->v[i])))
			buf_addf(out, "%s\n", chosen->v[i]);
}

/* Its own name: at its addresses, or where it has none, at one of its loopback. */
static void own_name(struct buf *hosts, const char *name, const struct network_status *net)
{
	const struct network_ip *ips = net->ips.v;

	for (size_t i = 0; i < net->ips.n; i++)
		buf_addf(hosts, "%.*s\t%s\n", (int)strcspn(ips[i].address, "/"), ips[i].address,
			 name);
	if (!net->ips.n)
		buf_addf(hosts, "127.0.1.1\t%s\n", name);
}

int sandbox_write_files(int dir, const struct cri_sandbox_config *c,
			const struct network_status *net, struct err *e)
{
	bool host = c->linux_.security_context.namespace_options.network == CRI_NS_NODE;
	own(buf) struct buf hosts = { 0 };
	own(buf) struct buf name = { 0 };
	own(buf) struct buf resolv = { 0 };

	buf_add(&hosts, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
	if (!host)
		own_name(&hosts, c->hostname, net);
	buf_addf(&name, "%s\n", c->hostname);
	if (has_dns(&c->dns_config))
		add_dns(&resolv, &c->dns_config);
	else if (has_dns(&net->dns))
		add_dns(&resolv, &net->dns);
	else
		host_resolv(&resolv, host);
	if (put_file(dir, "hosts", &hosts, e) < 0 || put_file(dir, "hostname", &name, e) < 0)
		return -1;
	return put_file(dir, "resolv.conf", &resolv, e);
}
