/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/mount_opt.h"

#include <linux/mount.h>
#include <stddef.h>

enum opt_kind {
	OPT_ATTR,  /* set, clear */
	OPT_RATTR, /* the same for the whole tree */
	OPT_PROPAGATION,
	OPT_RPROPAGATION,
	OPT_BIND,
	OPT_RBIND,
	OPT_IDMAP,
	OPT_RIDMAP,
	OPT_IGNORE,
	OPT_FLAG, /* set: the offset of a bool */
};

struct opt {
	const char *name;
	enum opt_kind kind;
	uint64_t set, clear;
};

#define ATIME MOUNT_ATTR__ATIME

// clang-format off
static const struct opt options_known[] = {
	{ "ro",            OPT_ATTR, MOUNT_ATTR_RDONLY, 0 },
	{ "rw",            OPT_ATTR, 0, MOUNT_ATTR_RDONLY },
	{ "nosuid",        OPT_ATTR, MOUNT_ATTR_NOSUID, 0 },
	{ "suid",          OPT_ATTR, 0, MOUNT_ATTR_NOSUID },
	{ "nodev",         OPT_ATTR, MOUNT_ATTR_NODEV, 0 },
	{ "dev",           OPT_ATTR, 0, MOUNT_ATTR_NODEV },
	{ "noexec",        OPT_ATTR, MOUNT_ATTR_NOEXEC, 0 },
	{ "exec",          OPT_ATTR, 0, MOUNT_ATTR_NOEXEC },
	{ "nodiratime",    OPT_ATTR, MOUNT_ATTR_NODIRATIME, 0 },
	{ "diratime",      OPT_ATTR, 0, MOUNT_ATTR_NODIRATIME },
	{ "relatime",      OPT_ATTR, MOUNT_ATTR_RELATIME, ATIME },
	{ "norelatime",    OPT_ATTR, MOUNT_ATTR_STRICTATIME, ATIME },
	{ "noatime",       OPT_ATTR, MOUNT_ATTR_NOATIME, ATIME },
	{ "atime",         OPT_ATTR, MOUNT_ATTR_RELATIME, ATIME },
	{ "strictatime",   OPT_ATTR, MOUNT_ATTR_STRICTATIME, ATIME },
	{ "nostrictatime", OPT_ATTR, MOUNT_ATTR_RELATIME, ATIME },
	{ "nosymfollow",   OPT_ATTR, MOUNT_ATTR_NOSYMFOLLOW, 0 },
	{ "symfollow",     OPT_ATTR, 0, MOUNT_ATTR_NOSYMFOLLOW },
	{ "rro",           OPT_RATTR, MOUNT_ATTR_RDONLY, 0 },
	{ "rrw",           OPT_RATTR, 0, MOUNT_ATTR_RDONLY },
	{ "rnosuid",       OPT_RATTR, MOUNT_ATTR_NOSUID, 0 },
	{ "rsuid",         OPT_RATTR, 0, MOUNT_ATTR_NOSUID },
	{ "rnodev",        OPT_RATTR, MOUNT_ATTR_NODEV, 0 },
	{ "rdev",          OPT_RATTR, 0, MOUNT_ATTR_NODEV },
	{ "rnoexec",       OPT_RATTR, MOUNT_ATTR_NOEXEC, 0 },
	{ "rexec",         OPT_RATTR, 0, MOUNT_ATTR_NOEXEC },
	{ "rnodiratime",   OPT_RATTR, MOUNT_ATTR_NODIRATIME, 0 },
	{ "rdiratime",     OPT_RATTR, 0, MOUNT_ATTR_NODIRATIME },
	{ "rrelatime",     OPT_RATTR, MOUNT_ATTR_RELATIME, ATIME },
	{ "rnoatime",      OPT_RATTR, MOUNT_ATTR_NOATIME, ATIME },
	{ "rstrictatime",  OPT_RATTR, MOUNT_ATTR_STRICTATIME, ATIME },
	{ "rnosymfollow",  OPT_RATTR, MOUNT_ATTR_NOSYMFOLLOW, 0 },
	{ "rsymfollow",    OPT_RATTR, 0, MOUNT_ATTR_NOSYMFOLLOW },
	{ "rnorelatime",   OPT_RATTR, MOUNT_ATTR_STRICTATIME, ATIME },
	{ "ratime",        OPT_RATTR, MOUNT_ATTR_RELATIME, ATIME },
	{ "rnostrictatime", OPT_RATTR, MOUNT_ATTR_RELATIME, ATIME },
	{ "private",       OPT_PROPAGATION, MS_PRIVATE, 0 },
	{ "shared",        OPT_PROPAGATION, MS_SHARED, 0 },
	{ "slave",         OPT_PROPAGATION, MS_SLAVE, 0 },
	{ "unbindable",    OPT_PROPAGATION, MS_UNBINDABLE, 0 },
	{ "rprivate",      OPT_RPROPAGATION, MS_PRIVATE, 0 },
	{ "rshared",       OPT_RPROPAGATION, MS_SHARED, 0 },
	{ "rslave",        OPT_RPROPAGATION, MS_SLAVE, 0 },
	{ "runbindable",   OPT_RPROPAGATION, MS_UNBINDABLE, 0 },
	{ "bind",          OPT_BIND, 0, 0 },
	{ "rbind",         OPT_RBIND, 0, 0 },
	{ "defaults",      OPT_IGNORE, 0, 0 },
	{ "async",         OPT_IGNORE, 0, 0 },
	{ "nodefaults",    OPT_IGNORE, 0, 0 },
	{ "silent",        OPT_IGNORE, 0, 0 },
	{ "loud",          OPT_IGNORE, 0, 0 },
	{ "tmpcopyup",     OPT_FLAG, offsetof(struct mount_opts, copy_up), 0 },
	{ "copy-symlink",  OPT_FLAG, offsetof(struct mount_opts, copy_symlink), 0 },
	{ "src-nofollow",  OPT_FLAG, offsetof(struct mount_opts, src_nofollow), 0 },
	{ "dest-nofollow", OPT_FLAG, offsetof(struct mount_opts, dest_nofollow), 0 },
	{ "idmap",         OPT_IDMAP, 0, 0 },
	{ "ridmap",        OPT_RIDMAP, 0, 0 },
};
// clang-format on

