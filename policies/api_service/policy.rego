# METADATA
# title: API groups served by somebody else
# description: |
#   An APIService hands an API group to a server of its own, which then sees the requests and the identities of everybody
#   who uses that group. For a group of Kubernetes itself it can answer what it likes: access reviews, roles, webhooks.
# custom:
#   severity: high
#   controls: []
#   docs: https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/
#   match:
#     kinds:
#       - apiGroups: [apiregistration.k8s.io]
#         kinds: [APIService]
#   parameters:
#     deployers:
#       - ServiceAccount:argocd/argocd-application-controller
#       - ServiceAccount:argocd/argocd-applicationset-controller
#       - ServiceAccount:openshift-gitops/openshift-gitops-argocd-application-controller
#       - ServiceAccount:flux-system/kustomize-controller
#       - ServiceAccount:flux-system/helm-controller
#     exemptSubjects: []
package lockkeeper.api_service

import data.lockkeeper.lib.actor

deny contains violation if {
	_served_elsewhere
	_spec.group in _builtin_groups
	violation := {
		"msg": sprintf("the built-in API group %s would be served by %s", [_group, _server]),
		"path": "/spec/service",
		"details": {"group": _spec.group},
		"remedy": {"text": "leave the groups of Kubernetes to the API server; choose a group of your own"},
	}
}

warn contains violation if {
	_served_elsewhere
	_spec.insecureSkipTLSVerify == true
	violation := {
		"msg": sprintf("insecureSkipTLSVerify: whoever can answer for %s can serve the API group %s", [_server, _group]),
		"path": "/spec/insecureSkipTLSVerify",
		"details": {"group": _spec.group},
		"remedy": {"text": "give the server a certificate and its authority in caBundle, and remove insecureSkipTLSVerify"},
	}
}

warn contains violation if {
	input.review.operation == "UPDATE"
	not actor.is_trusted
	_served_elsewhere
	_address(_spec) != _address(input.review.oldObject.spec)
	violation := {
		"msg": sprintf("%s moves the API group %s to %s", [actor.label, _group, _server]),
		"path": "/spec/service",
		"details": {"group": _spec.group},
		"remedy": {"text": "make the change in Git"},
	}
}

_spec := input.review.object.spec

# Without a service the group is served by the API server itself.
_served_elsewhere if is_object(_spec.service)

_server := sprintf("the Service %v/%v", [_spec.service.namespace, _spec.service.name])

_group := `"" (core)` if _spec.group == ""

_group := _spec.group if _spec.group != ""

_address(spec) := [spec.service.namespace, spec.service.name, object.get(spec.service, "port", 443)] if {
	is_object(spec.service)
} else := []

# The groups that kube-apiserver 1.37 serves, and the two its own extension servers do; metrics.k8s.io is nobody's.
_builtin_groups := {
	"",
	"admissionregistration.k8s.io",
	"apiextensions.k8s.io",
	"apiregistration.k8s.io",
	"apps",
	"authentication.k8s.io",
	"authorization.k8s.io",
	"autoscaling",
	"batch",
	"certificates.k8s.io",
	"coordination.k8s.io",
	"discovery.k8s.io",
	"events.k8s.io",
	"flowcontrol.apiserver.k8s.io",
	"networking.k8s.io",
	"node.k8s.io",
	"policy",
	"rbac.authorization.k8s.io",
	"resource.k8s.io",
	"scheduling.k8s.io",
	"storage.k8s.io",
}
