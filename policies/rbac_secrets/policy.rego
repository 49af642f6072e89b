# METADATA
# title: Roles that read all Secrets
# description: |
#   Whoever reads the Secrets of every namespace has the passwords of every application and the tokens of every service
#   account that still has one. `list` and `watch` show the contents as well as `get` does.
# custom:
#   severity: high
#   controls: ["CIS:5.1.2", "MITRE:T1552.007", "NIST:SP800-53:AC-6"]
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#listing-secrets
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRole, Role]
#   parameters: {}
package lockkeeper.rbac_secrets

import data.lockkeeper.lib.rbac

warn contains violation if {
	some i, rule in rbac.narrower_rules
	_is_broad(rule)
	rbac.is_unnamed(rule)
	granted := rbac.grant(rule, {"secrets": ["get", "list", "watch"]})
	violation := {
		"msg": sprintf("rule %d allows %s: all Secrets can be read %s", [i, rbac.phrase(granted), rbac.reach]),
		"path": rbac.pointer(i),
		"details": granted,
		"remedy": {"text": "use a Role in the namespace concerned, and list the Secrets that are needed in resourceNames"},
	}
}

# A Role that gets Secrets of its namespace has to know their names; one that lists them sees all at once.
_is_broad(_) if input.review.kind.kind == "ClusterRole"

_is_broad(rule) if "*" in rule.resources

_is_broad(rule) if {
	some verb in ["*", "list", "watch"]
	verb in rule.verbs
}
