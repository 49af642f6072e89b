package lockkeeper.privileged_containers_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.privileged_containers as policy

test_a_privileged_container_is_denied_with_a_patch if {
	violations := policy.deny with input as fixture.container({"securityContext": {"privileged": true}})
	violations == {{
		"msg": `container "web" is privileged: it can do everything the node's root can`,
		"path": "/spec/containers/0/securityContext/privileged",
		"details": {"container": "web"},
		"remedy": {
			"text": "set privileged to false; if the program needs a kernel feature, add that one capability instead",
			"patch": [{"op": "replace", "path": "/spec/containers/0/securityContext/privileged", "value": false}],
		},
	}}
}

test_every_list_of_containers_is_looked_at if {
	violations := policy.deny with input as fixture.pod({
		"containers": [{"name": "web"}, {"name": "agent", "securityContext": {"privileged": true}}],
		"initContainers": [{"name": "sysctl", "securityContext": {"privileged": true}}],
		"ephemeralContainers": [{"name": "debugger", "securityContext": {"privileged": true}}],
	})
	fixture.paths(violations) == {
		"/spec/containers/1/securityContext/privileged",
		"/spec/initContainers/0/securityContext/privileged",
		"/spec/ephemeralContainers/0/securityContext/privileged",
	}
}

test_this_is_allowed[name] if {
	some name, security_context in {
		"privileged is false": {"privileged": false},
		"privileged is null": {"privileged": null},
		"privileged is absent": {"runAsNonRoot": true},
		"the securityContext is null": null,
		"the securityContext is a string": "privileged",
		"privileged is a string, which the API server refuses": {"privileged": "true"},
	}
	violations := policy.deny with input as fixture.container({"securityContext": security_context})
	violations == set()
}

test_privileged_in_the_securityContext_of_the_pod_means_nothing if {
	violations := policy.deny with input as fixture.pod({
		"securityContext": {"privileged": true},
		"containers": [{"name": "web"}],
	})
	violations == set()
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.deny with input as fixture.cron_job({"containers": [{"securityContext": {"privileged": true}}]})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/containers/0/securityContext/privileged"}
}

test_the_pods_of_a_custom_kind_are_looked_at if {
	violations := policy.deny with input as fixture.fleet({"containers": [{"securityContext": {"privileged": true}}]})
		with data.lockkeeper.workloads as fixture.fleet_table
	fixture.paths(violations) == {concat("", [fixture.fleet_pointer, "/containers/0/securityContext/privileged"])}
}

test_the_level_of_the_namespace_decides if {
	bad := fixture.container({"securityContext": {"privileged": true}})
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged", "warn": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	allowed | silent == set()
}
