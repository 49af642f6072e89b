package lockkeeper.seccomp_profile_restricted_test

import data.lockkeeper.lib.fixture
import data.lockkeeper.seccomp_profile_restricted as policy

profile := {"seccompProfile": {"type": "RuntimeDefault"}}

test_a_pod_without_a_profile_is_warned_of_with_a_patch if {
	violations := policy.warn with input as fixture.pod({
		"containers": [{"name": "web"}, {"name": "log", "securityContext": profile}],
		"initContainers": [{"name": "migrate", "securityContext": {"seccompProfile": null}}],
	})
	violations == {{
		"msg": "no seccomp profile is named for web, migrate",
		"path": "/spec/securityContext/seccompProfile",
		"details": {"containers": ["web", "migrate"]},
		"remedy": {
			"text": "set securityContext.seccompProfile of the pod to RuntimeDefault",
			"patch": [{
				"op": "add",
				"path": "/spec/securityContext",
				"value": {"seccompProfile": {"type": "RuntimeDefault"}},
			}],
		},
	}}
}

test_the_patch_keeps_what_the_pod_has if {
	violations := policy.warn with input as fixture.pod({"securityContext": {"fsGroup": 1}, "containers": [{"name": "web"}]})
	patches := {violation.remedy.patch[0].path | some violation in violations}
	patches == {"/spec/securityContext/seccompProfile"}
}

test_this_is_allowed[name] if {
	some name, spec in {
		"the pod has one": {"securityContext": profile, "containers": [{"name": "web"}]},
		"all containers have one": {"containers": [{"name": "web", "securityContext": profile}]},
		"no containers": {"containers": []},
		"a wrong one, which is the other policy's matter": {
			"securityContext": {"seccompProfile": {"type": "Unconfined"}},
			"containers": [{"name": "web"}],
		},
		"Windows": {"os": {"name": "windows"}, "containers": [{"name": "web"}]},
	}
	violations := policy.warn with input as fixture.pod(spec)
	violations == set()
}

test_versions_differ[version] if {
	some version, [linux, windows] in {"v1.18": [0, 0], "v1.19": [1, 1], "v1.24": [1, 1], "v1.25": [1, 0]}
	modes := {"enforce": "restricted", "enforce-version": version}
	of_linux := policy.deny with input as fixture.in_namespace(fixture.container({}), modes)
	of_windows := policy.deny with input as fixture.in_namespace(
		fixture.pod({"os": {"name": "windows"}, "containers": [{"name": "web"}]}),
		modes,
	)
	[count(of_linux), count(of_windows)] == [linux, windows]
}

test_ephemeral_containers_are_looked_at if {
	violations := policy.warn with input as fixture.pod({
		"containers": [{"name": "web", "securityContext": profile}],
		"ephemeralContainers": [{"name": "debugger"}],
	})
	fixture.messages(violations) == {"no seccomp profile is named for debugger"}
}

test_the_pod_of_a_cron_job_is_looked_at if {
	violations := policy.warn with input as fixture.cron_job({"containers": [{"name": "report"}]})
	fixture.paths(violations) == {"/spec/jobTemplate/spec/template/spec/securityContext/seccompProfile"}
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
