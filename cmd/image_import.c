/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_import.h"

#include <stdio.h>

#include "base/json.h"
#include "image/import.h"
#include "image_limits.h"

// clang-format off
const struct opt image_import_opts[] = {
	OPT(0, "cmd", "WORD", OPT_LIST, struct image_import_args, cmd, "default command; repeat it for each word, or give a JSON list"),
	OPT(0, "entrypoint", "WORD", OPT_LIST, struct image_import_args, entrypoint, "what always comes first on the command line; as --cmd"),
	OPT('e', "env", "KEY=VALUE", OPT_LIST, struct image_import_args, env, "set a variable of the environment"),
	OPT(0, "label", "KEY=VALUE", OPT_MAP, struct image_import_args, labels, "add a label"),
	OPT('u', "user", "USER[:GROUP]", OPT_STR, struct image_import_args, user, "user of the command"),
	OPT('w', "workdir", "DIR", OPT_STR, struct image_import_args, workdir, "directory of the command"),
	OPT(0, "stop-signal", "SIGNAL", OPT_STR, struct image_import_args, stop_signal, "what asks the command to stop"),
	OPT(0, "platform", "OS/ARCH[/VARIANT]", OPT_STR, struct image_import_args, platform, "what it runs on, if not this machine's platform"),
	LIMIT_OPT(struct image_import_args),
	OPT_END,
};
// clang-format on

/* ["sh", "-c", "x"] in one option is the list itself; else each option is a word. */
static int words(const struct strv *given, const char *option, struct strv *out, struct err *e)
{
	own(json) struct json_object *j = NULL;

	if (given->n != 1 || given->v[0][0] != '[') {
		strv_copy(out, given);
		return 0;
	}
	j = json_parse(option, given->v[0], strlen(given->v[0]), e);
	if (!json_object_is_type(j, json_type_array))
		return err_set(e, ERR_USAGE, "%s: expected a JSON list of texts", option);
	for (size_t i = 0; i < json_object_array_length(j); i++) {
		struct json_object *word = json_object_array_get_idx(j, i);

		if (!json_object_is_type(word, json_type_string))
			return err_set(e, ERR_USAGE, "%s: expected a JSON list of texts", option);
		strv_add(out, json_object_get_string(word));
	}
	return 0;
}

/* KEY=VALUE; KEY alone takes the value of our own environment, and nothing if there is none. */
static int variables(const struct strv *given, struct strv *out, struct err *e)
{
	for (size_t i = 0; i < given->n; i++) {
		const char *s = given->v[i], *value;

		if (*s == '\0' || *s == '=')
			return err_set(e, ERR_USAGE, "--env: expected KEY=VALUE, found \"%.100s\"",
				       s);
		value = strchr(s, '=') ? NULL : getenv(s);
		if (strchr(s, '='))
			strv_add(out, s);
		else if (value)
			strv_take(out, str_fmt("%s=%s", s, value));
	}
	return 0;
}

static void options_free(struct image_import_options *o)
{
	strv_free(&o->cmd);
	strv_free(&o->entrypoint);
	strv_free(&o->env);
	strmap_free(&o->labels);
}
OWNED_STRUCT(options, struct image_import_options, options_free)

int image_import_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_import_args *a = args;
	own(options) struct image_import_options o = { 0 };
	own(image) struct image image = { 0 };
	struct layer_limits limits;
	struct err e;

	(void)n;
	o.limits = &limits;
	o.user = a->user;
	o.working_dir = a->workdir;
	o.stop_signal = a->stop_signal;
	o.platform = a->platform;
	strmap_copy(&o.labels, &a->labels);
	if (image_limits(&a->limits, &limits, &e) < 0 || words(&a->cmd, "--cmd", &o.cmd, &e) < 0 ||
	    words(&a->entrypoint, "--entrypoint", &o.entrypoint, &e) < 0 ||
	    variables(&a->env, &o.env, &e) < 0 ||
	    image_import(&cli->store, operands[0], operands[1], &o, &image, &e) < 0)
		return cli_error(cli, &e);
	printf("%s\n", image.id);
	return cli_done(cli, 0);
}
