/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec/label.h"

#include <ctype.h>

#define NAME_LEN 63
#define PREFIX_LEN 253
#define EXPECTED_NAME                                                                              \
	"expected at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both "   \
	"ends"
#define EXPECTED_PREFIX "expected a lower-case DNS name of at most 253 characters before the '/'"

static bool is_name(const char *s, size_t n)
{
	if (n == 0 || n > NAME_LEN || !isalnum((unsigned char)s[0]) ||
	    !isalnum((unsigned char)s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-_.", s[i]))
			return false;
	return true;
}

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Parts between dots begin and end with a letter or digit. */
static bool is_subdomain(const char *s, size_t n)
{
	if (n == 0 || n > PREFIX_LEN)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool edge = i == 0 || i == n - 1 || s[i - 1] == '.' || s[i + 1] == '.';

		if (s[i] == '.' ? edge && (i == 0 || i == n - 1 || s[i + 1] == '.')
				: !is_lower_alnum(s[i]) && (edge || s[i] != '-'))
			return false;
	}
	return true;
}

const char *label_key_check(const char *key)
{
	const char *slash = strchr(key, '/'), *name = slash ? slash + 1 : key;

	if (slash && !is_subdomain(key, (size_t)(slash - key)))
		return EXPECTED_PREFIX;
	return is_name(name, strlen(name)) ? NULL : EXPECTED_NAME;
}

const char *label_value_check(const char *value)
{
	return !*value || is_name(value, strlen(value)) ? NULL : EXPECTED_NAME;
}
