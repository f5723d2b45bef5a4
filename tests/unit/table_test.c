/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include "base/json.h"
#include "unit.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct column columns[] = {
	{ "ID", "id", COL_ID, false },	     { "NAME", "name", COL_STR, false },
	{ "PID", "pid", COL_INT, false },    { "CREATED", "created", COL_TIME, true },
	{ "SIZE", "size", COL_SIZE, false }, { "LABELS", "labels", COL_MAP, true },
	{ NULL, NULL, COL_STR, false },
};

/* What a table of one row (name as given) prints on standard output. */
static char *printed(const struct list_args *a, const char *name)
{
	static char text[8192];
	struct table *t = NULL;
	struct err e = { 0 };
	struct json_object *labels = json_object_new_object();
	FILE *capture = tmpfile();
	int saved = dup(STDOUT_FILENO);
	size_t n;

	fflush(stdout);
	dup2(fileno(capture), STDOUT_FILENO);
	if (table_new(columns, a, &t, &e) == 0) {
		table_row(t);
		table_str(t, "id", ID);
		table_str(t, "name", name);
		table_int(t, "pid", 42);
		table_int(t, "created", INT64_C(1000000000));
		table_int(t, "size", 1536);
		json_object_object_add(labels, "k", json_object_new_string("v"));
		table_json(t, "labels", json_object_get(labels));
		if (table_print(t, &e) < 0)
			printf("error: %s\n", e.msg);
	}
	json_object_put(labels);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(capture);
	n = fread(text, 1, sizeof(text) - 1, capture);
	text[n] = '\0';
	fclose(capture);
	return text;
}

TEST(quiet_prints_whole_ids_and_nothing_else)
{
	struct list_args a = { .quiet = true, .output = "json" };

	same_str(printed(&a, "web"), ID "\n");
}

TEST(format_name_prints_names)
{
	struct list_args a = { .output = "name" };

	same_str(printed(&a, "web"), "web\n");
}

TEST(json_has_every_column_with_its_own_type)
{
	struct list_args a = { .output = "json" };
	struct err e = { 0 };
	const char *text = printed(&a, "we\"b\n");
	own(json) struct json_object *rows = json_parse("list", text, strlen(text), &e);
	struct json_object *row = rows ? json_object_array_get_idx(rows, 0) : NULL;

	ok(row, "%s: %s", e.msg, text);
	same_str(json_get_str(row, "id"), ID);
	same_str(json_get_str(row, "name"), "we\"b\n");
	same_int(json_object_get_int64(json_get(row, "pid", json_type_int)), 42);
	same_int(json_object_get_int64(json_get(row, "size", json_type_int)), 1536);
	same_str(json_get_str(row, "created"), "1970-01-01T00:00:01.000000000Z");
	same_str(json_get_str(json_get(row, "labels", json_type_object), "k"), "v");
}

TEST(columns_choose_and_order_the_json_too)
{
	struct list_args a = { .output = "json", .columns = "pid,name" };
	struct err e = { 0 };
	const char *text = printed(&a, "web");
	own(json) struct json_object *rows = json_parse("list", text, strlen(text), &e);
	own(buf) struct buf flat = { 0 };

	ok(rows, "%s: %s", e.msg, text);
	json_print(rows, &flat);
	same_str(flat.s, "[{\"pid\":42,\"name\":\"web\"}]");
}

TEST(yaml_quotes_what_yaml_would_misread)
{
	struct list_args a = { .output = "yaml", .columns = "name,pid,labels" };

	same_str(printed(&a, "web"), "- name: web\n  pid: 42\n  labels:\n    k: v\n");
	same_str(printed(&a, "NO"), "- name: \"NO\"\n  pid: 42\n  labels:\n    k: v\n");
	same_str(printed(&a, "1e5"), "- name: \"1e5\"\n  pid: 42\n  labels:\n    k: v\n");
	same_str(printed(&a, "a: b"), "- name: \"a: b\"\n  pid: 42\n  labels:\n    k: v\n");
}

TEST(a_table_shortens_ids_and_hides_extra_columns)
{
	struct list_args a = { 0 };
	const char *text = printed(&a, "web");

	ok(strstr(text, "ID "), "%s", text);
	ok(strstr(text, "0123456789ab "), "%s", text);
	ok(!strstr(text, "0123456789abc"), "%s", text);
	ok(strstr(text, "1.5KiB"), "%s", text);
	ok(!strstr(text, "LABELS"), "%s", text);
}

TEST(no_trunc_and_no_headings_do_what_they_say)
{
	struct list_args a = { .no_trunc = true, .no_headings = true, .columns = "id,labels" };

	same_str(printed(&a, "web"), ID "  k=v\n");
}

TEST(a_table_prints_no_control_characters)
{
	struct list_args a = { .columns = "name" };
	const char *text = printed(&a, "a\033[2Jb");

	ok(!strchr(text, '\033'), "%s", text);
	ok(strstr(text, "\\x1b[2Jb"), "%s", text);
}

TEST(an_unknown_format_or_column_is_refused)
{
	struct list_args format = { .output = "xml" }, column = { .columns = "id,nmae" };
	struct table *t = NULL;
	struct err e = { 0 };

	same_int(table_new(columns, &format, &t, &e), -1);
	same_int(e.kind, ERR_USAGE);
	same_str(e.msg, "--output: expected table, json, yaml or name, found \"xml\"");
	same_int(table_new(columns, &column, &t, &e), -1);
	same_str(e.msg, "--columns: no column \"nmae\"; there are id, name, pid, created, size, "
			"labels");
}

int main(void)
{
	return unit_run();
}