static const struct opt *option_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(options_known); i++)
		if (str_eq(options_known[i].name, name))
			return &options_known[i];
	return NULL;
}

static void attr_add(const struct opt *o, uint64_t *set, uint64_t *clear)
{
	*set &= ~o->clear;
	*set |= o->set;
	*clear &= ~o->set;
	*clear |= o->clear;
}

void mount_opts_parse(const struct strv *options, struct mount_opts *out)
{
	*out = (struct mount_opts){ 0 };
	for (size_t i = 0; i < options->n; i++) {
		const struct opt *o = option_find(options->v[i]);

		if (!o) {
			strv_add(&out->data, options->v[i]);
			continue;
		}
		switch (o->kind) {
		case OPT_ATTR:
			attr_add(o, &out->set, &out->clear);
			break;
		case OPT_RATTR:
			attr_add(o, &out->rset, &out->rclear);
			break;
		case OPT_PROPAGATION:
		case OPT_RPROPAGATION:
			out->propagation = o->set;
			out->propagation_below = o->kind == OPT_RPROPAGATION;
			break;
		case OPT_BIND:
		case OPT_RBIND:
			out->bind = true;
			out->recursive = o->kind == OPT_RBIND;
			break;
		case OPT_IDMAP:
		case OPT_RIDMAP:
			out->idmap = true;
			out->ridmap = o->kind == OPT_RIDMAP;
			break;
		case OPT_IGNORE:
			break;
		case OPT_FLAG:
			*(bool *)((char *)out + o->set) = true;
			break;
		}
	}
}

void mount_opts_free(struct mount_opts *o)
{
	strv_free(&o->data);
}

void mount_opt_names(struct strv *out)
{
	for (size_t i = 0; i < ARRAY_LEN(options_known); i++)
		strv_add(out, options_known[i].name);
}
