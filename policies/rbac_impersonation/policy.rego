# METADATA
# title: Roles that may impersonate
# description: |
#   Who may impersonate acts in another's name, with all rights of the other. Without a list of names that is everybody,
#   the administrators and the group system:masters too.
# custom:
#   severity: critical
#   controls: ["CIS:5.1.8", "MITRE:T1078", "NIST:SP800-53:AC-6"]
#   # What is granted already stays writable, so that an upgrade of its labels does not fail; what is added is new.
#   ratchet: true
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#impersonate-verb
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRole, Role]
#   parameters:
#     # May be impersonated by nobody, not even by name.
#     powerfulNames: ["system:masters"]
package lockkeeper.rbac_impersonation

import data.lockkeeper.lib.rbac

deny contains violation if {
	some i, rule in rbac.narrower_rules
	granted := _powerful(rule)
	violation := _violation(i, granted, "everybody with the role can be an administrator")
}

warn contains violation if {
	some i, rule in rbac.narrower_rules
	not _powerful(rule)
	rbac.is_unnamed(rule)
	granted := rbac.grant(rule, _anybody)
	violation := _violation(i, granted, "everybody with the role has the rights of all of them")
}

_violation(i, granted, danger) := {
	"msg": sprintf("rule %d allows %s %s: %s", [i, rbac.phrase(granted), rbac.reach, danger]),
	"path": rbac.pointer(i),
	"details": granted,
	"remedy": {"text": "list in resourceNames who may be impersonated"},
}

# Users and groups belong to no namespace: a Role cannot grant them.
_powerful(rule) := granted if {
	input.review.kind.kind == "ClusterRole"
	_is_powerful(rule)
	granted := rbac.grant(rule, {"groups": ["impersonate"], "users": ["impersonate"]})
}

_is_powerful(rule) if rbac.is_unnamed(rule)

_is_powerful(rule) if {
	some name in rule.resourceNames
	name in _powerful_names
}

_anybody := {
	"serviceaccounts": ["impersonate"],
	"uids.authentication.k8s.io": ["impersonate"],
}

default _powerful_names := ["system:masters"]

_powerful_names := input.parameters.powerfulNames
