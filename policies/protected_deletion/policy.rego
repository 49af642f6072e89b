# METADATA
# title: Deletion of what is hard to get back
# description: |
#   With a Namespace everything in it goes, with a CustomResourceDefinition every object of its kind in the cluster, with a
#   volume its data. Without its NetworkPolicy or ResourceQuota a namespace is open, and nobody notices.
# custom:
#   severity: high
#   controls: ["MITRE:T1485"]
#   match:
#     kinds:
#       - apiGroups: ["*"]
#         kinds: ["*"]
#     operations: [DELETE, UPDATE]
#   parameters:
#     # An object with this label is not deleted, and its label taken off only by who may.
#     label: policy.lockkeeper.dev/protected
#     # A name may end in `*`.
#     protectedNamespaces: [kube-system, kube-public, kube-node-lease, default, argocd, flux-system, lockkeeper-system]
#     deployers:
#       - ServiceAccount:argocd/argocd-application-controller
#       - ServiceAccount:argocd/argocd-applicationset-controller
#       - ServiceAccount:openshift-gitops/openshift-gitops-argocd-application-controller
#       - ServiceAccount:flux-system/kustomize-controller
#       - ServiceAccount:flux-system/helm-controller
#     exemptSubjects: []
package lockkeeper.protected_deletion

import data.lockkeeper.lib.actor

# The API server itself lets nobody delete kube-system, kube-public, kube-node-lease and default: their objects are meant.
deny contains violation if {
	_deletes
	_labels[input.parameters.label] == "true"
	violation := _violation(
		sprintf("%s is protected by the label %s", [_what, input.parameters.label]),
		"take the label off in Git first",
	)
}

deny contains violation if {
	_deletes
	input.review.kind.kind == "Namespace"
	input.review.kind.group == ""
	_is_protected_namespace
	violation := _violation(
		sprintf("the namespace %s is protected: everything in it would go", [input.review.name]),
		"take the namespace out of the parameter protectedNamespaces first",
	)
}

deny contains violation if {
	input.review.operation == "UPDATE"
	_labels[input.parameters.label] == "true"
	not input.review.object.metadata.labels[input.parameters.label] == "true"
	not actor.is_trusted
	violation := {
		"msg": sprintf("%s takes the label %s off %s", [actor.label, input.parameters.label, _what]),
		"path": "/metadata/labels",
		"details": {"change": "label"},
		"remedy": {"text": "take the label off in Git"},
	}
}

# What keeps data, whoever deletes it.
warn contains violation if {
	_deletes
	not _labels[input.parameters.label] == "true"
	not _is_protected_namespace
	harm := _data[input.review.kind.group][input.review.kind.kind]
	not _is_unused
	violation := _violation(sprintf("%s is deleted: %s", [_what, harm]), "see that there is a backup, and that nothing uses it any more")
}

# What guards the namespace, where it is not taken out in Git.
warn contains violation if {
	_deletes
	not _labels[input.parameters.label] == "true"
	not actor.is_deployer
	harm := _guards[input.review.kind.group][input.review.kind.kind]
	violation := _violation(sprintf("%s deletes %s: %s", [actor.label, _what, harm]), "take it out in Git, where the removal is reviewed")
}

_violation(message, remedy) := {
	"msg": message,
	"path": "",
	"details": {"change": "deleted"},
	"remedy": {"text": remedy},
}

# The controllers delete what somebody else has decided to delete.
_deletes if {
	input.review.operation == "DELETE"
	not actor.is_system
	not actor.is_exempt
}

_data := {
	"": {
		"Namespace": "everything in it goes with it",
		"PersistentVolume": "its data may go with it",
		"PersistentVolumeClaim": "its volume and data may go with it",
	},
	"apiextensions.k8s.io": {"CustomResourceDefinition": "every object of its kind goes with it, in every namespace"},
}

_guards := {
	"": {
		"ResourceQuota": "the namespace may use up the cluster",
		"LimitRange": "containers without limits may use up their nodes",
	},
	"networking.k8s.io": {"NetworkPolicy": "traffic that it kept away may reach its pods"},
	"policy": {"PodDisruptionBudget": "a drain may take all its pods at once"},
}

# A claim that waits for its volume, and a volume that is free.
_is_unused if {
	input.review.kind.kind in {"PersistentVolume", "PersistentVolumeClaim"}
	input.review.oldObject.status.phase in {"Pending", "Available"}
}

_is_protected_namespace if {
	input.review.kind.kind == "Namespace"
	input.review.name in input.parameters.protectedNamespaces
}

_is_protected_namespace if {
	input.review.kind.kind == "Namespace"
	some pattern in input.parameters.protectedNamespaces
	endswith(pattern, "*")
	startswith(input.review.name, trim_suffix(pattern, "*"))
}

default _labels := {}

_labels := input.review.oldObject.metadata.labels if is_object(input.review.oldObject.metadata.labels)

_what := sprintf("the %s %s", [input.review.kind.kind, _name])

# Not by object.get: that would read the whole review, and no result could be kept.
default _name := ""

_name := input.review.name if is_string(input.review.name)
