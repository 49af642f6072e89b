# METADATA
# title: Roles that may escalate
# description: |
#   RBAC lets nobody grant more than they have, but for two verbs: `escalate` writes any rule into a role, `bind` gives any
#   role to anybody. Whoever has one of them is an administrator, whatever else the role says.
# custom:
#   severity: critical
#   controls: ["CIS:5.1.8", "NIST:SP800-53:AC-6"]
#   # What is granted already stays writable, so that an upgrade of its labels does not fail; what is added is new.
#   ratchet: true
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#escalate-verb
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRole, Role]
#   parameters:
#     # May be bound by nobody, not even by name.
#     powerfulRoles: [cluster-admin]
package lockkeeper.rbac_escalation

import data.lockkeeper.lib.rbac

deny contains violation if {
	some i, rule in rbac.narrower_rules
	granted := rbac.grant(rule, _escalation)
	violation := _violation(i, granted, "whoever has the role can write any permission into it")
}

deny contains violation if {
	some i, rule in rbac.narrower_rules
	granted := rbac.grant(rule, _binding_of_cluster_roles)
	_may_bind_powerful_roles(rule)
	violation := _violation(i, granted, "whoever has the role can bind cluster-admin to itself")
}

# Roles of one namespace: as powerful as the most powerful of them.
warn contains violation if {
	some i, rule in rbac.narrower_rules
	rbac.is_unnamed(rule)
	granted := rbac.grant(rule, {"roles.rbac.authorization.k8s.io": ["bind"]})
	not _may_bind_cluster_roles(rule)
	violation := _violation(i, granted, "whoever has the role can bind every Role of the namespace to itself")
}

_violation(i, granted, danger) := {
	"msg": sprintf("rule %d allows %s: %s", [i, rbac.phrase(granted), danger]),
	"path": rbac.pointer(i),
	"details": granted,
	"remedy": {"text": "leave escalate out, and list in resourceNames which roles may be bound"},
}

_escalation := {
	"clusterroles.rbac.authorization.k8s.io": ["escalate"],
	"roles.rbac.authorization.k8s.io": ["escalate"],
}

_binding_of_cluster_roles := {"clusterroles.rbac.authorization.k8s.io": ["bind"]}

_may_bind_cluster_roles(rule) if rbac.grant(rule, _binding_of_cluster_roles)

_may_bind_powerful_roles(rule) if rbac.is_unnamed(rule)

_may_bind_powerful_roles(rule) if {
	some name in rule.resourceNames
	name in _powerful_roles
}

default _powerful_roles := ["cluster-admin"]

_powerful_roles := input.parameters.powerfulRoles
