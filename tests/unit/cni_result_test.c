/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/cni_result.h"

#include "network/cni_conf.h"
#include "unit.h"

static struct json_object *parse(const char *text)
{
	struct err e;
	struct json_object *j = json_parse("test", text, strlen(text), &e);

	ok(j != NULL, "%s", e.msg);
	return j;
}

static void refused(const char *text, const char *reason)
{
	own(json) struct json_object *j = parse(text);
	own(cni_result) struct cni_result r = { 0 };
	struct err e = { 0 };

	ok(cni_result_read(j, &r, &e) < 0, "read: %s", text);
	ok(strstr(e.msg, reason) != NULL, "got \"%s\", want \"%s\" in it", e.msg, reason);
}

static const char *const results[] = {
	/* 0.3 and 0.4: the family is told */
	"{\"cniVersion\":\"0.4.0\",\"interfaces\":[{\"name\":\"cni0\",\"mac\":\"00:11:22:33:44:"
	"55\"},"
	"{\"name\":\"eth0\",\"mac\":\"99:88:77:66:55:44\",\"sandbox\":\"/ns\"}],"
	"\"ips\":[{\"version\":\"4\",\"address\":\"10.0.0.5/"
	"16\",\"gateway\":\"10.0.0.1\",\"interface\":1},"
	"{\"version\":\"6\",\"address\":\"fd00::5/64\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"}],"
	"\"dns\":{\"nameservers\":[\"10.1.0.1\",\"fd00::1\"],\"search\":[\"a.b\"]}}",
	/* 1.0: not any more */
	"{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"cni0\",\"mac\":\"00:11:22:33:44:"
	"55\"},"
	"{\"name\":\"eth0\",\"mac\":\"99:88:77:66:55:44\",\"sandbox\":\"/ns\"}],"
	"\"ips\":[{\"address\":\"10.0.0.5/16\",\"gateway\":\"10.0.0.1\",\"interface\":1},"
	"{\"address\":\"fd00::5/64\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.0.0.1\"}],"
	"\"dns\":{\"nameservers\":[\"10.1.0.1\",\"fd00::1\"],\"search\":[\"a.b\"]}}",
	/* 1.1: more about interfaces and routes */
	"{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"cni0\",\"mtu\":1400},"
	"{\"name\":\"eth0\",\"mac\":\"99:88:77:66:55:44\",\"sandbox\":\"/"
	"ns\",\"mtu\":1400,\"pciID\":\"x\"}],"
	"\"ips\":[{\"address\":\"10.0.0.5/16\",\"gateway\":\"10.0.0.1\",\"interface\":1},"
	"{\"address\":\"fd00::5/64\",\"gateway\":\"\"}],\"routes\":[{\"dst\":\"0.0.0.0/"
	"0\",\"scope\":0}],"
	"\"dns\":{\"nameservers\":[\"10.1.0.1\",\"fd00::1\"],\"search\":[\"a.b\"]}}",
};

TEST(results_of_every_version_say_the_same)
{
	for (size_t i = 0; i < ARRAY_LEN(results); i++) {
		own(json) struct json_object *j = parse(results[i]);
		own(cni_result) struct cni_result r = { 0 };
		const struct cni_ip *ips;
		struct err e;

		ok(cni_result_read(j, &r, &e) == 0, "%s", e.msg);
		same_int(r.ips.n, 2);
		ips = r.ips.v;
		same_str(ips[0].address, "10.0.0.5/16");
		same_str(ips[0].gateway, "10.0.0.1");
		same_str(ips[1].address, "fd00::5/64");
		ok(cni_ip_inside(&r, &ips[0]) && cni_ip_inside(&r, &ips[1]), "not inside");
		ok(cni_interface_inside(&r, "eth0") && !cni_interface_inside(&r, "cni0"),
		   "interfaces");
		same_str(cni_interface_inside(&r, "eth0")->mac, "99:88:77:66:55:44");
		same_int(r.dns.nameservers.n, 2);
	}
}

TEST(an_address_of_the_host_is_not_the_sandboxs)
{
	own(json) struct json_object *j = parse("{\"interfaces\":[{\"name\":\"cni0\"}],\"ips\":[{"
						"\"address\":\"10.0.0.1/16\",\"interface\":0}]}");
	own(cni_result) struct cni_result r = { 0 };
	struct err e;

	ok(cni_result_read(j, &r, &e) == 0, "%s", e.msg);
	ok(!cni_ip_inside(&r, r.ips.v), "inside");
}

TEST(what_is_no_result_is_refused_with_the_field)
{
	refused("[]", "expected an object");
	refused("{\"cniVersion\":\"0.2.0\"}", "cniVersion");
	refused("{\"cniVersion\":3}", "cniVersion");
	refused("{\"ips\":[{}]}", "ips[0].address: missing");
	refused("{\"ips\":[{\"address\":\"10.0.0.5\"}]}", "ips[0].address");
	refused("{\"ips\":[{\"address\":\"10.0.0.5/33\"}]}", "ips[0].address");
	refused("{\"ips\":[{\"address\":\"10.0.0.5/-1\"}]}", "ips[0].address");
	refused("{\"ips\":[{\"address\":\"fd00::1/129\"}]}", "ips[0].address");
	refused("{\"ips\":[{\"address\":\"10.0.0.5/8; rm\"}]}", "ips[0].address");
	refused("{\"ips\":[{\"address\":\"10.0.0.5/8\",\"gateway\":\"x\"}]}", "ips[0].gateway");
	refused("{\"ips\":[{\"address\":\"10.0.0.5/8\",\"interface\":0}]}",
		"there is no interface 0");
	refused("{\"ips\":[{\"address\":\"10.0.0.5/8\",\"interface\":-1}]}", "ips[0].interface");
	refused("{\"interfaces\":[{\"mac\":\"x\"}]}", "interfaces[0].name: missing");
	refused("{\"interfaces\":[{\"name\":\"a/b\"}]}", "interfaces[0].name");
	refused("{\"interfaces\":[{\"name\":\"0123456789abcdef\"}]}", "interfaces[0].name");
	refused("{\"routes\":[{\"gw\":\"10.0.0.1\"}]}", "routes[0].dst: missing");
	refused("{\"routes\":[{\"dst\":\"default\"}]}", "routes[0].dst");
	refused("{\"dns\":{\"nameservers\":[\"dns.example\"]}}", "dns.nameservers[0]");
	refused("{\"dns\":{\"search\":[\"a\\nnameserver 6.6.6.6\"]}}", "dns.search[0]");
	refused("{\"dns\":{\"options\":[\"a b\"]}}", "dns.options[0]");
	refused("{\"dns\":{\"domain\":\"a b\"}}", "dns.domain");
}

TEST(prevResult_is_converted_to_the_networks_version)
{
	for (size_t i = 0; i < ARRAY_LEN(results); i++) {
		own(json) struct json_object *j = parse(results[i]);
		struct json_object *ips = json_get(j, "ips", json_type_array);

		cni_result_convert(j, CNI_0_3_1);
		same_str(json_get_str(j, "cniVersion"), "0.3.1");
		same_str(json_get_str(json_object_array_get_idx(ips, 0), "version"), "4");
		same_str(json_get_str(json_object_array_get_idx(ips, 1), "version"), "6");
		cni_result_convert(j, CNI_1_0_0);
		same_str(json_get_str(j, "cniVersion"), "1.0.0");
		same_str(json_get_str(json_object_array_get_idx(ips, 0), "version"), NULL);
	}
}

int main(void)
{
	return unit_run();
}
