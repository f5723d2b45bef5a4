/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries that try to leave the tree, and names in every disguise: one line per case. */
#include "tar.h"

/*
 * Steps: d NAME [OCTAL MODE], f NAME TEXT, l NAME TARGET, h NAME TARGET, c NAME MAJOR:MINOR, p
 * NAME, x NAME TEXT (a file whose name stands in a PAX record). Results: d NAME, f NAME TEXT, l
 * NAME TARGET, w NAME (whiteout), o NAME (opaque), - NAME (not there), = NAME NAME (hard links of
 * each other), E TEXT (the error has it). @ is the canary's path.
 */
#define STEPS 12
struct row {
	const char *what;
	const char *steps[STEPS], *results[STEPS];
};

struct words {
	char kind;
	char a[PATH_MAX], b[PATH_MAX];
};

static void expand(struct world *w, const char *from, size_t n, char *to)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (from[i] == '@')
			len += (size_t)snprintf(to + len, PATH_MAX - len, "%s/canary", w->path);
		else
			to[len++] = from[i];
	}
	to[len] = '\0';
}

static struct words split(struct world *w, const char *line)
{
	struct words x = { .kind = line[0] };
	const char *a = line[1] ? line + 2 : line + 1;
	size_t n = strcspn(a, " ");

	expand(w, a, n, x.a);
	expand(w, a[n] ? a + n + 1 : a + n, strlen(a[n] ? a + n + 1 : a + n), x.b);
	return x;
}

static void step(struct world *w, struct buf *b, const char *line)
{
	struct words x = split(w, line);
	struct buf pax = { 0 };

	switch (x.kind) {
	case 'd':
		add(b, .name = x.a, .type = '5', .mode = (mode_t)strtol(x.b, NULL, 8));
		break;
	case 'f':
		add(b, .name = x.a, .data = x.b);
		break;
	case 'l':
		add(b, .name = x.a, .type = '2', .link = x.b, .mode = 0777);
		break;
	case 'h':
		add(b, .name = x.a, .type = '1', .link = x.b);
		break;
	case 'c':
		add(b, .name = x.a, .type = '3', .major = (unsigned)atoi(x.b),
		    .minor = (unsigned)atoi(strchr(x.b, ':') + 1));
		break;
	case 'p':
		add(b, .name = x.a, .type = '6');
		break;
	case 'x':
		pax_record(&pax, "path", x.a, strlen(x.a));
		add(b, .name = "short", .data = x.b, .pax = &pax);
		break;
	default:
		abort();
	}
	buf_free(&pax);
}

