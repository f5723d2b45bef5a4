/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making a container's record; nothing runs yet. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "executor/idmap.h"
#include "image/image.h"
#include "pod/cdi.h"
#include "pod/container.h"
#include "pod/container_ns.h"
#include "pod/event.h"
#include "pod/mounts.h"
#include "pod/security.h"

/* Kubernetes' rules: command replaces entrypoint and cmd, args alone replace cmd. */
static int choose_args(const struct cri_container_config *c, const struct image *img,
		       struct strv *args, struct err *e)
{
	strv_copy(args, c->command.n ? &c->command : &img->entrypoint);
	const struct strv *rest = c->args.n || c->command.n ? &c->args : &img->cmd;

	for (size_t i = 0; i < rest->n; i++)
		strv_add(args, rest->v[i]);
	if (!args->n) {
		err_set(e, ERR_USAGE, "no command: image %.200s has none", c->image.image);
		return err_hint(e, "name one after the image");
	}
	return 0;
}

static int stop_signal(const struct cri_container_config *c, const struct image *img, int64_t *out,
		       struct err *e)
{
	const char *name = str_some(c->stop_signal) ? c->stop_signal : img->stop_signal;
	int sig = str_some(name) ? signal_parse(name) : SIGTERM;

	if (sig < 1)
		return err_set(e, ERR_USAGE, "stop signal '%.40s': there is none such", name);
	*out = sig;
	return 0;
}

/*
 * Where the log goes: below the sandbox's log directory, or in the container's own directory. A
 * file for crictl may have a log path all the same, which CRI runtimes do without.
 */
static int set_log(const struct store *s, const struct sandbox *sb, const char *id, bool need_dir,
		   struct container_record *rec, struct err *e)
{
	const char *dir = sb->record.config.log_directory;
	const char *name = rec->config.metadata.name;

	if (need_dir && !str_some(dir)) {
		err_set(e, ERR_USAGE, "log path '%.200s': the sandbox has no log directory",
			rec->config.log_path);
		return err_hint(e, "create it with --log-directory");
	}
	rec->log_dir = str_some(dir) ? xstrdup(dir) : str_fmt("%s/containers/%s", s->root_path, id);
	if (!str_some(dir))
		rec->log_name = xstrdup("ctr.log");
	else if (str_some(rec->config.log_path))
		rec->log_name = xstrdup(rec->config.log_path);
	else
		rec->log_name = str_fmt("%s%.12s.log", str_some(name) ? name : "",
					str_some(name) ? "" : id);
	return 0;
}

/* Their layers are kept like its own; nothing is looked up again at the start. */
static int find_image_mounts(struct store *s, struct container_record *rec, struct err *e)
{
	struct cri_mount *m = rec->config.mounts.v;

	for (size_t i = 0; i < rec->config.mounts.n; i++) {
		own(image) struct image img = { 0 };
		struct container_image_mount *im;

		if (!mount_is_image(&m[i]))
			continue;
		if (image_find(s, m[i].image->image, &img, e) < 0)
			return err_in(e, "mount on %.200s", m[i].container_path);
		im = objlist_add(&rec->image_mounts, &container_image_mount_table);
		im->image_id = xstrdup(img.id);
		strv_copy(&im->layers, &img.layers);
		str_set(&m[i].image->image_ref, img.id);
	}
	return 0;
}

static int fill_record(const struct store *s, const struct container_create_args *a,
		       const struct sandbox *sb, const struct image *img, const char *id,
		       struct container_record *rec, struct err *e)
{
	own(str) char *sandbox_group = sandbox_cgroup(&sb->record, sb->id);

