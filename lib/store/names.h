/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.h - the name links behind record.h; see names.c for their places. */
#ifndef CADDIS_STORE_NAMES_H
#define CADDIS_STORE_NAMES_H

#include "store/record.h"

/* ERR_EXISTS fills holder with the ID that has the name ("" when the link is damaged). */
int name_reserve(struct store *s, enum record_kind kind, const char *scope, const char *name,
		 const char *id, char holder[ID_SIZE], struct err *e);
/* Gives the name back if id has it. Missing: a success. */
int name_release(struct store *s, enum record_kind kind, const char *scope, const char *name,
		 const char *id, struct err *e);
/* Adds the ID that has the name, if any. -1 only when that cannot be told. */
int name_find_sandbox(struct store *s, const char *name, struct strv *ids, struct err *e);
/* All containers of that name; scope NULL: in any sandbox. */
int name_find_container(struct store *s, const char *scope, const char *name, struct strv *ids,
			struct err *e);

#endif
