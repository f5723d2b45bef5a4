/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/cni.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/clock.h"
#include "base/path.h"
#include "base/quantity.h"
#include "network/cni_chain.h"
#include "network/cni_result.h"

#define CONF_DIR "/etc/cni/net.d"
/* An administrator's own first; then those of Fedora, SUSE and Debian. */
#define BIN_DIRS                                                                                   \
	"/opt/cni/bin:/usr/local/libexec/cni:/usr/libexec/cni:/usr/local/lib/cni:/usr/lib/cni"
#define BANDWIDTH_MIN INT64_C(1000)
#define BANDWIDTH_MAX INT64_C(1000000000000000)
#define TIMEOUT_DEFAULT 60 /* seconds */
#define TIMEOUT_MAX 3600
#define RETRY_AFTER                                                                                \
	(60 * NSEC_PER_SEC) /* at first; a plugin that hangs costs who passes by its time */
#define RETRY_AFTER_MAX (3600 * NSEC_PER_SEC)

static const char *from_env(const char *name, const char *otherwise)
{
	const char *s = getenv(name);

	return str_some(s) ? s : otherwise;
}

const char *cni_conf_dir(void)
{
	return from_env("NETCONFPATH", CONF_DIR);
}

int cni_settings(struct cni_attachment *a, struct err *e)
{
	const char *timeout = from_env("CADDIS_CNI_TIMEOUT", NULL);
	own(strv) struct strv dirs = { 0 };
	int64_t seconds = TIMEOUT_DEFAULT;

	strv_split(&dirs, from_env("CNI_PATH", BIN_DIRS), ':');
	for (size_t i = 0; i < dirs.n; i++)
		if (dirs.v[i][0] == '/')
			strv_add(&a->dirs, dirs.v[i]);
		else if (dirs.v[i][0])
			return err_set(e, ERR_USAGE,
				       "plugin directory '%.200s': must be an absolute path",
				       dirs.v[i]);
	if (timeout && str_to_i64(timeout, 1, TIMEOUT_MAX, &seconds) < 0)
		return err_set(e, ERR_USAGE, "CNI time-out '%.40s': expected 1 to %d seconds",
			       timeout, TIMEOUT_MAX);
	a->timeout = seconds * NSEC_PER_SEC;
	return 0;
}

static int find(struct store *s, const char *name, struct err *e)
{
	own(cni_conf) struct cni_conf c = { 0 };

	(void)s;
	return cni_conf_find(cni_conf_dir(), name, &c, e);
}

char *cni_default(struct err *e)
{
	own(cni_conf) struct cni_conf c = { 0 };

	e->msg[0] = '\0';
	return cni_conf_find(cni_conf_dir(), NULL, &c, e) == 1 ? xstrdup(c.name) : NULL;
}

static void add_list(struct json_object *o, const char *key, const struct strv *l)
{
	struct json_object *a = json_object_new_array();

	for (size_t i = 0; i < l->n; i++)
		json_object_array_add(a, json_object_new_string(l->v[i]));
	json_object_object_add(o, key, a);
}

static bool published(const struct objlist *ports)
{
	for (size_t i = 0; ports && i < ports->n; i++)
		if (((const struct cri_port_mapping *)ports->v)[i].host_port)
			return true;
	return false;
}

static struct json_object *port_mappings(const struct objlist *ports)
{
	static const char *const protocols[] = { "tcp", "udp", "sctp" };
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < ports->n; i++) {
		const struct cri_port_mapping *p = &((const struct cri_port_mapping *)ports->v)[i];
		struct json_object *o;

		if (!p->host_port)
			continue;
		o = json_object_new_object();
		json_object_object_add(o, "hostPort", json_object_new_int64(p->host_port));
		json_object_object_add(o, "containerPort",
				       json_object_new_int64(p->container_port));
		json_object_object_add(o, "protocol",
				       json_object_new_string(protocols[p->protocol]));
		if (str_some(p->host_ip))
			json_object_object_add(o, "hostIP", json_object_new_string(p->host_ip));
		json_object_array_add(out, o);
	}
	return out;
}

/*
 * Kubernetes' annotations: rates in bits per second, within its bounds; and without a bound of
 * their own the bursts (bits), which the plugin must be told, that its runtimes tell.
 */
