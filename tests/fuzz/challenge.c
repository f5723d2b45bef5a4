/* SPDX-License-Identifier: GPL-2.0-or-later */
/* WWW-Authenticate headers, one a line: values have no control characters. */
#include "fuzz.h"

#include "image/auth_challenge.h"

static void check_value(const char *s)
{
	for (; s && *s; s++)
		HOLDS((unsigned char)*s >= 0x20 && *s != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own(str) char *text = xstrndup((const char *)data, size);
	own(strv) struct strv headers = { 0 };
	own(challenge) struct challenge c = { 0 };

	strv_split(&headers, text, '\n');
	challenge_choose(&headers, &c);
	check_value(c.realm);
	check_value(c.service);
	check_value(c.scope);
	HOLDS(c.scheme == CHALLENGE_BASIC || c.scheme == CHALLENGE_BEARER || !c.realm);
	return 0;
}
