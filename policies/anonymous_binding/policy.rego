# METADATA
# title: Bindings for callers without a login
# description: |
#   The user system:anonymous and the group system:unauthenticated are everybody who reaches the API server, without any
#   login. What is bound to them is public wherever the API server is.
# custom:
#   severity: critical
#   controls: ["MITRE:T1078.001", "NIST:SP800-53:AC-14"]
#   # What is granted already stays writable, so that an upgrade of its labels does not fail; what is added is new.
#   ratchet: true
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#hardening
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRoleBinding, RoleBinding]
#   parameters:
#     # What Kubernetes itself shows without a login, and the keys that outside services check tokens with.
#     exemptRoles: ["system:public-info-viewer", "system:service-account-issuer-discovery"]
package lockkeeper.anonymous_binding

import data.lockkeeper.lib.rbac

# A user of the group's name is nobody, and the other way round: the mistake is told before it is put right.
deny contains violation if {
	not _role in _exempt_roles
	some i, subject in rbac.subjects
	subject.kind in {"Group", "User"}
	subject.name in {"system:anonymous", "system:unauthenticated"}
	violation := {
		"msg": sprintf("%s stands for everybody without a login: the role %v would be public", [rbac.subject_label(subject), _role]),
		"path": rbac.subject_pointer(i),
		"details": {"role": _role, "subject": rbac.subject_key(subject)},
		"remedy": {"text": "bind the role to the users, groups or service accounts that need it"},
	}
}

_role := object.get(input.review.object, ["roleRef", "name"], "")

default _exempt_roles := ["system:public-info-viewer", "system:service-account-issuer-discovery"]

_exempt_roles := input.parameters.exemptRoles
