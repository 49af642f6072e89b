# METADATA
# title: Capabilities that are not dropped
# description: |
#   The container runtime gives a container a default set of capabilities, NET_RAW among them in many, that few programs
#   need. Whoever breaks in can use them.
# custom:
#   severity: low
#   controls: ["PSS:restricted:capabilities_restricted", "CIS:5.2.8", "CIS:5.2.10"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: baseline, warn: restricted}
#     allowed: []
package lockkeeper.capabilities_restricted

import data.lockkeeper.lib.patch
import data.lockkeeper.lib.pod_security
import data.lockkeeper.lib.workload

deny contains violation if {
	pod_security.is_enforced("restricted")
	some violation in _violations(pod_security.enforced_minor)
}

warn contains violation if {
	pod_security.is_warned("restricted")
	some violation in _violations(pod_security.warned_minor)
}

_violations(minor) := {violation |
	minor >= 22
	some pointer, entry in workload.containers
	container := entry.container
	not _drops_all(container)
	spec := entry.spec
	not pod_security.is_exempt_in(spec, minor)
	violation := {
		"msg": sprintf("%s keeps capabilities that the container runtime gives: it does not drop ALL", [workload.label(entry)]),
		"path": concat("", [pointer, "/securityContext/capabilities/drop"]),
		"details": {"container": workload.name(entry.container)},
		"remedy": {
			"text": "set capabilities.drop to [ALL], and add NET_BIND_SERVICE if it listens on a port below 1024",
			"patch": patch.set(entry.container, pointer, ["securityContext", "capabilities", "drop"], ["ALL"]),
		},
	}
} | {violation |
	minor >= 22
	some pointer, entry in workload.containers
	added := entry.container.securityContext.capabilities.add
	is_array(added)
	spec := entry.spec
	not pod_security.is_exempt_in(spec, minor)
	some i, capability in added
	capability in _default_set
	not capability in _allowed
	path := concat("", [pointer, "/securityContext/capabilities/add/", format_int(i, 10)])
	violation := {
		"msg": sprintf("%s adds the capability %s", [workload.label(entry), capability]),
		"path": path,
		"details": {"container": workload.name(entry.container), "capability": capability},
		"remedy": {
			"text": sprintf("remove %s from capabilities.add", [capability]),
			"patch": [{"op": "remove", "path": path}],
		},
	}
}

_drops_all(container) if {
	some capability in container.securityContext.capabilities.drop
	capability == "ALL"
}

# What the baseline level allows, without NET_BIND_SERVICE; all others are what the policy capabilities looks at.
_default_set := {
	"AUDIT_WRITE",
	"CHOWN",
	"DAC_OVERRIDE",
	"FOWNER",
	"FSETID",
	"KILL",
	"MKNOD",
	"SETFCAP",
	"SETGID",
	"SETPCAP",
	"SETUID",
	"SYS_CHROOT",
}

default _allowed := []

_allowed := input.parameters.allowed
