/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox.h - pods: a record, pinned namespaces, a cgroup, the files that all its containers see.
 * A sandbox costs no process. It is Ready while its pins are there.
 */
#ifndef CADDIS_POD_SANDBOX_H
#define CADDIS_POD_SANDBOX_H

#include "network/network.h"
#include "spec/cri.h"
#include "store/record.h"

/* config.json of a sandbox's record: never changes. */
struct sandbox_record {
	struct cri_sandbox_config config;
	bool ephemeral; /* made by 'ctr run' for one container, goes with it */
};
/* status.json */
struct sandbox_status {
	int64_t created_at; /* ns since 1970 */
	bool stopped;
};
struct sandbox {
	char id[ID_SIZE];
	struct sandbox_record record;
	struct sandbox_status status;
	struct network_status network; /* empty: none, or not attached any more */
	struct cri_resources resources; /* now: the config's, until an update */
	bool ready;			/* derived */
};
extern const struct field_table sandbox_record_table, sandbox_status_table;
void sandbox_free(struct sandbox *sb);
OWNED_STRUCT(sandbox, struct sandbox, sandbox_free)

/* ERR_USAGE for what no sandbox can be: names, labels, paths. Creates nothing. */
int sandbox_check(const struct cri_sandbox_config *c, struct err *e);
int check_labels(const struct strmap *labels, struct err *e); /* Kubernetes' rules */
int check_annotations(const struct strmap *annotations, struct err *e); /* 256 KiB together */
/*
 * Creates a sandbox; config may leave out everything (name: the short ID). On success it is Ready;
 * on error nothing is left. hold: the record stays open and locked without being committed, so that
 * a container can be put in first (sandbox_commit() then; a death in between undoes both).
 */
int sandbox_create(struct store *s, const struct cri_sandbox_config *config, bool ephemeral,
		   struct record *hold, char id[ID_SIZE], struct err *e);
int sandbox_commit(struct store *s, struct record *r, const struct sandbox_record *rec,
		   struct err *e);
/* Ends its containers, all at once (-1: their own grace periods), drops its namespaces. Twice is a
 * success. */
int sandbox_stop(struct store *s, const char *id, int64_t timeout_ns, struct err *e);
/*
 * Makes one Ready again that is not, after a stop or a reboot: as it was created, with the limits of
 * its last update; its addresses may be others. Its containers are not started. Ready already: a
 * success.
 */
int sandbox_start(struct store *s, const char *id, struct err *e);
/* Kills and removes its containers, then removes it. */
int sandbox_remove(struct store *s, const char *id, struct err *e);
int sandbox_load(struct store *s, const char *id, struct sandbox *out, struct err *e);
/*
 * Sets the limits that are set in change (-1: none), on the running sandbox and in its file
 * resources.json; the others stay. On error nothing has changed. ERR_STATE when it is not Ready, or
 * uses more memory than that.
 */
int sandbox_update(struct store *s, const char *id, const struct cri_resources *change,
		   struct err *e);
/* sb->resources, from the record's directory. */
int sandbox_load_resources(int dir, struct sandbox *sb, struct err *e);
/* STATE/sandboxes/<id>/ns: newly allocated; "/net" etc. appended when type is not NULL. */
char *sandbox_ns_path(const struct store *s, const char *id, const char *type);
/* "/caddis/<id>", or below the cgroup parent of its config. Newly allocated. */
char *sandbox_cgroup(const struct sandbox_record *r, const char *id);
/* IDs of its containers, by the index in its directory dir. */
int sandbox_containers(int dir, struct strv *ids, struct err *e);
/* hosts, hostname, resolv.conf in the record's directory. net: where it is attached, or empty. */
int sandbox_write_files(int dir, const struct cri_sandbox_config *c,
			const struct network_status *net, struct err *e);

/* sandbox_network.c: which network a configuration asks for, and having it. */
bool sandbox_has_network(const struct cri_sandbox_config *c); /* neither none nor the host's */
/* An error before anything is made. */
int sandbox_network_check(struct store *s, const struct cri_sandbox_config *c, struct err *e);
/* Attaches the pinned namespace of the record r; nothing to do without a network. */
int sandbox_network_attach(struct store *s, const struct record *r,
			   const struct cri_sandbox_config *c, struct network_status *out,
			   struct err *e);
int sandbox_network_detach(struct store *s, const char *id, int dir, struct err *e);

/* The store's release hook (store.h): frees what a sandbox or a container owns in the kernel. */
int pod_release(struct store *s, int kind, const char *id, int dir, struct err *e);
/* image_layers_in_use of image.h: the layers of all containers. */
int pod_layers_in_use(struct store *s, struct strmap *layer_to_user, struct err *e);
/* image_layers_running: of those that are not known to have ended. */
int pod_layers_running(struct store *s, struct strmap *layer_to_user, struct err *e);

#endif
