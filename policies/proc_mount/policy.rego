# METADATA
# title: Unmasked /proc
# description: |
#   The container runtime masks the parts of /proc that show or change the node's kernel. Without the masks a container
#   can read and write them, unless the pod has a user namespace of its own.
# custom:
#   severity: high
#   controls: ["PSS:baseline:procMount", "CIS:5.7.3"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: baseline, warn: restricted}
package lockkeeper.proc_mount

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

# In a user namespace it is what proc_mount_restricted looks at.
_violations(minor) := {violation |
	some pointer, entry in workload.containers
	value := entry.container.securityContext.procMount
	not value in {"Default", null}
	spec := entry.spec
	not pod_security.is_relaxed_in(spec, minor)
	path := concat("", [pointer, "/securityContext/procMount"])
	violation := {
		"msg": sprintf("%s sees the node's /proc without masks: procMount is %v", [workload.label(entry), value]),
		"path": path,
		"details": {"container": workload.name(entry.container)},
		"remedy": {"text": "remove procMount", "patch": [{"op": "remove", "path": path}]},
	}
}
