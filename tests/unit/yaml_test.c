/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/yaml.h"
#include "spec/cri.h"
#include "unit.h"

static struct json_object *parse(const char *text, struct err *e)
{
	return yaml_parse("x.yaml", text, strlen(text), e);
}

static void means(const char *text, const char *json)
{
	struct err e = { 0 };
	own(json) struct json_object *j = parse(text, &e);
	own(buf) struct buf b = { 0 };

	ok(j, "%s: %s", text, e.msg);
	if (!j)
		return;
	json_print(j, &b);
	same_str(b.s, json);
}

static void refused(const char *text, const char *message)
{
	struct err e = { 0 };
	own(json) struct json_object *j = parse(text, &e);

	ok(!j, "%s was accepted", text);
	same_str(e.msg, message);
	same_int(e.kind, ERR_USAGE);
}

TEST(blocks_and_flows_are_read)
{
	means("a: 1\nb:\n  - x\n  - {c: d}\n", "{\"a\":1,\"b\":[\"x\",{\"c\":\"d\"}]}");
	means("---\na: |\n  one\n  two\n...\n", "{\"a\":\"one\\ntwo\\n\"}");
	means("# comment\n{a: [1, 'x', \"\\u00e4\"], }", "{\"a\":[1,\"x\",\"\xc3\xa4\"]}");
	means("a: >-\n  folded\n  text\n", "{\"a\":\"folded text\"}");
}

TEST(json_is_read_where_it_is_no_yaml)
{
	means("{\n\t\"a\":\t\"\\ud83d\\ude00\"}", "{\"a\":\"\xf0\x9f\x98\x80\"}");
	means("{\"a\":\"\\/\"}", "{\"a\":\"/\"}");
}

TEST(plain_scalars_mean_what_they_mean_to_kubernetes)
{
	means("[y, Yes, ON, true, TRUE]", "[true,true,true,true,true]");
	means("[n, No, off, false]", "[false,false,false,false]");
	means("[~, null, NULL, ]", "[null,null,null]");
	means("a:", "{\"a\":null}");
	means("[010, 0o10, 0x10, 0b11, 1_000, +7, -0x1]", "[8,8,16,3,1000,7,-1]");
	means("[08, 1e3, 1.5, .5, 6.]", "[8.0,1000.0,1.5,0.5,6.0]");
	means("[2001-12-14, 12:30:45, 1.2.3, 0x, 1e, ., -, 0xg, 09a]",
	      "[\"2001-12-14\",\"12:30:45\",\"1.2.3\",\"0x\",\"1e\",\".\",\"-\",\"0xg\",\"09a\"]");
	means("[18446744073709551615, -9223372036854775808]",
	      "[18446744073709551615,-9223372036854775808]");
	means("[nO, tRUE, yeS]", "[\"nO\",\"tRUE\",\"yeS\"]");
}

TEST(quotes_and_tags_decide_over_the_looks)
{
	means("['1', \"yes\", !!str 010, ! 5]", "[\"1\",\"yes\",\"010\",\"5\"]");
	means("[!!int '7', !!bool 'on', !!float 2]", "[7,true,2]");
	refused("a: !!int x\n", "x.yaml:1: \"x\" does not fit its tag");
	refused("a: !foo x\n", "x.yaml:1: the tag !foo is not understood");
	refused("a: !!set {}\n", "x.yaml:1: the tag tag:yaml.org,2002:set is not understood");
}

TEST(aliases_and_merge_keys_are_followed)
{
	means("a: &x {k: 1, l: 2}\nb: *x\n", "{\"a\":{\"k\":1,\"l\":2},\"b\":{\"k\":1,\"l\":2}}");
	means("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  l: 3\n",
	      "{\"a\":{\"k\":1,\"l\":2},\"b\":{\"l\":3,\"k\":1}}");
	means("- &x {k: 1}\n- &y {k: 2, l: 2}\n- <<: [*x, *y]\n",
	      "[{\"k\":1},{\"k\":2,\"l\":2},{\"k\":1,\"l\":2}]");
	means("'<<': 1\n", "{\"<<\":1}");
	refused("a: *x\n", "x.yaml:1: no anchor &x before this alias");
	refused("a: &x\n  b: *x\n", "x.yaml:2: no anchor &x before this alias");
	refused("<<: 1\n", "x.yaml:1: <<: expected a mapping, or a list of them");
}

