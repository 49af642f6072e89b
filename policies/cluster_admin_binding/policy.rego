# METADATA
# title: Bindings to cluster-admin
# description: |
#   Whoever is bound to cluster-admin may do everything: read every Secret, run pods on every node, change these rules.
#   One stolen token of such a subject is the loss of the cluster, or with a RoleBinding of the namespace.
# custom:
#   severity: critical
#   controls: ["CIS:5.1.1", "MITRE:T1098.006", "NIST:SP800-53:AC-6"]
#   # What is granted already stays writable, so that an upgrade of its labels does not fail; what is added is new.
#   ratchet: true
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRoleBinding, RoleBinding]
#   parameters:
#     roles: [cluster-admin]
#     exemptSubjects: ["Group:system:masters"]
#     # A warning where they are bound in the whole cluster: they read every Secret or give themselves any role.
#     broadRoles:
#       - admin
#       - edit
#       - "system:controller:clusterrole-aggregation-controller"
#       - "system:controller:generic-garbage-collector"
#       - "system:kube-controller-manager"
#       - "system:node"
package lockkeeper.cluster_admin_binding

import data.lockkeeper.lib.rbac

# One violation for each subject: the subjects of a binding change, its roleRef cannot.
deny contains violation if {
	role_ref := input.review.object.roleRef
	role_ref.kind == "ClusterRole"
	role_ref.name in _roles
	some i, subject in rbac.subjects
	not rbac.subject_key(subject) in _exempt_subjects
	violation := {
		"msg": sprintf("%s is bound to the ClusterRole %s: %s", [rbac.subject_label(subject), role_ref.name, _reach]),
		"path": rbac.subject_pointer(i),
		"details": {"role": role_ref.name, "subject": rbac.subject_key(subject)},
		"remedy": {"text": "bind a Role or ClusterRole that names only the verbs and resources this subject needs"},
	}
}

warn contains violation if {
	input.review.kind.kind == "ClusterRoleBinding"
	name := input.review.object.roleRef.name
	name in _broad_roles
	not name in _roles
	some i, subject in rbac.subjects
	not _is_the_role_s_own(name, subject)
	violation := {
		"msg": sprintf("%s is bound to the ClusterRole %s in every namespace: little is missing to cluster-admin", [
			rbac.subject_label(subject),
			name,
		]),
		"path": rbac.subject_pointer(i),
		"details": {"role": name, "subject": rbac.subject_key(subject)},
		"remedy": {"text": "use a RoleBinding in each namespace concerned, or a role that names only what is needed"},
	}
}

# As Kubernetes binds its own: system:controller:<name> to the service account <name>, system:<name> to the user.
_is_the_role_s_own(role, subject) if {
	startswith(role, "system:controller:")
	rbac.subject_key(subject) == concat("/", ["ServiceAccount:kube-system", trim_prefix(role, "system:controller:")])
}

_is_the_role_s_own(role, subject) if rbac.subject_key(subject) == concat(":", ["User", role])

_reach := "it may do everything in the whole cluster" if input.review.kind.kind == "ClusterRoleBinding"

_reach := "it may do everything in this namespace" if input.review.kind.kind == "RoleBinding"

default _roles := ["cluster-admin"]

_roles := input.parameters.roles

# Members of system:masters are above RBAC, bound or not; the binding that Kubernetes ships with names them.
default _exempt_subjects := ["Group:system:masters"]

_exempt_subjects := input.parameters.exemptSubjects

default _broad_roles := [
	"admin",
	"edit",
	"system:controller:clusterrole-aggregation-controller",
	"system:controller:generic-garbage-collector",
	"system:kube-controller-manager",
	"system:node",
]

_broad_roles := input.parameters.broadRoles
