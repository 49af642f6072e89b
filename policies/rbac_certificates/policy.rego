# METADATA
# title: Roles that approve certificates
# description: |
#   A client certificate of the cluster is a login that cannot be revoked. Whoever may approve or sign requests for the
#   signers of the API server issues them in any name.
# custom:
#   severity: high
#   controls: ["CIS:5.1.11", "NIST:SP800-53:AC-6"]
#   # What is granted already stays writable, so that an upgrade of its labels does not fail; what is added is new.
#   ratchet: true
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#csrs-and-certificate-issuing
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRole]
#   parameters:
#     # These issue certificates that the API server takes for users or nodes.
#     clientSigners: ["kubernetes.io/*", kubernetes.io/kube-apiserver-client, kubernetes.io/kube-apiserver-client-kubelet]
package lockkeeper.rbac_certificates

import data.lockkeeper.lib.rbac

deny contains violation if {
	some i, rule in rbac.specific_rules
	_names_client_signers(rule)
	granted := rbac.grant(rule, {"signers.certificates.k8s.io": ["approve", "sign"]})
	violation := {
		"msg": sprintf("rule %d allows %s for client certificates of the API server: logins in any name", [i, rbac.phrase(granted)]),
		"path": rbac.pointer(i),
		"details": granted,
		"remedy": {"text": "list in resourceNames the one signer that is needed, and no signer of client certificates"},
	}
}

warn contains violation if {
	some i, rule in rbac.specific_rules
	rbac.is_unnamed(rule)
	granted := rbac.grant(rule, {"certificatesigningrequests.certificates.k8s.io/approval": ["patch", "update"]})
	violation := {
		"msg": sprintf("rule %d allows %s: whoever has the role approves the certificates of others", [i, rbac.phrase(granted)]),
		"path": rbac.pointer(i),
		"details": granted,
		"remedy": {"text": "leave the approval to the controller that checks the requests"},
	}
}

_names_client_signers(rule) if rbac.is_unnamed(rule)

_names_client_signers(rule) if {
	some name in rule.resourceNames
	name in _client_signers
}

default _client_signers := ["kubernetes.io/*", "kubernetes.io/kube-apiserver-client", "kubernetes.io/kube-apiserver-client-kubelet"]

_client_signers := input.parameters.clientSigners
