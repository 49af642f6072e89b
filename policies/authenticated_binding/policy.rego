# METADATA
# title: Bindings for everybody
# description: |
#   The group system:authenticated is everybody with any login, every service account included; with some clouds it is
#   everybody with an account there. One stolen token of the least important pod then has the role.
# custom:
#   severity: high
#   controls: ["MITRE:T1078.001", "NIST:SP800-53:AC-6"]
#   # What is granted already stays writable, so that an upgrade of its labels does not fail; what is added is new.
#   ratchet: true
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRoleBinding, RoleBinding]
#   parameters:
#     # What Kubernetes itself gives to everybody.
#     exemptRoles:
#       - "system:basic-user"
#       - "system:discovery"
#       - "system:public-info-viewer"
#       - "system:service-account-issuer-discovery"
#     # Never for everybody; cluster-admin is another policy's.
#     deniedClusterRoles: [admin, edit]
package lockkeeper.authenticated_binding

import data.lockkeeper.lib.rbac

deny contains violation if {
	_is_denied_role
	some i, subject in rbac.subjects
	violation := _violation(i, subject)
}

warn contains violation if {
	not _is_denied_role
	not _role in _exempt_roles
	some i, subject in rbac.subjects
	violation := _violation(i, subject)
}

_violation(i, subject) := {
	"msg": sprintf("%s stands for %s: all of them get the role %v", [rbac.subject_label(subject), meaning, _role]),
	"path": rbac.subject_pointer(i),
	"details": {"role": _role, "subject": rbac.subject_key(subject)},
	"remedy": {"text": "bind the role to the groups or service accounts that need it"},
} if {
	subject.kind in {"Group", "User"}
	meaning := _everybody[subject.name]
}

# Groups; a user of such a name is nobody, but the group was meant.
_everybody := {
	"system:authenticated": "everybody with a login",
	"system:serviceaccounts": "every service account of the cluster",
}

_role := object.get(input.review.object, ["roleRef", "name"], "")

_is_denied_role if {
	input.review.object.roleRef.kind == "ClusterRole"
	_role in _denied_cluster_roles
}

default _exempt_roles := [
	"system:basic-user",
	"system:discovery",
	"system:public-info-viewer",
	"system:service-account-issuer-discovery",
]

_exempt_roles := input.parameters.exemptRoles

default _denied_cluster_roles := ["admin", "edit"]

_denied_cluster_roles := input.parameters.deniedClusterRoles
