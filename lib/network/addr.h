/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addr.h - IP addresses, prefixes and MAC addresses: text, arithmetic, comparison. */
#ifndef CADDIS_NETWORK_ADDR_H
#define CADDIS_NETWORK_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

struct ip {
	int family;    /* AF_INET, AF_INET6; 0: none */
	uint8_t b[16]; /* network order; the first 4 for AF_INET, the rest zero */
};
struct prefix {
	struct ip ip;
	unsigned len; /* bits */
};
#define IP_TEXT_SIZE 64 /* with "/128" and more */
#define MAC_SIZE 6
#define MAC_TEXT_SIZE 18

static inline size_t ip_size(const struct ip *a)
{
	return a->family == AF_INET ? 4 : 16;
}
/* An address alone: no zone, no prefix length. 0 or -1. */
int ip_parse(const char *s, struct ip *out) MUST_CHECK;
void ip_format(const struct ip *a, char dst[IP_TEXT_SIZE]);
int ip_compare(const struct ip *a, const struct ip *b);
bool ip_any(const struct ip *a); /* 0.0.0.0 or :: */

/* "10.1.0.0/16". The host bits are kept. 0 or -1. */
int prefix_parse(const char *s, struct prefix *out) MUST_CHECK;
void prefix_format(const struct prefix *p, char dst[IP_TEXT_SIZE]);
struct ip prefix_first(const struct prefix *p); /* host bits all zero: the network's address */
struct ip prefix_last(const struct prefix *p);	/* host bits all one */
bool prefix_has(const struct prefix *p, const struct ip *a);
/* Why a, of the prefix, can be no host's: its own or its broadcast address. NULL: it can. */
const char *prefix_no_host(const struct prefix *p, const struct ip *a);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
/* How many addresses, at most 2^32. */
uint64_t prefix_size(const struct prefix *p);
/* The first address plus n. */
struct ip prefix_nth(const struct prefix *p, uint64_t n);
/* a plus one; false when there is none. */
bool ip_next(struct ip *a);

/* Six bytes in hex with colons, not a group address and not zero: NULL, or what is wrong. */
const char *mac_parse(const char *s, uint8_t out[MAC_SIZE]);
void mac_format(const uint8_t mac[MAC_SIZE], char dst[MAC_TEXT_SIZE]);

#endif
