/* SPDX-License-Identifier: GPL-2.0-or-later */
/* macros.h - the few compiler spellings that everybody uses. */
#ifndef CADDIS_BASE_MACROS_H
#define CADDIS_BASE_MACROS_H

#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#endif
