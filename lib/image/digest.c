/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/digest.h"

#include <pthread.h>
#include <string.h>

/* OpenSSL has a type of the name of our error kind. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE

#include "base/dl.h"
#include "base/str.h"

#define PREFIX "sha256:"
#define HEX_LEN 64

// clang-format off
#define CRYPTO_FUNCTIONS(X) \
	X(EVP_MD_CTX_new) X(EVP_MD_CTX_free) X(EVP_sha256) \
	X(EVP_DigestInit_ex) X(EVP_DigestUpdate) X(EVP_DigestFinal_ex)
#define CRYPTO_SYMBOL(fn) { #fn, offsetof(struct crypto_api, fn) },
// clang-format on

struct crypto_api {
	CRYPTO_FUNCTIONS(DL_MEMBER)
};
static const struct dl_symbol crypto_symbols[] = { CRYPTO_FUNCTIONS(CRYPTO_SYMBOL) };
static struct crypto_api crypto;

static int crypto_load(struct err *e)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static bool loaded;
	int ret = 0;

	pthread_mutex_lock(&mutex);
	if (!loaded) {
		ret = dl_load("libcrypto.so.3", "libssl3", crypto_symbols,
			      ARRAY_LEN(crypto_symbols), &crypto, e);
		loaded = ret == 0;
	}
	pthread_mutex_unlock(&mutex);
	return ret;
}

static bool lower_hex(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

bool digest_valid(const char *s)
{
	return s && str_starts(s, PREFIX) && lower_hex(s + strlen(PREFIX), HEX_LEN);
}

int digest_check(const char *s, struct err *e)
{
	if (digest_valid(s))
		return 0;
	if (!str_some(s))
		return err_set(e, ERR_REMOTE, "digest is missing");
	if (str_starts(s, "sha512:") || str_starts(s, "sha384:"))
		return err_set(e, ERR_REMOTE, "digest %.6s:… is not supported, only sha256 is", s);
	return err_set(e, ERR_REMOTE,
		       "invalid digest \"%.80s\": not sha256: and 64 lower-case hex digits", s);
}

const char *digest_hex(const char *digest)
{
	return digest + strlen(PREFIX);
}

struct digest {
	EVP_MD_CTX *ctx;
};

int digest_new(struct digest **out, struct err *e)
{
	own(digest) struct digest *d = NULL;

	if (crypto_load(e) < 0)
		return -1;
	d = xcalloc(1, sizeof(*d));
	d->ctx = crypto.EVP_MD_CTX_new();
	/* Fails only without memory or where policy forbids SHA-256. */
	if (!d->ctx || crypto.EVP_DigestInit_ex(d->ctx, crypto.EVP_sha256(), NULL) != 1)
		return err_set(e, ERR_FAIL, "libcrypto refuses to compute SHA-256");
	*out = ptr_steal(d);
	return 0;
}

void digest_update(struct digest *d, const void *p, size_t n)
{
	crypto.EVP_DigestUpdate(d->ctx, p, n);
}

void digest_final(struct digest *d, char out[DIGEST_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char md[HEX_LEN / 2] = { 0 };
	char *p = stpcpy(out, PREFIX);

	crypto.EVP_DigestFinal_ex(d->ctx, md, NULL);
	for (size_t i = 0; i < sizeof(md); i++) {
		*p++ = hex[md[i] >> 4];
		*p++ = hex[md[i] & 15];
	}
	*p = '\0';
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	crypto.EVP_MD_CTX_free(d->ctx);
	free(d);
}

int digest_of(const void *p, size_t n, char out[DIGEST_SIZE], struct err *e)
{
	own(digest) struct digest *d = NULL;

	if (digest_new(&d, e) < 0)
		return -1;
	digest_update(d, p, n);
	digest_final(d, out);
	return 0;
}
