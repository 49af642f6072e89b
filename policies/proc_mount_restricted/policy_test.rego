package lockkeeper.proc_mount_restricted_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.proc_mount_restricted as policy

unmasked := {"name": "web", "securityContext": {"procMount": "Unmasked"}}

in_user_namespace := fixture.pod({"hostUsers": false, "containers": [unmasked]})

test_an_unmasked_proc_in_a_user_namespace_is_warned_of_with_a_patch if {
	violations := policy.warn with input as in_user_namespace
	violations == {{
		"msg": `container "web" has its /proc without masks: procMount is Unmasked`,
		"path": "/spec/containers/0/securityContext/procMount",
		"details": {"container": "web"},
		"remedy": {
			"text": "remove procMount",
			"patch": [{"op": "remove", "path": "/spec/containers/0/securityContext/procMount"}],
		},
	}}
}

test_without_a_user_namespace_it_is_the_other_policys_matter[name] if {
	some name, host_users in {"true": true, "null": null}
	violations := policy.warn with input as fixture.pod({"hostUsers": host_users, "containers": [unmasked]})
	violations == set()
}

test_this_is_allowed[name] if {
	some name, security_context in {"the default": {"procMount": "Default"}, "null": {"procMount": null}, "none": {}}
	violations := policy.warn with input as fixture.pod({
		"hostUsers": false,
		"containers": [{"name": "web", "securityContext": security_context}],
	})
	violations == set()
}

test_before_1_35_it_is_the_other_policys_matter if {
	before := policy.deny with input as fixture.in_namespace(in_user_namespace, {"enforce": "restricted", "enforce-version": "v1.34"})
	since := policy.deny with input as fixture.in_namespace(in_user_namespace, {"enforce": "restricted", "enforce-version": "v1.35"})
	before == set()
	count(since) == 1
}

test_every_list_of_containers_is_looked_at if {
	violations := policy.warn with input as fixture.pod({
		"hostUsers": false,
		"initContainers": [unmasked],
		"ephemeralContainers": [unmasked],
	})
	fixture.paths(violations) == {
		"/spec/initContainers/0/securityContext/procMount",
		"/spec/ephemeralContainers/0/securityContext/procMount",
	}
}

test_the_restricted_level_denies_it_and_the_baseline_level_does_not if {
	bad := in_user_namespace
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "restricted"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "baseline", "warn": "baseline"})
	allowed | silent == set()
}
