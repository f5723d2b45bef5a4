/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image_login.c - image login, image logout. */
#include "image_pull.h"

#include <stdio.h>

#include "image/auth_file.h"
#include "progress.h"

// clang-format off
const struct opt image_login_opts[] = {
	REGISTRY_OPTS(struct image_login_args),
	OPT_END,
};
const struct opt image_logout_opts[] = {
	OPT('a', "all", NULL, OPT_BOOL, struct image_logout_args, all, "forget the logins to all registries"),
	OPT(0, "authfile", "FILE", OPT_STR, struct image_logout_args, authfile, "the file with the logins, instead of the usual ones [$REGISTRY_AUTH_FILE]", "file"),
	OPT_END,
};
// clang-format on

/* "reg.io:5000" or "reg.io/team" as a repository there; any name below will do for the first. */
static int parse_server(const char *operand, char **server, struct ref *ref, struct err *e)
{
	own(str) char *name = NULL;

	*server = auth_server(operand);
	name = str_fmt("%s%s:latest", *server, strchr(*server, '/') ? "" : "/login");
	if (ref_parse(name, ref, e) == 0 && str_starts(*server, ref->domain))
		return 0;
	return err_set(e, ERR_USAGE, "\"%.100s\" is not a registry", operand);
}

/* The password is asked for before anything else happens. */
static int credentials(const struct registry_args *a, struct auth *given,
		       struct registry_options *o, struct err *e)
{
	if (registry_args(a, given, o, e) < 0)
		return -1;
	if (!auth_empty(given))
		return 0;
	err_set(e, ERR_USAGE, "nothing to log in with");
	return err_hint(e, "give --username and --password-stdin, or --identity-token");
}

static int login(const char *operand, const struct registry_args *a, char **where, char **server,
		 struct err *e)
{
	own(progress) struct progress progress = { 0 };
	own(auth) struct auth given = { 0 };
	own(ref) struct ref ref = { 0 };
	own(registry) struct registry *r = NULL;
	own(registry_conn) struct registry_conn *c = NULL;
	struct registry_options o = { .auth.notes = { progress_note, &progress }, .push = false };

	progress_init(&progress);
	if (parse_server(operand, server, &ref, e) < 0 || credentials(a, &given, &o, e) < 0)
		return -1;
	/* They are for this one, whatever it is called in the environment. */
	str_set(&given.server_address, ref.domain);
	if (registry_open(&ref, &o, &r, e) < 0 || registry_connect(r, &c, e) < 0 ||
	    registry_ping(c, e) < 0)
		return -1;
	str_set(&given.server_address, NULL);
	return auth_file_login(a->authfile, *server, &given, where, e);
}

int image_login_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_login_args *a = args;
	own(str) char *where = NULL;
	own(str) char *server = NULL;
	struct err e;

	(void)n;
	if (login(operands[0], &a->registry, &where, &server, &e) < 0)
		return cli_error(cli, &e);
	printf("logged in to %s (%s)\n", server, where);
	return cli_done(cli, 0);
}

int image_logout_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_logout_args *a = args;
	own(str) char *server = n ? auth_server(operands[0]) : NULL;
	own(strv) struct strv removed = { 0 };
	struct err e;

	if (a->all == (n > 0))
		return cli_usage(cli, "expected a registry, or --all");
	if (auth_file_logout(a->authfile, server, &removed, &e) < 0)
		return cli_error(cli, &e);
	for (size_t i = 0; i < removed.n; i++)
		printf("logged out of %s\n", removed.v[i]);
	return cli_done(cli, 0);
}