static int add_rate(const struct network_request *req, const char *way, struct json_object *o,
		    struct err *e)
{
	own(str) char *annotation = str_fmt("kubernetes.io/%s-bandwidth", way);
	own(str) char *rate = str_fmt("%sRate", way);
	own(str) char *burst = str_fmt("%sBurst", way);
	const char *text = req->annotations ? strmap_get(req->annotations, annotation) : NULL;
	struct quantity q;
	int64_t bits;

	if (!text)
		return 0;
	bits = quantity_parse(text, &q) < 0 || q.negative ? -1 : quantity_scaled(&q, 0);
	if (bits < BANDWIDTH_MIN || bits > BANDWIDTH_MAX)
		return err_set(e, ERR_USAGE,
			       "annotation %s: '%.40s': expected bits per second, 1k to 1P",
			       annotation, text);
	json_object_object_add(o, rate, json_object_new_int64(bits));
	json_object_object_add(o, burst, json_object_new_int64(INT32_MAX));
	return 0;
}

static int add_bandwidth(const struct network_request *req, struct json_object *runtime,
			 struct err *e)
{
	own(json) struct json_object *o = json_object_new_object();

	if (add_rate(req, "ingress", o, e) < 0 || add_rate(req, "egress", o, e) < 0)
		return -1;
	if (json_object_object_length(o))
		json_object_object_add(runtime, "bandwidth", ptr_steal(o));
	return 0;
}

/* Names by which the others of the network may find it. */
static struct json_object *aliases(const struct network_request *req)
{
	struct json_object *a = json_object_new_array();

	if (str_some(req->name))
		json_object_array_add(a, json_object_new_string(req->name));
	if (str_some(req->hostname) && !str_eq(req->hostname, req->name))
		json_object_array_add(a, json_object_new_string(req->hostname));
	return a;
}

/* What a plugin may be told, by capability (CONVENTIONS.md of CNI). */
static struct json_object *runtime_of(const struct network_request *req)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "aliases", aliases(req));

	if (published(req->ports))
		json_object_object_add(o, "portMappings", port_mappings(req->ports));
	if (req->ips && req->ips->n)
		add_list(o, "ips", req->ips);
	if (str_some(req->mac))
		json_object_object_add(o, "mac", json_object_new_string(req->mac));
	if (req->dns && (req->dns->servers.n || req->dns->searches.n || req->dns->options.n)) {
		struct json_object *dns = json_object_new_object();

		add_list(dns, "servers", &req->dns->servers);
		add_list(dns, "searches", &req->dns->searches);
		add_list(dns, "options", &req->dns->options);
		json_object_object_add(o, "dns", dns);
	}
	return o;
}

static int add_arg(struct buf *b, const char *name, const char *field, const char *value,
		   struct err *e)
{
	if (!str_some(value))
		return 0;
	/* "a;IP=10.0.0.1" would be an argument more. */
	for (const char *p = value; *p; p++)
		if (*p == ';' || *p == '=' || (unsigned char)*p <= ' ' || *p == 0x7f)
			return err_set(e, ERR_USAGE,
				       "metadata.%s: cannot be told to CNI plugins: it has blanks, "
				       "';' or '=' in it",
				       field);
	buf_addf(b, ";%s=%s", name, value);
	return 0;
}

/* CNI_ARGS as Kubernetes' runtimes give them; IP and MAC as an older convention, for plugins that
 * do not declare the capability. */
static int args_of(const struct network_request *req, const struct cni_conf *c, char **out,
		   struct err *e)
{
	const struct cri_metadata *m = req->metadata;
	own(buf) struct buf b = { 0 };

	buf_add(&b, "IgnoreUnknown=1");
	if (add_arg(&b, "K8S_POD_NAMESPACE", "namespace",
		    m && str_some(m->namespace_) ? m->namespace_ : "default", e) < 0 ||
	    add_arg(&b, "K8S_POD_NAME", "name", str_some(req->name) ? req->name : req->hostname,
		    e) < 0 ||
	    add_arg(&b, "K8S_POD_INFRA_CONTAINER_ID", "id", req->id, e) < 0 ||
	    add_arg(&b, "K8S_POD_UID", "uid", m ? m->uid : NULL, e) < 0)
		return -1;
	if (req->ips && req->ips->n == 1 && !cni_chain_can(c, "ips"))
		buf_addf(&b, ";IP=%s", req->ips->v[0]);
	if (str_some(req->mac) && !cni_chain_can(c, "mac"))
		buf_addf(&b, ";MAC=%s", req->mac);
	*out = buf_steal(&b);
	return 0;
}

