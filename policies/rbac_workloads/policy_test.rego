package lockkeeper.rbac_workloads_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture
import data.lockkeeper.rbac_workloads as policy

rule(resources, verbs) := {"apiGroups": ["", "apps", "batch"], "resources": resources, "verbs": verbs}

test_creating_pods_everywhere_is_a_warning if {
	warnings := policy.warn with input as rbac_fixture.cluster_role([rule(["pods", "deployments", "services"], ["get", "create", "update"])])
	warnings == {{
		"msg": concat("", [
			"rule 0 allows create, update on deployments.apps, pods: pods can be run as any service account ",
			"in every namespace, once it is bound in the whole cluster",
		]),
		"path": "/rules/0",
		"details": {"resources": ["deployments.apps", "pods"], "verbs": ["create", "update"]},
		"remedy": {"text": "use a Role in each namespace concerned"},
	}}
}

test_this_is_a_warning[name] if {
	some name, candidate in {
		"jobs": rule(["jobs"], ["create"]),
		"changing daemon sets": rule(["daemonsets"], ["patch"]),
		"every verb": rule(["cronjobs"], ["*"]),
		"replication controllers": rule(["replicationcontrollers"], ["update"]),
	}
	warnings := policy.warn with input as rbac_fixture.cluster_role([candidate])
	fixture.paths(warnings) == {"/rules/0"}
}

test_this_is_allowed[name] if {
	some name, candidate in {
		"reading and deleting": rule(["pods", "deployments", "jobs"], ["get", "list", "watch", "delete"]),
		"changing pods, whose spec stays": rule(["pods"], ["patch", "update"]),
		"one deployment": object.union(rule(["deployments"], ["patch"]), {"resourceNames": ["web"]}),
		"scaling": rule(["deployments/scale"], ["update"]),
		"the same name in another group": {"apiGroups": ["example.com"], "resources": ["deployments"], "verbs": ["create"]},
		"every resource, which is another policy's": rule(["*"], ["create"]),
	}
	warnings := policy.warn with input as rbac_fixture.cluster_role([candidate])
	warnings == set()
}

test_deployments_of_no_group_are_not_those_of_apps if {
	warnings := policy.warn with input as rbac_fixture.cluster_role([{"apiGroups": [""], "resources": ["deployments"], "verbs": ["create"]}])
	warnings == set()
}

test_malformed_rules_are_no_violation if {
	every rules in rbac_fixture.malformed {
		violations := policy.warn with input as rbac_fixture.cluster_role(rules)
		violations == set()
	}
}

test_what_Kubernetes_writes_itself_is_not_judged if {
	of_the_aggregation := policy.warn with input as rbac_fixture.aggregated([rule(["pods"], ["create"])])
	of_the_aggregation == set()
	of_the_api_server := policy.warn with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role([rule(["pods"], ["create"])]))
	of_the_api_server == set()
}
