# METADATA
# title: Bindings to cluster-admin
# description: |
#   Whoever is bound to cluster-admin may do everything: read every Secret, run pods on every node, change these rules.
#   One stolen token of such a subject is the loss of the cluster, or with a RoleBinding of the namespace.
# custom:
#   severity: critical
#   controls: ["CIS:5.1.1", "MITRE:T1098.006"]
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRoleBinding, RoleBinding]
#   parameters:
#     roles: [cluster-admin]
#     exemptSubjects: ["Group:system:masters"]
package lockkeeper.cluster_admin_binding

import data.lockkeeper.lib.workload

# One violation for each subject: the subjects of a binding change, its roleRef cannot.
deny contains violation if {
	binding := input.review.object
	binding.roleRef.kind == "ClusterRole"
	binding.roleRef.name in _roles
	is_array(binding.subjects)
	some i, subject in binding.subjects
	is_object(subject)
	not _key(subject) in _exempt_subjects
	violation := {
		"msg": sprintf("%s is bound to the ClusterRole %s: %s", [_label(subject), binding.roleRef.name, _reach]),
		"path": concat("", ["/subjects/", format_int(i, 10)]),
		"details": {"role": binding.roleRef.name, "subject": _key(subject)},
		"remedy": {"text": "bind a Role or ClusterRole that names only the verbs and resources this subject needs"},
	}
}

_reach := "it may do everything in the whole cluster" if input.review.kind.kind == "ClusterRoleBinding"

_reach := "it may do everything in this namespace" if input.review.kind.kind == "RoleBinding"

_label(subject) := sprintf(`%s "%s"`, [_kind(subject), _full_name(subject)])

_key(subject) := concat(":", [_kind(subject), _full_name(subject)])

default _kind(_) := "subject"

_kind(subject) := subject.kind if is_string(subject.kind)

_full_name(subject) := concat("/", [subject.namespace, workload.name(subject)]) if {
	is_string(subject.namespace)
} else := workload.name(subject)

default _roles := ["cluster-admin"]

_roles := input.parameters.roles

# Members of system:masters are above RBAC, bound or not; the binding that Kubernetes ships with names them.
default _exempt_subjects := ["Group:system:masters"]

_exempt_subjects := input.parameters.exemptSubjects
