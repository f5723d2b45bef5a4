/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lease.h - who has which address: STATE/network/NETWORK/ADDRESS, a symbolic link to the owner's
 * ID, so that it appears with its owner in it or not at all. They end with a reboot, as the
 * addresses do.
 *
 * A lease is its owner's while the owner's record is there, also in staging; one of a dead owner
 * is taken over. Only the owner removes his own.
 */
#ifndef CADDIS_NETWORK_LEASE_H
#define CADDIS_NETWORK_LEASE_H

#include "network/config.h"
#include "store/record.h"

/*
 * Leases an address of each family that the network has to id: the wanted ones (family 0: any free
 * one). The shared lock of the networks is held. What is leased when it fails stays, for
 * lease_release_all().
 */
int lease_addresses(struct store *s, const struct network *n, const char *id,
		    const struct ip wanted[2], struct ip out[2], struct err *e);
/* Could id have the wanted ones? In the network, not the gateway's, not leased. */
int lease_check(struct store *s, const struct network *n, const struct ip wanted[2], struct err *e);
/*
 * The same for a MAC address that was asked for: on a bridge it must be one sandbox's. Those that
 * follow from an address need no lease of their own.
 */
int lease_mac(struct store *s, const struct network *n, const char *id, const char *mac,
	      struct err *e);
int lease_check_mac(struct store *s, const struct network *n, const char *mac, struct err *e);
/* Gives back one address of either sort, if id has it. */
int lease_release(struct store *s, const char *network, const char *address, const char *id,
		  struct err *e);
/* Looks for all that id has, in whatever network. */
int lease_release_all(struct store *s, const char *id, struct err *e);
/* Calls fn for each address that a living owner has. */
typedef void lease_fn(const struct ip *a, void *arg);
int lease_each(struct store *s, const char *network, lease_fn *fn, void *arg, struct err *e);
/* IDs of the living owners. */
int lease_owners(struct store *s, const char *network, struct strv *ids, struct err *e);
/* Removes the directory of a network without leases. */
int lease_forget(struct store *s, const char *network, struct err *e);

/* The holder's maker or remover may have died: gives back what it has then. False: it lives. */
bool lease_heal(struct store *s, const char *holder);
/* The addresses that id has, in whatever network. */
int lease_of(struct store *s, const char *id, struct ip ips[2], struct err *e);

/*
 * A link of ours at dir/name with the owner's ID, for addresses and ports. take: 0 when id has it
 * now (holder: the dead one who had it, or ""), 1 when another one living does (in holder), -1.
 * drop: only if id has it; a missing one is a success.
 */
int lease_take(struct store *s, int dir, const char *name, const char *id, char holder[ID_SIZE],
	       struct err *e);
int lease_drop(int dir, const char *name, const char *id, struct err *e);
/* The living owner, 0; or none, 1; or -1 with errno. */
int lease_holder(struct store *s, int dir, const char *name, char holder[ID_SIZE]);

#endif
