/* SPDX-License-Identifier: GPL-2.0-or-later */
/* registry_args.h - the options of every command that talks to a registry. */
#ifndef CADDIS_CMD_REGISTRY_ARGS_H
#define CADDIS_CMD_REGISTRY_ARGS_H

#include "cli.h"
#include "image/registry.h"
#include "spec/field.h"

/* A row of it goes into the command's own struct as member "registry". */
struct registry_args {
	const char *tls_verify, *cert_dir, *authfile;
	const char *creds, *username, *auth, *identity_token, *registry_token, *server_address;
	const char *retry_delay, *timeout, *stall_timeout;
	struct optint retry;
	bool password_stdin;
};
// clang-format off
#define REGISTRY_OPTS(struct_) \
	OPT(0, "tls-verify", "BOOL", OPT_STR, struct_, registry.tls_verify, "false: trust any certificate of the registry, and plain HTTP", "true|false"), \
	OPT(0, "cert-dir", "DIR", OPT_STR, struct_, registry.cert_dir, "directory with ca.crt, client.cert and client.key, or with a directory HOST:PORT that has them", "dir"), \
	OPT(0, "authfile", "FILE", OPT_STR, struct_, registry.authfile, "stored logins, instead of the usual files [$REGISTRY_AUTH_FILE]", "file"), \
	OPT('u', "username", "USER", OPT_STR, struct_, registry.username, "log in as USER; the password is asked for, or see --password-stdin [$CADDIS_USERNAME, $CADDIS_PASSWORD]"), \
	OPT(0, "password-stdin", NULL, OPT_BOOL, struct_, registry.password_stdin, "read the password from standard input"), \
	OPT(0, "identity-token", "TOKEN", OPT_STR, struct_, registry.identity_token, "log in with this token; -: read it from standard input [$CADDIS_IDENTITY_TOKEN]"), \
	OPT(0, "registry-token", "TOKEN", OPT_STR, struct_, registry.registry_token, "send this bearer token; -: read it from standard input [$CADDIS_REGISTRY_TOKEN]"), \
	OPT(0, "retry", "N", OPT_INT, struct_, registry.retry, "try again N times without progress in between [5]"), \
	OPT(0, "retry-delay", "DURATION", OPT_STR, struct_, registry.retry_delay, "wait so long before the first time, each time twice as long [250ms]"), \
	OPT(0, "stall-timeout", "DURATION", OPT_STR, struct_, registry.stall_timeout, "give a connection up that brings less than 1 kB/s for so long [60s]"), \
	OPT(0, "timeout", "DURATION", OPT_STR, struct_, registry.timeout, "give all of it up after so long")
/* Only where one image is named, on the command line. */
#define REGISTRY_IMAGE_OPTS(struct_) \
	OPT(0, "creds", "USER[:PASSWORD]", OPT_STR, struct_, registry.creds, "log in with these; others see them in the process list"), \
	OPT(0, "auth", "BASE64", OPT_STR, struct_, registry.auth, "the same as base64 of USER:PASSWORD; -: read it from standard input [$CADDIS_AUTH]"), \
	OPT(0, "server-address", "REGISTRY", OPT_STR, struct_, registry.server_address, "the credentials are for this registry only [$CADDIS_SERVER_ADDRESS]")
// clang-format on

/*
 * Reads what is to be read (standard input, a terminal, the environment), checks all of it, and
 * fills in *out, which borrows from a and given. own: given must live as long as out.
 */
int registry_args(const struct registry_args *a, struct auth *given, struct registry_options *out,
		  struct err *e);

#endif
