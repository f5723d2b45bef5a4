/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/change.h"

#include <ctype.h>
#include <strings.h>

#include "base/json.h"
#include "base/proc.h"
#include "base/str.h"

/* ---- words ---- */

/* Text at *p up to a blank, without quotes and backslashes. False: a quote is not closed. */
static bool next_word(const char **p, struct buf *out)
{
	char quote = '\0';

	out->len = 0;
	buf_add(out, "");
	for (; **p && (quote || !isspace((unsigned char)**p)); (*p)++) {
		char c = **p;

		if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? '\0' : c;
			continue;
		}
		if (c == '\\' && quote != '\'' && (*p)[1])
			c = *++*p;
		buf_addc(out, c);
	}
	*p += strspn(*p, " \t\n");
	return !quote;
}

static int split_words(const char *text, struct strv *out, struct err *e)
{
	own(buf) struct buf word = { 0 };

	while (*text) {
		if (!next_word(&text, &word))
			return err_set(e, ERR_USAGE, "a quote is not closed");
		strv_add(out, word.s);
	}
	return 0;
}

static bool is_list_of_texts(struct json_object *j)
{
	if (!json_object_is_type(j, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(j); i++)
		if (!json_object_is_type(json_object_array_get_idx(j, i), json_type_string))
			return false;
	return true;
}

/* The JSON list that text is; NULL: it is none. */
static struct json_object *as_list(const char *text)
{
	struct json_object *j;
	struct err e;

	if (*text != '[')
		return NULL;
	j = json_parse("list", text, strlen(text), &e);
	if (j && !is_list_of_texts(j)) {
		json_object_put(j);
		j = NULL;
	}
	return j;
}

static struct json_object *object_of(struct json_object *config, const char *key)
{
	struct json_object *o = json_get(config, key, json_type_object);

	if (!o) {
		o = json_object_new_object();
		json_object_object_add(config, key, o);
	}
	return o;
}

/* ---- instructions ---- */

struct change {
	struct json_object *config;
	const char *key, *value;
};

/* CMD, ENTRYPOINT: a list as it is, else a line for the shell. */
static int set_command(const struct change *c, struct err *e)
{
	struct json_object *list = as_list(c->value);

	if (!list && *c->value == '[')
		return err_set(e, ERR_USAGE, "expected a JSON list of texts");
	if (!list) {
		list = json_object_new_array();
		json_object_array_add(list, json_object_new_string("/bin/sh"));
		json_object_array_add(list, json_object_new_string("-c"));
		json_object_array_add(list, json_object_new_string(c->value));
	}
	json_object_object_add(c->config, c->key, list);
	return 0;
}

/* "K=V" pairs, or "K V" with one of them. */
static int split_pairs(const char *value, struct strmap *out, struct err *e)
{
	size_t first = strcspn(value, " \t=");
	own(strv) struct strv words = { 0 };

	if (value[first] && value[first] != '=') {
		own(str) char *key = xstrndup(value, first);

		strmap_set(out, key, value + first + strspn(value + first, " \t"));
		return 0;
	}
	if (split_words(value, &words, e) < 0)
		return -1;
	for (size_t i = 0; i < words.n; i++) {
		char *eq = strchr(words.v[i], '=');

		if (!eq || eq == words.v[i])
			return err_set(e, ERR_USAGE, "expected NAME=VALUE, found \"%.100s\"",
				       words.v[i]);
		*eq = '\0';
		strmap_set(out, words.v[i], eq + 1);
	}
	return 0;
}

static bool is_variable(const char *entry, const char *name)
{
	size_t n = strlen(name);

	return entry && strncmp(entry, name, n) == 0 && (entry[n] == '=' || !entry[n]);
}

/* A variable keeps its place in the list. */
static int set_env(const struct change *c, struct err *e)
{
	own(strmap) struct strmap pairs = { 0 };
	struct json_object *list = json_get(c->config, "Env", json_type_array);

	if (split_pairs(c->value, &pairs, e) < 0)
		return -1;
	if (!list) {
		list = json_object_new_array();
		json_object_object_add(c->config, "Env", list);
	}
	for (size_t i = 0; i < pairs.n; i++) {
		own(str) char *text = str_fmt("%s=%s", pairs.v[i].key, pairs.v[i].value);
		size_t at = 0, n = json_object_array_length(list);

		while (at < n &&
		       !is_variable(json_object_get_string(json_object_array_get_idx(list, at)),
				    pairs.v[i].key))
			at++;
		json_object_array_put_idx(list, at, json_object_new_string(text));
	}
	return 0;
}

static int set_labels(const struct change *c, struct err *e)
{
	own(strmap) struct strmap pairs = { 0 };
	struct json_object *labels = object_of(c->config, c->key);

	if (split_pairs(c->value, &pairs, e) < 0)
		return -1;
	for (size_t i = 0; i < pairs.n; i++)
		json_object_object_add(labels, pairs.v[i].key,
				       json_object_new_string(pairs.v[i].value));
	return 0;
}

/* "80", "80/udp", "8000-8010/tcp" */
static int add_port(struct json_object *ports, const char *word, struct err *e)
{
	own(strv) struct strv parts = { 0 }, range = { 0 };
	own(str) char *key = NULL;
	const char *protocol;
	int64_t n, before = 1;

	strv_split(&parts, word, '/');
	strv_split(&range, parts.v[0], '-');
	protocol = parts.n > 1 ? parts.v[1] : "tcp";
	if (parts.n > 2 || range.n > 2 ||
	    (!str_eq(protocol, "tcp") && !str_eq(protocol, "udp") && !str_eq(protocol, "sctp")))
		return err_set(e, ERR_USAGE, "\"%.60s\" is no PORT[/PROTOCOL]", word);
	for (size_t i = 0; i < range.n; i++, before = n)
		if (str_to_i64(range.v[i], before, 65535, &n) < 0)
			return err_set(e, ERR_USAGE, "\"%.60s\" is no PORT[/PROTOCOL]", word);
	key = str_fmt("%s/%s", parts.v[0], protocol);
	json_object_object_add(ports, key, json_object_new_object());
	return 0;
}

static int add_ports(const struct change *c, struct err *e)
{
	own(strv) struct strv words = { 0 };
	struct json_object *ports = object_of(c->config, c->key);

	if (split_words(c->value, &words, e) < 0)
		return -1;
	for (size_t i = 0; i < words.n; i++)
		if (add_port(ports, words.v[i], e) < 0)
			return -1;
	return 0;
}

static int add_volumes(const struct change *c, struct err *e)
{
	own(json) struct json_object *list = as_list(c->value);
	own(strv) struct strv words = { 0 };
	struct json_object *volumes = object_of(c->config, c->key);

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		strv_add(&words, json_object_get_string(json_object_array_get_idx(list, i)));
	if (!list && split_words(c->value, &words, e) < 0)
		return -1;
	for (size_t i = 0; i < words.n; i++) {
		if (words.v[i][0] != '/')
			return err_set(e, ERR_USAGE, "\"%.100s\" is no absolute path", words.v[i]);
		json_object_object_add(volumes, words.v[i], json_object_new_object());
	}
	return 0;
}

static int set_text(const struct change *c, struct err *e)
{
	(void)e;
	json_object_object_add(c->config, c->key, json_object_new_string(c->value));
	return 0;
}

static int set_signal(const struct change *c, struct err *e)
{
	if (signal_parse(c->value) < 0)
		return err_set(e, ERR_USAGE, "there is no signal \"%.60s\"", c->value);
	return set_text(c, e);
}

/* A relative one goes on from where it was. */
static int set_workdir(const struct change *c, struct err *e)
{
	const char *was = json_get_str(c->config, c->key);
	own(str) char *path =
		str_fmt("%s/%s", str_some(was) && !str_eq(was, "/") ? was : "", c->value);
	struct change whole = { c->config, c->key, *c->value == '/' ? c->value : path };

	return set_text(&whole, e);
}

static int add_trigger(const struct change *c, struct err *e)
{
	struct json_object *list = json_get(c->config, c->key, json_type_array);

	(void)e;
	if (!list) {
		list = json_object_new_array();
		json_object_object_add(c->config, c->key, list);
	}
	json_object_array_add(list, json_object_new_string(c->value));
	return 0;
}

static const struct instruction {
	const char *word, *key;
	int (*apply)(const struct change *c, struct err *e);
	bool docker; /* only in Docker's format */
} instructions[] = {
	{ "CMD", "Cmd", set_command, false },
	{ "ENTRYPOINT", "Entrypoint", set_command, false },
	{ "ENV", "Env", set_env, false },
	{ "EXPOSE", "ExposedPorts", add_ports, false },
	{ "LABEL", "Labels", set_labels, false },
	{ "ONBUILD", "OnBuild", add_trigger, true },
	{ "STOPSIGNAL", "StopSignal", set_signal, false },
	{ "USER", "User", set_text, false },
	{ "VOLUME", "Volumes", add_volumes, false },
	{ "WORKDIR", "WorkingDir", set_workdir, false },
};

static const struct instruction *find(const char *word, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(instructions); i++)
		if (strlen(instructions[i].word) == n &&
		    strncasecmp(instructions[i].word, word, n) == 0)
			return &instructions[i];
	return NULL;
}

static int apply(struct json_object *config, const char *text, bool docker, struct err *e)
{
	size_t n = strcspn(text, " \t=");
	const char *value = text + n + (text[n] != '\0');
	const struct instruction *in = find(text, n);
	struct change c = { config, NULL, value + strspn(value, " \t") };

	if (!in) {
		err_set(e, ERR_USAGE, "not known");
		return err_hint(e, "there are CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, "
				   "STOPSIGNAL, USER, VOLUME, WORKDIR");
	}
	if (in->docker && !docker)
		return err_set(e, ERR_USAGE, "only Docker's format has it (--format docker)");
	if (!*c.value)
		return err_set(e, ERR_USAGE, "it says nothing");
	if (!utf8_valid(c.value, strlen(c.value)))
		return err_set(e, ERR_USAGE, "it is no valid UTF-8");
	c.key = in->key;
	return in->apply(&c, e);
}

int image_change(struct json_object *config, const char *instruction, bool docker, struct err *e)
{
	own(str) char *shown = NULL;

	if (apply(config, instruction, docker, e) == 0)
		return 0;
	shown = str_printable(instruction, strnlen(instruction, 200));
	return err_in(e, "change \"%s\"", shown);
}
