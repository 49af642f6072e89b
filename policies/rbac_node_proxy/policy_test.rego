package lockkeeper.rbac_node_proxy_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture
import data.lockkeeper.rbac_node_proxy as policy

rule(resources, verbs) := {"apiGroups": [""], "resources": resources, "verbs": verbs}

test_writing_through_the_proxy_is_denied if {
	violations := policy.deny with input as rbac_fixture.cluster_role([rule(["nodes/proxy"], ["get", "create"])])
	violations == {{
		"msg": "rule 0 allows create, get on nodes/proxy: the kubelet runs commands in every pod for whoever has the role",
		"path": "/rules/0",
		"details": {"resources": ["nodes/proxy"], "verbs": ["create", "get"]},
		"remedy": {"text": "use nodes/metrics, nodes/stats, nodes/log or nodes/healthz, whichever is needed, with the verb get"},
	}}
	warnings := policy.warn with input as rbac_fixture.cluster_role([rule(["nodes/proxy"], ["get", "create"])])
	warnings == set()
}

test_this_is_denied[name] if {
	some name, candidate in {
		"every verb": rule(["nodes/proxy"], ["*"]),
		"the proxy of every kind": rule(["*/proxy"], ["create"]),
		"every group": {"apiGroups": ["*"], "resources": ["nodes", "nodes/proxy"], "verbs": ["update"]},
		"one node": object.union(rule(["nodes/proxy"], ["create"]), {"resourceNames": ["node-1"]}),
	}
	violations := policy.deny with input as rbac_fixture.cluster_role([candidate])
	fixture.paths(violations) == {"/rules/0"}
}

test_reading_through_the_proxy_is_a_warning if {
	warnings := policy.warn with input as rbac_fixture.cluster_role([rule(["nodes", "nodes/proxy"], ["get", "list", "watch"])])
	fixture.messages(warnings) == {"rule 0 allows get on nodes/proxy: the kubelet runs commands in every pod for whoever has the role"}
	violations := policy.deny with input as rbac_fixture.cluster_role([rule(["nodes", "nodes/proxy"], ["get", "list", "watch"])])
	violations == set()
}

test_this_is_allowed[name] if {
	some name, candidate in {
		"metrics": rule(["nodes/metrics", "nodes/stats", "nodes"], ["get"]),
		"the proxy of Services": rule(["services/proxy"], ["create"]),
		"verbs that do nothing": rule(["nodes/proxy"], ["list", "watch"]),
		"another group": {"apiGroups": ["metrics.k8s.io"], "resources": ["nodes/proxy"], "verbs": ["*"]},
		"every resource, which is another policy's": rule(["*"], ["*"]),
	}
	violations := policy.deny with input as rbac_fixture.cluster_role([candidate])
	violations == set()
	warnings := policy.warn with input as rbac_fixture.cluster_role([candidate])
	warnings == set()
}

test_malformed_rules_are_no_violation if {
	every rules in rbac_fixture.malformed {
		violations := policy.deny with input as rbac_fixture.cluster_role(rules)
		violations == set()
	}
}

test_malformed_rules_also_are_no_violation if {
	every rules in rbac_fixture.malformed {
		violations := policy.warn with input as rbac_fixture.cluster_role(rules)
		violations == set()
	}
}

test_what_Kubernetes_writes_itself_is_not_judged if {
	of_the_aggregation := policy.deny with input as rbac_fixture.aggregated([rule(["nodes/proxy"], ["*"])])
	of_the_aggregation == set()
	of_the_api_server := policy.deny with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role([rule(["nodes/proxy"], ["*"])]))
	of_the_api_server == set()
}
