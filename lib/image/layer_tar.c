/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/layer_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/dl.h"
#include "base/macros.h"
#include "base/str.h"
#include "image/layer_acl.h"

// clang-format off
#define ARCHIVE_FUNCTIONS(X) \
	X(archive_read_new) X(archive_read_free) X(archive_read_support_format_tar) \
	X(archive_read_support_format_empty) X(archive_read_open) X(archive_read_next_header) \
	X(archive_read_data_block) X(archive_read_data_skip) X(archive_error_string) \
	X(archive_set_error) X(archive_filter_bytes) \
	X(archive_entry_pathname) X(archive_entry_hardlink) X(archive_entry_symlink) \
	X(archive_entry_filetype) X(archive_entry_perm) X(archive_entry_uid) X(archive_entry_gid) \
	X(archive_entry_size) X(archive_entry_rdev) X(archive_entry_mtime) \
	X(archive_entry_mtime_nsec) X(archive_entry_atime) X(archive_entry_atime_nsec) \
	X(archive_entry_atime_is_set) X(archive_entry_xattr_reset) X(archive_entry_xattr_next) \
	X(archive_entry_acl_types) X(archive_entry_acl_reset) X(archive_entry_acl_next)
static struct archive_api { ARCHIVE_FUNCTIONS(DL_MEMBER) } la;
#define ARCHIVE_SYMBOL(fn) { #fn, offsetof(struct archive_api, fn) },
static const struct dl_symbol archive_symbols[] = { ARCHIVE_FUNCTIONS(ARCHIVE_SYMBOL) };
// clang-format on

#define BLOCK 512
#define READ_SIZE (256 * 1024) /* a multiple of BLOCK: pieces of files then need no copy */
#define RATIO_FREE (64 << 20)

struct tar {
	struct decoder *decoder;
	struct digest *digest;
	struct archive *archive;
	struct archive_entry *entry;
	struct layer_limits limits;
	locale_t locale;
	uint8_t *data;
	int64_t size;	  /* of the stream so far */
	int64_t apparent; /* sizes of all files so far */
	int64_t entries;
	bool in_header, at_end;
	size_t header; /* bytes read for this entry's headers */
	int acl;       /* the ACL that tar_next_xattr() gives next */
	struct buf acl_value;
	bool failed;
	struct err err; /* of the stream, when libarchive carries only "failed" */
};

static int load_archive(struct err *e)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static bool loaded;
	int r = 0;

	pthread_mutex_lock(&lock);
	if (!loaded)
		r = dl_load("libarchive.so.13", "libarchive13", archive_symbols,
			    ARRAY_LEN(archive_symbols), &la, e);
	loaded = loaded || r == 0;
	pthread_mutex_unlock(&lock);
	return r;
}

static int check_size(const struct tar *t, struct err *e)
{
	int64_t ratio =
		decoder_form(t->decoder) == LAYER_ZSTD ? t->limits.ratio_zstd : t->limits.ratio;

	if (t->size > t->limits.bytes)
		return err_set(e, ERR_CORRUPT, "more than %lld bytes when decompressed",
			       (long long)t->limits.bytes);
	if (t->size > RATIO_FREE && t->size / ratio > decoder_consumed(t->decoder))
		return err_set(e, ERR_CORRUPT, "decompresses to more than %lld times its size",
			       (long long)ratio);
	if (t->in_header && t->header > t->limits.header + READ_SIZE)
		return err_set(e, ERR_CORRUPT, "the headers of one entry are longer than %zu bytes",
			       t->limits.header);
	return 0;
}

/* Fills the block whole, so that it starts where a tar block does. */
static int read_stream(struct tar *t, size_t *n, struct err *e)
{
	for (*n = 0; *n < READ_SIZE && !t->at_end;) {
		size_t got;

		if (decoder_read(t->decoder, t->data + *n, READ_SIZE - *n, &got, e) < 0)
			return -1;
		t->at_end = got == 0;
		*n += got;
	}
	digest_update(t->digest, t->data, *n);
	t->size += (int64_t)*n;
	t->header += t->in_header ? *n : 0;
	return check_size(t, e);
}

