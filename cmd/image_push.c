/* SPDX-License-Identifier: GPL-2.0-or-later */
/* caddis image push, copy: images to a registry. */
#include "image_pull.h"

#include <stdio.h>

#include "image/push.h"

// clang-format off
const struct opt image_push_opts[] = {
	OPT(0, "mount-from", "REPOSITORY", OPT_STR, struct image_push_args, mount_from, "a repository of the same registry that may have the layers already"),
	OPT(0, "chunk-size", "SIZE", OPT_STR, struct image_push_args, chunk, "send blobs in pieces of this size, not in one"),
	OPT('q', "quiet", NULL, OPT_BOOL, struct image_push_args, quiet, "show no progress"),
	REGISTRY_IMAGE_OPTS(struct image_push_args),
	REGISTRY_OPTS(struct image_push_args),
	OPT_END,
};
const struct opt image_copy_opts[] = {
	OPT(0, "platform", "OS/ARCH[/VARIANT]", OPT_STR, struct image_copy_args, platform, "only the image for this platform, not all of an index"),
	OPT(0, "from-creds", "USER[:PASSWORD]", OPT_STR, struct image_copy_args, from_creds, "log in to the source with these; others see them in the process list"),
	OPT(0, "to-creds", "USER[:PASSWORD]", OPT_STR, struct image_copy_args, to_creds, "log in to the destination with these; others see them in the process list"),
	OPT(0, "from-tls-verify", "BOOL", OPT_STR, struct image_copy_args, from_tls, "--tls-verify for the source only", "true|false"),
	OPT(0, "to-tls-verify", "BOOL", OPT_STR, struct image_copy_args, to_tls, "--tls-verify for the destination only", "true|false"),
	OPT(0, "mount-from", "REPOSITORY", OPT_STR, struct image_copy_args, mount_from, "a repository of the destination's registry that may have the layers already"),
	OPT(0, "chunk-size", "SIZE", OPT_STR, struct image_copy_args, chunk, "send blobs in pieces of this size, not in one"),
	OPT('q', "quiet", NULL, OPT_BOOL, struct image_copy_args, quiet, "show no progress"),
	REGISTRY_OPTS(struct image_copy_args),
	OPT_END,
};
// clang-format on

static void show(void *ctx, const char *digest, int64_t size, const char *how)
{
	char text[32];

	(void)ctx;
	str_size_format(size, text, sizeof(text));
	fprintf(stderr, "blob %.12s, %s: %s\n", digest + 7, text, how);
}

static int chunk_size(const char *value, int64_t *out, struct err *e)
{
	*out = 0;
	if (value && (str_to_size(value, out) < 0 || *out < 4096))
		return err_set(e, ERR_USAGE, "--chunk-size %.40s: not a size of at least 4K",
			       value);
	return 0;
}

int image_push_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_push_args *a = args;
	struct push_options o = { .mount_from = a->mount_from, .progress = a->quiet ? NULL : show };
	own(auth) struct auth given = { 0 };
	char digest[DIGEST_SIZE];
	struct err e;

	if (chunk_size(a->chunk, &o.chunk, &e) < 0 ||
	    registry_args(&a->registry, &given, &o.to, &e) < 0 ||
	    image_push(&cli->store, operands[0], n > 1 ? operands[1] : NULL, &o, digest, &e) < 0)
		return cli_error(cli, &e);
	printf("%s\n", digest);
	return cli_done(cli, 0);
}

/* One side of a copy: what is for both, and its own. */
static int side(const struct image_copy_args *a, const char *creds, const char *tls,
		struct registry_args *args, struct auth *given, struct registry_options *out,
		struct err *e)
{
	*args = a->registry;
	args->creds = creds;
	if (tls)
		args->tls_verify = tls;
	return registry_args(args, given, out, e);
}

int image_copy_run(struct cli *cli, const void *args, char **operands, size_t n)
{
	const struct image_copy_args *a = args;
	struct push_options o = {
		.mount_from = a->mount_from,
		.platform = a->platform,
		.progress = a->quiet ? NULL : show,
	};
	struct registry_args from, to;
	own(auth) struct auth from_auth = { 0 }, to_auth = { 0 };
	char digest[DIGEST_SIZE];
	struct err e;

	(void)n;
	if (chunk_size(a->chunk, &o.chunk, &e) < 0 ||
	    side(a, a->from_creds, a->from_tls, &from, &from_auth, &o.from, &e) < 0 ||
	    side(a, a->to_creds, a->to_tls, &to, &to_auth, &o.to, &e) < 0 ||
	    image_copy(&cli->store, operands[0], operands[1], &o, digest, &e) < 0)
		return cli_error(cli, &e);
	printf("%s\n", digest);
	return cli_done(cli, 0);
}
