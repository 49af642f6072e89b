package lockkeeper.rbac_escalation_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture
import data.lockkeeper.rbac_escalation as policy

roles(verbs) := {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles", "roles"], "verbs": verbs}

named(rule, names) := object.union(rule, {"resourceNames": names})

test_escalate_is_denied if {
	violations := policy.deny with input as rbac_fixture.cluster_role([roles(["get", "escalate"])])
	violations == {{
		"msg": concat("", [
			"rule 0 allows escalate on clusterroles.rbac.authorization.k8s.io, roles.rbac.authorization.k8s.io: ",
			"whoever has the role can write any permission into it",
		]),
		"path": "/rules/0",
		"details": {
			"resources": ["clusterroles.rbac.authorization.k8s.io", "roles.rbac.authorization.k8s.io"],
			"verbs": ["escalate"],
		},
		"remedy": {"text": "leave escalate out, and list in resourceNames which roles may be bound"},
	}}
}

test_escalate_is_denied_for_roles_of_certain_names_too if {
	violations := policy.deny with input as rbac_fixture.role([named(roles(["escalate"]), ["operator"])])
	fixture.paths(violations) == {"/rules/0"}
}

test_bind_is_denied_without_names if {
	violations := policy.deny with input as rbac_fixture.cluster_role([roles(["bind"])])
	fixture.messages(violations) == {concat("", [
		"rule 0 allows bind on clusterroles.rbac.authorization.k8s.io: ",
		"whoever has the role can bind cluster-admin to itself",
	])}
}

test_bind_is_denied_where_the_names_include_cluster_admin if {
	violations := policy.deny with input as rbac_fixture.cluster_role([named(roles(["bind"]), ["view", "cluster-admin"])])
	count(violations) == 1
}

test_every_verb_on_roles_is_both if {
	violations := policy.deny with input as rbac_fixture.cluster_role([roles(["*"])])
	count(violations) == 2
}

test_a_rule_for_every_resource_that_names_the_verb_is_denied if {
	violations := policy.deny with input as rbac_fixture.cluster_role([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "escalate"]}])
	count(violations) == 1
}

test_binding_every_Role_of_a_namespace_is_a_warning if {
	rule := {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["bind"]}
	warnings := policy.warn with input as rbac_fixture.role([rule])
	fixture.messages(warnings) == {concat("", [
		"rule 0 allows bind on roles.rbac.authorization.k8s.io: ",
		"whoever has the role can bind every Role of the namespace to itself",
	])}
	violations := policy.deny with input as rbac_fixture.role([rule])
	violations == set()
}

test_one_rule_is_not_warned_of_and_denied if {
	warnings := policy.warn with input as rbac_fixture.cluster_role([roles(["bind"])])
	warnings == set()
}

test_this_is_allowed[name] if {
	some name, rules in {
		"writing roles without escalate": [roles(["create", "update", "patch", "delete"])],
		"binding roles by name": [named(roles(["bind"]), ["view", "edit"])],
		"binding Roles by name": [{
			"apiGroups": ["rbac.authorization.k8s.io"],
			"resources": ["roles"],
			"resourceNames": ["reader"],
			"verbs": ["bind"],
		}],
		"the verb on something else": [{"apiGroups": ["example.com"], "resources": ["roles"], "verbs": ["bind", "escalate"]}],
		"everything, which is another policy's": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
	}
	violations := policy.deny with input as rbac_fixture.cluster_role(rules)
	violations == set()
	warnings := policy.warn with input as rbac_fixture.cluster_role(rules)
	warnings == set()
}

test_parameters_name_other_powerful_roles if {
	violations := policy.deny with input as fixture.with_parameters(
		rbac_fixture.cluster_role([named(roles(["bind"]), ["cluster-admin"]), named(roles(["bind"]), ["platform"])]),
		{"powerfulRoles": ["platform"]},
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
	of_the_aggregation := policy.deny with input as rbac_fixture.aggregated([roles(["escalate"])])
	of_the_aggregation == set()
	of_the_api_server := policy.deny with input as rbac_fixture.by_the_api_server(rbac_fixture.cluster_role([roles(["escalate"])]))
	of_the_api_server == set()
}
