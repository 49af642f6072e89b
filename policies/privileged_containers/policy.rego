# METADATA
# title: Privileged containers
# description: |
#   A privileged container has every capability and all devices of its node. Whoever breaks into it owns the node, and
#   from there every other workload on it. It warns until a label of the namespace or the configuration enforces the
#   baseline, for node agents need it.
# custom:
#   severity: critical
#   controls: ["PSS:baseline:privileged", "CIS:5.2.2", "MITRE:T1611", "NIST:SP800-190:4.4.3"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters:
#     podSecurity: {enforce: privileged, warn: restricted}
package lockkeeper.privileged_containers

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
	entry.container.securityContext.privileged == true
	field := concat("", [pointer, "/securityContext/privileged"])
	violation := {
		"msg": sprintf("%s is privileged: it can do everything the node's root can", [workload.label(entry)]),
		"path": field,
		"details": {"container": workload.name(entry.container)},
		"remedy": {
			"text": "set privileged to false; if the program needs a kernel feature, add that one capability instead",
			"patch": [{"op": "replace", "path": field, "value": false}],
		},
	}
}
