package lockkeeper.risk_threshold_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.risk_threshold as policy

contributions := [
	{"feature": "privileged", "value": 1, "contribution": 1.2, "paths": ["/spec/containers/0/securityContext/privileged"], "text": "a privileged container"},
	{"feature": "probes", "value": 2, "contribution": -0.7, "paths": [], "text": "it has probes"},
	{"feature": "hostPID", "value": 1, "contribution": 2.5, "paths": ["/spec/hostPID"], "text": "it sees the node's processes"},
	{"feature": "image", "value": 1, "contribution": 0.3, "paths": [], "text": "an unknown registry"},
	{"feature": "name", "value": 1, "contribution": 0.1, "paths": [], "text": "a rare name"},
]

# What stands beside it: no other violation, and hardly a harmless object that scores as high.
with_risk(risk) := object.union(fixture.pod({"containers": []}), {"risk": risk, "violations": []})

scored(band, members) := with_risk(object.union(
	{"score": 0.95, "band": band, "pValue": 0.0004, "contributions": contributions},
	members,
))

grave := {"violations": [
	{"policy": "host_path_volumes", "severity": "high"},
	{"policy": "image_tag", "severity": "medium"},
	{"policy": "cluster_admin_binding", "severity": "critical"},
]}

answers(base) := answer if {
	denied := policy.deny with input as base
	warned := policy.warn with input as base
	answer := [count(denied), count(warned)]
}

test_a_high_score_is_denied_with_its_reasons if {
	violations := policy.deny with input as scored("high", {})
	violations == {{
		"msg": "risk score 0.95 is high for the kind Pod: it sees the node's processes; a privileged container; an unknown registry",
		"path": "/spec/hostPID",
		"details": {"score": 0.95, "band": "high", "pValue": 0.0004, "beside": []},
		"remedy": {"text": "take out what raised the score, or have somebody who knows the change approve it"},
	}}
	answers(scored("high", {})) == [1, 0]
}

test_a_high_score_alone_is_a_warning if {
	base := scored("high", {"pValue": 0.0011})
	answers(base) == [0, 1]
	warnings := policy.warn with input as base
	startswith(concat("", fixture.messages(warnings)), "risk score 0.95 is high for the kind Pod, but nothing else speaks against it: ")
}

test_a_grave_violation_beside_a_high_score_is_enough if {
	base := object.union(scored("high", {"pValue": 0.5}), grave)
	answers(base) == [1, 0]
	violations := policy.deny with input as base
	{violation.details.beside | some violation in violations} == {["cluster_admin_binding", "host_path_volumes"]}
}

test_this_does_not_back_a_high_score[name] if {
	some name, violations in {
		"a violation of severity medium": [{"policy": "image_tag", "severity": "medium"}],
		"no list": null,
		"a list of texts": ["high"],
	}
	answers(object.union(scored("high", {"pValue": 0.5}), {"violations": violations})) == [0, 1]
}

test_a_p_value_that_is_no_number_agrees_with_nothing[name] if {
	some name, p in {"null": null, "a string": "0", "false": false}
	answers(scored("high", {"pValue": p})) == [0, 1]
}

test_the_p_value_belongs_to_what_it_begins if answers(scored("high", {"pValue": 0.001})) == [1, 0]

test_an_elevated_score_is_a_warning_whatever_stands_beside_it if {
	base := object.union(scored("elevated", {"score": 0.75}), grave)
	answers(base) == [0, 1]
	warnings := policy.warn with input as base
	startswith(concat("", fixture.messages(warnings)), "risk score 0.75 is elevated for the kind Pod: ")
}

test_a_low_score_is_nothing if answers(object.union(scored("low", {"score": 0.99}), grave)) == [0, 0]

test_thresholds_in_the_parameters_go_before_the_bands[name] if {
	some name, [band, score, expected] in {
		"below both, whatever the band": ["high", 0.5999, [0, 0]],
		"exactly at warn": ["low", 0.6, [0, 1]],
		"just below deny": ["high", 0.8999, [0, 1]],
		"exactly at deny": ["low", 0.9, [1, 0]],
		"one": ["high", 1, [1, 0]],
		"zero": ["low", 0, [0, 0]],
	}
	answers(fixture.with_parameters(scored(band, {"score": score}), {"warn": 0.6, "deny": 0.9})) == expected
}

