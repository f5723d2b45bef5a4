/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which process listens on a port, for an error's sake: /proc/net's inode, then whose fd it is. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "network/port.h"

/* The inode of a socket with this local port in /proc/net/{tcp,udp}[6]; 0: none. */
static uint64_t socket_inode(const char *table, bool tcp, uint16_t port)
{
	own(file) FILE *f = fopen(table, "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		/* sl: local:PORT remote:port STATE tx:rx tr:when retrnsmt uid timeout INODE */
		enum { PORT = 2, STATE = 5, INODE = 13, WORDS };
		char *words[WORDS], *save = NULL;
		uint64_t inode;
		size_t n = 0;

		for (char *w = strtok_r(line, " :\n", &save); w && n < WORDS;
		     w = strtok_r(NULL, " :\n", &save))
			words[n++] = w;
		if (n < WORDS || strtoul(words[PORT], NULL, 16) != port ||
		    (tcp && strtoul(words[STATE], NULL, 16) != 0x0a /* TCP_LISTEN */))
			continue;
		inode = strtoull(words[INODE], NULL, 10);
		if (inode)
			return inode;
	}
	return 0;
}

static bool has_socket(const char *pid, uint64_t inode)
{
	own(str) char *path = str_fmt("/proc/%s/fd", pid);
	own(str) char *want = str_fmt("socket:[%" PRIu64 "]", inode);
	own(dir) DIR *d = opendir(path);

	if (!d)
		return false;
	for (struct dirent *de; (de = readdir(d));) {
		char target[64];
		ssize_t n = readlinkat(dirfd(d), de->d_name, target, sizeof(target) - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		if (str_eq(target, want))
			return true;
	}
	return false;
}

static char *process_of(uint64_t inode)
{
	own(dir) DIR *d = opendir("/proc");

	if (!d)
		return NULL;
	for (struct dirent *de; (de = readdir(d));) {
		own(buf) struct buf comm = { 0 };
		own(str) char *path = NULL;
		struct err ignored;

		if (!isdigit((unsigned char)de->d_name[0]) || !has_socket(de->d_name, inode))
			continue;
		path = str_fmt("/proc/%s/comm", de->d_name);
		if (file_load_kernel(AT_FDCWD, path, &comm, &ignored) < 0)
			return str_fmt("process %s", de->d_name);
		return str_fmt("process %s (%s)", de->d_name, comm.s);
	}
	return NULL;
}

char *port_process(const struct port *p)
{
	static const char *const families[] = { "", "6" };
	char *who = NULL;

	for (size_t i = 0; !who && p->protocol != CRI_SCTP && i < ARRAY_LEN(families); i++) {
		own(str) char *table =
			str_fmt("/proc/net/%s%s", port_protocol_name(p->protocol), families[i]);
		uint64_t inode = socket_inode(table, p->protocol == CRI_TCP, p->host_port);

		if (inode)
			who = process_of(inode);
	}
	return who ? who : xstrdup("another process");
}
