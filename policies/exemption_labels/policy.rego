# METADATA
# title: Namespaces taken out of policy
# description: |
#   A policy engine skips a namespace with its exemption label. Whoever may set that label on a namespace has switched
#   the engine off there, without touching a policy.
# custom:
#   severity: high
#   controls: ["CIS:5.2.1"]
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [Namespace]
#   parameters:
#     # Where a value is given, the label exempts with that value only.
#     labels:
#       admission.gatekeeper.sh/ignore: ""
#       policy.lockkeeper.dev/ignore: ""
#       webhooks.kyverno.io/exclude: ""
#       openpolicyagent.org/webhook: ignore
#       policy.sigstore.dev/exclude: ""
#     # The namespaces of the engines and of the cluster itself; a name may end in `*`.
#     exemptNamespaces: [kube-system, kube-public, kube-node-lease, gatekeeper-system, kyverno, opa, cosign-system, lockkeeper-system]
#     deployers:
#       - ServiceAccount:argocd/argocd-application-controller
#       - ServiceAccount:argocd/argocd-applicationset-controller
#       - ServiceAccount:openshift-gitops/openshift-gitops-argocd-application-controller
#       - ServiceAccount:flux-system/kustomize-controller
#       - ServiceAccount:flux-system/helm-controller
#     exemptSubjects: []
package lockkeeper.exemption_labels

import data.lockkeeper.lib.actor
import data.lockkeeper.lib.pointer

deny contains violation if {
	_by_hand
	some violation in _exemptions
}

# From Git somebody has reviewed it; what a program does with an account of its own is set up by somebody.
warn contains violation if {
	not _by_hand
	some violation in _exemptions
}

_by_hand if {
	actor.is_person
	not actor.is_trusted
}

_exemptions contains {
	"msg": sprintf("the label %s takes the namespace %q out of policy", [label, _name]),
	"path": path,
	"details": {"label": label},
	"remedy": {
		"text": sprintf("remove the label %s, and except the one object that needs it", [label]),
		"patch": [{"op": "remove", "path": path}],
	},
} if {
	not _is_exempt
	some label, wanted in input.parameters.labels
	value := input.review.object.metadata.labels[label]
	wanted in {"", value}
	not _had(label, value)
	path := pointer.join(["metadata", "labels", label])
}

_had(label, value) if input.review.oldObject.metadata.labels[label] == value

default _name := ""

_name := input.review.object.metadata.name if is_string(input.review.object.metadata.name)

_is_exempt if _name in input.parameters.exemptNamespaces

_is_exempt if {
	some pattern in input.parameters.exemptNamespaces
	endswith(pattern, "*")
	startswith(_name, trim_suffix(pattern, "*"))
}