	rec->sandbox_id = xstrdup(sb->id);
	rec->image_id = xstrdup(img->id);
	rec->image_ref = xstrdup(img->names.n ? img->names.v[0] : img->id);
	strv_copy(&rec->layers, &img->layers);
	rec->auto_remove = a->auto_remove;
	rec->stop_timeout = a->stop_timeout;
	rec->restart = a->restart;
	rec->restart_max = a->restart_max;
	rec->own_sandbox = !a->sandbox;
	rec->cgroup = str_fmt("%s/%s", sandbox_group, id);
	fields_copy(&cri_container_config_table, &rec->config, a->config);
	if (security_inherit(sb, &rec->config, e) < 0)
		return -1;
	rec->user = security_user(&rec->config.linux_.security_context, img->user, e);
	if (!rec->user)
		return -1;
	if (!str_some(rec->config.working_dir))
		str_set(&rec->config.working_dir,
			str_some(img->working_dir) ? img->working_dir : "/");
	if (rec->config.working_dir[0] != '/')
		return err_set(e, ERR_USAGE, "working directory '%.200s': must be an absolute path",
			       rec->config.working_dir);
	if (choose_args(&rec->config, img, &rec->argv, e) < 0 ||
	    stop_signal(&rec->config, img, &rec->stop_signal, e) < 0)
		return -1;
	return set_log(s, sb, id, a->need_log_dir, rec, e);
}

static int write_record(struct record *r, const struct container_record *rec,
			const struct oci_spec *spec, struct err *e)
{
	/* In a user namespace "/" is its root's; -1: there is none. */
	int64_t root_uid = idmap_to_host(&spec->linux_.uid_mappings, 0);
	int64_t root_gid = idmap_to_host(&spec->linux_.gid_mappings, 0);

	if (mkdirat(r->dir, "upper", 0755) < 0 || mkdirat(r->dir, "work", 0700) < 0 ||
	    fchmodat(r->dir, "upper", 0755, 0) < 0 ||
	    (root_uid > 0 && fchownat(r->dir, "upper", (uid_t)root_uid, (gid_t)root_gid, 0) < 0))
		return err_sys(e, "container %.12s", r->id);
	if (fields_create(&container_record_table, r->dir, "config.json", rec, e) < 0)
		return -1;
	return fields_create(&oci_spec_table, r->dir, "spec.json", spec, e);
}

/*
 * From here on it belongs to the sandbox: whoever removes that removes this. sb's lock is held. The
 * mark is a name and nothing else: another link to a file that is there costs no new one.
 */
static int enter_sandbox(int sandbox_dir, const struct record *r, struct err *e)
{
	own(str) char *mark = str_fmt("containers/%s", r->id);

	return linkat(r->dir, "lock", sandbox_dir, mark, 0) < 0
		       ? err_sys(e, "container %.12s", r->id)
		       : 0;
}

struct creation {
	struct sandbox sandbox;
	struct record held; /* its own sandbox, not yet committed */
	struct record r;
	struct image image;
	struct container_record rec;
	struct container_status status; /* owns nothing yet */
	struct oci_spec spec;
};

static void creation_free(struct creation *c)
{
	sandbox_free(&c->sandbox);
	record_close(&c->held);
	record_close(&c->r);
	image_free(&c->image);
	fields_free(&container_record_table, &c->rec);
	oci_spec_free(&c->spec);
}
OWNED_STRUCT(creation, struct creation, creation_free)

static int get_sandbox(struct store *s, const struct container_create_args *a, struct creation *c,
		       struct err *e)
{
	if (a->sandbox) {
		if (sandbox_load(s, a->sandbox, &c->sandbox, e) < 0)
			return -1;
		if (!c->sandbox.ready)
			return err_set(
				e, ERR_STATE,
				"sandbox %.12s is not ready; 'caddis sandbox start' makes it so",
				a->sandbox);
		return 0;
	}
	if (sandbox_create(s, a->sandbox_config, true, &c->held, c->sandbox.id, e) < 0)
		return -1;
	return fields_load(&sandbox_record_table, c->held.dir, "config.json", &c->sandbox.record,
			   e);
}

