/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/macros.h"

/* Room for a burst while we are busy; refused for users over their pipe quota, which does no harm.
 */
#define PIPE_SIZE (256 * 1024)

static const char *const fifo_names[3] = { "stdin", "stdout", "stderr" };

static int *our_end(struct streams *s, int i)
{
	int *const ends[3] = { &s->in, &s->out, &s->err };

	return ends[i];
}

static int dev_null(struct err *e)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd >= 0 ? fd : err_sys(e, "open /dev/null");
}

static int one_pipe(struct streams *s, int i, struct err *e)
{
	int p[2] = { -1, -1 };
	int ours = i == 0 ? 1 : 0; /* we write to stdin, and read the others */

	if (fd_pipe(p, e) < 0)
		return -1;
	s->child[i] = p[!ours];
	*our_end(s, i) = p[ours];
	(void)fcntl(p[1], F_SETPIPE_SZ, PIPE_SIZE);
	if (fd_nonblock(p[ours]) < 0)
		return err_sys(e, "make a pipe non-blocking");
	return 0;
}

int streams_pipes(bool with_stdin, struct streams *out, struct err *e)
{
	struct streams s = STREAMS_NONE;

	if (!with_stdin && (s.child[0] = dev_null(e)) < 0)
		return -1;
	for (int i = with_stdin ? 0 : 1; i < 3; i++) {
		if (one_pipe(&s, i, e) < 0) {
			streams_close(&s);
			return -1;
		}
	}
	*out = s;
	return 0;
}

/* Read and write on both sides: a FIFO whose monitor died has still a reader and a writer, the
 * container. */
static int open_fifo(int dir, const char *name, int access, bool block, struct err *e)
{
	own(fd) int fd = openat(dir, name, access | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open %s", name);
	if (!S_ISFIFO(st.st_mode))
		return err_set(e, ERR_CORRUPT, "%s is not a FIFO", name);
	if (block && fcntl(fd, F_SETFL, 0) < 0)
		return err_sys(e, "make %s blocking", name);
	return fd_steal(&fd);
}

static int one_fifo(struct streams *s, int dir, int i, int access, struct err *e)
{
	const char *name = fifo_names[i];

	if (mkfifoat(dir, name, 0600) < 0 && errno != EEXIST)
		return err_sys(e, "make the FIFO %s", name);
	*our_end(s, i) = open_fifo(dir, name, O_RDWR, false, e);
	if (*our_end(s, i) < 0)
		return -1;
	s->child[i] = open_fifo(dir, name, access, true, e);
	return s->child[i] < 0 ? -1 : 0;
}

int streams_fifos(int run_dir, enum streams_stdin in, struct streams *out, struct err *e)
{
	struct streams s = STREAMS_NONE;

	if (in == STREAMS_NO_STDIN && (s.child[0] = dev_null(e)) < 0)
		return -1;
	for (int i = in == STREAMS_NO_STDIN ? 1 : 0; i < 3; i++) {
		int access = i == 0 && in == STREAMS_STDIN_ONCE ? O_RDONLY : O_RDWR;

		if (one_fifo(&s, run_dir, i, access, e) < 0) {
			streams_close(&s);
			return -1;
		}
	}
	*out = s;
	return 0;
}

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void streams_close_child(struct streams *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->child); i++)
		drop(&s->child[i]);
}

void streams_close(struct streams *s)
{
	streams_close_child(s);
	for (int i = 0; i < 3; i++)
		drop(our_end(s, i));
}
