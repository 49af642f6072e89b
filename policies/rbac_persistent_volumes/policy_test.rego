package lockkeeper.rbac_persistent_volumes_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture
import data.lockkeeper.rbac_persistent_volumes as policy

rule(resources, verbs) := {"apiGroups": [""], "resources": resources, "verbs": verbs}

test_creating_PersistentVolumes_is_a_warning if {
	warnings := policy.warn with input as rbac_fixture.cluster_role([rule(["persistentvolumes"], ["get", "create"])])
	warnings == {{
		"msg": "rule 0 allows create on persistentvolumes: one of type hostPath shows the files of the node to a pod",
		"path": "/rules/0",
		"details": {"resources": ["persistentvolumes"], "verbs": ["create"]},
		"remedy": {"text": "let a storage class provision the volumes, and give teams persistentvolumeclaims alone"},
	}}
}

test_every_verb_includes_create if {
	warnings := policy.warn with input as rbac_fixture.cluster_role([rule(["pods"], ["get"]), rule(["persistentvolumes"], ["*"])])
	fixture.paths(warnings) == {"/rules/1"}
}

test_every_group_includes_the_core_group if {
	warnings := policy.warn with input as rbac_fixture.cluster_role([{"apiGroups": ["*"], "resources": ["persistentvolumes"], "verbs": ["create"]}])
	fixture.paths(warnings) == {"/rules/0"}
}

test_this_is_allowed[name] if {
	some name, candidate in {
		"claims": rule(["persistentvolumeclaims"], ["create"]),
		"reading and deleting": rule(["persistentvolumes"], ["get", "list", "watch", "delete"]),
		"changing, which leaves the source as it is": rule(["persistentvolumes"], ["update", "patch"]),
		"a name, without which nothing is created": object.union(rule(["persistentvolumes"], ["create"]), {"resourceNames": ["data"]}),
		"every resource, which is another policy's": rule(["*"], ["create"]),
	}
	warnings := policy.warn with input as rbac_fixture.cluster_role([candidate])
	warnings == set()
}

test_malformed_rules_are_no_violation if {
	every rules in rbac_fixture.malformed {
		violations := policy.warn with input as rbac_fixture.cluster_role(rules)
		violations == set()
	}
}

test_what_Kubernetes_writes_itself_is_not_judged if {
	of_the_aggregation := policy.warn with input as rbac_fixture.aggregated([rule(["persistentvolumes"], ["create"])])
	of_the_aggregation == set()
	of_the_api_server := policy.warn with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role([rule(["persistentvolumes"], ["create"])]))
	of_the_api_server == set()
}
