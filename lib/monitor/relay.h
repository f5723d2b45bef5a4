/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * relay.h - bytes from one endpoint to another, and into a log on the way. Reads no more before what it has is
 * written, so whoever is slow slows this stream alone, and memory is one buffer.
 */
#ifndef CADDIS_MONITOR_RELAY_H
#define CADDIS_MONITOR_RELAY_H

#include "monitor/ctr_log.h"
#include "monitor/endpoint.h"
#include "monitor/loop.h"

#define RELAY_BUFFER (64 * 1024)
#define RELAY_HEAD 16 /* bytes that a filter may put before what was read */

struct relay {
	struct loop *loop;
	struct handler src, dst;
	struct endpoint from, to; /* to of kind ENDPOINT_NONE: only the log, or nowhere */
	struct ctr_log *log;
	enum ctr_log_stream stream;
	char *buf; /* RELAY_HEAD + RELAY_BUFFER; relays that never wait to write may share one */
	size_t off, len;
	/* Sees the n bytes at p that the log saw; may be NULL. */
	void (*tap)(struct relay *r, const char *p, size_t n);
	/* Changes the n bytes at buf + RELAY_HEAD; sets off and len; may be NULL. n is 0 at the end. */
	void (*filter)(struct relay *r, size_t n);
	void (*on_end)(struct relay *r);            /* the source has ended and all is written; may add bytes */
	void (*on_broken)(struct relay *r, int err); /* the destination takes no more */
	void *ctx;
	bool pty;     /* the source is a terminal's master: EIO is no end while the process lives */
	bool splice;  /* kernel to kernel, while no log wants to see it */
	bool blocked; /* splice waits for the destination */
	bool paused;  /* not to be read for now */
	bool at_end; /* there is no source: an end of file at once */
	bool ended, done;
	bool mid_line; /* the last byte that was read ended no line */
	/* Once the process has ended: */
	bool draining;
	size_t left; /* at most that much was in the stream then */
	int64_t deadline;
};

/* A relay without a source is done. */
void relay_start(struct relay *r);
void relay_pump(struct relay *r);
/* What the process wrote is in the stream by now: relay it, and no more than a little of what others add. */
void relay_drain(struct relay *r);
/* Stops it for good, dropping what it holds. */
void relay_stop(struct relay *r);

#endif
