# METADATA
# title: Pods put on a node past the scheduler
# description: |
#   Taints, affinity, quotas of nodes and the spread over zones are kept by the scheduler. A pod that names its node, or
#   that somebody binds to one, lands beside the control plane or the database that was meant to be alone.
# custom:
#   severity: medium
#   controls: []
#   docs: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename
#   match:
#     workloads: true
#     kinds:
#       - apiGroups: [""]
#         kinds: [Binding]
#     operations: [CREATE, UPDATE]
#     subResources: ["", binding]
#   parameters:
#     exemptSubjects: []
package lockkeeper.node_binding

import data.lockkeeper.lib.actor
import data.lockkeeper.lib.workload

deny contains violation if {
	input.review.kind.kind == "Binding"
	input.review.kind.group == ""
	actor.is_person
	not actor.is_exempt
	violation := {
		"msg": sprintf("%s binds the pod %s to the node %v, which only schedulers do", [actor.label, input.review.name, _target]),
		"path": "/target",
		"details": {"node": _target},
		"remedy": {"text": "leave the choice to the scheduler, and say what the pod needs with nodeSelector or affinity"},
	}
}

# The pods of workloads get their node by this, and the pods of kubelets are made from files there.
warn contains violation if {
	not actor.is_system
	not actor.is_node
	not actor.is_exempt
	some path, spec in workload.pod_specs
	is_string(spec.nodeName)
	spec.nodeName != ""
	not _had_node
	violation := {
		"msg": sprintf("nodeName puts the pod on %s whatever its taints say", [spec.nodeName]),
		"path": concat("", [path, "/nodeName"]),
		"details": {"node": spec.nodeName},
		"remedy": {"text": "remove nodeName, and use nodeSelector or affinity"},
	}
}

# A Pod that runs has its node, whoever changes it.
_had_node if {
	input.review.kind.kind == "Pod"
	input.review.operation == "UPDATE"
}

default _target := "?"

_target := input.review.object.target.name if is_string(input.review.object.target.name)
