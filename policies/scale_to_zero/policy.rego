# METADATA
# title: Workloads scaled to zero
# description: |
#   A change from some replicas to none takes the service away as surely as deleting it does, and looks harmless in a diff
#   and in an audit log. A workload that is made with none waits for something, and is no loss.
# custom:
#   severity: medium
#   controls: []
#   # What was scaled down before is not judged again.
#   ratchet: false
#   docs: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_scale/
#   match:
#     operations: [UPDATE]
#     subResources: ["", scale]
#     kinds:
#       - apiGroups: [apps, extensions]
#         kinds: [Deployment, StatefulSet, ReplicaSet]
#       - apiGroups: [""]
#         kinds: [ReplicationController]
#       - apiGroups: [argoproj.io]
#         kinds: [Rollout]
#       - apiGroups: [autoscaling]
#         kinds: [Scale]
#   parameters:
#     # Accounts whose trade this is: controllers that scale with the load or roll out.
#     ignoredUsers:
#       - system:serviceaccount:kube-system:deployment-controller
#       - system:serviceaccount:kube-system:horizontal-pod-autoscaler
#       - system:serviceaccount:keda:keda-operator
#       - system:serviceaccount:argo-rollouts:argo-rollouts
package lockkeeper.scale_to_zero

warn contains violation if {
	before := _replicas(input.review.oldObject)
	before > 0
	_replicas(input.review.object) == 0
	not input.review.userInfo.username in _ignored_users
	violation := {
		"msg": sprintf("this change takes all replicas away: %v before, 0 after it", [before]),
		"path": "/spec/replicas",
		"details": {"before": before},
		"remedy": {"text": "keep one replica, or delete the workload where it is not needed any more"},
	}
}

# An absent field is one replica, and none in a Scale, whose zero is left out when it is written.
_replicas(workload) := replicas if {
	replicas := workload.spec.replicas
	is_number(replicas)
}

_replicas(workload) := 1 if {
	object.get(workload.spec, "replicas", null) == null
	input.review.kind.kind != "Scale"
}

_replicas(workload) := 0 if {
	object.get(object.get(workload, "spec", {}), "replicas", null) == null
	input.review.kind.kind == "Scale"
}

default _ignored_users := [
	"system:serviceaccount:kube-system:deployment-controller",
	"system:serviceaccount:kube-system:horizontal-pod-autoscaler",
	"system:serviceaccount:keda:keda-operator",
	"system:serviceaccount:argo-rollouts:argo-rollouts",
]

_ignored_users := input.parameters.ignoredUsers
