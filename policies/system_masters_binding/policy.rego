# METADATA
# title: Bindings for system:masters
# description: |
#   Members of system:masters pass every authorization check: no binding gives or takes anything from them. A binding that
#   names the group shows that somebody hands it out, and such access can only be ended with a new certificate authority.
# custom:
#   severity: medium
#   controls: ["CIS:5.1.7"]
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRoleBinding, RoleBinding]
#   parameters: {}
package lockkeeper.system_masters_binding

import data.lockkeeper.lib.rbac

warn contains violation if {
	not _is_shipped_with_kubernetes
	some i, subject in rbac.subjects
	rbac.subject_key(subject) == "Group:system:masters"
	violation := {
		"msg": `Group "system:masters" may do everything without this binding, and keeps it without this binding`,
		"path": rbac.subject_pointer(i),
		"details": {"subject": "Group:system:masters"},
		"remedy": {"text": "bind the role to a group of your own, and issue no credentials in system:masters"},
	}
}

_is_shipped_with_kubernetes if {
	input.review.kind.kind == "ClusterRoleBinding"
	input.review.object.metadata.name == "cluster-admin"
	input.review.object.roleRef.name == "cluster-admin"
}
