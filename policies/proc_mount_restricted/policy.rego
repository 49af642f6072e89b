# METADATA
# title: Unmasked /proc in a user namespace
# description: |
#   In a user namespace an unmasked /proc shows less of the node than without one, and is still more than an ordinary
#   program needs. The restricted level does not allow it.
# custom:
#   severity: medium
#   controls: ["PSS:restricted:procMount_restricted", "CIS:5.7.3"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: baseline, warn: restricted}
package lockkeeper.proc_mount_restricted

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

# Pods without a user namespace, and all pods before 1.35, are what proc_mount looks at.
_violations(minor) := {violation |
	minor >= 35
	some pointer, entry in workload.containers
	entry.spec.hostUsers == false
	value := entry.container.securityContext.procMount
	not value in {"Default", null}
	path := concat("", [pointer, "/securityContext/procMount"])
	violation := {
		"msg": sprintf("%s has its /proc without masks: procMount is %v", [workload.label(entry), value]),
		"path": path,
		"details": {"container": workload.name(entry.container)},
		"remedy": {"text": "remove procMount", "patch": [{"op": "remove", "path": path}]},
	}
}
