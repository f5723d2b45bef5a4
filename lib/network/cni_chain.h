/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cni_chain.h - a sandbox's attachment to a CNI network: its record, and the plugins run in turn.
 *
 * cni.json in the sandbox's record holds all that DEL needs, written before the first ADD: the
 * configuration as it was (its file may change or go), directories, interface, arguments, and the
 * result so far after each plugin.
 */
#ifndef CADDIS_NETWORK_CNI_CHAIN_H
#define CADDIS_NETWORK_CNI_CHAIN_H

#include "network/cni_conf.h"
#include "store/store.h"

#define CNI_FILE "cni.json"
#define CNI_IFNAME "eth0"

struct cni_attachment {
	struct cni_conf conf;
	struct strv dirs; /* of plugins */
	char *ifname, *args;
	struct json_object *runtime; /* by capability: given to the plugins that declare it */
	struct json_object *result;  /* of the last plugin that succeeded; NULL: none has */
	bool busy;		     /* plugins run; found like that: their caddis was killed */
	int64_t timeout;	     /* ns, for one plugin */
	int64_t tried_at;    /* ns since 1970: DEL failed then, after the sandbox was gone */
	int64_t retry_after; /* ns: how long it is left alone then; doubles */
};
extern const struct field_table cni_attachment_table;
void cni_attachment_free(struct cni_attachment *a);
OWNED_STRUCT(cni_attachment, struct cni_attachment, cni_attachment_free)

/* 1: loaded, 0: there is none, -1. */
int cni_attachment_load(int dir, struct cni_attachment *out, struct err *e);
int cni_attachment_save(int dir, const struct cni_attachment *a, struct err *e);

/* Plugin directories and time-out, as they are now (cni.h). */
int cni_settings(struct cni_attachment *a, struct err *e);
/*
 * STATE/cni/lock: held shared by whoever attaches, alone by GC, which must not take away what an
 * ADD has just reserved.
 */
int cni_lock(const struct store *s, enum lock_mode mode, struct err *e);
/* After the pin has gone an empty file is in its place. */
bool cni_is_namespace(const char *path);

/* Every plugin is there; the version is settled: the highest that all of them speak. */
int cni_chain_prepare(struct cni_attachment *a, struct err *e);
/* Does a plugin declare the capability? */
bool cni_chain_can(const struct cni_conf *c, const char *capability);
/* Records, runs ADD through the list. What a failure leaves, cni_chain_del() removes. */
int cni_chain_add(int dir, const char *id, const char *netns, struct cni_attachment *a,
		  struct err *e);
/* DEL in reverse order, up to the first failure; then the record goes. netns "": it is gone. */
int cni_chain_del(int dir, const char *id, const char *netns, struct cni_attachment *a,
		  struct err *e);
/* CHECK; 1 where the network's version or configuration has none. */
int cni_chain_check(const char *id, const char *netns, const struct cni_attachment *a,
		    struct err *e);
/*
 * GC and STATUS, of version 1.1 on: 0, or 1 where the network has none. valid: a list of
 * {containerID, ifname}. All plugins are run; the first error is told.
 */
int cni_chain_gc(const struct cni_attachment *a, struct json_object *valid, struct err *e);
int cni_chain_status(const struct cni_attachment *a, struct err *e);

#endif
