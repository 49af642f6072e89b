# METADATA
# title: Rights gained by a change
# description: |
#   A role, a binding and the account of a workload are harmless each; together they let a running program read every
#   Secret. Who is there already and gains such a right by the change is rarely what the change says it is about.
# custom:
#   severity: high
#   scope: changeset
#   controls: ["CIS:5.1.1", "MITRE:T1098", "NIST:SP800-53:AC-6"]
#   docs: https://kubernetes.io/docs/concepts/security/rbac-good-practices/
#   match:
#     kinds:
#       - apiGroups: ["*"]
#         kinds: ["*"]
#   parameters:
#     # `<resource>[.<group>][/<subresource>]`: the verbs that are worth a look when somebody gains them.
#     rights:
#       certificatesigningrequests.certificates.k8s.io/approval: [patch, update]
#       clusterrolebindings.rbac.authorization.k8s.io: [create, patch, update]
#       clusterroles.rbac.authorization.k8s.io: [bind, escalate]
#       cronjobs.batch: [create, patch, update]
#       daemonsets.apps: [create, patch, update]
#       deployments.apps: [create, patch, update]
#       groups: [impersonate]
#       jobs.batch: [create, patch, update]
#       mutatingwebhookconfigurations.admissionregistration.k8s.io: [create, delete, patch, update]
#       nodes/proxy: [create, get]
#       persistentvolumes: [create, patch, update]
#       pods: [create, patch, update]
#       pods/attach: [create, get]
#       pods/exec: [create, get]
#       rolebindings.rbac.authorization.k8s.io: [create, patch, update]
#       roles.rbac.authorization.k8s.io: [bind, escalate]
#       secrets: [get, list, watch]
#       serviceaccounts: [impersonate]
#       serviceaccounts/token: [create]
#       statefulsets.apps: [create, patch, update]
#       users: [impersonate]
#       validatingwebhookconfigurations.admissionregistration.k8s.io: [create, delete, patch, update]
#     # Roles that allow such things, for bindings to roles that are not part of the change.
#     powerfulRoles: [admin, cluster-admin, edit]
package lockkeeper.rbac_gained

import data.lockkeeper.lib.changeset
import data.lockkeeper.lib.rbac
import data.lockkeeper.lib.workload

# Of a first install the policies for roles and bindings say what they say: there, everything is new.
warn contains violation if {
	count(changeset.before) > 0
	some grant in input.grants
	grant.new
	not grant.isNewSubject
	gained := _gained(grant)
	users := [workload_name | some user in grant.workloads; workload_name := _name(user)]
	violation := _violation(
		grant,
		users,
		sprintf("%s%s gains %s %s, by %s", [_name(grant.subject), _used_by(users), gained, _place(grant), _name(grant.binding)]),
	)
}

warn contains violation if {
	some grant in input.grants
	some user in grant.workloads
	gained := _phrase(user.gained)
	violation := _violation(
		grant,
		[_name(user)],
		sprintf("%s runs as %s from now on, and gains %s %s, by %s", [_name(user), _name(grant.subject), gained, _place(grant), _name(grant.binding)]),
	)
}

_violation(grant, users, message) := {
	"msg": message,
	"path": "",
	"details": {
		"binding": _name(grant.binding),
		"objects": changeset.indices({_name(grant.binding), _name(grant.role)} | {user | some user in users}),
		"subject": _name(grant.subject),
	},
	"remedy": {"text": "give the right in a change of its own, to an account that only what needs it runs as, and by resourceNames where it can be"},
}

_gained(grant) := _phrase(grant.gained)

_gained(grant) := sprintf("what %s allows", [_name(grant.role)]) if {
	grant.rules == null
	grant.role.name in _powerful_roles
}

# `get, list on secrets; create on pods/exec`
_phrase(rules) := concat("; ", sort(phrases)) if {
	phrases := {phrase |
		some rule in rules
		rbac.is_unnamed(rule)
		phrase := _phrase_of(rule)
	}
	count(phrases) > 0
}

_phrase_of(rule) := "every verb on every resource" if rbac.grants_everything(rule)

_phrase_of(rule) := rbac.phrase(granted) if {
	not rbac.grants_everything(rule)
	granted := rbac.grant(rule, _rights)
}

_used_by([]) := ""

_used_by(users) := sprintf(" (used by %s)", [concat(", ", array.slice(users, 0, 3))]) if count(users) in {1, 2, 3}

_used_by(users) := sprintf(" (used by %s and %d more)", [concat(", ", array.slice(users, 0, 3)), count(users) - 3]) if count(users) > 3

_place(grant) := "in the whole cluster" if grant.namespace == null

_place(grant) := sprintf("in namespace %s", [grant.namespace]) if grant.namespace != null

_name(reference) := sprintf("%s %s/%s", [reference.kind, reference.namespace, reference.name]) if {
	is_string(reference.namespace)
} else := sprintf("%s %s", [reference.kind, workload.name(reference)])

default _rights := {
	"pods/exec": ["create", "get"],
	"secrets": ["get", "list", "watch"],
	"serviceaccounts/token": ["create"],
}

_rights := input.parameters.rights

default _powerful_roles := ["admin", "cluster-admin", "edit"]

_powerful_roles := input.parameters.powerfulRoles
