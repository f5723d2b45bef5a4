/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "network/network.h"

static const struct field ip_fields[] = {
	FIELD(struct network_ip, address, FIELD_STR),
	FIELD(struct network_ip, gateway, FIELD_STR),
};
FIELD_TABLE(network_ip_table, "network address", struct network_ip, FIELDS_STRICT, ip_fields);

static const struct field status_fields[] = {
	FIELD(struct network_status, network, FIELD_STR),
	FIELD(struct network_status, kind, FIELD_STR),
	FIELD(struct network_status, attached, FIELD_BOOL),
	FIELD(struct network_status, interface, FIELD_STR),
	FIELD(struct network_status, host_interface, FIELD_STR),
	FIELD(struct network_status, mac, FIELD_STR),
	FIELD(struct network_status, mtu, FIELD_INT),
	FIELD(struct network_status, ips, FIELD_OBJLIST, .sub = &network_ip_table),
	FIELD(struct network_status, dns, FIELD_OBJ, .sub = &cri_dns_table),
	FIELD(struct network_status, ports, FIELD_OBJLIST, .sub = &cri_port_mapping_table),
	FIELD(struct network_status, cni_result, FIELD_JSON),
};
FIELD_TABLE(network_status_table, "network status", struct network_status, FIELDS_STRICT,
	    status_fields);

void network_status_free(struct network_status *st)
{
	fields_free(&network_status_table, st);
}

int network_load(int dir, struct network_status *out, struct err *e)
{
	*out = (struct network_status){ 0 };
	if (fields_load(&network_status_table, dir, NETWORK_FILE, out, e) < 0)
		return e->sys == ENOENT ? 0 : -1;
	return 0;
}
