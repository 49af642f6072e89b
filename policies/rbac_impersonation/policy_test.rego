package lockkeeper.rbac_impersonation_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture
import data.lockkeeper.rbac_impersonation as policy

rule(resources) := {"apiGroups": [""], "resources": resources, "verbs": ["impersonate"]}

named(resources, names) := object.union(rule(resources), {"resourceNames": names})

test_impersonating_all_users_and_groups_is_denied if {
	violations := policy.deny with input as rbac_fixture.cluster_role([rule(["users", "groups", "serviceaccounts"])])
	violations == {{
		"msg": concat("", [
			"rule 0 allows impersonate on groups, users in every namespace, once it is bound in the whole cluster: ",
			"everybody with the role can be an administrator",
		]),
		"path": "/rules/0",
		"details": {"resources": ["groups", "users"], "verbs": ["impersonate"]},
		"remedy": {"text": "list in resourceNames who may be impersonated"},
	}}
	warnings := policy.warn with input as rbac_fixture.cluster_role([rule(["users", "groups", "serviceaccounts"])])
	warnings == set()
}

test_the_group_above_RBAC_is_denied_by_name_too if {
	violations := policy.deny with input as rbac_fixture.cluster_role([named(["groups"], ["developers", "system:masters"])])
	fixture.paths(violations) == {"/rules/0"}
}

test_every_verb_includes_impersonate if {
	violations := policy.deny with input as rbac_fixture.cluster_role([{"apiGroups": [""], "resources": ["users"], "verbs": ["*"]}])
	count(violations) == 1
}

test_impersonating_all_service_accounts_is_a_warning if {
	warnings := policy.warn with input as rbac_fixture.role([rule(["serviceaccounts"])])
	fixture.messages(warnings) == {concat("", [
		"rule 0 allows impersonate on serviceaccounts in its namespace: ",
		"everybody with the role has the rights of all of them",
	])}
}

test_users_belong_to_no_namespace if {
	violations := policy.deny with input as rbac_fixture.role([rule(["users"])])
	violations == set()
	warnings := policy.warn with input as rbac_fixture.role([rule(["users"])])
	warnings == set()
}

test_names_make_it_allowed if {
	rules := [named(["users", "groups"], ["alice@example.com"]), named(["serviceaccounts"], ["deployer"])]
	violations := policy.deny with input as rbac_fixture.cluster_role(rules)
	violations == set()
	warnings := policy.warn with input as rbac_fixture.cluster_role(rules)
	warnings == set()
}

test_other_verbs_on_users_are_nothing if {
	violations := policy.deny with input as rbac_fixture.cluster_role([{"apiGroups": [""], "resources": ["users"], "verbs": ["get"]}])
	violations == set()
}

test_parameters_name_others_who_are_powerful if {
	violations := policy.deny with input as fixture.with_parameters(
		rbac_fixture.cluster_role([named(["groups"], ["system:masters"]), named(["groups"], ["platform"])]),
		{"powerfulNames": ["platform"]},
	)
	fixture.paths(violations) == {"/rules/1"}
}

test_malformed_rules_are_no_violation if {
	every rules in rbac_fixture.malformed {
		violations := policy.deny with input as rbac_fixture.cluster_role(rules)
		violations == set()
	}
}

test_what_Kubernetes_writes_itself_is_not_judged if {
	of_the_aggregation := policy.deny with input as rbac_fixture.aggregated([rule(["users"])])
	of_the_aggregation == set()
	of_the_api_server := policy.deny with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role([rule(["users"])]))
	of_the_api_server == set()
}
