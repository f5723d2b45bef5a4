/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/ctr_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "unit.h"

static char root[] = "/tmp/ctr_log_test.XXXXXX";
static int dir = -1;

static struct ctr_log *fresh(const char *name)
{
	struct ctr_log *l = NULL;
	struct err e = { 0 };

	unlinkat(dir, name, 0);
	ok(ctr_log_open(dir, name, &l, &e) == 0, "%s", e.msg);
	return l;
}

static void load(int at, const char *name, struct buf *b)
{
	own(fd) int fd = openat(at, name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	b->len = 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	buf_reserve(b, (size_t)st.st_size);
	b->len = (size_t)read_full(fd, b->s, (size_t)st.st_size);
	b->s[b->len] = '\0';
}

/* What the reader gives for both streams. */
static int read_log(const char *name, struct ctr_log_read_options o, struct buf *out,
		    struct buf *err)
{
	own(fd) int a = openat(dir, "read.out", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	own(fd) int b = openat(dir, "read.err", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct err e = { 0 };
	int r;

	o.out = a;
	o.err = b;
	r = ctr_log_read(dir, name, &o, &e);
	ok(r == 0, "%s", e.msg);
	load(dir, "read.out", out);
	if (err)
		load(dir, "read.err", err);
	return r;
}

static void same_bytes(const struct buf *got, const char *want, size_t n)
{
	ok(got->len == n, "got %zu bytes, want %zu", got->len, n);
	ok(got->len != n || n == 0 || memcmp(got->s, want, n) == 0, "the bytes differ");
}

/* Cuts the text behind the stamps of each record together: "stdout F a\n..." */
static void without_stamps(const char *name, struct buf *out)
{
	own(buf) struct buf all = { 0 };

	load(dir, name, &all);
	for (char *p = all.s; p && *p; p = strchr(p, '\n') + 1) {
		char *nl = strchr(p, '\n');

		ok(nl != NULL, "a record without end");
		if (!nl)
			return;
		buf_addn(out, p + 31, (size_t)(nl - p) + 1 - 31);
	}
}

TEST(each_line_becomes_a_full_record_of_its_stream)
{
	own(buf) struct buf got = { 0 };
	struct ctr_log *l = fresh("lines");

	ctr_log_write(l, CTR_LOG_STDOUT, "one\ntwo\n", 8);
	ctr_log_write(l, CTR_LOG_STDERR, "three\n\n", 7);
	ctr_log_close(l);
	without_stamps("lines", &got);
	same_str(got.s, "stdout F one\nstdout F two\nstderr F three\nstderr F \n");
}

TEST(a_line_that_arrives_in_pieces_is_one_record)
{
	own(buf) struct buf got = { 0 };
	struct ctr_log *l = fresh("pieces");

	ctr_log_write(l, CTR_LOG_STDOUT, "he", 2);
	ctr_log_write(l, CTR_LOG_STDERR, "x\n", 2);
	ctr_log_write(l, CTR_LOG_STDOUT, "llo\nrest", 8);
	ctr_log_close(l);
	without_stamps("pieces", &got);
	same_str(got.s, "stderr F x\nstdout F hello\nstdout P rest\n");
}

TEST(lines_are_split_after_16384_bytes_and_not_before)
{
	static const size_t sizes[] = { 16383, 16384, 16385, 32768, 32769, 65536 };
	own(str) char *text = xmalloc(65537);

	memset(text, 'a', 65537);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		own(buf) struct buf got = { 0 };
		own(buf) struct buf want = { 0 };
		struct ctr_log *l = fresh("split");
		size_t n = sizes[i];

		text[n] = '\n';
		ctr_log_write(l, CTR_LOG_STDOUT, text, n + 1);
		ctr_log_close(l);
		text[n] = 'a';
		for (; n > 16384; n -= 16384) {
			buf_add(&want, "stdout P ");
			buf_addn(&want, text, 16384);
			buf_add(&want, "\n");
		}
		buf_add(&want, "stdout F ");
		buf_addn(&want, text, n);
		buf_add(&want, "\n");
		without_stamps("split", &got);
		ok(got.len == want.len && memcmp(got.s, want.s, got.len) == 0,
		   "a line of %zu bytes: %zu bytes of records, want %zu", sizes[i], got.len,
		   want.len);
	}
}

static unsigned seed = 7;
static unsigned rnd(void)
{
	seed = seed * 1103515245u + 12345u;
	return seed >> 8;
}

/* Random bytes with newlines now and then. */
static void noise(struct buf *b, size_t n, unsigned newline_every)
{
	buf_reserve(b, n);
	for (size_t i = 0; i < n; i++) {
		char c = (char)rnd();

		if (c == '\n' || rnd() % newline_every == 0)
			c = rnd() % newline_every == 0 ? '\n' : '\0';
		buf_addc(b, c);
	}
}

TEST(what_is_read_is_what_was_written_for_all_bytes_and_cuts)
{
	static const unsigned every[] = { 3, 80, 20000, 1000000 };

	for (size_t k = 0; k < sizeof(every) / sizeof(*every); k++) {
		struct buf in[2] = { { 0 } };
		own(buf) struct buf out = { 0 };
		own(buf) struct buf err = { 0 };
		struct ctr_log *l = fresh("noise");
		size_t at[2] = { 0 };

		noise(&in[0], 700000, every[k]);
		noise(&in[1], 300000, every[k]);
		while (at[0] < in[0].len || at[1] < in[1].len) {
			int s = (int)(rnd() & 1);
			size_t n = rnd() % (rnd() % 4 ? 500 : 66000);

			n = MIN(n, in[s].len - at[s]);
			ctr_log_write(l, (enum ctr_log_stream)s, in[s].s + at[s], n);
			at[s] += n;
		}
		ctr_log_close(l);
		read_log("noise", (struct ctr_log_read_options){ .tail = -1 }, &out, &err);
		same_bytes(&out, in[0].s, in[0].len);
		same_bytes(&err, in[1].s, in[1].len);
		buf_free(&in[0]);
		buf_free(&in[1]);
	}
}

TEST(times_never_step_back_within_a_log)
{
	own(buf) struct buf got = { 0 };
	struct ctr_log *l = fresh("times");
	char last[31] = "";

	for (int i = 0; i < 1000; i++)
		ctr_log_write(l, (enum ctr_log_stream)(i & 1), "x\n", 2);
	ctr_log_close(l);
	load(dir, "times", &got);
	for (char *p = got.s; *p; p = strchr(p, '\n') + 1) {
		int64_t ns;

		ok(p[30] == ' ' && p[29] == 'Z' && p[19] == '.', "stamp %.31s", p);
		ok(strncmp(last, p, 30) <= 0, "%.30s after %s", p, last);
		memcpy(last, p, 30);
		ok(clock_parse(last, &ns) == 0, "%s does not parse", last);
	}
}

TEST(a_log_that_is_a_symlink_or_a_fifo_is_refused)
{
	struct ctr_log *l = NULL;
	struct err e = { 0 };
	struct stat st;

	ok(symlinkat("victim", dir, "link") == 0, "symlink");
	ok(ctr_log_open(dir, "link", &l, &e) < 0, "a symlink was opened");
	ok(fstatat(dir, "victim", &st, 0) < 0, "its target was made");
	ok(mkfifoat(dir, "fifo", 0600) == 0, "mkfifo");
	ok(ctr_log_open(dir, "fifo", &l, &e) < 0, "a FIFO was opened");
	ok(mkdirat(dir, "dir", 0700) == 0, "mkdir");
	ok(ctr_log_open(dir, "dir", &l, &e) < 0, "a directory was opened");
}

TEST(a_record_cut_by_a_killed_writer_does_not_swallow_the_next_one)
{
	own(buf) struct buf out = { 0 };
	struct ctr_log *l = fresh("torn");
	int fd;

	ctr_log_write(l, CTR_LOG_STDOUT, "a\nb\n", 4);
	ctr_log_close(l);
	fd = openat(dir, "torn", O_WRONLY | O_APPEND | O_CLOEXEC);
	ok(write(fd, "2026-11-23T10:11:12.123456789Z std", 34) == 34, "write");
	close(fd);
	ok(ctr_log_open(dir, "torn", &l, &(struct err){ 0 }) == 0, "open again");
	ctr_log_write(l, CTR_LOG_STDOUT, "c\n", 2);
	ctr_log_close(l);
	read_log("torn", (struct ctr_log_read_options){ .tail = -1 }, &out, NULL);
	same_str(out.s, "a\nb\nc\n");
}

TEST(a_full_disk_loses_counted_records_and_later_ones_are_kept)
{
	own(buf) struct buf all = { 0 };
	own(buf) struct buf out = { 0 };
	own(buf) struct buf err = { 0 };
	struct ctr_log *l = NULL;
	int home = dir, lost = 0, kept = 0;
	char line[101];

	ok(mkdirat(dir, "full", 0700) == 0 || errno == EEXIST, "mkdir");
	memset(line, 'x', 99);
	line[99] = '\n';
	dir = openat(home, "full", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mount("tmpfs", fd_path(dir).s, "tmpfs", 0, "size=64k") < 0) {
		ok(false, "mount: %s", strerror(errno));
		close(dir);
		dir = home;
		return;
	}
	close(dir);
	dir = openat(home, "full", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok(ctr_log_open(dir, "log", &l, &(struct err){ 0 }) == 0, "open");
	for (int i = 0; i < 1000; i++) /* 140 KB of records */
		ctr_log_write(l, CTR_LOG_STDOUT, line, 100);
	load(dir, "log", &all);
	ok(all.len > 32768 && all.s[all.len - 1] == '\n', "the file ends in half a record");
	/* Somebody makes room. */
	ok(mount(NULL, fd_path(dir).s, NULL, MS_REMOUNT, "size=1m") == 0, "remount");
	ctr_log_write(l, CTR_LOG_STDOUT, "back\n", 5);
	ctr_log_close(l);
	unlinkat(dir, "read.out", 0);
	read_log("log", (struct ctr_log_read_options){ .tail = -1 }, &out, &err);
	for (const char *p = out.s; (p = strstr(p, "x\n")); p++)
		kept++;
	ok(out.len > 5 && strcmp(out.s + out.len - 5, "back\n") == 0, "what came later is missing");
	ok(err.s && sscanf(err.s, "[caddis: %d log records lost here: No space left on device]",
			   &lost) == 1,
	   "no marker: %s", err.s ? err.s : "");
	same_int(kept + lost, 1000);
	ok(kept > 100, "only %d kept", kept);
	close(dir);
	dir = home;
	own(str) char *path = str_fmt("%s/full", root);
	ok(umount2(path, MNT_DETACH) == 0, "umount");
}

static struct ctr_log *numbered(const char *name, int lines)
{
	struct ctr_log *l = fresh(name);
	char line[32];

	for (int i = 1; i <= lines; i++)
		ctr_log_write(l, i % 10 == 0 ? CTR_LOG_STDERR : CTR_LOG_STDOUT, line,
			      (size_t)snprintf(line, sizeof(line), "%d\n", i));
	return l;
}

TEST(tail_counts_lines_of_both_streams_or_of_the_wanted_one)
{
	own(buf) struct buf out = { 0 };
	own(buf) struct buf err = { 0 };

	ctr_log_close(numbered("tail", 20000));
	read_log("tail", (struct ctr_log_read_options){ .tail = 3 }, &out, &err);
	same_str(out.s, "19998\n19999\n");
	same_str(err.s, "20000\n");
	read_log("tail", (struct ctr_log_read_options){ .tail = 2, .no_stdout = true }, &out, &err);
	same_int(out.len, 0);
	same_str(err.s, "19990\n20000\n");
	read_log("tail", (struct ctr_log_read_options){ .tail = 0 }, &out, &err);
	same_int(out.len + err.len, 0);
	read_log("tail", (struct ctr_log_read_options){ .tail = 30000 }, &out, &err);
	ok(strncmp(out.s, "1\n2\n", 4) == 0, "the first lines are missing");
	same_int(out.len + err.len, 9 * 2 + 90 * 3 + 900 * 4 + 9000 * 5 + 10001 * 6);
}

TEST(tail_gives_whole_lines_of_many_pieces_also_between_others)
{
	own(buf) struct buf out = { 0 };
	own(buf) struct buf err = { 0 };
	own(buf) struct buf big = { 0 };
	struct ctr_log *l = fresh("long");

	buf_reserve(&big, 200001);
	memset(big.s, 'z', 200000);
	big.s[200000] = '\n';
	big.len = 200001;
	ctr_log_write(l, CTR_LOG_STDOUT, "before\n", 7);
	for (size_t at = 0; at < big.len; at += 10000) {
		ctr_log_write(l, CTR_LOG_STDOUT, big.s + at, MIN(big.len - at, 10000));
		ctr_log_write(l, CTR_LOG_STDERR, "e\n", 2);
	}
	ctr_log_write(l, CTR_LOG_STDOUT, "last", 4);
	ctr_log_close(l);
	read_log("long", (struct ctr_log_read_options){ .tail = 2 }, &out, &err);
	same_str(out.s, "last");
	same_str(err.s, "e\n");
	read_log("long", (struct ctr_log_read_options){ .tail = 2, .no_stderr = true }, &out, &err);
	buf_add(&big, "last");
	same_bytes(&out, big.s, big.len);
}

TEST(tail_of_a_log_of_five_gibibytes_takes_less_than_100_ms)
{
	own(buf) struct buf out = { 0 };
	own(buf) struct buf err = { 0 };
	struct ctr_log *l = fresh("huge");
	int64_t t;
	int fd;

	ctr_log_close(l);
	fd = openat(dir, "huge", O_RDWR | O_CLOEXEC);
	/* A hole, and a newline at its end; five gibibytes as the reader sees them. */
	ok(ftruncate(fd, INT64_C(5) << 30) == 0, "truncate");
	ok(pwrite(fd, "\n", 1, (INT64_C(5) << 30) - 1) == 1, "write");
	close(fd);
	ok(ctr_log_open(dir, "huge", &l, &(struct err){ 0 }) == 0, "open");
	for (int i = 0; i < 20; i++)
		ctr_log_write(l, CTR_LOG_STDOUT, "line\n", 5);
	ctr_log_close(l);
	t = clock_monotonic();
	read_log("huge", (struct ctr_log_read_options){ .tail = 10 }, &out, &err);
	t = clock_monotonic() - t;
	same_int(out.len, 50);
	ok(t < NSEC_PER_SEC / 10, "it took %lld ms", (long long)(t / 1000000));
}

TEST(timestamps_stand_once_before_each_line)
{
	own(buf) struct buf out = { 0 };
	own(buf) struct buf big = { 0 };
	struct ctr_log *l = fresh("stamps");

	buf_reserve(&big, 40001);
	memset(big.s, 'z', 40000);
	big.s[40000] = '\n';
	ctr_log_write(l, CTR_LOG_STDOUT, big.s, 40001);
	ctr_log_write(l, CTR_LOG_STDOUT, "b\n", 2);
	ctr_log_close(l);
	read_log("stamps", (struct ctr_log_read_options){ .tail = -1, .timestamps = true }, &out,
		 NULL);
	same_int(out.len, 31 + 40001 + 31 + 2);
	ok(out.s[29] == 'Z' && strncmp(out.s + 31, "zzz", 3) == 0, "first line: %.40s", out.s);
	ok(strcmp(out.s + out.len - 2, "b\n") == 0 && out.s[out.len - 4] == 'Z', "second line");
}

static void put_raw(const char *name, const char *text)
{
	own(fd) int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

	ok(write_all(fd, text, strlen(text)) == 0, "write");
}

static const char three_days[] = "2026-11-01T00:00:00.000000000Z stdout F one\n"
				 "2026-11-02T00:00:00.000000000Z stdout P two,\n"
				 "2026-11-02T00:00:00.000000001Z stdout F two\n"
				 "2026-11-03T01:00:00+01:00 stdout F three\n"
				 "this is no record\n"
				 "2026-11-04T00:00:00Z stdout F:x four\n";

TEST(since_and_until_choose_whole_lines)
{
	own(buf) struct buf out = { 0 };
	struct ctr_log_read_options o = { .tail = -1 };
	int64_t second, third;

	put_raw("days", three_days);
	ok(clock_parse("2026-11-02T00:00:00Z", &second) == 0, "parse");
	ok(clock_parse("2026-11-03T00:00:00Z", &third) == 0, "parse");
	read_log("days", o, &out, NULL);
	same_str(out.s, "one\ntwo,two\nthree\nfour\n");
	o.since = second;
	read_log("days", o, &out, NULL);
	same_str(out.s, "two,two\nthree\nfour\n");
	o.since = second + 1;
	read_log("days", o, &out, NULL);
	same_str(out.s, "three\nfour\n");
	o = (struct ctr_log_read_options){ .tail = -1, .until = second };
	read_log("days", o, &out, NULL);
	same_str(out.s, "one\ntwo,two\n");
	o = (struct ctr_log_read_options){ .tail = 1, .until = third, .since = second };
	read_log("days", o, &out, NULL);
	same_str(out.s, "three\n");
}

struct follower {
	atomic_bool running;
	struct ctr_log_read_options o;
	const char *name;
	pthread_t thread;
	int result;
	struct err e;
};

static bool is_running(void *ctx)
{
	return atomic_load((atomic_bool *)ctx);
}

static void *follow_thread(void *arg)
{
	struct follower *f = arg;

	f->result = ctr_log_read(dir, f->name, &f->o, &f->e);
	return NULL;
}

static void follow(struct follower *f, const char *name, int out)
{
	*f = (struct follower){ .name = name,
				.o = { .follow = true,
				       .tail = -1,
				       .running = is_running,
				       .ctx = &f->running,
				       .out = out,
				       .err = -1 } };
	atomic_store(&f->running, true);
	pthread_create(&f->thread, NULL, follow_thread, f);
}

static void follow_end(struct follower *f)
{
	atomic_store(&f->running, false);
	pthread_join(f->thread, NULL);
	ok(f->result == 0, "%s", f->e.msg);
}

static void expect_numbers(const struct buf *got, int n)
{
	own(buf) struct buf want = { 0 };

	for (int i = 1; i <= n; i++)
		buf_addf(&want, "%d\n", i);
	same_bytes(got, want.s, want.len);
}

TEST(follow_sees_each_line_once_across_a_rotation_and_ends_with_the_container)
{
	own(buf) struct buf got = { 0 };
	own(fd) int out = openat(dir, "followed", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct ctr_log *l = fresh("rotated"), *next = NULL;
	struct follower f;
	char line[32];

	follow(&f, "rotated", out);
	for (int i = 1; i <= 3000; i++) {
		ctr_log_write(l, CTR_LOG_STDOUT, line,
			      (size_t)snprintf(line, sizeof(line), "%d\n", i));
		if (i % 1000 == 0) {
			usleep(300000); /* rotations are seconds apart at least */
			ok(renameat(dir, "rotated", dir, "rotated.1") == 0, "rename");
			ok(ctr_log_open(dir, "rotated", &next, &(struct err){ 0 }) == 0, "open");
			ctr_log_close(l);
			l = next;
		}
	}
	ctr_log_write(l, CTR_LOG_STDOUT, "3001\n", 5);
	ctr_log_close(l);
	follow_end(&f);
	load(dir, "followed", &got);
	expect_numbers(&got, 3001);
}

TEST(follow_passes_a_line_on_within_a_tenth_of_a_second)
{
	int p[2];
	struct ctr_log *l = fresh("prompt");
	struct follower f;
	struct err e;
	char c[8];
	int64_t t;

	ok(fd_pipe(p, &e) == 0, "pipe");
	follow(&f, "prompt", p[1]);
	usleep(100000);
	t = clock_monotonic();
	ctr_log_write(l, CTR_LOG_STDOUT, "hello\n", 6);
	ok(read(p[0], c, sizeof(c)) == 6, "read");
	t = clock_monotonic() - t;
	ok(t < NSEC_PER_SEC / 10, "it took %lld ms", (long long)(t / 1000000));
	follow_end(&f);
	ctr_log_close(l);
	close(p[0]);
	close(p[1]);
}

TEST(follow_begins_anew_when_the_log_was_emptied_in_place)
{
	own(buf) struct buf got = { 0 };
	own(fd) int out = openat(dir, "followed", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct ctr_log *l = fresh("emptied");
	struct follower f;
	own(fd) int fd = openat(dir, "emptied", O_WRONLY | O_CLOEXEC);

	ctr_log_write(l, CTR_LOG_STDOUT, "first\n", 6);
	follow(&f, "emptied", out);
	usleep(300000);
	ok(ftruncate(fd, 0) == 0, "truncate");
	usleep(300000);
	ctr_log_write(l, CTR_LOG_STDOUT, "new\n", 4);
	follow_end(&f);
	ctr_log_close(l);
	load(dir, "followed", &got);
	same_str(got.s, "first\nnew\n");
}

TEST(follow_ends_when_nobody_reads_it_any_more)
{
	int p[2];
	struct ctr_log *l = fresh("unread");
	struct follower f;
	struct err e;
	int64_t t = clock_monotonic();

	ok(fd_pipe(p, &e) == 0, "pipe");
	follow(&f, "unread", p[1]);
	close(p[0]);
	pthread_join(f.thread, NULL);
	ok(clock_monotonic() - t < NSEC_PER_SEC, "it went on");
	close(p[1]);
	ctr_log_close(l);
}

TEST(a_record_longer_than_the_buffer_is_read_whole)
{
	own(buf) struct buf text = { 0 };
	own(buf) struct buf out = { 0 };

	buf_add(&text, "2026-11-01T00:00:00.000000000Z stdout F ");
	for (int i = 0; i < 60000; i++)
		buf_add(&text, "12345");
	buf_add(&text, "\n2026-11-01T00:00:00.000000000Z stdout F next\n");
	put_raw("foreign", text.s);
	read_log("foreign", (struct ctr_log_read_options){ .tail = -1 }, &out, NULL);
	same_int(out.len, 300000 + 1 + 5);
	ok(strcmp(out.s + 299995, "12345\nnext\n") == 0, "the end is %s", out.s + 299995);
}

int main(void)
{
	int r;

	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(root))
		return 1;
	dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = unit_run();
	close(dir);
	path_remove_tree(AT_FDCWD, root, &(struct err){ 0 });
	return r;
}