/* Publishes the record inside its sandbox, which must still be there. */
static int publish(struct store *s, struct creation *c, struct err *e)
{
	own(record) struct record sandbox = RECORD_NONE;
	const char *name = c->rec.config.metadata.name;
	int dir = c->held.dir;

	if (dir < 0) {
		if (record_open(s, RECORD_SANDBOX, c->sandbox.id, true, &sandbox, e) < 0)
			return -1;
		dir = sandbox.dir;
	}
	if (enter_sandbox(dir, &c->r, e) < 0 || record_publish(s, &c->r, e) < 0)
		return -1;
	return str_some(name) ? record_name(s, &c->r, c->sandbox.id, name, e) : 0;
}

static int create(struct store *s, const struct container_create_args *a, struct creation *c,
		  struct err *e)
{
	own(fd) int images = -1;

	c->status =
		(struct container_status){ .state = CONTAINER_CREATED, .created_at = clock_now() };
	/* Shared until the record is published: from then on the record itself keeps the layers. */
	images = lock_images(s, LOCK_SHARED, e);
	if (images < 0 || image_find(s, a->config->image.image, &c->image, e) < 0)
		return -1;
	if (get_sandbox(s, a, c, e) < 0 || record_begin(s, RECORD_CONTAINER, &c->r, e) < 0)
		return -1;
	if (fill_record(s, a, &c->sandbox, &c->image, c->r.id, &c->rec, e) < 0 ||
	    find_image_mounts(s, &c->rec, e) < 0 ||
	    container_ns_resolve(s, &c->sandbox, &c->rec, e) < 0 ||
	    container_spec(s, &c->sandbox, &c->rec, &c->image.env, &c->spec, e) < 0 ||
	    cdi_apply(a->cdi_dirs, &c->rec.config, &c->spec, e) < 0 ||
	    write_record(&c->r, &c->rec, &c->spec, e) < 0 || publish(s, c, e) < 0)
		return -1;
	if (record_commit(s, &c->r, &container_status_table, &c->status, e) < 0)
		return -1;
	return c->held.dir >= 0 ? sandbox_commit(s, &c->held, &c->sandbox.record, e) : 0;
}

int container_check(const struct cri_container_config *c, struct err *e)
{
	const char *name = c->metadata.name;

	if (!str_some(c->image.image))
		return err_set(e, ERR_USAGE, "no image");
	if (str_some(name) && name_check(name))
		return err_set(e, ERR_USAGE, "container name '%.80s': %s", name, name_check(name));
	if (c->log_max_files.set && !c->log_max_size.set) {
		err_set(e, ERR_USAGE, "log_max_files %lld: the log is not rotated without a size",
			(long long)c->log_max_files.v);
		return err_hint(e, "give --log-max-size, or log_max_size in the file");
	}
	if (c->windows)
		return err_set(e, ERR_USAGE,
			       "windows: this is Linux, which runs no such container");
	if (check_labels(&c->labels, e) < 0)
		return -1;
	return check_annotations(&c->annotations, e);
}

void container_made_free(struct container_made *m)
{
	record_close(&m->r);
	container_free(&m->c);
	oci_spec_free(&m->spec);
	*m = (struct container_made)CONTAINER_MADE_NONE;
}

static void give(struct creation *from, struct container_made *to)
{
	*to = (struct container_made){
		.r = from->r,
		.c = { .record = from->rec, .status = from->status },
		.spec = from->spec,
	};
	snprintf(to->c.id, sizeof(to->c.id), "%s", from->r.id);
	from->r = (struct record)RECORD_NONE;
	from->rec = (struct container_record){ 0 };
	from->spec = (struct oci_spec){ 0 };
}

int container_create(struct store *s, const struct container_create_args *a,
		     struct container_made *hold, char id[ID_SIZE], struct err *e)
{
	own(creation) struct creation c = { .held = RECORD_NONE, .r = RECORD_NONE };
	struct err second; /* what cannot be undone now, the next command's sweep does */

	if (container_check(a->config, e) < 0)
		return -1;
	if (create(s, a, &c, e) == 0) {
		container_event(s, "created", c.r.id, &c.rec);
		snprintf(id, ID_SIZE, "%s", c.r.id);
		if (hold)
			give(&c, hold);
		return 0;
	}
	record_discard(s, &c.r, &second);
	record_discard(s, &c.held, &second);
	return -1;
}
