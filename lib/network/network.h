/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network.h - a sandbox's way out: what lib/pod asks for, what it gets, and who does it.
 *
 * A network is of a kind: "bridge" is built in (bridge.c), "cni" runs the host's plugins. Each kind
 * is a row of operations; network_attach() picks the row and keeps network.json in the sandbox's
 * record: written before anything is made ("attached": false, so that a dead maker's things have
 * an owner on disk) and replaced when all of it is there. network_detach() works from that file and
 * the ID alone, for whole, half-made and dead sandboxes alike, any number of times.
 */
#ifndef CADDIS_NETWORK_NETWORK_H
#define CADDIS_NETWORK_NETWORK_H

#include "spec/cri.h"
#include "store/store.h"

/* Of sandboxes that name none, unless the host has a CNI network; appears at first use. */
#define NETWORK_DEFAULT "caddis"
#define NETWORK_FILE "network.json" /* in the sandbox's record */

/* What a sandbox wants. Everything is borrowed; NULL and empty: the network's choice. */
struct network_request {
	const char *id;	  /* of the sandbox, 64 hex digits */
	const char *name; /* of the sandbox, or NULL */
	const char *hostname;
	const char *network;	     /* NULL: the default */
	int netns;		     /* of the pinned namespace; -1 in network_check() */
	const char *netns_path;	     /* the same for plugins */
	const struct objlist *ports; /* struct cri_port_mapping; host_port 0: not published */
	const char *mac;
	const struct strv *ips; /* at most one address of a family, without prefix length */
	const struct cri_dns *dns;
	const struct cri_metadata *metadata; /* told to plugins as K8S_POD_*; may be NULL */
	const struct strmap *annotations;    /* for plugins that limit bandwidth; may be NULL */
};

struct network_ip {
	char *address; /* with prefix length: "10.128.0.2/16" */
	char *gateway; /* NULL: none */
};

/* network.json. Strings are NULL, lists empty where there is nothing to tell. */
struct network_status {
	char *network;
	char *kind;	      /* "bridge", "cni" */
	bool attached;	      /* all of it is there; false: being made, or by a dead maker */
	char *interface;      /* in the sandbox: "eth0" */
	char *host_interface; /* the other end on the host, where there is one */
	char *mac;
	int64_t mtu;
	struct objlist ips;   /* struct network_ip; the first is the one for the hosts file */
	struct cri_dns dns;   /* what the network says; the sandbox's own configuration wins */
	struct objlist ports; /* struct cri_port_mapping, as published */
	struct json_object *cni_result; /* of kind "cni": the cached result of ADD, as it came */
};
extern const struct field_table network_status_table, network_ip_table;
void network_status_free(struct network_status *st);
OWNED_STRUCT(network_status, struct network_status, network_status_free)

/* A kind of network. st is the record's status: network and kind are filled. */
struct network_ops {
	const char *kind;
	/* Is there a network of this name? 1, 0, or -1. Asked in the order of the rows. */
	int (*find)(struct store *s, const char *name, struct err *e);
	/* Refuses what cannot be had, before anything is made: addresses, ports. Changes nothing.
	 */
	int (*check)(struct store *s, const struct network_request *req, struct err *e);
	/* Makes all of it and fills the rest of st. What a failure leaves, detach removes. dir: the
	 * sandbox's record, for what a kind must keep beside network.json. */
	int (*attach)(struct store *s, int dir, const struct network_request *req,
		      struct network_status *st, struct err *e);
	/*
	 * Undoes attach. netns_path is that of the pin, which may be gone, as anything else may.
	 * Called before the namespace is dropped. st->attached says whether st is complete.
	 */
	int (*detach)(struct store *s, const char *id, int dir, const char *netns_path,
		      const struct network_status *st, struct err *e);
};

/* Can the request be met? An error says why not; nothing was made or changed. */
int network_check(struct store *s, const struct network_request *req, struct err *e);
/* dir: the sandbox's record, locked by the caller. On error, call network_detach(). */
int network_attach(struct store *s, int dir, const struct network_request *req,
		   struct network_status *out, struct err *e);
/* Idempotent; a sandbox that never had a network is a success. network.json is gone afterwards. */
int network_detach(struct store *s, const char *id, int dir, const char *netns_path, struct err *e);
/* Reads network.json below dir; one that is not there leaves *out empty and is a success. */
int network_load(int dir, struct network_status *out, struct err *e);

#endif
