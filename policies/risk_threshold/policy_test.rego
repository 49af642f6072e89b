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

scored(score) := with_risk({"score": score, "band": "high", "contributions": contributions})

with_risk(risk) := object.union(fixture.pod({"containers": []}), {"risk": risk})

test_a_score_over_the_threshold_is_denied_with_its_reasons if {
	violations := policy.deny with input as scored(0.95)
	violations == {{
		"msg": "risk score 0.95 is at or above 0.9: it sees the node's processes; a privileged container; an unknown registry",
		"path": "/spec/hostPID",
		"details": {"score": 0.95, "threshold": 0.9},
		"remedy": {"text": "take out what raised the score, or have somebody who knows the change approve it"},
	}}
	warnings := policy.warn with input as scored(0.95)
	warnings == set()
}

test_a_score_between_the_thresholds_is_a_warning if {
	warnings := policy.warn with input as scored(0.75)
	startswith(concat("", fixture.messages(warnings)), "risk score 0.75 is at or above 0.6: ")
	violations := policy.deny with input as scored(0.75)
	violations == set()
}

test_the_thresholds_belong_to_what_they_begin[name] if {
	some name, [score, denied, warned] in {
		"below both": [0.5999, 0, 0],
		"exactly at warn": [0.6, 0, 1],
		"just below deny": [0.8999, 0, 1],
		"exactly at deny": [0.9, 1, 0],
		"one": [1, 1, 0],
		"zero": [0, 0, 0],
	}
	violations := policy.deny with input as scored(score)
	count(violations) == denied
	warnings := policy.warn with input as scored(score)
	count(warnings) == warned
}

test_this_is_no_score[name] if {
	some name, risk in {"null": null, "a string": {"score": "0.99"}, "absent": {}, "null in it": {"score": null}, "a list": [0.99]}
	violations := policy.deny with input as with_risk(risk)
	violations == set()
	warnings := policy.warn with input as with_risk(risk)
	warnings == set()
}

test_a_score_without_contributions_has_no_reasons_and_no_path[name] if {
	some name, list in {"none": [], "null": null, "of wrong type": [null, "x", {"contribution": "2", "text": 5}], "only lowering ones": [contributions[1]]}
	violations := policy.deny with input as with_risk({"score": 0.97, "contributions": list})
	fixture.messages(violations) == {"risk score 0.97 is at or above 0.9"}
	fixture.paths(violations) == {""}
}

test_a_top_reason_without_a_place_has_no_path if {
	violations := policy.deny with input as with_risk({"score": 0.97, "contributions": [contributions[3]]})
	fixture.paths(violations) == {""}
}

test_parameters_move_the_thresholds if {
	parameters := {"deny": 0.5, "warn": 0.2}
	violations := policy.deny with input as fixture.with_parameters(scored(0.51), parameters)
	count(violations) == 1
	warnings := policy.warn with input as fixture.with_parameters(scored(0.21), parameters)
	count(warnings) == 1
}

test_the_score_is_rounded_for_reading if {
	violations := policy.deny with input as scored(0.987654321)
	{violation.details.score | some violation in violations} == {0.9877}
}
