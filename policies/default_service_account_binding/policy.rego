# METADATA
# title: Bindings for default service accounts
# description: |
#   Every pod that names no service account runs as `default`: a role of that account is a role of every such pod in the
#   namespace, those deployed later too.
# custom:
#   severity: medium
#   controls: ["CIS:5.1.5", "MITRE:T1078.001", "NIST:SP800-53:AC-6"]
#   docs: https://kubernetes.io/docs/concepts/security/service-accounts/#default-service-accounts
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRoleBinding, RoleBinding]
#   parameters: {}
package lockkeeper.default_service_account_binding

import data.lockkeeper.lib.rbac

warn contains violation if {
	some i, subject in rbac.subjects
	subject.kind == "ServiceAccount"
	subject.name == "default"
	violation := {
		"msg": sprintf("%s is what every pod without a service account of its own runs as: all of them get the role %v", [
			rbac.subject_label(subject),
			object.get(input.review.object, ["roleRef", "name"], ""),
		]),
		"path": rbac.subject_pointer(i),
		"details": {"subject": rbac.subject_key(subject)},
		"remedy": {"text": "make a service account for the pods that need the role, and name it in their serviceAccountName"},
	}
}
