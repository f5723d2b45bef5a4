/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Image references: what parses is normalised once and for all, and harmless in a URL. */
#include "fuzz.h"

#include "image/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own(str) char *text = xstrndup((const char *)data, size);
	own(ref) struct ref ref = { 0 }, again = { 0 };
	struct err e;

	if (ref_parse(text, &ref, &e) < 0) {
		HOLDS(e.msg[0] && !ref.domain && !ref.path);
		return 0;
	}
	own(str) char *whole = ref_format(&ref);
	HOLDS(ref_parse(whole, &again, &e) == 0);
	own(str) char *twice = ref_format(&again);
	HOLDS(strcmp(whole, twice) == 0);
	HOLDS(!strstr(ref.path, "..") || !strstr(ref.path, "/../"));
	HOLDS(strcspn(whole, " \t\r\n?#%\\\"") == strlen(whole));
	HOLDS(str_some(ref_version(&ref)) && str_some(ref_host(&ref)));
	return 0;
}
