# METADATA
# title: Protected workloads scaled to nothing
# description: |
#   With no replicas a workload is switched off while it still looks deployed: a gate that answers nobody, a log collector
#   that collects nothing, a shop that sells nothing.
# custom:
#   severity: high
#   controls: []
#   match:
#     kinds:
#       - apiGroups: [apps]
#         kinds: [Deployment, StatefulSet, ReplicaSet]
#       - apiGroups: [autoscaling]
#         kinds: [Scale]
#     operations: [UPDATE]
#     subResources: ["", scale]
#   parameters:
#     # A workload with this label is protected; a request to its scale does not show it.
#     label: policy.lockkeeper.dev/protected
#     # <namespace>/<name>
#     workloads: []
#     protectedNamespaces: [kube-system, argocd, flux-system, lockkeeper-system]
#     deployers:
#       - ServiceAccount:argocd/argocd-application-controller
#       - ServiceAccount:argocd/argocd-applicationset-controller
#       - ServiceAccount:openshift-gitops/openshift-gitops-argocd-application-controller
#       - ServiceAccount:flux-system/kustomize-controller
#       - ServiceAccount:flux-system/helm-controller
#     exemptSubjects: []
package lockkeeper.protected_scale

import data.lockkeeper.lib.actor

deny contains violation if {
	_is_protected
	some violation in _violations
}

warn contains violation if {
	not _is_protected
	input.review.namespace in input.parameters.protectedNamespaces
	some violation in _violations
}

_violations contains {
	"msg": sprintf("%s scales %s in %s from %v to 0", [actor.label, input.review.name, input.review.namespace, _replicas(input.review.oldObject)]),
	"path": "/spec/replicas",
	"details": {"name": input.review.name},
	"remedy": {"text": "make the change in Git"},
} if {
	_replicas(input.review.object) == 0
	_replicas(input.review.oldObject) > 0
	not actor.is_trusted
}

# Absent is 1 in a workload, and 0 in a Scale, which is written without zeros.
_replicas(object) := count if {
	count := object.spec.replicas
	is_number(count)
} else := 0 if {
	input.review.kind.kind == "Scale"
} else := 1

_is_protected if input.review.oldObject.metadata.labels[input.parameters.label] == "true"

_is_protected if concat("/", [input.review.namespace, input.review.name]) in input.parameters.workloads
