# METADATA
# title: Privilege escalation
# description: |
#   A program that runs without root's rights can gain them by a file with the set-user-ID bit, sudo for one, unless
#   allowPrivilegeEscalation is false. It is true where nothing is said.
# custom:
#   severity: low
#   controls: ["PSS:restricted:allowPrivilegeEscalation", "CIS:5.2.6"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: baseline, warn: restricted}
package lockkeeper.privilege_escalation

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
	minor >= 8
	some pointer, entry in workload.containers
	not entry.container.securityContext.allowPrivilegeEscalation == false
	spec := entry.spec
	not pod_security.is_exempt_in(spec, minor)
	violation := {
		"msg": sprintf("%s can gain rights that it was not started with: allowPrivilegeEscalation is not false", [
			workload.label(entry),
		]),
		"path": concat("", [pointer, "/securityContext/allowPrivilegeEscalation"]),
		"details": {"container": workload.name(entry.container)},
		"remedy": _remedy(entry.container, pointer),
	}
}

_remedy(container, pointer) := {
	"text": "set allowPrivilegeEscalation to false",
	"patch": patch.set(container, pointer, ["securityContext", "allowPrivilegeEscalation"], false),
} if {
	not _needs_escalation(container)
}

_remedy(container, _) := {
	"text": "take privileged and SYS_ADMIN away, then set allowPrivilegeEscalation to false",
} if {
	_needs_escalation(container)
}

# The API server refuses false beside these.
_needs_escalation(container) if container.securityContext.privileged == true

_needs_escalation(container) if {
	some capability in container.securityContext.capabilities.add
	capability in {"SYS_ADMIN", "CAP_SYS_ADMIN"}
}
