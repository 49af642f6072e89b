# METADATA
# title: Roles that run commands in pods
# description: |
#   Exec, attach and debug containers run commands inside containers that others deployed, with their files, their network
#   and their service account. No policy about what a pod may be sees what is typed into it.
# custom:
#   severity: high
#   controls: ["MITRE:T1609", "NIST:SP800-53:AC-6"]
#   docs: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRole, Role]
#   parameters:
#     subResources: [pods/attach, pods/ephemeralcontainers, pods/exec]
package lockkeeper.rbac_exec

import data.lockkeeper.lib.rbac

warn contains violation if {
	some i, rule in rbac.specific_rules
	rbac.is_unnamed(rule)
	granted := rbac.grant(rule, _table)
	violation := {
		"msg": sprintf("rule %d allows %s: commands can be run in every pod %s", [i, rbac.phrase(granted), rbac.reach]),
		"path": rbac.pointer(i),
		"details": granted,
		"remedy": {"text": "leave these subresources out, and give them to people for a limited time when they are needed"},
	}
}

# A WebSocket begins with GET, for which `get` is asked.
_table[subresource] := ["create", "get", "patch", "update"] if {
	some subresource in _subresources
}

default _subresources := ["pods/attach", "pods/ephemeralcontainers", "pods/exec"]

_subresources := input.parameters.subResources
