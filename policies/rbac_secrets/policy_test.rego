package lockkeeper.rbac_secrets_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture
import data.lockkeeper.rbac_secrets as policy

rule(verbs) := {"apiGroups": [""], "resources": ["secrets"], "verbs": verbs}

test_reading_every_Secret_is_a_warning if {
	warnings := policy.warn with input as rbac_fixture.cluster_role([rule(["get", "list", "watch"])])
	warnings == {{
		"msg": concat("", [
			"rule 0 allows get, list, watch on secrets: ",
			"all Secrets can be read in every namespace, once it is bound in the whole cluster",
		]),
		"path": "/rules/0",
		"details": {"resources": ["secrets"], "verbs": ["get", "list", "watch"]},
		"remedy": {"text": "use a Role in the namespace concerned, and list the Secrets that are needed in resourceNames"},
	}}
}

test_one_of_the_verbs_is_enough if {
	every verb in ["get", "list", "watch", "*"] {
		warnings := policy.warn with input as rbac_fixture.cluster_role([rule(["create", verb])])
		fixture.paths(warnings) == {"/rules/0"}
	}
}

test_secrets_among_other_resources_are_found if {
	warnings := policy.warn with input as rbac_fixture.cluster_role([
		{"apiGroups": ["", "apps"], "resources": ["configmaps", "secrets"], "verbs": ["get"]},
		{"apiGroups": ["*"], "resources": ["*"], "verbs": ["list"]},
	])
	fixture.paths(warnings) == {"/rules/0", "/rules/1"}
}

test_a_Role_is_judged_where_it_sees_all_Secrets_at_once if {
	warnings := policy.warn with input as rbac_fixture.role([
		rule(["get"]),
		rule(["get", "list"]),
		rule(["*"]),
		{"apiGroups": [""], "resources": ["*"], "verbs": ["get"]},
	])
	fixture.messages(warnings) == {
		"rule 1 allows get, list on secrets: all Secrets can be read in its namespace",
		"rule 2 allows get, list, watch on secrets: all Secrets can be read in its namespace",
		"rule 3 allows get on secrets: all Secrets can be read in its namespace",
	}
}

test_this_is_allowed[name] if {
	some name, rules in {
		"certain Secrets": [object.union(rule(["get"]), {"resourceNames": ["tls"]})],
		"writing alone": [rule(["create", "update", "delete"])],
		"another group": [{"apiGroups": ["example.com"], "resources": ["secrets"], "verbs": ["get"]}],
		"a subresource": [{"apiGroups": [""], "resources": ["secrets/status"], "verbs": ["get"]}],
		"everything, which is another policy's": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
	}
	warnings := policy.warn with input as rbac_fixture.cluster_role(rules)
	warnings == set()
}

test_malformed_rules_are_no_violation if {
	every rules in rbac_fixture.malformed {
		violations := policy.warn with input as rbac_fixture.cluster_role(rules)
		violations == set()
	}
}

test_what_Kubernetes_writes_itself_is_not_judged if {
	of_the_aggregation := policy.warn with input as rbac_fixture.aggregated([rule(["get"])])
	of_the_aggregation == set()
	of_the_api_server := policy.warn with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role([rule(["get"])]))
	of_the_api_server == set()
}
