/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network_cni.h - the networks of CNI among those of 'caddis network'. */
#ifndef CADDIS_CMD_NETWORK_CNI_H
#define CADDIS_CMD_NETWORK_CNI_H

#include "cli.h"
#include "table.h"

/* A row for each; cli's status when a file is broken, else 0. */
int network_cni_rows(struct cli *cli, struct table *t);
/* NULL with *e; ERR_NOT_FOUND when there is none such. */
struct json_object *network_cni_json(struct cli *cli, const char *name, struct err *e);
int network_check_main(struct cli *cli, const void *args, char **operands, size_t n);
int network_gc_main(struct cli *cli, const void *args, char **operands, size_t n);

#endif
