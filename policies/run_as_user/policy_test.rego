package lockkeeper.run_as_user_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.run_as_user as policy

root := {"runAsUser": 0}

test_root_is_warned_of if {
	violations := policy.warn with input as fixture.container({"securityContext": root})
	violations == {{
		"msg": `container "web" runs as root: runAsUser is 0`,
		"path": "/spec/containers/0/securityContext/runAsUser",
		"details": {"container": "web"},
		"remedy": {"text": "name a user other than 0 that may read the image's files, or set hostUsers to false"},
	}}
}

test_the_pod_and_every_list_of_containers_is_looked_at if {
	violations := policy.warn with input as fixture.pod({
		"securityContext": root,
		"containers": [{"name": "web", "securityContext": {"runAsUser": 1000}}],
		"initContainers": [{"name": "i", "securityContext": root}],
		"ephemeralContainers": [{"name": "e", "securityContext": root}],
	})
	fixture.paths(violations) == {
		"/spec/securityContext/runAsUser",
		"/spec/initContainers/0/securityContext/runAsUser",
		"/spec/ephemeralContainers/0/securityContext/runAsUser",
	}
}

test_this_is_allowed[name] if {
	some name, security_context in {
		"another user": {"runAsUser": 65534},
		"null": {"runAsUser": null},
		"nothing": {},
		"no securityContext": null,
		"a string, which the API server refuses": {"runAsUser": "0"},
		"the group of root": {"runAsGroup": 0},
	}
	violations := policy.warn with input as fixture.pod({
		"securityContext": security_context,
		"containers": [{"name": "web", "securityContext": security_context}],
	})
	violations == set()
}

test_root_in_a_user_namespace_is_allowed if {
	violations := policy.warn with input as fixture.pod({
		"hostUsers": false,
		"securityContext": root,
		"containers": [{"name": "web", "securityContext": root}],
	})
	violations == set()
}

test_versions_differ[version] if {
	some version, [plain, in_user_namespace] in {"v1.22": [0, 0], "v1.23": [2, 2], "v1.34": [2, 2], "v1.35": [2, 0]}
	spec := {"securityContext": root, "containers": [{"name": "web", "securityContext": root}]}
	modes := {"enforce": "restricted", "enforce-version": version}
	of_plain := policy.deny with input as fixture.in_namespace(fixture.pod(spec), modes)
	of_other := policy.deny with input as fixture.in_namespace(fixture.pod(object.union(spec, {"hostUsers": false})), modes)
	[count(of_plain), count(of_other)] == [plain, in_user_namespace]
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.warn with input as fixture.cron_job({"securityContext": root})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/securityContext/runAsUser"}
}

test_the_restricted_level_denies_it_and_the_baseline_level_does_not if {
	bad := fixture.container({"securityContext": root})
	denied := policy.deny with input as fixture.in_namespace(bad, {"enforce": "restricted"})
	warned := policy.warn with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	count(denied) > 0
	warned == denied
	allowed := policy.deny with input as fixture.in_namespace(bad, {"enforce": "baseline"})
	silent := policy.warn with input as fixture.in_namespace(bad, {"enforce": "baseline", "warn": "baseline"})
	allowed | silent == set()
}
