package lockkeeper.proc_mount_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.proc_mount as policy

unmasked := {"securityContext": {"procMount": "Unmasked"}}

test_an_unmasked_proc_is_denied_with_a_patch if {
	violations := policy.deny with input as fixture.container(unmasked)
	violations == {{
		"msg": `container "web" sees the node's /proc without masks: procMount is Unmasked`,
		"path": "/spec/containers/0/securityContext/procMount",
		"details": {"container": "web"},
		"remedy": {
			"text": "remove procMount",
			"patch": [{"op": "remove", "path": "/spec/containers/0/securityContext/procMount"}],
		},
	}}
}

test_every_list_of_containers_is_looked_at if {
	violations := policy.deny with input as fixture.pod({"initContainers": [unmasked], "ephemeralContainers": [unmasked]})
	fixture.paths(violations) == {
		"/spec/initContainers/0/securityContext/procMount",
		"/spec/ephemeralContainers/0/securityContext/procMount",
	}
}

test_this_is_allowed[name] if {
	some name, security_context in {
		"the default": {"procMount": "Default"},
		"null": {"procMount": null},
		"absent": {},
		"no securityContext": null,
	}
	violations := policy.deny with input as fixture.container({"securityContext": security_context})
	violations == set()
}

test_a_user_namespace_of_its_own_makes_it_fine[name] if {
	some name, [host_users, expected] in {"false": [false, 0], "true": [true, 1], "null": [null, 1]}
	violations := policy.deny with input as fixture.pod({"hostUsers": host_users, "containers": [unmasked]})
	count(violations) == expected
}

test_before_1_35_a_user_namespace_made_no_difference if {
	relaxed := fixture.pod({"hostUsers": false, "containers": [unmasked]})
	before := policy.deny with input as fixture.in_namespace(relaxed, {"enforce": "baseline", "enforce-version": "v1.34"})
	since := policy.deny with input as fixture.in_namespace(relaxed, {"enforce": "baseline", "enforce-version": "v1.35"})
	count(before) == 1
	since == set()
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.deny with input as fixture.cron_job({"containers": [unmasked]})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/containers/0/securityContext/procMount"}
}

test_the_level_of_the_namespace_decides if {
	bad := fixture.container(unmasked)
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged", "warn": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "privileged"})
	allowed | silent == set()
}
