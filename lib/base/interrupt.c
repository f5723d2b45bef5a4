/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/interrupt.h"

#include <errno.h>

#include "base/macros.h"

static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR2 };
#define OURS SIGUSR2 /* that ends the thread, too: pthread_cancel() would load a library */

static void *wait_for_one(void *arg)
{
	struct interrupt *i = arg;
	int sig;

	if (sigwait(&i->caught, &sig) != 0 || (sig == OURS && i->ended))
		return NULL;
	i->undo(i->ctx);
	signal(sig, SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &i->caught, NULL);
	raise(sig);
	return NULL;
}

int interrupt_begin(struct interrupt *i, void (*undo)(void *ctx), void *ctx, struct err *e)
{
	*i = (struct interrupt){ .undo = undo, .ctx = ctx };
	sigemptyset(&i->caught);
	for (size_t k = 0; k < ARRAY_LEN(ending); k++) {
		struct sigaction now;

		if (sigaction(ending[k], NULL, &now) == 0 &&
		    (now.sa_handler != SIG_IGN || ending[k] == OURS))
			sigaddset(&i->caught, ending[k]);
	}
	pthread_sigmask(SIG_BLOCK, &i->caught, &i->old);
	errno = pthread_create(&i->thread, NULL, wait_for_one, i);
	i->running = errno == 0;
	if (i->running)
		return 0;
	pthread_sigmask(SIG_SETMASK, &i->old, NULL);
	return err_sys(e, "start a thread");
}

void interrupt_end(struct interrupt *i)
{
	if (!i->running)
		return;
	i->ended = true;
	pthread_kill(i->thread, OURS);
	pthread_join(i->thread, NULL);
	i->running = false;
	pthread_sigmask(SIG_SETMASK, &i->old, NULL);
}