TEST(what_is_doubtful_is_refused_with_its_line)
{
	refused("a: 1\nb: 2\na: 3\n", "x.yaml:3: the key \"a\" is there twice");
	refused("a: 1\n\"a\": 3\n", "x.yaml:2: the key \"a\" is there twice");
	refused("yes: 1\n", "x.yaml:1: the key yes is no text to YAML; write \"yes\"");
	refused("~: 1\n", "x.yaml:1: the key ~ is no text to YAML; write \"~\"");
	refused("? [a]\n: 1\n", "x.yaml:1: a key must be a text");
	refused("a: 1\n---\nb: 2\n",
		"x.yaml:2: a second document; one file holds one configuration");
	refused("", "x.yaml: there is nothing in it");
	refused("# only a comment\n", "x.yaml: there is nothing in it");
	refused("a: \"x\\0y\"\n", "x.yaml:1: a NUL character in a string");
	refused("a:\n  b: 1\n c: 2\n",
		"x.yaml:3: did not find expected key while parsing a block mapping");
}

TEST(bombs_are_refused)
{
	own(buf) struct buf laughs = { 0 };
	own(buf) struct buf deep = { 0 };
	struct err e = { 0 };
	struct json_object *j;

	buf_add(&laughs, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 10; i++) {
		buf_addf(&laughs, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			buf_addf(&laughs, "%s*a%d", k ? ", " : "", i - 1);
		buf_add(&laughs, "]\n");
	}
	j = parse(laughs.s, &e);
	ok(!j, "accepted");
	same_str(e.msg, "x.yaml:5: too many values, with all aliases followed");
	for (int i = 0; i < 100000; i++)
		buf_addc(&deep, '[');
	j = parse(deep.s, &e);
	ok(!j, "accepted");
	same_str(e.msg, "x.yaml:1: nested too deeply");
}

TEST(what_is_printed_is_read_again_as_the_same)
{
	static const char *const values[] = {
		"{\"a\":{\"b\":[]},\"c\":{},\"d\":[{\"e\":1,\"f\":[1,2]},[3],[[]],\"x\"],\"g\":"
		"null}",
		"[\"yes\",\"NO\",\"~\",\"\",\"1\",\"0x1\",\"a: b\",\"#\",\"- x\",\"a\\nb\",\" "
		"a\",\"\\\\\\\"\"]",
		"{\"y\":\"n\",\"1\":true,\"\":1.5,\"a b\":-1,\"\\u007f\\u0085\\u2028\\ufeff\":"
		"\"\\u0001\xf0\x9f\x98\x80\"}",
		"[18446744073709551615]",
		"{}",
		"[]",
		"[{\"a\":[{\"b\":[{}]}]}]",
	};

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct err e = { 0 };
		own(json) struct json_object *j = json_parse("x", values[i], strlen(values[i]), &e);
		own(buf) struct buf text = { 0 };
		own(json) struct json_object *again = NULL;

		ok(j, "%s", e.msg);
		yaml_print(j, &text);
		again = parse(text.s, &e);
		ok(again && json_object_equal(j, again), "%s: %s", text.s, again ? "" : e.msg);
	}
}

static void config_says(const char *what, const char *text, const char *message)
{
	own(cri_sandbox_config) struct cri_sandbox_config c = { 0 };
	struct err e = { 0 };
	own(json) struct json_object *j = yaml_parse(what, text, strlen(text), &e);
	int rc = j ? fields_read(&cri_sandbox_config_table, what, j, &c, &e) : -1;

	ok(rc < 0, "%s was accepted", text);
	same_str(e.msg, message);
}

