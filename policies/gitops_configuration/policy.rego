# METADATA
# title: Configuration of the GitOps tools changed
# description: |
#   Argo CD's ConfigMaps say who may log in and what they may do, its Secrets hold the keys to clusters and repositories,
#   and the values that Flux puts into manifests come from ConfigMaps and Secrets too. None of them is seen in a review.
# custom:
#   severity: high
#   controls: ["NIST:SP800-53:CM-5"]
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [ConfigMap, Secret]
#     operations: [CREATE, UPDATE, DELETE]
#   parameters:
#     # What Kustomizations name in substituteFrom, beside whatever Flux is told to watch.
#     substitutes: [cluster-settings, cluster-secrets, cluster-vars, cluster-config]
#     # Namespaces whose Kustomizations go through the Flux gate, "team-*" for any ending, "*" for all: what is put into
#     # their manifests by hand is denied.
#     gatedNamespaces: []
#     deployers:
#       - ServiceAccount:argocd/argocd-application-controller
#       - ServiceAccount:argocd/argocd-applicationset-controller
#       - ServiceAccount:openshift-gitops/openshift-gitops-argocd-application-controller
#       - ServiceAccount:flux-system/kustomize-controller
#       - ServiceAccount:flux-system/helm-controller
#     exemptSubjects: ["ServiceAccount:argocd/*", "ServiceAccount:flux-system/*", "ServiceAccount:external-secrets/*"]
package lockkeeper.gitops_configuration

import data.lockkeeper.lib.actor
import data.lockkeeper.lib.flux_gate
import data.lockkeeper.lib.pointer

# Public installations have it, with a role that only reads.
warn contains violation if {
	_argocd_name == "argocd-cm"
	_switched_on("users.anonymous.enabled")
	violation := {
		"msg": "users.anonymous.enabled: whoever reaches Argo CD's address has the rights of policy.default without logging in",
		"path": "/data/users.anonymous.enabled",
		"details": {"key": "users.anonymous.enabled"},
		"remedy": {"text": "remove users.anonymous.enabled"},
	}
}

deny contains violation if {
	_argocd_name == "argocd-rbac-cm"
	input.review.object.data["policy.default"] == "role:admin"
	not input.review.oldObject.data["policy.default"] == "role:admin"
	violation := {
		"msg": "policy.default is role:admin: everybody who can log in may do everything",
		"path": "/data/policy.default",
		"details": {"key": "policy.default"},
		"remedy": {"text": "set policy.default to role:readonly or to nothing, and name the administrators in policy.csv"},
	}
}

warn contains violation if {
	_argocd_name == "argocd-cm"
	_switched_on("exec.enabled")
	violation := {
		"msg": "exec.enabled: Argo CD's web page opens shells in every pod that its account may reach",
		"path": "/data/exec.enabled",
		"details": {"key": "exec.enabled"},
		"remedy": {"text": "leave exec to kubectl, where RBAC and the audit log know who it was"},
	}
}

warn contains violation if {
	not _is_gated
	some violation in _changes
}

# The gate has judged the manifests with the values that were there.
deny contains violation if {
	_is_gated
	some violation in _changes
}

_changes contains {
	"msg": sprintf("%s %s %s: %s", [actor.label, _verb, _subject.what, _subject.harm]),
	"path": "",
	"details": {"name": input.review.name},
	"remedy": {"text": "make the change in Git, sealed or from a secret store where it is a Secret"},
} if {
	not actor.is_trusted
	_changed
}

_is_gated if {
	_is_substitute
	flux_gate.covers(flux_gate.namespace)
}

_subject := {"what": sprintf("the ConfigMap %s", [_argocd_name]), "harm": "it says who may do what with Argo CD"} if {
	_argocd_name in {"argocd-cm", "argocd-rbac-cm", "argocd-cmd-params-cm"}
} else := {"what": "the Secret argocd-secret", "harm": "it holds the key that Argo CD signs sessions with"} if {
	input.review.kind.kind == "Secret"
	input.review.name == "argocd-secret"
} else := {
	"what": sprintf("the %s of Argo CD %s", [type, input.review.name]),
	"harm": "it says where Argo CD deploys to, or what it deploys from",
} if {
	input.review.kind.kind == "Secret"
	type := _object.metadata.labels["argocd.argoproj.io/secret-type"]
	type in {"cluster", "repository", "repo-creds", "repository-write", "repo-write-creds"}
} else := {
	"what": sprintf("the %s %s", [input.review.kind.kind, input.review.name]),
	"harm": "Flux puts its values into the manifests it applies",
} if {
	_is_substitute
}

_is_substitute if input.review.name in input.parameters.substitutes

_is_substitute if {
	some reviewed in [input.review.object, input.review.oldObject]
	reviewed.metadata.labels["reconcile.fluxcd.io/watch"] == "Enabled"
}

_argocd_name := input.review.name if {
	input.review.kind.kind == "ConfigMap"
	startswith(input.review.name, "argocd-")
}

# What Argo CD's own tools set is text.
_switched_on(key) if {
	input.review.object.data[key] == "true"
	not input.review.oldObject.data[key] == "true"
}

_object := input.review.oldObject if input.review.operation == "DELETE"

_object := input.review.object if input.review.operation != "DELETE"

_changed if input.review.operation != "UPDATE"

# Flux is not told of the next change any more.
_changed if {
	input.review.oldObject.metadata.labels["reconcile.fluxcd.io/watch"] == "Enabled"
	not input.review.object.metadata.labels["reconcile.fluxcd.io/watch"] == "Enabled"
}

_changed if {
	some field in ["data", "stringData", "binaryData"]
	object.get(input.review.object, field, {}) != object.get(input.review.oldObject, field, {})
}

_verb := {"CREATE": "creates", "UPDATE": "changes", "DELETE": "deletes"}[input.review.operation]
