package lockkeeper.rbac_aggregation_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.rbac_fixture
import data.lockkeeper.rbac_aggregation as policy

to(role) := {concat("", ["rbac.authorization.k8s.io/aggregate-to-", role]): "true"}

secrets := {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}

node_proxy := {"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get"]}

role_bindings := {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["rolebindings"], "verbs": ["create"]}

test_Secrets_for_view_are_denied if {
	violations := policy.deny with input as rbac_fixture.labelled(to("view"), [secrets])
	violations == {{
		"msg": "rule 0 allows get on secrets, and the label hands that on to everybody with the role view",
		"path": "/rules/0",
		"details": {"resources": ["secrets"], "role": "view", "verbs": ["get"]},
		"remedy": {"text": "keep this rule in a ClusterRole without the label, and bind it to those who need it"},
	}}
}

test_what_a_role_has_already_is_allowed if {
	every role in ["admin", "edit"] {
		violations := policy.deny with input as rbac_fixture.labelled(to(role), [secrets])
		violations == set()
	}
}

test_edit_must_not_write_bindings_but_admin_may if {
	of_edit := policy.deny with input as rbac_fixture.labelled(to("edit"), [role_bindings])
	fixture.paths(of_edit) == {"/rules/0"}
	of_admin := policy.deny with input as rbac_fixture.labelled(to("admin"), [role_bindings])
	of_admin == set()
}

test_the_kubelet_is_for_none_of_them if {
	violations := policy.deny with input as rbac_fixture.labelled(object.union(to("admin"), to("edit")), [node_proxy])
	fixture.messages(violations) == {
		"rule 0 allows get on nodes/proxy, and the label hands that on to everybody with the role admin",
		"rule 0 allows get on nodes/proxy, and the label hands that on to everybody with the role edit",
	}
}

test_writing_for_view_is_a_warning if {
	warnings := policy.warn with input as rbac_fixture.labelled(to("view"), [{
		"apiGroups": ["example.com"],
		"resources": ["widgets"],
		"verbs": ["get", "update"],
	}])
	warnings == {{
		"msg": "rule 0 allows the verb update, and the label hands that on to everybody with the role view",
		"path": "/rules/0/verbs/1",
		"details": {"role": "view", "verbs": ["update"]},
		"remedy": {"text": "leave only get, list and watch, and aggregate the rest to edit or admin"},
	}}
}

test_a_rule_that_is_denied_is_not_warned_of_as_well if {
	warnings := policy.warn with input as rbac_fixture.labelled(to("view"), [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}])
	warnings == set()
}

test_this_is_allowed[name] if {
	some name, [labels, rules] in {
		"no label": [{}, [secrets, node_proxy]],
		"a label that says false": [{"rbac.authorization.k8s.io/aggregate-to-view": "false"}, [secrets]],
		"the label of another role": [{"rbac.authorization.k8s.io/aggregate-to-cluster-reader": "true"}, [secrets]],
		"custom resources": [to("edit"), [{"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["*"]}]],
		"reading custom resources": [to("view"), [{"apiGroups": ["example.com"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]],
		"everything, which is another policy's": [to("admin"), [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]],
	}
	violations := policy.deny with input as rbac_fixture.labelled(labels, rules)
	violations == set()
	warnings := policy.warn with input as rbac_fixture.labelled(labels, rules)
	warnings == set()
}

test_malformed_labels_and_rules_are_no_violation if {
	every labels in [null, "view", {"rbac.authorization.k8s.io/aggregate-to-view": true}] {
		violations := policy.deny with input as rbac_fixture.labelled(labels, [secrets])
		violations == set()
		every rules in rbac_fixture.malformed {
			of_rules := policy.deny with input as rbac_fixture.labelled(to("view"), rules)
			of_rules == set()
		}
	}
}
