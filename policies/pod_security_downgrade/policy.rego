# METADATA
# title: Pod Security level lowered
# description: |
#   The label pod-security.kubernetes.io/enforce is what stands between the pods of a namespace and the node. Whoever
#   may set it to privileged, or take it off, may run anything there.
# custom:
#   severity: high
#   controls: ["CIS:5.2.1"]
#   docs: https://kubernetes.io/docs/concepts/security/pod-security-admission/
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [Namespace]
#   parameters:
#     # Namespaces that need the level privileged; a name may end in `*`.
#     privilegedNamespaces: [kube-system, kube-flannel, calico-system, tigera-operator, cilium*, rook-ceph, longhorn-system, metallb-system]
#     deployers:
#       - ServiceAccount:argocd/argocd-application-controller
#       - ServiceAccount:argocd/argocd-applicationset-controller
#       - ServiceAccount:openshift-gitops/openshift-gitops-argocd-application-controller
#       - ServiceAccount:flux-system/kustomize-controller
#       - ServiceAccount:flux-system/helm-controller
#     exemptSubjects: ["ServiceAccount:openshift-kube-controller-manager/*"]
package lockkeeper.pod_security_downgrade

import data.lockkeeper.lib.actor

deny contains violation if {
	_by_hand
	some violation in _downgrades
}

# From Git somebody has reviewed it; what a program does with an account of its own is set up by somebody.
warn contains violation if {
	not _by_hand
	some violation in _downgrades
}

# A namespace that had no level gets none: often meant, and always worth a look.
warn contains violation if {
	_labels(input.review.object)[_enforce] == "privileged"
	not _had_level
	not _exempt
	violation := {
		"msg": sprintf("namespace %q gets the Pod Security level privileged: its pods may take over their nodes", [_name]),
		"path": _path(_enforce),
		"details": {"level": "privileged"},
		"remedy": {"text": "use the level baseline or restricted, and give the pods that need more a namespace of their own"},
	}
}

_downgrades contains {
	"msg": sprintf("namespace %q: the Pod Security level %s %s", [_name, old, _becomes]),
	"path": _path(_enforce),
	"details": {"from": old, "to": new},
	"remedy": {"text": sprintf("leave %s at %s", [_enforce, old])},
} if {
	input.review.operation == "UPDATE"
	not _exempt
	old := _level(input.review.oldObject)
	new := _level(input.review.object)
	_ranks[new] < _ranks[old]
}

# An older version of the standard knows fewer dangers.
_downgrades contains {
	"msg": sprintf("namespace %q: %s is pinned to %s", [_name, _version, new]),
	"path": _path(_version),
	"details": {"version": new},
	"remedy": {"text": sprintf("remove %s: the version of the cluster then counts", [_version])},
} if {
	input.review.operation == "UPDATE"
	not _exempt
	new := _labels(input.review.object)[_version]
	not new in {"latest", object.get(_labels(input.review.oldObject), _version, "latest")}
	_ranks[_level(input.review.object)] > 0
}

_becomes := sprintf("becomes %s", [_labels(input.review.object)[_enforce]])

_becomes := "is taken off: nothing is enforced any more" if not _has_level

_has_level if _labels(input.review.object)[_enforce]

_had_level if _labels(input.review.oldObject)[_enforce]

_by_hand if {
	actor.is_person
	not actor.is_trusted
}

_enforce := "pod-security.kubernetes.io/enforce"

_version := "pod-security.kubernetes.io/enforce-version"

_ranks := {"privileged": 0, "baseline": 1, "restricted": 2}

# Without the label nothing is enforced, unless the cluster is configured otherwise; an unknown level is taken for restricted.
_level(namespace) := level if {
	level := object.get(_labels(namespace), _enforce, "privileged")
	_ranks[level]
} else := "restricted"

default _labels(_) := {}

_labels(namespace) := namespace.metadata.labels if is_object(namespace.metadata.labels)

# A label that is gone has no place any more.
_path(label) := concat("", ["/metadata/labels/", replace(label, "/", "~1")]) if {
	_labels(input.review.object)[label]
} else := "/metadata/labels"

default _name := ""

_name := input.review.object.metadata.name if is_string(input.review.object.metadata.name)

_exempt if _name in input.parameters.privilegedNamespaces

_exempt if {
	some pattern in input.parameters.privilegedNamespaces
	endswith(pattern, "*")
	startswith(_name, trim_suffix(pattern, "*"))
}
