# METADATA
# title: Privileged containers
# description: |
#   A privileged container has every capability and all devices of its node. Whoever breaks into it owns the node,
#   and from there every other workload on it.
# custom:
#   severity: critical
#   controls: ["PSS:baseline:privileged", "CIS:5.2.2", "MITRE:T1611"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
#   match:
#     workloads: true
#   parameters: {}
package lockkeeper.privileged_containers

import data.lockkeeper.lib.workload

deny contains violation if {
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
