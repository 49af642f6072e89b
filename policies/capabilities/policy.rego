# METADATA
# title: Added capabilities
# description: |
#   Capabilities beyond the container runtime's default set give a container parts of root's power over the node:
#   SYS_ADMIN nearly all of it, NET_RAW forged packets, SYS_PTRACE other processes' memory. It warns until a label of
#   the namespace or the configuration enforces the baseline, for node agents need it.
# custom:
#   severity: high
#   controls: ["PSS:baseline:capabilities_baseline", "CIS:5.2.9", "NIST:SP800-190:4.4.3"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: privileged, warn: restricted}
#     allowed: []
package lockkeeper.capabilities

import data.lockkeeper.lib.pod_security
import data.lockkeeper.lib.workload

deny contains violation if {
	pod_security.is_enforced("baseline")
	some violation in _violations
}

warn contains violation if {
	pod_security.is_warned("baseline")
	some violation in _violations
}

_violations contains violation if {
	some pointer, entry in workload.containers
	added := entry.container.securityContext.capabilities.add
	is_array(added)
	some i, capability in added
	not capability in _default_set
	not capability in _allowed
	path := concat("", [pointer, "/securityContext/capabilities/add/", format_int(i, 10)])
	violation := {
		"msg": sprintf("%s adds the capability %v, which is beyond the default set", [workload.label(entry), capability]),
		"path": path,
		"details": {"container": workload.name(entry.container), "capability": capability},
		"remedy": {
			"text": sprintf("remove %v from capabilities.add", [capability]),
			"patch": [{"op": "remove", "path": path}],
		},
	}
}

# Pod Security Standards 1.37, baseline, "Capabilities". Names are compared as they are written, as the standard's own
# admission plug-in does: CAP_CHOWN is not CHOWN.
_default_set := {
	"AUDIT_WRITE",
	"CHOWN",
	"DAC_OVERRIDE",
	"FOWNER",
	"FSETID",
	"KILL",
	"MKNOD",
	"NET_BIND_SERVICE",
	"SETFCAP",
	"SETGID",
	"SETPCAP",
	"SETUID",
	"SYS_CHROOT",
}

default _allowed := []

_allowed := input.parameters.allowed
