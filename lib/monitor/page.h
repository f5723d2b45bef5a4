/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page.h - memory that a silent monitor can do without. */
#ifndef CADDIS_MONITOR_PAGE_H
#define CADDIS_MONITOR_PAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Gives the whole pages in n bytes at p back to the kernel; what they held is lost. */
static inline void page_release(void *p, size_t n)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = ((uintptr_t)p + page - 1) & ~(page - 1);
	uintptr_t last = ((uintptr_t)p + n) & ~(page - 1);

	if (last > first)
		(void)madvise((void *)first, last - first, MADV_DONTNEED);
}

#endif
