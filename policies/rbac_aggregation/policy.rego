# METADATA
# title: Roles that add themselves to admin, edit or view
# description: |
#   With an aggregation label a ClusterRole adds its rules to a role that others hold already: everybody with `view` or
#   `edit` gets them at once, and no binding shows it. A rule that such a role must never have is a way up for all of them.
# custom:
#   severity: critical
#   controls: ["MITRE:T1098.006", "NIST:SP800-53:AC-6"]
#   # What is granted already stays writable, so that an upgrade of its labels does not fail; what is added is new.
#   ratchet: true
#   docs: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles
#   match:
#     kinds:
#       - apiGroups: [rbac.authorization.k8s.io]
#         kinds: [ClusterRole]
#   parameters: {}
package lockkeeper.rbac_aggregation

import data.lockkeeper.lib.pointer
import data.lockkeeper.lib.rbac

deny contains violation if {
	some target in _targets
	some i, rule in rbac.narrower_rules
	granted := rbac.grant(rule, _forbidden[target])
	violation := {
		"msg": sprintf("rule %d allows %s, and the label hands that on to everybody with the role %s", [i, rbac.phrase(granted), target]),
		"path": rbac.pointer(i),
		"details": object.union(granted, {"role": target}),
		"remedy": {"text": "keep this rule in a ClusterRole without the label, and bind it to those who need it"},
	}
}

# `view` is given to many because it changes nothing.
warn contains violation if {
	"view" in _targets
	some i, rule in rbac.narrower_rules
	not _is_forbidden_to_view(rule)
	is_array(rule.verbs)
	some j, verb in rule.verbs
	verb in {"*", "create", "delete", "deletecollection", "patch", "update"}
	violation := {
		"msg": sprintf("rule %d allows the verb %s, and the label hands that on to everybody with the role view", [i, verb]),
		"path": pointer.join(["rules", i, "verbs", j]),
		"details": {"role": "view", "verbs": [verb]},
		"remedy": {"text": "leave only get, list and watch, and aggregate the rest to edit or admin"},
	}
}

_is_forbidden_to_view(rule) if rbac.grant(rule, _forbidden.view)

_targets contains target if {
	some target in ["admin", "edit", "view"]
	label := concat("", ["rbac.authorization.k8s.io/aggregate-to-", target])
	input.review.object.metadata.labels[label] == "true"
}

_forbidden := {
	"admin": _not_in_admin,
	"edit": object.union(_not_in_admin, _not_in_edit),
	"view": object.union(object.union(_not_in_admin, _not_in_edit), _not_in_view),
}

# Rights over the whole cluster, which admin has in its namespace at most.
_not_in_admin := {
	"certificatesigningrequests.certificates.k8s.io/approval": ["patch", "update"],
	"clusterrolebindings.rbac.authorization.k8s.io": ["create", "patch", "update"],
	"clusterroles.rbac.authorization.k8s.io": ["bind", "create", "escalate", "patch", "update"],
	"groups": ["impersonate"],
	"mutatingwebhookconfigurations.admissionregistration.k8s.io": ["create", "patch", "update"],
	"nodes/proxy": ["create", "get", "patch", "update"],
	"persistentvolumes": ["create"],
	"roles.rbac.authorization.k8s.io": ["bind", "escalate"],
	"users": ["impersonate"],
	"validatingwebhookconfigurations.admissionregistration.k8s.io": ["create", "delete", "patch", "update"],
}

_not_in_edit := {
	"rolebindings.rbac.authorization.k8s.io": ["create", "patch", "update"],
	"roles.rbac.authorization.k8s.io": ["bind", "create", "escalate", "patch", "update"],
}

_not_in_view := {
	"cronjobs.batch": ["create", "patch", "update"],
	"daemonsets.apps": ["create", "patch", "update"],
	"deployments.apps": ["create", "patch", "update"],
	"jobs.batch": ["create", "patch", "update"],
	"pods": ["create"],
	"pods/attach": ["create", "get"],
	"pods/ephemeralcontainers": ["patch", "update"],
	"pods/exec": ["create", "get"],
	"secrets": ["get", "list", "watch"],
	"serviceaccounts": ["impersonate"],
	"serviceaccounts/token": ["create"],
	"statefulsets.apps": ["create", "patch", "update"],
}
