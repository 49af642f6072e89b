package lockkeeper.rbac_exec_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture
import data.lockkeeper.rbac_exec as policy

rule(resources, verbs) := {"apiGroups": [""], "resources": resources, "verbs": verbs}

test_exec_is_a_warning if {
	warnings := policy.warn with input as rbac_fixture.cluster_role([rule(["pods", "pods/exec", "pods/attach"], ["create", "list"])])
	warnings == {{
		"msg": concat("", [
			"rule 0 allows create on pods/attach, pods/exec: ",
			"commands can be run in every pod in every namespace, once it is bound in the whole cluster",
		]),
		"path": "/rules/0",
		"details": {"resources": ["pods/attach", "pods/exec"], "verbs": ["create"]},
		"remedy": {"text": "leave these subresources out, and give them to people for a limited time when they are needed"},
	}}
}

test_this_is_a_warning[name] if {
	some name, rules in {
		"exec over a WebSocket": [rule(["pods/exec"], ["get"])],
		"debug containers": [rule(["pods/ephemeralcontainers"], ["patch"])],
		"every verb": [rule(["pods/attach"], ["*"])],
		"exec of every kind": [rule(["*/exec"], ["create"])],
	}
	warnings := policy.warn with input as rbac_fixture.role(rules)
	fixture.paths(warnings) == {"/rules/0"}
}

test_this_is_allowed[name] if {
	some name, rules in {
		"pods without their subresources": [rule(["pods"], ["*"])],
		"logs": [rule(["pods/log"], ["get"])],
		"exec in one pod": [object.union(rule(["pods/exec"], ["create"]), {"resourceNames": ["web-0"]})],
		"verbs that do nothing": [rule(["pods/exec"], ["list", "watch"])],
		"every resource, which is another policy's": [rule(["*"], ["create"])],
	}
	warnings := policy.warn with input as rbac_fixture.cluster_role(rules)
	warnings == set()
}

test_parameters_name_other_subresources if {
	warnings := policy.warn with input as fixture.with_parameters(
		rbac_fixture.role([rule(["pods/exec"], ["create"]), rule(["pods/portforward"], ["create"])]),
		{"subResources": ["pods/portforward"]},
	)
	fixture.paths(warnings) == {"/rules/1"}
}

test_a_Role_reaches_its_namespace if {
	warnings := policy.warn with input as rbac_fixture.role([rule(["pods/exec"], ["create"])])
	fixture.messages(warnings) == {"rule 0 allows create on pods/exec: commands can be run in every pod in its namespace"}
}

test_malformed_rules_are_no_violation if {
	every rules in rbac_fixture.malformed {
		violations := policy.warn with input as rbac_fixture.cluster_role(rules)
		violations == set()
	}
}

test_what_Kubernetes_writes_itself_is_not_judged if {
	of_the_aggregation := policy.warn with input as rbac_fixture.aggregated([rule(["pods/exec"], ["create"])])
	of_the_aggregation == set()
	of_the_api_server := policy.warn with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role([rule(["pods/exec"], ["create"])]))
	of_the_api_server == set()
}
