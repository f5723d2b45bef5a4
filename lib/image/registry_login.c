/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "image/registry_impl.h"
#include "image/registry_token.h"

void login_free(struct login *l)
{
	auth_free(&l->auth);
	challenge_free(&l->challenge);
	if (l->header)
		explicit_bzero(l->header, strlen(l->header));
	free(l->header);
	pthread_mutex_destroy(&l->mutex);
}

static void set_header(struct login *l, const char *scheme, const char *value, int64_t lifetime)
{
	if (l->header)
		explicit_bzero(l->header, strlen(l->header));
	free(l->header);
	l->header = str_fmt("%s %s", scheme, value);
	l->expires = lifetime ? clock_monotonic() + lifetime : 0;
	l->generation++;
}

static int look_up(struct registry_conn *c, struct endpoint *p, struct err *e)
{
	struct login *l = &p->login;

	if (l->looked_up)
		return 0;
	if (auth_find(&c->r->o.auth, p->domain, p->path, p->named, &l->auth, e) < 0)
		return -1;
	l->looked_up = true;
	return 0;
}

static int answer_bearer(struct registry_conn *c, struct endpoint *p, struct err *e)
{
	struct login *l = &p->login;
	own(str) char *token = NULL;
	int64_t lifetime;

	if (l->auth.registry_token) {
		if (l->header)
			return 0; /* it was not taken */
		set_header(l, "Bearer", l->auth.registry_token, 0);
		return 1;
	}
	if (token_fetch(c, p, &l->challenge, &token, &lifetime, e) < 0)
		return -1;
	set_header(l, "Bearer", token, lifetime);
	explicit_bzero(token, strlen(token));
	return 1;
}

static int answer_basic(struct endpoint *p)
{
	struct login *l = &p->login;
	own(str) char *plain = NULL;
	own(buf) struct buf coded = { 0 };

	if (!l->auth.username || l->header)
		return 0; /* there is none, or it was not taken */
	plain = str_fmt("%s:%s", l->auth.username, l->auth.password);
	base64_encode(&coded, plain, strlen(plain));
	set_header(l, "Basic", coded.s, 0);
	explicit_bzero(plain, strlen(plain));
	explicit_bzero(coded.s, coded.len);
	return 1;
}

static int renew_locked(struct registry_conn *c, struct endpoint *p, const struct strv *challenges,
			bool again, struct err *e)
{
	struct login *l = &p->login;
	own(str) char *scope = xstrdup(l->challenge.scope);

	challenge_free(&l->challenge);
	challenge_choose(challenges, &l->challenge);
	/* A fresh token that was not taken: once more, if it now says what it should have been for.
	 */
	if (again && str_eq(scope, l->challenge.scope))
		return 0;
	if (look_up(c, p, e) < 0)
		return -1;
	switch (l->challenge.scheme) {
	case CHALLENGE_BEARER:
		return answer_bearer(c, p, e);
	case CHALLENGE_BASIC:
		return answer_basic(p);
	case CHALLENGE_NONE:
		break;
	}
	return 0;
}

int login_renew(struct registry_conn *c, struct endpoint *p, const struct login_try *t,
		const struct strv *challenges, struct err *e)
{
	struct login *l = &p->login;
	int ret = 1; /* another thread was quicker */

	pthread_mutex_lock(&l->mutex);
	if (l->generation == t->generation)
		ret = renew_locked(c, p, challenges, t->n > 0, e);
	pthread_mutex_unlock(&l->mutex);
	return ret;
}

int login_header(struct registry_conn *c, struct endpoint *p, struct login_try *t, char **header,
		 struct err *e)
{
	struct login *l = &p->login;
	int ret = 0;

	pthread_mutex_lock(&l->mutex);
	if (l->expires && clock_monotonic() > l->expires)
		ret = answer_bearer(c, p, e);
	*header = xstrdup(l->header);
	t->generation = l->generation;
	pthread_mutex_unlock(&l->mutex);
	return ret < 0 ? -1 : 0;
}
