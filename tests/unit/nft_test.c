/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/nft.h"

#include "unit.h"

static struct ip ip(const char *text)
{
	struct ip a = { 0 };

	ok(ip_parse(text, &a) == 0, "%s was refused", text);
	return a;
}

static void bytes_are(const uint8_t *got, size_t len, const char *want)
{
	char text[80] = "";

	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, sizeof(text) - 2 * i, "%02x", got[i]);
	same_str(text, want);
}

/* nft(8) lists "127.0.0.1 . udp . 8081 : 10.128.0.3 . 81" for these; parts fill 4 bytes each. */
TEST(a_port_of_one_address_is_keyed_by_it)
{
	own(nft_elems) struct nft_elems l = { 0 };
	struct ip host = ip("127.0.0.1"), to = ip("10.128.0.3");

	nft_add_port(&l, CRI_UDP, &host, 8081, &to, 81);
	same_int(l.n, 1);
	same_str(l.v->set, "ports4");
	bytes_are(l.v->key, l.v->key_len,
		  "7f000001"
		  "11000000"
		  "1f910000");
	bytes_are(l.v->data, l.v->data_len,
		  "0a800003"
		  "00510000");
}

TEST(a_port_of_all_addresses_is_keyed_by_protocol_and_number)
{
	own(nft_elems) struct nft_elems l = { 0 };
	struct ip host = ip("::"), to = ip("fd00::3");

	nft_add_port(&l, CRI_SCTP, &host, 443, &to, 8443);
	same_str(l.v->set, "any6");
	bytes_are(l.v->key, l.v->key_len,
		  "84000000"
		  "01bb0000");
	bytes_are(l.v->data, l.v->data_len,
		  "fd000000"
		  "00000000"
		  "00000000"
		  "00000003"
		  "20fb0000");
}

TEST(a_subnet_is_an_interval_that_ends_behind_its_last_address)
{
	own(nft_elems) struct nft_elems l = { 0 };
	struct prefix p;

	ok(prefix_parse("10.77.3.4/24", &p) == 0, "refused");
	nft_add_subnet(&l, &p);
	same_int(l.n, 2);
	bytes_are(l.v[0].key, l.v[0].key_len, "0a4d0300");
	ok(!l.v[0].interval_end, "the beginning is no end");
	bytes_are(l.v[1].key, l.v[1].key_len, "0a4d0400");
	ok(l.v[1].interval_end, "the end is one");
}

TEST(a_subnet_up_to_the_very_last_address_has_no_end)
{
	own(nft_elems) struct nft_elems l = { 0 };
	struct prefix p;

	ok(prefix_parse("255.255.255.0/24", &p) == 0, "refused");
	nft_add_subnet(&l, &p);
	same_int(l.n, 1);
}

int main(void)
{
	return unit_run();
}