static la_ssize_t on_read(struct archive *a, void *ctx, const void **p)
{
	struct tar *t = ctx;
	size_t n;

	*p = t->data;
	if (read_stream(t, &n, &t->err) == 0)
		return (la_ssize_t)n;
	t->failed = true;
	la.archive_set_error(a, 0, "the stream failed");
	return -1;
}

int tar_open(decode_source *source, void *ctx, const struct layer_limits *limits, struct tar **out,
	     struct err *e)
{
	own(tar) struct tar *t = xcalloc(1, sizeof(*t));

	t->limits = *limits;
	if (load_archive(e) < 0 || digest_new(&t->digest, e) < 0 ||
	    decoder_open(source, ctx, limits, &t->decoder, e) < 0)
		return -1;
	t->data = xmalloc(READ_SIZE);
	/* In any other locale libarchive would convert, and normalise, the names in PAX headers. */
	t->locale = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
	t->archive = la.archive_read_new();
	if (!t->archive || t->locale == (locale_t)0 ||
	    la.archive_read_support_format_tar(t->archive) != ARCHIVE_OK ||
	    la.archive_read_support_format_empty(t->archive) != ARCHIVE_OK)
		return err_set(e, ERR_FAIL, "cannot start libarchive");
	*out = ptr_steal(t);
	return 0;
}

static int fail(struct tar *t, struct err *e)
{
	const char *why = la.archive_error_string(t->archive);

	if (t->failed) {
		*e = t->err;
		return -1;
	}
	if (why && strcmp(why, "Unrecognized archive format") == 0)
		return err_set(e, ERR_CORRUPT, "not a tar archive");
	return err_set(e, ERR_CORRUPT, "bad tar archive: %s", why ? why : "unknown reason");
}

/* A name that is not ASCII cannot be converted to the "C" locale: then its bytes are kept, as they
 * should be. */
static bool harmless(struct tar *t)
{
	const char *why = la.archive_error_string(t->archive);

	return why && strstr(why, "can't be converted from UTF-8");
}

static int fill(struct tar *t, struct tar_entry *out, struct err *e)
{
	struct archive_entry *a = t->entry;

	*out = (struct tar_entry){
		.name = la.archive_entry_pathname(a),
		.link = la.archive_entry_hardlink(a),
		.mode = la.archive_entry_filetype(a) | (la.archive_entry_perm(a) & 07777),
		.uid = la.archive_entry_uid(a),
		.gid = la.archive_entry_gid(a),
		.size = la.archive_entry_size(a),
		.device = la.archive_entry_rdev(a),
		.mtime = { la.archive_entry_mtime(a), la.archive_entry_mtime_nsec(a) },
	};
	out->hardlink = out->link != NULL;
	if (!out->link)
		out->link = la.archive_entry_symlink(a);
	out->atime = out->mtime;
	if (la.archive_entry_atime_is_set(a))
		out->atime = (struct timespec){ la.archive_entry_atime(a),
						la.archive_entry_atime_nsec(a) };
	if (!out->name)
		return err_set(e, ERR_CORRUPT, "bad tar archive: an entry without a name");
	return 0;
}

static int check_entry(struct tar *t, const struct tar_entry *entry, struct err *e)
{
	if (++t->entries > t->limits.entries)
		return err_set(e, ERR_CORRUPT, "more than %lld entries",
			       (long long)t->limits.entries);
	if (!S_ISREG(entry->mode) || entry->hardlink)
		return 0;
	if (entry->size < 0 || entry->size > t->limits.file_size)
		return err_set(e, ERR_CORRUPT, "a file of %lld bytes is too large",
			       (long long)entry->size);
	t->apparent += entry->size;
	if (t->apparent - t->size > t->limits.sparse_bytes)
		return err_set(e, ERR_CORRUPT, "sparse files of more than %lld bytes",
			       (long long)t->limits.sparse_bytes);
	return 0;
}

