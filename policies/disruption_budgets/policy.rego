# METADATA
# title: Disruption budgets that block everything
# description: |
#   A PodDisruptionBudget that allows no disruption stops every drain: nodes are not upgraded, autoscalers cannot take them
#   away, and in the end somebody deletes the pods by force.
# custom:
#   severity: medium
#   controls: []
#   docs: https://kubernetes.io/docs/tasks/run-application/configure-pdb/
#   match:
#     kinds:
#       - apiGroups: [policy]
#         kinds: [PodDisruptionBudget]
#   parameters: {}
package lockkeeper.disruption_budgets

warn contains violation if {
	problem := _problem
	violation := {
		"msg": sprintf("this PodDisruptionBudget allows no pod to be evicted: %s", [problem.text]),
		"path": concat("", ["/spec/", problem.field]),
		"details": {"field": problem.field},
		"remedy": {"text": "allow one pod to go: maxUnavailable: 1 with two replicas or more"},
	}
}

_spec := input.review.object.spec

_problem := {"field": "maxUnavailable", "text": sprintf("maxUnavailable is %v", [_spec.maxUnavailable])} if {
	_spec.maxUnavailable in {0, "0", "0%"}
} else := {"field": "minAvailable", "text": "minAvailable is 100%"} if {
	_spec.minAvailable == "100%"
} else := {"field": "minAvailable", "text": text} if {
	is_number(_spec.minAvailable)
	some workload in _covered
	replicas := object.get(workload.spec, "replicas", 1)
	is_number(replicas)
	replicas > 0
	_spec.minAvailable >= replicas
	not _is_scaled(workload)
	text := sprintf("minAvailable is %v, and the %s %s has replicas: %v", [
		_spec.minAvailable,
		workload.kind,
		workload.metadata.name,
		replicas,
	])
}

# The workload that the budget is for, where it is known; two would have their pods counted together.
_covered := [workload |
	count(_candidates) == 1
	some workload in _candidates
]

_candidates := [object |
	some object in input.related.objects
	object.kind in {"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "Rollout"}
	object.metadata.namespace == input.review.namespace
	labels := object.spec.template.metadata.labels
	_selects(labels)
]

# Labels alone: an expression is not decided here.
_selects(labels) if {
	count(object.get(_spec.selector, "matchExpressions", [])) == 0
	count(_spec.selector.matchLabels) > 0
	every key, value in _spec.selector.matchLabels {
		labels[key] == value
	}
}

# An autoscaler has its own minimum.
_is_scaled(workload) if {
	some object in input.related.objects
	object.kind == "HorizontalPodAutoscaler"
	object.metadata.namespace == input.review.namespace
	object.spec.scaleTargetRef.kind == workload.kind
	object.spec.scaleTargetRef.name == workload.metadata.name
}
