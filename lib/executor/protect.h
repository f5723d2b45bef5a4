/* SPDX-License-Identifier: GPL-2.0-or-later */
/* protect.h - the parts of executor_protect(). */
#ifndef CADDIS_EXECUTOR_PROTECT_H
#define CADDIS_EXECUTOR_PROTECT_H

/*
 * Lets /proc/self/exe name an empty, sealed memory file, without starting anew: the program's
 * segments are mapped once more in place of themselves, through a read-only mount of its file (which
 * is attached nowhere), for the kernel forbids it while the old file is mapped by its old path. An
 * fd of the program's file, to start it again; -1: the kernel cannot, or does not let us. The process
 * is as good as before then.
 */
int protect_in_place(void);

/* A memory file of no content, or with that of from (from >= 0), which nobody can change any more;
 * -1 with errno. */
int protect_memory_file(int from);

#endif
