/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/addr.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

int ip_parse(const char *s, struct ip *out)
{
	*out = (struct ip){ .family = AF_INET };
	if (inet_pton(AF_INET, s, out->b) == 1)
		return 0;
	out->family = AF_INET6;
	return inet_pton(AF_INET6, s, out->b) == 1 ? 0 : -1;
}

void ip_format(const struct ip *a, char dst[IP_TEXT_SIZE])
{
	if (!a->family || !inet_ntop(a->family, a->b, dst, IP_TEXT_SIZE))
		dst[0] = '\0';
}

int ip_compare(const struct ip *a, const struct ip *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, sizeof(a->b));
}

bool ip_any(const struct ip *a)
{
	static const uint8_t zero[16];

	return memcmp(a->b, zero, sizeof(zero)) == 0;
}

int prefix_parse(const char *s, struct prefix *out)
{
	const char *slash = strchr(s, '/');
	char text[IP_TEXT_SIZE];
	int64_t len;

	*out = (struct prefix){ 0 };
	if (!slash || (size_t)(slash - s) >= sizeof(text))
		return -1;
	memcpy(text, s, (size_t)(slash - s));
	text[slash - s] = '\0';
	if (ip_parse(text, &out->ip) < 0 ||
	    str_to_i64(slash + 1, 0, (int64_t)ip_size(&out->ip) * 8, &len) < 0)
		return -1;
	out->len = (unsigned)len;
	return 0;
}

void prefix_format(const struct prefix *p, char dst[IP_TEXT_SIZE])
{
	size_t n;

	ip_format(&p->ip, dst);
	n = strlen(dst);
	snprintf(dst + n, IP_TEXT_SIZE - n, "/%u", p->len);
}

/* p's address with its host bits all ones or all zeros. */
static struct ip with_host_bits(const struct prefix *p, bool ones)
{
	struct ip a = p->ip;

	for (unsigned bit = p->len; bit < ip_size(&a) * 8; bit++) {
		uint8_t mask = (uint8_t)(0x80U >> bit % 8);

		a.b[bit / 8] = (uint8_t)(ones ? a.b[bit / 8] | mask : a.b[bit / 8] & ~mask);
	}
	return a;
}

struct ip prefix_first(const struct prefix *p)
{
	return with_host_bits(p, false);
}

struct ip prefix_last(const struct prefix *p)
{
	return with_host_bits(p, true);
}

bool prefix_has(const struct prefix *p, const struct ip *a)
{
	struct prefix other = { .ip = *a, .len = p->len };
	struct ip mine = prefix_first(p), theirs = prefix_first(&other);

	return ip_compare(&mine, &theirs) == 0;
}

const char *prefix_no_host(const struct prefix *p, const struct ip *a)
{
	struct ip first = prefix_first(p), last = prefix_last(p);

	if (ip_compare(a, &first) == 0)
		return "it is the subnet's own";
	if (a->family == AF_INET && p->len < 31 && ip_compare(a, &last) == 0)
		return "it is the broadcast address";
	return NULL;
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->len < b->len ? prefix_has(a, &b->ip) : prefix_has(b, &a->ip);
}

uint64_t prefix_size(const struct prefix *p)
{
	size_t bits = ip_size(&p->ip) * 8 - p->len;

	return UINT64_C(1) << MIN(bits, (size_t)32);
}

struct ip prefix_nth(const struct prefix *p, uint64_t n)
{
	struct ip a = prefix_first(p);

	for (size_t i = ip_size(&a); n && i-- > 0; n >>= 8) {
		n += a.b[i];
		a.b[i] = (uint8_t)n;
	}
	return a;
}

bool ip_next(struct ip *a)
{
	for (size_t i = ip_size(a); i-- > 0;)
		if (++a->b[i])
			return true;
	return false;
}

const char *mac_parse(const char *s, uint8_t out[MAC_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	static const char zero[MAC_SIZE];

	for (size_t i = 0; i < MAC_SIZE; i++, s += 3) {
		const char *high = *s ? strchr(hex, tolower((unsigned char)s[0])) : NULL;
		const char *low = high && s[1] ? strchr(hex, tolower((unsigned char)s[1])) : NULL;

		if (!low || s[2] != (i < MAC_SIZE - 1 ? ':' : '\0'))
			return "expected six bytes in hex, like 02:00:00:00:00:01";
		out[i] = (uint8_t)((high - hex) * 16 + (low - hex));
	}
	if (out[0] & 1)
		return "a group address cannot be an interface's";
	return memcmp(out, zero, MAC_SIZE) == 0 ? "all zero is no address" : NULL;
}

void mac_format(const uint8_t mac[MAC_SIZE], char dst[MAC_TEXT_SIZE])
{
	snprintf(dst, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
}
