# METADATA
# title: Default deny taken away
# description: |
#   A NetworkPolicy that selects all pods and allows nothing is what makes every other one of the namespace count. Once it is
#   gone or opened, all pods that no other policy selects can be reached, or reach everything, at once.
# custom:
#   severity: high
#   controls: ["CIS:5.3.2", "NIST:SP800-190:4.3.3", "NIST:SP800-53:SC-7(5)"]
#   docs: https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-policies
#   match:
#     kinds:
#       - apiGroups: [networking.k8s.io]
#         kinds: [NetworkPolicy]
#     operations: [UPDATE, DELETE]
#   parameters:
#     # They clean up what belongs to something that was deleted on purpose.
#     exemptUsers:
#       - system:serviceaccount:kube-system:generic-garbage-collector
#       - system:serviceaccount:kube-system:namespace-controller
package lockkeeper.default_deny_removed

deny contains violation if {
	not _is_exempt
	some direction in _directions(input.review.oldObject)
	not direction in _directions(input.review.object)
	not _is_denied_by_another(direction)
	violation := {
		"msg": sprintf("this default deny of %s is taken away: pods of the namespace that no other NetworkPolicy selects are open", [lower(direction)]),
		"path": _path,
		"details": {"policyType": direction},
		"remedy": {"text": "keep the default deny, and allow what is needed in a NetworkPolicy beside it"},
	}
}

_is_exempt if input.review.userInfo.username in _exempt_users

default _path := ""

_path := "/spec" if is_object(input.review.object)

# The directions that a policy denies to all pods of its namespace.
_directions(policy) := {direction |
	_selects_all(policy)
	some direction, rules in {"Egress": "egress", "Ingress": "ingress"}
	_judges(policy.spec, direction)
	object.get(policy.spec, rules, []) in [[], null]
}

_selects_all(policy) if object.get(policy, ["spec", "podSelector"], null) == null

_selects_all(policy) if {
	selector := policy.spec.podSelector
	object.get(selector, "matchLabels", {}) in [{}, null]
	object.get(selector, "matchExpressions", []) in [[], null]
}

# Without policyTypes a policy is for ingress, and for egress where it has egress rules: then it denies none.
_judges(spec, "Ingress") if object.get(spec, "policyTypes", []) in [[], null]

_judges(spec, direction) if direction in spec.policyTypes

_is_denied_by_another(direction) if {
	some other in input.related.objects
	other.kind == "NetworkPolicy"
	other.metadata.namespace == input.review.namespace
	other.metadata.name != input.review.name
	direction in _directions(other)
}

default _exempt_users := [
	"system:serviceaccount:kube-system:generic-garbage-collector",
	"system:serviceaccount:kube-system:namespace-controller",
]

_exempt_users := input.parameters.exemptUsers
