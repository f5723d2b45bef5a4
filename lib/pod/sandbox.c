/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pod/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "executor/cgroup.h"
#include "pod/container.h"
#include "pod/event.h"
#include "pod/resources.h"
#include "pod/sandbox_ns.h"
#include "pod/userns.h"

static const struct field sandbox_record_fields[] = {
	FIELD(struct sandbox_record, config, FIELD_OBJ, .sub = &cri_sandbox_config_table),
	FIELD(struct sandbox_record, ephemeral, FIELD_BOOL),
};
FIELD_TABLE(sandbox_record_table, "sandbox", struct sandbox_record, FIELDS_STRICT,
	    sandbox_record_fields);

static const struct field sandbox_status_fields[] = {
	FIELD(struct sandbox_status, created_at, FIELD_INT),
	FIELD(struct sandbox_status, stopped, FIELD_BOOL),
};
FIELD_TABLE(sandbox_status_table, "sandbox status", struct sandbox_status, FIELDS_STRICT,
	    sandbox_status_fields);

void sandbox_free(struct sandbox *sb)
{
	fields_free(&sandbox_record_table, &sb->record);
	fields_free(&sandbox_status_table, &sb->status);
	network_status_free(&sb->network);
	fields_free(&cri_resources_table, &sb->resources);
}

char *sandbox_ns_path(const struct store *s, const char *id, const char *type)
{
	return str_fmt("%s/sandboxes/%s/ns%s%s", s->state_path, id, type ? "/" : "",
		       type ? type : "");
}

char *sandbox_cgroup(const struct sandbox_record *r, const char *id)
{
	const char *parent = r->config.linux_.cgroup_parent;
	size_t n;

	if (!str_some(parent))
		parent = "/caddis";
	n = strlen(parent);
	while (n > 0 && parent[n - 1] == '/')
		n--;
	return str_fmt("%.*s/%s", (int)n, parent, id);
}

static int make_cgroup(const struct record *r, const struct sandbox_record *rec,
		       const struct cri_resources *limits, struct err *e)
{
	own(str) char *cgroup = sandbox_cgroup(rec, r->id);
	struct oci_resources res = { 0 };
	int rc;

	resources_of_sandbox(limits, rec->config.linux_.overhead, &res);
	rc = cgroup_create(cgroup, &res, e);
	fields_free(&oci_resources_table, &res);
	return rc;
}

/* What makes it Ready: all that the record owns in the kernel, and the files that tell of it.
 * limits NULL: none. */
static int make_ready(struct store *s, struct record *r, const struct sandbox_record *rec,
		      const struct cri_resources *limits, struct err *e)
{
	own(network_status) struct network_status net = { 0 };

	if (((limits || rec->config.linux_.overhead) && make_cgroup(r, rec, limits, e) < 0) ||
	    sandbox_ns_create(s, r->id, rec, e) < 0 ||
	    sandbox_network_attach(s, r, &rec->config, &net, e) < 0)
		return -1;
	return sandbox_write_files(r->dir, &rec->config, &net, e);
}

static int publish(struct store *s, struct record *r, const struct sandbox_record *rec,
		   struct err *e)
{
	if (fields_save(&sandbox_record_table, r->dir, "config.json", rec, false, e) < 0)
		return -1;
	if (mkdirat(r->dir, "containers", 0700) < 0)
		return err_sys(e, "sandbox %.12s", r->id);
	if (str_some(rec->config.log_directory) &&
	    path_mkdirs(rec->config.log_directory, 0755, e) < 0)
		return err_in(e, "log directory");
	if (record_publish(s, r, e) < 0)
		return -1;
	if (str_some(rec->config.metadata.name) &&
	    record_name(s, r, "", rec->config.metadata.name, e) < 0)
		return -1;
	return make_ready(s, r, rec, rec->config.linux_.resources, e);
}

int sandbox_commit(struct store *s, struct record *r, const struct sandbox_record *rec,
		   struct err *e)
{
	struct sandbox_status status = { .created_at = clock_now() };

	if (record_commit(s, r, &sandbox_status_table, &status, e) < 0)
		return -1;
	sandbox_event(s, "created", r->id, rec);
	return 0;
}

