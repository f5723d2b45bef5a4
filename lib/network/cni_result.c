/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/cni_result.h"

#include <arpa/inet.h>
#include <net/if.h>

#include "network/cni_conf.h"

#define LIST_MAX 256 /* interfaces, addresses, routes of one sandbox */

/* The family of a numeric address, or 0. */
static int family_of(const char *s)
{
	struct in6_addr any;

	return inet_pton(AF_INET, s, &any) == 1	   ? AF_INET
	       : inet_pton(AF_INET6, s, &any) == 1 ? AF_INET6
						   : 0;
}

static const char *check_address(const char *s)
{
	return !*s || family_of(s) ? NULL : "expected an address";
}

static const char *check_cidr(const char *s)
{
	static const char wrong[] = "expected ADDRESS/PREFIX";
	const char *slash = strchr(s, '/');
	own(str) char *address = slash ? xstrndup(s, (size_t)(slash - s)) : NULL;
	int family = address ? family_of(address) : 0;
	int64_t prefix;

	if (!family || str_to_i64(slash + 1, 0, family == AF_INET ? 32 : 128, &prefix) < 0)
		return wrong;
	return NULL;
}

static const char *check_ifname(const char *s)
{
	if (!*s || strlen(s) >= IFNAMSIZ || strpbrk(s, "/: \t\n") || str_eq(s, ".") ||
	    str_eq(s, ".."))
		return "expected the name of an interface";
	return NULL;
}

/* Goes into resolv.conf: one word, which cannot begin another line. */
static const char *check_word(const char *s)
{
	return !*s || str_is_word(s) ? NULL : "expected one word";
}

static const struct field interface_fields[] = {
	FIELD(struct cni_interface, name, FIELD_STR, .check = check_ifname),
	FIELD(struct cni_interface, mac, FIELD_STR, .check = check_word),
	FIELD(struct cni_interface, sandbox, FIELD_STR),
	FIELD(struct cni_interface, mtu, FIELD_INT),
};
static FIELD_TABLE(interface_table, "interface", struct cni_interface, 0, interface_fields);

static const struct field ip_fields[] = {
	FIELD(struct cni_ip, address, FIELD_STR, .check = check_cidr),
	FIELD(struct cni_ip, gateway, FIELD_STR, .check = check_address),
	FIELD(struct cni_ip, interface, FIELD_OPTINT, .min = 0, .max = LIST_MAX),
};
static FIELD_TABLE(ip_table, "address", struct cni_ip, 0, ip_fields);

static const struct field route_fields[] = {
	FIELD(struct cni_route, dst, FIELD_STR, .check = check_cidr),
	FIELD(struct cni_route, gw, FIELD_STR, .check = check_address),
	FIELD(struct cni_route, mtu, FIELD_INT),
	FIELD(struct cni_route, priority, FIELD_INT),
};
static FIELD_TABLE(route_table, "route", struct cni_route, 0, route_fields);

static const struct field dns_fields[] = {
	FIELD(struct cni_dns, nameservers, FIELD_STRLIST),
	FIELD(struct cni_dns, search, FIELD_STRLIST),
	FIELD(struct cni_dns, options, FIELD_STRLIST),
	FIELD(struct cni_dns, domain, FIELD_STR, .check = check_word),
};
static FIELD_TABLE(dns_table, "dns", struct cni_dns, 0, dns_fields);

static const struct field result_fields[] = {
	FIELD(struct cni_result, interfaces, FIELD_OBJLIST, .sub = &interface_table),
	FIELD(struct cni_result, ips, FIELD_OBJLIST, .sub = &ip_table),
	FIELD(struct cni_result, routes, FIELD_OBJLIST, .sub = &route_table),
	FIELD(struct cni_result, dns, FIELD_OBJ, .sub = &dns_table),
};
FIELD_TABLE(cni_result_table, "CNI result", struct cni_result, 0, result_fields);

void cni_result_free(struct cni_result *r)
{
	fields_free(&cni_result_table, r);
}

