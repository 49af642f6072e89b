package lockkeeper.rbac_gained_test

import data.lockkeeper.lib.changeset_fixture as fixture
import data.lockkeeper.rbac_gained as policy

parameters := {"powerfulRoles": ["edit"], "rights": {"secrets": ["get", "list", "watch"], "pods/exec": ["create"]}}

rule(resources, verbs) := {"apiGroups": [""], "resources": resources, "resourceNames": [], "nonResourceURLs": [], "verbs": verbs}

account := {"kind": "ServiceAccount", "namespace": "shop", "name": "payments"}

web := {"kind": "Deployment", "namespace": "shop", "name": "web", "isNew": false, "gained": []}

grant := {
	"subject": account,
	"isNewSubject": false,
	"workloads": [web],
	"role": {"kind": "Role", "namespace": "shop", "name": "reader"},
	"binding": {"kind": "RoleBinding", "namespace": "shop", "name": "reader"},
	"namespace": "shop",
	"rules": [rule(["secrets"], ["get", "list"])],
	"new": true,
	"gained": [rule(["secrets"], ["get", "list"])],
}

# Members in place of the grant's, not merged into them.
with_members(change) := object.union(object.remove(grant, object.keys(change)), change)

changes := [
	fixture.keep(fixture.deployment("web", {})),
	fixture.create(fixture.named("rbac.authorization.k8s.io/v1", "Role", "reader", {})),
	fixture.create(fixture.named("rbac.authorization.k8s.io/v1", "RoleBinding", "reader", {})),
]

set_of(grants) := {"changes": changes, "grants": grants, "parameters": parameters}

messages(set) := {violation.msg | some violation in found} if found := policy.warn with input as set

test_an_account_that_gains_secrets_is_a_warning if {
	violations := policy.warn with input as set_of([grant])
	violations == {{
		"msg": "ServiceAccount shop/payments (used by Deployment shop/web) gains get, list on secrets in namespace shop, by RoleBinding shop/reader",
		"path": "",
		"details": {"binding": "RoleBinding shop/reader", "objects": [0, 1, 2], "subject": "ServiceAccount shop/payments"},
		"remedy": {"text": "give the right in a change of its own, to an account that only what needs it runs as, and by resourceNames where it can be"},
	}}
}

test_a_workload_that_runs_as_somebody_else_is_a_warning if {
	moved := object.union(grant, {"new": false, "gained": [], "workloads": [object.union(web, {"gained": [rule(["pods/exec"], ["create"])]})]})
	messages(set_of([moved])) == {"Deployment shop/web runs as ServiceAccount shop/payments from now on, and gains create on pods/exec in namespace shop, by RoleBinding shop/reader"}
}

test_words[name] if {
	some name, [change, part] in {
		"the whole cluster": [{"namespace": null}, "gains get, list on secrets in the whole cluster, by"],
		"a user": [{"subject": {"kind": "User", "name": "alice"}, "workloads": []}, "User alice gains get"],
		"many workloads": [{"workloads": [object.union(web, {"name": name}) | some name in ["a", "b", "c", "d", "e"]]}, "(used by Deployment shop/a, Deployment shop/b, Deployment shop/c and 2 more)"],
		"everything": [{"gained": [object.union(rule(["*"], ["*"]), {"apiGroups": ["*"]})]}, "gains every verb on every resource in"],
		"several rules": [{"gained": [rule(["secrets"], ["get"]), rule(["pods/exec"], ["create"]), rule(["configmaps"], ["get"])]}, "gains create on pods/exec; get on secrets in"],
		"a role that is not part of the change": [{"rules": null, "gained": [], "role": {"kind": "ClusterRole", "name": "edit"}}, "gains what ClusterRole edit allows in"],
	}
	found := messages(set_of([with_members(change)]))
	count(found) == 1
	some message in found
	contains(message, part)
}

test_allowed[name] if {
	some name, change in {
		"nothing is gained": {"new": false, "gained": []},
		"an account that the change makes": {"isNewSubject": true},
		"a right that is no danger": {"gained": [rule(["configmaps"], ["get", "list"])]},
		"another verb": {"gained": [rule(["secrets"], ["create"])]},
		"one object by its name": {"gained": [object.union(rule(["secrets"], ["get"]), {"resourceNames": ["tls"]})]},
		"a role that is not part of the change and not powerful": {"rules": null, "gained": [], "role": {"kind": "ClusterRole", "name": "view"}},
	}
	messages(set_of([with_members(change)])) == set()
}

test_a_first_install_is_allowed if {
	messages({"changes": [fixture.create(fixture.deployment("web", {}))], "grants": [grant], "parameters": parameters}) == set()
}

test_without_parameters_secrets_count if {
	messages(object.union(set_of([grant]), {"parameters": {}})) != set()
}