/* Before the configuration is written, which then says which ids they are. */
static int lease_ids(struct store *s, const struct record *r, struct sandbox_record *rec,
		     struct err *e)
{
	struct cri_namespace_options *ns = &rec->config.linux_.security_context.namespace_options;

	return userns_wanted(ns) ? userns_lease(s, r->id, ns->userns_options, e) : 0;
}

int sandbox_create(struct store *s, const struct cri_sandbox_config *config, bool ephemeral,
		   struct record *hold, char id[ID_SIZE], struct err *e)
{
	struct sandbox_record rec = { .ephemeral = ephemeral };
	own(record) struct record r = RECORD_NONE;
	int rc;

	if (sandbox_check(config, e) < 0 || sandbox_network_check(s, config, e) < 0 ||
	    record_begin(s, RECORD_SANDBOX, &r, e) < 0)
		return -1;
	fields_copy(&cri_sandbox_config_table, &rec.config, config);
	if (!str_some(rec.config.hostname)) {
		char short_id[13];

		snprintf(short_id, sizeof(short_id), "%.12s", r.id);
		str_set(&rec.config.hostname,
			str_some(config->metadata.name) ? config->metadata.name : short_id);
	}
	snprintf(id, ID_SIZE, "%s", r.id);
	rc = lease_ids(s, &r, &rec, e);
	if (rc == 0)
		rc = publish(s, &r, &rec, e);
	if (rc == 0 && !hold)
		rc = sandbox_commit(s, &r, &rec, e);
	fields_free(&sandbox_record_table, &rec);
	if (rc < 0) {
		struct err second; /* the first error is the one to tell; the sweep retries */

		record_discard(s, &r, &second);
		return -1;
	}
	if (hold) {
		*hold = r;
		r = (struct record)RECORD_NONE;
	}
	return 0;
}

int sandbox_load(struct store *s, const char *id, struct sandbox *out, struct err *e)
{
	own(record) struct record r = RECORD_NONE;

	*out = (struct sandbox){ 0 };
	if (record_open(s, RECORD_SANDBOX, id, false, &r, e) < 0)
		return -1;
	snprintf(out->id, sizeof(out->id), "%s", id);
	if (fields_load(&sandbox_record_table, r.dir, "config.json", &out->record, e) < 0 ||
	    fields_load(&sandbox_status_table, r.dir, "status.json", &out->status, e) < 0 ||
	    network_load(r.dir, &out->network, e) < 0) {
		sandbox_free(out);
		return err_in(e, "sandbox %.12s", id);
	}
	if (sandbox_load_resources(r.dir, out, e) < 0) {
		sandbox_free(out);
		return err_in(e, "sandbox %.12s", id);
	}
	out->ready = !out->status.stopped && sandbox_ns_ready(s, id, &out->record.config);
	return 0;
}

