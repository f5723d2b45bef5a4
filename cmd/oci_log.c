/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where engines look for what went wrong: one JSON object, or one line of logfmt, for each error.
 */
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "oci.h"

static void log_line(const struct oci_globals *g, const char *level, const char *msg)
{
	own(str) char *text = str_printable(msg, strlen(msg));
	own(json) struct json_object *j = json_object_new_object();
	own(json) struct json_object *quoted = json_object_new_string(text);
	own(buf) struct buf line = { 0 };
	char now[CLOCK_TEXT_SIZE];
	own(fd) int fd = open(g->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);

	if (fd < 0)
		return;
	clock_format(clock_now(), now);
	if (str_eq(g->log_format, "json")) {
		json_object_object_add(j, "level", json_object_new_string(level));
		json_object_object_add(j, "msg", json_object_new_string(text));
		json_object_object_add(j, "time", json_object_new_string(now));
		json_print(j, &line);
	} else {
		buf_addf(&line, "time=\"%s\" level=%s msg=", now, level);
		json_print(quoted, &line);
	}
	buf_addc(&line, '\n');
	(void)write_all(fd, line.s, line.len);
}

static bool one_of(const char *value, const char *const *allowed)
{
	for (; *allowed; allowed++)
		if (str_eq(value, *allowed))
			return true;
	return false;
}

static int check(const struct oci_globals *g, struct err *e)
{
	static const char *const formats[] = { "text", "json", NULL };
	static const char *const managers[] = { "cgroupfs", "disabled", "systemd", NULL };
	static const char *const rootless[] = { "auto", "true", "false", NULL };

	if (g->log_format && !one_of(g->log_format, formats))
		return err_set(e, ERR_USAGE, "--log-format %.40s: expected text or json",
			       g->log_format);
	if (g->cgroup_manager && !one_of(g->cgroup_manager, managers))
		return err_set(e, ERR_USAGE,
			       "--cgroup-manager %.40s: expected cgroupfs, disabled or systemd",
			       g->cgroup_manager);
	if (g->rootless && !one_of(g->rootless, rootless))
		return err_set(e, ERR_USAGE, "--rootless %.40s: expected auto, true or false",
			       g->rootless);
	if (!g->systemd_cgroup && !str_eq(g->cgroup_manager, "systemd"))
		return 0;
	if (access("/run/systemd/system", F_OK) < 0)
		err_set(e, ERR_FAIL,
			"no systemd runs here to make cgroups (there is no "
			"/run/systemd/system)");
	else
		err_set(e, ERR_FAIL, "cgroups by systemd are not supported yet");
	return err_hint(e, "use --cgroup-manager cgroupfs, in the engine's configuration, too");
}

int oci_log_open(struct cli *cli, struct err *e)
{
	const struct oci_globals *g = oci_globals(cli);
	own(fd) int fd = -1;

	if (str_some(g->log)) {
		fd = open(g->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
		if (fd < 0)
			return err_sys(e, "--log %s", g->log);
		if (g->debug)
			log_line(g, "debug", cli->command->name);
	}
	return check(g, e);
}

void oci_log_report(struct cli *cli, const char *msg)
{
	const struct oci_globals *g = oci_globals(cli);

	if (g && str_some(g->log))
		log_line(g, "error", msg);
}

void oci_put_warnings(struct cli *cli, const struct oci_home *home)
{
	const struct oci_globals *g = oci_globals(cli);

	for (size_t i = 0; i < home->warnings.n; i++) {
		own(str) char *text =
			str_printable(home->warnings.v[i], strlen(home->warnings.v[i]));

		if (str_some(g->log))
			log_line(g, "warning", text);
		fprintf(stderr, "caddis-oci: warning: %s\n", text);
	}
}
