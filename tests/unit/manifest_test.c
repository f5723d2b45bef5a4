/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/unit.h"

#include "image/config.h"
#include "image/manifest.h"
#include "image/registry_error.h"

#define HEX(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define DIGEST(c) "sha256:" HEX(c c)
#define DESC(type, c, more)                                                                        \
	"{\"mediaType\":\"" type "\",\"digest\":\"" DIGEST(c) "\",\"size\":5" more "}"
#define PLATFORM(os, arch, variant)                                                                \
	",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\",\"variant\":\"" variant    \
	"\"}"
#define CONFIG DESC(MEDIA_OCI_CONFIG, "c", "")
#define LAYER DESC(MEDIA_OCI_LAYER "+gzip", "a", "")
#define IMAGE(config, layers) "{\"schemaVersion\":2,\"config\":" config ",\"layers\":[" layers "]}"
#define INDEX(entries) "{\"schemaVersion\":2,\"manifests\":[" entries "]}"

static int parse(const char *text, const char *type, struct manifest *m, struct err *e)
{
	*e = (struct err){ 0 };
	return manifest_parse(text, strlen(text), type, m, e);
}

static void refuses_as(const char *text, const char *type, const char *reason)
{
	struct manifest m;
	struct err e;
	int ret = parse(text, type, &m, &e);

	ok(ret < 0, "accepted: %.200s", text);
	if (ret < 0)
		ok(strstr(e.msg, reason) != NULL, "%.200s: says \"%s\", not \"%s\"", text, e.msg,
		   reason);
	manifest_free(&m);
}

static void refuses(const char *text, const char *reason)
{
	refuses_as(text, MEDIA_OCI_MANIFEST, reason);
}

TEST(an_oci_manifest_is_read)
{
	struct manifest m;
	struct err e;

	ok(parse(IMAGE(CONFIG, LAYER), MEDIA_OCI_MANIFEST "; charset=utf-8", &m, &e) == 0, "%s",
	   e.msg);
	ok(!m.index, "read as an index");
	same_int(m.n, 1);
	same_str(m.config.digest, DIGEST("c"));
	same_str(m.entries[0].digest, DIGEST("a"));
	same_int(m.entries[0].size, 5);
	same_int(m.entries[0].compression, LAYER_GZIP);
	same_str(m.media_type, MEDIA_OCI_MANIFEST);
	manifest_free(&m);
}

TEST(an_image_without_layers_is_one)
{
	struct manifest m;
	struct err e;

	ok(parse(IMAGE(CONFIG, ""), MEDIA_OCI_MANIFEST, &m, &e) == 0, "%s", e.msg);
	same_int(m.n, 0);
	manifest_free(&m);
}

TEST(digests_that_are_no_sha256_are_refused_wherever_they_stand)
{
	static const char *const bad[] = {
		"sha256:../../../../tmp/x",
		"sha256:",
		":",
		"",
		"sha512:" HEX("ab"),
		"md5:" HEX("a"),
		"sha256:" HEX("AB"),
		"sha256:" HEX("ab") "a",
		"a+b:" HEX("ab"),
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		own(str) char *layer = str_fmt(IMAGE(CONFIG, "{\"mediaType\":\"" MEDIA_OCI_LAYER
							     "\",\"size\":1,\"digest\":\"%s\"}"),
					       bad[i]);
		own(str) char *config = str_fmt(IMAGE("{\"mediaType\":\"" MEDIA_OCI_CONFIG
						      "\",\"size\":1,\"digest\":\"%s\"}",
						      ""),
						bad[i]);
		own(str) char *entry = str_fmt(INDEX("{\"mediaType\":\"" MEDIA_OCI_MANIFEST
						     "\",\"size\":1,\"digest\":\"%s\"}"),
					       bad[i]);

		refuses(layer, "digest");
		refuses(config, "digest");
		refuses_as(entry, MEDIA_OCI_INDEX, "digest");
	}
}

TEST(sizes_are_whole_and_not_negative)
{
#define SIZED(size)                                                                                \
	IMAGE(CONFIG, "{\"mediaType\":\"" MEDIA_OCI_LAYER                                          \
		      "\",\"digest\":\"" DIGEST("a") "\",\"size\":" size "}")
	refuses(SIZED("-1"), "impossible size");
	refuses(SIZED("9223372036854775807"), "impossible size");
	refuses(SIZED("1e400"), "invalid manifest");
	refuses(SIZED("1.5"), "no size");
	refuses(SIZED("\"5\""), "no size");
	refuses(SIZED("null"), "no size");
}

