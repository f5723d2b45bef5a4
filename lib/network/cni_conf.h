/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cni_conf.h - CNI network configurations in files: *.conflist, and *.conf, *.json with one plugin.
 * https://github.com/containernetworking/cni/blob/spec-v1.1.0/SPEC.md, section 1.
 */
#ifndef CADDIS_NETWORK_CNI_CONF_H
#define CADDIS_NETWORK_CNI_CONF_H

#include "base/json.h"
#include "spec/field.h"

/* The versions of the specification that caddis speaks, oldest first: an index tells the order. */
enum cni_version { CNI_0_3_0, CNI_0_3_1, CNI_0_4_0, CNI_1_0_0, CNI_1_1_0, CNI_VERSIONS };
extern const char *const cni_version_name[];
int cni_version_parse(const char *s); /* -1: none of them */
/* "[a-zA-Z0-9][a-zA-Z0-9_.-]*": what names a network, a plugin or a container. Never a path. */
bool cni_name_valid(const char *s);

/* A network, whole and checked; kept in a sandbox's record as it was used. */
struct cni_conf {
	char *file; /* absolute path that it came from */
	char *name;
	int64_t version;  /* enum cni_version: the one to be used, or the first to be tried */
	int64_t versions; /* bits 1 << enum cni_version: all that the file allows */
	bool disable_check, disable_gc;
	struct json_object *plugins; /* an array of objects, each with a valid "type" */
};
extern const struct field_table cni_conf_table;
void cni_conf_free(struct cni_conf *c);
OWNED_STRUCT(cni_conf, struct cni_conf, cni_conf_free)

/* The type of plugin i. Borrowed. */
const char *cni_conf_type(const struct cni_conf *c, size_t i);

/* Every configuration file of dir in the order of their names. A dir that does not exist has none.
 */
int cni_conf_files(const char *dir, struct strv *paths, struct err *e);
/* Loads one file; the error names it and the field. */
int cni_conf_load(const char *path, struct cni_conf *out, struct err *e);
/*
 * The network of that name, or with NULL the one of the first file, which is the host's default.
 * 1: found, 0: there is none, -1. A broken file is an error only when it is the default, or when
 * the name is nowhere else.
 */
int cni_conf_find(const char *dir, const char *name, struct cni_conf *out, struct err *e);

#endif
