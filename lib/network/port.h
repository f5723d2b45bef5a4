/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port.h - who has which port of the host: STATE/network/.ports/PROTOCOL-PORT/ADDRESS, a lease
 * (lease.h), with 0.0.0.0 and :: for all addresses. Claims are made and checked under one lock.
 *
 * A process of the host that listens on the port is found by a bind(2) of our own: nothing of ours
 * listens while the sandbox lives, so a process that comes later is not kept from it.
 */
#ifndef CADDIS_NETWORK_PORT_H
#define CADDIS_NETWORK_PORT_H

#include "network/config.h"

#define PORTS_MAX 4096 /* of one sandbox */

struct port {	      /* one of one address family */
	int protocol; /* enum cri_protocol */
	struct ip host;
	uint16_t host_port, port;
};
struct ports {
	struct port *v;
	size_t n;
};
void ports_free(struct ports *l);
OWNED_STRUCT(ports, struct ports, ports_free)

/* mappings of a config to ports, for the families that the network has. */
int ports_expand(const struct objlist *mappings, const bool have[2], struct ports *out,
		 struct err *e);
/* Are they free? Names the sandbox or the process that has one. Changes nothing, but what dead
 * makers of sandboxes left is healed. */
int ports_check(struct store *s, const struct ports *l, struct err *e);
/* All of them, or an error; what was claimed until then stays, for ports_release(). stale: one was
 * a dead sandbox's, whose rules may still be there. */
int ports_claim(struct store *s, const char *id, const struct ports *l, bool *stale, struct err *e);
/* Those of l that id has: they are the only ones whose rules are his to remove. */
int ports_held(struct store *s, const char *id, const struct ports *l, struct ports *held,
	       struct err *e);
/* All that id has, found by looking at every claim; what they lead to is not known: port is 0. */
int ports_of(struct store *s, const char *id, struct ports *out, struct err *e);
int ports_release(struct store *s, const char *id, const struct ports *l, struct err *e);

/* "tcp", "udp", "sctp" */
const char *port_protocol_name(int protocol);
/* port_holder.c: "process 4711 (nginx)", or "another process". Newly allocated. */
char *port_process(const struct port *p);

#endif
