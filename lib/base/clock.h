/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.h - time: RFC 3339 in UTC with nanoseconds, durations, monotonic deadlines. */
#ifndef CADDIS_BASE_CLOCK_H
#define CADDIS_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

#define NSEC_PER_SEC INT64_C(1000000000)

int64_t clock_now(void);       /* ns since 1970, UTC */
int64_t clock_monotonic(void); /* ns, for time-outs; goes on during suspend (CLOCK_BOOTTIME) */
#define CLOCK_TEXT_SIZE 40
/* "2026-11-23T10:11:12.123456789Z" */
void clock_format(int64_t ns, char dst[CLOCK_TEXT_SIZE]);
/* RFC 3339 with any offset, or whole seconds since 1970 (with fraction). 0 or -1. */
int clock_parse(const char *s, int64_t *ns) MUST_CHECK;
/* A Go duration ("1h30m", "10s", "1.5m") or plain seconds; never negative. 0 or -1. */
int clock_parse_duration(const char *s, int64_t *ns) MUST_CHECK;
/* "5 minutes ago", for tables. */
void clock_format_ago(int64_t ns, char *dst, size_t size);

#endif
