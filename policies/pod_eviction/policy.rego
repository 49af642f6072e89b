# METADATA
# title: Evictions in protected namespaces
# description: |
#   An eviction removes a pod without a DELETE of it. In the namespaces of the control plane and of the gates it takes away
#   what guards the cluster, for as long as the next pod needs to start.
# custom:
#   severity: low
#   controls: []
#   match:
#     kinds:
#       - apiGroups: [policy]
#         kinds: [Eviction]
#     operations: [CREATE]
#     subResources: [eviction]
#   parameters:
#     protectedNamespaces: [kube-system, argocd, flux-system, lockkeeper-system]
#     exemptSubjects: []
package lockkeeper.pod_eviction

import data.lockkeeper.lib.actor

warn contains violation if {
	input.review.namespace in input.parameters.protectedNamespaces
	actor.is_person
	not actor.is_exempt
	violation := {
		"msg": sprintf("%s evicts the pod %s from the protected namespace %s%s", [actor.label, _name, input.review.namespace, _grace]),
		"path": "",
		"details": {"pod": _name},
		"remedy": {"text": "drain the node as a whole, and see that a PodDisruptionBudget keeps one pod running"},
	}
}

default _grace := ""

_grace := ", without time to shut down" if input.review.object.deleteOptions.gracePeriodSeconds == 0

default _name := ""

_name := input.review.name if is_string(input.review.name)
