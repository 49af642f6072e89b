# METADATA
# title: Direct connections to pods, services and nodes
# description: |
#   Attach, portforward and proxy pass by every NetworkPolicy, Ingress and login page: whoever may use them talks to a pod
#   as if from inside. The proxy of a node reaches its kubelet, which runs commands in any pod there.
# custom:
#   severity: high
#   controls: ["CIS:5.1.10", "MITRE:T1609"]
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [PodAttachOptions, PodPortForwardOptions, PodProxyOptions, ServiceProxyOptions, NodeProxyOptions]
#     operations: [CONNECT]
#     subResources: [attach, portforward, proxy]
#   parameters:
#     protectedNamespaces: [kube-system, argocd, flux-system, lockkeeper-system]
#     # What monitoring reads from kubelets through the API server.
#     nodePaths: [metrics, stats, healthz]
#     exemptSubjects: []
package lockkeeper.pod_streams

import data.lockkeeper.lib.actor

deny contains violation if {
	not _exempt
	_node_path in {"run", "exec", "attach", "portForward", "cri"}
	violation := {
		"msg": sprintf("%s reaches %s of the kubelet of node %s: it runs commands in any pod there, past RBAC and the audit log", [actor.label, _node_path, _name]),
		"path": "/path",
		"details": {"path": _node_path},
		"remedy": {"text": "use kubectl exec, which RBAC and the audit log see"},
	}
}

warn contains violation if {
	not _exempt
	not _node_path in {"run", "exec", "attach", "portForward", "cri"}
	not _node_path in input.parameters.nodePaths
	violation := {
		"msg": sprintf("%s reaches the kubelet of node %s through the API server", [actor.label, _name]),
		"path": "/path",
		"details": {"path": _node_path},
		"remedy": {"text": "give the account nodes/metrics or nodes/log instead of nodes/proxy"},
	}
}

warn contains violation if {
	not _exempt
	not _node_path
	input.review.namespace in input.parameters.protectedNamespaces
	violation := {
		"msg": sprintf("%s opens %s to %s in the protected namespace %s", [actor.label, input.review.subResource, _name, input.review.namespace]),
		"path": "",
		"details": {"subResource": input.review.subResource},
		"remedy": {"text": "use the address that the program offers, where its own login counts"},
	}
}

# The first step of the kubelet's path; a lone `/` leads to its list of pods.
_node_path := split(trim_prefix(object.get(input.review.object, "path", ""), "/"), "/")[0] if {
	input.review.kind.kind == "NodeProxyOptions"
}

default _name := ""

_name := input.review.name if is_string(input.review.name)

_exempt if actor.is_system

_exempt if actor.is_exempt
