# METADATA
# title: SELinux options
# description: |
#   SELinux keeps containers apart from the node and from each other by the type that they run as. A type of one's own
#   choice, or another user or role, can switch this off, as spc_t does.
# custom:
#   severity: medium
#   controls: ["PSS:baseline:seLinuxOptions", "CIS:5.7.3", "NIST:SP800-190:4.4.3"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: baseline, warn: restricted}
package lockkeeper.selinux_options

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
	some field, value in _set_options(spec)
	_is_bad(field, value, minor)
	violation := _violation("the pod", "", pointer, field, value)
} | {violation |
	some pointer, entry in workload.containers
	some field, value in _set_options(entry.container)
	_is_bad(field, value, minor)
	violation := _violation(workload.label(entry), workload.name(entry.container), pointer, field, value)
}

_set_options(owner) := options if {
	options := owner.securityContext.seLinuxOptions
	is_object(options)
}

_is_bad(field, value, _) if {
	field in {"user", "role"}
	not value in {"", null}
}

_is_bad("type", value, minor) if {
	not value in {"", null, "container_t", "container_init_t", "container_kvm_t"}
	not _is_later_type(value, minor)
}

_is_later_type("container_engine_t", minor) if minor >= 31

_violation(label, name, pointer, field, value) := {
	"msg": sprintf("%s sets the SELinux %s %v, which can take its confinement away", [label, field, value]),
	"path": path,
	"details": {"container": name, "field": field},
	"remedy": {
		"text": sprintf("remove %s: the container runtime chooses it", [field]),
		"patch": [{"op": "remove", "path": path}],
	},
} if {
	path := concat("", [pointer, "/securityContext/seLinuxOptions/", field])
}
