package lockkeeper.lib.pod_security_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.lib.pod_security

base := fixture.pod({"containers": []})

# What is found of the controls of both levels: denied, warned of, or nothing.
answer(review) := {level: action |
	some level in ["baseline", "restricted"]
	action := _action(review, level)
}

_action(review, level) := "deny" if {
	pod_security.is_enforced(level) with input as review
} else := "warn" if {
	pod_security.is_warned(level) with input as review
} else := "silent"

baseline_denies := {"baseline": "deny", "restricted": "warn"}

all_denied := {"baseline": "deny", "restricted": "deny"}

all_warned := {"baseline": "warn", "restricted": "warn"}

baseline_only_denied := {"baseline": "deny", "restricted": "silent"}

baseline_only_warned := {"baseline": "warn", "restricted": "silent"}

all_silent := {"baseline": "silent", "restricted": "silent"}

test_without_labels_and_parameters_baseline_denies_and_restricted_warns[name] if {
	some name, review in {
		"no namespace in the input": base,
		"not known": object.union(base, {"namespace": "unknown"}),
		"cluster-scoped": object.union(base, {"namespace": null}),
		"no labels": fixture.in_namespace(base, {}),
		"other labels": object.union(base, {"namespace": {"labels": {"team": "shop"}, "annotations": {}}}),
		"no labels at all": object.union(base, {"namespace": {}}),
		"a version only": fixture.in_namespace(base, {"enforce-version": "v1.28"}),
	}
	answer(review) == baseline_denies
}

test_the_labels_decide[name] if {
	some name, [modes, expected] in {
		"enforce baseline": [{"enforce": "baseline"}, baseline_denies],
		"enforce restricted": [{"enforce": "restricted"}, all_denied],
		"enforce privileged": [{"enforce": "privileged"}, all_silent],
		"enforce and warn of baseline": [{"enforce": "baseline", "warn": "baseline"}, baseline_only_denied],
		"enforce restricted, warn of nothing": [{"enforce": "restricted", "warn": "privileged"}, all_denied],
		"enforce nothing, warn of baseline": [{"enforce": "privileged", "warn": "baseline"}, baseline_only_warned],
		"enforce nothing, warn of restricted": [{"enforce": "privileged", "warn": "restricted"}, all_warned],
		"warn of nothing": [{"warn": "privileged"}, baseline_only_denied],
		"audit restricted": [{"enforce": "privileged", "audit": "restricted"}, all_warned],
		"audit restricted, warn of nothing": [{"enforce": "privileged", "audit": "restricted", "warn": "privileged"}, all_silent],
	}
	answer(fixture.in_namespace(base, modes)) == expected
}

test_a_level_that_cannot_be_read_is_enforced_as_the_strictest_and_warned_of_as_none[name] if {
	some name, [modes, expected] in {
		"enforce": [{"enforce": "Baseline"}, all_denied],
		"empty": [{"enforce": ""}, all_denied],
		"warn": [{"enforce": "baseline", "warn": "strict"}, baseline_only_denied],
		"audit": [{"enforce": "baseline", "audit": "strict"}, baseline_only_denied],
	}
	answer(fixture.in_namespace(base, modes)) == expected
}

test_the_parameter_decides_where_no_label_does[name] if {
	some name, [parameter, expected] in {
		"restricted": [{"enforce": "restricted"}, all_denied],
		"privileged, warn of restricted": [{"enforce": "privileged", "warn": "restricted"}, all_warned],
		"privileged": [{"enforce": "privileged", "warn": "privileged"}, all_silent],
		"baseline without warnings": [{"enforce": "baseline", "warn": "privileged"}, baseline_only_denied],
		"one that does not exist": [{"enforce": "baselin"}, all_denied],
		"a warning of one that does not exist": [{"enforce": "privileged", "warn": "all"}, all_warned],
		"one of the wrong type": [{"enforce": 1}, all_denied],
		"nothing": [{}, baseline_denies],
	}
	answer(fixture.with_parameters(base, {"podSecurity": parameter})) == expected
}

test_a_label_goes_before_the_parameter if {
	labelled := fixture.in_namespace(base, {"enforce": "privileged", "warn": "baseline"})
	answer(fixture.with_parameters(labelled, {"podSecurity": {"enforce": "restricted", "warn": "restricted"}})) == baseline_only_warned
}

test_versions_are_read[text] if {
	some text, expected in {
		"v1.0": 0,
		"v1.28": 28,
		"v1.37": 37,
		"v1.99": 37,
		"latest": 37,
		"": 37,
		"v1": 37,
		"v1.": 37,
		"v1.x": 37,
		"v1.05": 37,
		"v1.1e1": 37,
		"v1.-1": 37,
		"v2.1": 37,
		"1.28": 37,
	}
	modes := {"enforce": "baseline", "enforce-version": text, "warn": "baseline", "warn-version": text}
	enforced := pod_security.enforced_minor with input as fixture.in_namespace(base, modes)
	warned := pod_security.warned_minor with input as fixture.in_namespace(base, modes)
	[enforced, warned] == [expected, expected]
}

test_without_a_version_the_latest_holds if {
	enforced := pod_security.enforced_minor with input as fixture.in_namespace(base, {"enforce": "baseline"})
	warned := pod_security.warned_minor with input as fixture.in_namespace(base, {"warn": "baseline"})
	[enforced, warned] == [37, 37]
}

test_the_version_to_audit_is_that_of_warnings_where_no_level_to_warn_of_is_given if {
	audited := pod_security.warned_minor with input as fixture.in_namespace(base, {"audit": "baseline", "audit-version": "v1.20"})
	warned := pod_security.warned_minor with input as fixture.in_namespace(base, {
		"audit": "baseline", "audit-version": "v1.20",
		"warn": "baseline",
	})
	[audited, warned] == [20, 37]
}

test_another_version_is_warned_of_beside_a_denial if {
	modes := {"enforce": "baseline", "enforce-version": "v1.20", "warn": "baseline"}
	pod_security.is_enforced("baseline") with input as fixture.in_namespace(base, modes)
	pod_security.is_warned("baseline") with input as fixture.in_namespace(base, modes)
}
