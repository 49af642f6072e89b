# METADATA
# title: Roles that issue tokens
# description: |
#   Whoever may create tokens of service accounts without a list of names can become each of them, the most powerful too,
#   and keeps that access after its own account is gone.
# custom:
#   severity: high
#   controls: ["CIS:5.1.13", "MITRE:T1528", "NIST:SP800-53:AC-6"]
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#token-request
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRole, Role]
#   parameters: {}
package lockkeeper.rbac_tokens

import data.lockkeeper.lib.rbac

warn contains violation if {
	some i, rule in rbac.specific_rules
	rbac.is_unnamed(rule)
	granted := rbac.grant(rule, {"serviceaccounts/token": ["create"]})
	violation := {
		"msg": sprintf("rule %d allows %s: tokens can be issued for every service account %s", [i, rbac.phrase(granted), rbac.reach]),
		"path": rbac.pointer(i),
		"details": granted,
		"remedy": {"text": "list the service accounts concerned in resourceNames"},
	}
}