/* All that can be known before anything is made. */
static int plan(const struct network_request *req, const char *name, struct cni_attachment *a,
		struct err *e)
{
	int found = cni_conf_find(cni_conf_dir(), name, &a->conf, e);

	if (found < 0 || cni_settings(a, e) < 0)
		return -1;
	if (!found)
		return err_set(e, ERR_NOT_FOUND, "no network %s in %s", name ? name : "at all",
			       cni_conf_dir());
	if (published(req->ports) && !cni_chain_can(&a->conf, "portMappings"))
		return err_set(
			e, ERR_USAGE,
			"publishes no ports: no plugin in %s has the capability portMappings",
			a->conf.file);
	str_set(&a->ifname, CNI_IFNAME);
	a->runtime = runtime_of(req);
	if (cni_chain_can(&a->conf, "bandwidth") && add_bandwidth(req, a->runtime, e) < 0)
		return -1;
	if (args_of(req, &a->conf, &a->args, e) < 0)
		return -1;
	return cni_chain_prepare(a, e);
}

static int check(struct store *s, const struct network_request *req, struct err *e)
{
	own(cni_attachment) struct cni_attachment a = { 0 };

	(void)s;
	return plan(req, req->network, &a, e) < 0 ? err_in(e, "network %s", req->network) : 0;
}

/* The address of "10.1.2.3/24" or "10.1.2.3", as bytes: 2001:db8::1 has many spellings. */
static bool same_address(const char *a, const char *b)
{
	own(str) char *x = xstrndup(a, strcspn(a, "/"));
	own(str) char *y = xstrndup(b, strcspn(b, "/"));
	int family = strchr(x, ':') ? AF_INET6 : AF_INET;
	unsigned char p[16] = { 0 }, q[16] = { 0 };

	return inet_pton(family, x, p) == 1 && inet_pton(family, y, q) == 1 &&
	       memcmp(p, q, sizeof(p)) == 0;
}

/* A plugin may ignore what it does not know. Asked-for and not given is an error all the same. */
static int check_given(const struct network_request *req, const struct network_status *st,
		       struct err *e)
{
	for (size_t i = 0; req->ips && i < req->ips->n; i++) {
		const struct network_ip *ips = st->ips.v;
		bool given = false;

		for (size_t k = 0; k < st->ips.n && !given; k++)
			given = same_address(ips[k].address, req->ips->v[i]);
		if (!given)
			return err_set(e, ERR_FAIL,
				       "its plugins gave %s%s instead of the address %s",
				       st->ips.n ? ips[0].address : "no address",
				       st->ips.n > 1 ? " and others" : "", req->ips->v[i]);
	}
	if (str_some(req->mac) && (!st->mac || strcasecmp(st->mac, req->mac) != 0))
		return err_set(e, ERR_FAIL, "its plugins gave %s instead of the MAC address %s",
			       st->mac ? st->mac : "none", req->mac);
	return 0;
}

static void fill_ips(const struct cni_result *r, struct network_status *st)
{
	const struct cni_ip *ips = r->ips.v;

	for (size_t i = 0; i < r->ips.n; i++) {
		struct network_ip *ip;

		if (!cni_ip_inside(r, &ips[i]))
			continue;
		ip = objlist_add(&st->ips, &network_ip_table);
		str_set(&ip->address, ips[i].address);
		str_set(&ip->gateway, str_some(ips[i].gateway) ? ips[i].gateway : NULL);
	}
}

