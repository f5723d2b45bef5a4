/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli.h - the command line: commands and options are rows of tables. Parsing, --help, completion
 * and the man-page check are loops over them. Only cmd/ prints or exits.
 */
#ifndef CADDIS_CMD_CLI_H
#define CADDIS_CMD_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

enum opt_type {
	OPT_BOOL, /* bool; --no-NAME is not made; --NAME=false is understood */
	OPT_ON,	  /* bool that is true without: --NAME=false sets the member to true, "it is off" */
	OPT_SWITCH, /* struct optint, 0 or 1: --NAME=false is told from "not given", for it wins over
		       a file's true */
	OPT_STR,  /* const char * (borrowed from argv) */
	OPT_INT,  /* struct optint (spec/field.h) */
	OPT_LIST, /* struct strv: may be repeated */
	OPT_MAP,  /* struct strmap: K=V, may be repeated; K alone is an error */
};

struct opt {
	char short_name; /* 0: none */
	const char *name;
	const char *arg; /* placeholder: "DIR"; NULL for OPT_BOOL, OPT_ON, OPT_SWITCH */
	enum opt_type type;
	size_t offset; /* in the command's own struct */
	const char *help;
	const char *complete; /* what may follow: "sandbox", "container", "image", "network",
				 "network-mode" (with none and host), "file", "dir",
				 "a|b|c"; NULL: nothing */
};
#define OPT(s, name, arg, type, struct_, member, help, ...)                                        \
	{                                                                                          \
		(s), (name), (arg), (type), offsetof(struct_, member), (help), ##__VA_ARGS__       \
	}
#define OPT_END                                                                                    \
	{                                                                                          \
		.name = NULL                                                                       \
	}
/* A table may include another: shared options, e.g. of run and create. */

enum command_flags {
	NEED_STORE = 1, /* cli->store is opened before the handler runs */
	STOP_AT_OPERAND =
		2, /* options end at the first operand (run, exec: the rest is the container's) */
	ENTERS_CONTAINER = 4, /* executor_protect() first, or _here() */
	RUN_STATUS = 8,	      /* errors of ours are 125, 126, 127 */
	HIDDEN = 16,
	STOP_AT_SECOND =
		32, /* options end at the second operand (create SANDBOX [OPTION...] IMAGE) */
};

struct cli;

struct command {
	const char *name;    /* "run" */
	const char *args;    /* "[OPTION...] IMAGE [COMMAND [ARG...]]" */
	const char *summary; /* one line, no full stop */
	int (*run)(struct cli *cli, const void *args, char **operands, size_t n); /* exit status */
	const struct opt *opts; /* OPT_END-terminated; NULL: none */
	size_t args_size; /* of the struct that opts fill (zeroed before; struct optint absent) */
	int flags;
	size_t min, max; /* operands; max 0: no bound when min > 0, none allowed when min 0 and args
			    "" */
	const char *complete; /* operands: "container", "container-path" (or a file), "image", … */
	/* With ENTERS_CONTAINER: leaves nothing behind that stays longer? NULL: it may. */
	bool (*transient)(const void *args);
};

/* A group with a command line of its own has global options, too; caddis's do not count in it. */
struct own_line {
	const char *program; /* the applet: how messages call it */
	const struct opt *opts;
	size_t args_size; /* of the struct that opts fill */
	/* After parsing: 0, or -1. NULL: nothing is to be done. */
	int (*open)(struct cli *cli, struct err *e);
	/* With no verb: the status, or -1 for "it needs a verb". */
	int (*bare)(struct cli *cli);
	void (*report)(struct cli *cli, const char *msg); /* an error, besides stderr */
};
struct command_group {
	const char *name, *summary;
	const struct command *commands; /* ends with .name NULL */
	const struct own_line *own;	/* NULL: caddis's */
};
/* cmd/sandbox.c, cmd/ctr.c, cmd/image.c, cmd/network.c, cmd/system.c define these. */
extern const struct command_group sandbox_group, ctr_group, image_group, network_group,
	system_group, oci_group;

struct cli {
	const struct command_group *group;
	const struct command *command;
	void *own; /* of the group's own_line.opts */
	struct store store; /* with NEED_STORE */
	const char *root, *state;
	int lock_timeout;
};

/* "caddis: MESSAGE" on stderr, made printable; returns the exit status (by the command's flags). */
int cli_error(struct cli *cli, const struct err *e);
/* ERR_USAGE with "see 'caddis ctr run --help'" appended; returns the status. */
int cli_usage(struct cli *cli, const char *fmt, ...) PRINTF(2, 3);
/* Flushes stdout; a write error is reported once and makes the status 1. Every handler ends with
 * return cli_done(cli, status). */
int cli_done(struct cli *cli, int status);
/* For commands that take several objects: calls fn for each and reports each failure. 1 if any
 * failed, 2 if all that failed did so for the way it was called. Ends with cli_done(). */
int cli_each(struct cli *cli, char **operands, size_t n,
	     int (*fn)(struct cli *cli, const char *operand, const void *args, struct err *e),
	     const void *args);

#endif
