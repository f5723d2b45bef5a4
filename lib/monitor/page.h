/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page.h - memory that a silent monitor can do without. */
#ifndef CADDIS_MONITOR_PAGE_H
#define CADDIS_MONITOR_PAGE_H

#include <stddef.h>

/* Gives the whole pages in n bytes at p back to the kernel; what they held is lost. */
void page_release(void *p, size_t n);
/* The stack below the caller, some way down. */
void page_release_stack(void);
/*
 * This program's code and constants, which are read again from its file where they are used. What
 * a monitor runs once, to set up, is most of them, and one monitor alone would be charged for it.
 */
void page_release_code(void);

#endif
