# METADATA
# title: Changes in the system namespaces by people
# description: |
#   What runs in kube-system may do nearly everything, and its ConfigMaps and Secrets say whom the API server trusts.
#   Add-ons come from controllers, the cloud or Git; a change by anybody else is a mistake or an intruder settling in.
# custom:
#   severity: high
#   controls: ["NIST:SP800-53:CM-5"]
#   match:
#     workloads: true
#     kinds:
#       - apiGroups: [""]
#         kinds: [ConfigMap, Secret, ServiceAccount]
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [Role, RoleBinding]
#     operations: [CREATE, UPDATE, DELETE]
#     namespaces: [kube-system, kube-public, kube-node-lease]
#   parameters:
#     deployers:
#       - ServiceAccount:argocd/argocd-application-controller
#       - ServiceAccount:argocd/argocd-applicationset-controller
#       - ServiceAccount:openshift-gitops/openshift-gitops-argocd-application-controller
#       - ServiceAccount:flux-system/kustomize-controller
#       - ServiceAccount:flux-system/helm-controller
#     # Who else installs add-ons: the accounts of the managed clusters of Amazon, Google and Microsoft.
#     exemptSubjects: ["User:eks:*", "User:system:gke-*", "User:aksService", "Group:system:nodes"]
package lockkeeper.kube_system_change

import data.lockkeeper.lib.actor

# Whoever writes this says which proxy the API server believes when it names a user.
deny contains violation if {
	input.review.kind.kind == "ConfigMap"
	_name == "extension-apiserver-authentication"
	not actor.is_system
	violation := {
		"msg": sprintf("%s: %s", [_what, "it says whose word the API server takes for who a user is, and only the API server writes it"]),
		"path": "",
		"details": {"name": _name},
		"remedy": {"text": "leave it alone; the flags of the API server say what is in it"},
	}
}

warn contains violation if {
	not actor.is_trusted
	not _name in {"extension-apiserver-authentication", "kube-root-ca.crt"}
	violation := {
		"msg": sprintf("%s: %s", [_what, _harm]),
		"path": "",
		"details": {"name": _name},
		"remedy": {"text": "make the change in Git, or have the cluster's own tools make it"},
	}
}

_what := sprintf("%s %s the %s %s in %s", [
	actor.label,
	{"CREATE": "creates", "UPDATE": "changes", "DELETE": "deletes"}[input.review.operation],
	input.review.kind.kind,
	_name,
	input.review.namespace,
])

default _name := ""

_name := input.review.name if is_string(input.review.name)

default _harm := "what runs and what is kept here is part of the control plane"

_harm := "it is what the nodes or new members of the cluster are configured from" if {
	input.review.kind.kind == "ConfigMap"
	_name in {"kubeadm-config", "kubelet-config", "kube-proxy", "cluster-info"}
}