static int next_header(struct tar *t)
{
	int r;

	if (t->entries == 0)
		r = la.archive_read_open(t->archive, t, NULL, on_read, NULL);
	else /* here and not in next_header: what is skipped is no header */
		r = la.archive_read_data_skip(t->archive);
	if (r != ARCHIVE_OK)
		return r;
	t->header = 0;
	t->in_header = true;
	r = la.archive_read_next_header(t->archive, &t->entry);
	t->in_header = false;
	return r;
}

int tar_next(struct tar *t, struct tar_entry *out, struct err *e)
{
	locale_t old = uselocale(t->locale);
	int64_t before = t->entries ? la.archive_filter_bytes(t->archive, 0) : 0;
	int r = next_header(t);

	uselocale(old);
	t->acl = 0;
	if (r == ARCHIVE_EOF) {
		if (t->limits.need_end && la.archive_filter_bytes(t->archive, 0) - before < BLOCK)
			return err_set(e, ERR_CORRUPT, "bad tar archive: it has no end");
		return 0;
	}
	if (r != ARCHIVE_OK && !(r == ARCHIVE_WARN && harmless(t)))
		return fail(t, e);
	la.archive_entry_xattr_reset(t->entry);
	if (fill(t, out, e) < 0 || check_entry(t, out, e) < 0)
		return -1;
	return 1;
}

static int acl_value(struct tar *t, int type, struct err *e)
{
	struct acl acl = { .n = 0 };
	int kind, permset, tag, id;
	const char *name;

	while (la.archive_entry_acl_next(t->entry, type, &kind, &permset, &tag, &id, &name) ==
	       ARCHIVE_OK) {
		if (acl_add(&acl, tag, permset, id, name, e) < 0)
			return -1;
	}
	acl_print(&acl, &t->acl_value);
	return 0;
}

static const struct {
	int type;
	const char *xattr;
} acls[] = {
	{ ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access" },
	{ ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default" },
};

int tar_next_xattr(struct tar *t, const char **name, const void **value, size_t *n, struct err *e)
{
	if (la.archive_entry_xattr_next(t->entry, name, value, n) == ARCHIVE_OK)
		return 1;
	while (t->acl < (int)ARRAY_LEN(acls)) {
		int i = t->acl++;

		if (!(la.archive_entry_acl_types(t->entry) & acls[i].type) ||
		    la.archive_entry_acl_reset(t->entry, acls[i].type) == 0)
			continue;
		if (acl_value(t, acls[i].type, e) < 0)
			return -1;
		*name = acls[i].xattr;
		*value = t->acl_value.s;
		*n = t->acl_value.len;
		return 1;
	}
	return 0;
}

int tar_next_data(struct tar *t, const void **p, size_t *n, int64_t *offset, struct err *e)
{
	la_int64_t at;
	int r = la.archive_read_data_block(t->archive, p, n, &at);

	*offset = at;
	if (r == ARCHIVE_EOF)
		return 0;
	return r == ARCHIVE_OK ? 1 : fail(t, e);
}

int tar_finish(struct tar *t, char digest[DIGEST_SIZE], int64_t *size, struct err *e)
{
	size_t n = 1;

	while (!t->at_end) {
		if (read_stream(t, &n, e) < 0)
			return -1;
	}
	digest_final(t->digest, digest);
	*size = t->size;
	return 0;
}

void tar_close(struct tar *t)
{
	if (!t)
		return;
	if (t->archive)
		la.archive_read_free(t->archive);
	if (t->locale)
		freelocale(t->locale);
	decoder_close(t->decoder);
	digest_free(t->digest);
	buf_free(&t->acl_value);
	free(t->data);
	free(t);
}
