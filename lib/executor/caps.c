/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "executor/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>

#include "executor/syscalls.h"

static int caps_read_set(const char *set, const struct strv *names, uint64_t *out, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		int n = cap_number(names->v[i]);

		if (n < 0)
			return err_set(e, ERR_USAGE,
				       "capabilities.%s: there is no capability \"%.64s\"", set,
				       names->v[i]);
		*out |= UINT64_C(1) << n;
	}
	return 0;
}

int caps_read(const struct oci_caps *in, struct caps *out, struct err *e)
{
	*out = (struct caps){ 0 };
	if (!in)
		return 0;
	if (caps_read_set("bounding", &in->bounding, &out->bounding, e) < 0 ||
	    caps_read_set("effective", &in->effective, &out->effective, e) < 0 ||
	    caps_read_set("permitted", &in->permitted, &out->permitted, e) < 0 ||
	    caps_read_set("inheritable", &in->inheritable, &out->inheritable, e) < 0 ||
	    caps_read_set("ambient", &in->ambient, &out->ambient, e) < 0)
		return -1;
	out->permitted |= out->effective;
	return 0;
}

static int capset_raw(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	for (int i = 0; i < 2; i++) {
		d[i].effective = (uint32_t)(effective >> (32 * i));
		d[i].permitted = (uint32_t)(permitted >> (32 * i));
		d[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
	return (int)syscall(SYS_capset, &h, d);
}

static int capget_permitted(uint64_t *out)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { 0 } };

	if (syscall(SYS_capget, &h, d) < 0)
		return -1;
	*out = d[0].permitted | (uint64_t)d[1].permitted << 32;
	return 0;
}

int caps_bound(const struct caps *c, struct err *e)
{
	for (int n = 0; n < 64; n++) {
		if (n < 63 && c->bounding >> n & 1)
			continue;
		if (prctl(PR_CAPBSET_DROP, n, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			break; /* past the kernel's last one */
		return err_sys(e, "drop capability %d from the bounding set", n);
	}
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_sys(e, "keep capabilities over the change of user");
	return 0;
}

int caps_apply(const struct caps *c, uid_t uid, struct err *e)
{
	uint64_t have, permitted = c->permitted, effective = c->effective;

	if (capget_permitted(&have) < 0)
		return err_sys(e, "read own capabilities");
	if (uid != 0)
		permitted = effective = c->ambient;
	/* What we do not hold ourselves cannot be given: the container gets what is there. */
	permitted &= have;
	effective &= permitted;
	if (capset_raw(effective, permitted,
		       (c->inheritable & have & c->bounding) | (c->ambient & permitted)) < 0)
		return err_sys(e, "set capabilities");
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return err_sys(e, "drop the keeping of capabilities");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_sys(e, "clear ambient capabilities");
	for (int n = 0; n < 63; n++) {
		if (!(c->ambient & permitted & UINT64_C(1) << n))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, n, 0, 0) < 0)
			return err_sys(e, "raise ambient capability %s", cap_name(n));
	}
	return 0;
}
