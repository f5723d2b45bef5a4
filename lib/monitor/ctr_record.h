/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ctr_record.h - one record of a log, parsed, and where the last lines begin: for the reader. */
#ifndef CADDIS_MONITOR_CTR_RECORD_H
#define CADDIS_MONITOR_CTR_RECORD_H

#include <sys/types.h>

#include "base/clock.h"
#include "monitor/ctr_log.h"

#define RECORD_HEAD_MAX 64

struct ctr_record {
	const char *stamp; /* not terminated */
	size_t stamp_len;
	enum ctr_log_stream stream;
	bool partial; /* the line goes on in the stream's next record */
	size_t head;  /* the content begins there */
};
/* p is n bytes from the record's beginning, RECORD_HEAD_MAX of them are enough. False: no record. */
bool ctr_record_parse(const char *p, size_t n, struct ctr_record *r);

/* A time to compare stamps with. */
struct ctr_bound {
	int64_t ns;
	char text[CLOCK_TEXT_SIZE];
};
void ctr_bound_set(struct ctr_bound *b, int64_t ns);
/* < 0: the record is older; > 0: newer. */
int ctr_record_compare(const struct ctr_record *r, const struct ctr_bound *b);

/* A search for the last lines, over a log's files from the newest on. */
struct ctr_tail {
	const struct ctr_log_read_options *o;
	struct ctr_bound since, until;
	int64_t lines;
	off_t *from;
	off_t newest; /* the last record that was of use */
	bool seen[2], collecting[2];
};
void ctr_tail_begin(struct ctr_tail *t, const struct ctr_log_read_options *o);
/*
 * Looks backwards from size for the last o->tail lines of the wanted streams and times. A stream's records before from[stream] do not
 * belong to them. Pieces of a line that lie further than 1 MiB of other output before the next piece are not looked for.
 * 1: these are all; 0: an older file may have more.
 */
int ctr_tail_file(struct ctr_tail *t, int fd, off_t size, off_t from[2], struct err *e);

#endif
