# METADATA
# title: Placement past the scheduler
# description: |
#   With `nodeName` a pod starts on a node whatever taints, quotas and other pods say, and a toleration of everything brings
#   it onto the nodes of the control plane. Both are how a pod gets beside the cluster's own credentials.
# custom:
#   severity: medium
#   controls: ["MITRE:T1610"]
#   docs: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#nodename
#   match:
#     workloads: true
#   parameters:
#     # Namespaces of the cluster's own parts: names, or a prefix followed by *.
#     systemNamespaces: [kube-system]
package lockkeeper.node_placement

import data.lockkeeper.lib.workload

warn contains violation if {
	some pointer, spec in workload.pod_specs
	is_string(spec.nodeName)
	spec.nodeName != ""
	not _is_placed_already
	not _is_static_pod
	path := concat("", [pointer, "/nodeName"])
	violation := {
		"msg": sprintf("nodeName is %s: the scheduler, taints and quotas are passed by", [spec.nodeName]),
		"path": path,
		"details": {"nodeName": spec.nodeName},
		"remedy": {
			"text": "leave nodeName out; a nodeSelector or an affinity chooses nodes through the scheduler",
			"patch": [{"op": "remove", "path": path}],
		},
	}
}

warn contains violation if {
	not input.review.kind.kind == "DaemonSet"
	not _is_system_namespace
	some pointer, spec in workload.pod_specs
	is_array(spec.tolerations)
	some i, toleration in spec.tolerations
	what := _tolerates(toleration)
	violation := {
		"msg": sprintf("the pods tolerate %s, so they may run beside the control plane", [what]),
		"path": concat("", [pointer, "/tolerations/", format_int(i, 10)]),
		"details": {"tolerates": what},
		"remedy": {"text": "tolerate the taints of the nodes that are meant, by their keys"},
	}
}

# A Pod on its node stays there.
_is_placed_already if {
	input.review.kind.kind == "Pod"
	input.review.operation == "UPDATE"
}

# The kubelet reports the pods of its own manifests.
_is_static_pod if input.review.object.metadata.annotations["kubernetes.io/config.mirror"]

_tolerates(toleration) := "every taint" if {
	toleration.operator == "Exists"
	object.get(toleration, "key", "") in {"", null}
	not object.get(toleration, "effect", "") in {"NoExecute", "PreferNoSchedule"}
}

_tolerates(toleration) := toleration.key if {
	toleration.key in {"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"}
	not object.get(toleration, "effect", "") in {"NoExecute", "PreferNoSchedule"}
}

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
