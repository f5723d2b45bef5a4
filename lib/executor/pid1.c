/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/pid1.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "pid1_program.h" /* written when caddis is built, from gen/pid1.c */

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

int pid1_open(struct err *e)
{
	own(fd) int mem = memfd_create("pid1", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (mem < 0 && errno == EINVAL) /* before Linux 6.3 every memory file could be executed */
		mem = memfd_create("pid1", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (mem < 0)
		return err_sys(e, "make a memory file for pid 1");
	if (write_all(mem, pid1_program, sizeof(pid1_program)) < 0 || fchmod(mem, 0555) < 0 ||
	    fcntl(mem, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_sys(e, "fill the memory file of pid 1");
	return fd_steal(&mem);
}
