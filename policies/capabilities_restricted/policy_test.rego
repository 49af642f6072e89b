package lockkeeper.capabilities_restricted_test

import data.lockkeeper.capabilities_restricted as policy
import data.lockkeeper.lib.fixture

having(capabilities) := fixture.container({"securityContext": {"capabilities": capabilities}})

test_a_container_that_drops_nothing_is_warned_of_with_a_patch if {
	violations := policy.warn with input as fixture.container({})
	violations == {{
		"msg": `container "web" keeps capabilities that the container runtime gives: it does not drop ALL`,
		"path": "/spec/containers/0/securityContext/capabilities/drop",
		"details": {"container": "web"},
		"remedy": {
			"text": "set capabilities.drop to [ALL], and add NET_BIND_SERVICE if it listens on a port below 1024",
			"patch": [{
				"op": "add",
				"path": "/spec/containers/0/securityContext",
				"value": {"capabilities": {"drop": ["ALL"]}},
			}],
		},
	}}
}

test_this_does_not_drop_all[name] if {
	some name, capabilities in {
		"one is dropped": {"drop": ["NET_RAW"]},
		"in lower case": {"drop": ["all"]},
		"with the prefix of the kernel": {"drop": ["CAP_ALL"]},
		"an empty list": {"drop": []},
		"null": {"drop": null},
		"nothing": {},
	}
	violations := policy.warn with input as having(capabilities)
	fixture.paths(violations) == {"/spec/containers/0/securityContext/capabilities/drop"}
}

test_what_the_baseline_allows_is_warned_of_with_a_patch if {
	violations := policy.warn with input as having({"drop": ["ALL"], "add": ["NET_BIND_SERVICE", "CHOWN"]})
	violations == {{
		"msg": `container "web" adds the capability CHOWN`,
		"path": "/spec/containers/0/securityContext/capabilities/add/1",
		"details": {"container": "web", "capability": "CHOWN"},
		"remedy": {
			"text": "remove CHOWN from capabilities.add",
			"patch": [{"op": "remove", "path": "/spec/containers/0/securityContext/capabilities/add/1"}],
		},
	}}
}

test_this_is_allowed[name] if {
	some name, capabilities in {
		"ALL is dropped": {"drop": ["ALL"]},
		"ALL among others": {"drop": ["NET_RAW", "ALL"]},
		"NET_BIND_SERVICE is added": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
		"one beyond the baseline is the other policy's matter": {"drop": ["ALL"], "add": ["SYS_ADMIN"]},
		"add is null": {"drop": ["ALL"], "add": null},
	}
	violations := policy.warn with input as having(capabilities)
	violations == set()
}

test_parameters_allow_more if {
	violations := policy.warn with input as fixture.with_parameters(
		having({"drop": ["ALL"], "add": ["CHOWN", "SETUID"]}),
		{"allowed": ["CHOWN"]},
	)
	fixture.paths(violations) == {"/spec/containers/0/securityContext/capabilities/add/1"}
}

test_versions_differ[version] if {
	some version, [linux, windows] in {"v1.21": [0, 0], "v1.22": [2, 2], "v1.24": [2, 2], "v1.25": [2, 0]}
	container := {"name": "web", "securityContext": {"capabilities": {"add": ["CHOWN"]}}}
	modes := {"enforce": "restricted", "enforce-version": version}
	of_linux := policy.deny with input as fixture.in_namespace(fixture.pod({"containers": [container]}), modes)
	of_windows := policy.deny with input as fixture.in_namespace(
		fixture.pod({"os": {"name": "windows"}, "containers": [container]}),
		modes,
	)
	[count(of_linux), count(of_windows)] == [linux, windows]
}

test_every_list_of_containers_is_looked_at if {
	violations := policy.warn with input as fixture.pod({
		"initContainers": [{"name": "i"}],
		"ephemeralContainers": [{"name": "e"}],
	})
	fixture.paths(violations) == {
		"/spec/initContainers/0/securityContext/capabilities/drop",
		"/spec/ephemeralContainers/0/securityContext/capabilities/drop",
	}
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
