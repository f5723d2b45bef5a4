/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "opt.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/image.h"
#include "network/cni.h"
#include "network/config.h"
#include "store/record.h"

static void add_records(struct store *s, enum record_kind kind, struct strv *out)
{
	own(strv) struct strv ids = { 0 };
	struct err e;

	if (record_list(s, kind, &ids, &e) < 0)
		return;
	for (size_t i = 0; i < ids.n; i++)
		strv_take(out, record_label(s, kind, ids.v[i]));
}

/* "app:", for a path to follow. */
static void add_containers_of_paths(struct store *s, struct strv *out)
{
	own(strv) struct strv names = { 0 };

	add_records(s, RECORD_CONTAINER, &names);
	for (size_t i = 0; i < names.n; i++)
		strv_take(out, str_fmt("%s:", names.v[i]));
}

/* As people write it, unless they have begun to write all of it. */
static const char *familiar(const char *name, const char *prefix)
{
	static const char *const implied[] = { "docker.io/library/", "docker.io/" };

	if (str_some(prefix) && str_starts(name, prefix))
		return name;
	for (size_t i = 0; i < ARRAY_LEN(implied); i++)
		if (str_starts(name, implied[i]))
			return name + strlen(implied[i]);
	return name;
}

static void add_images(struct store *s, const char *prefix, struct strv *out)
{
	struct image *images = NULL;
	size_t n = 0;
	struct err e;

	if (image_list(s, &images, &n, &e) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < images[i].names.n; j++)
			strv_add(out, familiar(images[i].names.v[j], prefix));
		image_free(&images[i]);
	}
	free(images);
}

/* A store that is not there yet is not made by pressing TAB. */
static bool exists(const char *option, const char *variable, const char *otherwise)
{
	const char *env = getenv(variable);

	return access(option ? option : str_some(env) ? env : otherwise, F_OK) == 0;
}

static void add_networks(struct store *s, struct strv *out)
{
	own(strv) struct strv paths = { 0 };
	struct err ignored;

	(void)network_names(s, out, &ignored);
	if (cni_conf_files(cni_conf_dir(), &paths, &ignored) < 0)
		return;
	for (size_t i = 0; i < paths.n; i++) {
		own(cni_conf) struct cni_conf c = { 0 };

		if (cni_conf_load(paths.v[i], &c, &ignored) == 0 && !strv_has(out, c.name))
			strv_add(out, c.name);
	}
}

void complete_names(const char *kind, const char *prefix, const char *root, const char *state,
		    struct strv *out)
{
	own(store) struct store s = { .root = -1, .state = -1 };
	struct err e;

	if (!exists(root, "CADDIS_ROOT", STORE_ROOT_DEFAULT) ||
	    !exists(state, "CADDIS_STATE", STORE_STATE_DEFAULT) ||
	    store_open(root, state, 0, &s, &e) < 0)
		return;
	if (str_eq(kind, "sandbox"))
		add_records(&s, RECORD_SANDBOX, out);
	else if (str_eq(kind, "container"))
		add_records(&s, RECORD_CONTAINER, out);
	else if (str_eq(kind, "container-path"))
		add_containers_of_paths(&s, out);
	else if (str_eq(kind, "image"))
		add_images(&s, prefix, out);
	else if (str_starts(kind, "network"))
		add_networks(&s, out);
	if (str_eq(kind, "network-mode")) {
		strv_add(out, "none");
		strv_add(out, "host");
	}
	strv_sort(out);
}