TEST(a_bad_field_is_named_with_file_line_and_path)
{
	config_says("web.yaml", "linux:\n  resources:\n    cpu_quota: fast\n",
		    "web.yaml:3: linux.resources.cpu_quota: expected an integer, found \"fast\"");
	config_says("web.json", "{\n \"linux\": {\n  \"resources\":\n  {\"cpuQuota\": \"fast\"}}}",
		    "web.json:4: linux.resources.cpuQuota: expected an integer, found \"fast\"");
	config_says("web.yaml", "linux:\n  resorces:\n    cpu_quota: 1\n",
		    "web.yaml:2: linux.resorces: unknown field; did you mean resources?");
	config_says("web.yaml", "hostnam:\n",
		    "web.yaml:1: hostnam: unknown field; did you mean hostname?");
	config_says("web.yaml", "port_mappings:\n- {}\n- container_port: 70000\n",
		    "web.yaml:3: port_mappings[1].container_port: expected an integer from 0 to "
		    "65535, found 70000");
	config_says("web.json", "{\"port_mappings\":[\n{},\n{\"containerPort\":70000}]}",
		    "web.json:3: port_mappings[1].containerPort: expected an integer from 0 to "
		    "65535, found 70000");
	config_says("web.yaml", "labels:\n  a: b\n  v: 1.10\n",
		    "web.yaml:3: labels[\"v\"]: expected a string, found the number 1.10; write it "
		    "as \"1.10\"");
	config_says("web.yaml", "labels: {v: 012}\n",
		    "web.yaml:1: labels[\"v\"]: expected a string, found the number 012; write it "
		    "as \"012\"");
	config_says("web.yaml", "hostname: yes\n",
		    "web.yaml:1: hostname: expected a string, found the truth value yes; write it "
		    "as \"yes\"");
	config_says("web.yaml", "labels:\n- a\n",
		    "web.yaml:1: labels: expected an object of strings, found a list");
	config_says("web.yaml", "x", "web.yaml: expected an object, found \"x\"");
}

TEST(crictls_spellings_are_read)
{
	static const char text[] =
		"METADATA: {name: web, uid: 1000, attempt: 1e0}\n"
		"Log_Directory: /var/log\n"
		"labels: {version: 1.5, enabled: true}\n"
		"annotations: {n1: -3}\n"
		"linux:\n"
		"  security_context:\n"
		"    namespace_options: {network: 2, pid: 1, ipc: NODE}\n"
		"    readonly_rootfs: yes\n"
		"  resources: {memory_limit_in_bytes: 1e9, cpu_period: '100000'}\n";
	own(cri_sandbox_config) struct cri_sandbox_config c = { 0 };
	struct err e = { 0 };
	own(json) struct json_object *j = parse(text, &e);

	ok(j && fields_read(&cri_sandbox_config_table, "x.yaml", j, &c, &e) == 0, "%s", e.msg);
	same_str(c.metadata.uid, "1000");
	same_int(c.metadata.attempt, 1);
	same_str(c.log_directory, "/var/log");
	same_str(strmap_get(&c.labels, "version"), "1.5");
	same_str(strmap_get(&c.labels, "enabled"), "true");
	same_str(strmap_get(&c.annotations, "n1"), "-3");
	same_int(c.linux_.security_context.namespace_options.network, CRI_NS_NODE);
	same_int(c.linux_.security_context.namespace_options.ipc, CRI_NS_NODE);
	ok(c.linux_.security_context.readonly_rootfs, "false");
	if (c.linux_.resources) {
		same_int(c.linux_.resources->memory_limit_in_bytes.v, 1000000000);
		same_int(c.linux_.resources->cpu_period.v, 100000);
	}
}

int main(void)
{
	return unit_run();
}
