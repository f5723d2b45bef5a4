/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory, a file or a stream becomes an image, whole or not at all. */
#include "image/digest.h"
#include "image/import.h"
#include "tar.h"
#include "tmpdir.h"

struct place {
	int dir; /* with root/, state/, src/ */
	int src;
	char path[PATH_MAX];
	struct store store;
	struct err e;
};

static void place_open(struct place *p)
{
	char root[PATH_MAX + 8], state[PATH_MAX + 8], link[32];
	ssize_t n;

	*p = (struct place){ .dir = tmpdir_open() };
	snprintf(link, sizeof(link), "/proc/self/fd/%d", p->dir);
	n = readlink(link, p->path, sizeof(p->path) - 1);
	p->path[n < 0 ? 0 : n] = '\0';
	mkdirat(p->dir, "src", 0755);
	p->src = openat(p->dir, "src", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(root, sizeof(root), "%s/root", p->path);
	snprintf(state, sizeof(state), "%s/state", p->path);
	if (store_open(root, state, 5, &p->store, &p->e) < 0) {
		printf("Bail out! %s\n", p->e.msg);
		exit(1);
	}
}

static void place_close(struct place *p)
{
	store_close(&p->store);
	close(p->src);
	tmpdir_close(p->dir);
}
OWNED_STRUCT(place, struct place, place_close)

static int import(struct place *p, const char *source, const char *name,
		  const struct image_import_options *o, struct image *out)
{
	static const struct image_import_options none;
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", p->path, source);
	return image_import(&p->store, strcmp(source, "-") == 0 ? "-" : path, name, o ? o : &none,
			    out, &p->e);
}

static void put(int dir, const char *name, const struct buf *b)
{
	own(fd) int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, b->s, b->len) != (ssize_t)b->len)
		abort();
}

static void small_tar(struct buf *b)
{
	add(b, .name = ".", .type = '5', .mtime = 5);
	add(b, .name = "etc", .type = '5', .mtime = 6);
	add(b, .name = "etc/motd", .data = "hello\n", .uid = 7);
	tar_end(b);
}

static void nothing_is_left(struct place *p, const char *what)
{
	ok(count_entries(p->store.root, "staging") == 0, "%s left something in staging", what);
	ok(count_entries(p->store.root, "layers") == 0, "%s left a layer", what);
	ok(count_entries(p->store.root, "images/blobs/sha256") == 0, "%s left a blob", what);
}

TEST(a_tar_file_becomes_an_image_whose_diff_id_is_its_digest)
{
	own(place) struct place p;
	own(buf) struct buf b = { 0 };
	own(image) struct image i = { 0 }, again = { 0 };
	char want[DIGEST_SIZE];

	place_open(&p);
	small_tar(&b);
	digest_of(b.s, b.len, want, &p.e);
	put(p.dir, "a.tar", &b);
	ok(import(&p, "a.tar", "one", NULL, &i) == 0, "%s", p.e.msg);
	ok(import(&p, "a.tar", "two", NULL, &again) == 0, "%s", p.e.msg);
	if (i.layers.n == 1 && again.layers.n == 1) {
		same_str(i.layers.v[0], want);
		same_str(again.layers.v[0], want);
	}
	same_str(i.names.n ? i.names.v[0] : NULL, "docker.io/library/one:latest");
	same_int(count_entries(p.store.root, "layers"), 1);
	same_int(count_entries(p.store.root, "staging"), 0);
}

TEST(the_options_of_an_import_are_the_configuration_of_the_image)
{
	own(place) struct place p;
	own(buf) struct buf b = { 0 };
	own(image) struct image i = { 0 };
	struct image_import_options o = { .user = "1:2",
					  .working_dir = "/srv",
					  .stop_signal = "SIGINT",
					  .platform = "linux/arm64/v8" };

	place_open(&p);
	small_tar(&b);
	put(p.dir, "a.tar", &b);
	strv_add(&o.cmd, "sh");
	strv_add(&o.cmd, "-c");
	strv_add(&o.entrypoint, "/init");
	strv_add(&o.env, "A=b=c");
	strmap_set(&o.labels, "empty", "");
	ok(import(&p, "a.tar", "reg.io:5000/x:v1", &o, &i) == 0, "%s", p.e.msg);
	same_int(i.cmd.n, 2);
	same_str(i.entrypoint.n ? i.entrypoint.v[0] : NULL, "/init");
	same_str(i.env.n ? i.env.v[0] : NULL, "A=b=c");
	same_str(i.user, "1:2");
	same_str(i.working_dir, "/srv");
	same_str(i.stop_signal, "SIGINT");
	same_str(strmap_get(&i.labels, "empty"), "");
	same_str(i.architecture, "arm64");
	same_str(i.names.n ? i.names.v[0] : NULL, "reg.io:5000/x:v1");
	strv_free(&o.cmd);
	strv_free(&o.entrypoint);
	strv_free(&o.env);
	strmap_free(&o.labels);
}