TEST(a_document_that_is_two_things_is_refused)
{
	static const char both[] =
		"{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[],\"manifests\":[]}";

	refuses_as(both, MEDIA_OCI_MANIFEST, "at once");
	refuses_as(both, MEDIA_OCI_INDEX, "at once");
	refuses("{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"config\":" CONFIG
		",\"layers\":[]}",
		"served as");
	refuses("{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[],\"layers\":[" LAYER "]}",
		"");
	refuses_as(INDEX(""), MEDIA_OCI_MANIFEST, "at once");
	refuses_as(IMAGE(CONFIG, ""), MEDIA_OCI_INDEX, "at once");
}

TEST(a_media_type_is_found_in_the_body_when_the_header_is_of_no_use)
{
	struct manifest m;
	struct err e;
	static const char typed[] = "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST
				    "\",\"config\":" CONFIG ",\"layers\":[]}";

	ok(parse(typed, "text/plain", &m, &e) == 0, "%s", e.msg);
	manifest_free(&m);
	ok(parse(typed, NULL, &m, &e) == 0, "%s", e.msg);
	manifest_free(&m);
	refuses_as(IMAGE(CONFIG, ""), "text/plain", "no media type of images");
	refuses_as(IMAGE(CONFIG, ""), NULL, "no media type of images");
	refuses_as(IMAGE(CONFIG, ""), "", "no media type of images");
}

TEST(what_is_no_json_is_refused)
{
	own(str) char *deep = xmalloc(200001);

	memset(deep, '[', 200000);
	deep[200000] = '\0';
	refuses(deep, "invalid manifest");
	refuses("", "invalid manifest");
	refuses("[]", "no JSON object");
	refuses(IMAGE(CONFIG, "") "x", "invalid manifest");
	refuses("\xef\xbb\xbf" IMAGE(CONFIG, ""), "invalid manifest");
	refuses("{\"schemaVersion\":1}", "schemaVersion is not 2");
}

TEST(schema_1_and_artifacts_are_named_as_what_they_are)
{
	refuses_as("{\"schemaVersion\":1,\"fsLayers\":[]}",
		   "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1");
	refuses_as("{\"schemaVersion\":1,\"fsLayers\":[]}", "application/json", "schema 1");
	refuses(IMAGE(DESC("application/vnd.oci.empty.v1+json", "e", ""), ""), "artifact");
	refuses(IMAGE(CONFIG, DESC("application/x-bzip2", "b", "")), "not supported");
}

static void chooses(const char *entries, const char *platform, const char *want)
{
	own(manifest) struct manifest m = { 0 };
	const struct descriptor *d;
	struct platform p;
	struct err e;

	if (parse(entries, MEDIA_OCI_INDEX, &m, &e) < 0 || platform_parse(platform, &p, &e) < 0) {
		ok(false, "%s", e.msg);
		return;
	}
	d = manifest_choose(&m, &p, &e);
	if (want[0] == 's')
		same_str(d ? d->digest : e.msg, want);
	else
		ok(!d && strcmp(e.msg, want) == 0, "%s: got \"%s\"", platform,
		   d ? d->digest : e.msg);
}

#define ENTRY(c, os, arch, variant) DESC(MEDIA_OCI_MANIFEST, c, PLATFORM(os, arch, variant))

TEST(the_best_variant_that_runs_is_chosen)
{
	static const char many[] = INDEX(
		ENTRY("0", "windows", "amd64", "") "," ENTRY("1", "linux", "arm", "v5") "," ENTRY(
			"2", "linux", "arm",
			"v7") "," ENTRY("3", "linux", "arm64",
					"") "," ENTRY("4", "linux", "amd64",
						      "") "," ENTRY("5", "linux", "amd64", "v3"));

	chooses(many, "linux/arm/v7", DIGEST("2"));
	chooses(many, "linux/arm/v6", DIGEST("1"));
	chooses(many, "linux/arm64", DIGEST("3"));
	chooses(many, "linux/arm64/v8", DIGEST("3"));
	chooses(many, "linux/amd64", DIGEST("4"));
	chooses(many, "linux/amd64/v2", DIGEST("4"));
	chooses(many, "linux/amd64/v3", DIGEST("5"));
	chooses(many, "linux/amd64/v4", DIGEST("5"));
	chooses(many, "x86_64", DIGEST("4"));
	chooses(many, "windows/amd64", DIGEST("0"));
	chooses(many, "linux/s390x",
		"no image for linux/s390x; available: windows/amd64, linux/arm/v5, linux/arm/v7, "
		"linux/arm64, linux/amd64, linux/amd64/v3");
}

TEST(attestations_are_never_chosen_nor_offered)
{
	static const char some[] = INDEX(ENTRY("1", "unknown", "unknown", "") "," DESC(
		MEDIA_OCI_MANIFEST, "2",
		PLATFORM("linux", "amd64", "") ",\"annotations\":{\"vnd.docker.reference.type\":"
					       "\"attestation-manifest\"}"));

	chooses(some, "linux/amd64", "no image for linux/amd64; available: none");
	chooses(INDEX(""), "linux/amd64", "no image for linux/amd64; available: none");
}

