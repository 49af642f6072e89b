# METADATA
# title: Containers that run as root
# description: |
#   With runAsUser 0 a container starts as root even where its image names another user. Root in a container is root on
#   the node when it gets out.
# custom:
#   severity: medium
#   controls: ["PSS:restricted:runAsUser", "CIS:5.2.7"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: baseline, warn: restricted}
package lockkeeper.run_as_user

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
	minor >= 23
	some pointer, spec in workload.pod_specs
	spec.securityContext.runAsUser == 0
	not pod_security.is_relaxed_in(spec, minor)
	violation := _violation("the pod", "", pointer)
} | {violation |
	minor >= 23
	some pointer, entry in workload.containers
	entry.container.securityContext.runAsUser == 0
	spec := entry.spec
	not pod_security.is_relaxed_in(spec, minor)
	violation := _violation(workload.label(entry), workload.name(entry.container), pointer)
}

_violation(label, name, pointer) := {
	"msg": sprintf("%s runs as root: runAsUser is 0", [label]),
	"path": concat("", [pointer, "/securityContext/runAsUser"]),
	"details": {"container": name},
	"remedy": {"text": "name a user other than 0 that may read the image's files, or set hostUsers to false"},
}
