/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/certs.h"

#include <sys/stat.h>

#include "base/str.h"

static const char *const places[] = { "/etc/caddis/certs.d", "/etc/containers/certs.d",
				      "/etc/docker/certs.d" };

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* dir/host if there is such a directory. The host is a checked one: no slash, not "..". */
static char *host_dir(const char *dir, const char *host)
{
	own(str) char *path = str_fmt("%s/%s", dir, host);

	return is_dir(path) ? ptr_steal(path) : NULL;
}

static char *file_in(const char *dir, const char *name)
{
	own(str) char *path = str_fmt("%s/%s", dir, name);

	return access(path, F_OK) == 0 ? ptr_steal(path) : NULL;
}

int certs_find(const char *dir, const char *host, struct certs *out, struct err *e)
{
	own(str) char *found = NULL;

	*out = (struct certs){ 0 };
	if (dir && !is_dir(dir))
		return err_set(e, ERR_USAGE, "certificates: %s is no directory", dir);
	if (dir) {
		found = host_dir(dir, host);
		found = found ? found : xstrdup(dir);
	}
	for (size_t i = 0; !found && i < ARRAY_LEN(places); i++)
		found = host_dir(places[i], host);
	if (!found)
		return 0;
	out->ca = file_in(found, "ca.crt");
	out->cert = file_in(found, "client.cert");
	out->key = file_in(found, "client.key");
	if (!out->cert == !out->key)
		return 0;
	err_set(e, ERR_FAIL, "certificates: %s has client.%s but no client.%s", found,
		out->cert ? "cert" : "key", out->cert ? "key" : "cert");
	certs_free(out);
	return -1;
}

void certs_free(struct certs *c)
{
	free(c->ca);
	free(c->cert);
	free(c->key);
	*c = (struct certs){ 0 };
}