TEST(wrong_options_are_refused_before_anything_is_read)
{
	own(place) struct place p;
	own(image) struct image i = { 0 };
	struct image_import_options env = { 0 }, dir = { .working_dir = "srv" },
				    sig = { .stop_signal = "SIGNONE" };

	place_open(&p);
	strv_add(&env.env, "noequals");
	ok(import(&p, "none", "x", &env, &i) < 0 && p.e.kind == ERR_USAGE, "%s", p.e.msg);
	ok(import(&p, "none", "x", &dir, &i) < 0 && p.e.kind == ERR_USAGE, "%s", p.e.msg);
	ok(import(&p, "none", "x", &sig, &i) < 0 && p.e.kind == ERR_USAGE, "%s", p.e.msg);
	ok(import(&p, "none", "UPPER", NULL, &i) < 0 && p.e.kind == ERR_USAGE, "%s", p.e.msg);
	strv_free(&env.env);
}

TEST(a_cut_or_foreign_file_leaves_nothing_behind)
{
	own(place) struct place p;
	own(buf) struct buf b = { 0 }, text = { 0 };
	own(image) struct image i = { 0 };

	place_open(&p);
	small_tar(&b);
	for (size_t n = 0; n <= b.len - 1024; n += 256) {
		own(buf) struct buf part = { 0 };

		buf_addn(&part, b.s, n);
		put(p.dir, "cut", &part);
		ok(import(&p, "cut", "x", NULL, &i) < 0, "cut at %zu was taken", n);
	}
	nothing_is_left(&p, "a cut tar");
	buf_add(&text, "\3757zXZ and so on");
	put(p.dir, "a.xz", &text);
	ok(import(&p, "a.xz", "x", NULL, &i) < 0 && strstr(p.e.msg, "xz -dc"), "%s", p.e.msg);
	ok(import(&p, "missing", "x", NULL, &i) < 0 && p.e.kind == ERR_NOT_FOUND, "%s", p.e.msg);
	nothing_is_left(&p, "a foreign file");
	ok(image_find(&p.store, "x", &i, &p.e) < 0, "there is an image");
}

