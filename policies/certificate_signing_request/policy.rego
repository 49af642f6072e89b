# METADATA
# title: Certificates for powerful identities
# description: |
#   A client certificate is an identity that cannot be taken back before it expires. One for system:masters is above RBAC;
#   one for a node reads the Secrets of the pods there; one that its requester has approved was seen by nobody else.
# custom:
#   severity: critical
#   controls: ["CIS:5.1.7", "CIS:5.1.11"]
#   docs: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
#   match:
#     kinds:
#       - apiGroups: [certificates.k8s.io]
#         kinds: [CertificateSigningRequest]
#     operations: [CREATE, UPDATE]
#     subResources: ["", approval]
#   parameters:
#     groups: ["system:masters"]
#     # Who asks for the certificates of nodes.
#     nodeRequesters: ["Group:system:nodes", "Group:system:bootstrappers", "User:kubelet*"]
#     exemptSubjects: []
package lockkeeper.certificate_signing_request

import data.lockkeeper.lib.actor

deny contains violation if {
	input.review.operation == "CREATE"
	some group in input.parameters.groups
	contains(_der, group)
	violation := {
		"msg": sprintf("%s asks for a certificate of the group %s: it may do everything, and cannot be taken back", [actor.label, group]),
		"path": "/spec/request",
		"details": {"group": group},
		"remedy": {"text": "ask for a certificate without that group, and bind its user to the roles it needs"},
	}
}

warn contains violation if {
	input.review.operation == "CREATE"
	_for_node
	not actor.is_system
	not _is_node_requester
	not actor.is_exempt
	violation := {
		"msg": sprintf("%s asks for the certificate of a node, which only kubelets do", [actor.label]),
		"path": "/spec/signerName",
		"details": {"signerName": object.get(input.review.object, ["spec", "signerName"], "")},
		"remedy": {"text": "let the kubelet ask for it with a bootstrap token"},
	}
}

warn contains violation if {
	some i, condition in _approvals
	input.review.object.spec.username == actor.username
	not actor.is_exempt
	violation := {
		"msg": sprintf("%s approves a certificate that was asked for under the same name", [actor.label]),
		"path": concat("", ["/status/conditions/", format_int(i, 10)]),
		"details": {"signerName": object.get(input.review.object, ["spec", "signerName"], "")},
		"remedy": {"text": "have somebody else look at the request and approve it"},
	}
}

_is_node_requester if actor.is_one_of(input.parameters.nodeRequesters)

_for_node if input.review.object.spec.signerName in {"kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving"}

_for_node if contains(_der, "system:node:")

# Approvals that were not there before.
_approvals[i] := condition if {
	input.review.operation == "UPDATE"
	some i, condition in input.review.object.status.conditions
	condition.type == "Approved"
	not _was_approved
}

_was_approved if {
	some condition in input.review.oldObject.status.conditions
	condition.type == "Approved"
}

# The request is PEM in base64, so twice encoded; the texts of its subject stand in it as they are.
_der := base64.decode(concat("", body)) if {
	lines := split(base64.decode(input.review.object.spec.request), "\n")
	body := [trim_space(line) | some line in lines; not startswith(line, "-----")]
}
