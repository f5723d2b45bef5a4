/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Digests: what passes is 71 harmless characters. */
#include "fuzz.h"

#include "image/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own(str) char *text = xstrndup((const char *)data, size);
	struct err e;

	HOLDS((digest_check(text, &e) == 0) == digest_valid(text));
	if (digest_valid(text)) {
		HOLDS(strlen(text) == DIGEST_SIZE - 1);
		HOLDS(strspn(digest_hex(text), "0123456789abcdef") == 64);
	}
	return 0;
}
