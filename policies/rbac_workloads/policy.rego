# METADATA
# title: Roles that create workloads everywhere
# description: |
#   Who may create pods in a namespace has its Secrets, its volumes and the tokens of all its service accounts: the pod just
#   names them. In every namespace at once that is the whole cluster.
# custom:
#   severity: medium
#   controls: ["CIS:5.1.4", "MITRE:T1610", "NIST:SP800-53:AC-6"]
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#workload-creation
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRole]
#   parameters: {}
package lockkeeper.rbac_workloads

import data.lockkeeper.lib.rbac

warn contains violation if {
	some i, rule in rbac.specific_rules
	rbac.is_unnamed(rule)
	granted := rbac.grant(rule, _table)
	violation := {
		"msg": sprintf("rule %d allows %s: pods can be run as any service account %s", [i, rbac.phrase(granted), rbac.reach]),
		"path": rbac.pointer(i),
		"details": granted,
		"remedy": {"text": "use a Role in each namespace concerned"},
	}
}

_table := {
	"cronjobs.batch": ["create", "patch", "update"],
	"daemonsets.apps": ["create", "patch", "update"],
	"deployments.apps": ["create", "patch", "update"],
	"jobs.batch": ["create"],
	"pods": ["create"],
	"replicasets.apps": ["create", "patch", "update"],
	"replicationcontrollers": ["create", "patch", "update"],
	"statefulsets.apps": ["create", "patch", "update"],
}
