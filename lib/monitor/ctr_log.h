/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ctr_log.h - a container's log in the CRI format, written and read.
 * https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
 *
 *     2026-11-23T10:11:12.123456789Z stdout F a whole line
 *     2026-11-23T10:11:12.123456790Z stderr P the first 16 KiB of a long one
 */
#ifndef CADDIS_MONITOR_CTR_LOG_H
#define CADDIS_MONITOR_CTR_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CTR_LOG_LINE 16384 /* bytes of content per record; containerd's number */

enum ctr_log_stream { CTR_LOG_STDOUT, CTR_LOG_STDERR };

struct ctr_log;
/* Opens (O_APPEND, O_CREAT 0640, O_NOFOLLOW, regular files only) name below dir. */
int ctr_log_open(int dir, const char *name, struct ctr_log **out, struct err *e);
/* Another file of that name from the next record on, after a rotation. On an error the old one is kept. */
int ctr_log_reopen(struct ctr_log *l, int dir, const char *name, struct err *e);
/*
 * From here on name is at most size bytes long, but for a record that is longer alone: before one that does not fit, the file becomes
 * name.1, name.1 becomes name.2 and so on; there are `files` of them at most, name included. No record is split or lost. A rotation that
 * fails leaves the old file in use.
 */
int ctr_log_limit(struct ctr_log *l, int dir, const char *name, int64_t size, int files,
		  struct err *e);
/* Never blocks for long and never fails the container: what a full disk refuses is counted, and said in the log once it takes bytes again. */
void ctr_log_write(struct ctr_log *l, enum ctr_log_stream s, const char *p, size_t n);
/* Nothing was written for a while: gives memory back. */
void ctr_log_idle(struct ctr_log *l);
void ctr_log_close(struct ctr_log *l); /* unfinished lines are written as they are (P); NULL is fine */

struct ctr_log_read_options {
	bool follow, timestamps;
	int64_t tail;         /* last N lines; -1: all */
	int64_t since, until; /* ns; 0: no bound */
	bool no_stdout, no_stderr;
	int files;	      /* name.1 to name.(files - 1) come before name; 0, 1: name alone */
	int64_t limit;	      /* bytes of output; 0: all */
	/* follow: is the container still running? Checked when there is nothing to read; then what is left is read and it ends. */
	bool (*running)(void *ctx);
	void *ctx;
	int out, err;         /* where stdout's and stderr's content goes; byte-exact */
};
int ctr_log_read(int dir, const char *name, const struct ctr_log_read_options *o, struct err *e);

#endif
