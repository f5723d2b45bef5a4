/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz.h - what each libFuzzer target starts from; see "make fuzz". */
#ifndef CADDIS_FUZZ_H
#define CADDIS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Like assert(), whatever NDEBUG says. */
#define HOLDS(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x);     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#endif
