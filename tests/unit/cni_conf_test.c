/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network/cni_conf.h"

#include <errno.h>
#include <limits.h>

#include "tests/unit/tmpdir.h"
#include "unit.h"

static char *path_of(int dir, const char *name)
{
	char base[PATH_MAX], link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = readlink(link, base, sizeof(base) - 1);
	base[n > 0 ? n : 0] = '\0';
	return name ? str_fmt("%s/%s", base, name) : xstrdup(base);
}

static void refused(const char *text, const char *reason)
{
	own(tmpdir) int dir = tmpdir_open();
	own(str) char *path = path_of(dir, "a.conflist");
	own(cni_conf) struct cni_conf c = { 0 };
	struct err e = { 0 };

	put_file(dir, "a.conflist", text);
	ok(cni_conf_load(path, &c, &e) < 0, "loaded: %s", text);
	ok(strstr(e.msg, path) && strstr(e.msg, reason), "got \"%s\", want file and \"%s\"", e.msg,
	   reason);
}

#define LIST(rest) "{\"cniVersion\":\"1.0.0\",\"name\":\"db\"" rest "}"

TEST(a_field_that_is_missing_or_wrong_is_named_with_its_file)
{
	refused("", ":1:");
	refused("[]", "expected an object");
	refused("{\"name\":\"db\",\"plugins\":[{\"type\":\"x\"}]}", "cniVersion: missing");
	refused("{\"cniVersion\":\"0.2.0\",\"name\":\"db\",\"plugins\":[{\"type\":\"x\"}]}",
		"cniVersion: \"0.2.0\"");
	refused("{\"cniVersion\":\"1.2.0\",\"name\":\"db\",\"plugins\":[{\"type\":\"x\"}]}",
		"cniVersion: \"1.2.0\"");
	refused("{\"cniVersion\":1,\"name\":\"db\",\"plugins\":[{\"type\":\"x\"}]}", "cniVersion");
	refused("{\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"x\"}]}", "name: missing");
	refused("{\"cniVersion\":\"1.0.0\",\"name\":\"a/b\",\"plugins\":[{\"type\":\"x\"}]}",
		"name: \"a/b\"");
	refused("{\"cniVersion\":\"1.0.0\",\"name\":\".a\",\"plugins\":[{\"type\":\"x\"}]}",
		"name: \".a\"");
	refused(LIST(""), "type: missing");
	refused(LIST(",\"plugins\":{}"), "plugins: expected a list");
	refused(LIST(",\"plugins\":[]"), "plugins: expected 1 to 32, found 0");
	refused(LIST(",\"plugins\":[7]"), "plugins[0]: expected an object");
	refused(LIST(",\"plugins\":[{\"type\":\"x\"},{}]"), "plugins[1].type: missing");
	refused(LIST(",\"plugins\":[{\"type\":\"x\",\"capabilities\":[]}]"),
		"plugins[0].capabilities: expected an object");
	refused(LIST(",\"disableCheck\":\"yes\",\"plugins\":[{\"type\":\"x\"}]"),
		"disableCheck: expected true or false");
	refused(LIST(",\"disableGC\":1,\"plugins\":[{\"type\":\"x\"}]"),
		"disableGC: expected true or false");
	refused(LIST(",\"name\":\"other\",\"plugins\":[{\"type\":\"x\"}]"), "there twice");
}

/* CVE-2021-20206: a type like "../../usr/sbin/reboot". */
TEST(a_plugin_type_that_is_a_path_is_refused)
{
	refused(LIST(",\"plugins\":[{\"type\":\"../x\"}]"), "plugins[0].type: \"../x\"");
	refused(LIST(",\"plugins\":[{\"type\":\"..\"}]"), "plugins[0].type: \"..\"");
	refused(LIST(",\"plugins\":[{\"type\":\"/bin/sh\"}]"), "plugins[0].type: \"/bin/sh\"");
	refused(LIST(",\"plugins\":[{\"type\":\"\"}]"), "plugins[0].type: \"\"");
	refused(LIST(",\"plugins\":[{\"type\":\"a\\nb\"}]"), "plugins[0].type: \"a\\x0ab\"");
	refused(LIST(",\"plugins\":[{\"type\":\"x\",\"ipam\":{\"type\":\"../../x\"}}]"),
		"plugins[0].ipam.type: \"../../x\"");
	refused(LIST(",\"type\":\"../x\""), "type: \"../x\"");
}

TEST(a_list_and_a_single_plugin_are_read)
{
	own(tmpdir) int dir = tmpdir_open();
	own(str) char *list = path_of(dir, "a.conflist"), *single = path_of(dir, "b.conf");
	own(cni_conf) struct cni_conf a = { 0 };
	own(cni_conf) struct cni_conf b = { 0 };
	struct err e = { 0 };

	put_file(dir, "a.conflist",
		 "{\"cniVersion\":\"0.4.0\",\"name\":\"db.1\",\"disableCheck\":\"true\","
		 "\"disableGC\":"
		 "true,\"plugins\":[{\"type\":\"bridge\"},{\"type\":\"portmap\"}]}");
	put_file(dir, "b.conf",
		 "{\"cniVersion\":\"0.3.1\",\"name\":\"web\",\"type\":\"ptp\",\"mtu\":1400}");
	ok(cni_conf_load(list, &a, &e) == 0, "%s", e.msg);
	same_str(a.name, "db.1");
	same_str(a.file, list);
	same_int(a.version, CNI_0_4_0);
	ok(a.disable_check && a.disable_gc, "flags %d %d", a.disable_check, a.disable_gc);
	same_int(json_object_array_length(a.plugins), 2);
	same_str(cni_conf_type(&a, 1), "portmap");
	ok(cni_conf_load(single, &b, &e) == 0, "%s", e.msg);
	same_int(b.version, CNI_0_3_1);
	same_int(json_object_array_length(b.plugins), 1);
	same_str(cni_conf_type(&b, 0), "ptp");
}