static void read_tree(struct world *w, const char *path, bool link, char text[PATH_MAX])
{
	int fd = link ? -1 : openat(w->tree, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n =
		link ? readlinkat(w->tree, path, text, PATH_MAX - 1) : read(fd, text, PATH_MAX - 1);

	text[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
}

static void check(struct world *w, const struct row *row, const char *line)
{
	struct words x = split(w, line);
	struct stat st = { 0 }, other;
	char text[PATH_MAX];
	bool there = fstatat(w->tree, x.a, &st, AT_SYMLINK_NOFOLLOW) == 0;

	switch (x.kind) {
	case '-':
		ok(!there, "%s: %s is there", row->what, x.a);
		break;
	case 'd':
		ok(S_ISDIR(st.st_mode), "%s: %s has mode %o", row->what, x.a, st.st_mode);
		break;
	case 'f':
	case 'l':
		read_tree(w, x.a, x.kind == 'l', text);
		ok(S_ISREG(st.st_mode) == (x.kind == 'f') && strcmp(text, x.b) == 0,
		   "%s: %s (mode %o) holds \"%s\"", row->what, x.a, st.st_mode, text);
		break;
	case 'w':
		ok(S_ISCHR(st.st_mode) && st.st_rdev == 0, "%s: %s is no whiteout", row->what, x.a);
		break;
	case 'o':
		ok(strcmp(tree_xattr(w, x.a, "trusted.overlay.opaque"), "y") == 0,
		   "%s: %s is not opaque", row->what, x.a);
		break;
	case 't':
		ok(S_ISDIR(st.st_mode) &&
			   strcmp(tree_xattr(w, x.a, "trusted.overlay.opaque"), "y") != 0,
		   "%s: %s is opaque", row->what, x.a);
		break;
	case '=':
		fstatat(w->tree, x.b, &other, AT_SYMLINK_NOFOLLOW);
		ok(there && st.st_ino == other.st_ino, "%s: %s is not %s", row->what, x.a, x.b);
		break;
	default:
		abort();
	}
}

static void run(const struct row *row)
{
	own(world) struct world w;
	own(buf) struct buf b = { 0 };
	int r;

	world_open(&w);
	for (size_t i = 0; i < STEPS && row->steps[i]; i++)
		step(&w, &b, row->steps[i]);
	tar_end(&b);
	r = unpack(&w, &b);
	canary_is_untouched(&w, row->what);
	if (row->results[0][0] == 'E') {
		ok(r < 0 && strstr(w.e.msg, row->results[0] + 2), "%s: %s", row->what,
		   r < 0 ? w.e.msg : "was taken");
		return;
	}
	ok(r == 0, "%s: %s", row->what, w.e.msg);
	for (size_t i = 0; r == 0 && i < STEPS && row->results[i]; i++)
		check(&w, row, row->results[i]);
}

static void run_all(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run(&rows[i]);
}

// clang-format off
TEST(a_symlink_never_leads_a_write_out_of_the_tree)
{
	static const struct row rows[] = {
		{ "absolute link", { "l a @", "f a/f x" }, { "l a @" } },
		{ "absolute link to a directory of the layer", { "d etc", "l local /etc", "f local/f x" }, { "f etc/f x", "l local /etc" } },
		{ "relative link that goes up and out", { "d etc", "l local ../../../../etc", "f local/f x" }, { "f etc/f x" } },
		{ "relative link to the canary", { "l a ../canary", "f a/secret x" }, { "f canary/secret x" } },
		{ "link in a link's directory", { "d d", "l d/up ..", "l d/up/top ../../../..", "f d/up/top/f x" }, { "f f x", "l top ../../../.." } },
		{ "file over a link", { "l a @/secret", "f a x" }, { "f a x" } },
		{ "empty file over a link", { "l a @/secret", "f a" }, { "f a " } },
		{ "directory over a link", { "l a @", "d a 700", "f a/f x" }, { "d a", "f a/f x" } },
		{ "link over a directory", { "d a", "f a/f x", "l a @", "f a/g y" }, { "l a @" } },
		{ "link replaced between entries", { "d d", "l a d", "f a/1 x", "l a @", "f a/2 y" }, { "f d/1 x", "l a @" } },
		{ "link in the middle", { "d a/b", "l a/b/c /", "f a/b/c/canary/f x" }, { "f canary/f x" } },
		{ "dangling link", { "l run /var/run", "f run/pid 1" }, { "f var/run/pid 1", "l run /var/run" } },
		{ "dangling link with dots", { "d a", "l a/l ../../b/../c", "f a/l/f x" }, { "f c/f x" } },
		{ "link to itself", { "l a a", "f a/f x" }, { "E a/f" } },
		{ "loop of two", { "l a b", "l b a", "f a/f x" }, { "E a/f" } },
		{ "link that becomes a file below itself", { "l s .", "f s/s x", "f s/f y" }, { "E s/f" } },
		{ "whiteout through a link", { "l a @", "f a/.wh.secret" }, { "l a @" } },
		{ "opaque mark through a link", { "l a @", "f a/.wh..wh..opq" }, { "l a @" } },
		{ "directory entry through a link", { "l a @", "d a/secret 777" }, { "l a @" } },
		{ "device through a link", { "l a @", "c a/null 1:3" }, { "l a @" } },
		{ "the usual link of /var/run", { "d run", "d var", "l var/run /run", "f var/run/app.pid 7" }, { "f run/app.pid 7", "l var/run /run" } },
	};

	run_all(rows, ARRAY_LEN(rows));
}

TEST(a_hard_link_reaches_only_files_of_its_own_layer)
{
	static const struct row rows[] = {
		{ "plain", { "f a x", "h b a" }, { "= a b", "f b x" } },
		{ "absolute name inside", { "f a x", "h b /a" }, { "= a b" } },
		{ "absolute name outside", { "h b @/secret" }, { "E not in this layer" } },
		{ "relative name outside", { "h b ../canary/secret" }, { "E not in this layer" } },
		{ "long way up", { "d d", "h d/b ../../../../../../canary/secret" }, { "E not in this layer" } },
		{ "up and out to a name inside", { "d etc", "f etc/p x", "h b ../../etc/p" }, { "= b etc/p" } },
		{ "through a link outside", { "l a @", "h b a/secret" }, { "E not in this layer" } },
		{ "through a link inside", { "d d", "f d/f x", "l a d", "h b a/f" }, { "= b d/f" } },
		{ "to a symlink", { "l a @/secret", "h b a" }, { "l b @/secret", "= a b" } },
		{ "to a symlink, then written to", { "l a @/secret", "h b a", "f b x" }, { "f b x", "l a @/secret" } },
		{ "to a later entry", { "h b a", "f a x" }, { "E not in this layer" } },
		{ "to a directory", { "d a", "h b a" }, { "E directory" } },
		{ "to the root", { "h b /" }, { "E directory" } },
		{ "to a file below", { "h etc/b etc/passwd" }, { "E \"etc/b\": hard link to \"etc/passwd\"" } },
		{ "to a whiteout", { "f .wh.a", "h b a" }, { "E not in this layer" } },
		{ "to a device", { "c n 1:3", "h m n" }, { "= n m" } },
		{ "to itself", { "f a x", "h a a" }, { "f a x" } },
		{ "over another file", { "f a x", "f b y", "h b a" }, { "= a b", "f b x" } },
		{ "over the directory of its target", { "d d", "f d/f x", "h d d/f" }, { "E d" } },
		{ "replaced file leaves its other name alone", { "f a x", "h b a", "f a y" }, { "f a y", "f b x" } },
	};

	run_all(rows, ARRAY_LEN(rows));
}

TEST(a_name_is_cleaned_inside_the_root_or_refused)
{
	static char component[302], deep[5002], chain[4002];
	const struct row long_rows[] = {
		{ "component of 300 bytes", { component }, { "E File name too long" } },
		{ "path of 5000 bytes", { deep }, { "E longer than" } },
		{ "more than a thousand directories", { chain }, { "E directories deep" } },
	};
	static const struct row rows[] = {
		{ "dots in front", { "f ../x 1" }, { "f x 1" } },
		{ "dots after a dot", { "f ./../x 1" }, { "f x 1" } },
		{ "absolute", { "f /x 1" }, { "f x 1" } },
		{ "down and up", { "f a/../../x 1" }, { "f x 1", "- a" } },
		{ "the canary by its path", { "f @/secret 1" }, { "- ../secret" } },
		{ "PAX name with dots", { "x ../../x 1" }, { "f x 1", "- short" } },
		{ "double slash", { "d a", "f a//b 1" }, { "f a/b 1" } },
		{ "slashes in front", { "f ///x 1" }, { "f x 1" } },
		{ "directory with slashes at its end", { "d a///" }, { "d a" } },
		{ "dot components", { "f ././a/./b 1" }, { "f a/b 1" } },
		{ "three dots are a name", { "f ... 1", "f ..a 2" }, { "f ... 1", "f ..a 2" } },
		{ "bytes that are not UTF-8", { "f \xff\xfe 1" }, { "f \xff\xfe 1" } },
		{ "newline", { "f a\nb 1" }, { "f a\nb 1" } },
		{ "decomposed letters stay so", { "x e\xcc\x81 1" }, { "f e\xcc\x81 1", "- \xc3\xa9" } },
		{ "PAX bytes that are not UTF-8", { "x \xff\xfe 1" }, { "f \xff\xfe 1" } },
		{ "file below a file", { "f a 1", "f a/b 2" }, { "E a/b" } },
	};

	strcpy(component, "x ");
	memset(component + 2, 'n', 299);
	strcpy(deep, "x ");
	for (size_t i = 2; i < 5000; i++)
		deep[i] = i % 100 ? 'n' : '/';
	strcpy(chain, "x ");
	for (size_t i = 2; i < 4000; i++)
		chain[i] = i % 2 ? '/' : 'n';
	run_all(rows, ARRAY_LEN(rows));
	component[301] = deep[5001] = chain[4001] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(long_rows); i++)
		run(&long_rows[i]);
}

TEST(only_a_directory_entry_may_describe_the_root)
{
	static const struct row rows[] = {
		{ "directory .", { "d . 711" }, { "d ." } },
		{ "directory ./", { "d ./ 711", "f a x" }, { "f a x" } },
		{ "directory /", { "d / 711" }, { "d ." } },
		{ "symlink .", { "l . @" }, { "E root" } },
		{ "symlink /.", { "l /. @" }, { "E root" } },
		{ "symlink a/..", { "l a/.. @" }, { "E root" } },
		{ "file .", { "f . x" }, { "E root" } },
		{ "hard link .", { "f a x", "h . a" }, { "E root" } },
		{ "device /", { "c . 1:3" }, { "E root" } },
		{ "FIFO", { "p ./" }, { "E root" } },
	};

	run_all(rows, ARRAY_LEN(rows));
}

TEST(a_whiteout_hides_only_what_is_below_its_layer)
{
	static const struct row rows[] = {
		{ "file", { "d a", "f a/.wh.b" }, { "w a/b", "- a/.wh.b" } },
		{ "in a directory that the layer lacks", { "f a/b/.wh.c" }, { "w a/b/c" } },
		{ "before its file", { "f .wh.x", "f x 1" }, { "f x 1", "- .wh.x" } },
		{ "after its file", { "f x 1", "f .wh.x" }, { "f x 1", "- .wh.x" } },
		{ "before a directory", { "f .wh.x", "d x", "f x/f 1" }, { "o x", "f x/f 1" } },
		{ "after a directory", { "d x", "f x/f 1", "f .wh.x" }, { "o x", "f x/f 1" } },
		{ "before a file in a directory without an entry", { "f .wh.x", "f x/f 1" }, { "o x", "f x/f 1" } },
		{ "before a symlink", { "f .wh.x", "l x y" }, { "l x y" } },
		{ "twice", { "f .wh.x", "f .wh.x" }, { "w x" } },
		{ "opaque", { "d a", "f a/.wh..wh..opq", "f a/f 1" }, { "o a", "f a/f 1", "- a/.wh..wh..opq" } },
		{ "opaque after siblings", { "d a", "f a/f 1", "f a/.wh..wh..opq" }, { "o a", "f a/f 1" } },
		{ "opaque, then described", { "f a/.wh..wh..opq", "d a 700" }, { "o a" } },
		{ "opaque in a directory that the layer lacks", { "f a/.wh..wh..opq" }, { "o a" } },
		{ "opaque root", { "f .wh..wh..opq" }, { "o ." } },
		{ "plain directories are not opaque", { "d a", "f b/f 1" }, { "t a", "t b" } },
		{ "directory in place of a file", { "f a 1", "d a" }, { "o a" } },
		{ "with data in it", { "f .wh.x junk", "f y 1" }, { "w x", "f y 1" } },
		{ "as a directory", { "d .wh.x" }, { "w x" } },
		{ "no name", { "f .wh." }, { "E whiteout" } },
		{ "the name .", { "f a/.wh.." }, { "E whiteout" } },
		{ "the name ..", { "f a/.wh..." }, { "E whiteout" } },
		{ "as a parent", { "f .wh.x/f 1" }, { "E whiteout" } },
		{ "of aufs", { "d .wh..wh.plnk", "f .wh..wh.plnk/1 x", "f .wh..wh.aufs", "f a 1" }, { "f a 1", "- .wh..wh.plnk", "- .wh..wh.aufs" } },
		{ "as a device 0:0", { "c x 0:0" }, { "E 0:0" } },
		{ "link to one through a name", { "f .wh.x", "h y .wh.x" }, { "E not in this layer" } },
	};

	run_all(rows, ARRAY_LEN(rows));
}

TEST(a_later_entry_takes_the_place_of_an_earlier_one)
{
	static const struct row rows[] = {
		{ "file over file", { "f a long-text", "f a x" }, { "f a x" } },
		{ "file over directory", { "d a", "f a/b 1", "f a x" }, { "f a x" } },
		{ "directory over file", { "f a 1", "d a", "f a/b x" }, { "f a/b x" } },
		{ "directory over directory", { "d a", "f a/b x", "d a 700" }, { "f a/b x" } },
		{ "link over file", { "f a 1", "l a b" }, { "l a b" } },
		{ "device over file", { "f a 1", "p a", "c a 1:3" }, { "- b" } },
		{ "file over device", { "c a 1:3", "f a x" }, { "f a x" } },
	};

	run_all(rows, ARRAY_LEN(rows));
}
// clang-format on

int main(void)
{
	return unit_run();
}
