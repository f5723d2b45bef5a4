/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net_opts.h"

#include "unit.h"

static struct cri_sandbox_config config;
static struct err e;

/* --publish TEXT; the number of mappings that it makes, or -1. */
static int publish(const char *text)
{
	struct net_args a = { 0 };
	int rc;

	cri_sandbox_config_free(&config);
	strv_add(&a.ports, text);
	rc = net_config(&a, &config, &e);
	strv_free(&a.ports);
	return rc < 0 ? -1 : (int)config.port_mappings.n;
}

static void first_is(const char *ip, int host_port, int port, int protocol)
{
	const struct cri_port_mapping *m = config.port_mappings.v;

	same_str(m->host_ip, ip);
	same_int(m->host_port, host_port);
	same_int(m->container_port, port);
	same_int(m->protocol, protocol);
}

TEST(a_mapping_has_an_address_in_front_and_a_protocol_behind)
{
	same_int(publish("8080:80"), 1);
	first_is(NULL, 8080, 80, CRI_TCP);
	same_int(publish("127.0.0.1:8080:80/udp"), 1);
	first_is("127.0.0.1", 8080, 80, CRI_UDP);
	same_int(publish("[2001:db8::1]:65535:1/sctp"), 1);
	first_is("2001:db8::1", 65535, 1, CRI_SCTP);
	cri_sandbox_config_free(&config);
}

TEST(ranges_of_one_length_map_one_by_one)
{
	const struct cri_port_mapping *m;

	same_int(publish("8000-8009:80-89"), 10);
	m = config.port_mappings.v;
	same_int(m[9].host_port, 8009);
	same_int(m[9].container_port, 89);
	same_int(publish("80-80:90-90"), 1);
	same_int(publish("65530-65535:1-6"), 6);
	cri_sandbox_config_free(&config);
}

TEST(what_is_no_mapping_is_a_usage_error_that_shows_it)
{
	static const char *const bad[] = {
		"",	  "80",	     ":80",	   "80:",	  "0:80",
		"80:0",	  "65536:1", "1:65536",	   "1-3:1-2",	  "3-1:3-1",
		"1-:1-",  "-1:1",    "80:80/",	   "80:80/icmp",  "80:80/TCP",
		"a:80",	  "80:a",    "[::1:80:80", "[::1]80:80",  "[]:80:80",
		":80:80", "1:2:3:4", "80 :80",	   "80:80/tcp/x", "1-2-3:1-3"
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ok(publish(bad[i]) < 0, "\"%s\" was read", bad[i]);
		ok(e.kind == ERR_USAGE && strstr(e.msg, bad[i]), "%s", e.msg);
	}
	cri_sandbox_config_free(&config);
}

TEST(a_network_is_the_hosts_or_one_by_name)
{
	const struct cri_namespace_options *ns = &config.linux_.security_context.namespace_options;
	struct net_args a = { .network = "host" };

	cri_sandbox_config_free(&config);
	same_int(net_config(&a, &config, &e), 0);
	same_int(ns->network, CRI_NS_NODE);
	same_str(ns->network_name, NULL);
	a.network = "net"; /* wins over what a file said */
	same_int(net_config(&a, &config, &e), 0);
	same_int(ns->network, CRI_NS_POD);
	same_str(ns->network_name, "net");
	a.network = "";
	ok(net_config(&a, &config, &e) < 0, "an empty name was taken");
	cri_sandbox_config_free(&config);
}

int main(void)
{
	return unit_run();
}
