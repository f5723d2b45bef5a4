/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <assert.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/dl.h"
#include "base/yaml.h"

// clang-format off
#define SMARTCOLS_FUNCTIONS(X)                                                                     \
	X(scols_new_table) X(scols_unref_table) X(scols_table_new_column) X(scols_table_new_line)  \
	X(scols_line_set_data) X(scols_print_table) X(scols_table_enable_noheadings)               \
	X(scols_table_enable_noencoding) X(scols_table_set_column_separator)
struct smartcols {
	SMARTCOLS_FUNCTIONS(DL_MEMBER)
};
#define SYMBOL(fn) { #fn, offsetof(struct smartcols, fn) },
static const struct dl_symbol smartcols_symbols[] = { SMARTCOLS_FUNCTIONS(SYMBOL) };
// clang-format on

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_YAML, FORMAT_NAME, FORMAT_QUIET };
static const char *const format_names[] = { "table", "json", "yaml", "name" };

struct cell {
	bool set;
	char *s;
	int64_t i;
	struct json_object *j;
};

struct table {
	const struct column *columns;
	size_t ncolumns;
	size_t *shown, nshown; /* indices of columns, in the order of output */
	struct list_args args;
	enum format format;
	struct cell *cells; /* nrows * ncolumns */
	size_t nrows, room;
};
OWNED(table, struct table *, NULL, table_free)

static int column_index(const struct table *t, const char *key)
{
	for (size_t i = 0; i < t->ncolumns; i++)
		if (str_eq(t->columns[i].key, key))
			return (int)i;
	return -1;
}

static int choose_format(struct table *t, struct err *e)
{
	const char *o = t->args.output;

	if (t->args.quiet) {
		t->format = FORMAT_QUIET;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(format_names); i++) {
		if (!o || str_eq(o, format_names[i])) {
			t->format = (enum format)i;
			return 0;
		}
	}
	return err_set(e, ERR_USAGE, "--output: expected table, json, yaml or name, found \"%s\"",
		       o);
}

static int choose_columns(struct table *t, struct err *e)
{
	bool all = t->format == FORMAT_JSON || t->format == FORMAT_YAML;
	own(strv) struct strv keys = { 0 };

	if (t->args.columns)
		strv_split(&keys, t->args.columns, ',');
	t->shown = xcalloc(t->ncolumns + keys.n, sizeof(*t->shown));
	for (size_t i = 0; !t->args.columns && i < t->ncolumns; i++)
		if (all || !t->columns[i].extra)
			t->shown[t->nshown++] = i;
	for (size_t i = 0; i < keys.n; i++) {
		int at = column_index(t, keys.v[i]);

		if (at < 0) {
			own(buf) struct buf known = { 0 };

			for (size_t j = 0; j < t->ncolumns; j++)
				buf_addf(&known, "%s%s", j ? ", " : "", t->columns[j].key);
			return err_set(e, ERR_USAGE, "--columns: no column \"%s\"; there are %s",
				       keys.v[i], known.s);
		}
		t->shown[t->nshown++] = (size_t)at;
	}
	return 0;
}

int table_new(const struct column *columns, const struct list_args *a, struct table **out,
	      struct err *e)
{
	own(table) struct table *t = xcalloc(1, sizeof(*t));

	t->columns = columns;
	t->args = *a;
	while (columns[t->ncolumns].key)
		t->ncolumns++;
	if (choose_format(t, e) < 0 || choose_columns(t, e) < 0)
		return -1;
	*out = ptr_steal(t);
	return 0;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nrows * t->ncolumns; i++) {
		free(t->cells[i].s);
		json_object_put(t->cells[i].j);
	}
	free(t->cells);
	free(t->shown);
	free(t);
}

void table_row(struct table *t)
{
	if (t->nrows == t->room) {
		t->room = t->room ? 2 * t->room : 16;
		t->cells = xreallocarray(t->cells, t->room, t->ncolumns * sizeof(*t->cells));
	}
	memset(t->cells + t->nrows * t->ncolumns, 0, t->ncolumns * sizeof(*t->cells));
	t->nrows++;
}

