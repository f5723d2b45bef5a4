/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/manifest.h"

#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/fd.h"

#define CPUINFO "/proc/cpuinfo"

/* How the kernel's names of machines, and people's, map to those of images. */
static const struct {
	const char *machine, *arch, *variant;
} machines[] = {
	// clang-format off
	{ "x86_64",      "amd64",    "" },
	{ "x86-64",      "amd64",    "" },
	{ "aarch64",     "arm64",    "" },
	{ "armv7l",      "arm",      "v7" },
	{ "armhf",       "arm",      "v7" },
	{ "armv6l",      "arm",      "v6" },
	{ "armel",       "arm",      "v6" },
	{ "i386",        "386",      "" },
	{ "i486",        "386",      "" },
	{ "i586",        "386",      "" },
	{ "i686",        "386",      "" },
	{ "loongarch64", "loong64",  "" },
	// clang-format on
};

/*
 * Which variants run where one is wanted, best first. No variant means the architecture's base: ""
 * and the base's name are one.
 */
static const struct {
	const char *arch, *base, *order[6];
} variants[] = {
	{ "amd64", "v1", { "v4", "v3", "v2", "v1" } },
	{ "arm64", "v8", { "v9", "v8" } },
	{ "arm", "v7", { "v8", "v7", "v6", "v5" } },
};

static void copy(char dst[32], const char *s)
{
	snprintf(dst, 32, "%s", s);
}

/* Of amd64: what a processor must have of /proc/cpuinfo's flags for each level, best first. */
static const struct {
	const char *variant, *flags[8];
} levels[] = {
	{ "v4", { "avx512f", "avx512bw", "avx512vl", "avx2", "bmi2", "fma" } },
	{ "v3", { "avx2", "bmi2", "fma" } },
	{ "v2", { "sse4_2", "popcnt" } },
};

static bool has_flags(const struct strv *have, const char *const *want, size_t max)
{
	for (size_t i = 0; i < max && want[i]; i++)
		if (!strv_has(have, want[i]))
			return false;
	return true;
}

/*
 * The kernel is asked, not the processor: it knows what is switched off, and GCC's way to ask the
 * processor (__builtin_cpu_supports) does so at the start of every command.
 */
static const char *host_variant(const char *arch)
{
	own(fd) int fd = str_eq(arch, "amd64") ? open(CPUINFO, O_RDONLY | O_CLOEXEC) : -1;
	own(strv) struct strv have = { 0 };
	char first[8192], *line; /* one of many alike */
	ssize_t n = fd < 0 ? -1 : read_full(fd, first, sizeof(first) - 1);

	if (n < 0)
		return "";
	first[n] = '\0';
	line = strstr(first, "\nflags");
	if (!line)
		return "";
	line[1 + strcspn(line + 1, "\n")] = '\0';
	strv_split(&have, line, ' ');
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (has_flags(&have, levels[i].flags, ARRAY_LEN(levels[i].flags)))
			return levels[i].variant;
	return "";
}

static void set_machine(struct platform *p, const char *machine)
{
	copy(p->arch, machine);
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		if (strcmp(machine, machines[i].machine) != 0)
			continue;
		copy(p->arch, machines[i].arch);
		copy(p->variant, machines[i].variant);
	}
}

static bool word(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_.-");

	return n > 0 && n < 32 && s[n] == '\0';
}

int platform_parse(const char *s, struct platform *out, struct err *e)
{
	own(strv) struct strv parts = { 0 };
	struct utsname u;

	*out = (struct platform){ .os = "linux" };
	if (!s) {
		uname(&u);
		set_machine(out, u.machine);
		if (!out->variant[0])
			copy(out->variant, host_variant(out->arch));
		return 0;
	}
	strv_split(&parts, s, '/');
	for (size_t i = 0; i < parts.n; i++)
		if (parts.n > 3 || !word(parts.v[i]))
			return err_set(e, ERR_USAGE,
				       "invalid platform \"%.60s\": expected OS/ARCH[/VARIANT]", s);
	if (parts.n > 1)
		copy(out->os, parts.v[0]);
	set_machine(out, parts.v[parts.n > 1 ? 1 : 0]);
	if (parts.n > 2)
		copy(out->variant, parts.v[2]);
	return 0;
}

void platform_format(const struct platform *p, char *dst, size_t size)
{
	snprintf(dst, size, "%s/%s%s%s", p->os[0] ? p->os : "unknown",
		 p->arch[0] ? p->arch : "unknown", p->variant[0] ? "/" : "", p->variant);
}

static int variant_match(const char *arch, const char *want, const char *have)
{
	for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
		int rank = 8;
		bool reached = false;

		if (strcmp(arch, variants[i].arch) != 0)
			continue;
		want = *want ? want : variants[i].base;
		have = *have ? have : variants[i].base;
		for (size_t k = 0; variants[i].order[k]; k++, rank--) {
			reached = reached || strcmp(variants[i].order[k], want) == 0;
			if (reached && strcmp(variants[i].order[k], have) == 0)
				return rank;
		}
		return 0;
	}
	if (!*want || !*have)
		return 1;
	return strcmp(want, have) == 0 ? 2 : 0;
}

int platform_match(const struct platform *want, const struct platform *have)
{
	if (strcmp(want->os, have->os) != 0 || strcmp(want->arch, have->arch) != 0)
		return 0;
	return variant_match(want->arch, want->variant, have->variant);
}
