/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/protect.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "base/macros.h"
#include "base/path.h"
#include "executor/syscalls.h"

#define SELF "/proc/self/exe"

/* Ours is the one program in the address space whose headers the kernel has told. */
struct program {
	const ElfW(Phdr) * headers;
	size_t n;
	uintptr_t base, page;
};

static int find_program(struct program *p)
{
	p->headers = (const ElfW(Phdr) *)getauxval(AT_PHDR); // NOLINT(performance-no-int-to-ptr)
	p->n = getauxval(AT_PHNUM);
	p->page = getauxval(AT_PAGESZ);
	if (!p->headers || !p->page || getauxval(AT_PHENT) != sizeof(*p->headers))
		return -1;
	for (size_t i = 0; i < p->n; i++)
		if (p->headers[i].p_type == PT_PHDR) {
			p->base = (uintptr_t)p->headers - p->headers[i].p_vaddr;
			return 0;
		}
	return -1;
}

/* The same pages of the same file at the same address: whoever executes them does not notice. */
static int map_again(int fd, uintptr_t start, size_t len, off_t offset, int prot)
{
	void *at = (void *)start; // NOLINT(performance-no-int-to-ptr)

	return mmap(at, len, prot, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, fd, offset) == at ? 0
											     : -1;
}

/* Whole pages, with what lies between variables: AddressSanitizer is not to look, nor memcpy(). */
__attribute__((no_sanitize("address"))) static void
copy_pages(uintptr_t *to, const volatile uintptr_t *from, size_t len)
{
	for (size_t i = 0; i < len / sizeof(*to); i++)
		to[i] = from[i];
}

/* Data that was written to is no longer the file's: it moves to memory. */
static int copy_over(uintptr_t start, size_t len)
{
	void *at = (void *)start; // NOLINT(performance-no-int-to-ptr)
	void *copy = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (copy == MAP_FAILED)
		return -1;
	copy_pages(copy, at, len);
	if (mremap(copy, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at)
		return 0;
	munmap(copy, len);
	return -1;
}

static int protect_relocated(const struct program *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const ElfW(Phdr) *h = &p->headers[i];
		uintptr_t start = (p->base + h->p_vaddr) & ~(p->page - 1);
		uintptr_t end = (p->base + h->p_vaddr + h->p_memsz) & ~(p->page - 1);

		if (h->p_type == PT_GNU_RELRO && end > start &&
		    mprotect((void *)start, end - start, PROT_READ) <
			    0) // NOLINT(performance-no-int-to-ptr)
			return -1;
	}
	return 0;
}

static int move_program(const struct program *p, int fd)
{
	for (size_t i = 0; i < p->n; i++) {
		const ElfW(Phdr) *h = &p->headers[i];
		uintptr_t start = p->base + h->p_vaddr, skip = start & (p->page - 1);
		size_t len = (h->p_filesz + skip + p->page - 1) & ~(p->page - 1);
		int rc;

		if (h->p_type != PT_LOAD || h->p_filesz == 0)
			continue;
		start -= skip;
		if (h->p_flags & PF_W)
			rc = copy_over(start, len);
		else
			rc = map_again(fd, start, len, (off_t)(h->p_offset - skip),
				       PROT_READ | (h->p_flags & PF_X ? PROT_EXEC : 0));
		if (rc < 0)
			return -1;
	}
	return protect_relocated(p);
}

/* proc(5), stat: where the kernel believes the parts of this process to be. All are set at once,
 * and so remain as they are. */
static int read_places(struct prctl_mm_map *m)
{
	enum { FIRST = 26, LAST = 51 };
	static const struct {
		int field;
		size_t at;
	} places[] = {
		{ 26, offsetof(struct prctl_mm_map, start_code) },
		{ 27, offsetof(struct prctl_mm_map, end_code) },
		{ 28, offsetof(struct prctl_mm_map, start_stack) },
		{ 45, offsetof(struct prctl_mm_map, start_data) },
		{ 46, offsetof(struct prctl_mm_map, end_data) },
		{ 47, offsetof(struct prctl_mm_map, start_brk) },
		{ 48, offsetof(struct prctl_mm_map, arg_start) },
		{ 49, offsetof(struct prctl_mm_map, arg_end) },
		{ 50, offsetof(struct prctl_mm_map, env_start) },
		{ 51, offsetof(struct prctl_mm_map, env_end) },
	};
	own(fd) int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	char text[1024], *p;
	size_t next = 0;
	ssize_t n;

	n = fd < 0 ? -1 : read_full(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	p = strrchr(text, ')'); /* the end of field 2 */
	if (!p)
		return -1;
	for (int field = 3; field <= LAST; field++) {
		p = strchr(p, ' ');
		if (!p)
			return -1;
		p++;
		if (field == places[next].field)
			*(__u64 *)((char *)m + places[next++].at) = strtoull(p, NULL, 10);
	}
	m->brk = (uintptr_t)sbrk(0);
	return next == ARRAY_LEN(places) ? 0 : -1;
}

/* The program's file by a mount of its own; -1: none. */
static int open_program(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	own(fd) int mount = sys_open_tree(AT_FDCWD, SELF, OPEN_TREE_CLONE);

	if (mount < 0 || sys_mount_setattr(mount, "", AT_EMPTY_PATH, &attr) < 0)
		return -1;
	return open(fd_path(mount).s, O_RDONLY | O_CLOEXEC);
}

int protect_in_place(void)
{
	struct prctl_mm_map places = { 0 };
	struct program program;
	unsigned size = 0;
	own(fd) int empty = -1;
	own(fd) int fd = -1;

	if (prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) < 0 || size != sizeof(places) ||
	    find_program(&program) < 0 || read_places(&places) < 0)
		return -1;
	fd = open_program();
	empty = protect_memory_file(-1);
	if (fd < 0 || empty < 0 || move_program(&program, fd) < 0)
		return -1;
	places.exe_fd = (__u32)empty;
	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &places, sizeof(places), 0) < 0)
		return -1;
	return fd_steal(&fd);
}
