# METADATA
# title: Tokens of service accounts taken out
# description: |
#   Whoever asks for a token of a service account is that account from then on, from anywhere, and the API server cannot
#   tell the two apart. A token of the deployer's account passes for a change from Git.
# custom:
#   severity: high
#   controls: ["CIS:5.1.13", "MITRE:T1528"]
#   docs: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
#   match:
#     kinds:
#       - apiGroups: [authentication.k8s.io]
#         kinds: [TokenRequest]
#     operations: [CREATE]
#     subResources: [token]
#   parameters:
#     protectedNamespaces: [kube-system, argocd, flux-system, lockkeeper-system]
#     maxExpirationSeconds: 86400
#     deployers:
#       - ServiceAccount:argocd/argocd-application-controller
#       - ServiceAccount:argocd/argocd-applicationset-controller
#       - ServiceAccount:openshift-gitops/openshift-gitops-argocd-application-controller
#       - ServiceAccount:flux-system/kustomize-controller
#       - ServiceAccount:flux-system/helm-controller
#     # What Flux applies is what this account publishes.
#     gates: ["ServiceAccount:lockkeeper-system/lockkeeper-flux"]
#     # Who hands out tokens by design, such as a secret store.
#     exemptSubjects: []
package lockkeeper.token_request

import data.lockkeeper.lib.actor

deny contains violation if {
	not _exempt
	_passes_for_git
	violation := {
		"msg": sprintf("%s asks for a token of %s, with which any change passes for one from Git", [actor.label, _label]),
		"path": "",
		"details": {"account": _label},
		"remedy": {"text": "deploy through Git; ask for a token of an account of one's own"},
	}
}

warn contains violation if {
	not _exempt
	not _passes_for_git
	input.review.namespace in input.parameters.protectedNamespaces
	violation := {
		"msg": sprintf("%s asks for a token of %s, in a protected namespace", [actor.label, _label]),
		"path": "",
		"details": {"account": _label},
		"remedy": {"text": "use an account in a namespace of one's own, with the rights that are needed"},
	}
}

# Absent is an hour.
warn contains violation if {
	not _exempt
	seconds := object.get(input.review.object, ["spec", "expirationSeconds"], 3600)
	seconds > input.parameters.maxExpirationSeconds
	violation := {
		"msg": sprintf("%s asks for a token of %s for %d hours; a token cannot be taken back", [actor.label, _label, floor(seconds / 3600)]),
		"path": "/spec/expirationSeconds",
		"details": {"account": _label},
		"remedy": {"text": sprintf("ask for at most %d seconds, and again when it ends", [input.parameters.maxExpirationSeconds])},
	}
}

_passes_for_git if _account in input.parameters.deployers

_passes_for_git if _account in input.parameters.gates

_label := sprintf("%s/%s", [input.review.namespace, input.review.name])

_account := concat("", ["ServiceAccount:", _label])

# Kubelets ask for the tokens that pods mount; the API server sees to it that those pods are theirs.
_exempt if actor.is_node

_exempt if actor.is_system

_exempt if actor.is_exempt
