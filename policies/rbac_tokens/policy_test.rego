package lockkeeper.rbac_tokens_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture
import data.lockkeeper.rbac_tokens as policy

rule := {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}

test_tokens_for_every_service_account_are_a_warning if {
	warnings := policy.warn with input as rbac_fixture.cluster_role([rule])
	warnings == {{
		"msg": concat("", [
			"rule 0 allows create on serviceaccounts/token: tokens can be issued for every service account ",
			"in every namespace, once it is bound in the whole cluster",
		]),
		"path": "/rules/0",
		"details": {"resources": ["serviceaccounts/token"], "verbs": ["create"]},
		"remedy": {"text": "list the service accounts concerned in resourceNames"},
	}}
}

test_a_Role_is_judged_too if {
	warnings := policy.warn with input as rbac_fixture.role([rule])
	fixture.messages(warnings) == {"rule 0 allows create on serviceaccounts/token: tokens can be issued for every service account in its namespace"}
}

test_every_verb_and_every_token_are_found if {
	warnings := policy.warn with input as rbac_fixture.cluster_role([
		{"apiGroups": ["*"], "resources": ["*/token"], "verbs": ["create"]},
		{"apiGroups": [""], "resources": ["serviceaccounts", "serviceaccounts/token"], "verbs": ["*"]},
	])
	fixture.paths(warnings) == {"/rules/0", "/rules/1"}
}

test_this_is_allowed[name] if {
	some name, rules in {
		"certain service accounts": [object.union(rule, {"resourceNames": ["external-secrets"]})],
		"creating service accounts": [{"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["create"]}],
		"reading": [{"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["get"]}],
		"another group": [{"apiGroups": ["authentication.k8s.io"], "resources": ["serviceaccounts/token"], "verbs": ["create"]}],
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
	of_the_aggregation := policy.warn with input as rbac_fixture.aggregated([rule])
	of_the_aggregation == set()
	of_the_api_server := policy.warn with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role([rule]))
	of_the_api_server == set()
}
