/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/page.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/macros.h"

/* What of the stack may still be in use below the current frame: signal frames, calls to come. */
#define STACK_KEEP (16 * 1024)
#define STACK_DEPTH (256 * 1024)

static uintptr_t page_size(void)
{
	return (uintptr_t)sysconf(_SC_PAGESIZE);
}

void page_release(void *p, size_t n)
{
	uintptr_t page = page_size();
	uintptr_t first = ((uintptr_t)p + page - 1) & ~(page - 1);
	uintptr_t last = ((uintptr_t)p + n) & ~(page - 1);

	if (last > first)
		(void)madvise((void *)first, last - first, MADV_DONTNEED);
}

struct segments {
	size_t n;
	struct {
		uintptr_t first, end;
	} v[8];
};

/* The program comes first; the libraries are in everybody's memory anyway. */
static int find_constant_segments(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct segments *s = ctx;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum && s->n < ARRAY_LEN(s->v); i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + h->p_vaddr;

		if (h->p_type != PT_LOAD || h->p_flags & PF_W)
			continue;
		s->v[s->n].first = start & ~(page_size() - 1);
		s->v[s->n++].end = start + h->p_memsz;
	}
	return 1;
}

void page_release_code(void)
{
	struct segments s = { 0 };

	dl_iterate_phdr(find_constant_segments, &s);
	for (size_t i = 0; i < s.n; i++)
		(void)madvise((void *)s.v[i].first, s.v[i].end - s.v[i].first, MADV_DONTNEED);
}

void page_release_stack(void)
{
	uintptr_t page = page_size();
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t top = (here - STACK_KEEP) & ~(page - 1);

	/* Fails with ENOMEM where the stack never grew that deep, having released the rest: fine.
	 */
	for (uintptr_t p = top - page; p > top - STACK_DEPTH; p -= page)
		if (madvise((void *)p, page, MADV_DONTNEED) < 0)
			break;
}
