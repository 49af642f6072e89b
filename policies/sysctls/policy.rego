# METADATA
# title: Unsafe sysctls
# description: |
#   A sysctl outside the safe set changes the kernel for other pods of the node, too, or turns a protection off. The
#   kubelet refuses most of them, so such a pod often never starts.
# custom:
#   severity: medium
#   controls: ["PSS:baseline:sysctls"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters:
#     allowed: []
package lockkeeper.sysctls

import data.lockkeeper.lib.workload

deny contains violation if {
	some pointer, spec in workload.pod_specs
	sysctls := spec.securityContext.sysctls
	is_array(sysctls)
	some i, sysctl in sysctls
	is_object(sysctl)
	name := workload.name(sysctl)
	not name in _safe_set
	not name in _allowed
	item := concat("", [pointer, "/securityContext/sysctls/", format_int(i, 10)])
	violation := {
		"msg": sprintf(`sysctl "%s" is not in the safe set: it can change the node for other pods`, [name]),
		"path": concat("", [item, "/name"]),
		"details": {"sysctl": name},
		"remedy": {
			"text": sprintf(`remove the sysctl "%s", or set it on the nodes`, [name]),
			"patch": [{"op": "remove", "path": item}],
		},
	}
}

# Pod Security Standards 1.37, baseline, "Sysctls".
_safe_set := {
	"kernel.shm_rmid_forced",
	"net.ipv4.ip_local_port_range",
	"net.ipv4.ip_local_reserved_ports",
	"net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.ping_group_range",
	"net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes",
	"net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_notsent_lowat",
	"net.ipv4.tcp_rmem",
	"net.ipv4.tcp_slow_start_after_idle",
	"net.ipv4.tcp_syncookies",
	"net.ipv4.tcp_wmem",
}

default _allowed := []

_allowed := input.parameters.allowed