static int check_words(const char *name, const struct strv *l, const char *(*check)(const char *),
		       struct err *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (!*l->v[i] || check(l->v[i]))
			return err_set(e, ERR_REMOTE, "its result: dns.%s[%zu]: %s", name, i,
				       *l->v[i] ? check(l->v[i]) : "empty");
	return 0;
}

/* What the table's rows cannot say. */
static int check_result(const struct cni_result *r, struct err *e)
{
	const struct cni_interface *interfaces = r->interfaces.v;
	const struct cni_ip *ips = r->ips.v;
	const struct cni_route *routes = r->routes.v;

	if (r->interfaces.n > LIST_MAX || r->ips.n > LIST_MAX || r->routes.n > LIST_MAX)
		return err_set(e, ERR_REMOTE, "its result: more than %d entries", LIST_MAX);
	for (size_t i = 0; i < r->interfaces.n; i++)
		if (!interfaces[i].name)
			return err_set(e, ERR_REMOTE, "its result: interfaces[%zu].name: missing",
				       i);
	for (size_t i = 0; i < r->ips.n; i++) {
		if (!ips[i].address)
			return err_set(e, ERR_REMOTE, "its result: ips[%zu].address: missing", i);
		if (ips[i].interface.set && (size_t)ips[i].interface.v >= r->interfaces.n)
			return err_set(e, ERR_REMOTE,
				       "its result: ips[%zu].interface: there is no interface %lld",
				       i, (long long)ips[i].interface.v);
	}
	for (size_t i = 0; i < r->routes.n; i++)
		if (!routes[i].dst)
			return err_set(e, ERR_REMOTE, "its result: routes[%zu].dst: missing", i);
	if (check_words("nameservers", &r->dns.nameservers, check_address, e) < 0 ||
	    check_words("search", &r->dns.search, check_word, e) < 0 ||
	    check_words("options", &r->dns.options, check_word, e) < 0)
		return -1;
	return 0;
}

int cni_result_read(struct json_object *j, struct cni_result *out, struct err *e)
{
	struct json_object *version;

	*out = (struct cni_result){ 0 };
	if (!json_object_is_type(j, json_type_object))
		return err_set(e, ERR_REMOTE, "its result: expected an object");
	/* libcni lets a plugin leave it out: then it is the configuration's. */
	if (json_object_object_get_ex(j, "cniVersion", &version) &&
	    cni_version_parse(json_get_str(j, "cniVersion")) < 0)
		return err_set(e, ERR_REMOTE, "its result: cniVersion: not one of 0.3.0 to 1.1.0");
	if (fields_read(&cni_result_table, "its result", j, out, e) < 0)
		return -1;
	if (check_result(out, e) < 0) {
		cni_result_free(out);
		return -1;
	}
	return 0;
}

void cni_result_convert(struct json_object *j, int version)
{
	struct json_object *ips = json_get(j, "ips", json_type_array);

	json_object_object_add(j, "cniVersion", json_object_new_string(cni_version_name[version]));
	for (size_t i = 0; ips && i < json_object_array_length(ips); i++) {
		struct json_object *ip = json_object_array_get_idx(ips, i);
		const char *address = json_get_str(ip, "address");

		json_object_object_del(ip, "version");
		if (version < CNI_1_0_0 && address)
			json_object_object_add(
				ip, "version",
				json_object_new_string(strchr(address, ':') ? "6" : "4"));
	}
}

bool cni_ip_inside(const struct cni_result *r, const struct cni_ip *ip)
{
	const struct cni_interface *interfaces = r->interfaces.v;

	return !ip->interface.set || str_some(interfaces[ip->interface.v].sandbox);
}

const struct cni_interface *cni_interface_inside(const struct cni_result *r, const char *ifname)
{
	const struct cni_interface *interfaces = r->interfaces.v;

	for (size_t i = 0; i < r->interfaces.n; i++)
		if (str_some(interfaces[i].sandbox) && str_eq(interfaces[i].name, ifname))
			return &interfaces[i];
	return NULL;
}
