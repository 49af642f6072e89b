package lockkeeper.wildcard_rbac_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.wildcard_rbac as policy

role(kind, members) := fixture.create(object.union(
	{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "operator"}},
	members,
))

rules(list) := role("ClusterRole", {"rules": list})

everything := {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}

test_everything_is_denied if {
	violations := policy.deny with input as rules([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}, everything])
	violations == {{
		"msg": "rule 1 allows every verb on every resource of every API group",
		"path": "/rules/1",
		"details": {"wildcards": ["apiGroups", "resources", "verbs"]},
		"remedy": {"text": "name the verbs, resources and API groups that are needed"},
	}}
	warnings := policy.warn with input as rules([everything])
	warnings == set()
}

test_everything_beside_names_is_everything if {
	violations := policy.deny with input as rules([{
		"apiGroups": ["", "*"],
		"resources": ["pods", "*"],
		"verbs": ["get", "*"],
		"resourceNames": null,
	}])
	fixture.paths(violations) == {"/rules/0"}
}

test_a_Role_is_judged_too if {
	violations := policy.deny with input as role("Role", {"rules": [everything]})
	fixture.paths(violations) == {"/rules/0"}
}

test_everything_of_one_name_is_a_warning if {
	one_name := object.union(everything, {"resourceNames": ["web"]})
	violations := policy.deny with input as rules([one_name])
	violations == set()
	warnings := policy.warn with input as rules([one_name])
	fixture.paths(warnings) == {"/rules/0/verbs/0", "/rules/0/resources/0", "/rules/0/apiGroups/0"}
}