static void same_entry(struct place *p, const char *tree, const char *name)
{
	char path[PATH_MAX];
	struct stat a, b;

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	if (fstatat(p->src, name, &a, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(p->store.root, path, &b, AT_SYMLINK_NOFOLLOW) < 0) {
		ok(false, "%s is missing", name);
		return;
	}
	ok(a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid &&
		   a.st_nlink == b.st_nlink && a.st_rdev == b.st_rdev &&
		   (S_ISDIR(a.st_mode) || a.st_size == b.st_size) &&
		   a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec,
	   "%s: mode %o, owner %u:%u, links %u, size %lld, time %lld.%09ld", name, b.st_mode,
	   b.st_uid, b.st_gid, (unsigned)b.st_nlink, (long long)b.st_size,
	   (long long)b.st_mtim.tv_sec, b.st_mtim.tv_nsec);
}

TEST(a_directory_becomes_an_image_with_the_same_tree)
{
	static const char *const names[] = { ".",    "d",    "d/f", "d/h",  "l",       "null",
					     "fifo", "late", "big", "long", "d/empty", "far" };
	static const unsigned char cap[20] = { 1, 0, 0, 2, 0, 0x20 };
	const struct timespec far[2] = { { 9000000000, 5 }, { 9000000000, 999999999 } };
	own(place) struct place p;
	own(image) struct image i = { 0 }, again = { 0 };
	char longest[201], tree[256], value[32], path[PATH_MAX + 512];
	int fd;

	place_open(&p);
	mkdirat(p.src, "d", 0700);
	put_file(p.src, "d/f", "text");
	same_int(linkat(p.src, "d/f", p.src, "d/h", 0), 0);
	put_file(p.src, "d/empty", "");
	same_int(symlinkat("d/f", p.src, "l"), 0);
	mknodat(p.src, "null", S_IFCHR | 0666, makedev(1, 3));
	mknodat(p.src, "fifo", S_IFIFO | 0600, 0);
	mknodat(p.src, "socket", S_IFSOCK | 0600, 0);
	put_file(p.src, "late", "x");
	same_int(fchownat(p.src, "late", 4000000000U, 3000000, 0), 0);
	same_int(fchmodat(p.src, "late", 04755, 0), 0);
	memset(longest, 'n', 200);
	longest[200] = '\0';
	same_int(symlinkat(longest, p.src, "long"), 0);
	put_file(p.src, longest, "long");
	put_file(p.src, "far", "far");
	utimensat(p.src, "far", far, 0);
	put_file(p.src, "big", "");
	fd = openat(p.src, "big", O_WRONLY | O_CLOEXEC);
	ok(ftruncate(fd, 1000001) == 0, "no file");
	fsetxattr(fd, "security.capability", cap, sizeof(cap), 0);
	fsetxattr(fd, "user.zero", "a\0b", 3, 0);
	close(fd);
	ok(import(&p, "src", "tree", NULL, &i) == 0, "%s", p.e.msg);
	ok(import(&p, "src", "tree2", NULL, &again) == 0, "%s", p.e.msg);
	if (i.layers.n != 1 || again.layers.n != 1)
		return;
	same_str(again.layers.v[0], i.layers.v[0]);
	snprintf(tree, sizeof(tree), "layers/%s/tree", digest_hex(i.layers.v[0]));
	for (size_t n = 0; n < ARRAY_LEN(names); n++)
		same_entry(&p, tree, names[n]);
	same_entry(&p, tree, longest);
	snprintf(path, sizeof(path), "%s/root/%s/big", p.path, tree);
	same_int(getxattr(path, "security.capability", value, sizeof(value)), sizeof(cap));
	same_int(getxattr(path, "user.zero", value, sizeof(value)), 3);
	snprintf(path, sizeof(path), "%s/socket", tree);
	ok(!exists(p.store.root, path), "the socket is there");
}

TEST(a_directory_with_a_whiteouts_name_is_refused)
{
	own(place) struct place p;
	own(image) struct image i = { 0 };

	place_open(&p);
	put_file(p.src, ".wh.x", "");
	ok(import(&p, "src", "x", NULL, &i) < 0 && strstr(p.e.msg, ".wh."), "%s", p.e.msg);
	nothing_is_left(&p, "a refused directory");
}

TEST(a_directory_that_holds_the_store_is_imported_without_it)
{
	own(place) struct place p;
	own(image) struct image i = { 0 };
	char tree[PATH_MAX];

	place_open(&p);
	put_file(p.src, "f", "x");
	ok(import(&p, ".", "x", NULL, &i) == 0, "%s", p.e.msg);
	if (i.layers.n != 1)
		return;
	snprintf(tree, sizeof(tree), "layers/%s/tree/src/f", digest_hex(i.layers.v[0]));
	ok(exists(p.store.root, tree), "src/f is missing");
	snprintf(tree, sizeof(tree), "layers/%s/tree/root", digest_hex(i.layers.v[0]));
	same_int(count_entries(p.store.root, tree), 0);
}

TEST(a_tar_on_standard_input_is_read_to_its_end)
{
	own(place) struct place p;
	own(buf) struct buf b = { 0 };
	own(image) struct image i = { 0 };
	int saved = dup(0), fd;

	place_open(&p);
	small_tar(&b);
	put(p.dir, "a.tar", &b);
	fd = openat(p.dir, "a.tar", O_RDONLY | O_CLOEXEC);
	dup2(fd, 0);
	ok(import(&p, "-", "x", NULL, &i) == 0, "%s", p.e.msg);
	same_int(lseek(0, 0, SEEK_CUR), (long long)b.len);
	dup2(saved, 0);
	close(saved);
	close(fd);
}

int main(void)
{
	return unit_run();
}
