# METADATA
# title: Roles that change admission
# description: |
#   A mutating webhook sees and rewrites every object, Secrets too; without validating webhooks, admission policies and the
#   labels of Pod Security nothing holds a privileged pod back. Who may change these needs no other right.
# custom:
#   severity: high
#   controls: ["CIS:5.1.12", "MITRE:T1562.001", "NIST:SP800-53:AC-6"]
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/#control-admission-webhooks
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRole, Role]
#   parameters: {}
package lockkeeper.rbac_admission

import data.lockkeeper.lib.rbac

warn contains violation if {
	some i, rule in rbac.specific_rules
	rbac.is_unnamed(rule)
	granted := rbac.grant(rule, _registrations)
	violation := {
		"msg": sprintf("rule %d allows %s: whoever has the role decides what admission sees and refuses", [i, rbac.phrase(granted)]),
		"path": rbac.pointer(i),
		"details": granted,
		"remedy": {"text": "list the configurations concerned in resourceNames"},
	}
}

warn contains violation if {
	some i, rule in rbac.specific_rules
	rbac.is_unnamed(rule)
	granted := rbac.grant(rule, {"namespaces": ["patch", "update"]})
	violation := {
		"msg": sprintf("rule %d allows %s: their labels say which Pod Security level and which policies hold", [i, rbac.phrase(granted)]),
		"path": rbac.pointer(i),
		"details": granted,
		"remedy": {"text": "list the namespaces concerned in resourceNames, or leave the verbs out"},
	}
}

_registrations[resource] := ["create", "delete", "deletecollection", "patch", "update"] if {
	some name in [
		"mutatingadmissionpolicies", "mutatingadmissionpolicybindings", "mutatingwebhookconfigurations",
		"validatingadmissionpolicies", "validatingadmissionpolicybindings", "validatingwebhookconfigurations",
	]
	resource := concat(".", [name, "admissionregistration.k8s.io"])
}
