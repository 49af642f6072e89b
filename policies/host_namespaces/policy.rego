# METADATA
# title: Host namespaces
# description: |
#   A pod in the node's network, process or IPC namespace sees what the node and its other pods do: traffic that network
#   policies should block, other programs' arguments and environment, shared memory. It warns until a label of the
#   namespace or the configuration enforces the baseline, for node agents need it.
# custom:
#   severity: high
#   controls: ["PSS:baseline:hostNamespaces", "CIS:5.2.3", "CIS:5.2.4", "CIS:5.2.5", "MITRE:T1611"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: privileged, warn: restricted}
package lockkeeper.host_namespaces

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
	some field, harm in _harms
	spec[field] == true
	path := concat("", [pointer, "/", field])
	violation := {
		"msg": sprintf("%s is true: %s", [field, harm]),
		"path": path,
		"details": {"field": field},
		"remedy": {
			"text": sprintf("remove %s", [field]),
			"patch": [{"op": "remove", "path": path}],
		},
	}
}

_harms := {
	"hostNetwork": "the pod uses the node's own network, past every NetworkPolicy, and reaches what listens on its localhost",
	"hostPID": "the pod sees and can signal every process of the node, and reads their environment",
	"hostIPC": "the pod reads and writes the shared memory of the node's processes",
}
