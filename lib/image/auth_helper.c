/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/auth_helper.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/run.h"

#define TIMEOUT (30 * NSEC_PER_SEC)
#define OUTPUT_MAX (64 << 10)
#define TOKEN_USER "<token>" /* the secret is an identity token */

/* What helpers need of our environment: how to find their key ring, their cloud, their proxy. */
static const char *const passed[] = {
	"PATH=",
	"HOME=",
	"USER=",
	"LOGNAME=",
	"LANG=",
	"LC_",
	"TZ=",
	"TMPDIR=",
	"XDG_",
	"DBUS_",
	"GNUPG",
	"GPG_",
	"PASSWORD_STORE_",
	"AWS_",
	"GOOGLE_",
	"CLOUDSDK_",
	"AZURE_",
	"ECR_",
	"DOCKER_CONFIG=",
	"SSL_CERT_",
	"http_proxy=",
	"https_proxy=",
	"no_proxy=",
	"all_proxy=",
	"HTTP_PROXY=",
	"HTTPS_PROXY=",
	"NO_PROXY=",
	"ALL_PROXY=",
};

static void environment(struct strv *out)
{
	for (char **v = environ; *v; v++)
		for (size_t i = 0; i < ARRAY_LEN(passed); i++)
			if (str_starts(*v, passed[i])) {
				strv_add(out, *v);
				break;
			}
	strv_add(out, "CADDIS=1"); /* never an empty one */
}

/* Docker's helpers know its registry by its old address. */
static const char *address_of(const char *server)
{
	return str_eq(server, "docker.io") ? "https://index.docker.io/v1/" : server;
}

static int check_name(const char *helper, struct err *e)
{
	for (const char *p = helper; *p; p++)
		if (!isascii(*p) || (!isalnum((unsigned char)*p) && !strchr("._-", *p)))
			return err_set(e, ERR_USAGE,
				       "credential helper \"%.60s\": not a helper's name", helper);
	return *helper ? 0 : err_set(e, ERR_USAGE, "the name of a credential helper is empty");
}

/* Runs VERB with input. 1: it says that it has no such credentials. out: wiped by the caller. */
static int ask(const char *helper, const char *verb, const char *input, struct buf *out,
	       struct err *e)
{
	own(str) char *program = str_fmt("docker-credential-%s", helper);
	char *argv[] = { program, NULL, NULL };
	own(str) char *word = xstrdup(verb);
	own(strv) struct strv env = { 0 };
	own(str) char *said = NULL;
	struct run r = { .argv = argv, .output_max = OUTPUT_MAX, .timeout = TIMEOUT };
	int ret;

	if (check_name(helper, e) < 0)
		return -1;
	environment(&env);
	argv[1] = word;
	r.envp = env.v;
	r.input = input;
	r.input_len = strlen(input);
	ret = run_program(&r, e);
	*out = r.output;
	if (ret < 0) {
		err_in(e, "credential helper");
		if (e->kind == ERR_NOT_FOUND)
			err_hint(e, "install it, or take it out of the auth file");
		return -1;
	}
	if (r.status == 0)
		return 0;
	if (out->s && strstr(out->s, "credentials not found"))
		return 1;
	/* Its message; the verb that failed has not printed a secret. */
	said = out->s ? str_printable(out->s, MIN(strcspn(out->s, "\n"), (size_t)200)) : NULL;
	return err_set(e, ERR_FAIL, "credential helper %s: status %d%s%.300s", program, r.status,
		       str_some(said) ? ": " : "", said ? said : "");
}

static void buf_wipe(struct buf *b)
{
	if (b->s)
		explicit_bzero(b->s, b->len);
	buf_free(b);
}
OWNED_STRUCT(secret_buf, struct buf, buf_wipe)

int auth_helper_get(const char *helper, const char *server, struct auth *out, struct err *e)
{
	own(secret_buf) struct buf reply = { 0 };
	own(json) struct json_object *j = NULL;
	const char *user, *secret;
	int ret = ask(helper, "get", address_of(server), &reply, e);

	if (ret)
		return ret < 0 ? -1 : 0;
	j = json_parse("its reply", reply.s ? reply.s : "", reply.len, e);
	user = json_object_is_type(j, json_type_object) ? json_get_str(j, "Username") : NULL;
	secret = user ? json_get_str(j, "Secret") : NULL;
	if (!secret)
		return err_set(e, ERR_FAIL,
			       "credential helper docker-credential-%s: its reply is no JSON with "
			       "Username and Secret",
			       helper);
	if (!*user && !*secret)
		return 0;
	if (str_eq(user, TOKEN_USER)) {
		str_set(&out->identity_token, secret);
	} else {
		str_set(&out->username, user);
		str_set(&out->password, secret);
	}
	return 0;
}

int auth_helper_store(const char *helper, const char *server, const struct auth *a, struct err *e)
{
	own(json) struct json_object *j = json_object_new_object();
	own(secret_buf) struct buf text = { 0 };
	own(secret_buf) struct buf reply = { 0 };
	int ret;

	json_object_object_add(j, "ServerURL", json_object_new_string(address_of(server)));
	json_object_object_add(
		j, "Username",
		json_object_new_string(a->identity_token ? TOKEN_USER : a->username));
	json_object_object_add(
		j, "Secret",
		json_object_new_string(a->identity_token ? a->identity_token : a->password));
	json_print(j, &text);
	ret = ask(helper, "store", text.s, &reply, e);
	if (ret > 0)
		return err_set(e, ERR_FAIL, "credential helper %s does not store anything", helper);
	return ret;
}

int auth_helper_erase(const char *helper, const char *server, struct err *e)
{
	own(secret_buf) struct buf reply = { 0 };
	int ret = ask(helper, "erase", address_of(server), &reply, e);

	if (ret > 0)
		return err_set(e, ERR_NOT_FOUND, "credential helper %s has nothing for %s", helper,
			       server);
	return ret;
}