TEST(of_several_versions_the_highest_known_one_is_tried_first)
{
	own(tmpdir) int dir = tmpdir_open();
	own(str) char *path = path_of(dir, "a.conflist");
	own(cni_conf) struct cni_conf c = { 0 };
	struct err e = { 0 };

	put_file(dir, "a.conflist",
		 "{\"cniVersion\":\"0.3.1\",\"cniVersions\":[\"2.0.0\",\"1.0.0\",\"0.4.0\",\"0.1."
		 "0\"],"
		 "\"name\":\"db\",\"plugins\":[{\"type\":\"x\"}]}");
	ok(cni_conf_load(path, &c, &e) == 0, "%s", e.msg);
	same_int(c.version, CNI_1_0_0);
	same_int(c.versions, 1 << CNI_0_3_1 | 1 << CNI_0_4_0 | 1 << CNI_1_0_0);
}

TEST(plugins_in_the_folder_of_a_list_are_appended_unless_it_forbids_that)
{
	own(tmpdir) int dir = tmpdir_open();
	own(str) char *path = path_of(dir, "a.conflist");
	own(cni_conf) struct cni_conf c = { 0 };
	struct err e = { 0 };

	ok(mkdirat(dir, "db", 0700) == 0, "errno %d", errno);
	put_file(dir, "db/20-y.conf", "{\"type\":\"y\"}");
	put_file(dir, "db/10-z.conf", "{\"type\":\"z\"}");
	put_file(dir, "db/README", "no configuration");
	put_file(dir, "a.conflist", LIST(",\"plugins\":[{\"type\":\"x\"}]"));
	ok(cni_conf_load(path, &c, &e) == 0, "%s", e.msg);
	same_int(json_object_array_length(c.plugins), 3);
	same_str(cni_conf_type(&c, 1), "z");
	same_str(cni_conf_type(&c, 2), "y");
	cni_conf_free(&c);
	put_file(dir, "a.conflist",
		 LIST(",\"loadOnlyInlinedPlugins\":true,\"plugins\":[{\"type\":\"x\"}]"));
	ok(cni_conf_load(path, &c, &e) == 0, "%s", e.msg);
	same_int(json_object_array_length(c.plugins), 1);
}

TEST(the_first_file_by_name_is_the_default_and_a_broken_one_matters_only_when_it_is_meant)
{
	own(tmpdir) int dir = tmpdir_open();
	own(str) char *path = path_of(dir, NULL);
	own(cni_conf) struct cni_conf c = { 0 };
	struct err e = { 0 };

	same_int(cni_conf_find(path, NULL, &c, &e), 0);
	put_file(dir, "20-b.conflist", LIST(",\"plugins\":[{\"type\":\"x\"}]"));
	put_file(dir, "10-a.json", "{\"cniVersion\":\"1.0.0\",\"name\":\"a\",\"type\":\"x\"}");
	put_file(dir, "05-note.txt", "no configuration");
	put_file(dir, ".00-hidden.conf", "no configuration");
	same_int(cni_conf_find(path, NULL, &c, &e), 1);
	same_str(c.name, "a");
	cni_conf_free(&c);
	same_int(cni_conf_find(path, "db", &c, &e), 1);
	cni_conf_free(&c);
	same_int(cni_conf_find(path, "nosuch", &c, &e), 0);
	put_file(dir, "01-broken.conflist", "{");
	same_int(cni_conf_find(path, "db", &c, &e), 1);
	cni_conf_free(&c);
	same_int(cni_conf_find(path, NULL, &c, &e), -1);
	ok(strstr(e.msg, "01-broken.conflist"), "%s", e.msg);
	same_int(cni_conf_find(path, "nosuch", &c, &e), -1);
	ok(strstr(e.msg, "01-broken.conflist"), "%s", e.msg);
	same_int(cni_conf_find("/nonexistent/net.d", NULL, &c, &e), 0);
}

TEST(a_fifo_or_a_huge_file_is_an_error_and_blocks_nobody)
{
	own(tmpdir) int dir = tmpdir_open();
	own(str) char *fifo = path_of(dir, "a.conf"), *huge = path_of(dir, "b.conf");
	own(cni_conf) struct cni_conf c = { 0 };
	own(fd) int fd = openat(dir, "b.conf", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct err e = { 0 };

	ok(mkfifoat(dir, "a.conf", 0600) == 0 && ftruncate(fd, 1 << 30) == 0, "errno %d", errno);
	alarm(10);
	ok(cni_conf_load(fifo, &c, &e) < 0 && strstr(e.msg, "expected a file"), "%s", e.msg);
	ok(cni_conf_load(huge, &c, &e) < 0 && strstr(e.msg, "at most 1 MiB"), "%s", e.msg);
	alarm(0);
}

int main(void)
{
	return unit_run();
}
