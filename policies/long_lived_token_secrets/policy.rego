# METADATA
# title: Secrets with endless tokens
# description: |
#   A Secret of type `kubernetes.io/service-account-token` holds a token that never expires and is bound to no pod, and a
#   bootstrap token without an end joins nodes for ever: favourite ways to stay in a cluster after one look at a Secret.
# custom:
#   severity: medium
#   controls: ["MITRE:T1528"]
#   docs: https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets
#   match:
#     kinds:
#       - apiGroups: [""]
#         kinds: [Secret]
#   parameters: {}
package lockkeeper.long_lived_token_secrets

warn contains violation if {
	input.review.object.type == "kubernetes.io/service-account-token"
	violation := {
		"msg": sprintf("this Secret gets a token of the service account %s that never expires", [_account]),
		"path": "/type",
		"details": {"serviceAccount": _account},
		"remedy": {"text": "ask for a token with an end: a projected volume in a pod, or the TokenRequest API outside"},
	}
}

# A bootstrap token lets its bearer join nodes to the cluster.
warn contains violation if {
	input.review.object.type == "bootstrap.kubernetes.io/token"
	not _has_expiration
	violation := {
		"msg": "this bootstrap token has no expiration: whoever reads it can join nodes to the cluster for ever",
		"path": "/type",
		"details": {"type": input.review.object.type},
		"remedy": {"text": "set expiration to a time a few hours from now"},
	}
}

_has_expiration if is_string(input.review.object.data.expiration)

_has_expiration if is_string(input.review.object.stringData.expiration)

default _account := ""

_account := account if {
	account := input.review.object.metadata.annotations["kubernetes.io/service-account.name"]
	is_string(account)
}
