/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * yaml.h - YAML read into JSON values, and JSON values written as YAML.
 *
 * Plain scalars mean what they mean to Kubernetes (YAML 1.1 as sigs.k8s.io/yaml reads it): yes, no,
 * on, off, y, n, true, false in their usual spellings are truth values; 010, 0x10, 0b10, 1_000 are
 * integers (010 is 8); 1e3 is a number; ~, null and nothing are null; dates and base-60 are text.
 * A number or truth value that is not written as JSON would write it keeps its spelling
 * (json_spelling()), so that who wants a text can tell.
 */
#ifndef CADDIS_BASE_YAML_H
#define CADDIS_BASE_YAML_H

#include "base/json.h"

/*
 * Parses one document of YAML, or of JSON, with lines (json_line()). Refused, with
 * "WHAT:LINE: ...": duplicate keys, nesting deeper than 64, more than 100,000 values with all
 * aliases followed, tags beyond YAML's own, a second document, what is not UTF-8, an empty
 * document. Anchors, aliases and merge keys (<<) are understood. libyaml is opened at first use,
 * and not for JSON. NULL with *e.
 */
struct json_object *yaml_parse(const char *what, const char *text, size_t len, struct err *e);
/* In block style, ends with a newline; read again it gives the same value. */
void yaml_print(struct json_object *j, struct buf *out);

#endif
