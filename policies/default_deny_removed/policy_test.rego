package lockkeeper.default_deny_removed_test

import data.lockkeeper.default_deny_removed as policy
import data.lockkeeper.lib.fixture

policy_of(spec) := {
	"apiVersion": "networking.k8s.io/v1",
	"kind": "NetworkPolicy",
	"metadata": {"name": "default-deny", "namespace": "shop"},
	"spec": spec,
}

default_deny(types) := policy_of({"podSelector": {}, "policyTypes": types})

deleted(old) := object.union(fixture.delete(old), {"review": {"namespace": "shop"}, "related": null})

updated(object_, old) := object.union(fixture.update(object_, old), {"review": {"namespace": "shop"}, "related": null})

test_deleting_a_default_deny_is_denied_for_each_direction if {
	violations := policy.deny with input as deleted(default_deny(["Ingress", "Egress"]))
	remedy := {"text": "keep the default deny, and allow what is needed in a NetworkPolicy beside it"}
	violations == {
		{
			"msg": "this default deny of ingress is taken away: pods of the namespace that no other NetworkPolicy selects are open",
			"path": "",
			"details": {"policyType": "Ingress"},
			"remedy": remedy,
		},
		{
			"msg": "this default deny of egress is taken away: pods of the namespace that no other NetworkPolicy selects are open",
			"path": "",
			"details": {"policyType": "Egress"},
			"remedy": remedy,
		},
	}
}

test_opening_it_is_denied[name] if {
	some name, spec in {
		"a rule": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]},
		"other pods": {"podSelector": {"matchLabels": {"app": "none"}}, "policyTypes": ["Ingress"]},
		"another direction": {"podSelector": {}, "policyTypes": ["Egress"]},
	}
	violations := policy.deny with input as updated(policy_of(spec), default_deny(["Ingress"]))
	fixture.paths(violations) == {"/spec"}
}

test_taking_one_direction_away_is_denied_for_that_one if {
	violations := policy.deny with input as updated(default_deny(["Ingress"]), default_deny(["Ingress", "Egress"]))
	fixture.messages(violations) == {"this default deny of egress is taken away: pods of the namespace that no other NetworkPolicy selects are open"}
}

test_these_are_default_denies[name] if {
	some name, spec in {
		"no types and no rules": {"podSelector": {}},
		"empty lists": {"podSelector": {"matchLabels": {}, "matchExpressions": []}, "policyTypes": [], "ingress": []},
		"null": {"podSelector": null, "policyTypes": null, "ingress": null},
		"one direction is open": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "egress": [{}]},
	}
	violations := policy.deny with input as deleted(policy_of(spec))
	{violation.details.policyType | some violation in violations} == {"Ingress"}
}

test_these_are_none[name] if {
	some name, spec in {
		"it selects some pods": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]},
		"it selects by an expression": {"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}, "policyTypes": ["Ingress"]},
		"it allows something": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]},
	}
	violations := policy.deny with input as deleted(policy_of(spec))
	violations == set()
}

test_a_change_that_keeps_it_is_allowed if {
	violations := policy.deny with input as updated(
		object.union(default_deny(["Ingress", "Egress"]), {"metadata": {"labels": {"team": "a"}}}),
		default_deny(["Ingress"]),
	)
	violations == set()
}

test_another_default_deny_of_the_namespace_is_enough if {
	another := object.union(default_deny(["Ingress"]), {"metadata": {"name": "deny-all"}})
	with_another := policy.deny with input as object.union(deleted(default_deny(["Ingress"])), {"related": {"objects": [another]}})
	with_another == set()
	elsewhere := object.union(another, {"metadata": {"namespace": "other"}})
	with_one_elsewhere := policy.deny with input as object.union(deleted(default_deny(["Ingress"])), {"related": {"objects": [elsewhere]}})
	count(with_one_elsewhere) == 1
	with_itself := policy.deny with input as object.union(
		deleted(default_deny(["Ingress"])),
		{"related": {"objects": [default_deny(["Ingress"])]}},
	)
	count(with_itself) == 1
}

test_a_namespace_that_is_deleted_may_take_it_along if {
	every name in ["namespace-controller", "generic-garbage-collector"] {
		violations := policy.deny with input as object.union(
			deleted(default_deny(["Ingress"])),
			{"review": {"userInfo": {"username": concat("", ["system:serviceaccount:kube-system:", name])}}},
		)
		violations == set()
	}
}

test_parameters_exempt_other_users if {
	violations := policy.deny with input as fixture.with_parameters(
		deleted(default_deny(["Ingress"])),
		{"exemptUsers": ["system:serviceaccount:argocd:argocd-application-controller"]},
	)
	violations == set()
}

test_a_new_policy_takes_nothing_away if {
	violations := policy.deny with input as fixture.create(policy_of({"podSelector": {}, "ingress": [{}]}))
	violations == set()
}

test_what_does_not_deny_the_same_is_not_enough[name] if {
	some name, other in {
		"the other direction": object.union(default_deny(["Egress"]), {"metadata": {"name": "deny-egress"}}),
		"another kind": object.union(default_deny(["Ingress"]), {"kind": "CiliumNetworkPolicy", "metadata": {"name": "deny-all"}}),
		"some pods": object.union(default_deny(["Ingress"]), {"metadata": {"name": "web"}, "spec": {"podSelector": {"matchLabels": {"app": "web"}}}}),
	}
	violations := policy.deny with input as object.union(deleted(default_deny(["Ingress"])), {"related": {"objects": [other]}})
	count(violations) == 1
}