static int fill(const struct cni_attachment *a, struct network_status *st, struct err *e)
{
	own(cni_result) struct cni_result r = { 0 };
	const struct cni_interface *in, *interfaces;

	if (cni_result_read(a->result, &r, e) < 0)
		return -1;
	st->cni_result = json_object_get(a->result);
	str_set(&st->interface, a->ifname);
	in = cni_interface_inside(&r, a->ifname);
	if (in) {
		str_set(&st->mac, in->mac);
		st->mtu = in->mtu;
	}
	interfaces = r.interfaces.v;
	for (size_t i = 0; i < r.interfaces.n; i++) /* a bridge comes before the port of it */
		if (!str_some(interfaces[i].sandbox))
			str_set(&st->host_interface, interfaces[i].name);
	fill_ips(&r, st);
	strv_copy(&st->dns.servers, &r.dns.nameservers);
	strv_copy(&st->dns.searches, &r.dns.search);
	if (!r.dns.search.n && str_some(r.dns.domain))
		strv_add(&st->dns.searches, r.dns.domain);
	strv_copy(&st->dns.options, &r.dns.options);
	return 0;
}

/*
 * STATE/cni/lock: held shared by whoever attaches, alone by GC, which must not take away what an
 * ADD has just reserved.
 */
int cni_lock(const struct store *s, enum lock_mode mode, struct err *e)
{
	if (mkdirat(s->state, "cni", 0700) < 0 && errno != EEXIST)
		return err_sys(e, "%s/cni", s->state_path);
	return lock_file(s, s->state, "cni/lock", mode, "CNI plugins", e);
}

static int attach(struct store *s, int dir, const struct network_request *req,
		  struct network_status *st, struct err *e)
{
	own(cni_attachment) struct cni_attachment a = { 0 };
	own(fd) int lock = cni_lock(s, LOCK_SHARED, e);

	if (lock < 0 || plan(req, st->network, &a, e) < 0)
		return -1;
	if (cni_chain_add(dir, req->id, req->netns_path, &a, e) < 0 || fill(&a, st, e) < 0)
		return -1;
	return check_given(req, st, e);
}

bool cni_is_namespace(const char *path)
{
	struct statfs fs;

	return path && statfs(path, &fs) == 0 && fs.f_type == NSFS_MAGIC;
}

/* Removed already, and only here still because a DEL failed: nobody waits for it. */
static bool in_staging(int dir)
{
	char path[PATH_MAX];
	ssize_t n = readlink(fd_path(dir).s, path, sizeof(path) - 1);

	if (n <= 0)
		return false;
	path[n] = '\0';
	return strstr(path, "/staging/s-");
}

/* As recorded; and where plugins are now, should they have moved. */
static int add_dirs_of_now(struct cni_attachment *a, struct err *e)
{
	own(cni_attachment) struct cni_attachment now = { 0 };

	if (cni_settings(&now, e) < 0)
		return -1;
	for (size_t i = 0; i < now.dirs.n; i++)
		if (!strv_has(&a->dirs, now.dirs.v[i]))
			strv_add(&a->dirs, now.dirs.v[i]);
	a->timeout = now.timeout;
	return 0;
}

static int detach(struct store *s, const char *id, int dir, const char *netns_path,
		  const struct network_status *st, struct err *e)
{
	own(cni_attachment) struct cni_attachment a = { 0 };
	bool gone = in_staging(dir);
	int64_t now = clock_now();
	struct err second;
	int rc;

	(void)s;
	(void)st;
	rc = cni_attachment_load(dir, &a, e);
	if (rc <= 0)
		return rc;
	if (gone && a.tried_at && now >= a.tried_at && now - a.tried_at < a.retry_after)
		return err_set(e, ERR_FAIL, "DEL failed, and is tried again later");
	if (add_dirs_of_now(&a, e) < 0)
		return -1;
	if (cni_chain_del(dir, id, cni_is_namespace(netns_path) ? netns_path : "", &a, e) == 0)
		return 0;
	a.busy = false;
	a.tried_at = gone ? now : 0;
	a.retry_after = gone ? MIN(MAX(2 * a.retry_after, RETRY_AFTER), RETRY_AFTER_MAX) : 0;
	if (gone)
		err_hint(e, "a later command will try again");
	(void)cni_attachment_save(dir, &a, &second);
	return -1;
}

const struct network_ops network_cni = {
	.kind = "cni",
	.find = find,
	.check = check,
	.attach = attach,
	.detach = detach,
};