int sandbox_containers(int dir, struct strv *ids, struct err *e)
{
	own(fd) int fd = openat(dir, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	own(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "its containers");
	fd_steal(&fd);
	for (;;) {
		struct dirent *de;

		errno = 0;
		de = readdir(d);
		if (!de)
			return errno ? err_sys(e, "its containers") : 0;
		if (id_valid(de->d_name))
			strv_add(ids, de->d_name);
	}
}

/* Nothing of an earlier life is left. */
static int clear(struct store *s, const struct record *r, struct err *e)
{
	if (sandbox_network_detach(s, r->id, r->dir, e) < 0 || sandbox_ns_drop(s, r->id, e) < 0)
		return -1;
	return record_remove_run_dir(s, RECORD_SANDBOX, r->id, e);
}

/* Only when its namespaces went without it, as when somebody unmounts them. */
static int check_idle(struct store *s, const struct record *r, struct err *e)
{
	own(strv) struct strv ids = { 0 };

	if (sandbox_containers(r->dir, &ids, e) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++) {
		own(container) struct container c = { 0 };
		struct err gone;

		if (container_load(s, ids.v[i], &c, &gone) == 0 &&
		    c.status.state == CONTAINER_RUNNING)
			return err_set(e, ERR_STATE, "its container %s runs still; stop it first",
				       container_name(&c));
	}
	return 0;
}

static int start(struct store *s, struct record *r, struct sandbox *sb, struct err *e)
{
	struct err second;

	if (check_idle(s, r, e) < 0 || clear(s, r, e) < 0 ||
	    sandbox_network_check(s, &sb->record.config, e) < 0)
		return -1;
	/* Half ready is not ready, should we be killed. */
	sb->status.stopped = true;
	if (record_set_status(r, &sandbox_status_table, &sb->status, e) < 0)
		return -1;
	sb->status.stopped = false;
	if (lease_ids(s, r, &sb->record, e) == 0 &&
	    make_ready(s, r, &sb->record, &sb->resources, e) == 0 &&
	    record_set_status(r, &sandbox_status_table, &sb->status, e) == 0)
		return 0;
	(void)clear(s, r, &second);
	return -1;
}

int sandbox_start(struct store *s, const char *id, struct err *e)
{
	own(record) struct record r = RECORD_NONE;
	own(sandbox) struct sandbox sb = { 0 };

	if (record_open(s, RECORD_SANDBOX, id, true, &r, e) < 0 || sandbox_load(s, id, &sb, e) < 0)
		return -1;
	if (sb.ready)
		return 0;
	if (start(s, &r, &sb, e) < 0)
		return err_in(e, "sandbox %.12s", id);
	sandbox_event(s, "started", id, &sb.record);
	return 0;
}

static void say_stopped(struct store *s, const struct record *r)
{
	struct sandbox_record rec = { 0 };
	struct err ignored;

	if (fields_load(&sandbox_record_table, r->dir, "config.json", &rec, &ignored) == 0)
		sandbox_event(s, "stopped", r->id, &rec);
	fields_free(&sandbox_record_table, &rec);
}

/* What is not there any more needs no end. The first error, when all have had their turn. */
static int stop_members(struct store *s, const struct strv *ids, int64_t timeout_ns, struct err *e)
{
	struct err *each = xcalloc(ids->n + 1, sizeof(*each));
	int rc = 0;

	container_stop_all(s, ids, timeout_ns, each);
	for (size_t i = 0; i < ids->n && rc == 0; i++) {
		if (!each[i].msg[0] || each[i].kind == ERR_NOT_FOUND)
			continue;
		*e = each[i];
		rc = -1;
	}
	free(each);
	return rc;
}

int sandbox_stop(struct store *s, const char *id, int64_t timeout_ns, struct err *e)
{
	own(record) struct record r = RECORD_NONE;
	own(strv) struct strv ids = { 0 };
	struct sandbox_status status = { 0 };
	struct err other;
	bool was_stopped;
	int detached;

	if (record_open(s, RECORD_SANDBOX, id, false, &r, e) < 0 ||
	    sandbox_containers(r.dir, &ids, e) < 0)
		return -1;
	if (stop_members(s, &ids, timeout_ns, e) < 0)
		return -1;
	record_close(&r);
	if (record_open(s, RECORD_SANDBOX, id, true, &r, e) < 0 ||
	    fields_load(&sandbox_status_table, r.dir, "status.json", &status, e) < 0)
		return -1;
	/* A plugin that fails does not keep it from being stopped; the next stop or rm tries again.
	 */
	detached = sandbox_network_detach(s, id, r.dir, e);
	if (sandbox_ns_drop(s, id, detached < 0 ? &other : e) < 0)
		return -1;
	was_stopped = status.stopped;
	status.stopped = true;
	if (record_set_status(&r, &sandbox_status_table, &status, detached < 0 ? &other : e) < 0)
		return -1;
	if (!was_stopped)
		say_stopped(s, &r);
	return detached;
}

int sandbox_remove(struct store *s, const char *id, struct err *e)
{
	own(record) struct record r = RECORD_NONE;

	/* The rename in record_discard() is the commit point; pod_release() then ends its
	 * containers. */
	if (record_open(s, RECORD_SANDBOX, id, true, &r, e) < 0)
		return -1;
	return record_discard(s, &r, e);
}
