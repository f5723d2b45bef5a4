/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nft.h - our one nftables table, "inet caddis": fixed rules (nft_rules.c), and sets and maps whose
 * elements are what networks and published ports come and go as.
 *
 * All state directories of a machine share the table: an element is found by what is unique on the
 * machine (bridge, subnet, host port), and who takes his last bridge out takes the table along.
 */
#ifndef CADDIS_NETWORK_NFT_H
#define CADDIS_NETWORK_NFT_H

#include <stdbool.h>
#include <stdint.h>

#include "network/addr.h"
#include "network/netlink.h"
#include "spec/cri.h"

#define NFT_TABLE "caddis"
#define NFT_PART_GROUP 0xcadd15 /* group of the interfaces that are parts of a bridge */

struct nft_elem {
	const char *set;
	uint8_t key[32], data[20];
	uint8_t key_len, data_len;
	bool interval_end;
};
struct nft_elems { /* {0} is an empty list */
	struct nft_elem *v;
	size_t n;
};
void nft_elems_free(struct nft_elems *l);
OWNED_STRUCT(nft_elems, struct nft_elems, nft_elems_free)

void nft_elems_copy(struct nft_elems *l, const struct nft_elem *el); /* appends it */
/* What one network, or one published port, puts into the table. */
void nft_add_bridge(struct nft_elems *l, const char *bridge, bool internal);
void nft_add_subnet(struct nft_elems *l, const struct prefix *p); /* to be masqueraded */
/* host: the address that it is published on, 0.0.0.0 or :: for all; to: in the sandbox. */
void nft_add_port(struct nft_elems *l, int protocol, const struct ip *host, uint16_t host_port,
		  const struct ip *to, uint16_t port);
uint8_t nft_protocol(int protocol); /* IPPROTO_* of enum cri_protocol */

int nft_open(struct nl *n, struct err *e);
/* Is the element there? 1, 0 (nor need the table be), -1. */
int nft_has(struct nl *n, const struct nft_elem *el, struct err *e);
/* Does it lead to this address? The element's data but its port is compared. As nft_has(). */
int nft_leads_to(struct nl *n, const struct nft_elem *el, const struct ip *to, struct err *e);
/* All or none of them. Only new ones (ERR_EXISTS otherwise), or also those that are there already.
 */
int nft_insert(struct nl *n, const struct nft_elems *l, bool only_new, struct err *e);
/* Those that are gone already are a success. */
int nft_remove(struct nl *n, const struct nft_elems *l, struct err *e);
/*
 * Makes the table with these elements, in one transaction. What is there already stays: elements of
 * others too; only the rules are made anew.
 */
int nft_table_make(struct nl *n, const struct nft_elems *l, struct err *e);
/* Deletes the table if no bridge is in it, whoever's. */
int nft_table_prune(struct nl *n, struct err *e);

/* nft_rules.c: the messages that make sets, chains and rules, for nl_run(). */
int nft_rules_queue(struct nl *n, struct err *e);
/* Starts a message of nf_tables about the family inet. */
void nft_begin(struct nl *n, int type, int flags, const char *label);

#endif
