# METADATA
# title: Windows HostProcess containers
# description: |
#   A HostProcess container runs on the Windows node itself, with the node's network, files and accounts: whoever breaks
#   into it owns the node, as with a privileged container on Linux.
# custom:
#   severity: critical
#   controls: ["PSS:baseline:windowsHostProcess", "CIS:5.2.11", "MITRE:T1611"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: baseline, warn: restricted}
package lockkeeper.windows_host_process

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
	some pointer, spec in workload.pod_specs
	spec.securityContext.windowsOptions.hostProcess == true
	violation := _violation("the pod", pointer, "")
}

_violations contains violation if {
	some pointer, entry in workload.containers
	entry.container.securityContext.windowsOptions.hostProcess == true
	violation := _violation(workload.label(entry), pointer, workload.name(entry.container))
}

_violation(label, pointer, name) := {
	"msg": sprintf("%s is a HostProcess container: it runs on the Windows node itself", [label]),
	"path": concat("", [pointer, "/securityContext/windowsOptions/hostProcess"]),
	"details": {"container": name},
	"remedy": {"text": "set hostProcess to false in the pod and in all its containers, and remove hostNetwork"},
}
