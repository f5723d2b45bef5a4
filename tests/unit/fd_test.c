/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/macros.h"
#include "unit.h"

static bool is_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && (flags & FD_CLOEXEC);
}

static int open_fds(void)
{
	own(dir) DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	return n;
}

TEST(what_is_written_whole_is_read_whole_up_to_the_end)
{
	enum { LEN = 300000 }; /* more than a pipe holds: the writes come back short */
	char *data = malloc(LEN), *got = calloc(1, LEN + 10);
	struct err e;
	int p[2];
	pid_t child;

	for (int i = 0; i < LEN; i++)
		data[i] = (char)(i * 7);
	ok(fd_pipe(p, &e) == 0, "%s", e.msg);
	ok(is_cloexec(p[0]) && is_cloexec(p[1]), "an end would be inherited");
	child = fork();
	if (child == 0) {
		close(p[0]);
		_exit(write_all(p[1], data, LEN) < 0);
	}
	close(p[1]);
	same_int(read_full(p[0], got, LEN + 10), LEN);
	ok(memcmp(data, got, LEN) == 0, "other bytes came out");
	close(p[0]);
	waitpid(child, NULL, 0);
	free(data);
	free(got);
}

TEST(a_packet_arrives_whole_with_its_fds_close_on_exec)
{
	int s[2], fds[4] = { -1, -1, -1, -1 };
	size_t n = ARRAY_LEN(fds);
	char text[16] = { 0 };
	struct err e;
	int p[2];

	ok(fd_socketpair(s, &e) == 0 && fd_pipe(p, &e) == 0, "%s", e.msg);
	ok(fd_send(s[0], "one", 3, p, 2, &e) == 0, "%s", e.msg);
	ok(fd_send(s[0], "second", 6, NULL, 0, &e) == 0, "%s", e.msg);
	same_int(fd_recv(s[1], text, sizeof(text), fds, &n, &e), 3);
	same_int(n, 2);
	ok(is_cloexec(fds[0]) && is_cloexec(fds[1]), "an fd would be inherited");
	ok(write_all(fds[1], "x", 1) == 0, "the fd does not write");
	same_int(read_full(p[0], text, 1), 1);
	n = ARRAY_LEN(fds);
	same_int(fd_recv(s[1], text, sizeof(text), fds + 2, &n, &e), 6);
	same_int(n, 0);
	ok(memcmp(text, "second", 6) == 0, "other text");
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(p[i]);
	}
	close(s[0]);
	n = 0;
	same_int(fd_recv(s[1], text, sizeof(text), NULL, NULL, &e), 0);
	close(s[1]);
}

TEST(a_packet_or_fds_larger_than_the_room_are_an_error_that_leaks_no_fd)
{
	int s[2], fds[1], std[2] = { 0, 1 };
	struct err e;
	size_t n = 1;
	char text[4];
	int before;

	ok(fd_socketpair(s, &e) == 0, "%s", e.msg);
	before = open_fds();
	ok(fd_send(s[0], "too long", 8, std, 1, &e) == 0, "%s", e.msg);
	same_int(fd_recv(s[1], text, sizeof(text), fds, &n, &e), -1);
	n = 1;
	ok(fd_send(s[0], "x", 1, std, 2, &e) == 0, "%s", e.msg);
	same_int(fd_recv(s[1], text, sizeof(text), fds, &n, &e), -1);
	ok(fd_send(s[0], "x", 1, std, 2, &e) == 0, "%s", e.msg);
	same_int(fd_recv(s[1], text, sizeof(text), NULL, NULL, &e), -1);
	same_int(open_fds(), before);
	ok(fd_send(s[0], "", 0, NULL, 0, &e) < 0, "an empty packet was sent");
	close(s[0]);
	close(s[1]);
}

TEST(sending_to_a_closed_socket_is_an_error_and_no_signal)
{
	struct err e;
	int s[2];

	ok(fd_socketpair(s, &e) == 0, "%s", e.msg);
	close(s[1]);
	ok(fd_send(s[0], "x", 1, NULL, 0, &e) < 0, "it was sent");
	same_int(e.sys, EPIPE);
	close(s[0]);
}

/* In a child, as it closes what the test prints to. */
TEST(closed_standard_fds_are_opened_on_dev_null)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		char c;

		close(0);
		close(2);
		fd_open_std();
		_exit(read(0, &c, 1) == 0 && write(2, "x", 1) == 1 &&
				      open("/", O_RDONLY | O_CLOEXEC) > 2
			      ? 0
			      : 1);
	}
	waitpid(child, &status, 0);
	same_int(status, 0);
}

TEST(every_fd_from_the_first_on_becomes_close_on_exec)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		int low = fcntl(0, F_DUPFD, 50), high = fcntl(0, F_DUPFD, 700);

		_exit(fd_cloexec_from(51) == 0 && !is_cloexec(low) && is_cloexec(high) ? 0 : 1);
	}
	waitpid(child, &status, 0);
	same_int(status, 0);
}

TEST(a_nonblocking_fd_says_that_there_is_nothing)
{
	struct err e;
	int p[2];
	char c;

	ok(fd_pipe(p, &e) == 0, "%s", e.msg);
	same_int(fd_nonblock(p[0]), 0);
	same_int(read(p[0], &c, 1), -1);
	same_int(errno, EAGAIN);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	return unit_run();
}
