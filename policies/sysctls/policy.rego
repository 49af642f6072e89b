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
#     podSecurity: {enforce: baseline, warn: restricted}
#     allowed: []
package lockkeeper.sysctls

import data.lockkeeper.lib.pod_security
import data.lockkeeper.lib.workload

deny contains violation if {
	pod_security.is_enforced("baseline")
	some violation in _violations(pod_security.enforced_minor)
}

warn contains violation if {
	pod_security.is_warned("baseline")
	some violation in _violations(pod_security.warned_minor)
}

_violations(minor) := {violation |
	some pointer, spec in workload.pod_specs
	sysctls := spec.securityContext.sysctls
	is_array(sysctls)
	some i, sysctl in sysctls
	is_object(sysctl)
	name := workload.name(sysctl)
	not _is_safe(name, minor)
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

_is_safe(name, minor) if _safe_since[name] <= minor

# Pod Security Standards, baseline, "Sysctls": the minor version of Kubernetes since which each is allowed.
_safe_since := {
	"kernel.shm_rmid_forced": 0,
	"net.ipv4.ip_local_port_range": 0,
	"net.ipv4.ip_local_reserved_ports": 27,
	"net.ipv4.ip_unprivileged_port_start": 0,
	"net.ipv4.ping_group_range": 0,
	"net.ipv4.tcp_fin_timeout": 29,
	"net.ipv4.tcp_keepalive_intvl": 29,
	"net.ipv4.tcp_keepalive_probes": 29,
	"net.ipv4.tcp_keepalive_time": 29,
	"net.ipv4.tcp_notsent_lowat": 37,
	"net.ipv4.tcp_rmem": 32,
	"net.ipv4.tcp_slow_start_after_idle": 37,
	"net.ipv4.tcp_syncookies": 0,
	"net.ipv4.tcp_wmem": 32,
}

default _allowed := []

_allowed := input.parameters.allowed
