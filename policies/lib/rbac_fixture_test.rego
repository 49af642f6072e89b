# METADATA
# title: Roles and bindings for tests
# description: Makes the input of a policy from the rules of a role, or from the role and the subjects of a binding.
package lockkeeper.lib.rbac_fixture

import data.lockkeeper.lib.fixture

cluster_role(rules) := fixture.create(_object("ClusterRole", {"rules": rules}))

role(rules) := fixture.create(_object("Role", {"rules": rules}))

# A ClusterRole with labels, for those that are aggregated.
labelled(labels, rules) := fixture.create(_object("ClusterRole", {"metadata": {"labels": labels}, "rules": rules}))

# An aggregated ClusterRole, as the controller that fills it in writes it.
aggregated(rules) := object.union(
	fixture.create(_object("ClusterRole", {
		"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"example.com/aggregate-to-operator": "true"}}]},
		"rules": rules,
	})),
	{"review": {"userInfo": {"username": "system:serviceaccount:kube-system:clusterrole-aggregation-controller"}}},
)

# The same request from the API server itself.
by_the_api_server(base) := object.union(base, {"review": {"userInfo": {"username": "system:apiserver"}}})

cluster_role_binding(role_name, subjects) := fixture.create(_object("ClusterRoleBinding", {
	"roleRef": role_ref("ClusterRole", role_name),
	"subjects": subjects,
}))

role_binding(kind, role_name, subjects) := fixture.create(_object("RoleBinding", {
	"roleRef": role_ref(kind, role_name),
	"subjects": subjects,
}))

role_ref(kind, name) := {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}

group(name) := {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name}

user(name) := {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}

service_account(namespace, name) := {"kind": "ServiceAccount", "name": name, "namespace": namespace}

# Not what the API server takes; a policy must not stumble over it.
malformed := [
	null,
	"*",
	{"rule": {"verbs": ["*"]}},
	[null, "*", ["*"], 5],
	[{"apiGroups": "", "resources": "secrets", "verbs": "get"}],
	[{"apiGroups": null, "resources": null, "verbs": null}],
	[{"verbs": ["*"]}],
	[{"nonResourceURLs": ["*"], "verbs": ["*"]}],
]

_object(kind, members) := object.union(
	{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "operator"}},
	members,
)
