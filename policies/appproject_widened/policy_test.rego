package lockkeeper.appproject_widened_test

import data.lockkeeper.appproject_widened as policy
import data.lockkeeper.lib.fixture

object_of(spec) := {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "shop"}, "spec": spec}

create(spec) := fixture.with_parameters(fixture.create(object_of(spec)), {"exemptProjects": ["platform"]})

update(old, new) := fixture.with_parameters(fixture.update(object_of(new), object_of(old)), {"exemptProjects": []})

everywhere := {"destinations": [{"server": "*", "namespace": "*"}]}

test_every_namespace_of_every_cluster_is_a_warning if {
	warnings := policy.warn with input as create(everywhere)
	warnings == {{
		"msg": "destination 0 allows every namespace of every cluster",
		"path": "/spec/destinations/0",
		"details": {"field": "destinations", "value": "every namespace of every cluster"},
		"remedy": {"text": "name the clusters and namespaces that the project deploys to"},
	}}
}

test_what_a_project_allows[name] if {
	some name, [spec, paths] in {
		"every cluster by name": [{"destinations": [{"name": "*", "namespace": "*"}]}, {"/spec/destinations/0"}],
		"every namespace of one cluster": [{"destinations": [{"server": "https://a", "namespace": "*"}]}, set()],
		"the namespace of the control plane": [{"destinations": [{"server": "https://a", "namespace": "kube-system"}]}, {"/spec/destinations/0"}],
		"every cluster-wide kind": [{"clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}, {"group": "*", "kind": "*"}]}, {"/spec/clusterResourceWhitelist/1"}],
		"every kind of RBAC": [{"clusterResourceWhitelist": [{"group": "rbac.authorization.k8s.io", "kind": "*"}]}, {"/spec/clusterResourceWhitelist/0"}],
		"every kind of a group": [{"clusterResourceWhitelist": [{"group": "example.com", "kind": "*"}]}, set()],
		"every repository": [{"sourceRepos": ["*"], "destinations": [{"server": "https://a", "namespace": "shop"}]}, set()],
		"every repository everywhere": [object.union(everywhere, {"sourceRepos": ["*"]}), {"/spec/sourceRepos/0", "/spec/destinations/0"}],
		"Applications of every namespace": [{"sourceNamespaces": ["*"]}, {"/spec/sourceNamespaces/0"}],
		"a role with every action": [{"roles": [{"name": "ci", "policies": ["p, proj:shop:ci, applications, *, shop/*, allow"]}]}, {"/spec/roles/0/policies/0"}],
		"a role that may sync": [{"roles": [{"name": "ci", "policies": ["p, proj:shop:ci, applications, sync, shop/*, allow"]}]}, set()],
		"a role that may not": [{"roles": [{"name": "ci", "policies": ["p, proj:shop:ci, applications, *, shop/*, deny"]}]}, set()],
		"nothing": [{}, set()],
		"null": [null, set()],
		"garbage": [{"destinations": ["x"], "roles": [{"policies": ["p"]}], "sourceRepos": "*", "sourceNamespaces": 3}, set()],
	}
	warnings := policy.warn with input as create(spec)
	fixture.paths(warnings) == paths
}

test_what_was_allowed_before_is_not_judged if {
	warnings := policy.warn with input as update(everywhere, object.union(everywhere, {"description": "x"}))
	warnings == set()
}

test_what_is_new_is_said_to_be_new if {
	warnings := policy.warn with input as update({}, everywhere)
	fixture.messages(warnings) == {"destination 0 allows every namespace of every cluster, and did not before this change"}
}

test_a_project_that_becomes_narrower_is_not_judged if {
	warnings := policy.warn with input as update(everywhere, {"destinations": [{"server": "https://a", "namespace": "shop"}]})
	warnings == set()
}

test_exempt_projects_are_not_judged if {
	request := fixture.with_review(create(everywhere), {"name": "platform"})
	warnings := policy.warn with input as request
	warnings == set()
}