test_a_threshold_in_the_parameters_is_named if {
	base := fixture.with_parameters(scored("high", {"contributions": []}), {"warn": 0.6, "deny": 0.9})
	violations := policy.deny with input as base
	fixture.messages(violations) == {"risk score 0.95 is at or above 0.9"}
}

test_a_deny_threshold_below_that_of_warn_counts if {
	answers(fixture.with_parameters(scored("low", {"score": 0.5}), {"warn": 0.9, "deny": 0.4})) == [1, 0]
}

test_this_is_no_threshold[name] if {
	some name, parameters in {"null": {"warn": null, "deny": null}, "texts": {"warn": "0.1", "deny": "0.2"}, "absent": {}}
	answers(fixture.with_parameters(scored("low", {}), parameters)) == [0, 0]
	answers(fixture.with_parameters(scored("high", {}), parameters)) == [1, 0]
}

in_class(base, class) := object.union(base, {"provenance": {"class": class}})

in_shop(base) := fixture.with_review(base, {"namespace": "shop"})

test_the_first_entry_for_a_namespace_and_a_class_counts[name] if {
	some name, [where, expected] in {
		"its namespace": [[{"namespaces": ["shop"], "deny": 0.5}], [1, 0]],
		"the beginning of its namespace": [[{"namespaces": ["sh*"], "deny": 0.5}], [1, 0]],
		"every namespace": [[{"namespaces": ["*"], "deny": 0.5}], [1, 0]],
		"another namespace": [[{"namespaces": ["shops", "s"], "deny": 0.5}], [0, 0]],
		"its class": [[{"classes": ["derived", "system"], "deny": 0.5}], [1, 0]],
		"another class": [[{"classes": ["approved"], "deny": 0.5}], [0, 0]],
		"its namespace and another class": [[{"namespaces": ["shop"], "classes": ["approved"], "deny": 0.5}], [0, 0]],
		"neither": [[{"deny": 0.5}], [1, 0]],
		"the first of two": [[{"namespaces": ["shop"], "deny": 1.1}, {"deny": 0.5}], [0, 0]],
		"an entry that is none": [[null, "shop", {"deny": 0.5}], [1, 0]],
		"no list": ["shop", [0, 0]],
	}
	base := in_shop(in_class(scored("low", {"score": 0.7}), "system"))
	answers(fixture.with_parameters(base, {"where": where})) == expected
}

test_an_entry_leaves_what_it_does_not_say if {
	parameters := {"warn": 0.3, "deny": 0.9, "maxPValue": 0, "where": [{"namespaces": ["shop"], "maxPValue": 0.01}]}
	answers(fixture.with_parameters(in_shop(scored("low", {})), parameters)) == [1, 0]
	answers(fixture.with_parameters(in_shop(scored("low", {"score": 0.4})), parameters)) == [0, 1]
	answers(fixture.with_parameters(scored("low", {}), parameters)) == [0, 1]
}

test_a_cluster_scoped_object_is_in_no_namespace if {
	answers(fixture.with_parameters(scored("low", {}), {"where": [{"namespaces": ["*"], "deny": 0.5}]})) == [0, 0]
}

test_this_is_no_score[name] if {
	some name, risk in {
		"null": null,
		"a string": {"score": "0.99", "band": "high"},
		"absent": {"band": "high"},
		"null in it": {"score": null, "band": "high"},
		"a list": [0.99],
	}
	answers(object.union(with_risk(risk), grave)) == [0, 0]
}

test_a_score_without_contributions_has_no_reasons_and_no_path[name] if {
	some name, list in {"none": [], "null": null, "of wrong type": [null, "x", {"contribution": "2", "text": 5}], "only lowering ones": [contributions[1]]}
	violations := policy.deny with input as scored("high", {"contributions": list})
	fixture.messages(violations) == {"risk score 0.95 is high for the kind Pod"}
	fixture.paths(violations) == {""}
}

test_a_top_reason_without_a_place_has_no_path if {
	violations := policy.deny with input as scored("high", {"contributions": [contributions[3]]})
	fixture.paths(violations) == {""}
}

test_the_score_is_rounded_for_reading if {
	violations := policy.deny with input as scored("high", {"score": 0.987654321, "pValue": 0.00012345})
	{[violation.details.score, violation.details.pValue] | some violation in violations} == {[0.9877, 0.0001]}
}
