/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cni_result.h - what a CNI plugin answers to ADD, of any version from 0.3.0 to 1.1.0, as one
 * struct. https://github.com/containernetworking/cni/blob/spec-v1.1.0/SPEC.md, section 5.
 */
#ifndef CADDIS_NETWORK_CNI_RESULT_H
#define CADDIS_NETWORK_CNI_RESULT_H

#include "base/json.h"
#include "spec/field.h"

struct cni_interface {
	char *name, *mac;
	char *sandbox; /* the namespace's path; NULL or "": on the host */
	int64_t mtu;
};
struct cni_ip {
	char *address; /* with prefix length: "10.1.2.3/24" */
	char *gateway;
	struct optint interface; /* index into interfaces */
};
struct cni_route {
	char *dst, *gw;
	int64_t mtu, priority;
};
struct cni_dns {
	struct strv nameservers, search, options;
	char *domain;
};
struct cni_result {
	struct objlist interfaces; /* struct cni_interface */
	struct objlist ips;	   /* struct cni_ip */
	struct objlist routes;	   /* struct cni_route */
	struct cni_dns dns;
};
extern const struct field_table cni_result_table;
void cni_result_free(struct cni_result *r);
OWNED_STRUCT(cni_result, struct cni_result, cni_result_free)

/* Reads and checks: addresses, indices, names. */
int cni_result_read(struct json_object *j, struct cni_result *out, struct err *e);
/*
 * The same result as a plugin of this version wants to see it as prevResult: cniVersion, and
 * ips[].version, which there was before 1.0. Changes j.
 */
void cni_result_convert(struct json_object *j, int version);
/* Is this address the sandbox's: of an interface inside, or of none in particular? */
bool cni_ip_inside(const struct cni_result *r, const struct cni_ip *ip);
/* The interface of that name inside the sandbox; NULL: none. */
const struct cni_interface *cni_interface_inside(const struct cni_result *r, const char *ifname);

#endif