static struct cell *cell_for(struct table *t, const char *key)
{
	int at = column_index(t, key);
	struct cell *c;

	assert(at >= 0 && t->nrows > 0);
	c = &t->cells[(t->nrows - 1) * t->ncolumns + (size_t)at];
	c->set = true;
	return c;
}

void table_str(struct table *t, const char *key, const char *value)
{
	str_set(&cell_for(t, key)->s, value);
}

void table_int(struct table *t, const char *key, int64_t value)
{
	cell_for(t, key)->i = value;
}

void table_json(struct table *t, const char *key, struct json_object *value)
{
	struct cell *c = cell_for(t, key);

	json_object_put(c->j);
	c->j = value;
}

static const struct cell *cell_at(const struct table *t, size_t row, size_t column)
{
	return &t->cells[row * t->ncolumns + column];
}

static void add_list(struct buf *b, struct json_object *list)
{
	if (!list || !json_object_is_type(list, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		buf_addf(b, "%s%s", i ? "," : "",
			 json_object_get_string(json_object_array_get_idx(list, i)));
}

/* As a person reads it; newly allocated. */
static char *cell_text(const struct table *t, size_t row, size_t column)
{
	const struct cell *c = cell_at(t, row, column);
	const char *s = c->s ? c->s : "";
	struct buf b = { 0 };
	char small[64] = "";

	if (!c->set)
		return xstrdup("");
	switch (t->columns[column].type) {
	case COL_ID:
		if (t->args.no_trunc)
			return str_printable(s, strlen(s));
		s += str_starts(s, "sha256:") ? strlen("sha256:") : 0;
		return str_printable(s, strnlen(s, 12));
	case COL_STR:
		return str_printable(s, strlen(s));
	case COL_INT:
		return str_fmt("%lld", (long long)c->i);
	case COL_PERCENT:
		return str_fmt("%lld.%02lld", (long long)c->i / 100, (long long)c->i % 100);
	case COL_TIME:
		if (c->i)
			clock_format_ago(c->i, small, sizeof(small));
		return xstrdup(small);
	case COL_SIZE:
		str_size_format(c->i, small, sizeof(small));
		return xstrdup(small);
	case COL_MAP:
	case COL_LIST:
		break;
	}
	add_list(&b, c->j);
	if (c->j && json_object_is_type(c->j, json_type_object)) {
		json_object_object_foreach(c->j, key, value)
		{
			const char *v = json_object_get_string(value);

			buf_addf(&b, "%s%s=%s", b.len ? "," : "", key, v ? v : "");
		}
	}
	{
		own(buf) struct buf raw = b;

		return str_printable(raw.s ? raw.s : "", raw.len);
	}
}

/* As a program reads it; the caller's. NULL is JSON's null. */
static struct json_object *cell_json(const struct table *t, size_t row, size_t column)
{
	const struct cell *c = cell_at(t, row, column);
	char text[CLOCK_TEXT_SIZE];

	if (!c->set)
		return NULL;
	switch (t->columns[column].type) {
	case COL_ID:
	case COL_STR:
		return json_object_new_string(c->s ? c->s : "");
	case COL_INT:
	case COL_SIZE:
		return json_object_new_int64(c->i);
	case COL_PERCENT:
		snprintf(text, sizeof(text), "%lld.%02lld", (long long)c->i / 100,
			 (long long)c->i % 100);
		return json_object_new_double_s((double)c->i / 100, text);
	case COL_TIME:
		if (!c->i)
			return NULL;
		clock_format(c->i, text);
		return json_object_new_string(text);
	case COL_MAP:
	case COL_LIST:
		return json_object_get(c->j);
	}
	return NULL;
}

static struct json_object *rows_json(const struct table *t)
{
	struct json_object *rows = json_object_new_array();

	for (size_t r = 0; r < t->nrows; r++) {
		struct json_object *o = json_object_new_object();

		for (size_t i = 0; i < t->nshown; i++)
			json_object_object_add(o, t->columns[t->shown[i]].key,
					       cell_json(t, r, t->shown[i]));
		json_object_array_add(rows, o);
	}
	return rows;
}

static void print_json(const struct table *t)
{
	own(json) struct json_object *rows = rows_json(t);
	own(buf) struct buf text = { 0 };

	for (size_t i = 0; t->args.lines && i < json_object_array_length(rows); i++) {
		json_print(json_object_array_get_idx(rows, i), &text);
		buf_addc(&text, '\n');
	}
	if (t->args.lines) {
		fputs(text.s ? text.s : "", stdout);
		return;
	}

	json_print_pretty(rows, &text);
	fputs(text.s, stdout);
	if (!str_ends(text.s, "\n"))
		fputc('\n', stdout);
}

static void print_yaml(const struct table *t)
{
	own(json) struct json_object *rows = rows_json(t);
	own(buf) struct buf text = { 0 };

	yaml_print(rows, &text);
	fputs(text.s, stdout);
}

/* One column, whole, one value per line; of a row that has none, the other column's. */
static void print_one(const struct table *t, const char *key, const char *otherwise)
{
	int at = column_index(t, key), second = column_index(t, otherwise);

	if (at < 0)
		at = second;
	for (size_t r = 0; at >= 0 && r < t->nrows; r++) {
		const char *s = cell_at(t, r, (size_t)at)->s;
		own(str) char *text = NULL;

		if (!str_some(s) && second >= 0)
			s = cell_at(t, r, (size_t)second)->s;
		text = str_printable(s ? s : "", s ? strlen(s) : 0);
		puts(text);
	}
}

static int fill(const struct smartcols *api, struct libscols_table *st, const struct table *t)
{
	for (size_t i = 0; i < t->nshown; i++) {
		enum column_type type = t->columns[t->shown[i]].type;
		bool right = type == COL_INT || type == COL_SIZE || type == COL_PERCENT;

		if (!api->scols_table_new_column(st, t->columns[t->shown[i]].heading, 0,
						 right ? SCOLS_FL_RIGHT : 0))
			return -1;
	}
	for (size_t r = 0; r < t->nrows; r++) {
		struct libscols_line *line = api->scols_table_new_line(st, NULL);

		for (size_t i = 0; i < t->nshown; i++) {
			own(str) char *text = cell_text(t, r, t->shown[i]);

			if (!line || api->scols_line_set_data(line, i, text) != 0)
				return -1;
		}
	}
	return 0;
}

static int print_text(const struct table *t, struct err *e)
{
	struct smartcols api = { 0 };
	struct libscols_table *st;
	int r = -1;

	/* Without rows there is nothing to align; smartcols prints nothing then, not even headings.
	 */
	if (t->nrows == 0) {
		for (size_t i = 0; !t->args.no_headings && i < t->nshown; i++)
			printf("%s%s", i ? "  " : "", t->columns[t->shown[i]].heading);
		if (!t->args.no_headings)
			putchar('\n');
		return 0;
	}
	if (dl_load("libsmartcols.so.1", "libsmartcols1", smartcols_symbols,
		    ARRAY_LEN(smartcols_symbols), &api, e) < 0)
		return err_hint(e, "-o json and -q work without it");
	st = api.scols_new_table();
	if (st) {
		/* Our cells are printable already, and bytes stay bytes in any locale. */
		api.scols_table_enable_noencoding(st, 1);
		api.scols_table_enable_noheadings(st, t->args.no_headings);
		api.scols_table_set_column_separator(st, "  ");
		r = fill(&api, st, t);
		if (r == 0)
			r = api.scols_print_table(st);
		api.scols_unref_table(st);
	}
	return r == 0 ? 0 : err_set(e, ERR_FAIL, "cannot print the table");
}

int table_print(struct table *t, struct err *e)
{
	own(table) struct table *mine = t;

	switch (mine->format) {
	case FORMAT_TABLE:
		return print_text(mine, e);
	case FORMAT_JSON:
		print_json(mine);
		return 0;
	case FORMAT_YAML:
		print_yaml(mine);
		return 0;
	case FORMAT_NAME:
		print_one(mine, "name", "id");
		return 0;
	case FORMAT_QUIET:
		print_one(mine, "id", "name");
		return 0;
	}
	return 0;
}
