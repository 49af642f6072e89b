package lockkeeper.run_as_non_root_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.run_as_non_root as policy

yes := {"runAsNonRoot": true}

no := {"runAsNonRoot": false}

test_a_pod_that_says_nothing_is_warned_of_with_a_patch if {
	violations := policy.warn with input as fixture.pod({
		"containers": [{"name": "web"}, {"name": "log", "securityContext": yes}],
		"initContainers": [{"name": "migrate"}],
	})
	violations == {{
		"msg": "root is not ruled out for web, migrate",
		"path": "/spec/securityContext/runAsNonRoot",
		"details": {"containers": ["web", "migrate"]},
		"remedy": {
			"text": "set securityContext.runAsNonRoot of the pod to true; the image must name another user than root",
			"patch": [{"op": "add", "path": "/spec/securityContext", "value": {"runAsNonRoot": true}}],
		},
	}}
}

test_false_is_a_violation_where_it_stands if {
	violations := policy.warn with input as fixture.pod({
		"securityContext": no,
		"containers": [{"name": "web"}, {"name": "log", "securityContext": no}],
		"ephemeralContainers": [{"name": "debugger", "securityContext": yes}],
	})
	fixture.paths(violations) == {
		"/spec/securityContext/runAsNonRoot",
		"/spec/containers/1/securityContext/runAsNonRoot",
	}
	{violation.remedy.patch[0] | some violation in violations} == {
		{"op": "replace", "path": "/spec/securityContext/runAsNonRoot", "value": true},
		{"op": "replace", "path": "/spec/containers/1/securityContext/runAsNonRoot", "value": true},
	}
	fixture.messages(violations) == {
		"the pod may run as root: runAsNonRoot is false",
		`container "log" may run as root: runAsNonRoot is false`,
	}
}

test_false_in_the_pod_is_a_violation_even_where_all_containers_say_true if {
	violations := policy.warn with input as fixture.pod({
		"securityContext": no,
		"containers": [{"name": "web", "securityContext": yes}],
	})
	fixture.paths(violations) == {"/spec/securityContext/runAsNonRoot"}
}

test_this_is_allowed[name] if {
	some name, spec in {
		"the pod says true": {"securityContext": yes, "containers": [{"name": "web"}, {"name": "x", "securityContext": {"runAsNonRoot": null}}]},
		"all containers say true": {"containers": [{"name": "web", "securityContext": yes}]},
		"a user namespace": {"hostUsers": false, "securityContext": no, "containers": [{"name": "web", "securityContext": no}]},
		"a user namespace that says nothing": {"hostUsers": false, "containers": [{"name": "web"}]},
		"no containers": {"containers": []},
	}
	violations := policy.warn with input as fixture.pod(spec)
	violations == set()
}

test_windows_is_no_exemption if {
	violations := policy.warn with input as fixture.pod({"os": {"name": "windows"}, "containers": [{"name": "web"}]})
	count(violations) == 1
}

test_before_1_35_a_user_namespace_made_no_difference if {
	relaxed := fixture.pod({
		"hostUsers": false,
		"securityContext": no,
		"containers": [{"name": "web", "securityContext": no}],
	})
	before := policy.deny with input as fixture.in_namespace(relaxed, {"enforce": "restricted", "enforce-version": "v1.34"})
	since := policy.deny with input as fixture.in_namespace(relaxed, {"enforce": "restricted", "enforce-version": "v1.35"})
	count(before) == 2
	since == set()
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.warn with input as fixture.fleet({"containers": [{"name": "web"}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/securityContext/runAsNonRoot"])}
}

test_the_restricted_level_denies_it_and_the_baseline_level_does_not if {
	bad := fixture.container({})
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "restricted"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "baseline", "warn": "baseline"})
	allowed | silent == set()
}