test_a_single_wildcard_is_a_warning if {
	warnings := policy.warn with input as rules([{"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["get", "*"]}])
	warnings == {{
		"msg": "rule 0 allows every verb, those of the future included (*)",
		"path": "/rules/0/verbs/1",
		"details": {"wildcards": ["verbs"]},
		"remedy": {"text": "name the verbs that are needed"},
	}}
}

test_this_is_a_warning[name] if {
	some name, [rule, path] in {
		"every resource": [{"apiGroups": [""], "resources": ["*"], "verbs": ["get"]}, "/rules/0/resources/0"],
		"every API group": [{"apiGroups": ["*"], "resources": ["pods"], "verbs": ["get"]}, "/rules/0/apiGroups/0"],
		"a subresource of every resource": [{"apiGroups": ["apps"], "resources": ["*/scale"], "verbs": ["get"]}, "/rules/0/resources/0"],
		"every path": [{"nonResourceURLs": ["/metrics", "*"], "verbs": ["get"]}, "/rules/0/nonResourceURLs/1"],
	}
	warnings := policy.warn with input as rules([rule])
	fixture.paths(warnings) == {path}
	violations := policy.deny with input as rules([rule])
	violations == set()
}

test_this_is_allowed[name] if {
	some name, list in {
		"named things": [{"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]}],
		"a path that ends with a star": [{"nonResourceURLs": ["/healthz/*"], "verbs": ["get"]}],
		"no rules": [],
		"null": null,
		"a string": "*",
		"null members": [null, "*", ["*"]],
		"strings in place of lists": [{"apiGroups": "*", "resources": "*", "verbs": "*"}],
		"the wildcards are in two rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}, {"verbs": []}],
	}
	violations := policy.deny with input as rules(list)
	violations == set()
	warnings := policy.warn with input as rules(list)
	warnings == set()
}

test_an_empty_aggregation_selector_is_denied[name] if {
	some name, selector in {
		"an empty object": {},
		"empty members": {"matchLabels": {}, "matchExpressions": []},
		"null members": {"matchLabels": null},
	}
	violations := policy.deny with input as role("ClusterRole", {"aggregationRule": {"clusterRoleSelectors": [
		{"matchLabels": {"team": "a"}},
		selector,
	]}})
	fixture.paths(violations) == {"/aggregationRule/clusterRoleSelectors/1"}
}

test_an_aggregation_by_label_is_allowed if {
	violations := policy.deny with input as role("ClusterRole", {
		"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"example.com/aggregate-to-ops": "true"}}]},
		"rules": [],
	})
	violations == set()
}

test_the_message_says_whom_an_aggregated_role_reaches if {
	warnings := policy.warn with input as role("ClusterRole", {
		"metadata": {"labels": {
			"rbac.authorization.k8s.io/aggregate-to-admin": "true",
			"rbac.authorization.k8s.io/aggregate-to-edit": "true",
			"rbac.authorization.k8s.io/aggregate-to-view": "false",
		}},
		"rules": [{"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["*"]}],
	})
	fixture.messages(warnings) == {concat("", [
		"rule 0 allows every verb, those of the future included (*), ",
		"and its label hands that on to everybody with the role admin or edit",
	])}
}

test_the_role_cluster_admin_itself_is_left_alone if {
	own := {"metadata": {"name": "cluster-admin"}, "rules": [everything, {"nonResourceURLs": ["*"], "verbs": ["*"]}]}
	violations := policy.deny with input as role("ClusterRole", own)
	violations == set()
	warnings := policy.warn with input as role("ClusterRole", own)
	warnings == set()
	of_a_role := policy.deny with input as role("Role", own)
	fixture.paths(of_a_role) == {"/rules/0"}
}

test_parameters_exempt_other_roles if {
	violations := policy.deny with input as fixture.with_parameters(rules([everything]), {"exemptClusterRoles": ["operator"]})
	violations == set()
}

test_every_verb_spelled_out_is_every_verb if {
	violations := policy.deny with input as rules([{
		"apiGroups": ["*"],
		"resources": ["*"],
		"verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
	}])
	fixture.messages(violations) == {"rule 0 allows every verb on every resource of every API group"}
}

test_a_verb_less_is_a_warning if {
	almost := {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch", "create", "update", "patch"]}
	violations := policy.deny with input as rules([almost])
	violations == set()
	warnings := policy.warn with input as rules([almost])
	fixture.paths(warnings) == {"/rules/0/apiGroups/0", "/rules/0/resources/0"}
}

test_everything_of_the_core_group_is_denied_in_a_ClusterRole_alone if {
	core := [{"apiGroups": [""], "resources": ["*"], "verbs": ["*"]}]
	violations := policy.deny with input as rules(core)
	fixture.messages(violations) == {"rule 0 allows every verb on every resource of the core API group, in every namespace"}
	of_a_role := policy.deny with input as role("Role", {"rules": core})
	of_a_role == set()
	warnings := policy.warn with input as role("Role", {"rules": core})
	fixture.paths(warnings) == {"/rules/0/resources/0", "/rules/0/verbs/0"}
}

test_a_selector_that_selects_cluster_admin_is_denied[name] if {
	some name, selector in {
		"null": null,
		"its label": {"matchLabels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
		"its label, among others": {"matchExpressions": [{"key": "kubernetes.io/bootstrapping", "operator": "In", "values": ["x", "rbac-defaults"]}]},
		"that it has the label": {"matchExpressions": [{"key": "kubernetes.io/bootstrapping", "operator": "Exists"}]},
		"a label that it has not": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]},
		"another value than one that it has not": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]},
		"another value than its own": {"matchExpressions": [{"key": "kubernetes.io/bootstrapping", "operator": "NotIn", "values": ["x"]}]},
	}
	violations := policy.deny with input as role("ClusterRole", {"aggregationRule": {"clusterRoleSelectors": [selector]}})
	fixture.messages(violations) == {"aggregation selector 0 selects the ClusterRole cluster-admin: the role gets all of its rules"}
}

test_a_selector_that_does_not_select_cluster_admin_is_allowed[name] if {
	some name, selector in {
		"a label it has not": {"matchExpressions": [{"key": "team", "operator": "Exists"}]},
		"another value": {"matchExpressions": [{"key": "kubernetes.io/bootstrapping", "operator": "In", "values": ["x"]}]},
		"not its value": {"matchExpressions": [{"key": "kubernetes.io/bootstrapping", "operator": "NotIn", "values": ["rbac-defaults"]}]},
		"without its label": {"matchExpressions": [{"key": "kubernetes.io/bootstrapping", "operator": "DoesNotExist"}]},
		"both of two, of which it has one": {
			"matchLabels": {"team": "a"},
			"matchExpressions": [{"key": "kubernetes.io/bootstrapping", "operator": "Exists"}],
		},
		"a string": "all",
	}
	violations := policy.deny with input as role("ClusterRole", {"aggregationRule": {"clusterRoleSelectors": [selector]}})
	violations == set()
}

test_the_rules_of_an_aggregated_role_are_judged_unless_Kubernetes_writes_them if {
	aggregated := role("ClusterRole", {
		"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"example.com/aggregate-to-ops": "true"}}]},
		"rules": [everything],
	})
	violations := policy.deny with input as aggregated
	fixture.paths(violations) == {"/rules/0"}
	controller := {"username": "system:serviceaccount:kube-system:clusterrole-aggregation-controller"}
	of_the_controller := policy.deny with input as object.union(aggregated, {"review": {"userInfo": controller}})
	of_the_controller == set()
}

test_an_exempt_role_may_aggregate_everything if {
	violations := policy.deny with input as fixture.with_parameters(
		role("ClusterRole", {"aggregationRule": {"clusterRoleSelectors": [{}]}}),
		{"exemptClusterRoles": ["operator"]},
	)
	violations == set()
}
