package lockkeeper.privilege_escalation_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.privilege_escalation as policy

test_a_container_that_says_nothing_is_warned_of_with_a_patch if {
	violations := policy.warn with input as fixture.container({})
	violations == {{
		"msg": `container "web" can gain rights that it was not started with: allowPrivilegeEscalation is not false`,
		"path": "/spec/containers/0/securityContext/allowPrivilegeEscalation",
		"details": {"container": "web"},
		"remedy": {
			"text": "set allowPrivilegeEscalation to false",
			"patch": [{
				"op": "add",
				"path": "/spec/containers/0/securityContext",
				"value": {"allowPrivilegeEscalation": false},
			}],
		},
	}}
}

test_this_is_warned_of[name] if {
	some name, security_context in {
		"true": {"allowPrivilegeEscalation": true},
		"null": {"allowPrivilegeEscalation": null},
		"absent": {"runAsNonRoot": true},
	}
	violations := policy.warn with input as fixture.container({"securityContext": security_context})
	patches := {violation.remedy.patch[0].path | some violation in violations}
	patches == {"/spec/containers/0/securityContext/allowPrivilegeEscalation"}
}

test_false_is_allowed if {
	violations := policy.warn with input as fixture.container({"securityContext": {"allowPrivilegeEscalation": false}})
	violations == set()
}

# The API server refuses allowPrivilegeEscalation false beside these.
test_no_patch_is_offered_where_it_would_not_do[name] if {
	some name, security_context in {
		"a privileged container": {"privileged": true},
		"SYS_ADMIN": {"capabilities": {"add": ["KILL", "SYS_ADMIN"]}},
		"CAP_SYS_ADMIN": {"capabilities": {"add": ["CAP_SYS_ADMIN"]}},
	}
	violations := policy.warn with input as fixture.container({"securityContext": security_context})
	remedies := {violation.remedy | some violation in violations}
	remedies == {{"text": "take privileged and SYS_ADMIN away, then set allowPrivilegeEscalation to false"}}
}

test_every_list_of_containers_is_looked_at if {
	violations := policy.warn with input as fixture.pod({
		"initContainers": [{"name": "i"}],
		"ephemeralContainers": [{"name": "e"}],
	})
	fixture.paths(violations) == {
		"/spec/initContainers/0/securityContext/allowPrivilegeEscalation",
		"/spec/ephemeralContainers/0/securityContext/allowPrivilegeEscalation",
	}
}

test_versions_differ[version] if {
	some version, [linux, windows] in {"v1.7": [0, 0], "v1.8": [1, 1], "v1.24": [1, 1], "v1.25": [1, 0]}
	modes := {"enforce": "restricted", "enforce-version": version}
	of_linux := policy.deny with input as fixture.in_namespace(fixture.container({}), modes)
	of_windows := policy.deny with input as fixture.in_namespace(
		fixture.pod({"os": {"name": "windows"}, "containers": [{"name": "web"}]}),
		modes,
	)
	[count(of_linux), count(of_windows)] == [linux, windows]
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.warn with input as fixture.cron_job({"containers": [{"name": "report"}]})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/containers/0/securityContext/allowPrivilegeEscalation"}
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
