/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quantity.h - Kubernetes' resource quantities: "500m", "1.5", "128Mi", "1e9".
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity
 *
 * A quantity is [+-] digits with at most one point, and one suffix: Ki Mi Gi Ti Pi Ei (powers of
 * 1024); n u m k M G T P E (powers of 1000); e or E and an integer (powers of ten). It keeps nine
 * decimal places, as Kubernetes' code does, though its documentation speaks of three; what is finer
 * is rounded up, i.e. away from zero. What is beyond 2^63-1 is capped there.
 */
#ifndef CADDIS_BASE_QUANTITY_H
#define CADDIS_BASE_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

enum quantity_format { QUANTITY_DECIMAL, QUANTITY_BINARY, QUANTITY_EXPONENT };
struct quantity {
	unsigned __int128 nanos; /* magnitude, in units of 10^-9 */
	bool negative;
	bool capped;		     /* it was beyond 2^63-1 */
	enum quantity_format format; /* by its suffix: printed again in the same */
};

int quantity_parse(const char *s, struct quantity *out) MUST_CHECK; /* 0, or -1: not one */
/*
 * The canonical form: no fraction, the largest suffix that loses nothing. 1.5 is "1500m", 1.5Gi
 * "1536Mi", 1024 "1024", 0.5Ki "512".
 */
#define QUANTITY_TEXT_SIZE 40
void quantity_print(const struct quantity *q, char dst[QUANTITY_TEXT_SIZE]);
/* In units of 10^scale (0: whole ones, -3: thousandths), rounded up; INT64_MAX at most. */
int64_t quantity_scaled(const struct quantity *q, int scale);
struct quantity quantity_of(int64_t v, int scale, enum quantity_format f); /* v * 10^scale */

#endif
