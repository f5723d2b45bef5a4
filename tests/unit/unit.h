/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unit.h - the smallest harness: a test is a function whose name is its sentence; one program per topic.
 *
 *     TEST(a_digest_with_upper_case_is_refused) { ok(ref_parse(...) < 0, "got %s", ...); }
 *     int main(void) { return unit_run(); }
 *
 * Prints TAP. A program ends with 1 when a test failed or when it holds none.
 */
#ifndef CADDIS_UNIT_H
#define CADDIS_UNIT_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit_test {
	const char *name;
	void (*fn)(void);
	struct unit_test *next;
};
static struct unit_test *unit_first, **unit_last = &unit_first;
static int unit_failures;

#define TEST(sentence)                                                                             \
	static void sentence(void);                                                                \
	__attribute__((constructor)) static void sentence##_register(void)                         \
	{                                                                                          \
		static struct unit_test t = { #sentence, sentence, NULL };                         \
		*unit_last = &t;                                                                   \
		unit_last = &t.next;                                                               \
	}                                                                                          \
	static void sentence(void)

#define ok(condition, ...)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			unit_failures++;                                                           \
			printf("# %s:%d: %s: ", __FILE__, __LINE__, #condition);                   \
			printf(__VA_ARGS__);                                                       \
			printf("\n");                                                              \
		}                                                                                  \
	} while (0)
#define same_int(got, want)                                                                        \
	do {                                                                                       \
		long long g_ = (long long)(got), w_ = (long long)(want);                           \
		ok(g_ == w_, "got %lld, want %lld", g_, w_);                                       \
	} while (0)
#define same_str(got, want)                                                                        \
	do {                                                                                       \
		const char *g_ = (got), *w_ = (want);                                              \
		ok(g_ == w_ || (g_ && w_ && strcmp(g_, w_) == 0), "got \"%s\", want \"%s\"",       \
		   g_ ? g_ : "(null)", w_ ? w_ : "(null)");                                        \
	} while (0)

static inline int unit_run(void)
{
	int n = 0, bad = 0;

	/* A shell starts what it runs in the background with these ignored. */
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	for (struct unit_test *t = unit_first; t; t = t->next) {
		int before = unit_failures;

		t->fn();
		n++;
		bad += unit_failures != before;
		printf("%s %d - %s\n", unit_failures == before ? "ok" : "not ok", n, t->name);
	}
	printf("1..%d\n", n);
	return n == 0 || bad ? 1 : 0;
}

#endif
