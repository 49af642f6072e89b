# METADATA
# title: Priority of system pods
# description: |
#   Pods of the classes `system-node-critical` and `system-cluster-critical` push every other pod off a node to get in, and
#   are pushed off by none. A class of one's own with a higher value, or one that is everybody's default, does the same.
# custom:
#   severity: medium
#   controls: ["NIST:SP800-53:SC-6"]
#   docs: https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
#   match:
#     workloads: true
#     kinds:
#       - apiGroups: [scheduling.k8s.io]
#         kinds: [PriorityClass]
#   parameters:
#     # Namespaces of the cluster's own parts: names, or a prefix followed by *.
#     systemNamespaces: [kube-system]
#     # A class above this value is for the cluster's own parts alone.
#     maxValue: 100000000
package lockkeeper.system_priority

import data.lockkeeper.lib.workload

warn contains violation if {
	some pointer, spec in workload.pod_specs
	spec.priorityClassName in {"system-node-critical", "system-cluster-critical"}
	not _is_system_namespace
	violation := {
		"msg": sprintf("the pods have the priority class %s: every other pod makes way for them", [spec.priorityClassName]),
		"path": concat("", [pointer, "/priorityClassName"]),
		"details": {"priorityClassName": spec.priorityClassName},
		"remedy": {"text": "make a PriorityClass for what has to go first here, below those of the system"},
	}
}

warn contains violation if {
	input.review.kind.kind == "PriorityClass"
	value := input.review.object.value
	is_number(value)
	value > _max_value
	not _is_of_the_system
	violation := {
		"msg": sprintf("this PriorityClass has the value %v, above %v: its pods push nearly all others away", [
			value,
			_max_value,
		]),
		"path": "/value",
		"details": {"value": value},
		"remedy": {"text": "choose a value that is in proportion to the cluster's other classes"},
	}
}

warn contains violation if {
	input.review.kind.kind == "PriorityClass"
	input.review.object.globalDefault == true
	value := input.review.object.value
	is_number(value)
	value > 0
	object.get(input.review.object, "preemptionPolicy", "PreemptLowerPriority") != "Never"
	violation := {
		"msg": "this PriorityClass is for every pod that names none, and lets them push others off their nodes",
		"path": "/globalDefault",
		"details": {"value": value},
		"remedy": {"text": "set preemptionPolicy to Never, or take globalDefault away and name the class where it is needed"},
	}
}

_is_of_the_system if startswith(input.review.object.metadata.name, "system-")

_is_system_namespace if {
	some namespace in _system_namespaces
	_is_in(input.review.object.metadata.namespace, namespace)
}

_is_in(name, pattern) if name == pattern

_is_in(name, pattern) if {
	endswith(pattern, "*")
	startswith(name, trim_suffix(pattern, "*"))
}

default _system_namespaces := ["kube-system"]

_system_namespaces := input.parameters.systemNamespaces

default _max_value := 100000000

_max_value := input.parameters.maxValue if is_number(input.parameters.maxValue)