TEST(platforms_are_checked)
{
	struct platform p;
	struct err e;

	ok(platform_parse("linux/amd64/v1/x", &p, &e) < 0, "accepted");
	ok(platform_parse("linux/", &p, &e) < 0, "accepted");
	ok(platform_parse("", &p, &e) < 0, "accepted");
	ok(platform_parse("Linux/amd64", &p, &e) < 0, "accepted");
	ok(platform_parse("linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &p, &e) < 0,
	   "accepted");
	ok(platform_parse("linux/aarch64", &p, &e) == 0, "%s", e.msg);
	same_str(p.arch, "arm64");
}

#define ROOTFS(ids) "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[" ids "]}"
#define CONF(more) "{\"os\":\"linux\",\"architecture\":\"amd64\"," more "}"

static void config_refused(const char *text, const char *reason)
{
	struct image i;
	struct err e = { 0 };
	int ret = config_parse(text, strlen(text), &i, &e);

	ok(ret < 0, "accepted: %.200s", text);
	if (ret < 0)
		ok(strstr(e.msg, reason) != NULL, "%.200s: says \"%s\"", text, e.msg);
	image_free(&i);
}

TEST(a_configuration_is_read)
{
	static const char text[] =
		CONF("\"created\":\"2020-01-01T00:00:00Z\",\"config\":{\"Cmd\":[\"sh\",\"-c\"],"
		     "\"Entrypoint\":null,\"Env\":[\"A=b\"],\"User\":\"u:g\",\"WorkingDir\":\"/w\","
		     "\"Labels\":{\"k\":\"v\"},\"Volumes\":{\"/"
		     "d\":{}},\"StopSignal\":\"SIGINT\"}," ROOTFS("\"" DIGEST("a") "\""));
	own(image) struct image i = { 0 };
	struct err e = { 0 };

	ok(config_parse(text, strlen(text), &i, &e) == 0, "%s", e.msg);
	same_int(i.cmd.n, 2);
	same_str(i.cmd.n == 2 ? i.cmd.v[1] : NULL, "-c");
	same_int(i.entrypoint.n, 0);
	same_str(i.env.n ? i.env.v[0] : NULL, "A=b");
	same_str(i.user, "u:g");
	same_str(i.working_dir, "/w");
	same_str(strmap_get(&i.labels, "k"), "v");
	same_str(i.volumes.n ? i.volumes.v[0] : NULL, "/d");
	same_str(i.stop_signal, "SIGINT");
	same_str(i.layers.n ? i.layers.v[0] : NULL, DIGEST("a"));
}

TEST(configurations_that_do_not_fit_are_refused)
{
	own(manifest) struct manifest m = { 0 };
	struct image i;
	struct err e;
	static const char two[] = CONF(ROOTFS("\"" DIGEST("a") "\",\"" DIGEST("b") "\""));

	config_refused(CONF("\"rootfs\":{\"type\":\"lawyers\",\"diff_ids\":[]}"), "rootfs.type");
	config_refused(CONF("\"rootfs\":{\"diff_ids\":[]}"), "rootfs.type");
	config_refused(CONF("\"x\":1"), "rootfs");
	config_refused("{" ROOTFS("") "}", "architecture");
	config_refused(CONF(ROOTFS("\"sha256:../x\"")), "digest");
	config_refused(CONF(ROOTFS("5")), "diff_ids");
	config_refused(CONF("\"config\":{\"Cmd\":\"sh\"}," ROOTFS("")), "Cmd");
	config_refused(CONF("\"config\":{\"Env\":[1]}," ROOTFS("")), "Env");
	config_refused(CONF("\"config\":{\"User\":\"a\\u0000b\"}," ROOTFS("")), "");
	config_refused("", "");
	ok(parse(IMAGE(CONFIG, LAYER), MEDIA_OCI_MANIFEST, &m, &e) == 0, "%s", e.msg);
	ok(config_parse_for(&m, two, strlen(two), &i, &e) < 0, "accepted");
	ok(strstr(e.msg, "1 layers but 2 diff IDs") != NULL, "says %s", e.msg);
}

TEST(a_registrys_error_is_one_short_printable_line)
{
	static const char text[] = "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\\u001b[31m "
				   "way\\nat all\"}]}";
	char page[100000];
	struct err e;

	registry_error(403, text, strlen(text), &e);
	same_int(e.kind, ERR_DENIED);
	ok(strstr(e.msg, "status 403") && strstr(e.msg, "DENIED: no\\x1b[31m way\\x0aat all"),
	   "says %s", e.msg);
	memset(page, 'x', sizeof(page));
	registry_error(418, page, sizeof(page), &e);
	same_str(e.msg, "unexpected status 418");
}

int main(void)
{
	return unit_run();
}
