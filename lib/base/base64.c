/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, const void *p, size_t n)
{
	const unsigned char *s = p;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = MIN(n - i, (size_t)3);
		uint32_t v = (uint32_t)s[i] << 16;

		v |= left > 1 ? (uint32_t)s[i + 1] << 8 : 0;
		v |= left > 2 ? s[i + 2] : 0;
		buf_addc(out, letters[v >> 18]);
		buf_addc(out, letters[v >> 12 & 63]);
		buf_addc(out, left > 1 ? letters[v >> 6 & 63] : '=');
		buf_addc(out, left > 2 ? letters[v & 63] : '=');
	}
}

int base64_decode(struct buf *out, const char *s)
{
	size_t n = strlen(s), padding = 0;
	uint32_t v = 0;
	int bits = 0;

	while (n > 0 && s[n - 1] == '=' && padding < 2) {
		n--;
		padding++;
	}
	if (n % 4 == 1 || (padding && (n + padding) % 4 != 0))
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *at = memchr(letters, s[i], sizeof(letters) - 1);

		if (!at)
			return -1;
		v = v << 6 | (uint32_t)(at - letters);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		buf_addc(out, (char)(v >> bits & 255));
	}
	return 0;
}
